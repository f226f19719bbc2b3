#include "build/config.h"
#include <jansson.h>
#include <string.h>

static void copy_list(struct arena *a, const struct strings *from, struct strings *out)
{
	*out = (struct strings){};
	for (size_t i = 0; i < from->n; i++)
		*vec_push(a, out) = from->v[i];
}

void config_from_image(struct arena *a, const struct image *img, struct config *out)
{
	*out = (struct config){
		.os = img->os,
		.architecture = img->architecture,
		.variant = img->variant,
		.author = img->author,
		.user = img->user,
		.workdir = img->workdir,
		.stop_signal = img->stop_signal,
		.health = img->health,
	};
	copy_list(a, &img->env, &out->env);
	copy_list(a, &img->cmd, &out->cmd);
	copy_list(a, &img->entrypoint, &out->entrypoint);
	copy_list(a, &img->shell, &out->shell);
	copy_list(a, &img->onbuild, &out->onbuild);
	copy_list(a, &img->volumes, &out->volumes);
	copy_list(a, &img->exposed, &out->exposed);
	vec_each(p, &img->labels)
		*vec_push(a, &out->labels) = *p;
	vec_each(h, &img->history)
		*vec_push(a, &out->history) = *h;
}

void config_clone(struct arena *a, const struct config *from, struct config *out)
{
	*out = *from;
	copy_list(a, &from->env, &out->env);
	copy_list(a, &from->onbuild, &out->onbuild);
	copy_list(a, &from->volumes, &out->volumes);
	copy_list(a, &from->exposed, &out->exposed);
	memset(&out->labels, 0, sizeof(out->labels));
	memset(&out->history, 0, sizeof(out->history));
	vec_each(p, &from->labels)
		*vec_push(a, &out->labels) = *p;
	vec_each(h, &from->history)
		*vec_push(a, &out->history) = *h;
}

static bool is_key(const char *entry, const char *key, size_t n)
{
	return !strncmp(entry, key, n) && (entry[n] == '=' || !entry[n]);
}

void config_set_env(struct arena *a, struct strings *env, const char *key, const char *value)
{
	const char *entry = arena_printf(a, "%s=%s", key, value);
	size_t n = strlen(key);

	for (size_t i = 0; i < env->n; i++) {
		if (is_key(env->v[i], key, n)) {
			env->v[i] = entry;
			return;
		}
	}
	*vec_push(a, env) = entry;
}

const char *config_env(const struct strings *env, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = env->n; i-- > 0;)
		if (is_key(env->v[i], key, n))
			return env->v[i][n] ? env->v[i] + n + 1 : "";
	return NULL;
}

void config_set_label(struct arena *a, struct config *c, const char *key, const char *value)
{
	vec_each(p, &c->labels) {
		if (!strcmp(p->key, key)) {
			p->value = value;
			return;
		}
	}
	*vec_push(a, &c->labels) = (struct pair){key, value};
}

void config_add_to_set(struct arena *a, struct strings *set, const char *word)
{
	if (!strings_have(set, word))
		*vec_push(a, set) = word;
}

void config_add_history(struct arena *a, struct config *c, const char *created_by, bool empty_layer)
{
	*vec_push(a, &c->history) = (struct image_history){
		.created_by = created_by,
		.comment = "buildkit.dockerfile.v0",
		.empty_layer = empty_layer,
	};
}

/* ---- JSON ---- */

static void put_list(json_t *obj, const char *key, const struct strings *s)
{
	json_t *list;

	if (!s->n)
		return;
	list = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, json_string(s->v[i]));
	json_object_set_new(obj, key, list);
}

static void put_set(json_t *obj, const char *key, const struct strings *s)
{
	json_t *set;

	if (!s->n)
		return;
	set = json_object();
	for (size_t i = 0; i < s->n; i++)
		json_object_set_new(set, s->v[i], json_object());
	json_object_set_new(obj, key, set);
}

static void put_text(json_t *obj, const char *key, const char *s)
{
	if (s && *s)
		json_object_set_new(obj, key, json_string(s));
}

static void put_number(json_t *obj, const char *key, int64_t n)
{
	if (n > 0)
		json_object_set_new(obj, key, json_integer(n));
}

static json_t *health_json(const struct image_health *h)
{
	json_t *out = json_object();

	put_list(out, "Test", &h->test);
	put_number(out, "Interval", h->interval_ns);
	put_number(out, "Timeout", h->timeout_ns);
	put_number(out, "StartPeriod", h->start_period_ns);
	put_number(out, "StartInterval", h->start_interval_ns);
	put_number(out, "Retries", h->retries);
	return out;
}

static json_t *container_json(const struct config *c)
{
	json_t *out = json_object();

	put_text(out, "User", c->user);
	put_set(out, "ExposedPorts", &c->exposed);
	put_list(out, "Env", &c->env);
	put_list(out, "Entrypoint", &c->entrypoint);
	put_list(out, "Cmd", &c->cmd);
	put_set(out, "Volumes", &c->volumes);
	put_text(out, "WorkingDir", c->workdir);
	if (c->labels.n) {
		json_t *labels = json_object();

		vec_each(p, &c->labels)
			json_object_set_new(labels, p->key, json_string(p->value ? p->value : ""));
		json_object_set_new(out, "Labels", labels);
	}
	put_list(out, "OnBuild", &c->onbuild);
	put_text(out, "StopSignal", c->stop_signal);
	if (c->health.given)
		json_object_set_new(out, "Healthcheck", health_json(&c->health));
	put_list(out, "Shell", &c->shell);
	if (c->args_escaped)
		json_object_set_new(out, "ArgsEscaped", json_true());
	return out;
}

static json_t *history_json(const struct config *c)
{
	json_t *list = json_array();

	vec_each(h, &c->history) {
		json_t *one = json_object();

		put_text(one, "created", h->created);
		put_text(one, "created_by", h->created_by);
		put_text(one, "comment", h->comment);
		if (h->empty_layer)
			json_object_set_new(one, "empty_layer", json_true());
		json_array_append_new(list, one);
	}
	return list;
}

char *config_json(struct arena *a, const struct config *c, const struct strings *diff_ids)
{
	json_t *out = json_object(), *rootfs = json_object(), *ids = json_array();
	char *text, *kept;

	put_text(out, "architecture", c->architecture);
	put_text(out, "variant", c->variant);
	put_text(out, "author", c->author);
	json_object_set_new(out, "config", container_json(c));
	put_text(out, "created", c->created);
	if (c->history.n)
		json_object_set_new(out, "history", history_json(c));
	put_text(out, "os", c->os);
	for (size_t i = 0; i < diff_ids->n; i++)
		json_array_append_new(ids, json_string(diff_ids->v[i]));
	json_object_set_new(rootfs, "type", json_string("layers"));
	json_object_set_new(rootfs, "diff_ids", ids);
	json_object_set_new(out, "rootfs", rootfs);
	text = json_dumps(out, JSON_COMPACT);
	kept = arena_printf(a, "%s", text);
	free(text);
	json_decref(out);
	return kept;
}
