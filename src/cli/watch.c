/*
 * watch: files of the host that change are copied into containers, or have them built anew or
 * started again. Each batch of changes is worked off by a child, so that a failure ends the batch
 * and not the watch, and memory does not grow over days; what changes meanwhile waits in the
 * kernel's queue.
 */
#include "cli/watch.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/vec.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/complain.h"
#include "cli/container_root.h"
#include "cli/images_ready.h"
#include "cli/target.h"
#include "image/store.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct watch_opts {
	bool no_up, prune, quiet;
};

struct batch {
	struct cli *cli;
	const struct watching *w;
	struct strings paths;
	struct statuses containers;
	struct strings rebuild, restart;
	VEC(const struct watch_use *) execs; /* whose command is due */
	bool failed;
};

static void say(const char *text)
{
	auto_buf line = {0};

	buf_printf(&line, "%s\n", text);
	(void)!sys_write_all(STDOUT_FILENO, line.p, line.n);
}

static void fail(struct batch *b, const struct err *e)
{
	complain(stderr, e, b->cli->colour_err);
	b->failed = true;
}

/* One of our own commands, with the project that is loaded. */
static int command(struct batch *b, const struct strings *words, struct err *e)
{
	char **argv = arena_alloc(&b->cli->arena, (words->n + 1) * sizeof(*argv));

	for (size_t i = 0; i < words->n; i++)
		argv[i] = (char *)(uintptr_t)words->v[i];
	return command_main(b->cli, (int)words->n, argv, e);
}

static void add_words(struct arena *a, struct strings *out, const char *const *words)
{
	for (; *words; words++)
		*vec_push(a, out) = *words;
}

/* The file, link or directory itself; what is gone here goes there too. Root's, as cp has it. */
static int copy_one(int root, const char *path, const char *target, struct err *e)
{
	struct tree_copy how = {.set_owner = true};
	auto_arena a = {0};
	const char *slash = strrchr(path, '/');
	auto_fd int from = sys_open(AT_FDCWD, arena_strndup(&a, path, (size_t)(slash - path) + 1),
				    O_PATH | O_DIRECTORY, 0);
	char name[256];
	struct stat st, there;
	bool gone = from < 0 || fstatat(from, slash + 1, &st, AT_SYMLINK_NOFOLLOW) < 0;
	auto_fd int to = -1;

	if (!gone && S_ISDIR(st.st_mode)) {
		to = tree_mkdirs(root, target, 0755);
		return to < 0 ? err_set(e, -to, "%s: %s", target, strerror(-to)) : 0;
	}
	to = tree_parent(root, target, gone ? 0 : 0755, name);
	if (gone && to < 0)
		return 0;
	if (to < 0)
		return err_set(e, -to, "%s: %s", target, strerror(-to));
	if (gone || (!fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) && S_ISDIR(there.st_mode))) {
		int r = tree_remove(to, name);

		if (r < 0 || gone)
			return r < 0 ? err_set(e, -r, "%s: %s", target, strerror(-r)) : 0;
	}
	return tree_copy(from, slash + 1, to, name, &how, e);
}

/* Everything below a directory that meets the rule. */
static void list_all(struct batch *b, const struct watch_use *u, const char *path,
		     struct strings *out)
{
	struct arena *a = &b->cli->arena;
	struct dirent *ent;
	struct stat st;
	DIR *d;

	if (lstat(path, &st) < 0)
		return;
	if (watch_meets(a, u, path) && !S_ISDIR(st.st_mode))
		*vec_push(a, out) = path;
	if (!S_ISDIR(st.st_mode) || watch_skips(&b->w->rules, path))
		return;
	d = opendir(path);
	while (d && (ent = readdir(d))) {
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			list_all(b, u, arena_printf(a, "%s/%s", path, ent->d_name), out);
	}
	if (d)
		closedir(d);
}

/* Into every running container of the service. Returns how many there were. */
static size_t copy_paths(struct batch *b, const struct watch_use *u, const struct strings *paths)
{
	struct arena *a = &b->cli->arena;
	size_t n = 0;

	vec_each(s, &b->containers) {
		struct err e = {0};
		auto_fd int root = -1;
		int r;

		if (!s->service || strcmp(s->service, u->service->name) || s->one_off ||
		    !target_is_up(s))
			continue;
		r = container_root(a, s, &root, &e);
		vec_each(path, paths) {
			if (r >= 0)
				r = copy_one(root, *path, watch_target(a, u, *path), &e);
		}
		n++;
		if (r < 0) {
			err_wrap(&e, "sync %s", s->name);
			fail(b, &e);
		}
	}
	return n;
}

static void sync_rule(struct batch *b, const struct watch_use *u, const struct strings *paths)
{
	struct arena *a = &b->cli->arena;

	if (b->cli->global.dry_run) {
		vec_each(path, paths)
			say(arena_printf(a, "Would sync %s to %s:%s", *path, u->service->name,
					 watch_target(a, u, *path)));
		return;
	}
	if (!copy_paths(b, u, paths))
		say(arena_printf(a, "Service \"%s\" does not run: nothing to sync into",
				 u->service->name));
	else
		say(arena_printf(a, "Syncing service \"%s\" after %zu changes were detected",
				 u->service->name, paths->n));
}

static void add_once(struct batch *b, struct strings *to, const char *word)
{
	if (!strings_have(to, word))
		*vec_push(&b->cli->arena, to) = word;
}

static void meet_rule(struct batch *b, const struct watch_use *u, bool copy)
{
	struct arena *a = &b->cli->arena;
	struct strings met = {0};

	vec_each(path, &b->paths) {
		if (watch_meets(a, u, *path))
			*vec_push(a, &met) = *path;
	}
	if (!met.n)
		return;
	if (!strcmp(u->rule->action, "rebuild"))
		add_once(b, &b->rebuild, u->service->name);
	if (watch_copies(u->rule) && copy)
		sync_rule(b, u, &met);
	if (watch_restarts(u->rule))
		add_once(b, &b->restart, u->service->name);
	if (!strcmp(u->rule->action, "sync+exec"))
		*vec_push(a, &b->execs) = u;
}

static void exec_rule(struct batch *b, const struct watch_use *u)
{
	const struct hook *h = &u->rule->exec;
	struct arena *a = &b->cli->arena;

	vec_each(s, &b->containers) {
		struct strings words = {0};
		struct err e = {0};
		int code;

		if (!s->service || strcmp(s->service, u->service->name) || s->one_off ||
		    !target_is_up(s))
			continue;
		add_words(a, &words, (const char *const[]){"exec", "-T", NULL});
		if (h->user)
			add_words(a, &words, (const char *const[]){"-u", h->user, NULL});
		if (h->working_dir)
			add_words(a, &words, (const char *const[]){"-w", h->working_dir, NULL});
		if (h->privileged)
			add_words(a, &words, (const char *const[]){"--privileged", NULL});
		vec_each(v, &h->environment)
			add_words(a, &words,
				  (const char *const[]){
					  "-e", arena_printf(a, "%s=%s", v->key, v->value), NULL});
		*vec_push(a, &words) = s->name;
		vec_each(word, &h->command.words)
			*vec_push(a, &words) = *word;
		code = command(b, &words, &e);
		if (code < 0)
			fail(b, &e);
		else if (code)
			say(arena_printf(a, "%s: the command after the sync exited with code %d",
					 s->name, code));
	}
}

/* The image that the service had before, where nothing names or uses it now. */
static void prune_image(struct batch *b, const struct image *old)
{
	struct arena *a = &b->cli->arena;
	struct strings removed = {0}, users = {0};
	struct image *now;
	struct err ignored = {0};

	if (store_image(a, old->id, &now, &ignored) || store_names(a, now, &ignored) < 0 ||
	    now->names.n || store_pinned(a, old->id, &users, &ignored) < 0 || users.n)
		return;
	(void)!store_remove(a, old->id, false, &removed, &ignored);
}

static void rebuild(struct batch *b)
{
	struct arena *a = &b->cli->arena;
	VEC(struct image *) old = {0};
	struct strings words = {0};
	auto_buf names = {0};
	struct err e = {0};
	int code;

	vec_each(name, &b->rebuild) {
		const struct service *s = project_service(b->w->project, *name);
		struct image *image;

		buf_printf(&names, "%s\"%s\"", names.n ? " " : "", *name);
		if (!store_image(a, service_image(a, b->w->project, s), &image, &e))
			*vec_push(a, &old) = image;
	}
	say(arena_printf(a, "Rebuilding service(s) [%s] after changes were detected...", names.p));
	add_words(a, &words, (const char *const[]){"up", "-d", "--build", "--no-deps", NULL});
	if (b->w->quiet)
		*vec_push(a, &words) = "--quiet-build";
	vec_each(name, &b->rebuild)
		*vec_push(a, &words) = *name;
	code = command(b, &words, &e);
	if (code < 0)
		return fail(b, &e);
	b->failed = b->failed || code;
	if (code || b->cli->global.dry_run)
		return;
	say(arena_printf(a, "service(s) [%s] successfully built", names.p));
	vec_each(image, &old) {
		if (b->w->prune)
			prune_image(b, *image);
	}
}

static void restart(struct batch *b)
{
	struct strings words = {0};
	auto_buf names = {0};
	struct err e = {0};
	int code;

	*vec_push(&b->cli->arena, &words) = "restart";
	vec_each(name, &b->restart) {
		*vec_push(&b->cli->arena, &words) = *name;
		buf_printf(&names, "%s\"%s\"", names.n ? " " : "", *name);
	}
	code = command(b, &words, &e);
	if (code < 0)
		fail(b, &e);
	else if (!code)
		say(arena_printf(&b->cli->arena, "service(s) [%s] restarted", names.p));
}

static int begin(struct batch *b)
{
	struct err e = {0};

	if (status_read(&b->cli->arena, b->w->project->name, &b->containers, &e) >= 0)
		return 0;
	fail(b, &e);
	return -1;
}

/* What is built anew has the files already: the image comes first, the rest sees new containers. */
static void work(struct batch *b)
{
	if (begin(b) < 0)
		return;
	vec_each(u, &b->w->rules)
		meet_rule(b, u, false);
	if (b->rebuild.n) {
		rebuild(b);
		b->containers = (struct statuses){0};
		if (begin(b) < 0)
			return;
	}
	b->restart.n = b->execs.n = 0;
	vec_each(u, &b->w->rules)
		meet_rule(b, u, true);
	if (b->restart.n)
		restart(b);
	vec_each(u, &b->execs) {
		if (!b->cli->global.dry_run)
			exec_rule(b, *u);
	}
}

/* After a queue that was too short: as if everything had changed. */
static void find_all(struct batch *b, bool only_initial)
{
	vec_each(u, &b->w->rules) {
		struct strings found = {0};

		if (only_initial && (!u->rule->initial_sync || !watch_copies(u->rule)))
			continue;
		list_all(b, u, u->rule->path, &found);
		if (only_initial && found.n)
			sync_rule(b, u, &found);
		vec_each(path, &found)
			add_once(b, &b->paths, *path);
	}
}

/* Ends with us, whoever ends us. */
static pid_t fork_bound(void)
{
	pid_t us = getpid(), pid;
	sigset_t none;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != us)
		_exit(1);
	return 0;
}

static void work_in_child(struct cli *c, const struct watching *w, const struct strings *paths,
			  bool all)
{
	struct batch b = {.cli = c, .w = w};
	pid_t pid = fork_bound();

	if (pid) {
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return;
	}
	if (paths)
		b.paths = *paths;
	if (!all) {
		work(&b);
	} else if (begin(&b) >= 0) {
		find_all(&b, !paths);
		if (paths)
			work(&b);
	}
	fflush(NULL);
	_exit(b.failed);
}

static bool skips(void *arg, const char *dir)
{
	return watch_skips(arg, dir);
}

int watch_plan(struct cli *c, struct project *p, const struct strings *services,
	       struct watching *out, struct err *e)
{
	out->project = p;
	return watch_rules(&c->arena, p, services, &out->rules, e);
}

/* Acts upon changes for ever: returns only with an error. */
static int run(struct cli *c, const struct watching *w, struct err *e)
{
	struct strings paths = {0};
	auto_changes *changes = NULL;
	bool initial = false;
	int r;

	vec_each(u, &w->rules) {
		*vec_push(&c->arena, &paths) = u->rule->path;
		initial = initial || u->rule->initial_sync;
	}
	r = changes_new(&changes,
			&(struct changes_options){&paths, skips, (void *)(uintptr_t)&w->rules}, e);
	if (r < 0)
		return r;
	if (initial)
		work_in_child(c, w, NULL, true);
	say("Watch enabled");
	for (;;) {
		auto_arena a = {0};
		struct strings found;
		bool lost;

		r = changes_wait(changes, &a, &found, &lost, e);
		if (r < 0)
			return r;
		if (lost)
			complain_warning(stderr,
					 "more changed than the kernel could tell: "
					 "everything is taken for changed",
					 c->colour_err);
		work_in_child(c, w, &found, lost);
	}
}

pid_t watch_fork(struct cli *c, const struct watching *w)
{
	pid_t pid = fork_bound();
	struct err e = {0};

	if (pid)
		return pid;
	(void)!run(c, w, &e);
	complain(stderr, &e, c->colour_err);
	_exit(1);
}

static int watch_main(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct watch_opts *o = opts;
	struct strings named = {(const char **)argv, (size_t)argc, 0}, words = {0};
	struct watching w = {.prune = o->prune, .quiet = o->quiet};
	struct batch b = {.cli = c, .w = &w};
	struct project *p;
	int r = cli_project(c, &named, &p, e);

	if (r >= 0)
		r = watch_plan(c, p, &named, &w, e);
	if (r < 0 || o->no_up)
		return r < 0 ? r : run(c, &w, e);
	add_words(&c->arena, &words, (const char *const[]){"up", "-d", "--build", NULL});
	if (o->quiet)
		*vec_push(&c->arena, &words) = "--quiet-build";
	vec_each(name, &named)
		*vec_push(&c->arena, &words) = *name;
	r = command(&b, &words, e);
	return r ? r : run(c, &w, e);
}

/* clang-format off */
static const struct opt watch_opts[] = {
	{0, "no-up", OPT_FLAG, offsetof(struct watch_opts, no_up), NULL, "only watch: what runs, runs"},
	{0, "prune", OPT_FLAG, offsetof(struct watch_opts, prune), NULL, "remove the image that a rebuild replaces; --prune=false keeps it"},
	{0, "quiet", OPT_FLAG, offsetof(struct watch_opts, quiet), NULL, "build without a word"},
	{0},
};
/* clang-format on */

const struct command watch_command = {
	.name = "watch",
	.args = "[SERVICE...]",
	.brief = "Bring changes of files into containers, or build and restart them",
	.more = "Does what develop.watch of the services says whenever a file below its path\n"
		"changes: sync copies it, rebuild builds the image and replaces the container,\n"
		"restart, sync+restart and sync+exec as they are called. Ctrl-C ends the watch, "
		"the\n"
		"containers stay.",
	.opts = watch_opts,
	.size = sizeof(struct watch_opts),
	.defaults = &(const struct watch_opts){.prune = true},
	.max = -1,
	.run = watch_main,
	.group = GROUP_PROJECT,
	.world = WORLD_COMPOSE,
	.reads = READS_ALL,
};
