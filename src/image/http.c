#include "image/http.h"
#include "base/dl.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HOPS_MAX = 5, CONNECT_S = 15, STALL_S = 30, STALL_BYTES = 1000, HEADERS_MAX = 65536 };

struct curl_table {
	CURLcode (*global_init)(long);
	CURL *(*init)(void);
	void (*cleanup)(CURL *);
	void (*reset)(CURL *);
	CURLcode (*setopt)(CURL *, CURLoption, ...);
	CURLcode (*perform)(CURL *);
	CURLcode (*getinfo)(CURL *, CURLINFO, ...);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free)(struct curl_slist *);
};

static const struct dl_symbol curl_symbols[] = {
	{"curl_global_init", offsetof(struct curl_table, global_init)},
	{"curl_easy_init", offsetof(struct curl_table, init)},
	{"curl_easy_cleanup", offsetof(struct curl_table, cleanup)},
	{"curl_easy_reset", offsetof(struct curl_table, reset)},
	{"curl_easy_setopt", offsetof(struct curl_table, setopt)},
	{"curl_easy_perform", offsetof(struct curl_table, perform)},
	{"curl_easy_getinfo", offsetof(struct curl_table, getinfo)},
	{"curl_slist_append", offsetof(struct curl_table, slist_append)},
	{"curl_slist_free_all", offsetof(struct curl_table, slist_free)},
	{0},
};

struct http {
	struct curl_table lib;
	CURL *curl;
	struct http_options o;
};

/* One request under way. */
struct transfer {
	struct http *h;
	struct arena *a;
	const struct http_request *rq;
	struct http_response *out;
	struct err *e;
	struct buf text;
	size_t header_bytes;
	int64_t skip; /* bytes to drop: the server ignored our range */
	int sink_error;
	char curl_says[CURL_ERROR_SIZE];
};

int http_new(const struct http_options *o, struct http **out, struct err *e)
{
	struct http *h = mem_new(sizeof(*h));

	h->o = *o;
	if (dl_load("libcurl.so.4", curl_symbols, &h->lib, e) < 0) {
		free(h);
		return -ENOENT;
	}
	h->lib.global_init(CURL_GLOBAL_DEFAULT);
	h->curl = h->lib.init();
	if (!h->curl)
		abort();
	*out = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	h->lib.cleanup(h->curl);
	free(h);
}

int http_split(struct arena *a, const char *url, const char **scheme, const char **host,
	       const char **rest)
{
	struct span s = span_of(url), head;

	if (text_starts(url, "https://"))
		*scheme = "https";
	else if (text_starts(url, "http://"))
		*scheme = "http";
	else
		return -EINVAL;
	s.p += strlen(*scheme) + 3;
	s.n -= strlen(*scheme) + 3;
	head = (struct span){s.p, strcspn(s.p, "/?#")};
	if (!head.n || memchr(head.p, '@', head.n))
		return -EINVAL;
	*host = span_dup(a, head);
	*rest = arena_printf(a, "%s", s.p + head.n);
	return 0;
}

bool http_host_is_loopback(const char *host)
{
	struct span h = {host, strcspn(host, ":")};

	if (*host == '[')
		return text_starts(host, "[::1]");
	return span_is(h, "localhost") ||
	       (text_starts(host, "127.") && h.n <= 15 && strspn(host, "0123456789.") == h.n);
}

static struct span header_value(const char *p, size_t n, const char *name)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(p, name, len) || p[len] != ':')
		return (struct span){0};
	p += len + 1;
	n -= len + 1;
	while (n && (p[n - 1] == '\r' || p[n - 1] == '\n'))
		n--;
	return span_trim((struct span){p, n});
}

static void keep(struct transfer *t, const char *p, size_t n, const char *name, const char **to)
{
	struct span v = header_value(p, n, name);

	if (v.p)
		*to = span_dup(t->a, v);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct http_response *out = t->out;
	const char *retry = NULL, *range = NULL;
	uint64_t from;
	int64_t received = out->received;

	n *= size;
	t->header_bytes += n;
	if (t->header_bytes > HEADERS_MAX)
		return 0;
	if (n > 9 && !strncasecmp(p, "HTTP/", 5)) { /* a new answer: 100, a proxy's, the real one */
		*out = (struct http_response){.retry_after_s = -1, .received = received};
		p = memchr(p, ' ', n);
		out->status = p ? atoi(p) : 0;
		return n;
	}
	keep(t, p, n, "Content-Type", &out->media_type);
	keep(t, p, n, "Docker-Content-Digest", &out->digest);
	keep(t, p, n, "Location", &out->location);
	keep(t, p, n, "Last-Modified", &out->modified);
	/* Several challenges: the one that carries tokens is the one that registries mean. */
	if (!out->challenge || strncasecmp(out->challenge, "Bearer", 6))
		keep(t, p, n, "WWW-Authenticate", &out->challenge);
	keep(t, p, n, "Retry-After", &retry);
	keep(t, p, n, "Content-Range", &range);
	if (retry && !text_to_u64(retry, &from) && from < 86400)
		out->retry_after_s = (int)from;
	if (range && text_starts(range, "bytes ")) {
		char *first = arena_printf(t->a, "%.*s", (int)strcspn(range + 6, "-"), range + 6);

		out->partial = out->status == 206 && !text_to_u64(first, &from) &&
			       (int64_t)from == t->rq->from;
	}
	return n;
}

static size_t to_text(struct transfer *t, const char *p, size_t n)
{
	size_t limit = t->out->status / 100 != 2 ? 65536
		       : t->rq->text_limit       ? t->rq->text_limit
						 : 65536;

	if (t->text.n + n > limit) {
		if (t->out->status / 100 != 2)
			return n; /* the beginning of a complaint is enough */
		t->sink_error = err_set(t->e, EFBIG, "the answer is larger than %zu bytes", limit);
		return 0;
	}
	buf_add(&t->text, p, n);
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t whole = n * size, drop;

	n = whole;
	if (t->out->status / 100 != 2 || !t->rq->body)
		return to_text(t, p, n);
	if (t->rq->from && !t->out->partial && !t->out->received && t->skip < 0)
		t->skip = t->rq->from;
	if (t->skip > 0) {
		drop = (int64_t)n < t->skip ? n : (size_t)t->skip;
		t->skip -= (int64_t)drop;
		p += drop;
		n -= drop;
	}
	if (!n)
		return whole;
	t->sink_error = sink_write(t->rq->body, p, n, t->e);
	if (t->sink_error)
		return 0;
	t->out->received += (int64_t)n;
	return whole;
}

static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	ssize_t got = read(t->rq->upload_fd, p, n * size);

	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
		       curl_off_t up)
{
	struct transfer *t = arg;

	return t->rq->progress ? t->rq->progress(t->rq->progress_arg, t->out->received, up) : 0;
}

#define SET(option, value) h->lib.setopt(h->curl, option, value)

static void set_upload(struct transfer *t)
{
	struct http *h = t->h;
	const struct http_request *rq = t->rq;

	if (rq->post.p) {
		SET(CURLOPT_POSTFIELDSIZE, (long)rq->post.n);
		SET(CURLOPT_COPYPOSTFIELDS, rq->post.p);
	} else if (rq->upload) {
		lseek(rq->upload_fd, 0, SEEK_SET); /* a try before may have read it */
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_READFUNCTION, on_upload);
		SET(CURLOPT_READDATA, t);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)rq->upload_size);
	}
	if (rq->method && !strcmp(rq->method, "HEAD"))
		SET(CURLOPT_NOBODY, 1L);
	else if (rq->method)
		SET(CURLOPT_CUSTOMREQUEST, rq->method);
}

/*
 * The proxies of the environment as Go reads them: curl itself ignores HTTP_PROXY in capitals and
 * sends what is on this machine to a proxy, too. NULL: as curl has it.
 */
static const char *proxy_for(struct transfer *t, const char *url)
{
	const char *scheme, *host, *rest;

	if (http_split(t->a, url, &scheme, &host, &rest) < 0)
		return NULL;
	if (http_host_is_loopback(host))
		return "";
	return !strcmp(scheme, "http") && !getenv("http_proxy") ? getenv("HTTP_PROXY") : NULL;
}

static void set_common(struct transfer *t, const char *url)
{
	struct http *h = t->h;
	const char *ca = h->o.ca_file ? h->o.ca_file : getenv("SSL_CERT_FILE");

	SET(CURLOPT_URL, url);
	if (proxy_for(t, url))
		SET(CURLOPT_PROXY, proxy_for(t, url));
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	SET(CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, (long)(h->o.stall_s ? h->o.stall_s : STALL_S));
	SET(CURLOPT_ERRORBUFFER, t->curl_says);
	SET(CURLOPT_BUFFERSIZE, 256L << 10);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, t);
	SET(CURLOPT_NOPROGRESS, 0L);
	if (h->o.skip_verify) {
		SET(CURLOPT_SSL_VERIFYPEER, 0L);
		SET(CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (ca && *ca) {
		SET(CURLOPT_CAINFO, ca);
	}
}

static struct curl_slist *headers_of(struct transfer *t, bool with_credentials)
{
	const struct http_request *rq = t->rq;
	struct curl_table *lib = &t->h->lib;
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < rq->headers.n; i++)
		list = lib->slist_append(list, rq->headers.v[i]);
	if (rq->authorization && with_credentials)
		list = lib->slist_append(
			list, arena_printf(t->a, "Authorization: %s", rq->authorization));
	if (rq->from)
		list = lib->slist_append(
			list, arena_printf(t->a, "Range: bytes=%lld-", (long long)rq->from));
	return lib->slist_append(list, "Expect:");
}

/* What went wrong below HTTP, and whether trying again makes sense. */
static int explain(struct transfer *t, CURLcode code, const char *host)
{
	const char *says = t->curl_says[0] ? t->curl_says : "the transfer failed";

	if (t->sink_error)
		return t->sink_error;
	if (t->header_bytes > HEADERS_MAX)
		return err_set(t->e, EPROTO, "%s: the answer has more than %d bytes of headers",
			       host, HEADERS_MAX);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return err_set(t->e, EHOSTUNREACH, "%s: %s", host, says);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		err_set(t->e, EPROTO, "%s: %s", host, says);
		return err_hint(t->e, "see SSL_CERT_FILE and registries.conf (ca=, insecure) in "
				      "docs/store.md");
	case CURLE_COULDNT_CONNECT:
		return err_set(t->e, ECONNREFUSED, "%s: %s", host, says);
	case CURLE_ABORTED_BY_CALLBACK:
		return err_set(t->e, ECANCELED, "%s: given up", host);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(t->e, EAGAIN, "%s: no progress: %s", host, says);
	default:
		return err_set(t->e, EAGAIN, "%s: %s", host, says);
	}
}

static int once(struct transfer *t, const char *url, const char *host, bool with_credentials)
{
	struct http *h = t->h;
	struct curl_slist *list;
	CURLcode code;

	h->lib.reset(h->curl);
	t->out->status = 0;
	t->text.n = 0;
	t->header_bytes = 0;
	t->skip = -1;
	t->curl_says[0] = '\0';
	set_common(t, url);
	set_upload(t);
	list = headers_of(t, with_credentials);
	SET(CURLOPT_HTTPHEADER, list);
	code = h->lib.perform(h->curl);
	h->lib.slist_free(list);
	return code == CURLE_OK ? 0 : explain(t, code, host);
}

static int refuse(struct transfer *t, const char *to, const char *why)
{
	auto_buf shown = {0};

	buf_terminal(&shown, to, strnlen(to, 100));
	return err_set(t->e, EPERM, "the registry redirects to %s: %s", shown.p, why);
}

static int resolve(struct transfer *t, const char *base, const char **url)
{
	const char *scheme, *host, *rest, *to = t->out->location;

	if (http_split(t->a, base, &scheme, &host, &rest) < 0)
		return err_set(t->e, EINVAL, "not a URL: %.200s", base);
	if (text_starts(to, "//"))
		*url = arena_printf(t->a, "%s:%s", scheme, to);
	else if (*to == '/')
		*url = arena_printf(t->a, "%s://%s%s", scheme, host, to);
	else
		*url = to;
	return 0;
}

/* The next hop's URL, checked against where we came from. */
static int follow(struct transfer *t, const char *from, const char **url, const char **host)
{
	const char *scheme, *old_host, *rest, *new_scheme;
	int r = resolve(t, from, url);

	if (r < 0)
		return r;
	if (http_split(t->a, from, &scheme, &old_host, &rest) < 0 ||
	    http_split(t->a, *url, &new_scheme, host, &rest) < 0)
		return refuse(t, *url, "only http and https are followed");
	if (!strcmp(scheme, "https") && strcmp(new_scheme, "https"))
		return refuse(t, *url, "from https to http");
	if (http_host_is_loopback(*host) && !http_host_is_loopback(old_host))
		return refuse(t, *url, "a loopback address");
	return 0;
}

static bool is_redirect(const struct http_response *r)
{
	return (r->status == 301 || r->status == 302 || r->status == 303 || r->status == 307 ||
		r->status == 308) &&
	       r->location;
}

int http_send(struct http *h, struct arena *a, const struct http_request *rq,
	      struct http_response *out, struct err *e)
{
	struct transfer t = {.h = h, .a = a, .rq = rq, .out = out, .e = e};
	const char *url = rq->url, *scheme, *first, *host, *rest;
	int r, hops;

	*out = (struct http_response){.retry_after_s = -1};
	if (http_split(a, url, &scheme, &first, &rest) < 0)
		return err_set(e, EINVAL, "not a http or https URL: %.200s", url);
	host = first;
	for (hops = 0; hops <= HOPS_MAX; hops++) {
		r = once(&t, url, host, !strcmp(host, first));
		/* An upload's target is told by Location too, but with 201 or 202. */
		if (r < 0 || !is_redirect(out) || rq->upload)
			break;
		r = follow(&t, url, &url, &host);
		if (r < 0)
			break;
	}
	if (!r && hops > HOPS_MAX)
		r = err_set(e, ELOOP, "%s: more than %d redirects", first, HOPS_MAX);
	out->from_elsewhere = strcmp(host, first) != 0;
	out->text.n = t.text.n;
	out->text.p = buf_take(a, &t.text);
	return r;
}

int http_get_file(struct arena *a, const char *url, int fd, int64_t limit,
		  struct http_response *out, struct err *e)
{
	struct http_options options = {0};
	struct limit_sink limited;
	struct http *h = NULL;
	struct fd_sink sink;
	int r = http_new(&options, &h, e);

	fd_sink_init(&sink, fd);
	for (int tries = 0; r == 0; tries++) {
		struct http_request rq = {.url = url, .body = &limited.sink};

		limit_sink_init(&limited, &sink.sink, limit, "the download");
		r = http_send(h, a, &rq, out, e);
		if (r != -EAGAIN || tries == 3)
			break;
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			break;
		r = 0;
	}
	http_free(h);
	if (r == 0 && (out->status < 200 || out->status > 299))
		r = err_set(e, EIO, "the server answered %d", out->status);
	return r < 0 ? err_wrap(e, "get %s", url) : 0;
}
