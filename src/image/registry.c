#include "image/registry.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/when.h"
#include "image/manifest.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	TRIES = 3,
	RETRY_AFTER_MAX_S = 60,
	TOKEN_LIMIT = 1 << 20,
	TAGS_PAGE = 1000,
	TAGS_MAX = 100000
};

static const struct registry_host *host_of(const struct registry *r)
{
	return &r->hosts.v[r->host];
}

int registry_reopen(struct registry *r, struct err *e)
{
	const struct registry_host *h = host_of(r);
	const struct http_options o = {
		.skip_verify = h->insecure, .ca_file = h->ca_file, .stall_s = h->stall_s};

	/* After a fork the parent's handle, with its connections, is not ours to close. */
	r->http = NULL;
	return http_new(&o, &r->http, e);
}

void registry_close(struct registry *r)
{
	http_free(r->http);
	r->http = NULL;
}

int registry_use_origin(struct registry *r, struct err *e)
{
	if (r->host + 1 == r->hosts.n)
		return 0;
	registry_close(r);
	r->host = r->hosts.n - 1;
	r->authorization = NULL;
	return registry_reopen(r, e);
}

void registry_wait(struct registry *r, int n, int wait_s, const struct err *why)
{
	int64_t ms = wait_s >= 0 ? wait_s * INT64_C(1000) : INT64_C(250) << n;
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	if (r->retrying)
		r->retrying(r->arg, why->why, (int)(ms / 1000));
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* The value of key= in a challenge: key="a,b", key=token. */
static char *parameter(struct arena *a, const char *challenge, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = challenge; *p;) {
		const char *from, *end;
		bool match;

		while (*p == ' ' || *p == ',')
			p++;
		match = !strncasecmp(p, key, n) && p[n] == '=';
		p += strcspn(p, "= ,");
		if (*p != '=') {
			p += *p != '\0';
			continue;
		}
		from = *++p == '"' ? ++p : p;
		end = from > challenge && from[-1] == '"' ? strchrnul(from, '"')
							  : from + strcspn(from, ", ");
		if (match)
			return arena_strndup(a, from, (size_t)(end - from));
		p = end + (*end == '"');
	}
	return NULL;
}

static void escape(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~/:", *s))
			buf_char(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

static int need_credentials(struct registry *r, struct err *e)
{
	int err;

	/* A mirror is another house: what the user gave for the origin does not go there. */
	if (r->credentials_known || host_of(r)->is_mirror)
		return 0;
	err = auth_find(r->a, r->domain, &r->credentials, e);
	r->credentials_known = !err;
	return err;
}

static int check_realm(struct registry *r, const char *realm, struct err *e)
{
	const char *scheme, *host, *rest;

	if (!realm || http_split(r->a, realm, &scheme, &host, &rest) < 0)
		return err_set(e, EPROTO, "%s asks for a token without saying where", r->domain);
	if (strcmp(scheme, "https") && !host_of(r)->insecure)
		return err_set(e, EPROTO, "%s asks for a token over plain http", r->domain);
	if (http_host_is_loopback(host) && !host_of(r)->insecure)
		return err_set(e, EPROTO, "%s asks for a token at a loopback address", r->domain);
	return 0;
}

static int read_token(struct registry *r, const struct http_response *answer, struct err *e)
{
	auto_json *j = NULL;
	const char *token;

	if (answer->status != 200) {
		err_set(e, EACCES, "%s refuses the credentials (status %d)", r->domain,
			answer->status);
		return err_hint(e, "berth login %s", r->domain);
	}
	if (json_read(answer->text.p, answer->text.n, &j, e) < 0)
		return err_wrap(e, "read the token of %s", r->domain);
	token = json_string_or(j, "token", NULL);
	if (!token)
		token = json_string_or(j, "access_token", NULL);
	if (!token || !*token || strpbrk(token, "\r\n"))
		return err_set(e, EPROTO, "%s gave no token", r->domain);
	r->authorization = arena_printf(r->a, "Bearer %s", token);
	return 0;
}

/* Several, apart by blanks, are asked for one by one. */
static void add_scopes(struct buf *url, const char *scopes)
{
	struct span rest = span_of(scopes ? scopes : ""), one;
	bool more = rest.n > 0;

	while (more) {
		more = span_cut(&rest, ' ', &one);
		auto_free char *text = mem_textn(one.p, one.n);

		buf_str(url, "&scope=");
		escape(url, text);
	}
}

static int fetch_token(struct registry *r, const char *challenge, const char *want_scope,
		       struct err *e)
{
	const char *realm = parameter(r->a, challenge, "realm");
	const char *service = parameter(r->a, challenge, "service");
	const char *scope = parameter(r->a, challenge, "scope");
	struct http_request rq = {.text_limit = TOKEN_LIMIT};
	struct http_response answer;
	auto_buf url = {0};
	int err = check_realm(r, realm, e);

	if (err < 0)
		return err;
	if (!scope)
		scope = want_scope;
	if (r->credentials.identity_token) {
		buf_str(&url, "grant_type=refresh_token&client_id=berth&service=");
		escape(&url, service ? service : "");
		buf_str(&url, "&scope=");
		escape(&url, scope ? scope : "");
		buf_str(&url, "&refresh_token=");
		escape(&url, r->credentials.identity_token);
		rq.post = (struct span){url.p, url.n};
		rq.url = realm;
	} else {
		buf_printf(&url, "%s%sservice=", realm, strchr(realm, '?') ? "&" : "?");
		escape(&url, service ? service : "");
		add_scopes(&url, scope);
		rq.url = url.p;
		if (r->credentials.user)
			rq.authorization = auth_basic(r->a, &r->credentials);
	}
	err = http_send(r->http, r->a, &rq, &answer, e);
	return err < 0 ? err_wrap(e, "get a token for %s", r->domain) : read_token(r, &answer, e);
}

static int answer_challenge(struct registry *r, const struct http_response *answer,
			    const char *scope, struct err *e)
{
	int err = need_credentials(r, e);

	if (err < 0)
		return err;
	if (answer->challenge && !strncasecmp(answer->challenge, "Bearer ", 7))
		return fetch_token(r, answer->challenge + 7, scope, e);
	if (answer->challenge && !strncasecmp(answer->challenge, "Basic", 5) &&
	    r->credentials.user) {
		r->authorization = auth_basic(r->a, &r->credentials);
		return 0;
	}
	err_set(e, EACCES, "%s wants to know who you are", r->domain);
	return err_hint(e, "berth login %s", r->domain);
}

/* What the registry says about its refusal, without control characters. */
static int refused(struct registry *r, const struct http_response *answer, struct err *e)
{
	auto_json *j = NULL;
	auto_buf says = {0};
	struct err ignored;
	const char *message = NULL;
	int code = answer->status == 404                            ? ENOENT
		   : answer->status == 401 || answer->status == 403 ? EACCES
								    : EIO;

	if (!json_read(answer->text.p, answer->text.n, &j, &ignored))
		message = json_string_or(json_array_get(json_object_get(j, "errors"), 0), "message",
					 NULL);
	if (message)
		buf_terminal(&says, message, strnlen(message, 200));
	err_set(e, code, "%s answers %d%s%s", r->domain, answer->status, message ? ": " : "",
		message ? says.p : "");
	if (code == EACCES)
		return err_hint(e, "berth login %s", r->domain);
	return -code;
}

static bool may_pass(int status)
{
	return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/*
 * One request with one answer to a challenge. Where the registry is busy: -EAGAIN, and
 * answer->retry_after_s as it said, capped.
 */
static int ask(struct registry *r, struct http_request *rq, const char *scope,
	       struct http_response *answer, struct err *e)
{
	int err;

	for (int challenged = 0;; challenged = 1) {
		rq->authorization = r->authorization;
		err = http_send(r->http, r->a, rq, answer, e);
		if (err < 0 || answer->status != 401 || challenged || answer->from_elsewhere)
			break;
		err = answer_challenge(r, answer, scope, e);
		if (err < 0)
			return err;
	}
	if (answer->retry_after_s > RETRY_AFTER_MAX_S)
		answer->retry_after_s = RETRY_AFTER_MAX_S;
	if (!err && may_pass(answer->status)) {
		refused(r, answer, e);
		e->code = EAGAIN;
		return -EAGAIN;
	}
	return err;
}

static int ask_again(struct registry *r, struct http_request *rq, const char *scope,
		     struct http_response *answer, struct err *e)
{
	int err = 0;

	for (int n = 0; n < TRIES; n++) {
		err = ask(r, rq, scope, answer, e);
		if (err != -EAGAIN || n == TRIES - 1)
			break;
		registry_wait(r, n, answer->retry_after_s, e);
	}
	if (err == -EAGAIN)
		e->code = EIO;
	return err == -EAGAIN ? -EIO : err;
}

static char *scope_of(struct registry *r, const char *path, const char *actions)
{
	return arena_printf(r->a, "repository:%s:%s", path, actions);
}

static int check_manifest(const char *what, const struct http_response *answer,
			  struct registry_manifest *out, struct err *e)
{
	memcpy(out->digest, "sha256:", 7);
	hash_sha256(answer->text.p, answer->text.n, out->digest + 7);
	if (text_starts(what, "sha256:") && strcmp(what, out->digest))
		return err_set(e, EBADMSG, "the manifest has digest %.19s..., not %.19s...",
			       out->digest, what);
	if (answer->digest && strcmp(answer->digest, out->digest))
		return err_set(e, EBADMSG,
			       "the registry says the manifest is %.80s, it is %.19s...",
			       answer->digest, out->digest);
	out->text = answer->text;
	out->media_type = answer->media_type;
	return 0;
}

static char *media_type_alone(struct arena *a, const char *s)
{
	return s ? arena_printf(a, "%.*s", (int)strcspn(s, "; "), s) : NULL;
}

static int manifest_from(struct registry *r, const char *path, const char *what,
			 struct registry_manifest *out, struct err *e)
{
	static const char *const accept[] = {
		"Accept: " MEDIA_OCI_INDEX, "Accept: " MEDIA_DOCKER_LIST,
		"Accept: " MEDIA_OCI_MANIFEST, "Accept: " MEDIA_DOCKER_MANIFEST};
	struct http_request rq = {.text_limit = MANIFEST_LIMIT};
	struct http_response answer;
	int err;

	rq.url = arena_printf(r->a, "%s/v2/%s/manifests/%s", host_of(r)->base, path, what);
	for (size_t i = 0; i < countof(accept); i++)
		*vec_push(r->a, &rq.headers) = accept[i];
	err = ask_again(r, &rq, scope_of(r, path, "pull"), &answer, e);
	if (err < 0)
		return err;
	if (answer.status != 200)
		return refused(r, &answer, e);
	answer.media_type = media_type_alone(r->a, answer.media_type);
	return check_manifest(what, &answer, out, e);
}

int registry_manifest(struct registry *r, const char *path, const char *what,
		      struct registry_manifest *out, struct err *e)
{
	int err;

	for (;;) {
		err = manifest_from(r, path, what, out, e);
		if (!err || r->host + 1 >= r->hosts.n)
			return err;
		/* The mirror does not have it, or is down: the next one. */
		registry_close(r);
		r->host++;
		r->authorization = NULL;
		err = registry_reopen(r, e);
		if (err < 0)
			return err;
	}
}

/* 1: a page that may have a successor. Tags are names of strangers: only what is one is taken. */
static int read_tags(struct registry *r, const char *path, struct span text, struct strings *out,
		     struct err *e)
{
	auto_json *j = NULL;
	size_t before = out->n, i;
	json_t *tag;
	struct ref ref;
	int err = json_read(text.p, text.n, &j, e);

	if (err < 0)
		return err;
	json_array_foreach(json_object_get(j, "tags"), i, tag)
	{
		const char *name = json_string_value(tag);

		if (!name || strings_have(out, name))
			continue;
		if (ref_parse(r->a, arena_printf(r->a, "%s/%s:%s", r->domain, path, name), &ref,
			      e) < 0 ||
		    ref.digest)
			return err_set(e, EINVAL, "%s names a tag that is none", r->domain);
		*vec_push(r->a, out) = arena_printf(r->a, "%s", name);
	}
	if (out->n > TAGS_MAX)
		return err_set(e, EFBIG, "%s/%s has more than %d tags", r->domain, path, TAGS_MAX);
	return out->n - before >= TAGS_PAGE;
}

int registry_tags(struct registry *r, const char *path, struct strings *out, struct err *e)
{
	int err = registry_use_origin(r, e), more = 1;

	while (!err && more > 0) {
		struct http_request rq = {.text_limit = MANIFEST_LIMIT};
		struct http_response answer;

		rq.url = arena_printf(r->a, "%s/v2/%s/tags/list?n=%d%s%s", host_of(r)->base, path,
				      TAGS_PAGE, out->n ? "&last=" : "",
				      out->n ? out->v[out->n - 1] : "");
		err = ask_again(r, &rq, scope_of(r, path, "pull"), &answer, e);
		if (!err && answer.status != 200)
			err = refused(r, &answer, e);
		if (!err)
			more = read_tags(r, path, answer.text, out, e);
	}
	if (err < 0 || more < 0)
		return err < 0 ? err : more;
	return out->n ? 0 : err_set(e, ENOENT, "%s/%s has no tags", r->domain, path);
}

int registry_blob(struct registry *r, struct registry_blob *b, struct err *e)
{
	struct http_request rq = {.from = b->from,
				  .body = b->to,
				  .progress = b->progress,
				  .progress_arg = b->progress_arg};
	struct http_response answer = {0};
	int err;

	rq.url = arena_printf(r->a, "%s/v2/%s/blobs/%s", host_of(r)->base, b->path, b->digest);
	err = ask(r, &rq, scope_of(r, b->path, "pull"), &answer, e);
	b->received = answer.received;
	b->wait_s = answer.retry_after_s;
	if (err < 0)
		return err;
	if (answer.status / 100 != 2)
		return refused(r, &answer, e);
	if (b->from + b->received < b->size)
		return err_set(e, EAGAIN, "%s: the transfer broke off after %lld of %lld bytes",
			       r->domain, (long long)(b->from + b->received), (long long)b->size);
	return 0;
}

int registry_has_blob(struct registry *r, const char *path, const char *digest, struct err *e)
{
	struct http_request rq = {.method = "HEAD"};
	struct http_response answer;
	int err;

	rq.url = arena_printf(r->a, "%s/v2/%s/blobs/%s", host_of(r)->base, path, digest);
	err = ask_again(r, &rq, scope_of(r, path, "pull,push"), &answer, e);
	if (err < 0)
		return err;
	if (answer.status == 404)
		return REGISTRY_ABSENT;
	return answer.status == 200 ? 0 : refused(r, &answer, e);
}

/* Where the upload goes: absolute, or on the same host. */
static int upload_url(struct registry *r, const struct http_response *answer, const char *digest,
		      const char **url, struct err *e)
{
	const char *to = answer->location, *scheme, *host, *rest, *our_scheme, *our_host;

	if (!to)
		return err_set(e, EPROTO, "%s does not say where to upload to", r->domain);
	if (*to == '/')
		to = arena_printf(r->a, "%s%s", host_of(r)->base, to);
	if (http_split(r->a, to, &scheme, &host, &rest) < 0 ||
	    http_split(r->a, host_of(r)->base, &our_scheme, &our_host, &rest) < 0 ||
	    strcmp(our_host, host))
		return err_set(e, EPROTO, "%s wants the upload to go to another host", r->domain);
	*url = arena_printf(r->a, "%s%sdigest=%s", to, strchr(to, '?') ? "&" : "?", digest);
	return 0;
}

/* Asks for an upload, or for the blob of another repository: 201 says that it was given. */
static int begin_upload(struct registry *r, const struct registry_blob *b,
			struct http_response *answer, struct err *e)
{
	struct http_request begin = {.method = "POST", .post = {"", 0}};
	const char *scope = scope_of(r, b->path, "pull,push");
	int err;

	begin.url = arena_printf(r->a, "%s/v2/%s/blobs/uploads/", host_of(r)->base, b->path);
	if (b->mount_from) {
		begin.url = arena_printf(r->a, "%s?mount=%s&from=%s", begin.url, b->digest,
					 b->mount_from);
		scope = arena_printf(r->a, "%s %s", scope, scope_of(r, b->mount_from, "pull"));
	}
	err = ask_again(r, &begin, scope, answer, e);
	if (err < 0)
		return err;
	if (answer->status == 201 && b->mount_from)
		return REGISTRY_MOUNTED;
	return answer->status == 202 ? 0 : refused(r, answer, e);
}

int registry_put_blob(struct registry *r, struct registry_blob *b, int fd, struct err *e)
{
	struct http_request put = {.method = "PUT",
				   .upload = true,
				   .upload_fd = fd,
				   .upload_size = b->size,
				   .progress = b->progress,
				   .progress_arg = b->progress_arg};
	struct http_response answer = {.retry_after_s = -1};
	int err;

	b->wait_s = -1;
	err = begin_upload(r, b, &answer, e);
	if (err)
		return err;
	err = upload_url(r, &answer, b->digest, &put.url, e);
	if (err < 0)
		return err;
	*vec_push(r->a, &put.headers) = "Content-Type: application/octet-stream";
	err = ask(r, &put, scope_of(r, b->path, "pull,push"), &answer, e);
	b->wait_s = answer.retry_after_s;
	if (err < 0)
		return err;
	return answer.status == 201 ? 0 : refused(r, &answer, e);
}

int registry_put_manifest(struct registry *r, const char *path, const char *what,
			  const char *media_type, struct span text, struct err *e)
{
	struct http_request rq = {.method = "PUT", .post = text};
	struct http_response answer;
	int err;

	rq.url = arena_printf(r->a, "%s/v2/%s/manifests/%s", host_of(r)->base, path, what);
	*vec_push(r->a, &rq.headers) = arena_printf(r->a, "Content-Type: %s", media_type);
	err = ask_again(r, &rq, scope_of(r, path, "pull,push"), &answer, e);
	if (err < 0)
		return err;
	return answer.status == 201 ? 0 : refused(r, &answer, e);
}

int registry_login(struct registry *r, const struct credentials *c, struct err *e)
{
	struct http_request rq = {.url = arena_printf(r->a, "%s/v2/", host_of(r)->base)};
	struct http_response answer;
	int err;

	r->credentials = *c;
	r->credentials_known = true;
	err = ask_again(r, &rq, NULL, &answer, e);
	if (err < 0)
		return err;
	return answer.status == 200 ? 0 : refused(r, &answer, e);
}
