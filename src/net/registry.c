#include "net/registry.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/sys.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

enum { RECORD_LIMIT = 65536 };

struct shared {
	struct shared *next;
	int watch; /* of inotify */
	char *network;
};

struct registry {
	struct names *names;
	struct watch inotify;
	struct shared *networks;
};

static const char *dir_of(struct arena *a, const char *network)
{
	return arena_printf(a, "%s/dns/%s", paths_run(), network);
}

static void read_names(struct arena *a, const json_t *list, struct strings *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_string_value(item))
			*vec_push(a, out) = json_string_value(item);
	}
}

static void read_ports(struct arena *a, const json_t *list, struct resolver_record *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		*vec_push(a, &out->ports) =
			(struct resolver_port){(uint16_t)json_int_or(item, "port", 0),
					       json_string_or(item, "protocol", "tcp"),
					       json_string_or(item, "name", NULL)};
	}
}

static void read_targets(struct arena *a, const json_t *list, struct resolver_record *out)
{
	const json_t *item;
	struct ip_addr ip;
	struct err none;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_string_value(item) && !ip_parse(json_string_value(item), &ip, &none))
			*vec_push(a, &out->targets) = ip;
	}
}

static void read_ip(const json_t *doc, const char *key, struct ip_addr *out)
{
	const char *text = json_string_or(doc, key, NULL);
	struct err none;

	if (text && ip_parse(text, out, &none) < 0)
		out->family = 0;
}

/* A file that is gone again or half understood is no news. */
static void load(struct registry *r, const char *network, const char *key)
{
	struct resolver_record rec = {.network = network, .key = key};
	auto_arena a = {0};
	auto_json *doc = NULL;
	struct err none;

	if (json_read_file(arena_printf(&a, "%s/%s", dir_of(&a, network), key), RECORD_LIMIT, &doc,
			   &none) < 0)
		return;
	rec.ptr_name = json_string_or(doc, "ptr", NULL);
	rec.ready = json_bool_or(doc, "ready", false);
	rec.quiet_ip6 = json_bool_or(doc, "quiet_ip6", false);
	read_ip(doc, "ip4", &rec.ip4);
	read_ip(doc, "ip6", &rec.ip6);
	rec.is_virtual = json_object_get(doc, "targets");
	read_targets(&a, json_object_get(doc, "targets"), &rec);
	read_names(&a, json_object_get(doc, "names"), &rec.names);
	read_ports(&a, json_object_get(doc, "ports"), &rec);
	names_set_foreign(r->names, &rec);
}

static bool is_record(const char *name)
{
	return name[0] != '.' && !strchr(name, '~');
}

static const char *network_of(const struct registry *r, int watch)
{
	for (const struct shared *s = r->networks; s; s = s->next) {
		if (s->watch == watch)
			return s->network;
	}
	return NULL;
}

/* The directory went with its last record: a new one must be watched for the next. */
static void watch_again(struct registry *r, const char *network)
{
	struct shared **at = &r->networks, *s;
	struct err none;

	while ((*at)->network != network)
		at = &(*at)->next;
	s = *at;
	*at = s->next;
	(void)!registry_watch(r, s->network, &none);
	free(s->network);
	free(s);
}

static void on_change(struct registry *r, const struct inotify_event *ev)
{
	const char *network = network_of(r, ev->wd);

	if (network && ev->mask & IN_IGNORED)
		watch_again(r, network);
	else if (!network || !ev->len || !is_record(ev->name))
		return;
	else if (ev->mask & IN_DELETE)
		names_drop_foreign(r->names, network, ev->name);
	else if (!names_own(r->names, network, ev->name)) /* which is ahead of its file */
		load(r, network, ev->name);
}

static bool read_some(struct registry *r)
{
	_Alignas(struct inotify_event) char room[16384];
	const struct inotify_event *ev;
	ssize_t n = sys_read(r->inotify.fd, room, sizeof(room));

	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*ev) + ev->len)) {
		ev = (const struct inotify_event *)(room + at);
		on_change(r, ev);
	}
	return n > 0;
}

static int on_inotify(struct watch *w, uint32_t events)
{
	(void)read_some(container_of(w, struct registry, inotify));
	return 0;
}

void registry_catch_up(struct registry *r)
{
	while (read_some(r))
		;
}

int registry_new(struct loop *l, struct names *names, struct registry **out, struct err *e)
{
	struct registry *r = mem_new(sizeof(*r));
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	r->names = names;
	if (fd < 0) {
		free(r);
		err_set(e, errno, "cannot watch for names of other projects: %s", strerror(errno));
		return err_hint(e, "raise the sysctl fs.inotify.max_user_instances");
	}
	if (loop_watch(l, &r->inotify, fd, EPOLLIN, on_inotify) < 0)
		abort();
	*out = r;
	return 0;
}

void registry_unwatch(struct registry *r, const char *network)
{
	struct shared **at = &r->networks, *s;
	auto_arena a = {0};

	while (*at && strcmp((*at)->network, network))
		at = &(*at)->next;
	s = *at;
	if (!s)
		return;
	*at = s->next;
	inotify_rm_watch(r->inotify.fd, s->watch);
	names_drop_foreign(r->names, s->network, NULL);
	rmdir(dir_of(&a, s->network)); /* where nothing is in it */
	free(s->network);
	free(s);
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	while (r->networks)
		registry_unwatch(r, r->networks->network);
	loop_unwatch(&r->inotify);
	close(r->inotify.fd);
	free(r);
}

static void load_all(struct registry *r, const char *network, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		if (is_record(ent->d_name))
			load(r, network, ent->d_name);
	}
	if (d)
		closedir(d);
}

int registry_watch(struct registry *r, const char *network, struct err *e)
{
	auto_arena a = {0};
	struct shared *s;
	char *path;
	int watch;

	for (s = r->networks; s; s = s->next) {
		if (!strcmp(s->network, network))
			return 0;
	}
	if (paths_make(&a, paths_run(), arena_printf(&a, "dns/%s", network), &path, e) < 0)
		return -e->code;
	/* Watched before it is read: what comes in between is read twice, not missed. */
	watch = inotify_add_watch(r->inotify.fd, path, IN_MOVED_TO | IN_DELETE);
	if (watch < 0) {
		err_set(e, errno, "cannot watch %s: %s", path, strerror(errno));
		return err_hint(e, "raise the sysctl fs.inotify.max_user_watches");
	}
	s = mem_new(sizeof(*s));
	*s = (struct shared){r->networks, watch, mem_text(network)};
	r->networks = s;
	load_all(r, network, path);
	return 0;
}

static void write_targets(struct buf *b, const struct resolver_record *rec)
{
	const char *comma = "";
	char ip[64];

	buf_str(b, ",\"targets\":[");
	vec_each(target, &rec->targets) {
		buf_printf(b, "%s\"%s\"", comma, ip_print(target, false, ip));
		comma = ",";
	}
	buf_str(b, "]");
}

void registry_text(struct buf *b, const struct resolver_record *rec)
{
	const char *comma = "";
	char ip[64];

	buf_str(b, "{\"names\":[");
	vec_each(name, &rec->names) {
		buf_str(b, comma);
		buf_json(b, *name, strlen(*name));
		comma = ",";
	}
	buf_str(b, "],\"ports\":[");
	comma = "";
	vec_each(port, &rec->ports) {
		buf_printf(b, "%s{\"port\":%u,\"protocol\":\"%s\"", comma, port->port,
			   port->protocol);
		if (port->name) {
			buf_str(b, ",\"name\":");
			buf_json(b, port->name, strlen(port->name));
		}
		buf_str(b, "}");
		comma = ",";
	}
	buf_str(b, "]");
	if (rec->ip4.family)
		buf_printf(b, ",\"ip4\":\"%s\"", ip_print(&rec->ip4, false, ip));
	if (rec->ip6.family)
		buf_printf(b, ",\"ip6\":\"%s\"", ip_print(&rec->ip6, false, ip));
	if (rec->ptr_name) {
		buf_str(b, ",\"ptr\":");
		buf_json(b, rec->ptr_name, strlen(rec->ptr_name));
	}
	if (rec->is_virtual)
		write_targets(b, rec);
	if (rec->quiet_ip6)
		buf_str(b, ",\"quiet_ip6\":true");
	buf_printf(b, ",\"ready\":%s}\n", rec->ready ? "true" : "false");
}

static bool is_plain(const char *s)
{
	return *s && *s != '.' && !s[strcspn(s, "/~\n")];
}

int registry_publish(const struct resolver_record *rec, const struct buf *text, struct err *e)
{
	auto_arena a = {0};
	char *path;

	if (!is_plain(rec->network) || !is_plain(rec->key))
		return err_set(e, EINVAL, "\"%s\" cannot name an endpoint", rec->key);
	if (paths_make(&a, paths_run(), arena_printf(&a, "dns/%s", rec->network), &path, e) < 0)
		return -e->code;
	path = arena_printf(&a, "%s/%s", path, rec->key);
	/* One writer; what a killed one leaves has a name that is known. */
	return file_replace_via(arena_printf(&a, "%s~", path), path,
				(struct span){text->p, text->n}, FILE_FAST, e);
}

void registry_withdraw(const char *network, const char *key)
{
	auto_arena a = {0};
	const char *dir = dir_of(&a, network);

	if (!is_plain(network) || !is_plain(key))
		return;
	unlink(arena_printf(&a, "%s/%s", dir, key));
	unlink(arena_printf(&a, "%s/%s~", dir, key));
	rmdir(dir); /* where it was the last one */
}
