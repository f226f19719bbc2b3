#include "cli/adhoc.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/request.h"
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

static char *random_hex(struct arena *a)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
		v = (uint32_t)when_mono_ns();
	return arena_printf(a, "%08x", v);
}

/* "docker.io/library/busybox:1.36" to "busybox". */
static char *short_image(struct arena *a, const char *ref)
{
	const char *slash = strrchr(ref, '/'), *start = slash ? slash + 1 : ref;
	char *name = arena_strndup(a, start, strcspn(start, ":@"));

	for (char *p = name; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		else if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", *p))
			*p = '-';
	}
	return *name ? name : arena_printf(a, "image");
}

/* What the user wrote is meant literally: "$" is no variable of a compose file. */
static json_t *escaped(json_t *v)
{
	json_t *out, *item;
	const char *key;
	auto_buf b = {0};
	size_t i;

	if (json_is_object(v)) {
		out = json_object();
		json_object_foreach(v, key, item) json_object_set_new(out, key, escaped(item));
		return out;
	}
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach(v, i, item) json_array_append_new(out, escaped(item));
		return out;
	}
	if (!json_is_string(v))
		return json_incref(v);
	buf_str(&b, "");
	for (const char *s = json_string_value(v); *s; s++)
		buf_str(&b, *s == '$' ? "$$" : (char[]){*s, 0});
	return json_string(b.p);
}

int adhoc_project(struct cli *c, struct adhoc *a, struct err *e)
{
	auto_json *service = a->service_extra ? json_deep_copy(a->service_extra) : json_object();
	auto_json *top = a->top_extra ? json_deep_copy(a->top_extra) : json_object();
	char *dir, *text, *name;
	int r;

	a->service = short_image(&c->arena, a->image);
	a->container =
		a->name ? a->name
			: arena_printf(&c->arena, "%s-%s", a->service, random_hex(&c->arena));
	name = arena_printf(&c->arena, "run-%s", short_image(&c->arena, a->container));
	json_object_set_new(service, "image", json_string(a->image));
	if (!json_object_get(service, "container_name"))
		json_object_set_new(service, "container_name", json_string(a->container));
	json_object_set_new(top, "name", json_string(name));
	json_object_set_new(top, "services", json_pack("{s:O}", a->service, service));
	r = paths_make(&c->arena, paths_run(), "adhoc", &dir, e);
	if (r < 0)
		return r;
	a->file = arena_printf(&c->arena, "%s/%s.json", dir, name);
	auto_json *file = escaped(top);
	text = json_dumps(file, JSON_INDENT(1));
	r = file_replace(AT_FDCWD, a->file, text, strlen(text), 0600, FILE_FAST, e);
	free(text);
	c->project = NULL;
	c->global.files = (struct strings){0};
	*vec_push(&c->arena, &c->global.files) = a->file;
	c->global.project_name = name;
	/* Relative paths on the command line start where the user stands. */
	c->global.project_directory = ".";
	return r;
}

int adhoc_end(struct cli *c, struct adhoc *a, int code)
{
	struct request r = {.msg = json_pack("{s:s, s:b, s:b}", "do", "down", "volumes", 0,
					     "remove_orphans", 1),
			    .title = "Removing",
			    .quiet = true};
	struct err ignored;
	int ended;

	/* Without this client the supervisor would do so itself; it may have left meanwhile. */
	(void)!request_send(c, c->global.project_name, CLIENT_EXISTING, &r, &ended, &ignored);
	return code;
}
