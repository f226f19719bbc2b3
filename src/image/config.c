/* The image configuration: OCI image-spec config.md, with docker's Healthcheck, Shell and OnBuild.
 */
#include "image/manifest.h"
#include "image/ref.h"
#include <errno.h>
#include <string.h>

static int strings_of(struct arena *a, const json_t *j, const char *path, struct strings *out,
		      struct err *e)
{
	const json_t *item;
	size_t i;

	if (!j || json_is_null(j))
		return 0;
	if (!json_is_array(j))
		return err_set(e, EINVAL, "%s is not a list", path);
	json_array_foreach(j, i, item)
	{
		/* jansson refuses \u0000 in strings, so that what is here is whole. */
		if (!json_is_string(item))
			return err_set(e, EINVAL, "%s[%zu] is not a string", path, i);
		*vec_push(a, out) = arena_printf(a, "%s", json_string_value(item));
	}
	return 0;
}

/* {"/data": {}, ...}: the keys matter. */
static int keys_of(struct arena *a, const json_t *j, const char *path, struct strings *out,
		   struct err *e)
{
	const char *key;
	json_t *value;

	if (!j || json_is_null(j))
		return 0;
	if (!json_is_object(j))
		return err_set(e, EINVAL, "%s is not an object", path);
	json_object_foreach((json_t *)(uintptr_t)j, key, value) * vec_push(a, out) =
		arena_printf(a, "%s", key);
	return 0;
}

static int labels_of(struct arena *a, const json_t *j, struct pairs *out, struct err *e)
{
	const char *key;
	json_t *value;

	if (!j || json_is_null(j))
		return 0;
	if (!json_is_object(j))
		return err_set(e, EINVAL, "config.Labels is not an object");
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		if (!json_is_string(value))
			return err_set(e, EINVAL, "config.Labels: a value is not a string");
		*vec_push(a, out) = (struct pair){arena_printf(a, "%s", key),
						  arena_printf(a, "%s", json_string_value(value))};
	}
	return 0;
}

static int text_of(struct arena *a, const json_t *obj, const char *key, const char **out,
		   struct err *e)
{
	const json_t *j = json_object_get(obj, key);

	if (!j || json_is_null(j))
		return 0;
	if (!json_is_string(j))
		return err_set(e, EINVAL, "%s is not a string", key);
	if (*json_string_value(j))
		*out = arena_printf(a, "%s", json_string_value(j));
	return 0;
}

/* Negative times mean nothing: the default. */
static int64_t positive(const json_t *j, const char *key)
{
	int64_t v = json_int_or(j, key, 0);

	return v < 0 ? 0 : v;
}

static int health_of(struct arena *a, const json_t *j, struct image_health *out, struct err *e)
{
	int r;

	if (!json_is_object(j))
		return 0;
	r = strings_of(a, json_object_get(j, "Test"), "config.Healthcheck.Test", &out->test, e);
	if (r < 0)
		return r;
	out->given = out->test.n > 0;
	out->interval_ns = positive(j, "Interval");
	out->timeout_ns = positive(j, "Timeout");
	out->start_period_ns = positive(j, "StartPeriod");
	out->start_interval_ns = positive(j, "StartInterval");
	out->retries = positive(j, "Retries");
	return 0;
}

static int env_is_sane(const struct strings *env, struct err *e)
{
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');

		if (equals == env->v[i])
			return err_set(e, EINVAL, "config.Env[%zu] has an empty name", i);
		if (strlen(env->v[i]) > 128 * 1024)
			return err_set(e, EINVAL,
				       "config.Env[%zu] is longer than 128 KiB: no program "
				       "could be started with it",
				       i);
	}
	return 0;
}

static int inner(struct arena *a, const json_t *c, struct image *out, struct err *e)
{
	const struct {
		const char *key, *path;
		struct strings *to;
		int (*read)(struct arena *, const json_t *, const char *, struct strings *,
			    struct err *);
	} lists[] = {
		{"Entrypoint", "config.Entrypoint", &out->entrypoint, strings_of},
		{"Cmd", "config.Cmd", &out->cmd, strings_of},
		{"Env", "config.Env", &out->env, strings_of},
		{"Shell", "config.Shell", &out->shell, strings_of},
		{"OnBuild", "config.OnBuild", &out->onbuild, strings_of},
		{"Volumes", "config.Volumes", &out->volumes, keys_of},
		{"ExposedPorts", "config.ExposedPorts", &out->exposed, keys_of},
	};
	int r = 0;

	if (!c || json_is_null(c))
		return 0;
	if (!json_is_object(c))
		return err_set(e, EINVAL, "config is not an object");
	for (size_t i = 0; !r && i < countof(lists); i++)
		r = lists[i].read(a, json_object_get(c, lists[i].key), lists[i].path, lists[i].to,
				  e);
	if (!r)
		r = text_of(a, c, "User", &out->user, e);
	if (!r)
		r = text_of(a, c, "WorkingDir", &out->workdir, e);
	if (!r)
		r = text_of(a, c, "StopSignal", &out->stop_signal, e);
	if (!r)
		r = labels_of(a, json_object_get(c, "Labels"), &out->labels, e);
	if (!r)
		r = health_of(a, json_object_get(c, "Healthcheck"), &out->health, e);
	return r ? r : env_is_sane(&out->env, e);
}

static int history_of(struct arena *a, const json_t *j, struct image *out, struct err *e)
{
	const json_t *item;
	size_t i;

	json_array_foreach(j, i, item)
	{
		*vec_push(a, &out->history) = (struct image_history){
			arena_printf(a, "%s", json_string_or(item, "created_by", "")),
			arena_printf(a, "%s", json_string_or(item, "created", "")),
			arena_printf(a, "%s", json_string_or(item, "comment", "")),
			json_bool_or(item, "empty_layer", false),
		};
	}
	return 0;
}

static int rootfs_of(struct arena *a, const json_t *j, struct image *out, struct err *e)
{
	int r = strings_of(a, json_object_get(j, "diff_ids"), "rootfs.diff_ids", &out->diff_ids, e);

	if (r < 0)
		return r;
	if (out->diff_ids.n > LAYERS_MAX)
		return err_set(e, EFBIG, "rootfs.diff_ids has %zu entries; %d are the most",
			       out->diff_ids.n, LAYERS_MAX);
	for (size_t i = 0; i < out->diff_ids.n; i++) {
		if (!digest_valid(out->diff_ids.v[i]))
			return err_set(e, EINVAL, "rootfs.diff_ids[%zu] is not a sha256 digest", i);
	}
	return 0;
}

int config_parse(struct arena *a, struct span text, struct image *out, struct err *e)
{
	auto_json *j = NULL;
	int r;

	if (text.n > CONFIG_LIMIT)
		return err_set(e, EFBIG, "the image configuration is larger than 4 MiB");
	r = json_read(text.p, text.n, &j, e);
	if (!r && !json_is_object(j))
		r = err_set(e, EINVAL, "it is not an object");
	if (!r)
		r = rootfs_of(a, json_object_get(j, "rootfs"), out, e);
	if (!r)
		r = inner(a, json_object_get(j, "config"), out, e);
	if (!r)
		r = history_of(a, json_object_get(j, "history"), out, e);
	if (!r)
		r = text_of(a, j, "os", &out->os, e);
	if (!r)
		r = text_of(a, j, "architecture", &out->architecture, e);
	if (!r)
		r = text_of(a, j, "variant", &out->variant, e);
	if (!r)
		r = text_of(a, j, "created", &out->created, e);
	if (!r)
		r = text_of(a, j, "author", &out->author, e);
	out->config_json = text;
	return r < 0 ? err_wrap(e, "read the image configuration") : 0;
}
