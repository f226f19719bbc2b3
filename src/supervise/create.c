/* Making a container that does not run yet, and reading back one that an earlier supervisor made.
 */
#include "base/file.h"
#include "base/mem.h"
#include "base/when.h"
#include "image/store.h"
#include "supervise/logfile.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static struct instance *instance_new(struct supervisor *s)
{
	struct instance *i = mem_new(sizeof(*i)), **at = &s->instances;

	i->of = s;
	i->netns = i->stdin_fd = -1;
	i->grace_ns = -1;
	i->launch.pidfd = i->launch.sync_fd = i->launch.tty_fd = -1;
	i->logs.log = i->logs.tty = -1;
	for (int k = 0; k < 2; k++)
		i->logs.s[k].fd = i->logs.s[k].spool = -1;
	for (int k = 0; k < 3; k++)
		i->stdio[k] = -1;
	i->health.task.out = i->hook.out = -1;
	i->health.task.of = i->hook.of = i;
	i->hooks_ok = true;
	while (*at)
		at = &(*at)->next;
	*at = i;
	return i;
}

static void random_hex(char out[65])
{
	unsigned char raw[32];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		abort();
	for (int k = 0; k < 32; k++)
		snprintf(out + 2 * k, 3, "%02x", raw[k]);
}

static void add_label(struct instance *i, const char *key, const char *value)
{
	struct arena *a = &i->arena;

	if (value)
		*vec_push(a, &i->st.labels) =
			(struct pair){arena_printf(a, "%s", key), arena_printf(a, "%s", value)};
}

static void labels(struct instance *i, const struct image *image)
{
	const struct project *p = i->of->project;
	const struct service *svc = i->svc;
	auto_buf files = {0}, needs = {0};
	auto_arena a = {0};

	buf_str(&needs, "");
	buf_str(&files, "");
	vec_each(l, &image->labels)
		add_label(i, l->key, l->value);
	vec_each(l, &svc->labels)
		add_label(i, l->key, l->value ? l->value : "");
	vec_each(f, &p->files)
		buf_printf(&files, "%s%s", files.n ? "," : "", *f);
	vec_each(d, &svc->depends_on)
		buf_printf(&needs, "%s%s:%s:%s", needs.n ? "," : "", d->service,
			   d->condition == DEPEND_HEALTHY     ? "service_healthy"
			   : d->condition == DEPEND_COMPLETED ? "service_completed_successfully"
							      : "service_started",
			   d->restart ? "true" : "false");
	add_label(i, "com.docker.compose.project", p->name);
	add_label(i, "com.docker.compose.service", svc->name);
	add_label(i, "com.docker.compose.container-number",
		  arena_printf(&a, "%d", (int)i->st.number));
	add_label(i, "com.docker.compose.oneoff", i->st.one_off ? "True" : "False");
	add_label(i, "com.docker.compose.config-hash", svc->hash);
	add_label(i, "com.docker.compose.image", image->id);
	add_label(i, "com.docker.compose.depends_on", needs.p);
	add_label(i, "com.docker.compose.version", BERTH_VERSION);
	add_label(i, "com.docker.compose.project.working_dir", p->dir);
	add_label(i, "com.docker.compose.project.config_files", files.p);
}

static void inherit(struct instance *i, const struct status *before)
{
	struct arena *a = &i->arena;

	if (!before)
		return;
	vec_each(v, &before->volumes)
		*vec_push(a, &i->st.volumes) = (struct status_volume){
			arena_printf(a, "%s", v->name), arena_printf(a, "%s", v->target)};
	vec_each(p, &before->ports)
		*vec_push(a, &i->st.ports) = (struct status_port){
			arena_printf(a, "%s", p->host_ip), arena_printf(a, "%s", p->protocol),
			p->host_port, p->port};
}

/* systemd's name of a slice says where it lies: a-b.slice in a.slice/a-b.slice. */
static void put_slice(struct buf *b, const char *name)
{
	for (const char *dash = strchr(name, '-'); dash; dash = strchr(dash + 1, '-'))
		buf_printf(b, "%.*s.slice/", (int)(dash - name), name);
	buf_str(b, name);
}

/* cgroup_parent: below that group, as docker has it, which outlives the container. */
static char *group_of(struct instance *i)
{
	const char *parent = i->svc->cgroup_parent;
	auto_buf b = {0};

	if (parent)
		parent += strspn(parent, "/");
	if (!parent || !*parent)
		return arena_printf(&i->arena, "berth/%s/%s", i->of->name, i->st.id);
	if (text_ends(parent, ".slice") && !strchr(parent, '/'))
		put_slice(&b, parent);
	else
		buf_str(&b, parent);
	while (b.p[b.n - 1] == '/')
		b.n--;
	return arena_printf(&i->arena, "%.*s/%s", (int)b.n, b.p, i->st.id);
}

static void paths(struct instance *i)
{
	const struct supervisor *s = i->of;
	struct arena *a = &i->arena;

	i->st.dir = arena_printf(a, "%s/containers/%s", s->root_dir, i->st.name);
	i->st.run_dir = arena_printf(a, "%s/c/%s", s->run_dir, i->st.name);
	i->st.log_dir = arena_printf(a, "%s/logs/%s", s->root_dir, i->st.name);
	i->st.runtime_file = arena_printf(a, "%s/runtime.json", i->st.run_dir);
	i->st.cgroup = group_of(i);
	i->st.boot_id = s->boot_id;
	if (nets_has_own(i))
		i->st.netns = nets_place(i);
}

/* The words that docker shows in the place of networks. */
static const char *fixed_mode(const char *mode)
{
	if (mode && !strcmp(mode, "host"))
		return "host";
	return mode && !strcmp(mode, "none") ? "none" : NULL;
}

void instance_note_command(struct instance *i, const struct strings *argv)
{
	i->st.command.n = 0;
	vec_each(w, argv)
		*vec_push(&i->arena, &i->st.command) = arena_printf(&i->arena, "%s", *w);
}

int instance_create(struct supervisor *s, const struct service *svc, int64_t number,
		    const char *name, const struct status *before, struct instance **out,
		    struct err *e)
{
	auto_arena a = {0};
	struct strings argv = {0};
	struct image *image;
	const char *ref = spec_image_ref(&a, s, svc);
	struct instance *i;
	char hex[65];
	int r;

	if (!text_is_name(name)) /* it becomes part of paths */
		return err_set(e, EINVAL, "\"%s\" is no name of a container", name);
	r = store_image(&a, spec_image_wanted(&a, s, svc), &image, e);
	if (r == IMAGE_ABSENT) {
		err_set(e, ENOENT, "image %s is not here", ref);
		err_at(e, "%s", svc->at ? svc->at : "");
		return err_hint(e, "berth pull %s, or berth build %s", svc->name, svc->name);
	}
	if (r < 0)
		return r;
	i = instance_new(s);
	random_hex(hex);
	i->svc = svc;
	i->st = (struct status){
		.project = s->name,
		.name = arena_printf(&i->arena, "%s", name),
		.id = arena_printf(&i->arena, "%s", hex),
		.service = arena_printf(&i->arena, "%s", svc->name),
		.hash = arena_printf(&i->arena, "%s", svc->hash),
		.image = arena_printf(&i->arena, "%s", ref),
		.image_id = arena_printf(&i->arena, "%s", image->id),
		.number = number,
		.created_ns = when_wall_ns(),
		.tty = svc->tty,
		.stdin_open = svc->stdin_open,
		.log_driver = arena_printf(&i->arena, "%s",
					   svc->log_driver ? svc->log_driver : "json-file"),
		.net_mode = fixed_mode(svc->network_mode)};
	paths(i);
	logfile_put_by(i->st.log_dir);
	inherit(i, before);
	labels(i, image);
	spec_command(&a, svc, image, &argv);
	instance_note_command(i, &argv);
	/* Most often it starts at once, and that writes its state. */
	instance_save_later(i);
	r = file_mkdirs(i->st.dir, 0700, e);
	if (!r)
		r = store_pin(image->id, i->st.id, e);
	*out = i;
	if (r < 0)
		return err_wrap(e, "create container %s", name);
	events_write(s, "container", "create", i, NULL);
	return 0;
}

/* Reads its state; what becomes of it is adopt.c's business. */
int instance_adopt(struct supervisor *s, const char *name, struct err *e)
{
	auto_arena a = {0};
	struct instance *i;
	auto_json *j = NULL;
	struct status raw;
	int r = json_read_file(arena_printf(&a, "%s/containers/%s/state.json", s->root_dir, name),
			       4 << 20, &j, e);

	if (!r) /* checked before anything is listed */
		r = status_from_json(&a, j, &raw, e);
	if (r < 0)
		return err_wrap(e, "state of container %s", name);
	i = instance_new(s);
	r = status_from_json(&i->arena, j, &i->st, e);
	i->st.project = s->name;
	if (s->project)
		i->svc = project_service(s->project, i->st.service);
	i->life = DOWN;
	status_read_health(&i->arena, &i->st);
	vec_each(p, &i->st.probes) {
		p->output = mem_text(p->output ? p->output : "");
	}
	return r;
}
