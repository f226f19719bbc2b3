/* Services of a project as builds: `build` in the file to a request, service:x contexts first. */
#include "build/build.h"
#include "build/path.h"
#include "build/platform.h"
#include <errno.h>
#include <string.h>

const char *build_service_image(struct arena *a, const struct project *p, const struct service *s)
{
	return s->image && *s->image
		       ? s->image
		       : arena_printf(a, "%s%c%s", p->name, project_separator(p), s->name);
}

static int add_secrets(struct arena *a, const struct project *p, const struct build *b,
		       struct build_request *out, struct err *e)
{
	vec_each(s, &b->secrets) {
		struct file_source *from = project_secret(p, s->source);
		struct build_secret_source *to;

		if (!from)
			return err_set(e, EINVAL, "the build uses an undefined secret \"%s\"",
				       s->source);
		to = vec_push(a, &out->secrets);
		*to = (struct build_secret_source){.id = s->target && *s->target ? s->target
										 : s->source};
		if (from->environment) {
			to->value = pairs_get(&p->environment, from->environment);
			if (!to->value)
				return err_set(e, ENOENT,
					       "environment variable \"%s\" required by secret "
					       "\"%s\" is not set",
					       from->environment, s->source);
		} else if (from->content) {
			to->value = from->content;
		} else {
			to->file = from->file;
		}
	}
	return 0;
}

static void add_ssh(struct arena *a, const struct project *p, const struct build *b,
		    struct build_request *out)
{
	vec_each(s, &b->ssh) {
		const char *agent = pairs_get(&p->environment, "SSH_AUTH_SOCK");
		const char *path = s->value && *s->value ? s->value : agent;

		if (path)
			*vec_push(a, &out->ssh) = (struct build_ssh){s->key, path};
	}
}

static int add_contexts(struct arena *a, const struct project *p, const struct build *b,
			struct build_request *out, struct err *e)
{
	vec_each(c, &b->additional_contexts) {
		const char *value = c->value;

		if (text_starts(value, "service:")) {
			struct service *s = project_service(p, value + strlen("service:"));

			if (!s)
				return err_set(e, EINVAL,
					       "the context \"%s\" names an unknown service",
					       c->key);
			value = arena_printf(a, "docker-image://%s", build_service_image(a, p, s));
		}
		*vec_push(a, &out->contexts) = (struct pair){c->key, value};
	}
	return 0;
}

static void add_entitlements(const struct build *b, struct build_request *out)
{
	out->insecure = strings_have(&b->entitlements, "security.insecure");
	out->host_network = strings_have(&b->entitlements, "network.host") ||
			    (b->network && !strcmp(b->network, "host"));
}

static bool is_remote(const char *s)
{
	return strstr(s, "://") || text_starts(s, "git@") || text_starts(s, "github.com/");
}

/*
 * One build makes one image: of several platforms the service's, else this machine's, else the
 * first; as `docker compose up` has it.
 */
static void pick_platform(struct arena *a, const struct service *s, struct build_request *out)
{
	const struct strings *list = &s->build.platforms;
	const char *text;
	struct err ignored;

	out->platform = s->platform;
	for (size_t i = 0; !out->platform && i < list->n; i++)
		if (platform_text(a, list->v[i], &text, &ignored) == 0 &&
		    !strcmp(text, platform_own()))
			out->platform = list->v[i];
	if (!out->platform && list->n)
		out->platform = list->v[0];
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], out->platform))
			*vec_push(a, &out->left_out) = list->v[i];
}

int build_service_request(struct arena *a, const struct project *p, const struct service *s,
			  struct build_request *out, struct err *e)
{
	const struct build *b = &s->build;
	int r;

	if (!b->given)
		return err_set(e, EINVAL, "service \"%s\" has no build", s->name);
	*out = (struct build_request){
		.context = b->context ? b->context : p->dir,
		.dockerfile = b->dockerfile,
		.inline_text = b->dockerfile_inline,
		.args = b->args,
		.labels = b->labels,
		.extra_hosts = b->extra_hosts,
		.no_cache_filter = b->no_cache_filter,
		.cache_from = b->cache_from,
		.cache_to = b->cache_to,
		.dir = p->dir,
		.target = b->target,
		.network = b->network,
		.shm_size = b->shm_size > 0 ? b->shm_size : 0,
		.no_cache = b->no_cache,
		.pull = b->pull,
		.privileged = b->privileged,
	};
	pick_platform(a, s, out);
	if (*out->context != '/' && !is_remote(out->context))
		out->context = path_join(a, p->dir, out->context);
	out->ulimits.v = b->ulimits.v;
	out->ulimits.n = b->ulimits.n;
	*vec_push(a, &out->tags) = build_service_image(a, p, s);
	for (size_t i = 0; i < b->tags.n; i++)
		*vec_push(a, &out->tags) = b->tags.v[i];
	add_entitlements(b, out);
	add_ssh(a, p, b, out);
	r = add_contexts(a, p, b, out, e);
	return r < 0 ? r : add_secrets(a, p, b, out, e);
}

/* A key or secret of the command line comes before the file's. */
static void add_more(struct arena *a, const struct build_request *more, struct build_request *out)
{
	struct build_request q = *more;

	vec_each(s, &out->secrets)
		*vec_push(a, &q.secrets) = *s;
	vec_each(s, &out->ssh)
		*vec_push(a, &q.ssh) = *s;
	out->secrets.v = q.secrets.v;
	out->secrets.n = out->secrets.cap = q.secrets.n;
	out->ssh.v = q.ssh.v;
	out->ssh.n = out->ssh.cap = q.ssh.n;
}

struct orders { /* the services to build, each once */
	struct arena *a;
	const struct project *p;
	const struct build_overrides *o;
	struct build_jobs jobs;
	struct strings open; /* on the way from the first to where we are */
	struct err *e;
};

static int order(struct orders *all, const struct service *s, struct build_job **out);

/* What its contexts name comes first. */
static int order_contexts(struct orders *all, const struct service *s, struct build_job *job)
{
	vec_each(c, &s->build.additional_contexts) {
		struct service *other;
		struct build_job *before;

		if (!text_starts(c->value, "service:"))
			continue;
		other = project_service(all->p, c->value + strlen("service:"));
		if (!other->build.given)
			continue;
		if (order(all, other, &before) < 0)
			return -all->e->code;
		*vec_push(all->a, &job->after) = before;
	}
	return 0;
}

static void override(struct orders *all, struct build_request *q)
{
	const struct build_overrides *o = all->o;

	vec_each(arg, &o->args)
		*vec_push(all->a, &q->args) = *arg;
	if (o->more)
		add_more(all->a, o->more, q);
	q->no_cache |= o->no_cache;
	q->pull |= o->pull;
	q->progress = o->progress;
	q->pull_progress = o->pull_progress;
}

static int order(struct orders *all, const struct service *s, struct build_job **out)
{
	struct build_job *job;
	int r;

	if (strings_have(&all->open, s->name))
		return err_set(all->e, ELOOP, "the builds of services need each other in a circle");
	vec_each(known, &all->jobs) {
		if (strcmp((*known)->request.name, s->name))
			continue;
		*out = *known;
		return 0;
	}
	job = *out = arena_new(all->a, struct build_job);
	r = build_service_request(all->a, all->p, s, &job->request, all->e);
	if (r < 0)
		return r;
	job->request.name = s->name;
	override(all, &job->request);
	*vec_push(all->a, &all->open) = s->name;
	r = order_contexts(all, s, job);
	all->open.n--;
	*vec_push(all->a, &all->jobs) = job;
	return r;
}

int build_services(struct arena *a, const struct project *p, const struct strings *services,
		   const struct build_overrides *o, struct err *e)
{
	struct orders all = {.a = a, .p = p, .o = o, .e = e};
	struct build_job *ignored;
	int r = 0;

	for (size_t i = 0; r == 0 && i < services->n; i++) {
		const struct service *s = project_service(p, services->v[i]);

		if (s)
			r = order(&all, s, &ignored);
	}
	return r < 0 || !all.jobs.n ? r : build_images(a, &all.jobs, e);
}
