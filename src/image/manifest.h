/*
 * The JSON documents of a registry: index, manifest, image configuration. From strangers: bounded,
 * strictly typed, a document that could be read as two kinds is refused (CVE-2021-41190), sizes and
 * digests are checked before anything is fetched.
 */
#pragma once
#include "base/err.h"
#include "base/json.h"
#include "image/image.h"

enum { MANIFEST_LIMIT = 4 << 20, CONFIG_LIMIT = 4 << 20, LAYERS_MAX = 127 };

#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_LAYER    "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define MEDIA_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_TAR         "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_GZIP        "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_ZSTD        "application/vnd.oci.image.layer.v1.tar+zstd"

struct descriptor {
	const char *media_type, *digest;
	int64_t size;
};
struct descriptors {
	struct descriptor *v;
	size_t n, cap;
};

struct platform {
	const char *os, *architecture, *variant; /* variant: NULL where none */
};

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };
struct manifest {
	enum manifest_kind kind;
	struct descriptor config;
	struct descriptors layers;
	struct descriptor chosen; /* of an index: the entry for the platform asked */
};

/* media_type: what the transport said it is, or NULL. */
int manifest_parse(struct arena *a, struct span text, const char *media_type,
		   const struct platform *want, struct manifest *out, struct err *e) must_check;
/* "linux/arm64/v8"; NULL: this machine. */
int platform_parse(struct arena *a, const char *s, struct platform *out, struct err *e) must_check;

/* Whether the image says that it is made for it; of arm, an older one too. */
bool platform_fits(const struct image *img, const struct platform *want);

/* Fills what the configuration says (not names, layers, sizes). */
int config_parse(struct arena *a, struct span text, struct image *out, struct err *e) must_check;
