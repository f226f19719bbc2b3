#include "image/derive.h"
#include "base/json.h"
#include "base/tree.h"
#include "base/when.h"
#include "image/change.h"
#include "image/layer.h"
#include "image/store.h"
#include <fcntl.h>
#include <string.h>

static json_t *array_of(json_t *obj, const char *key)
{
	json_t *list = json_object_get(obj, key);

	if (json_is_array(list))
		return list;
	list = json_array();
	json_object_set_new(obj, key, list);
	return list;
}

static void add_layer(json_t *doc, const struct derive_options *o, const char *diff_id)
{
	json_t *rootfs = json_object_get(doc, "rootfs");
	char now[40];
	json_t *entry;

	when_rfc3339(when_wall_ns(), now);
	entry = json_pack("{s:s, s:s}", "created", now, "created_by",
			  o->created_by ? o->created_by : "berth commit");
	if (o->message)
		json_object_set_new(entry, "comment", json_string(o->message));
	if (o->author) {
		json_object_set_new(entry, "author", json_string(o->author));
		json_object_set_new(doc, "author", json_string(o->author));
	}
	json_object_set_new(doc, "created", json_string(now));
	json_array_append_new(array_of(doc, "history"), entry);
	json_array_append_new(array_of(rootfs, "diff_ids"), json_string(diff_id));
}

static int adopt_copy(struct arena *a, const struct derive_options *o, struct layer *out,
		      struct err *e)
{
	const struct tree_copy how = {.whiteouts = true, .from_ids = o->first_id};
	char *scratch;
	const char *tree;
	int r = layer_scratch(a, &scratch, e);

	if (r < 0)
		return r;
	tree = arena_printf(a, "%s/tree", scratch);
	r = tree_copy(AT_FDCWD, o->upper, AT_FDCWD, tree, &how, e);
	if (!r)
		r = layer_adopt(a, tree, NULL, LAYER_IMAGE, out, e);
	tree_remove(AT_FDCWD, scratch);
	return r;
}

int derive_image(struct arena *a, const struct image *base, const struct derive_options *o,
		 struct image **out, struct err *e)
{
	auto_fd int hold = -1;
	auto_json *doc = NULL;
	auto_free char *text = NULL;
	struct layer layer;
	int r = store_hold(&hold, e);

	if (!r)
		r = json_read(base->config_json.p, base->config_json.n, &doc, e);
	if (!r)
		r = adopt_copy(a, o, &layer, e);
	if (r < 0)
		return r;
	add_layer(doc, o, layer.diff_id);
	for (size_t i = 0; !r && i < o->changes.n; i++)
		r = change_apply(doc, o->changes.v[i], e);
	if (r < 0)
		return r;
	text = json_dumps(doc, JSON_COMPACT);
	return store_add(a, (struct span){arena_printf(a, "%s", text), strlen(text)}, o->name, out,
			 e);
}
