/* Where COPY and mounts take files from: the context, a named one, a stage, an image. */
#include "base/overlay.h"
#include "base/sys.h"
#include "build/room.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct strings source_layers(struct builder *b, const struct source *s)
{
	if (s->kind == SOURCE_STAGE)
		return b->runs[s->stage].dirs;
	return s->image ? s->image->layers : (struct strings){};
}

static struct named_files *named(struct builder *b, const char *name)
{
	vec_each(n, &b->named)
		if (!strcmp(n->name, name))
			return n;
	return NULL;
}

int source_files(struct builder *b, const struct source *s, struct files *out, bool *owned,
		 struct err *e)
{
	struct strings layers = source_layers(b, s);

	*owned = false;
	if (s->kind == SOURCE_CONTEXT) {
		*out = b->context;
		return out->root >= 0 ? 0 : err_set(e, ENOENT, "this build has no context");
	}
	if (s->kind == SOURCE_NAMED) {
		*out = named(b, s->name)->files;
		return 0;
	}
	*out = (struct files){.root = -1};
	*owned = true;
	if (layers.n) {
		out->root = overlay_open(b->a, &layers, NULL, NULL, 0, e);
	} else {
		char *empty;

		if (execute_scratch(b, &empty, e) < 0)
			return -e->code;
		out->root = sys_open(AT_FDCWD, arena_printf(b->a, "%s/upper", empty),
				     O_PATH | O_DIRECTORY, 0);
	}
	return out->root < 0 ? err_wrap(e, "open the files of %s", s->name ? s->name : "a stage")
			     : 0;
}

void source_layers_key(struct builder *b, const struct source *s, struct key *k)
{
	key_list(k, "layers",
		 s->kind == SOURCE_STAGE ? &b->runs[s->stage].diff_ids
		 : s->image              ? &s->image->diff_ids
					 : &(struct strings){});
}

void source_name(struct builder *b, const struct source *s, const char *path, struct key *k)
{
	source_layers_key(b, s, k);
	key_text(k, "name", s->name);
	key_text(k, "path", path);
}

/* All below a path, by content: what a bind mount of it shows. */
int source_key(struct builder *b, const struct source *s, const char *path, struct key *k,
	       struct err *e)
{
	struct file_list list = {};
	struct selected sel = {.name = ""};
	struct selection one = {&sel, 1, 1};
	const char *resolved;
	struct files files;
	bool owned;
	int r;

	if (s->kind != SOURCE_CONTEXT && s->kind != SOURCE_NAMED) {
		source_layers_key(b, s, k);
		key_text(k, "path", path);
		return 0;
	}
	r = source_files(b, s, &files, &owned, e);
	if (r == 0)
		r = files_resolve(b->a, &files, path ? path : "", &resolved, e);
	if (r == 0)
		r = files_walk(b->a, &files, resolved, &list, e);
	if (r == FILES_ABSENT)
		return err_set(e, ENOENT, "\"%s\": not found in the build context", path);
	sel.list = list;
	return r < 0 ? r : select_key(&files, &one, k, e);
}
