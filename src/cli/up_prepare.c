#include "base/base64.h"
#include "base/file.h"
#include "base/vec.h"
#include "cli/complain.h"
#include "cli/up.h"
#include "compose/contract.h"
#include "supervise/status.h"
#include <errno.h>

static int check_names(struct cli *c, const struct project *p, const struct strings *services,
		       struct err *e)
{
	struct strings known = {0};
	const char *near;

	vec_each(s, &p->services)
		*vec_push(&c->arena, &known) = s->name;
	vec_each(word, services) {
		if (strings_have(&known, *word))
			continue;
		err_set(e, ENOENT, "no such service: %s", *word);
		near = text_nearest(*word, known.v, known.n);
		return near ? err_hint(e, "did you mean \"%s\"?", near) : -ENOENT;
	}
	return 0;
}

/* What the file promises about its environment, and what it asks that nothing can run. */
static int check_promises(struct cli *c, const struct project *p, struct err *e)
{
	struct strings found = {0};
	int r = project_runnable(p, e);

	if (!r)
		r = contract_check(&c->arena, p, &c->global.profiles, &found, e);
	if (r < 0 || !found.n)
		return r;
	for (size_t i = 1; i < found.n; i++)
		complain_warning(stderr, found.v[i], c->colour_err);
	c->failure = 2;
	err_set(e, EINVAL, "%s", found.v[0]);
	err_wrap(e, "check the environment");
	return err_hint(e, "\"berth env check\" lists all that is missing");
}

/* A `down` that ends just now may take the directory away in between. */
int up_save(struct cli *c, const struct project *p, struct err *e)
{
	int r;

	for (int tries = 0; tries < 5; tries++) {
		r = file_mkdirs(status_project_dir(&c->arena, p->name), 0700, e);
		if (!r)
			r = project_save(p, status_project_file(&c->arena, p->name),
					 c->fleeting ? FILE_FAST : FILE_DURABLE, e);
		if (r != -ENOENT)
			break;
	}
	return r;
}

int up_prepare(struct cli *c, const struct strings *services, const struct images_options *o,
	       struct project **out, struct err *e)
{
	int r = cli_project(c, services, out, e);

	if (r >= 0)
		r = check_names(c, *out, services, e);
	if (r >= 0)
		r = check_promises(c, *out, e);
	if (r >= 0 && geteuid())
		r = err_hint((err_set(e, EPERM, "containers need root"), e), "run it with sudo");
	if (r >= 0)
		r = images_ready(c, *out, services, o, e);
	if (r >= 0 && !c->global.dry_run)
		r = up_save(c, *out, e);
	return r;
}

int up_scale(struct cli *c, const struct project *p, const struct strings *words, json_t *msg,
	     struct err *e)
{
	json_t *scale = json_object();

	json_object_set_new(msg, "scale", scale);
	vec_each(word, words) {
		struct span rest = span_of(*word), name;
		const struct service *svc;
		uint64_t n;
		char *key;

		if (!span_cut(&rest, '=', &name) || text_to_u64(rest.p, &n) < 0 || n > 10000) {
			err_set(e, EINVAL, "\"%s\" is no scale", *word);
			return err_hint(e, "write SERVICE=NUMBER, such as web=3");
		}
		key = span_dup(&c->arena, name);
		svc = project_service(p, key);
		if (!svc)
			return err_set(e, ENOENT, "no such service: %s", key);
		if (n > 1 && svc->container_name) {
			err_set(e, EINVAL,
				"service %s has the container name \"%s\": there can be one", key,
				svc->container_name);
			return err_hint(e, "remove container_name to scale it");
		}
		json_object_set_new(scale, key, json_integer((json_int_t)n));
	}
	return 0;
}

static void add_secret(const struct project *p, json_t *out, const char *kind,
		       const struct file_source *f)
{
	const char *value = f->environment ? pairs_get(&p->environment, f->environment) : NULL;
	auto_arena a = {0};

	if (value)
		json_object_set_new(out, arena_printf(&a, "%s:%s", kind, f->key),
				    json_string(base64_encode(&a, span_of(value))));
}

void up_secrets(const struct project *p, json_t *msg)
{
	json_t *out = json_object();

	vec_each(s, &p->secrets)
		add_secret(p, out, "secret", s);
	vec_each(s, &p->configs)
		add_secret(p, out, "config", s);
	json_object_set_new(msg, "secrets", out);
}
