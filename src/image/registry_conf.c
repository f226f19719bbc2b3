/* registries.conf: "NAME  insecure  ca=FILE  mirror=URL  timeout=SECONDS", one registry a line. */
#include "base/file.h"
#include "base/paths.h"
#include "image/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct host_conf {
	bool insecure;
	const char *ca_file;
	int stall_s;
	struct strings mirrors;
};

static int read_word(struct arena *a, struct span word, struct host_conf *out, struct err *e)
{
	const char *s = span_dup(a, word);
	uint64_t n;

	if (!strcmp(s, "insecure")) {
		out->insecure = true;
	} else if (text_starts(s, "ca=")) {
		out->ca_file = s + 3;
	} else if (text_starts(s, "mirror=http://") || text_starts(s, "mirror=https://")) {
		*vec_push(a, &out->mirrors) = s + 7;
	} else if (text_starts(s, "timeout=") && !text_to_u64(s + 8, &n) && n && n < 3600) {
		out->stall_s = (int)n;
	} else {
		err_set(e, EINVAL, "\"%.80s\" is not known", s);
		return err_hint(e, "insecure, ca=FILE, mirror=URL and timeout=SECONDS are");
	}
	return 0;
}

static int read_line(struct arena *a, struct span line, const char *domain, struct host_conf *out,
		     struct err *e)
{
	struct span word;
	bool ours = false, first = true;
	int r = 0;

	while (!r && (line = span_trim(line)).n) {
		size_t n = 0;

		while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
			n++;
		word = (struct span){line.p, n};
		line = (struct span){line.p + n, line.n - n};
		if (first)
			ours = span_is(word, domain);
		else if (ours)
			r = read_word(a, word, out, e);
		first = false;
	}
	return r;
}

static int read_conf(struct arena *a, const char *path, const char *domain, struct host_conf *out,
		     struct err *e)
{
	struct span rest, line;
	int r, number = 0;
	bool more;

	if (access(path, F_OK) < 0)
		return 0;
	r = file_read(a, AT_FDCWD, path, 1 << 20, &rest, e);
	if (r < 0)
		return r;
	do {
		more = span_cut(&rest, '\n', &line);
		number++;
		line.n = (size_t)((const char *)memchr(line.p, '#', line.n)
					  ? (const char *)memchr(line.p, '#', line.n) - line.p
					  : (ptrdiff_t)line.n);
		r = read_line(a, line, domain, out, e);
		if (r < 0)
			return err_at(e, "%s:%d", path, number);
	} while (more);
	return 0;
}

static const char *origin_host(const char *domain)
{
	return strcmp(domain, "docker.io") ? domain : "registry-1.docker.io";
}

/*
 * Which of http and https a registry speaks that may speak either: a TLS server answers a plain
 * request with 400 or hangs up.
 */
static const char *scheme_of(struct arena *a, const char *host, int stall_s)
{
	const struct http_options o = {.skip_verify = true, .stall_s = stall_s};
	struct http_request rq = {.url = arena_printf(a, "http://%s/v2/", host)};
	struct http_response answer;
	struct http *http;
	struct err e;
	int r;

	if (http_new(&o, &http, &e) < 0)
		return "https";
	r = http_send(http, a, &rq, &answer, &e);
	http_free(http);
	/* Nobody there: the caller says so in its own words. */
	return (!r && answer.status != 400) || r == -ECONNREFUSED || r == -EHOSTUNREACH ? "http"
											: "https";
}

static void add_host(struct registry *out, const char *host, const struct host_conf *conf)
{
	bool insecure = conf->insecure || http_host_is_loopback(host);
	const char *scheme = insecure ? scheme_of(out->a, host, conf->stall_s) : "https";

	*vec_push(out->a, &out->hosts) = (struct registry_host){
		.base = arena_printf(out->a, "%s://%s", scheme, host),
		.insecure = insecure,
		.ca_file = conf->ca_file,
		.stall_s = conf->stall_s,
	};
}

int registry_open(struct arena *a, const char *domain, struct registry *out, struct err *e)
{
	struct host_conf conf = {0};
	int r;

	*out = (struct registry){.a = a, .domain = domain};
	r = read_conf(a, "/etc/berth/registries.conf", domain, &conf, e);
	if (!r)
		r = read_conf(a, arena_printf(a, "%s/registries.conf", paths_root()), domain, &conf,
			      e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < conf.mirrors.n; i++) {
		char *base = arena_printf(a, "%s", conf.mirrors.v[i]);
		size_t n = strlen(base);

		if (base[n - 1] == '/')
			base[n - 1] = '\0';
		*vec_push(a, &out->hosts) = (struct registry_host){
			.base = base, .is_mirror = true, .stall_s = conf.stall_s};
	}
	add_host(out, origin_host(domain), &conf);
	return registry_reopen(out, e);
}
