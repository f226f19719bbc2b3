#include "ops/startup.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/vec.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RC_MARK "# berth: enabled projects"

static const char systemd_unit[] = "# Written by \"berth enable\".\n"
				   "[Unit]\n"
				   "Description=Projects of berth\n"
				   "Wants=network-online.target\n"
				   "After=network-online.target local-fs.target\n"
				   "\n"
				   "[Service]\n"
				   "Type=oneshot\n"
				   "RemainAfterExit=yes\n"
				   "KillMode=process\n"
				   "TimeoutStopSec=120\n"
				   "Environment=%e\n"
				   "ExecStart=%p boot\n"
				   "ExecStop=%p boot --stop\n"
				   "\n"
				   "[Install]\n"
				   "WantedBy=multi-user.target\n";

static const char openrc_script[] = "#!/sbin/openrc-run\n"
				    "# Written by \"berth enable\".\n"
				    "description=\"Projects of berth\"\n"
				    "export %e\n"
				    "depend() {\n"
				    "\tneed localmount\n"
				    "\tafter net firewall\n"
				    "}\n"
				    "start() {\n"
				    "\tebegin \"Starting projects of berth\"\n"
				    "\t%p boot\n"
				    "\teend $?\n"
				    "}\n"
				    "stop() {\n"
				    "\tebegin \"Stopping projects of berth\"\n"
				    "\t%p boot --stop\n"
				    "\teend $?\n"
				    "}\n";

static const char rc_line[] = "%e %p boot " RC_MARK "\n";

static const struct kind {
	const char *name, *sign /* that the machine has it */, *file, *text, *link, *target;
	mode_t mode;
} kinds[] = {
	/* clang-format off */
	[STARTUP_SYSTEMD] = {"systemd", "/lib/systemd/systemd", "/etc/systemd/system/berth.service", systemd_unit,
			     "/etc/systemd/system/multi-user.target.wants/berth.service", "../berth.service", 0644},
	[STARTUP_OPENRC]  = {"openrc", "/sbin/openrc-run", "/etc/init.d/berth", openrc_script,
			     "/etc/runlevels/default/berth", "/etc/init.d/berth", 0755},
	[STARTUP_RC]      = {"rc", NULL, "/etc/rc.local", rc_line, NULL, NULL, 0755},
	/* clang-format on */
};

const char *startup_name(enum startup_kind k)
{
	return kinds[k].name;
}

enum startup_kind startup_detect(const char *prefix)
{
	auto_arena a = {0};

	for (int k = 0; k < STARTUP_RC; k++) {
		if (!access(arena_printf(&a, "%s%s", prefix, kinds[k].sign), X_OK))
			return (enum startup_kind)k;
	}
	return STARTUP_RC;
}

/* Both a shell and systemd read the words as buf_shell quotes them. */
static void fill(struct buf *b, const char *text, const char *program)
{
	static const struct {
		const char *name, *(*value)(void);
	} env[] = {{"BERTH_ROOT", paths_root}, {"BERTH_RUN", paths_run}};
	auto_arena a = {0};

	for (const char *p = text; *p; p++) {
		if (*p != '%') {
			buf_char(b, *p);
			continue;
		}
		if (*++p == 'p') {
			buf_shell(b, program);
			continue;
		}
		for (size_t k = 0; k < countof(env); k++) {
			if (k)
				buf_char(b, ' ');
			buf_shell(b, arena_printf(&a, "%s=%s", env[k].name, env[k].value()));
		}
	}
}

/* The lines of rc.local but ours; the shebang where there was nothing. */
static int read_rc(struct arena *a, const char *path, struct buf *out, struct err *e)
{
	struct span text = {0}, line;
	int r = file_read(a, AT_FDCWD, path, 1 << 20, &text, e);

	if (r == -ENOENT) {
		buf_str(out, "#!/bin/sh\n");
		return 0;
	}
	while (r >= 0 && text.n) {
		span_cut(&text, '\n', &line);
		if (memmem(line.p, line.n, RC_MARK, strlen(RC_MARK)))
			continue;
		buf_add(out, line.p, line.n);
		buf_char(out, '\n');
	}
	return r;
}

/* Before an "exit 0" that ends it. */
static void insert_line(struct buf *rc, const struct buf *line)
{
	static const char end[] = "exit 0\n";
	size_t n = strlen(end), at = rc->n;
	auto_buf rest = {0};

	if (rc->n >= n && !memcmp(rc->p + rc->n - n, end, n) &&
	    (rc->n == n || rc->p[rc->n - n - 1] == '\n'))
		at = rc->n - n;
	buf_add(&rest, rc->p + at, rc->n - at);
	rc->n = at;
	buf_add(rc, line->p, line->n);
	buf_add(rc, rest.p ? rest.p : "", rest.n);
}

static int make_parent(struct arena *a, const char *path, struct err *e)
{
	return file_mkdirs(arena_strndup(a, path, (size_t)(strrchr(path, '/') - path)), 0755, e);
}

int startup_install(struct arena *a, enum startup_kind k, const char *prefix, const char *program,
		    char **path, struct err *e)
{
	const struct kind *kind = &kinds[k];
	auto_buf text = {0}, rc = {0};
	char *link;
	int r;

	*path = arena_printf(a, "%s%s", prefix, kind->file);
	fill(&text, kind->text, program);
	r = make_parent(a, *path, e);
	if (!r && k == STARTUP_RC) {
		r = read_rc(a, *path, &rc, e);
		insert_line(&rc, &text);
	}
	if (r >= 0)
		r = file_replace(AT_FDCWD, *path, rc.n ? rc.p : text.p, rc.n ? rc.n : text.n,
				 kind->mode, FILE_DURABLE, e);
	if (r < 0 || !kind->link)
		return r;
	link = arena_printf(a, "%s%s", prefix, kind->link);
	r = make_parent(a, link, e);
	if (!r && symlink(kind->target, link) < 0 && errno != EEXIST)
		r = err_set(e, errno, "%s: %s", link, strerror(errno));
	if (!r && (r = file_sync_parent(AT_FDCWD, link)) < 0)
		return err_set(e, -r, "%s: %s", link, strerror(-r));
	return r;
}

int startup_remove(const char *prefix, struct err *e)
{
	auto_arena a = {0};
	auto_buf rc = {0};
	char *path = arena_printf(&a, "%s%s", prefix, kinds[STARTUP_RC].file);

	for (int k = 0; k < STARTUP_RC; k++) {
		(void)unlink(arena_printf(&a, "%s%s", prefix, kinds[k].link));
		if (unlink(arena_printf(&a, "%s%s", prefix, kinds[k].file)) < 0 && errno != ENOENT)
			return err_set(e, errno, "%s%s: %s", prefix, kinds[k].file,
				       strerror(errno));
	}
	if (access(path, F_OK) < 0)
		return 0;
	if (read_rc(&a, path, &rc, e) < 0)
		return -e->code;
	return file_replace(AT_FDCWD, path, rc.p, rc.n, kinds[STARTUP_RC].mode, FILE_DURABLE, e);
}

int startup_enable(const char *project, struct err *e)
{
	auto_arena a = {0};
	char *dir;
	int r = paths_make(&a, paths_root(), "enabled", &dir, e);

	return r < 0 ? r
		     : file_replace(AT_FDCWD, arena_printf(&a, "%s/%s", dir, project), "", 0, 0600,
				    FILE_DURABLE, e);
}

int startup_disable(const char *project, struct err *e)
{
	auto_arena a = {0};
	char *path = arena_printf(&a, "%s/enabled/%s", paths_root(), project);

	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int startup_enabled(struct arena *a, struct strings *out, struct err *e)
{
	char *dir = arena_printf(a, "%s/enabled", paths_root());
	DIR *d = opendir(dir);
	struct dirent *ent;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, errno, "%s: %s", dir, strerror(errno));
	while ((ent = readdir(d))) {
		if (ent->d_name[0] != '.')
			*vec_push(a, out) = arena_printf(a, "%s", ent->d_name);
	}
	closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}
