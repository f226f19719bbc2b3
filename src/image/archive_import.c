#include "base/json.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/when.h"
#include "image/archive.h"
#include "image/change.h"
#include "image/http.h"
#include "image/layer.h"
#include "image/manifest.h"
#include "image/place.h"
#include "image/store.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static json_t *fresh_config(const struct platform *p, const char *diff_id, const char *message)
{
	char now[40];
	json_t *doc;

	when_rfc3339(when_wall_ns(), now);
	doc = json_pack("{ss ss ss s{} s{sss[s]} s[{sssssssb}]}", "architecture", p->architecture,
			"os", p->os, "created", now, "config", "rootfs", "type", "layers",
			"diff_ids", diff_id, "history", "created", now, "created_by",
			"berth import", "comment", message ? message : "Imported from -",
			"empty_layer", 0);
	if (p->variant)
		json_object_set_new(doc, "variant", json_string(p->variant));
	return doc;
}

int archive_import(struct arena *a, int fd, const struct import_options *o, const char **id,
		   struct err *e)
{
	static const struct unpack_options how = {.keep_owner = true, .from_anywhere = true};
	static const struct pack_options pack = {.skip_root_entry = false};
	auto_fd int hold = -1;
	auto_json *doc = NULL;
	auto_free char *text = NULL;
	struct platform platform;
	struct layer layer;
	struct image *img;
	char *scratch;
	const char *tree;
	int r = place_hold(a, PLACE_ADD, &hold, e);

	if (!r)
		r = platform_parse(a, o->platform, &platform, e);
	if (!r)
		r = layer_scratch(a, &scratch, e);
	if (r < 0)
		return r;
	tree = arena_printf(a, "%s/tree", scratch);
	if (mkdir(tree, 0755) < 0)
		r = err_set(e, errno, "cannot make %s: %s", tree, strerror(errno));
	if (!r)
		r = layer_unpack_fd(fd, tree, &how, NULL, e);
	/* Packed by our own rules, so that save and push can make the layer again. */
	if (!r)
		r = layer_adopt(a, tree, &pack, LAYER_IMAGE, &layer, e);
	tree_remove(AT_FDCWD, scratch);
	if (r < 0)
		return err_wrap(e, "import the file system");
	doc = fresh_config(&platform, layer.diff_id, o->message);
	for (size_t i = 0; !r && i < o->changes.n; i++)
		r = change_apply(doc, o->changes.v[i], e);
	if (r < 0)
		return r;
	text = json_dumps(doc, JSON_COMPACT);
	r = store_add(a, (struct span){arena_printf(a, "%s", text), strlen(text)}, o->ref, &img, e);
	if (!r)
		*id = img->id;
	return r;
}

int archive_get(struct arena *a, const char *url, int *out_fd, struct err *e)
{
	static const int64_t limit = INT64_C(32) << 30;
	struct http_response answer;
	auto_fd int fd = -1;
	char *dir;
	int r = place_dir(a, "tmp", &dir, e);

	if (r < 0)
		return r;
	fd = sys_open(AT_FDCWD, dir, O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return err_set(e, -fd, "cannot make a file in %s: %s", dir, strerror(-fd));
	r = http_get_file(a, url, fd, limit, &answer, e);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "%s: %s", dir, strerror(errno));
	*out_fd = take_fd(&fd);
	return 0;
}
