#include "cli/build_print.h"
#include "base/json.h"
#include <stdio.h>
#include <stdlib.h>

static void put_text(json_t *to, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(to, key, json_string(value));
}

static void put_flag(json_t *to, const char *key, bool value)
{
	if (value)
		json_object_set_new(to, key, json_true());
}

static void put_strings(json_t *to, const char *key, const struct strings *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(out, json_string(list->v[i]));
	if (list->n)
		json_object_set(to, key, out);
	json_decref(out);
}

static void put_pairs(json_t *to, const char *key, const struct pairs *pairs)
{
	json_t *out = json_object();

	vec_each(p, pairs)
		json_object_set_new(out, p->key, p->value ? json_string(p->value) : json_null());
	if (pairs->n)
		json_object_set(to, key, out);
	json_decref(out);
}

/* What a secret holds is not printed: without a file it is the environment's. */
static void put_secrets(struct arena *a, json_t *to, const struct build_request *q)
{
	struct strings secrets = {0}, ssh = {0};

	vec_each(s, &q->secrets)
		*vec_push(a, &secrets) =
			s->file ? arena_printf(a, "id=%s,type=file,src=%s", s->id, s->file)
				: arena_printf(a, "id=%s,type=env", s->id);
	vec_each(s, &q->ssh)
		*vec_push(a, &ssh) = arena_printf(a, "%s=%s", s->id, s->path);
	put_strings(to, "secret", &secrets);
	put_strings(to, "ssh", &ssh);
}

static void put_limits(struct arena *a, json_t *to, const struct build_request *q)
{
	struct strings limits = {0}, platforms = {0}, powers = {0};

	vec_each(u, &q->ulimits)
		*vec_push(a, &limits) = arena_printf(a, "%s=%lld:%lld", u->name, (long long)u->soft,
						     (long long)u->hard);
	if (q->platform)
		*vec_push(a, &platforms) = q->platform;
	for (size_t i = 0; i < q->left_out.n; i++)
		*vec_push(a, &platforms) = q->left_out.v[i];
	if (q->insecure)
		*vec_push(a, &powers) = "security.insecure";
	if (q->host_network)
		*vec_push(a, &powers) = "network.host";
	put_strings(to, "ulimits", &limits);
	put_strings(to, "platforms", &platforms);
	put_strings(to, "entitlements", &powers);
	if (q->shm_size)
		put_text(to, "shm-size", arena_printf(a, "%lld", (long long)q->shm_size));
}

static json_t *target(struct arena *a, const struct build_request *q)
{
	static const char *const docker[] = {"type=docker"};
	json_t *t = json_object();

	put_text(t, "context", q->context);
	put_text(t, "dockerfile",
		 q->inline_text  ? NULL
		 : q->dockerfile ? q->dockerfile
				 : "Dockerfile");
	put_text(t, "dockerfile-inline", q->inline_text);
	put_pairs(t, "args", &q->args);
	put_pairs(t, "labels", &q->labels);
	put_pairs(t, "contexts", &q->contexts);
	put_pairs(t, "extra-hosts", &q->extra_hosts);
	put_strings(t, "tags", &q->tags);
	put_strings(t, "cache-from", &q->cache_from);
	put_strings(t, "cache-to", &q->cache_to);
	put_strings(t, "no-cache-filter", &q->no_cache_filter);
	put_text(t, "target", q->target);
	put_text(t, "network", q->network);
	put_secrets(a, t, q);
	put_limits(a, t, q);
	put_flag(t, "no-cache", q->no_cache);
	put_flag(t, "pull", q->pull);
	put_strings(t, "output", &(struct strings){(const char **)docker, 1, 1});
	return t;
}

void build_print(struct arena *a, const struct builds_named *builds)
{
	struct strings names = {0};
	json_t *top = json_object(), *targets = json_object(), *group = json_object();
	json_t *def = json_object();
	char *text;

	vec_each(b, builds) {
		*vec_push(a, &names) = b->service;
		json_object_set_new(targets, b->service, target(a, &b->request));
	}
	put_strings(def, "targets", &names);
	json_object_set_new(group, "default", def);
	json_object_set_new(top, "group", group);
	json_object_set_new(top, "target", targets);
	text = json_dumps(top, JSON_INDENT(2));
	puts(text);
	free(text);
	json_decref(top);
}
