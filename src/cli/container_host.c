#include "base/vec.h"
#include "cli/container_json.h"
#include "runtime/spec.h"
#include <ctype.h>
#include <string.h>

enum { SHM_DEFAULT = 64 << 20 }; /* docker's, and ours: runtime/spec */

static json_t *text_or_empty(const char *s)
{
	return json_string(s ? s : "");
}

static json_t *binds_json(struct arena *a, const struct status *s)
{
	json_t *out = json_array();

	vec_each(m, &s->mounts) {
		bool bind = m->type && !strcmp(m->type, "bind");

		if (bind || (m->type && !strcmp(m->type, "volume")))
			json_array_append_new(
				out,
				json_string(arena_printf(a, "%s:%s:%s", bind ? m->source : m->name,
							 m->target, m->read_only ? "ro" : "rw")));
	}
	return out;
}

static json_t *ulimits_json(const struct service *svc)
{
	json_t *out = json_array();

	vec_each(u, &svc->ulimits)
		json_array_append_new(out,
				      json_pack("{s:s, s:I, s:I}", "Name", u->name, "Soft",
						(json_int_t)u->soft, "Hard", (json_int_t)u->hard));
	return out;
}

/* "name:address", as docker lists them. */
static json_t *hosts_json(struct arena *a, const struct service *svc)
{
	json_t *out = json_array();

	vec_each(h, &svc->extra_hosts)
		json_array_append_new(out, json_string(arena_printf(a, "%s:%s", h->key,
								    h->value ? h->value : "")));
	return out;
}

/* docker writes "net_admin" of a file as CAP_NET_ADMIN. */
static json_t *caps_json(struct arena *a, const struct strings *caps)
{
	json_t *out = json_array();

	vec_each(c, caps) {
		char *name = arena_printf(a, "%s", *c);

		for (char *p = name; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		if (!text_starts(name, "CAP_") && strcmp(name, "ALL"))
			name = arena_printf(a, "CAP_%s", name);
		json_array_append_new(out, json_string(name));
	}
	return out;
}

static json_t *devices_json(const struct service *svc)
{
	json_t *out = json_array();

	vec_each(d, &svc->devices)
		json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "PathOnHost", d->source,
						     "PathInContainer",
						     d->target ? d->target : d->source,
						     "CgroupPermissions",
						     d->permissions ? d->permissions : "rwm"));
	return out;
}

static json_t *throttles_json(const struct throttles *list, const char *what)
{
	json_t *out = json_array();

	vec_each(t, list)
		json_array_append_new(
			out, json_pack("{s:s, s:I}", "Path", t->path, what, (json_int_t)t->rate));
	return out;
}

/* What nobody inside sees or changes, unless the file lays it open. */
static json_t *hidden_json(const struct service *svc, const char *const *paths)
{
	json_t *out = svc->privileged || strings_have(&svc->security_opt, "systempaths=unconfined")
			      ? json_null()
			      : json_array();

	for (; json_is_array(out) && *paths; paths++)
		json_array_append_new(out, json_string(*paths));
	return out;
}

static json_t *restart_json(const struct service *svc)
{
	static const char *const names[] = {"no", "always", "on-failure", "unless-stopped"};

	return json_pack("{s:s, s:I}", "Name", names[svc->restart.when], "MaximumRetryCount",
			 (json_int_t)svc->restart.max_attempts);
}

static const char *network_mode(const struct status *s, const struct service *svc)
{
	return svc->network_mode ? svc->network_mode
	       : s->networks.n   ? s->networks.v[0].name
				 : "none";
}

/* Twice the memory where the file says nothing of swap, as docker fills it in. */
static int64_t memory_swap(const struct limits *l)
{
	return l->memory_swap || !l->memory ? l->memory_swap : 2 * l->memory;
}

/* Rows of a table: the parts of "HostConfig" by what they speak of. */
struct row {
	const char *key;
	json_t *value;
};

static void put_rows(json_t *j, const struct row *rows, size_t n)
{
	for (size_t k = 0; k < n; k++)
		json_object_set_new(j, rows[k].key, rows[k].value);
}

static void put_limits(json_t *j, const struct service *svc)
{
	const struct limits *l = &svc->limits;
	const struct blkio *b = &l->blkio;
	const struct row rows[] = {
		{"CpuShares", json_integer(l->cpu_shares)},
		{"CpuPeriod", json_integer(l->cpu_period_us)},
		{"CpuQuota", json_integer(l->cpu_quota_us)},
		{"CpuRealtimePeriod", json_integer(l->cpu_rt_period_us)},
		{"CpuRealtimeRuntime", json_integer(l->cpu_rt_runtime_us)},
		{"CpusetCpus", text_or_empty(l->cpuset)},
		{"CpusetMems", json_string("")},
		{"NanoCpus", json_integer((json_int_t)(l->cpus * 1e9))},
		{"Memory", json_integer(l->memory)},
		{"MemoryReservation", json_integer(l->memory_reservation)},
		{"MemorySwap", json_integer(memory_swap(l))},
		{"MemorySwappiness", l->swappiness < 0 ? json_null() : json_integer(l->swappiness)},
		{"OomKillDisable", json_boolean(l->oom_kill_disable)},
		{"OomScoreAdj", json_integer(svc->oom_score_adj)},
		{"PidsLimit", l->pids ? json_integer(l->pids) : json_null()},
		{"ShmSize", json_integer(svc->shm_size ? svc->shm_size : SHM_DEFAULT)},
		{"Ulimits", ulimits_json(svc)},
		{"BlkioWeight", json_integer(b->weight)},
		{"BlkioWeightDevice", throttles_json(&b->weight_device, "Weight")},
		{"BlkioDeviceReadBps", throttles_json(&b->read_bps, "Rate")},
		{"BlkioDeviceReadIOps", throttles_json(&b->read_iops, "Rate")},
		{"BlkioDeviceWriteBps", throttles_json(&b->write_bps, "Rate")},
		{"BlkioDeviceWriteIOps", throttles_json(&b->write_iops, "Rate")},
	};

	put_rows(j, rows, countof(rows));
}

static void put_rights(json_t *j, struct arena *a, const struct service *svc)
{
	const struct row rows[] = {
		{"Privileged", json_boolean(svc->privileged)},
		{"ReadonlyRootfs", json_boolean(svc->read_only)},
		{"CapAdd", caps_json(a, &svc->cap_add)},
		{"CapDrop", caps_json(a, &svc->cap_drop)},
		{"SecurityOpt", json_words(&svc->security_opt)},
		{"GroupAdd", json_words(&svc->group_add)},
		{"Devices", devices_json(svc)},
		{"DeviceCgroupRules", json_words(&svc->device_cgroup_rules)},
		{"MaskedPaths", hidden_json(svc, spec_masked)},
		{"ReadonlyPaths", hidden_json(svc, spec_readonly)},
		{"Sysctls", json_pairs(&svc->sysctls)},
		{"StorageOpt", json_pairs(&svc->storage_opt)},
		{"Annotations", json_pairs(&svc->annotations)},
	};

	put_rows(j, rows, countof(rows));
}

static void put_spaces(json_t *j, struct arena *a, const struct service *svc)
{
	const struct row rows[] = {
		{"CgroupParent", text_or_empty(svc->cgroup_parent)},
		{"CgroupnsMode", json_string(svc->cgroup ? svc->cgroup : "private")},
		{"IpcMode", json_string(svc->ipc ? svc->ipc : "private")},
		{"PidMode", text_or_empty(svc->pid)},
		{"UTSMode", text_or_empty(svc->uts)},
		{"UsernsMode", text_or_empty(svc->userns_mode)},
		{"Dns", json_words(&svc->dns)},
		{"DnsOptions", json_words(&svc->dns_opt)},
		{"DnsSearch", json_words(&svc->dns_search)},
		{"ExtraHosts", hosts_json(a, svc)},
		{"PortBindings", container_port_bindings(a, svc)},
		{"VolumesFrom", svc->volumes_from.n ? json_words(&svc->volumes_from) : json_null()},
	};

	put_rows(j, rows, countof(rows));
}

json_t *container_host_json(struct origin *o, const struct status *s)
{
	static const struct service none = {.limits.swappiness = -1};
	const struct service *svc = o->svc ? o->svc : &none;
	json_t *j = json_pack(
		"{s:o, s:s, s:o, s:s, s:b, s:s, s:[ii], s:b, s:{s:s, s:o}}", "Binds",
		binds_json(&o->a, s), "NetworkMode", network_mode(s, svc), "RestartPolicy",
		restart_json(svc), "Runtime", svc->runtime ? svc->runtime : "berth", "Init",
		svc->init, "ContainerIDFile", "", "ConsoleSize", 0, 0, "AutoRemove", s->auto_remove,
		"LogConfig", "Type", s->log_driver ? s->log_driver : "json-file", "Config",
		json_pairs(&svc->log_options));

	put_limits(j, svc);
	put_rights(j, &o->a, svc);
	put_spaces(j, &o->a, svc);
	return j;
}
