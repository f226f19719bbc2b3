/* One-off containers, waiting for ends, and what is known of causes. */
#include "base/mem.h"
#include "compose/project.h"
#include "supervise/apply.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The file's service with what the request changes, in the arena of the instance. */
static void override(struct arena *a, struct service *svc, const json_t *req)
{
	static const struct {
		const char *key;
		size_t off;
	} texts[] = {{"user", offsetof(struct service, user)},
		     {"workdir", offsetof(struct service, working_dir)}};
	json_t *list, *each;
	const char *key;
	size_t k;

	for (size_t n = 0; n < countof(texts); n++) {
		const char *v = json_string_or(req, texts[n].key, NULL);

		if (v)
			*(const char **)((char *)svc + texts[n].off) = arena_printf(a, "%s", v);
	}
	list = json_object_get(req, "entrypoint");
	if (json_is_array(list)) {
		svc->entrypoint = (struct argv){.given = true};
		svc->command = (struct argv){.given = true};
		json_array_foreach(list, k, each) * vec_push(a, &svc->entrypoint.words) =
			arena_printf(a, "%s", json_string_value(each));
	}
	list = json_object_get(req, "command");
	if (json_array_size(list)) {
		svc->command = (struct argv){.given = true};
		json_array_foreach(list, k, each) * vec_push(a, &svc->command.words) =
			arena_printf(a, "%s", json_string_value(each));
	}
	svc->environment.cap = svc->environment.n; /* pushes copy: the file's own stays */
	json_object_foreach(json_object_get(req, "env"), key, each) *
		vec_push(a, &svc->environment) = (struct pair){
		arena_printf(a, "%s", key),
		json_is_string(each) ? arena_printf(a, "%s", json_string_value(each)) : NULL};
	svc->labels.cap = svc->labels.n;
	json_object_foreach(json_object_get(req, "labels"), key, each) * vec_push(a, &svc->labels) =
		(struct pair){arena_printf(a, "%s", key),
			      arena_printf(a, "%s", json_string_value(each) ?: "")};
	svc->cap_add.cap = svc->cap_add.n;
	json_array_foreach(json_object_get(req, "cap_add"), k, each) * vec_push(a, &svc->cap_add) =
		arena_printf(a, "%s", json_string_value(each));
	svc->cap_drop.cap = svc->cap_drop.n;
	json_array_foreach(json_object_get(req, "cap_drop"), k, each) *
		vec_push(a, &svc->cap_drop) = arena_printf(a, "%s", json_string_value(each));
}

static void add_volume(struct arena *a, struct service *svc, const char *text)
{
	struct span rest = span_of(text), source;
	struct mount *m;

	if (!span_cut(&rest, ':', &source)) {
		rest = source = span_of(text);
		source.n = 0;
	}
	svc->volumes.cap = svc->volumes.n;
	m = vec_push(a, &svc->volumes);
	*m = (struct mount){.type = source.n && *source.p == '/' ? MOUNT_BIND : MOUNT_VOLUME,
			    .source = source.n ? span_dup(a, source) : NULL,
			    .create_host_path = true,
			    .tmpfs_size = -1,
			    .tmpfs_mode = -1};
	if (text_ends(text, ":ro") && rest.n > 3) {
		m->read_only = true;
		rest.n -= 3;
	} else if (text_ends(text, ":rw") && rest.n > 3) {
		rest.n -= 3;
	}
	m->target = span_dup(a, rest);
}

static void publish(struct arena *a, struct service *svc, const json_t *req)
{
	json_t *each;
	size_t k;

	if (!json_bool_or(req, "service_ports", false)) {
		svc->ports.v = NULL;
		svc->ports.n = svc->ports.cap = 0;
	}
	svc->ports.cap = svc->ports.n;
	json_array_foreach(json_object_get(req, "publish"), k, each) * vec_push(a, &svc->ports) =
		(struct port){
			.host_ip = arena_printf(a, "%s", json_string_or(each, "host_ip", "")),
			.published = arena_printf(a, "%s", json_string_or(each, "published", "")),
			.protocol = arena_printf(a, "%s", json_string_or(each, "protocol", "tcp")),
			.target = json_int_or(each, "target", 0)};
}

static const char *run_name(struct arena *a, struct job *j, const char *service)
{
	const char *given = json_string_or(j->request, "name", NULL);
	unsigned char raw[6];
	char sep = project_separator(j->of->project);

	if (given)
		return given;
	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		abort();
	return arena_printf(a, "%s%c%s%crun%c%02x%02x%02x%02x%02x%02x", j->of->name, sep, service,
			    sep, sep, raw[0], raw[1], raw[2], raw[3], raw[4], raw[5]);
}

struct run { /* a job whose container is still to be made */
	int stdio[3];
};

static int make(struct job *j, struct instance **out, struct err *e)
{
	const char *service = json_string_or(j->request, "service", "");
	const char *name = run_name(&j->arena, j, service);
	struct arena own = {0};
	struct service *svc;
	json_t *each;
	size_t k;
	int r;

	if (instance_find(j->of, name))
		return err_set(e, EEXIST, "container name \"%s\" is already in use", name);
	r = supervisor_copy_service(j->of, &own, service, &svc, e);
	if (r < 0)
		return r;
	svc->container_name = NULL;
	svc->tty = json_bool_or(j->request, "tty", false);
	svc->stdin_open = json_bool_or(j->request, "interactive", false);
	override(&own, svc, j->request);
	json_array_foreach(json_object_get(j->request, "volumes"), k, each)
		add_volume(&own, svc, json_string_value(each));
	publish(&own, svc, j->request);
	r = instance_create(j->of, svc, 1, name, NULL, out, e);
	if (r < 0) {
		arena_free(&own);
		return r;
	}
	(*out)->own = own;
	(*out)->svc = svc;
	(*out)->st.one_off = arena_printf(&(*out)->arena, "%s", "run");
	(*out)->st.auto_remove = json_bool_or(j->request, "rm", false);
	(*out)->st.takes_project = json_bool_or(j->request, "project_too", false);
	vec_each(l, &(*out)->st.labels) {
		if (!strcmp(l->key, "com.docker.compose.oneoff"))
			l->value = "True";
	}
	if (json_bool_or(j->request, "use_aliases", false))
		*vec_push(&(*out)->arena, &(*out)->st.labels) =
			(struct pair){"berth.use-aliases", "true"};
	return 0;
}

static void start_it(struct job *j)
{
	struct run *run = (struct run *)j->extra;
	struct instance *i = NULL;
	struct err e = {0};

	if (make(j, &i, &e) < 0) {
		conn_done(j->conn, 1, &e);
	} else {
		i->rows = (unsigned short)json_int_or(j->request, "rows", 0);
		i->cols = (unsigned short)json_int_or(j->request, "cols", 0);
		for (int k = 0; k < 3; k++)
			i->stdio[k] = take_fd(&run->stdio[k]);
		i->follower = j->conn;
		i->detached = json_bool_or(j->request, "detach", false);
		instance_save(i);
		instance_event(i, WANT_UP);
	}
}

void run_cancel(struct job *j)
{
	struct run *run = j->extra;

	for (int k = 0; run && k < 3; k++) {
		if (run->stdio[k] >= 0)
			close(run->stdio[k]);
	}
	free(run);
	j->extra = NULL;
}

/* Its dependencies, not itself; and the networks and volumes that it needs. */
static void add_dependencies(struct job *j)
{
	const struct service *def =
		project_service(j->of->project, json_string_or(j->request, "service", ""));

	if (!def || json_bool_or(j->request, "no_deps", false))
		return;
	vec_each(d, &def->depends_on)
		*vec_push(&j->arena, &j->options.services) =
			arena_printf(&j->arena, "%s", d->service);
}

void run_request(struct conn *c, const json_t *req, int *fds, size_t n)
{
	struct job *j = job_new(c->of, c, "run", req);
	const char *service = json_string_or(req, "service", "");
	struct run *run = mem_new(sizeof(*run));

	for (size_t k = 0; k < 3; k++)
		run->stdio[k] = k < n ? take_fd(&fds[k]) : -1;
	j->extra = run;
	j->then = start_it;
	j->prepare = add_dependencies;
	j->options.goal = GOAL_UP;
	j->options.only_resources_of = arena_printf(&j->arena, "%s", service);
	job_queue(j);
}

static void close_stdio(struct instance *i)
{
	for (int k = 0; k < 3; k++) {
		if (i->stdio[k] >= 0)
			close(take_fd(&i->stdio[k]));
	}
}

/* It runs: the command gets its terminal. */
void run_started(struct instance *i)
{
	json_t *m;
	int fd = i->logs.tty;

	if (!i->st.one_off)
		return;
	close_stdio(i);
	if (!i->follower)
		return;
	m = json_pack("{s:s, s:s, s:s, s:i}", "event", "started", "name", i->st.name, "id",
		      i->st.id, "pid", (int)i->st.pid);
	if (fd >= 0 && !i->detached)
		conn_send_fds(i->follower, m, &fd, 1);
	else
		conn_send(i->follower, m);
	if (i->detached && i->follower) {
		conn_done(i->follower, 0, NULL);
		i->follower = NULL;
	}
}

static void tell_waiters(struct instance *i);

void run_ended(struct instance *i)
{
	tell_waiters(i);
	close_stdio(i);
	if (!i->follower)
		return;
	if (i->why.code) {
		err_wrap(&i->why, "start container %s", i->st.name);
		conn_done(i->follower, (int)i->st.exit_code, &i->why);
	} else {
		conn_send(i->follower,
			  json_pack("{s:s, s:i}", "event", "exited", "code", (int)i->st.exit_code));
		conn_done(i->follower, (int)i->st.exit_code, NULL);
	}
	i->follower = NULL;
}

int open_stdin(const struct instance *i)
{
	return pipe_open(i->stdin_fd, 0);
}

/* --- wait --- */

static bool waits_for(const struct conn *c, const struct instance *i)
{
	json_t *list = json_object_get(c->waiting, "containers"), *each;
	const char *word = i->st.name;
	size_t k;

	if (!json_array_size(list)) {
		list = json_object_get(c->waiting, "services");
		word = i->st.service;
	}
	if (!json_array_size(list))
		return !i->st.one_off;
	json_array_foreach(list, k, each)
	{
		if (json_is_string(each) && !strcmp(json_string_value(each), word))
			return true;
	}
	return false;
}

static void one_ended(struct conn *c, const struct instance *i)
{
	if (c->quiet)
		return;
	if (!c->waited++)
		c->wait_code = (int)i->st.exit_code;
	conn_send(c, json_pack("{s:s, s:s, s:s, s:i}", "event", "exited", "name", i->st.name,
			       "service", i->st.service, "code", (int)i->st.exit_code));
}

static void end_of_wait(struct conn *c)
{
	for (struct instance *i = c->of->instances; i; i = i->next) {
		if (waits_for(c, i) && i->life != DOWN)
			return;
	}
	json_decref(c->waiting);
	c->waiting = NULL;
	c->quiet = false;
	conn_done(c, c->wait_code, NULL);
}

static void tell_waiters(struct instance *i)
{
	for (struct conn *c = i->of->conns, *next; c; c = next) {
		next = c->next;
		if (!c->waiting || !waits_for(c, i))
			continue;
		one_ended(c, i);
		if (!c->dead)
			end_of_wait(c);
	}
}

void wait_request(struct conn *c, const json_t *req)
{
	struct err e = {0};
	bool any = false;

	c->waiting = json_incref((json_t *)(uintptr_t)req);
	c->waited = c->wait_code = 0;
	c->quiet = false;
	for (struct instance *i = c->of->instances; i; i = i->next) {
		if (!waits_for(c, i))
			continue;
		any = true;
		if (i->life == DOWN)
			one_ended(c, i);
	}
	if (!any) {
		json_decref(c->waiting);
		c->waiting = NULL;
		err_set(&e, ENOENT, "no containers for the project");
		conn_done(c, 1, &e);
		return;
	}
	end_of_wait(c);
}
