/* From a service to what the kernel must be told: the one place that knows both. */
#include "runtime/spec.h"
#include "base/log.h"
#include "base/trust.h"
#include "base/when.h"
#include "runtime/quota.h"
#include "supervise/idrange.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *const cap_names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};
#define ALL_CAPS ((UINT64_C(1) << countof(cap_names)) - 1)
/* docker's fourteen. */
static const char *const default_caps[] = {
	"CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",
	"MKNOD",   "NET_RAW",      "SETGID",           "SETUID",
	"SETFCAP", "SETPCAP",      "NET_BIND_SERVICE", "SYS_CHROOT",
	"KILL",    "AUDIT_WRITE",
};

static uint64_t cap_bits(const char *name)
{
	if (!strcasecmp(name, "ALL"))
		return ALL_CAPS;
	if (!strncasecmp(name, "CAP_", 4))
		name += 4;
	for (size_t i = 0; i < countof(cap_names); i++) {
		if (!strcasecmp(name, cap_names[i]))
			return UINT64_C(1) << i;
	}
	return 0;
}

static uint64_t caps_of(const struct service *svc)
{
	uint64_t caps = 0;

	if (svc->privileged)
		return ALL_CAPS;
	for (size_t i = 0; i < countof(default_caps); i++)
		caps |= cap_bits(default_caps[i]);
	/* docker: ALL in drop clears first, so that what is added stays. */
	vec_each(c, &svc->cap_drop)
		caps &= ~cap_bits(*c);
	vec_each(c, &svc->cap_add)
		caps |= cap_bits(*c);
	vec_each(c, &svc->cap_drop) {
		if (strcasecmp(*c, "ALL"))
			caps &= ~cap_bits(*c);
	}
	return caps;
}

int spec_signal(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} more[] = {{"IOT", SIGIOT}, {"CLD", SIGCHLD}, {"POLL", SIGPOLL}};
	uint64_t number;

	if (!name)
		return 0;
	if (!text_to_u64(name, &number))
		return number < NSIG ? (int)number : 0;
	if (!strncasecmp(name, "SIG", 3))
		name += 3;
	if (!strncasecmp(name, "RTMIN+", 6))
		return text_to_u64(name + 6, &number) ? 0 : SIGRTMIN + (int)number;
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *abbrev = sigabbrev_np(i);

		if (abbrev && !strcasecmp(abbrev, name))
			return i;
	}
	for (size_t i = 0; i < countof(more); i++) {
		if (!strcasecmp(more[i].name, name))
			return more[i].number;
	}
	return 0;
}

const char *spec_image_ref(struct arena *a, const struct supervisor *s, const struct service *svc)
{
	return svc->image ? svc->image
			  : arena_printf(a, "%s%c%s", s->name, project_separator(s->project),
					 svc->name);
}

const char *spec_image_wanted(struct arena *a, const struct supervisor *s,
			      const struct service *svc)
{
	const char *pin = s->project ? pairs_get(&s->project->pins, svc->name) : NULL;

	return pin ? pin : spec_image_ref(a, s, svc);
}

static void add_words(struct arena *a, struct strings *to, const struct strings *from)
{
	vec_each(w, from)
		*vec_push(a, to) = *w;
}

void spec_command(struct arena *a, const struct service *svc, const struct image *image,
		  struct strings *out)
{
	add_words(a, out, svc->entrypoint.given ? &svc->entrypoint.words : &image->entrypoint);
	if (svc->command.given)
		add_words(a, out, &svc->command.words);
	else if (!svc->entrypoint.given) /* an entrypoint in the file hides the image's command */
		add_words(a, out, &image->cmd);
}

static int command_line(struct arena *a, const struct service *svc, const struct image *image,
			struct container_spec *out, struct err *e)
{
	spec_command(a, svc, image, &out->argv);
	if (!out->argv.n) {
		err_set(e, EINVAL, "no command specified: neither the file nor the image has one");
		return err_at(e, "%s", svc->at ? svc->at : "");
	}
	return 0;
}

static void set_env(struct arena *a, struct strings *env, const char *key, const char *value)
{
	size_t n = strlen(key);

	vec_each(v, env) {
		if (strncmp(*v, key, n) || (*v)[n] != '=')
			continue;
		if (value) {
			*v = arena_printf(a, "%s=%s", key, value);
			return;
		}
		memmove(v, v + 1, (size_t)(env->v + env->n - (v + 1)) * sizeof(*v));
		env->n--;
		return;
	}
	if (value)
		*vec_push(a, env) = arena_printf(a, "%s=%s", key, value);
}

static void environment(struct arena *a, const struct instance *i, const struct image *image,
			struct container_spec *out)
{
	static const char path[] = "PATH";
	bool has_path = false;

	add_words(a, &out->envp, &image->env);
	vec_each(v, &out->envp)
		has_path |= text_starts(*v, "PATH=");
	if (!has_path)
		set_env(a, &out->envp, path,
			"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	set_env(a, &out->envp, "HOSTNAME", out->hostname ? out->hostname : netowner_host_name(a));
	if (i->svc->tty)
		set_env(a, &out->envp, "TERM", "xterm");
	for (const char *const *v = trust_variables; trust_bundle(a) && *v; v++)
		set_env(a, &out->envp, *v, TRUST_TARGET);
	vec_each(p, &i->svc->environment)
		set_env(a, &out->envp, p->key, p->value);
}

/* "/proc/one:/proc/two" */
static void add_paths(struct arena *a, struct span list, struct strings *to)
{
	struct span one;
	bool more = true;

	while (more) {
		more = span_cut(&list, ':', &one);
		*vec_push(a, to) = span_dup(a, one);
	}
}

static int security(struct arena *a, const struct service *svc, struct container_spec *out,
		    struct err *e)
{
	vec_each(o, &svc->security_opt) {
		struct span value = span_of(*o), key;

		/* "no-new-privileges:true" is as good as "=true"; the first of both divides. */
		span_cut(&value, (*o)[strcspn(*o, "=:")], &key);
		if (span_is(key, "no-new-privileges"))
			out->no_new_privs = !span_is(value, "false");
		else if (span_is(key, "seccomp") && span_is(value, "unconfined"))
			out->seccomp_unconfined = true;
		else if (span_is(key, "seccomp") && !span_is(value, "builtin"))
			out->seccomp_file = span_dup(a, value);
		else if (span_is(key, "apparmor"))
			out->apparmor = span_dup(a, value);
		else if (span_is(key, "systempaths"))
			out->systempaths_unconfined = span_is(value, "unconfined");
		else if (span_is(key, "unmask") && span_is(value, "ALL"))
			out->systempaths_unconfined = true;
		else if (span_is(key, "mask") || span_is(key, "unmask"))
			add_paths(a, value, *(*o) == 'm' ? &out->masked : &out->unmasked);
		else if (span_is(key, "label") && !span_is(value, "disable"))
			log_warn("%s: security_opt \"%s\" has no effect: berth sets no SELinux "
				 "label",
				 svc->name, *o);
		else if (!span_is(key, "label") && !span_is(key, "seccomp"))
			return err_set(e, EINVAL, "security_opt \"%s\" is not known", *o);
	}
	return 0;
}

static const struct {
	const char *name;
	int resource;
} rlimits[] = {
	{"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
	{"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
	{"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
	{"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
	{"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};

static int ulimits(struct arena *a, const struct service *svc, struct container_spec *out,
		   struct err *e)
{
	vec_each(u, &svc->ulimits) {
		struct rlimit_spec *r = vec_push(a, &out->rlimits);

		*r = (struct rlimit_spec){.resource = -1,
					  .soft = u->soft < 0 ? RLIM_INFINITY : (uint64_t)u->soft,
					  .hard = u->hard < 0 ? RLIM_INFINITY : (uint64_t)u->hard};
		for (size_t i = 0; i < countof(rlimits); i++) {
			if (!strcmp(rlimits[i].name, u->name))
				r->resource = rlimits[i].resource;
		}
		if (r->resource < 0)
			return err_set(e, EINVAL, "ulimit \"%s\" is not known", u->name);
	}
	return 0;
}

static int device_numbers(const char *path, int64_t *major_no, int64_t *minor_no, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	*major_no = major(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev);
	*minor_no = minor(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev);
	return 0;
}

#define throttle_rows(a, from, to, e)                                                              \
	({                                                                                         \
		int r_ = 0;                                                                        \
		vec_each(t_, from) {                                                               \
			struct io_limit *l_ = vec_push(a, to);                                     \
			l_->value = t_->rate;                                                      \
			if (!r_)                                                                   \
				r_ = device_numbers(t_->path, &l_->major, &l_->minor, e);          \
		}                                                                                  \
		r_;                                                                                \
	})

static int io_limits(struct arena *a, const struct blkio *b, struct cgroup_limits *out,
		     struct err *e)
{
	int r = throttle_rows(a, &b->weight_device, &out->io_weight_device, e);

	out->io_weight = b->weight;
	if (!r)
		r = throttle_rows(a, &b->read_bps, &out->io_read_bps, e);
	if (!r)
		r = throttle_rows(a, &b->read_iops, &out->io_read_iops, e);
	if (!r)
		r = throttle_rows(a, &b->write_bps, &out->io_write_bps, e);
	if (!r)
		r = throttle_rows(a, &b->write_iops, &out->io_write_iops, e);
	return r;
}

/* "c 189:* rwm" */
static int device_rule(struct arena *a, const char *text, struct cgroup_limits *out, struct err *e)
{
	char type, major_no[16], minor_no[16], rights[8];
	struct device_rule *r;

	if (sscanf(text, "%c %15[0-9*]:%15[0-9*] %7[rwm]", &type, major_no, minor_no, rights) !=
		    4 ||
	    !strchr("abc", type))
		return err_set(e, EINVAL, "device_cgroup_rules: \"%s\" is not like \"c 1:3 rwm\"",
			       text);
	r = vec_push(a, &out->devices);
	*r = (struct device_rule){.allow = true,
				  .type = type,
				  .major = *major_no == '*' ? -1 : atol(major_no),
				  .minor = *minor_no == '*' ? -1 : atol(minor_no),
				  .permissions = arena_printf(a, "%s", rights)};
	return 0;
}

static int resources(struct arena *a, const struct service *svc, struct container_spec *out,
		     struct err *e)
{
	const struct limits *l = &svc->limits;
	struct cgroup_limits *c = &out->limits;
	int r;

	*c = (struct cgroup_limits){.memory = l->memory,
				    .memory_low = l->memory_reservation,
				    .memory_swap = l->memory_swap,
				    .pids = l->pids,
				    .cpu_quota_us = l->cpu_quota_us,
				    .cpu_period_us = l->cpu_period_us,
				    .cpu_shares = l->cpu_shares,
				    .cpu_rt_period_us = l->cpu_rt_period_us,
				    .cpu_rt_runtime_us = l->cpu_rt_runtime_us,
				    .cpuset = l->cpuset,
				    .swappiness = l->swappiness,
				    .oom_kill_disable = l->oom_kill_disable};
	if (l->cpus > 0) {
		c->cpu_period_us = 100000;
		c->cpu_quota_us = (int64_t)(l->cpus * 100000);
	}
	r = io_limits(a, &l->blkio, c, e);
	vec_each(rule, &svc->device_cgroup_rules) {
		if (!r)
			r = device_rule(a, *rule, c, e);
	}
	out->shm_size = svc->shm_size > 0 ? svc->shm_size : 0;
	out->oom_score_adj = (int)svc->oom_score_adj;
	out->oom_score_adj_given = true; /* never the supervisor's */
	return r ? r : ulimits(a, svc, out, e);
}

/* A namespace of another container of the project (service:x), or of any (container:x). */
static int join(struct instance *i, const char *mode, const char *kind, struct ns_choice *out,
		struct err *e)
{
	const char *name = strchr(mode, ':') + 1;
	bool by_service = text_starts(mode, "service:");
	auto_arena a = {0};
	int fd;

	for (struct instance *o = i->of->instances; o; o = o->next) {
		if (strcmp(by_service ? o->st.service : o->st.name, name) || o == i ||
		    o->st.pid <= 0)
			continue;
		fd = open(arena_printf(&a, "/proc/%d/ns/%s", (int)o->st.pid, kind),
			  O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, errno, "%s namespace of %s: %s", kind, o->st.name,
				       strerror(errno));
		*out = (struct ns_choice){NS_JOIN, fd};
		return 0;
	}
	return err_set(e, ENOENT, "%s \"%s\" does not run, so its %s namespace cannot be shared",
		       by_service ? "service" : "container", name, kind);
}

static int namespace(struct instance *i, const char *mode, const char *kind, struct ns_choice *out,
		     struct err *e)
{
	if (!mode || !*mode || !strcmp(mode, "private") || !strcmp(mode, "shareable"))
		return 0;
	if (!strcmp(mode, "host")) {
		out->mode = NS_HOST;
		return 0;
	}
	if (text_starts(mode, "service:") || text_starts(mode, "container:"))
		return join(i, mode, kind, out, e);
	return err_set(e, EINVAL, "%s: \"%s\" is not known", kind, mode);
}

/* Absent is the host's, as docker's is without a remapping daemon. */
int spec_ids(const struct instance *i, struct id_map *out, struct err *e)
{
	const char *mode = i->svc->userns_mode;

	if (!mode || !*mode || !strcmp(mode, "host"))
		return 0;
	if (strcmp(mode, "auto"))
		return err_set(
			e, EINVAL,
			"userns_mode \"%s\" is not known: auto (ids of the project's own) or host",
			mode);
	if (i->svc->privileged)
		return err_set(
			e, EINVAL,
			"userns_mode \"auto\" takes away what \"privileged\" gives: choose one");
	*out = (struct id_map){.count = IDRANGE_COUNT};
	if (idrange_of(i->of->name, &out->outside, e) < 0)
		return err_wrap(e, "find ids for the project");
	return 1;
}

static int user_namespace(struct arena *a, const struct instance *i, struct container_spec *out,
			  struct err *e)
{
	struct id_map ids;
	int r = spec_ids(i, &ids, e);

	out->userns.mode = r > 0 ? NS_NEW : NS_HOST;
	if (r <= 0)
		return r;
	*vec_push(a, &out->uid_map) = ids;
	*vec_push(a, &out->gid_map) = ids;
	return 0;
}

static int namespaces(struct arena *a, struct instance *i, struct container_spec *out,
		      struct err *e)
{
	const struct service *svc = i->svc;
	int r = namespace(i, svc->pid, "pid", &out->pid, e);

	if (!r)
		r = namespace(i, svc->ipc, "ipc", &out->ipc, e);
	if (!r)
		r = namespace(i, svc->uts, "uts", &out->uts, e);
	if (!r)
		r = namespace(i, svc->cgroup, "cgroup", &out->cgroup, e);
	return r ? r : user_namespace(a, i, out, e);
}

/* storage_opt: what the container may write to its root. */
static int quota(const struct instance *i, const struct container_spec *spec, struct err *e)
{
	int64_t bytes;
	int r = 0;

	vec_each(o, &i->svc->storage_opt) {
		if (strcmp(o->key, "size") != 0)
			return err_set(e, EINVAL, "storage_opt \"%s\" is not known: size", o->key);
		r = size_parse(o->value ? o->value : "", &bytes, e);
		if (!r && bytes <= 0)
			r = err_set(e, EINVAL, "not a size: \"%s\"", o->value);
		if (!r)
			r = quota_limit(spec->upper, spec->work, (uint64_t)bytes, e);
		if (r < 0)
			return err_wrap(e, "storage_opt size=%s", o->value ? o->value : "");
	}
	return 0;
}

int spec_make(struct arena *a, struct instance *i, const struct image *image,
	      struct container_spec *out, struct err *e)
{
	const struct service *svc = i->svc;
	int r;

	*out = (struct container_spec){.id = i->st.id,
				       .name = i->st.name,
				       .dir = i->st.run_dir,
				       .layers = image->layers,
				       .upper = arena_printf(a, "%s/upper", i->st.dir),
				       .work = arena_printf(a, "%s/work", i->st.dir),
				       .read_only_root = svc->read_only,
				       .stdio = {-1, -1, -1},
				       .gate_fd = -1,
				       .tty = svc->tty,
				       .init = svc->init,
				       .rows = i->rows,
				       .cols = i->cols,
				       .privileged = svc->privileged,
				       .caps = caps_of(svc),
				       .cgroup_path = i->st.cgroup,
				       .sysctls = svc->sysctls,
				       .groups = svc->group_add,
				       .clone_parent = true};
	out->user = svc->user ? svc->user : image->user;
	if (out->user && !*out->user)
		out->user = NULL;
	out->cwd = svc->working_dir ? svc->working_dir : image->workdir;
	if (!out->cwd || !*out->cwd)
		out->cwd = "/";
	netowner_name(a, i, &out->hostname, &out->domainname);
	if (svc->uts && !strcmp(svc->uts, "host"))
		out->hostname = NULL;
	r = quota(i, out, e);
	if (!r)
		r = command_line(a, svc, image, out, e);
	if (!r)
		r = security(a, svc, out, e);
	if (!r)
		r = resources(a, svc, out, e);
	if (!r)
		r = namespaces(a, i, out, e);
	if (r < 0)
		return r;
	environment(a, i, image, out);
	vec_each(d, &svc->devices)
		*vec_push(a, &out->devices) =
			(struct device_spec){d->source, d->target ? d->target : d->source,
					     d->permissions ? d->permissions : "rwm"};
	return mounts_make(a, i, image, out, e);
}
