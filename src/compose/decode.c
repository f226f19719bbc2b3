/* From the settled tree to structs: what rows cannot say on their own. */
#include "base/when.h"
#include "compose/loading.h"
#include "compose/render.h"
#include "compose/service.h"
#include <errno.h>

int decode_external(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct pairs *p = out; /* [name=value], the same name more than once */

	(void)e;
	vec_each(k, &n->kids) {
		const char *eq = strchr((*k)->text, '=');
		size_t len = eq ? (size_t)(eq - (*k)->text) : strlen((*k)->text);

		*vec_push(a, p) =
			(struct pair){arena_strndup(a, (*k)->text, len), eq ? eq + 1 : NULL};
	}
	return 1;
}

int decode_argv(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct argv *argv = out;

	(void)e;
	argv->given = true;
	vec_each(k, &n->kids)
		*vec_push(a, &argv->words) = (*k)->text;
	return 1;
}

int decode_hook(struct arena *a, const struct node *n, void *out, struct err *e)
{
	(void)a, (void)n, (void)out, (void)e;
	return 0;
}

int decode_port(struct arena *a, const struct node *n, void *out, struct err *e)
{
	(void)e;
	((struct port *)out)->at = node_at(a, n);
	((struct port *)out)->published = "";
	return 0;
}

int decode_mount(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct mount *m = out;

	(void)e;
	m->at = node_at(a, n);
	m->tmpfs_size = m->tmpfs_mode = -1;
	m->create_host_path = true;
	return 0;
}

int decode_mount_type(struct arena *a, const struct node *n, void *out, struct err *e)
{
	static const char *const names[] = {[MOUNT_VOLUME] = "volume",
					    [MOUNT_BIND] = "bind",
					    [MOUNT_TMPFS] = "tmpfs",
					    [MOUNT_IMAGE] = "image"};

	(void)a;
	for (size_t i = 0; i < countof(names); i++) {
		if (!strcmp(names[i], n->text)) {
			*(enum mount_type *)out = (enum mount_type)i;
			return 1;
		}
	}
	return 1; /* npipe, cluster: refused in finish() */
}

int decode_file_ref(struct arena *a, const struct node *n, void *out, struct err *e)
{
	(void)e;
	((struct file_ref *)out)->at = node_at(a, n);
	((struct file_ref *)out)->mode = -1;
	return 0;
}

int decode_build_secret(struct arena *a, const struct node *n, void *out, struct err *e)
{
	(void)a, (void)n, (void)e;
	((struct build_secret *)out)->mode = -1;
	return 0;
}

int decode_endpoint(struct arena *a, const struct node *n, void *out, struct err *e)
{
	(void)a, (void)e;
	((struct endpoint *)out)->network = n->key;
	return 0;
}

int decode_dependency(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct dependency *d = out;

	(void)a, (void)e;
	d->service = n->key;
	d->required = true;
	return 0;
}

int decode_condition(struct arena *a, const struct node *n, void *out, struct err *e)
{
	(void)a, (void)e;
	*(enum depend_on *)out = !strcmp(n->text, "service_healthy") ? DEPEND_HEALTHY
				 : !strcmp(n->text, "service_completed_successfully")
					 ? DEPEND_COMPLETED
					 : DEPEND_STARTED;
	return 1;
}

int decode_ulimit(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct ulimit *u = out;

	(void)a;
	u->name = n->key;
	if (n->kind == NODE_SCALAR) {
		if (text_to_i64(n->text, &u->soft))
			return node_fail(n, e, "a limit is a whole number, not \"%s\"", n->text);
		u->hard = u->soft;
	}
	return 0;
}

int decode_health(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct healthcheck *h = out;

	(void)a, (void)n, (void)e;
	h->given = true;
	return 0;
}

int decode_build(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct build *b = out;

	(void)e;
	b->given = true;
	b->at = node_at(a, n);
	return 0;
}

int decode_watch(struct arena *a, const struct node *n, void *out, struct err *e)
{
	(void)a, (void)n, (void)out, (void)e;
	return 0;
}

int decode_network(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct network *w = out;

	(void)e;
	w->key = n->key;
	w->at = node_at(a, n);
	w->driver = "bridge";
	w->enable_ipv4 = true;
	w->enable_ipv6_given = node_get(n, "enable_ipv6");
	return 0;
}

int decode_volume(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct volume *v = out;

	(void)e;
	v->key = n->key;
	v->at = node_at(a, n);
	v->driver = "local";
	return 0;
}

int decode_file_source(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct file_source *f = out;

	(void)e;
	f->key = n->key;
	f->at = node_at(a, n);
	return 0;
}

/* ---- services ----------------------------------------------------------------------------- */

static int64_t bytes_at(const struct node *n, const char *path)
{
	const char *t = node_text(node_path(n, path));
	int64_t v;

	return t && !text_to_i64(t, &v) ? v : 0;
}

static double number_at(const struct node *n, const char *path)
{
	const char *t = node_text(node_path(n, path));

	return t ? strtod(t, NULL) : 0;
}

static int64_t duration_at(const struct node *n, const char *path, int64_t otherwise)
{
	const char *t = node_text(node_path(n, path));
	struct err e;
	int64_t v;

	return t && !when_parse_duration(t, &v, &e) ? v : otherwise;
}

static void refuse(struct arena *a, struct project *p, const struct node *n, const char *text)
{
	*vec_push(a, &p->refusals) =
		arena_printf(a, "%s:%d:%d: %s", n->file, n->line, n->col, text);
	*vec_push(a, &p->warnings) = p->refusals.v[p->refusals.n - 1];
}

/* "no", "always", "on-failure[:N]", "unless-stopped" */
static void decode_restart(struct arena *a, struct project *p, const struct node *n,
			   struct restart_policy *out)
{
	static const char *const words[] = {"no", "always", "on-failure", "unless-stopped"};
	const char *t = node_text(n), *colon, *best;
	uint64_t most = 0;

	if (!t || !*t)
		return;
	colon = strchr(t, ':');
	if (text_starts(t, "on-failure") && (!t[10] || t[10] == ':')) {
		out->when = RESTART_ON_FAILURE;
		if (colon && text_to_u64(colon + 1, &most))
			refuse(a, p, n, arena_printf(a, "restart \"%s\": write on-failure:5", t));
		out->max_attempts = (int64_t)most;
		return;
	}
	for (size_t i = 0; i < countof(words); i++) {
		if (!strcmp(words[i], t)) {
			out->when = (enum restart)i;
			return;
		}
	}
	best = text_nearest(t, words, countof(words));
	refuse(a, p, n,
	       arena_printf(a, "\"%s\" is no restart policy%s%s%s", t,
			    best ? "; did you mean \""
				 : ": it takes no, always, on-failure[:N] or "
				   "unless-stopped",
			    best ? best : "", best ? "\"?" : ""));
}

static void decode_restart_policy(struct arena *a, struct project *p, const struct node *n,
				  struct restart_policy *out)
{
	const char *when = node_get_text(n, "condition");

	out->when = RESTART_ALWAYS;
	if (when && !strcmp(when, "none"))
		out->when = RESTART_NO;
	else if (when && !strcmp(when, "on-failure"))
		out->when = RESTART_ON_FAILURE;
	else if (when && *when && strcmp(when, "any"))
		*vec_push(a, &p->warnings) =
			arena_printf(a,
				     "%s: restart condition \"%s\" is read as any: it takes none, "
				     "on-failure or any",
				     node_at(a, node_get(n, "condition")), when);
	out->max_attempts = bytes_at(n, "max_attempts");
	out->delay_ns = duration_at(n, "delay", -1);
	out->window_ns = duration_at(n, "window", -1);
}

static void decode_update(const struct node *n, struct update_config *u)
{
	*u = (struct update_config){.parallelism = 1, .monitor_ns = 5 * NS_PER_SEC};
	if (!n)
		return;
	u->given = true;
	if (node_get(n, "parallelism"))
		u->parallelism = bytes_at(n, "parallelism");
	u->delay_ns = duration_at(n, "delay", 0);
	u->monitor_ns = duration_at(n, "monitor", u->monitor_ns);
	u->max_failure_ratio = number_at(n, "max_failure_ratio");
	u->failure_action = node_get_text(n, "failure_action");
	u->order = node_get_text(n, "order");
}

static void decode_deploy(struct arena *a, struct project *p, const struct node *s,
			  struct service *svc)
{
	const struct node *d = node_get(s, "deploy"), *policy = node_get(d, "restart_policy");
	const struct node *replicas = node_get(d, "replicas"), *scale = node_get(s, "scale");

	svc->replicas = 1;
	if (replicas || scale)
		svc->replicas = replicas ? bytes_at(d, "replicas") : bytes_at(s, "scale");
	/* A program would make it, not a container: who depends on it goes on. */
	if (node_get(s, "provider"))
		svc->replicas = 0;
	decode_update(node_get(d, "update_config"), &svc->update);
	decode_update(node_get(d, "rollback_config"), &svc->rollback);
	svc->endpoint_mode = node_get_text(d, "endpoint_mode");
	if (!svc->limits.cpus)
		svc->limits.cpus = number_at(d, "resources.limits.cpus");
	if (!svc->limits.memory)
		svc->limits.memory = bytes_at(d, "resources.limits.memory");
	if (!svc->limits.pids)
		svc->limits.pids = bytes_at(d, "resources.limits.pids");
	if (!svc->limits.memory_reservation)
		svc->limits.memory_reservation = bytes_at(d, "resources.reservations.memory");
	svc->restart.delay_ns = svc->restart.window_ns = -1;
	if (policy)
		decode_restart_policy(a, p, policy, &svc->restart);
	else
		decode_restart(a, p, node_get(s, "restart"), &svc->restart);
}

/* "2s..5m", or the shortest alone. */
static void decode_backoff(struct arena *a, const struct node *heal, struct heal *h)
{
	const char *text = node_get_text(heal, "backoff"), *dots = text ? strstr(text, "..") : NULL;
	struct err not_given;
	int64_t ns;

	h->backoff_max_ns = duration_at(heal, "backoff_max", h->backoff_max_ns);
	if (!dots) {
		h->backoff_min_ns = duration_at(heal, "backoff", h->backoff_min_ns);
		return;
	}
	if (!when_parse_duration(arena_strndup(a, text, (size_t)(dots - text)), &ns, &not_given))
		h->backoff_min_ns = ns;
	if (!when_parse_duration(dots + 2, &ns, &not_given))
		h->backoff_max_ns = ns;
}

static void decode_heal(struct arena *a, const struct node *s, struct service *svc)
{
	const struct node *heal = node_get(svc->x_berth, "heal");
	struct heal *h = &svc->heal;

	*h = (struct heal){.backoff_min_ns = NS_PER_SEC,
			   .backoff_max_ns = 300 * NS_PER_SEC,
			   .within_ns = 600 * NS_PER_SEC,
			   .max = 5};
	(void)s;
	h->enabled = svc->healthcheck.given && !svc->healthcheck.disable &&
		     svc->restart.when != RESTART_NO;
	if (node_is(heal, "off") || node_is(heal, "false"))
		h->enabled = false;
	if (!heal || heal->kind != NODE_MAP)
		return;
	if (node_get(heal, "enabled"))
		h->enabled = node_true(node_get(heal, "enabled"));
	decode_backoff(a, heal, h);
	h->within_ns = duration_at(heal, "within", h->within_ns);
	if (node_get(heal, "max"))
		h->max = bytes_at(heal, "max");
	h->leave = node_is(node_get(heal, "then"), "leave");
}

static int by_priority(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->network, y->network);
}

/* A hook row: runs before the attributes of the mapping are decoded. */
int decode_service(struct arena *a, const struct node *n, void *out, struct err *e)
{
	struct service *s = out;

	(void)e;
	s->name = n->key;
	s->at = node_at(a, n);
	s->attach = true;
	s->stop_grace_ns = 10 * NS_PER_SEC;
	s->healthcheck = (struct healthcheck){.interval_ns = -1,
					      .timeout_ns = -1,
					      .start_period_ns = -1,
					      .start_interval_ns = -1,
					      .retries = -1};
	s->limits.swappiness = -1;
	s->init_given = node_get(n, "init");
	return 0;
}

/* A network of the host or of nobody is what network_mode says in one word. */
static const char *mode_of_network(const struct network *n)
{
	const char *word = n->external ? n->name : n->driver;

	return word && (!strcmp(word, "host") || !strcmp(word, "none")) ? word : NULL;
}

static int settle_mode(const struct project *p, struct service *s, struct err *e)
{
	for (size_t i = 0; i < s->networks.n; i++) {
		const struct network *n = project_network(p, s->networks.v[i].network);
		const char *mode = n ? mode_of_network(n) : NULL;

		if (!mode)
			continue;
		if (s->networks.n > 1) {
			err_set(e, EINVAL,
				"service \"%s\": network \"%s\" is %s and allows no other", s->name,
				n->key, mode);
			return err_at(e, "%s", n->at);
		}
		s->network_mode = mode;
		s->networks.n = 0;
	}
	return 0;
}

/* As docker: none that leads out, though nothing here would follow it. */
static void check_subpath(struct arena *a, struct project *p, const struct node *n)
{
	struct span rest = span_of(node_text(n) ? n->text : ""), part;
	bool more = rest.n > 0, out = more && *rest.p == '/';

	while (more) {
		more = span_cut(&rest, '/', &part);
		out = out || span_is(part, "..");
	}
	if (out)
		refuse(a, p, n, "subpath must be a relative path within the volume");
}

static int finish(struct arena *a, struct project *p, const struct node *n, struct service *s,
		  struct err *e)
{
	const struct node *logging = node_get(n, "logging"), *opts = node_get(logging, "options");
	const struct node *mounts = node_get(n, "volumes"), *balance;

	decode_deploy(a, p, n, s);
	for (size_t i = 0; mounts && i < mounts->kids.n; i++) {
		const struct node *type = node_get(mounts->kids.v[i], "type");

		if (node_is(type, "npipe") || node_is(type, "cluster"))
			refuse(a, p, type, "mounts of this type do not exist on Linux");
		check_subpath(a, p, node_path(mounts->kids.v[i], "volume.subpath"));
		check_subpath(a, p, node_path(mounts->kids.v[i], "image.subpath"));
	}
	s->x_berth = node_get(n, "x-berth");
	decode_heal(a, n, s);
	s->heal.enabled &= !p->compat;
	balance = node_get(s->x_berth, "balance");
	s->sticky = node_is(balance, "client");
	if (balance && !s->sticky && !node_is(balance, "turn"))
		return node_fail(balance, e, "x-berth.balance is \"turn\" or \"client\"");
	s->log_driver = node_get_text(logging, "driver");
	for (size_t i = 0; opts && i < opts->kids.n; i++)
		*vec_push(a, &s->log_options) =
			(struct pair){opts->kids.v[i]->key, opts->kids.v[i]->text};
	if (s->networks.n > 1)
		qsort(s->networks.v, s->networks.n, sizeof(*s->networks.v), by_priority);
	return settle_mode(p, s, e);
}

void project_hash(struct project *p)
{
	const struct node *services = node_get(p->tree, "services");

	for (size_t i = 0; i < p->services.n; i++)
		render_hash(services->kids.v[i], p->services.v[i].hash);
}

int project_decode(struct arena *a, struct project *p, struct err *e)
{
	const struct node *services = node_get(p->tree, "services");
	int r = schema_decode(a, &compose_row, p->tree, p, e);

	for (size_t i = 0; i < p->services.n && !r; i++)
		r = finish(a, p, services->kids.v[i], &p->services.v[i], e);
	p->x_berth = node_get(p->tree, "x-berth");
	return r;
}
