/*
 * Image references: "alpine", "ghcr.io/a/b:1", "localhost:5000/x@sha256:...", completed and checked
 * as docker does (docker.io, library/, latest). The strict grammar of distribution/reference: what
 * passes here is safe as a path below the store. Ids ("sha256:...", hex prefixes) are not
 * references.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct ref {
	const char *domain; /* "docker.io", "localhost:5000" */
	const char *path;   /* "library/alpine" */
	const char
		*tag; /* "latest" where neither tag nor digest was written; NULL beside a digest */
	const char *digest; /* "sha256:<64 hex>" or NULL */
};

int ref_parse(struct arena *a, const char *s, struct ref *out, struct err *e) must_check;
char *ref_full(struct arena *a, const struct ref *r);  /* with ":tag" and "@digest" */
char *ref_short(struct arena *a, const struct ref *r); /* as docker prints it: "alpine:latest" */
char *ref_short_repo(struct arena *a, const struct ref *r); /* "alpine", "localhost:5000/x" */

enum {
	DIGEST_LEN = 71
}; /* "sha256:" and 64 lower-case hex digits: the only algorithm berth takes */
bool digest_valid(const char *s);
