#include "cli/target.h"
#include "base/vec.h"
#include <errno.h>
#include <string.h>

bool target_is_up(const struct status *s)
{
	return s->pid > 0 && (s->state == STATE_RUNNING || s->state == STATE_PAUSED ||
			      s->state == STATE_STOPPING || s->state == STATE_STARTING);
}

static struct target *target_of(struct cli *c, struct targets *ts, const char *project)
{
	struct target *t;

	vec_each(old, ts) {
		if (!strcmp(old->project, project))
			return old;
	}
	t = vec_push(&c->arena, ts);
	*t = (struct target){.project = project};
	return t;
}

static bool is_named(const struct status *s, const char *word)
{
	size_t n = strlen(word);

	return !strcmp(s->name, word) ||
	       (n >= 4 && s->id && n <= strlen(s->id) && !memcmp(s->id, word, n));
}

/* A container of any project. Returns 1 where there is none. */
static int find_anywhere(struct cli *c, const char *word, struct targets *ts, struct err *e)
{
	struct strings projects = {0};
	int r = status_projects(&c->arena, &projects, e);

	if (r < 0)
		return r;
	vec_each(p, &projects) {
		struct statuses all = {0};

		cli_mend(c, *p);
		r = status_read(&c->arena, *p, &all, e);
		if (r < 0)
			return r;
		vec_each(s, &all) {
			struct target *t;

			if (!is_named(s, word))
				continue;
			t = target_of(c, ts, *p);
			*vec_push(&c->arena, &t->names) = s->name;
			*vec_push(&c->arena, &t->containers) = *s;
			return 0;
		}
	}
	return 1;
}

static bool is_service(const struct cli *c, const struct statuses *all, const char *word)
{
	vec_each(s, all) {
		if (s->service && !strcmp(s->service, word))
			return true;
	}
	return c->project &&
	       (project_service(c->project, word) || strings_have(&c->project->disabled, word));
}

static int no_such(struct cli *c, const char *word, struct err *e)
{
	const char *near = NULL;

	if (c->world == WORLD_DOCKER)
		return err_set(e, ENOENT, "No such container: %s", word);
	err_set(e, ENOENT, "no such service: %s", word);
	if (c->project) {
		struct strings names = {0};

		vec_each(s, &c->project->services)
			*vec_push(&c->arena, &names) = s->name;
		near = text_nearest(word, names.v, names.n);
	}
	return near ? err_hint(e, "did you mean \"%s\"?", near) : -ENOENT;
}

static int add_word(struct cli *c, const char *word, struct target *own, const struct statuses *all,
		    struct targets *ts, struct err *e)
{
	int r;

	if (!is_service(c, all, word)) {
		r = find_anywhere(c, word, ts, e);
		return r == 1 ? no_such(c, word, e) : r;
	}
	*vec_push(&c->arena, &own->services) = word;
	vec_each(s, all) {
		if (s->service && !strcmp(s->service, word))
			*vec_push(&c->arena, &own->containers) = *s;
	}
	return 0;
}

static int find_in_project(struct cli *c, int argc, char **argv, struct targets *out, struct err *e)
{
	struct target own = {0};
	struct statuses all = {0};
	int r = cli_project_name(c, &own.project, e);

	if (r >= 0)
		r = status_read(&c->arena, own.project, &all, e);
	for (int i = 0; i < argc && r >= 0; i++)
		r = add_word(c, argv[i], &own, &all, out, e);
	if (r < 0)
		return r;
	if (!argc)
		own.containers = all;
	if (!argc || own.services.n) {
		struct target *t = target_of(c, out, own.project);

		t->services = own.services;
		vec_each(s, &own.containers)
			*vec_push(&c->arena, &t->containers) = *s;
	}
	return 0;
}

static int find_all_anywhere(struct cli *c, int argc, char **argv, struct targets *out,
			     struct err *e)
{
	int r = 0;

	for (int i = 0; i < argc && r >= 0; i++) {
		r = find_anywhere(c, argv[i], out, e);
		if (r == 1)
			r = no_such(c, argv[i], e);
	}
	return r;
}

int target_find(struct cli *c, int argc, char **argv, struct targets *out, struct err *e)
{
	int r = 0;

	*out = (struct targets){0};
	if (c->world != WORLD_DOCKER) {
		struct err no_file;

		r = find_in_project(c, argc, argv, out, e);
		if (r >= 0 || c->project || c->global.files.n || !argc)
			return r;
		/* No project here: then the words are containers of others. */
		no_file = *e;
		*out = (struct targets){0};
		r = find_all_anywhere(c, argc, argv, out, e);
		if (r < 0)
			*e = no_file;
		return r;
	}
	if (!argc)
		return err_set(e, EINVAL, "this needs the name of a container");
	return find_all_anywhere(c, argc, argv, out, e);
}

static void leave_disabled(struct cli *c, struct target *t)
{
	struct statuses kept = {0};

	vec_each(s, &t->containers) {
		if (!s->service || strings_have(&c->project->disabled, s->service))
			continue;
		*vec_push(&c->arena, &kept) = *s;
		if (!strings_have(&t->services, s->service))
			*vec_push(&c->arena, &t->services) = s->service;
	}
	t->containers = kept;
}

int target_find_active(struct cli *c, int argc, char **argv, struct targets *out, struct err *e)
{
	int r = target_find(c, argc, argv, out, e);

	if (r < 0 || argc || !c->project || !c->project->disabled.n)
		return r;
	vec_each(t, out)
		leave_disabled(c, t);
	return 0;
}

int target_all(struct cli *c, struct targets *out, struct err *e)
{
	struct strings projects = {0};
	int r = status_projects(&c->arena, &projects, e);

	*out = (struct targets){0};
	for (size_t i = 0; i < projects.n && r >= 0; i++) {
		cli_mend(c, projects.v[i]);
		r = status_read(&c->arena, projects.v[i],
				&target_of(c, out, projects.v[i])->containers, e);
	}
	return r;
}

void target_put(const struct target *t, json_t *msg)
{
	json_object_set_new(msg, "services", json_words(&t->services));
	if (t->names.n)
		json_object_set_new(msg, "containers", json_words(&t->names));
}

int target_one(struct cli *c, const char *word, int index, struct status *out, struct err *e)
{
	char *argv[] = {(char *)word, NULL};
	struct targets ts;
	int r = target_find(c, 1, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(s, &ts.v[0].containers) {
		if ((s->one_off && !ts.v[0].names.n) || !target_is_up(s) ||
		    (index && s->number != index))
			continue;
		*out = *s;
		return 0;
	}
	if (ts.v[0].names.n)
		return err_set(e, ESRCH, "container %s is not running", word);
	if (index)
		return err_set(e, ESRCH, "service \"%s\" is not running container #%d", word,
			       index);
	err_set(e, ESRCH, "service \"%s\" is not running", word);
	return err_hint(e, "berth ps -a shows its state, berth up -d %s starts it", word);
}
