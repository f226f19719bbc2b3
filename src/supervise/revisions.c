#include "supervise/revisions.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/when.h"
#include "compose/load.h"
#include "compose/node.h"
#include "compose/render.h"
#include "image/store.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { KEPT = 5, FILE_MAX = 64 << 20, TRIM_ABOVE = 1 << 20 };

static char *path_of(struct arena *a, const char *project)
{
	return arena_printf(a, "%s/revisions.jsonl", status_project_dir(a, project));
}

static const char *text_of(struct arena *a, const json_t *j, const char *key)
{
	return arena_printf(a, "%s", json_string_or(j, key, ""));
}

static void read_line(struct arena *a, struct span line, struct revisions *out)
{
	auto_json *j = NULL;
	struct err cut; /* a line that was cut off by a crash is none */

	if (json_read(line.p, line.n, &j, &cut) < 0)
		return;
	*vec_push(a, out) = (struct revision){
		.number = json_int_or(j, "revision", 0),
		.update = json_int_or(j, "update", 0),
		.uid = json_int_or(j, "uid", 0),
		.back_to = json_int_or(j, "back_to", 0),
		.service = text_of(a, j, "service"),
		.hash = text_of(a, j, "hash"),
		.image = text_of(a, j, "image"),
		.image_id = text_of(a, j, "image_id"),
		.time = text_of(a, j, "time"),
		.definition = text_of(a, j, "definition"),
	};
}

/* Only the last few of each service count. */
static void forget_old(struct revisions *all)
{
	size_t kept = 0;

	for (size_t k = 0; k < all->n; k++) {
		size_t newer = 0;

		for (size_t x = k + 1; x < all->n; x++)
			newer += !strcmp(all->v[x].service, all->v[k].service);
		if (newer < KEPT)
			all->v[kept++] = all->v[k];
	}
	all->n = kept;
}

int revisions_read(struct arena *a, const char *project, struct revisions *out, struct err *e)
{
	struct span text, line;
	char *path = path_of(a, project);
	struct stat st;
	int r;

	*out = (struct revisions){0};
	if (stat(path, &st) < 0)
		return 0;
	r = file_read(a, AT_FDCWD, path, FILE_MAX, &text, e);
	while (!r && text.n) {
		span_cut(&text, '\n', &line);
		read_line(a, line, out);
	}
	forget_old(out);
	return r;
}

static void write_line(struct buf *b, const struct revision *r)
{
	const struct {
		const char *key, *value;
	} texts[] = {{"service", r->service},   {"hash", r->hash}, {"image", r->image},
		     {"image_id", r->image_id}, {"time", r->time}, {"definition", r->definition}};

	buf_printf(b, "{\"revision\":%lld,\"update\":%lld,\"uid\":%lld,\"back_to\":%lld",
		   (long long)r->number, (long long)r->update, (long long)r->uid,
		   (long long)r->back_to);
	for (size_t k = 0; k < countof(texts); k++) {
		buf_printf(b, ",\"%s\":", texts[k].key);
		buf_json(b, texts[k].value, strlen(texts[k].value));
	}
	buf_str(b, "}\n");
}

static void add_used(struct buf *b, const struct project *p, const char *kind,
		     const struct strings *keys)
{
	bool any = false;

	buf_printf(b, ",\"%s\":{", kind);
	vec_each(key, keys) {
		const struct node *n = node_get(node_get(p->tree, kind), *key);

		if (!n)
			continue;
		buf_str(b, any ? "," : "");
		buf_json(b, *key, strlen(*key));
		buf_char(b, ':');
		render_tree(n, RENDER_SAVED, b);
		any = true;
	}
	buf_char(b, '}');
}

/* The service and what it refers to, so that it can come back when the file has changed. */
static const char *definition(struct arena *a, const struct project *p, const struct service *svc)
{
	const struct node *n = node_get(node_get(p->tree, "services"), svc->name);
	struct strings networks = {0}, volumes = {0};
	auto_buf b = {0};

	vec_each(x, &svc->networks)
		*vec_push(a, &networks) = x->network;
	vec_each(v, &svc->volumes) {
		if (v->type == MOUNT_VOLUME && v->source)
			*vec_push(a, &volumes) = v->source;
	}
	buf_str(&b, "{\"service\":");
	render_tree(n, RENDER_SAVED, &b);
	add_used(&b, p, "networks", &networks);
	add_used(&b, p, "volumes", &volumes);
	buf_char(&b, '}');
	return buf_take(a, &b);
}

static const struct revision *newest(const struct revisions *all, const char *service)
{
	for (size_t k = all->n; k--;) {
		if (!strcmp(all->v[k].service, service))
			return &all->v[k];
	}
	return NULL;
}

static const struct instance *container_of_service(const struct supervisor *s, const char *service)
{
	for (const struct instance *i = s->instances; i; i = i->next) {
		if (!i->st.one_off && !i->draining && !strcmp(i->st.service, service))
			return i;
	}
	return NULL;
}

static int append(const char *path, const struct buf *lines, struct err *e)
{
	auto_fd int fd = sys_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int r = fd < 0 ? fd : sys_write_all(fd, lines->p, lines->n);

	return r < 0 ? err_set(e, -r, "%s: %s", path, strerror(-r)) : 0;
}

static int trim(struct arena *a, const char *project, struct err *e)
{
	struct revisions all;
	struct stat st;
	auto_buf b = {0};
	char *path = path_of(a, project);
	int r;

	if (stat(path, &st) < 0 || st.st_size < TRIM_ABOVE)
		return 0;
	r = revisions_read(a, project, &all, e);
	if (r < 0)
		return r;
	vec_each(x, &all)
		write_line(&b, x);
	return (off_t)b.n > st.st_size / 2
		       ? 0
		       : file_replace(AT_FDCWD, path, b.p, b.n, 0600, FILE_FAST, e);
}

int revisions_note(struct supervisor *s, const struct revisions_mark *mark, struct err *e)
{
	auto_arena a = {0};
	struct revisions all;
	auto_buf lines = {0};
	int64_t update = 1;
	int r = revisions_read(&a, s->name, &all, e);
	char time[40];

	if (r < 0)
		return r;
	vec_each(x, &all)
		update = x->update >= update ? x->update + 1 : update;
	vec_each(name, mark->services) {
		const struct service *svc = project_service(s->project, *name);
		const struct instance *i = container_of_service(s, *name);
		const struct revision *last = newest(&all, *name);
		int64_t back_to = 0;

		if (!svc || !i || !i->st.image_id ||
		    (last && !strcmp(last->hash, i->st.hash) &&
		     !strcmp(last->image_id, i->st.image_id)))
			continue;
		for (size_t k = 0; mark->back && k < mark->back->n; k++) {
			if (!strcmp(mark->back->v[k].service, *name))
				back_to = mark->back->v[k].number;
		}
		write_line(&lines,
			   &(struct revision){.number = last ? last->number + 1 : 1,
					      .update = update,
					      .uid = mark->uid,
					      .back_to = back_to,
					      .service = *name,
					      .hash = i->st.hash,
					      .image = i->st.image,
					      .image_id = i->st.image_id,
					      .time = when_rfc3339(when_wall_ns(), time),
					      .definition = definition(&a, s->project, svc)});
	}
	if (!lines.n)
		return 0;
	r = append(path_of(&a, s->name), &lines, e);
	return r < 0 ? r : trim(&a, s->name, e);
}

/* What a start now would give: the saved definition and the image under its name. */
static bool is_current(struct arena *a, const struct supervisor *s, const struct revision *r)
{
	const struct service *svc = s->project ? project_service(s->project, r->service) : NULL;
	struct image *image;
	struct err ignored;

	if (!svc || strcmp(svc->hash, r->hash))
		return false;
	return store_image(a, spec_image_wanted(a, s, svc), &image, &ignored) == 0 &&
	       !strcmp(image->id, r->image_id);
}

int revisions_find(struct arena *a, const struct supervisor *s, const char *service, int64_t number,
		   struct revision *out, struct err *e)
{
	struct revisions all;
	int r = revisions_read(a, s->name, &all, e);

	if (r < 0)
		return r;
	for (size_t k = all.n; k--;) {
		const struct revision *x = &all.v[k];

		if (strcmp(x->service, service) ||
		    (number ? x->number != number : is_current(a, s, x)))
			continue;
		*out = *x;
		return 0;
	}
	if (number)
		err_set(e, ENOENT, "service \"%s\" has no revision %lld", service,
			(long long)number);
	else
		err_set(e, ENOENT, "service \"%s\" has no earlier revision", service);
	return err_hint(e, "berth revisions %s lists them", service);
}

bool revisions_left(const struct supervisor *s, const char *service)
{
	auto_arena a = {0};
	struct revisions all;
	struct err ignored;
	const struct revision *last;

	if (revisions_read(&a, s->name, &all, &ignored) < 0)
		return false;
	last = newest(&all, service);
	return last && !is_current(&a, s, last);
}

/* Networks and volumes that have left the file since. */
static void bring_back_used(struct arena *a, struct project *p, const struct node *kept,
			    const char *kind)
{
	const struct node *from = node_get(kept, kind);
	struct node *to = node_get(p->tree, kind);

	if (!from || !from->kids.n)
		return;
	if (!to || to->kind != NODE_MAP) {
		to = node_new(a, NODE_MAP, from);
		node_set(a, p->tree, kind, to);
	}
	vec_each(k, &from->kids) {
		if (!node_get(to, (*k)->key))
			node_set(a, to, (*k)->key, *k);
	}
}

/* A name that leads to another image by now is read as the one that it led to then. */
static int pin_image(struct arena *a, struct project *p, const struct revision *r, struct err *e)
{
	struct pairs pins = {0};
	struct image *then, *now;
	struct err ignored;
	int found = store_image(a, r->image_id, &then, e);

	if (found == IMAGE_ABSENT) {
		err_set(e, ENOENT, "the image of revision %lld of \"%s\" is not here any more (%s)",
			(long long)r->number, r->service, r->image_id);
		return err_hint(e, "pull %s as it was, then try again", r->image);
	}
	if (found < 0)
		return found;
	vec_each(x, &p->pins) {
		if (strcmp(x->key, r->service))
			*vec_push(a, &pins) = *x;
	}
	if (store_image(a, r->image, &now, &ignored) != 0 || strcmp(now->id, r->image_id))
		*vec_push(a, &pins) = (struct pair){r->service, r->image_id};
	p->pins = pins;
	return 0;
}

int revisions_restore(const struct supervisor *s, const struct revision *r, struct err *e)
{
	auto_arena a = {0};
	char *path = status_project_file(&a, s->name);
	struct nodes docs = {0};
	struct project *p;
	struct node *services;
	int rc = project_load_saved(&a, path, &p, e);

	if (!rc)
		rc = pin_image(&a, p, r, e);
	if (!rc)
		rc = node_parse(&a, "revision", span_of(r->definition), &docs, e);
	if (rc < 0)
		return rc;
	services = node_get(p->tree, "services");
	if (!docs.n || !node_get(docs.v[0], "service") || !services ||
	    !node_get(services, r->service))
		return err_set(e, ENOENT, "service \"%s\" is not in the project any more",
			       r->service);
	node_set(&a, services, r->service, node_get(docs.v[0], "service"));
	bring_back_used(&a, p, docs.v[0], "networks");
	bring_back_used(&a, p, docs.v[0], "volumes");
	return project_save(p, path, FILE_DURABLE, e);
}

int revisions_last(struct arena *a, const char *project, struct strings *out, struct err *e)
{
	struct revisions all;
	int r = revisions_read(a, project, &all, e);

	*out = (struct strings){0};
	for (size_t k = 0; r >= 0 && k < all.n; k++) {
		const struct revision *x = &all.v[k];

		if (x->update == all.v[all.n - 1].update && x->number > 1)
			*vec_push(a, out) = x->service;
	}
	return r;
}
