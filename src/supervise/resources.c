/* Steps that make and remove the networks and volumes of a project. */
#include "image/volume.h"
#include "supervise/apply.h"
#include <errno.h>
#include <string.h>

/* What another project's container is in stays, and down goes on. */
static void still_used(struct job *j, struct run_step *rs, const struct step *s, const char *kind)
{
	job_tell(j, kind, s->target, NULL, "Resource is still in use", NULL);
	rs->state = STEP_DONE;
}

void resource_network(struct job *j, struct run_step *rs, const struct step *s)
{
	const struct network *n = project_network(j->of->project, s->key);
	struct err e = {0};
	bool absent = false;
	int r;

	if (s->doing == STEP_NETWORK)
		job_tell(j, "network", s->target, NULL, "Creating", NULL);
	r = s->doing == STEP_NETWORK ? nets_make(j->of, n, &e) : nets_remove(j->of, n, &absent, &e);
	if (r < 0 && s->doing == STEP_NETWORK_REMOVE && e.code == EBUSY) {
		still_used(j, rs, s, "network");
		return;
	}
	if (r < 0) {
		job_fail(j, rs, s, &e);
		return;
	}
	rs->state = STEP_DONE;
	if (absent)
		return;
	if (s->doing == STEP_NETWORK_REMOVE)
		job_tell(j, "network", s->target, NULL, "Removing", NULL);
	job_tell(j, "network", s->target, NULL, s->doing == STEP_NETWORK ? "Created" : "Removed",
		 NULL);
	events_write(j->of, "network", s->doing == STEP_NETWORK ? "create" : "destroy", NULL,
		     json_pack("{s:s}", "name", s->target));
}

bool resource_of_others(const struct supervisor *s,
			bool (*has)(const struct status *st, const char *name), const char *name)
{
	auto_arena a = {0};
	struct strings projects = {0};
	struct err ignored;

	if (status_projects(&a, &projects, &ignored) < 0)
		return false;
	vec_each(p, &projects) {
		struct statuses all = {0};

		if (!strcmp(*p, s->name) || status_read(&a, *p, &all, &ignored) < 0)
			continue;
		vec_each(st, &all) {
			if (has(st, name))
				return true;
		}
	}
	return false;
}

struct pairs resource_labels(struct arena *a, const struct supervisor *s, const struct pairs *own,
			     const char *kind, const char *key)
{
	struct pairs all = {0};

	vec_each(l, own)
		*vec_push(a, &all) = *l;
	*vec_push(a, &all) = (struct pair){"com.docker.compose.project", s->name};
	*vec_push(a, &all) = (struct pair){arena_printf(a, "com.docker.compose.%s", kind), key};
	*vec_push(a, &all) = (struct pair){"com.docker.compose.version", BERTH_VERSION};
	return all;
}

void resource_volume(struct job *j, struct run_step *rs, const struct step *s)
{
	const struct volume *v = project_volume(j->of->project, s->key);
	struct err e = {0};
	struct pairs all = {0};
	struct store_volume made;
	int r;

	if (s->doing == STEP_VOLUME) {
		job_tell(j, "volume", s->target, NULL, "Creating", NULL);
		all = resource_labels(&j->arena, j->of, &v->labels, "volume", v->key);
		r = volume_ensure(&j->arena, v->name, &all, &v->driver_opts, &made, &e);
	} else {
		job_tell(j, "volume", s->target, NULL, "Removing", NULL);
		if (volumes_used_by_others(j->of, v->name)) {
			still_used(j, rs, s, "volume");
			return;
		}
		r = volumes_remove(j->of, v->name, &e);
	}
	if (r < 0) {
		job_fail(j, rs, s, &e);
		return;
	}
	job_tell(j, "volume", s->target, NULL, s->doing == STEP_VOLUME ? "Created" : "Removed",
		 NULL);
	rs->state = STEP_DONE;
}
