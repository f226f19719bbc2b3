#include "cli/container_json.h"
#include "base/vec.h"
#include "compose/load.h"
#include "image/store.h"
#include <string.h>

/* What is known of it: the service in its project's saved definition, and the image; either may be
 * gone. */
struct origin {
	struct arena a;
	struct project *p;
	const struct service *svc;
	struct image *img;
};

static void origin_find(struct origin *o, const struct status *s)
{
	struct err none;

	*o = (struct origin){0};
	if (!project_load_saved(&o->a, status_project_file(&o->a, s->project), &o->p, &none) &&
	    s->service)
		o->svc = project_service(o->p, s->service);
	if (!s->image_id || store_image(&o->a, s->image_id, &o->img, &none))
		o->img = NULL;
}

static json_t *text_or_empty(const char *s)
{
	return json_string(s ? s : "");
}

static json_t *strings_json(const struct strings *words)
{
	json_t *out = json_array();

	vec_each(w, words)
		json_array_append_new(out, json_string(*w));
	return out;
}

/* As it was started; of one that never was: the image's and the service's. */
static json_t *env_json(const struct origin *o, const struct status *s)
{
	json_t *run = s->runtime_file ? json_load_file(s->runtime_file, 0, NULL) : NULL, *out;
	struct arena a = {0};

	out = json_incref(json_object_get(run, "env"));
	json_decref(run);
	if (json_is_array(out))
		return out;
	out = json_array();
	for (size_t i = 0; o->img && i < o->img->env.n; i++) {
		const char *e = o->img->env.v[i];
		const char *name = arena_printf(&a, "%.*s", (int)strcspn(e, "="), e);

		if (!o->svc || !pairs_get(&o->svc->environment, name))
			json_array_append_new(out, json_string(e));
	}
	for (size_t i = 0; o->svc && i < o->svc->environment.n; i++) {
		const struct pair *e = &o->svc->environment.v[i];

		if (e->value)
			json_array_append_new(
				out, json_string(arena_printf(&a, "%s=%s", e->key, e->value)));
	}
	arena_free(&a);
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

	if (h->disable || !(h->test.n + i->test.n))
		return NULL;
	return json_pack("{s:o, s:I, s:I, s:I, s:I}", "Test",
			 strings_json(h->test.n ? &h->test : &i->test), "Interval",
			 (json_int_t)either(h->interval_ns, i->interval_ns), "Timeout",
			 (json_int_t)either(h->timeout_ns, i->timeout_ns), "StartPeriod",
			 (json_int_t)either(h->start_period_ns, i->start_period_ns), "Retries",
			 (json_int_t)either(h->retries, i->retries));
}

static json_t *labels_json(const struct status *s)
{
	json_t *out = json_object();

	vec_each(l, &s->labels)
		json_object_set_new(out, l->key, text_or_empty(l->value));
	return out;
}

static json_t *binds_json(const struct status *s)
{
	json_t *out = json_array();
	struct arena a = {0};

	vec_each(m, &s->mounts) {
		bool bind = m->type && !strcmp(m->type, "bind");

		if (!bind && !(m->type && !strcmp(m->type, "volume")))
			continue;
		json_array_append_new(
			out, json_string(arena_printf(&a, "%s:%s:%s", bind ? m->source : m->name,
						      m->target, m->read_only ? "ro" : "rw")));
	}
	arena_free(&a);
	return out;
}

static json_t *pairs_json(const struct pairs *pairs)
{
	json_t *out = json_object();

	vec_each(p, pairs)
		json_object_set_new(out, p->key, text_or_empty(p->value));
	return out;
}

/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}: as the file asks, whether it runs or not. */
static json_t *port_bindings_json(const struct service *svc)
{
	json_t *out = json_object();
	struct arena a = {0};

	for (size_t k = 0; svc && k < svc->ports.n; k++) {
		const struct port *p = &svc->ports.v[k];
		const char *key = arena_printf(&a, "%lld/%s", (long long)p->target,
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
	arena_free(&a);
	return out;
}

static json_t *exposed_json(const struct origin *o)
{
	json_t *out = port_bindings_json(o->svc), *none;
	const char *key;
	void *next;
	struct arena a = {0};

	json_object_foreach_safe(out, next, key, none) json_object_set_new(out, key, json_object());
	for (size_t k = 0; o->svc && k < o->svc->expose.n; k++) {
		const char *port = o->svc->expose.v[k];

		json_object_set_new(out,
				    strchr(port, '/') ? port : arena_printf(&a, "%s/tcp", port),
				    json_object());
	}
	arena_free(&a);
	return out;
}

static json_t *volumes_json(const struct status *s)
{
	json_t *out = json_object();

	vec_each(v, &s->volumes)
		json_object_set_new(out, v->target ? v->target : "", json_object());
	return out;
}

static json_t *ulimits_json(const struct service *svc)
{
	json_t *out = json_array();

	for (size_t k = 0; svc && k < svc->ulimits.n; k++)
		json_array_append_new(out,
				      json_pack("{s:s, s:I, s:I}", "Name", svc->ulimits.v[k].name,
						"Soft", (json_int_t)svc->ulimits.v[k].soft, "Hard",
						(json_int_t)svc->ulimits.v[k].hard));
	return out;
}

/* "name:address", as docker lists them. */
static json_t *hosts_json(const struct service *svc)
{
	json_t *out = json_array();
	struct arena a = {0};

	for (size_t k = 0; svc && k < svc->extra_hosts.n; k++) {
		const struct pair *h = &svc->extra_hosts.v[k];

		json_array_append_new(out, json_string(arena_printf(&a, "%s:%s", h->key,
								    h->value ? h->value : "")));
	}
	arena_free(&a);
	return out;
}

json_t *container_config_json(const struct status *s)
{
	struct origin o;
	const struct service *svc;
	json_t *j, *health;

	origin_find(&o, s);
	svc = o.svc;
	j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "Hostname",
		      svc && svc->hostname ? json_string(svc->hostname)
					   : json_stringn(s->id ? s->id : "", s->id ? 12 : 0),
		      "User",
		      text_or_empty(svc && svc->user ? svc->user
				    : o.img          ? o.img->user
						     : NULL),
		      "Env", env_json(&o, s), "Cmd", strings_json(&s->command), "Image",
		      text_or_empty(s->image), "Tty", s->tty, "OpenStdin", s->stdin_open,
		      "WorkingDir",
		      text_or_empty(svc && svc->working_dir ? svc->working_dir
				    : o.img                 ? o.img->workdir
							    : NULL),
		      "Labels", labels_json(s), "StopSignal",
		      text_or_empty(svc && svc->stop_signal ? svc->stop_signal
				    : o.img                 ? o.img->stop_signal
							    : NULL));
	json_object_set_new(j, "Domainname", text_or_empty(svc ? svc->domainname : NULL));
	json_object_set_new(j, "Entrypoint",
			    svc && svc->entrypoint.given   ? strings_json(&svc->entrypoint.words)
			    : o.img && o.img->entrypoint.n ? strings_json(&o.img->entrypoint)
							   : json_null());
	json_object_set_new(j, "ExposedPorts", exposed_json(&o));
	json_object_set_new(j, "Volumes", volumes_json(s));
	health = health_json(&o);
	if (health)
		json_object_set_new(j, "Healthcheck", health);
	arena_free(&o.a);
	return j;
}

/* What only a service can say; nothing of it where its file is gone. */
static void add_service(json_t *j, const struct service *svc)
{
	static const struct service none = {.limits.swappiness = -1};
	const struct service *s = svc ? svc : &none;
	const struct {
		const char *key;
		json_t *value;
	} rows[] = {
		{"CpuShares", json_integer(s->limits.cpu_shares)},
		{"CpuPeriod", json_integer(s->limits.cpu_period_us)},
		{"CpuQuota", json_integer(s->limits.cpu_quota_us)},
		{"CpusetCpus", text_or_empty(s->limits.cpuset)},
		{"MemorySwap", json_integer(s->limits.memory_swap)},
		{"OomScoreAdj", json_integer(s->oom_score_adj)},
		{"Init", json_boolean(s->init)},
		{"Dns", strings_json(&s->dns)},
		{"DnsOptions", strings_json(&s->dns_opt)},
		{"DnsSearch", strings_json(&s->dns_search)},
		{"ExtraHosts", hosts_json(svc)},
		{"GroupAdd", strings_json(&s->group_add)},
		{"IpcMode", json_string(s->ipc ? s->ipc : "private")},
		{"PidMode", text_or_empty(s->pid)},
		{"UTSMode", text_or_empty(s->uts)},
		{"UsernsMode", text_or_empty(s->userns_mode)},
		{"CgroupParent", text_or_empty(s->cgroup_parent)},
		{"Sysctls", pairs_json(&s->sysctls)},
		{"Ulimits", ulimits_json(svc)},
		{"PortBindings", port_bindings_json(svc)},
	};

	for (size_t k = 0; k < countof(rows); k++)
		json_object_set_new(j, rows[k].key, rows[k].value);
}

static json_t *restart_json(const struct service *svc)
{
	static const char *const names[] = {"no", "always", "on-failure", "unless-stopped"};

	return json_pack("{s:s, s:I}", "Name", svc ? names[svc->restart.when] : "no",
			 "MaximumRetryCount", svc ? (json_int_t)svc->restart.max_attempts : 0);
}

json_t *container_host_json(const struct status *s)
{
	static const struct strings none;
	struct origin o;
	const struct service *svc;
	json_t *j;

	origin_find(&o, s);
	svc = o.svc;
	j = json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:o}",
		      "Binds", binds_json(s), "RestartPolicy", restart_json(svc), "Memory",
		      svc ? (json_int_t)svc->limits.memory : 0, "MemoryReservation",
		      svc ? (json_int_t)svc->limits.memory_reservation : 0, "NanoCpus",
		      svc ? (json_int_t)(svc->limits.cpus * 1e9) : 0, "PidsLimit",
		      svc ? (json_int_t)svc->limits.pids : 0, "ReadonlyRootfs",
		      svc && svc->read_only, "Privileged", svc && svc->privileged, "CapAdd",
		      strings_json(svc ? &svc->cap_add : &none), "CapDrop",
		      strings_json(svc ? &svc->cap_drop : &none), "SecurityOpt",
		      strings_json(svc ? &svc->security_opt : &none), "NetworkMode",
		      text_or_empty(svc && svc->network_mode ? svc->network_mode
				    : s->networks.n          ? s->networks.v[0].name
							     : "none"),
		      "ShmSize", svc ? (json_int_t)svc->shm_size : 0, "LogConfig",
		      json_pack("{s:s, s:{}}", "Type", s->log_driver ? s->log_driver : "json-file",
				"Config"));
	if (svc)
		json_object_set_new(json_object_get(j, "LogConfig"), "Config",
				    pairs_json(&svc->log_options));
	add_service(j, svc);
	arena_free(&o.a);
	return j;
}
