/* Services of a project as builds: `build` in the file to a request, service:x contexts first. */
#include "build/build.h"
#include "build/path.h"
#include <errno.h>
#include <string.h>

const char *build_service_image(struct arena *a, const struct project *p, const struct service *s)
{
	return s->image && *s->image ? s->image : arena_printf(a, "%s-%s", p->name, s->name);
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

int build_service_request(struct arena *a, const struct project *p, const struct service *s,
			  struct build_request *out, struct err *e)
{
	const struct build *b = &s->build;
	int r;

	if (!b->given)
		return err_set(e, EINVAL, "service \"%s\" has no build", s->name);
	if (b->platforms.n > 1)
		return err_set(e, EOPNOTSUPP,
			       "build.platforms of service \"%s\" lists several: berth builds for "
			       "this machine's only",
			       s->name);
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
		.platform = s->platform           ? s->platform
			    : b->platforms.n == 1 ? b->platforms.v[0]
						  : NULL,
		.network = b->network,
		.shm_size = b->shm_size > 0 ? b->shm_size : 0,
		.no_cache = b->no_cache,
		.pull = b->pull,
		.privileged = b->privileged,
	};
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

static int build_one(struct arena *a, const struct project *p, const struct service *s,
		     const struct build_overrides *o, int depth, struct image **out, struct err *e)
{
	struct build_request q;
	struct image *ignored;
	int r = build_service_request(a, p, s, &q, e);

	if (depth > 64)
		return err_set(e, ELOOP, "the builds of services need each other in a circle");
	vec_each(c, &s->build.additional_contexts) {
		struct service *other;

		if (r < 0 || !text_starts(c->value, "service:"))
			continue;
		other = project_service(p, c->value + strlen("service:"));
		if (other->build.given)
			r = build_one(a, p, other, o, depth + 1, &ignored, e);
	}
	if (r < 0)
		return r;
	vec_each(arg, &o->args)
		*vec_push(a, &q.args) = *arg;
	if (o->more)
		add_more(a, o->more, &q);
	q.no_cache |= o->no_cache;
	q.pull |= o->pull;
	q.progress = o->progress;
	q.pull_progress = o->pull_progress;
	r = build_image(a, &q, out, e);
	return r < 0 ? err_wrap(e, "build service \"%s\"", s->name) : r;
}

int build_service(struct arena *a, const struct project *p, const struct service *s,
		  const struct build_overrides *o, struct image **out, struct err *e)
{
	return build_one(a, p, s, o, 0, out, e);
}
