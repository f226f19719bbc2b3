/*
 * Images in files: docker-archive and OCI layout archives in (told apart by what is inside), both
 * out; a root filesystem tar as an image.
 */
#pragma once
#include "base/err.h"
#include "image/image.h"
#include "image/pull.h"

struct archive_options {
	const char *platform;           /* what is taken of an index; NULL: this machine's */
	struct progress_sink *progress; /* NULL: none */
	const char
		*only; /* OCI: the image with this tag or digest, which gets no name; NULL: all */
};
/* From a descriptor (file, pipe; plain, gzip or zstd). names: what was loaded, ids where untagged.
 */
int archive_load(struct arena *a, int fd, const struct archive_options *o, struct strings *names,
		 struct err *e) must_check;
/* An OCI layout directory. */
int archive_load_dir(struct arena *a, const char *path, const struct archive_options *o,
		     struct strings *names, struct err *e) must_check;

enum archive_format { ARCHIVE_TAR, ARCHIVE_DIR };
/*
 * An OCI layout. The archive holds docker's list of images too, so that every docker, podman and
 * skopeo takes it, as docker-archive and as oci-archive. For ARCHIVE_DIR out_fd is the directory.
 */
int archive_save(struct arena *a, const struct strings *refs, int out_fd,
		 enum archive_format format, struct err *e) must_check;

struct import_options {
	const char *ref;     /* NULL: untagged */
	const char *message; /* NULL: none */
	const char *platform;
	struct strings changes; /* "CMD [...]", "ENV A=b", ... */
};
int archive_import(struct arena *a, int fd, const struct import_options *o, const char **id,
		   struct err *e) must_check;
/* What a URL answers, in a file without a name, to be read from its beginning. */
int archive_get(struct arena *a, const char *url, int *out_fd, struct err *e) must_check;
