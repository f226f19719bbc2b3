#include "image/manifest.h"
#include "image/ref.h"
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

enum { INDEX_MAX = 1000 };

static const struct {
	const char *machine, *architecture, *variant;
} machines[] = {
	{"x86_64", "amd64", NULL},    {"aarch64", "arm64", "v8"}, {"armv7l", "arm", "v7"},
	{"armv6l", "arm", "v6"},      {"i686", "386", NULL},      {"ppc64le", "ppc64le", NULL},
	{"riscv64", "riscv64", NULL}, {"s390x", "s390x", NULL},
};

/* What docker's --platform takes as well. */
static const char *known_architecture(const char *s)
{
	for (size_t i = 0; i < countof(machines); i++) {
		if (!strcmp(s, machines[i].machine))
			return machines[i].architecture;
	}
	return s;
}

int platform_parse(struct arena *a, const char *s, struct platform *out, struct err *e)
{
	struct span rest, os, arch;
	struct utsname un;

	if (!s) {
		uname(&un);
		*out = (struct platform){"linux", arena_printf(a, "%s", un.machine), NULL};
		for (size_t i = 0; i < countof(machines); i++) {
			if (!strcmp(un.machine, machines[i].machine))
				*out = (struct platform){"linux", machines[i].architecture,
							 machines[i].variant};
		}
		return 0;
	}
	rest = span_of(s);
	if (!span_cut(&rest, '/', &os)) { /* "arm64" alone, as docker takes it */
		*out = (struct platform){"linux", known_architecture(arena_printf(a, "%s", s)),
					 NULL};
		return *s ? 0 : err_set(e, EINVAL, "the platform is empty");
	}
	if (!span_cut(&rest, '/', &arch))
		rest = (struct span){0};
	if (!os.n || !arch.n) {
		err_set(e, EINVAL, "\"%.100s\" is not a platform", s);
		return err_hint(e, "write it as linux/amd64 or linux/arm64/v8");
	}
	*out = (struct platform){span_dup(a, os), known_architecture(span_dup(a, arch)),
				 rest.n ? span_dup(a, rest) : NULL};
	return 0;
}

static int descriptor(struct arena *a, const json_t *j, const char *path, struct descriptor *out,
		      struct err *e)
{
	const char *digest;
	int r;

	if (!json_is_object(j))
		return err_set(e, EINVAL, "%s is not an object", path);
	r = json_want_string(j, "digest", path, &digest, e);
	if (!r)
		r = json_want_int(j, "size", path, &out->size, e);
	if (r < 0)
		return r;
	if (!digest_valid(digest))
		return err_set(e, EINVAL, "%s.digest is not sha256: and 64 hex digits", path);
	if (out->size < 0 || out->size > INT64_C(1) << 40)
		return err_set(e, EINVAL, "%s.size is %lld", path, (long long)out->size);
	out->digest = arena_printf(a, "%s", digest);
	out->media_type = arena_printf(a, "%s", json_string_or(j, "mediaType", ""));
	return 0;
}

static bool layer_type_known(const char *t)
{
	static const char *const known[] = {MEDIA_DOCKER_LAYER,
					    MEDIA_OCI_TAR,
					    MEDIA_OCI_GZIP,
					    MEDIA_OCI_ZSTD,
					    "application/vnd.docker.image.rootfs.diff.tar",
					    "application/vnd.docker.image.rootfs.diff.tar.zstd"};

	for (size_t i = 0; i < countof(known); i++) {
		if (!strcmp(t, known[i]))
			return true;
	}
	return false;
}

static int parse_image(struct arena *a, const json_t *j, struct manifest *out, struct err *e)
{
	const json_t *layers = json_object_get(j, "layers"), *item;
	size_t i;
	int r;

	if (json_object_get(j, "manifests"))
		return err_set(e, EINVAL, "the manifest could be read as an index as well");
	r = descriptor(a, json_object_get(j, "config"), "config", &out->config, e);
	if (r < 0)
		return r;
	if (out->config.size > CONFIG_LIMIT)
		return err_set(e, EFBIG, "config.size: more than %d bytes", CONFIG_LIMIT);
	if (!json_is_array(layers))
		return err_set(e, EINVAL, "layers is missing");
	if (json_array_size(layers) > LAYERS_MAX)
		return err_set(e, EFBIG, "the image has %zu layers; %d are the most",
			       json_array_size(layers), LAYERS_MAX);
	json_array_foreach(layers, i, item)
	{
		struct descriptor d = {0};

		r = descriptor(a, item, arena_printf(a, "layers[%zu]", i), &d, e);
		if (r < 0)
			return r;
		if (!layer_type_known(d.media_type))
			return err_set(e, EINVAL,
				       "layers[%zu].mediaType \"%.100s\" is not a file "
				       "system layer",
				       i, d.media_type);
		*vec_push(a, &out->layers) = d;
	}
	return 0;
}

bool platform_fits(const struct image *img, const struct platform *want)
{
	return img->os && img->architecture && !strcmp(img->os, want->os) &&
	       !strcmp(img->architecture, want->architecture) &&
	       (!img->variant || !want->variant || strcmp(want->architecture, "arm") ||
		strcmp(img->variant, want->variant) <= 0); /* v7 runs what v6 does */
}

static int score(const json_t *p, const struct platform *want)
{
	const char *variant = json_string_or(p, "variant", NULL);

	if (!json_is_object(p) || strcmp(json_string_or(p, "os", ""), want->os) ||
	    strcmp(json_string_or(p, "architecture", ""), want->architecture))
		return 0;
	if (want->variant && variant && !strcmp(variant, want->variant))
		return 3;
	if (!want->variant || !variant)
		return variant && strcmp(want->architecture, "arm") ? 1 : 2;
	/* An older arm runs on a newer one. */
	return !strcmp(want->architecture, "arm") && strcmp(variant, want->variant) < 0 ? 1 : 0;
}

static int choose(struct arena *a, const json_t *list, const struct platform *want,
		  struct manifest *out, struct err *e)
{
	auto_buf offered = {0};
	const json_t *item, *p;
	int best = 0, s, r;
	size_t i;

	json_array_foreach(list, i, item)
	{
		struct descriptor d = {0};

		r = descriptor(a, item, arena_printf(a, "manifests[%zu]", i), &d, e);
		if (r < 0)
			return r;
		p = json_object_get(item, "platform");
		s = json_is_object(p) ? score(p, want) : (json_array_size(list) == 1);
		if (s > best) {
			best = s;
			out->chosen = d;
		}
		if (offered.n < 200 && json_is_object(p) &&
		    strcmp(json_string_or(p, "os", "unknown"), "unknown"))
			buf_printf(&offered, "%s%.20s/%.20s", offered.n ? ", " : "",
				   json_string_or(p, "os", ""),
				   json_string_or(p, "architecture", ""));
	}
	if (best)
		return 0;
	err_set(e, ENOENT, "the image is not made for %s/%s%s%s", want->os, want->architecture,
		want->variant ? "/" : "", want->variant ? want->variant : "");
	return err_hint(e, "it is offered for %s", offered.n ? offered.p : "no platform at all");
}

static bool is_index_type(const char *t)
{
	return !strcmp(t, MEDIA_DOCKER_LIST) || !strcmp(t, MEDIA_OCI_INDEX);
}

static bool is_image_type(const char *t)
{
	return !strcmp(t, MEDIA_DOCKER_MANIFEST) || !strcmp(t, MEDIA_OCI_MANIFEST);
}

int manifest_parse(struct arena *a, struct span text, const char *media_type,
		   const struct platform *want, struct manifest *out, struct err *e)
{
	auto_json *j = NULL;
	const char *inside;
	const json_t *list;
	int r;

	if (text.n > MANIFEST_LIMIT)
		return err_set(e, EFBIG, "the manifest is larger than 4 MiB");
	r = json_read(text.p, text.n, &j, e);
	if (r < 0 && memchr(text.p, '<', text.n < 64 ? text.n : 64))
		return err_hint((err_set(e, EINVAL, "a web page came instead of a manifest"), e),
				"is this a registry, or does a proxy on the way want a login?");
	if (r < 0)
		return err_wrap(e, "read the manifest");
	if (!json_is_object(j) || json_int_or(j, "schemaVersion", 0) != 2)
		return err_set(e, EINVAL, "the manifest is not of schema version 2");
	inside = json_string_or(j, "mediaType", NULL);
	if (media_type && !is_index_type(media_type) && !is_image_type(media_type))
		media_type = NULL; /* text/plain and the like say nothing */
	if (inside && media_type && strcmp(inside, media_type))
		return err_set(e, EINVAL, "the manifest says it is %.80s, the registry says %.80s",
			       inside, media_type);
	if (!inside)
		inside = media_type;
	if (inside && !is_index_type(inside) && !is_image_type(inside))
		return err_set(e, EINVAL, "manifest type \"%.100s\" is not known", inside);
	list = json_object_get(j, "manifests");
	out->kind = inside ? (is_index_type(inside) ? MANIFEST_INDEX : MANIFEST_IMAGE)
			   : (list ? MANIFEST_INDEX : MANIFEST_IMAGE);
	if (out->kind == MANIFEST_IMAGE)
		return parse_image(a, j, out, e);
	if (json_object_get(j, "layers") || json_object_get(j, "config"))
		return err_set(e, EINVAL, "the index could be read as a manifest as well");
	if (!json_is_array(list) || json_array_size(list) > INDEX_MAX)
		return err_set(e, EINVAL, "the index has no list of manifests, or too long a one");
	return choose(a, list, want, out, e);
}
