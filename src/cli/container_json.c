#include "cli/container_json.h"
#include "base/vec.h"
#include "base/when.h"
#include "compose/load.h"
#include <string.h>

void origin_find(struct origin *o, const struct status *s)
{
	struct err none;

	*o = (struct origin){0};
	if (!project_load_saved(&o->a, status_project_file(&o->a, s->project), &o->p, &none) &&
	    s->service)
		o->svc = project_service(o->p, s->service);
	if (!s->image_id || store_image(&o->a, s->image_id, &o->img, &none))
		o->img = NULL;
}

void origin_done(struct origin *o)
{
	arena_free(&o->a);
}

static void foretell_networks(struct origin *o, struct status *s)
{
	vec_each(ep, &o->svc->networks) {
		const struct network *n = project_network(o->p, ep->network);

		if (n)
			*vec_push(&o->a, &s->networks) = (struct status_net){
				.name = n->name, .key = ep->network, .aliases = ep->aliases};
	}
}

static void foretell_mounts(struct origin *o, struct status *s)
{
	vec_each(m, &o->svc->volumes) {
		const struct volume *v = m->type == MOUNT_VOLUME && m->source
						 ? project_volume(o->p, m->source)
						 : NULL;

		if (v || m->type == MOUNT_BIND)
			*vec_push(&o->a, &s->mounts) =
				(struct status_mount){.type = v ? "volume" : "bind",
						      .source = v ? NULL : m->source,
						      .name = v ? v->name : NULL,
						      .target = m->target,
						      .read_only = m->read_only};
	}
}

void origin_foretell(struct origin *o, struct status *s)
{
	if (o->svc && !s->networks.n)
		foretell_networks(o, s);
	if (o->svc && !s->mounts.n)
		foretell_mounts(o, s);
}

json_t *container_port_bindings(struct arena *a, const struct service *svc)
{
	json_t *out = json_object();

	for (size_t k = 0; svc && k < svc->ports.n; k++) {
		const struct port *p = &svc->ports.v[k];
		const char *key = arena_printf(a, "%lld/%s", (long long)p->target,
					       p->protocol ? p->protocol : "tcp");
		json_t *list = json_object_get(out, key);

		if (!list) {
			list = json_array();
			json_object_set_new(out, key, list);
		}
		json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp",
						      p->host_ip ? p->host_ip : "", "HostPort",
						      p->published ? p->published : ""));
	}
	return out;
}

static json_t *text_or_empty(const char *s)
{
	return json_string(s ? s : "");
}

static json_t *first_text(const char *service, const char *image)
{
	return text_or_empty(service ? service : image);
}

static bool says(const struct origin *o, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; o->img && i < o->img->env.n; i++) {
		if (!strncmp(o->img->env.v[i], name, n) && o->img->env.v[i][n] == '=')
			return true;
	}
	return o->svc && pairs_get(&o->svc->environment, name);
}

/* As it was started, without what every container gets; of one that never was: the image's and the
 * service's. */
static json_t *env_json(struct origin *o, const struct status *s)
{
	auto_json *run = s->runtime_file ? json_load_file(s->runtime_file, 0, NULL) : NULL;
	json_t *out = json_array(), *started = json_object_get(run, "env"), *e;
	size_t k;

	json_array_foreach(started, k, e)
	{
		const char *text = json_string_value(e);

		if (text && (!text_starts(text, "HOSTNAME=") || says(o, "HOSTNAME")))
			json_array_append(out, e);
	}
	if (json_is_array(started))
		return out;
	for (size_t i = 0; o->img && i < o->img->env.n; i++) {
		const char *text = o->img->env.v[i];
		const char *name = arena_printf(&o->a, "%.*s", (int)strcspn(text, "="), text);

		if (!o->svc || !pairs_get(&o->svc->environment, name))
			json_array_append_new(out, json_string(text));
	}
	for (size_t i = 0; o->svc && i < o->svc->environment.n; i++) {
		const struct pair *p = &o->svc->environment.v[i];

		if (p->value)
			json_array_append_new(
				out, json_string(arena_printf(&o->a, "%s=%s", p->key, p->value)));
	}
	return out;
}

static int64_t either(int64_t first, int64_t second)
{
	return first > 0 ? first : second;
}

static json_t *health_json(const struct origin *o)
{
	static const struct healthcheck none = {.interval_ns = -1};
	static const struct image_health no_image;
	const struct healthcheck *h = o->svc ? &o->svc->healthcheck : &none;
	const struct image_health *i = o->img ? &o->img->health : &no_image;

	if (h->disable)
		return json_pack("{s:[s]}", "Test", "NONE");
	if (!(h->test.n + i->test.n))
		return NULL;
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "Test",
			 json_words(h->test.n ? &h->test : &i->test), "Interval",
			 (json_int_t)either(h->interval_ns, i->interval_ns), "Timeout",
			 (json_int_t)either(h->timeout_ns, i->timeout_ns), "StartPeriod",
			 (json_int_t)either(h->start_period_ns, i->start_period_ns),
			 "StartInterval",
			 (json_int_t)either(h->start_interval_ns, i->start_interval_ns), "Retries",
			 (json_int_t)either(h->retries, i->retries));
}

static json_t *exposed_json(struct origin *o)
{
	json_t *out = container_port_bindings(&o->a, o->svc), *none;
	const char *key;
	void *next;

	json_object_foreach_safe(out, next, key, none) json_object_set_new(out, key, json_object());
	for (size_t k = 0; o->svc && k < o->svc->expose.n; k++) {
		const char *port = o->svc->expose.v[k];

		json_object_set_new(out,
				    strchr(port, '/') ? port : arena_printf(&o->a, "%s/tcp", port),
				    json_object());
	}
	for (size_t k = 0; o->img && k < o->img->exposed.n; k++)
		json_object_set_new(out, o->img->exposed.v[k], json_object());
	return out;
}

/* Those of the image; what the file mounts is in "Mounts". */
static json_t *volumes_json(const struct origin *o)
{
	json_t *out = json_object();

	for (size_t k = 0; o->img && k < o->img->volumes.n; k++)
		json_object_set_new(out, o->img->volumes.v[k], json_object());
	return out;
}

/* The line that runs, parted again: what it starts with is the entrypoint, where there is one. */
static void put_command(json_t *j, const struct origin *o, const struct status *s)
{
	static const struct strings none;
	const struct strings *entry = o->svc && o->svc->entrypoint.given ? &o->svc->entrypoint.words
				      : o->img                           ? &o->img->entrypoint
									 : &none;
	size_t n = 0;

	while (n < entry->n && n < s->command.n && !strcmp(entry->v[n], s->command.v[n]))
		n++;
	if (n < entry->n) /* `run --entrypoint`, which is one word */
		n = s->command.n > 0;
	json_object_set_new(j, "Entrypoint",
			    n ? json_words(&(struct strings){s->command.v, n, 0}) : json_null());
	json_object_set_new(j, "Cmd",
			    n < s->command.n ? json_words(&(struct strings){s->command.v + n,
									    s->command.n - n, 0})
					     : json_null());
}

json_t *container_config_json(struct origin *o, const struct status *s)
{
	static const struct service no_service;
	static const struct image no_image;
	const struct service *svc = o->svc ? o->svc : &no_service;
	const struct image *img = o->img ? o->img : &no_image;
	json_t *health = health_json(o);
	json_t *j = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}",
		"Hostname",
		svc->hostname ? json_string(svc->hostname)
			      : json_stringn(s->id ? s->id : "", s->id ? 12 : 0),
		"Domainname", text_or_empty(svc->domainname), "User",
		first_text(svc->user, img->user), "Env", env_json(o, s), "Image",
		text_or_empty(s->image), "AttachStdin", false, "AttachStdout", true, "AttachStderr",
		true, "Tty", s->tty, "OpenStdin", s->stdin_open, "WorkingDir",
		first_text(svc->working_dir, img->workdir), "Labels", json_pairs(&s->labels),
		"StopSignal", first_text(svc->stop_signal, img->stop_signal), "ExposedPorts",
		exposed_json(o), "Volumes", volumes_json(o));

	put_command(j, o, s);
	if (svc->stop_grace_ns && svc->stop_grace_ns != 10 * NS_PER_SEC)
		json_object_set_new(j, "StopTimeout",
				    json_integer(svc->stop_grace_ns / NS_PER_SEC));
	if (health)
		json_object_set_new(j, "Healthcheck", health);
	return j;
}
