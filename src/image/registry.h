/*
 * The distribution protocol (v2): manifests, blobs, upload; bearer and basic authentication, retry
 * with back-off. A session is one registry with its mirrors; it is plain memory, so that a forked
 * child may go on with its own copy after registry_reopen().
 */
#pragma once
#include "base/err.h"
#include "image/auth.h"
#include "image/http.h"
#include "image/ref.h"

struct registry_host {
	const char *base; /* "https://registry-1.docker.io" */
	bool insecure, is_mirror;
	const char *ca_file;
	int stall_s;
};

struct registry {
	struct arena *a;
	const char *domain;
	VEC(struct registry_host) hosts; /* mirrors first, the origin last */
	size_t host;                     /* the one that answered */
	struct http *http;
	struct credentials credentials;
	bool credentials_known;
	const char *authorization; /* what the last challenge led to */
	void (*retrying)(void *arg, const char *why, int in_s);
	void *arg;
};

/* Reads registries.conf; asks nothing yet except which scheme a loopback registry speaks. */
int registry_open(struct arena *a, const char *domain, struct registry *out,
		  struct err *e) must_check;
int registry_reopen(struct registry *r, struct err *e) must_check; /* in a forked child */
void registry_close(struct registry *r);
/* Past the mirrors: push and login are for the registry itself. */
int registry_use_origin(struct registry *r, struct err *e) must_check;

struct registry_manifest {
	struct span text;
	const char *media_type;
	char digest[72]; /* computed */
};
/* what: tag or digest. A digest is verified, and what the registry says of itself too. */
int registry_manifest(struct registry *r, const char *path, const char *what,
		      struct registry_manifest *out, struct err *e) must_check;
/* Every tag of a repository, as the registry orders them; none is an error. */
int registry_tags(struct registry *r, const char *path, struct strings *out,
		  struct err *e) must_check;
/*
 * Streams a blob from offset `from` on; *received counts what reached the sink. One try; -EAGAIN:
 * another may help, after *wait_s seconds where the registry said so (-1: not said).
 */
struct registry_blob {
	const char *path, *digest;
	int64_t from, size;
	struct sink *to;
	const char *mount_from; /* push: a repository of the registry that may have it, or NULL */
	int (*progress)(void *arg, int64_t received, int64_t sent);
	void *progress_arg;
	int64_t received;
	int wait_s;
};
int registry_blob(struct registry *r, struct registry_blob *b, struct err *e) must_check;

enum { REGISTRY_ABSENT = 1, REGISTRY_MOUNTED };
int registry_has_blob(struct registry *r, const char *path, const char *digest,
		      struct err *e) must_check;
/* From the file's beginning. REGISTRY_MOUNTED: the registry took it from mount_from. */
int registry_put_blob(struct registry *r, struct registry_blob *b, int fd,
		      struct err *e) must_check;
int registry_put_manifest(struct registry *r, const char *path, const char *what,
			  const char *media_type, struct span text, struct err *e) must_check;
/* Whether the credentials are good: GET /v2/. */
int registry_login(struct registry *r, const struct credentials *c, struct err *e) must_check;
/* Back-off of the n-th retry, in seconds; says so to `retrying` and waits. */
void registry_wait(struct registry *r, int n, int wait_s, const struct err *why);
