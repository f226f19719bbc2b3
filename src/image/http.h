/*
 * One HTTP request at a time over one libcurl handle (connections are reused). Redirects are
 * followed here, not by curl: five at most, never from https to http, never to a loopback address
 * from elsewhere, credentials never to another host. Bodies go to a sink; error bodies are kept
 * short. Proxies and the CA bundle come from the environment as curl reads them, SSL_CERT_FILE too.
 */
#pragma once
#include "base/err.h"
#include "base/stream.h"
#include "base/text.h"

struct http;

struct http_options {
	bool skip_verify;    /* TLS of a registry that was declared insecure */
	const char *ca_file; /* NULL: the host's */
	int stall_s;         /* below 1 kB/s for so long: given up; 0: 30 */
};

struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const char *authorization; /* the whole value, or NULL */
	struct strings headers;    /* "Accept: ..." */
	int64_t from;              /* ask for the bytes from here on */
	struct sink *body; /* of a 2xx answer; NULL: kept in response.text up to text_limit */
	size_t text_limit; /* 0: 64 KiB */
	bool upload;       /* the body is upload_size bytes of upload_fd */
	int upload_fd;
	int64_t upload_size;
	struct span post; /* a small body; p NULL: none */
	/* Called now and then; other than 0 ends the transfer. */
	int (*progress)(void *arg, int64_t received, int64_t sent);
	void *progress_arg;
};

struct http_response {
	int status;
	bool partial;        /* 206 with the range that was asked */
	bool from_elsewhere; /* another host answered, after a redirect */
	struct span text;
	const char *media_type, *digest, *location, *challenge, *modified; /* or NULL */
	int retry_after_s;                                                 /* -1: not said */
	int64_t received; /* bytes handed to the sink */
};

int http_new(const struct http_options *o, struct http **out, struct err *e) must_check;
void http_free(struct http *h);
/*
 * 0 with any status once an answer came. -EAGAIN: broken on the way, worth another try (the
 * sink may have got some bytes: response.received). Others: hopeless (bad name, TLS, refused by
 * rule), or the sink's own error.
 */
int http_send(struct http *h, struct arena *a, const struct http_request *rq,
	      struct http_response *out, struct err *e) must_check;

/* All of a URL into an empty file, three more tries where it breaks off; statuses but 2xx are
 * errors. */
int http_get_file(struct arena *a, const char *url, int fd, int64_t limit,
		  struct http_response *out, struct err *e) must_check;

/* "https", "host[:port]" and the rest of an URL; -EINVAL for anything else than http(s). */
int http_split(struct arena *a, const char *url, const char **scheme, const char **host,
	       const char **rest);
bool http_host_is_loopback(const char *host); /* with or without a port */
