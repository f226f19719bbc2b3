#include "supervise/client.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/sys.h"
#include "supervise/guardian.h"
#include "supervise/status.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { MAX_MESSAGE = 64 << 20 };

enum {
	PATIENCE_MS = 5000,
	ENDS_MS = 60000, /* of what has nothing left to do: only the machine can be slow */
};

struct client {
	int fd;
	const char *project;
	struct buf in;
	int fds[16];
	size_t n_fds;
};

void client_close(struct client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	if (c->fd >= 0)
		close(c->fd);
	buf_done(&c->in);
	free((void *)(uintptr_t)c->project);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->fd;
}

bool client_pending(const struct client *c)
{
	return c->in.n && memchr(c->in.p, '\n', c->in.n);
}

/*
 * sun_path holds 108 bytes; a longer path is reached through the directory's descriptor. The
 * caller keeps *dir open until the address was used.
 */
static int address(const char *path, struct sockaddr_un *out, int *dir)
{
	const char *slash = strrchr(path, '/');
	auto_arena a = {0};

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) < sizeof(out->sun_path)) {
		strncpy(out->sun_path, path, sizeof(out->sun_path) - 1);
		return 0;
	}
	*dir = sys_open(AT_FDCWD, arena_strndup(&a, path, (size_t)(slash - path)),
			O_PATH | O_DIRECTORY, 0);
	if (*dir < 0)
		return *dir;
	snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/%s", *dir, slash + 1);
	return 0;
}

static int dial(const char *path)
{
	auto_fd int fd = -1;
	auto_fd int dir = -1;
	struct sockaddr_un addr;
	int r = address(path, &addr, &dir);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int listen_at(const char *path)
{
	auto_fd int fd = -1;
	auto_fd int dir = -1;
	struct sockaddr_un addr;
	int r;

	unlink(path);
	r = address(path, &addr, &dir);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(path, 0600) < 0)
		return -errno;
	if (listen(fd, 128) < 0)
		return -errno;
	return take_fd(&fd);
}

/* In the child: nothing of the command's terminal, signals or directory stays. */
static void become_guardian(const char *project, const char *dir, int listener, int tube)
{
	char log[4096];
	sigset_t none;
	int null, err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (fork() != 0)
		_exit(0);
	snprintf(log, sizeof(log), "%s/supervisor.log", dir);
	null = sys_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
	err = sys_open(AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	listener = sys_dup_above(listener, 10);
	tube = sys_dup_above(tube, 10);
	if (null < 0 || err < 0 || listener < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(err, 2) < 0 || dup2(listener, 3) < 0 || chdir("/") < 0)
		_exit(1);
	sys_close_from(4, 1U << 2 /* CLOSE_RANGE_CLOEXEC */);
	umask(022);
	execl("/proc/self/exe", "berth", GUARDIAN_WORD, project, (char *)NULL);
	(void)!write(tube, &errno, sizeof(errno));
	_exit(1);
}

static int start(const char *project, const char *dir, const char *path, struct err *e)
{
	auto_fd int listener = listen_at(path);
	int tube[2], child, code = 0, r;

	if (listener < 0)
		return err_set(e, -listener, "%s: %s", path, strerror(-listener));
	r = sys_pipe(tube, 0);
	if (r < 0)
		return err_set(e, -r, "pipe: %s", strerror(-r));
	child = fork();
	if (child < 0)
		r = err_set(e, errno, "fork: %s", strerror(errno));
	else if (!child)
		become_guardian(project, dir, listener, tube[1]);
	close(tube[1]);
	if (child > 0) {
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
		if (sys_read_full(tube[0], &code, sizeof(code)) == sizeof(code))
			r = err_set(e, code, "cannot run /proc/self/exe: %s", strerror(code));
	}
	close(tube[0]);
	return r;
}

/*
 * A supervisor that leaves takes the directory along, the lock in it too: what was waited for may
 * be a file without a name. Then once more, from the directory on.
 */
static int lock_start(struct arena *a, const char *project, char **dir, int *lock, struct err *e)
{
	struct stat held, named;

	for (;;) {
		char *path;
		int r = paths_make(a, paths_run(), arena_printf(a, "projects/%s", project), dir, e);

		if (r < 0)
			return r;
		path = arena_printf(a, "%s/start.lock", *dir);
		r = file_lock(AT_FDCWD, path, FILE_LOCK_WAIT, lock, e);
		if (r < 0 && r != -ENOENT)
			return r;
		if (r >= 0 && !fstat(*lock, &held) && !stat(path, &named) &&
		    held.st_ino == named.st_ino)
			return 0;
		close_at(lock);
		*lock = -1;
	}
}

static int dial_or_start(const char *project, enum client_how how, struct err *e)
{
	auto_arena a = {0};
	char *path = status_control_path(&a, project), *dir;
	auto_fd int lock = -1;
	struct err ignored;
	int fd = dial(path), r;

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT && fd != -ECONNREFUSED && fd != -ENOTDIR)
		return err_set(e, -fd, "%s: %s", path, strerror(-fd));
	if (how == CLIENT_RUNNING)
		return -ENOENT;
	if (how == CLIENT_EXISTING && access(status_project_dir(&a, project), F_OK) < 0)
		return -ENOENT;
	r = lock_start(&a, project, &dir, &lock, e);
	if (r < 0)
		return r;
	fd = dial(path);
	if (fd >= 0)
		return fd;
	if (how == CLIENT_EXISTING && access(status_project_dir(&a, project), F_OK) < 0) {
		(void)!(file_remove_tree(AT_FDCWD, dir, &ignored) < 0);
		return -ENOENT; /* it went while this waited for the lock */
	}
	r = start(project, dir, path, e);
	if (r < 0)
		return err_wrap(e, "start the supervisor of project \"%s\"", project);
	fd = dial(path);
	if (fd < 0)
		return err_set(e, -fd, "the supervisor does not answer: %s", strerror(-fd));
	return fd;
}

int client_open(const char *project, enum client_how how, struct client **out, struct err *e)
{
	struct err absent = {0};
	int fd = dial_or_start(project, how, &absent);
	struct client *c;

	if (fd == -ENOENT && !absent.code)
		return CLIENT_NONE;
	if (fd < 0) {
		*e = absent;
		return fd;
	}
	c = mem_new(sizeof(*c));
	c->fd = fd;
	c->project = mem_text(project);
	*out = c;
	return 0;
}

/* Who leaves in good order, or goes down with the host, takes its process' number along. */
bool client_mend(const char *project)
{
	auto_arena a = {0};
	auto_client *c = NULL;
	struct err ignored;
	auto_fd int fd = -1;

	if (access(arena_printf(&a, "%s/supervisor.pid", status_project_run_dir(&a, project)),
		   F_OK) < 0 ||
	    status_supervised(project, NULL))
		return false;
	fd = dial(status_control_path(&a, project));
	return fd == -ECONNREFUSED && !client_open(project, CLIENT_EXISTING, &c, &ignored);
}

int client_send(struct client *c, const json_t *msg, const int *fds, size_t n, struct err *e)
{
	json_t *copy = NULL;
	char *text;
	size_t len;
	int r;

	if (n) {
		copy = json_copy((json_t *)(uintptr_t)msg);
		json_object_set_new(copy, "fds", json_integer((json_int_t)n));
	}
	text = json_dumps(copy ? copy : msg, JSON_COMPACT);
	json_decref(copy);
	if (!text)
		return err_set(e, EINVAL, "the request cannot be written as JSON");
	len = strlen(text);
	text[len] = '\n'; /* in place of the terminator */
	r = sys_send_fds(c->fd, text, len + 1, fds, n);
	if (r >= 0 && (size_t)r < len + 1)
		r = sys_write_all(c->fd, text + r, len + 1 - (size_t)r);
	free(text);
	return r < 0 ? err_set(e, -r, "the supervisor hung up: %s", strerror(-r)) : 0;
}

static bool is_stopped(const struct client *c, pid_t *pid)
{
	auto_arena a = {0};
	struct span text;
	struct err ignored;
	const char *state;

	if (!status_supervised(c->project, pid) ||
	    file_read(&a, AT_FDCWD, arena_printf(&a, "/proc/%d/stat", (int)*pid), 1024, &text,
		      &ignored) < 0)
		return false;
	state = strrchr(span_dup(&a, text), ')');
	return state && text_starts(state, ") T");
}

/* Silence is normal: it works, or waits for something. Not so where somebody has stopped it. */
static int wait_for_word(struct client *c, struct err *e)
{
	struct pollfd fd = {.fd = c->fd, .events = POLLIN};
	pid_t pid = 0;
	int stopped = 0;

	while (poll(&fd, 1, PATIENCE_MS) == 0) {
		stopped = is_stopped(c, &pid) ? stopped + 1 : 0;
		if (stopped < 2)
			continue;
		err_set(e, ETIMEDOUT,
			"the supervisor of project \"%s\" (process %d) does not answer: it is "
			"stopped",
			c->project, (int)pid);
		return err_hint(e,
				"kill -CONT %d lets it go on; after kill -9 %d another takes "
				"over, and no container notices",
				(int)pid, (int)pid);
	}
	return 0;
}

static int more(struct client *c, struct err *e)
{
	char chunk[16384];
	size_t n_fds = countof(c->fds) - c->n_fds;
	ssize_t r = wait_for_word(c, e);

	if (r < 0)
		return (int)r;
	r = sys_recv_fds(c->fd, chunk, sizeof(chunk), c->fds + c->n_fds, &n_fds);
	if (r == -ECONNRESET || r == 0)
		return CLIENT_END;
	if (r < 0)
		return err_set(e, (int)-r, "control socket: %s", strerror((int)-r));
	c->n_fds += n_fds;
	if (c->in.n + (size_t)r > MAX_MESSAGE)
		return err_set(e, EMSGSIZE, "the supervisor sent an endless message");
	buf_add(&c->in, chunk, (size_t)r);
	return 0;
}

int client_next(struct client *c, json_t **msg, int *fds, size_t *n, struct err *e)
{
	size_t len, count, room = n ? *n : 0;
	char *end;
	int r;

	while (!client_pending(c)) {
		r = more(c, e);
		if (r)
			return r;
	}
	end = memchr(c->in.p, '\n', c->in.n);
	len = (size_t)(end - c->in.p);
	r = json_read(c->in.p, len, msg, e);
	memmove(c->in.p, end + 1, c->in.n - len - 1);
	c->in.n -= len + 1;
	if (r < 0)
		return r;
	count = (size_t)json_int_or(*msg, "fds", 0);
	if (n)
		*n = 0;
	for (size_t i = 0; i < count && c->n_fds; i++) {
		if (i < room)
			fds[(*n)++] = c->fds[0];
		else
			close(c->fds[0]);
		memmove(c->fds, c->fds + 1, --c->n_fds * sizeof(int));
	}
	return 0;
}

int client_error(const json_t *msg, struct err *e)
{
	const json_t *j = json_object_get(msg, "error");
	int code;

	if (!json_is_object(j))
		return 0;
	code = (int)json_int_or(j, "code", EIO);
	if (code <= 0)
		code = EIO;
	*e = (struct err){.code = code};
	snprintf(e->what, sizeof(e->what), "%s", json_string_or(j, "what", ""));
	snprintf(e->why, sizeof(e->why), "%s", json_string_or(j, "why", ""));
	snprintf(e->at, sizeof(e->at), "%s", json_string_or(j, "at", ""));
	snprintf(e->hint, sizeof(e->hint), "%s", json_string_or(j, "hint", ""));
	return -code;
}

/* What the last answer of a pair brings are its processes: whoever is told "gone" may unmount. */
static void wait_for_ends(const json_t *msg, const int *fds, size_t n)
{
	bool left = json_bool_or(msg, "left", false);

	for (size_t i = 0; i < n; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};

		if (left)
			(void)!poll(&p, 1, ENDS_MS);
		close(fds[i]);
	}
}

int client_call(struct client *c, const json_t *req, const int *fds, size_t n,
		int (*each)(void *arg, const json_t *msg), void *arg, int *code, struct err *e)
{
	int r = client_send(c, req, fds, n, e);

	while (!r) {
		auto_json *msg = NULL;
		int ends[CLIENT_MAX_FDS];
		size_t n_ends = countof(ends);

		r = client_next(c, &msg, ends, &n_ends, e);
		if (r == CLIENT_END)
			return err_set(e, ECONNRESET,
				       "the supervisor ended before it had answered");
		if (r < 0)
			return r;
		wait_for_ends(msg, ends, n_ends);
		if (json_bool_or(msg, "done", false)) {
			*code = (int)json_int_or(msg, "code", 0);
			return client_error(msg, e);
		}
		if (each)
			r = each(arg, msg);
	}
	return r;
}
