/* From a created container to a running process, and the files it sees in /etc. */
#include "base/file.h"
#include "base/sys.h"
#include "image/skeleton.h"
#include "image/store.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"
#include "runtime/state.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* It stays while somebody is in it, whatever becomes of its owner. */
static int foreign_namespace(struct instance *i, const char *mode, struct ns_choice *out,
			     struct err *e)
{
	struct status st = {0};
	auto_arena a = {0};
	int fd;

	if (!text_starts(mode, "container:") ||
	    !netowner_foreign(&a, i->of, strchr(mode, ':') + 1, &st))
		return err_set(e, ENOENT, "network_mode \"%s\": there is no such container", mode);
	fd = sys_open(AT_FDCWD, st.netns, O_RDONLY, 0);
	if (fd < 0)
		return err_set(e, -fd, "network_mode \"%s\": it does not run", mode);
	close_at(&i->netns);
	i->netns = fd;
	*out = (struct ns_choice){NS_JOIN, fd};
	return 0;
}

/* A network namespace that outlives every process in it. */
static int own_namespace(struct instance *i, const char *mode, struct ns_choice *out, struct err *e)
{
	struct instance *owner = i;
	int r;

	if (mode && (text_starts(mode, "service:") || text_starts(mode, "container:"))) {
		owner = netowner_find(i, mode);
		if (!owner || !owner->svc)
			return foreign_namespace(i, mode, out, e);
	}
	r = nets_wire(owner, e);
	if (r < 0)
		return r;
	*out = (struct ns_choice){NS_JOIN, owner->netns};
	return 0;
}

/* Root inside rules its network only from the user namespace that owns it. */
static int same_owner(struct container_spec *spec, struct err *e)
{
	int r, fd;

	if (spec->userns.mode != NS_NEW || spec->net.mode != NS_JOIN)
		return 0;
	r = netns_owner(spec->net.fd, &fd, e);
	if (!r)
		spec->userns = (struct ns_choice){NS_JOIN, fd};
	return r == -ENOENT ? 0 : r;
}

static int choose_net(struct instance *i, struct container_spec *spec, struct err *e)
{
	const char *mode = i->svc->network_mode;

	if (mode && !strcmp(mode, "host")) {
		spec->net.mode = NS_HOST;
		return 0;
	}
	return own_namespace(i, mode, &spec->net, e) < 0 ? -e->code : same_owner(spec, e);
}

static const char *host_gateway(const struct instance *i)
{
	return i->st.networks.n && i->st.networks.v[0].gateway ? i->st.networks.v[0].gateway
							       : "127.0.0.1";
}

static void extra_hosts(struct buf *b, const struct pairs *hosts, const struct instance *owner)
{
	vec_each(h, hosts) {
		bool gateway = h->value && !strcmp(h->value, "host-gateway");

		buf_printf(b, "%s\t%s\n", gateway ? host_gateway(owner) : h->value, h->key);
	}
}

static void hosts_text(struct buf *b, const struct instance *i, const char *hostname)
{
	buf_str(b, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
		   "fe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
		   "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
	extra_hosts(b, &i->svc->extra_hosts, i);
	vec_each(n, &i->st.networks) {
		const char *domain = i->svc->domainname;

		if (!n->ip4 && !n->ip6)
			continue;
		buf_printf(b, "%s\t%s", n->ip4 ? n->ip4 : n->ip6, hostname);
		if (domain)
			buf_printf(b, ".%s %s", domain, hostname);
		else if (strchr(hostname, '.')) /* its first label alone, as docker has it */
			buf_printf(b, " %.*s", (int)strcspn(hostname, "."), hostname);
		buf_str(b, "\n");
	}
}

static void resolv_text(struct buf *b, const struct instance *i)
{
	bool dots = false;

	buf_str(b, "nameserver 127.0.0.11\n");
	if (i->svc->dns_search.n) {
		buf_str(b, "search");
		vec_each(s, &i->svc->dns_search)
			buf_printf(b, " %s", *s);
		buf_str(b, "\n");
	}
	buf_str(b, "options");
	vec_each(o, &i->svc->dns_opt)
		dots |= text_starts(*o, "ndots:");
	if (!dots)
		buf_str(b, " ndots:0");
	vec_each(o, &i->svc->dns_opt)
		buf_printf(b, " %s", *o);
	buf_str(b, "\n");
}

static int put(struct arena *a, const struct instance *i, const char *name, const struct buf *b,
	       const char **path, struct err *e)
{
	char *p = arena_printf(a, "%s/%s", i->st.run_dir, name);
	int r;

	/* Written in place: the file may be bound into a container that shares it. */
	r = sys_open(AT_FDCWD, p, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (r < 0)
		return err_set(e, -r, "%s: %s", p, strerror(-r));
	auto_fd int fd = r;
	(void)!fchmod(fd, 0644);
	r = sys_write_all(fd, b->p, b->n);
	*path = p;
	return r < 0 ? err_set(e, -r, "%s: %s", p, strerror(-r)) : 0;
}

/* Of a namespace of another project: its own files, as docker shares them too. */
static int foreign_files(struct arena *a, const struct instance *i, const char *mode,
			 struct container_spec *spec)
{
	struct status st = {0};
	const char *resolv;

	if (!netowner_foreign(a, i->of, strchr(mode, ':') + 1, &st))
		return 0;
	spec->hosts_file = arena_printf(a, "%s/hosts", st.run_dir);
	resolv = arena_printf(a, "%s/resolv.conf", st.run_dir);
	if (!access(resolv, F_OK))
		spec->resolv_file = resolv;
	return 0;
}

static int etc_files(struct arena *a, struct instance *i, struct container_spec *spec,
		     struct err *e)
{
	const char *mode = i->svc->network_mode;
	const char *called = spec->hostname ? spec->hostname : netowner_host_name(a);
	auto_buf hosts = {0}, resolv = {0}, name = {0};
	struct instance *owner = i;
	int r;

	if (mode && (text_starts(mode, "service:") || text_starts(mode, "container:")))
		owner = netowner_find(i, mode);
	buf_printf(&name, "%s\n", called);
	r = put(a, i, "hostname", &name, &spec->hostname_file, e);
	if (r < 0)
		return r;
	if (mode && !strcmp(mode, "host")) {
		spec->hosts_file = "/etc/hosts";
		spec->resolv_file = "/etc/resolv.conf";
		return 0;
	}
	if (!owner)
		return foreign_files(a, i, mode, spec);
	hosts_text(&hosts, owner, called);
	if (owner != i)
		extra_hosts(&hosts, &i->svc->extra_hosts, owner);
	r = put(a, i, "hosts", &hosts, &spec->hosts_file, e);
	if (r < 0 || !owner->st.networks.n)
		return r; /* no network: the image's resolv.conf stays */
	resolv_text(&resolv, owner);
	return put(a, i, "resolv.conf", &resolv, &spec->resolv_file, e);
}

static int stdin_for(struct instance *i, int *out, struct err *e)
{
	int r = 0;

	if (i->stdio[0] >= 0) {
		*out = sys_dup_above(i->stdio[0], 3);
	} else if (i->svc->stdin_open && !i->svc->tty) {
		if (i->stdin_fd < 0)
			r = pipe_make(i, "in", &i->stdin_fd, e);
		*out = r < 0 ? r : pipe_open(i->stdin_fd, 0);
	} else {
		*out = sys_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
	}
	return *out < 0 ? err_set(e, -*out, "stdin: %s", strerror(-*out)) : 0;
}

static void close_stdio(struct container_spec *spec)
{
	for (int k = 0; k < 3; k++) {
		if (spec->stdio[k] >= 0)
			close(spec->stdio[k]);
		spec->stdio[k] = -1;
	}
}

static void close_joined(struct container_spec *spec)
{
	struct ns_choice *all[] = {&spec->pid, &spec->ipc, &spec->uts, &spec->cgroup,
				   &spec->userns};

	for (size_t k = 0; k < countof(all); k++) {
		if (all[k]->mode == NS_JOIN)
			close(all[k]->fd);
	}
}

static int prepare(struct arena *a, struct instance *i, struct container_spec *spec, struct err *e)
{
	struct image *image;
	const char *ref = i->st.image_id ? i->st.image_id : spec_image_ref(a, i->of, i->svc);
	char *dir;
	int r = store_image(a, ref, &image, e);

	if (r == IMAGE_ABSENT) {
		err_set(e, ENOENT, "image %s is not here", i->st.image ? i->st.image : ref);
		return err_hint(e, "berth pull %s", i->st.service);
	}
	if (!r)
		r = file_mkdirs(i->st.run_dir, 0700, e);
	if (!r) {
		dir = arena_printf(a, "%s/upper", i->st.dir);
		r = file_mkdirs(dir, 0755, e);
	}
	if (!r)
		r = file_mkdirs(arena_printf(a, "%s/work", i->st.dir), 0700, e);
	if (!r)
		r = spec_make(a, i, image, spec, e);
	if (!r && i->fill.todo.n)
		return LAUNCHER_FILL;
	if (!r)
		r = skeleton_add(a, &spec->layers, e);
	if (!r)
		r = choose_net(i, spec, e);
	if (!r)
		r = etc_files(a, i, spec, e);
	if (!r)
		r = stdin_for(i, &spec->stdio[0], e);
	if (!r)
		r = logs_prepare(i, spec->stdio, e);
	if (!r)
		r = ports_reserve(i, e);
	if (!r)
		ports_expose(i, image);
	return r;
}

/* Strings of earlier starts pile up in the arena; now and then the state is copied to a new one. */
static void compact(struct instance *i)
{
	auto_json *j = NULL;
	struct arena fresh = {0};
	struct status st;
	struct err ignored;

	if (i->starts % 16 || !i->starts)
		return;
	j = status_to_json(&i->st, false);
	if (status_from_json(&fresh, j, &st, &ignored) < 0) {
		arena_free(&fresh);
		return;
	}
	vec_each(p, &i->st.probes)
		*vec_push(&fresh, &st.probes) = *p; /* their output is malloc memory */
	arena_free(&i->arena);
	i->arena = fresh;
	i->st = st;
	i->health.test = (struct strings){0};
}

int launcher_start(struct instance *i, struct err *e)
{
	auto_arena a = {0};
	struct container_spec spec = {.stdio = {-1, -1, -1}};
	int r;

	if (!i->svc)
		return err_set(e, ENOENT, "service \"%s\" is not in the file any more",
			       i->st.service);
	compact(i);
	i->fill.todo = (struct pairs){0};
	i->st.pid = 0;
	i->st.error = NULL;
	i->st.state = STATE_STARTING;
	r = instance_write(i, e); /* before the action: a new supervisor looks for leftovers */
	if (!r)
		r = prepare(&a, i, &spec, e);
	if (!r) {
		instance_note_command(i, &spec.argv);
		r = launch_begin(&spec, &i->launch, e);
	}
	if (r) {
		close_stdio(&spec);
		close_joined(&spec);
		return r;
	}
	close_stdio(&spec);
	i->st.pid = i->launch.pid;
	i->st.start_time = i->launch.start_time;
	i->st.first_id = spec.uid_map.n ? spec.uid_map.v[0].outside : 0;
	i->logs.tty = -1;
	/* A successor empties the cgroup of what is "starting", and needs the pid only where the
	 * process enters that by itself, a moment later. */
	r = cgroup_layout() == CGROUP_V1 ? instance_write(i, e) : 0;
	if (!r)
		r = state_write(i->st.runtime_file, &spec, i->launch.pid, i->launch.start_time, e);
	if (!r)
		r = logs_attach(i, false, e);
	close_joined(&spec);
	/* Nobody could look into it or hear it: better none than such a one. */
	if (r < 0)
		sys_pidfd_signal(i->launch.pidfd, SIGKILL);
	return r;
}
