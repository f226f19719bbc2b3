#include "runtime/child.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Codes that launch_exit_code() reads as 126 and 127 are for execve's own failures only. */
static int set_up_code(int code)
{
	return code == ENOENT || code == EACCES || code == ENOEXEC ? EINVAL : code;
}

void child_fail(struct child *c, struct err *e)
{
	int code = launch_exit_code(e);

	/* sendmsg is refused by few custom filters, write by none that let the program run. */
	if (send(c->sync, e, sizeof(*e), MSG_NOSIGNAL) < 0 && write(c->sync, e, sizeof(*e)) < 0)
		code = 125;
	_exit(code);
}

void child_run(struct child *c, const struct step *steps, size_t n)
{
	struct err e;

	for (size_t i = 0; i < n; i++) {
		memset(&e, 0, sizeof(e));
		if (steps[i].fn(c, &e) < 0) {
			e.code = set_up_code(e.code);
			if (steps[i].name)
				err_wrap(&e, "%s", steps[i].name);
			child_fail(c, &e);
		}
	}
}

static int close_all_but(const int *keep, size_t n)
{
	int first = 3, next;

	/* Few descriptors are kept: the next one to keep is searched for each time. */
	while (first < INT_MAX) {
		next = INT_MAX;
		for (size_t i = 0; i < n; i++) {
			if (keep[i] >= first && keep[i] < next)
				next = keep[i];
		}
		if (next > first && sys_close_range(first, next - 1) < 0)
			return -errno;
		first = next == INT_MAX ? INT_MAX : next + 1;
	}
	return 0;
}

int child_descriptors(const int stdio[3], const int *keep, size_t n_keep, struct err *e)
{
	int fds[3], r;

	for (int i = 0; i < 3; i++) {
		fds[i] = stdio[i] >= 0 ? sys_dup_above(stdio[i], 3)
				       : sys_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
		if (fds[i] >= 0 && fds[i] < 3)
			fds[i] = sys_dup_above(fds[i], 3);
		if (fds[i] < 0)
			return err_set(e, -fds[i], "cannot take descriptor %d: %s", i,
				       strerror(-fds[i]));
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(fds[i], i) < 0)
			return err_set(e, errno, "cannot place descriptor %d: %s", i,
				       strerror(errno));
	}
	r = close_all_but(keep, n_keep);
	return r < 0 ? err_set(e, -r, "cannot close descriptors: %s", strerror(-r)) : 0;
}

static const char *path_of(const char *const *envp)
{
	for (; *envp; envp++) {
		if (text_starts(*envp, "PATH="))
			return *envp + strlen("PATH=");
	}
	return DEFAULT_PATH;
}

/* Says more than errno does: ENOENT of an existing file means its interpreter. */
int child_explain(const char *path, int code, struct err *e)
{
	struct stat st;

	if (code == ENOENT && !stat(path, &st)) {
		err_set(e, ENOENT, "%s exists, but the interpreter that it asks for does not",
			path);
		return err_hint(e,
				"a script's first line, or a program's dynamic loader, is missing");
	}
	if (code == EACCES && !stat(path, &st) && S_ISDIR(st.st_mode))
		return err_set(e, EACCES, "%s is a directory", path);
	if (code == ENOEXEC)
		return err_set(e, ENOEXEC,
			       "%s: exec format error (another architecture, or a script "
			       "without #! line)",
			       path);
	return err_set(e, code, "%s: %s", path, strerror(code));
}

static int no_such(const char *name, const char *path, bool denied, struct err *e)
{
	if (denied)
		return err_set(e, EACCES, "\"%s\" in PATH (%s) is not executable", name, path);
	return err_set(e, ENOENT, "\"%s\": executable file not found in PATH (%s)", name, path);
}

int child_exec(const char *const *argv, const char *const *envp, struct err *e)
{
	char *const *args = (char *const *)(uintptr_t)argv;
	char *const *env = (char *const *)(uintptr_t)envp;
	char path[PATH_MAX];

	if (child_find(argv[0], envp, path, e) < 0)
		return -e->code;
	execve(path, args, env);
	return child_explain(path, errno, e);
}

/* The name in one directory of PATH: 1 where it is there and may be run. */
static int try_directory(struct span dir, const char *name, char path[static PATH_MAX])
{
	struct stat st;

	if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)dir.n, dir.p, dir.n ? "/" : "./", name) >=
	    PATH_MAX)
		return 0;
	if (stat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 1;
}

int child_find(const char *name, const char *const *envp, char path[static PATH_MAX], struct err *e)
{
	struct span rest = span_of(path_of(envp)), dir;
	bool more = true, denied = false;
	int r;

	if (!*name)
		return err_set(e, ENOENT, "the command is empty");
	if (strchr(name, '/')) {
		if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
			return err_set(e, ENOENT, "the command's path is too long");
		return access(path, F_OK) < 0 ? child_explain(path, errno, e) : 0;
	}
	while (more) {
		more = span_cut(&rest, ':', &dir);
		r = try_directory(dir, name, path);
		if (r > 0)
			return 0;
		denied |= r < 0;
	}
	return no_such(name, path_of(envp), denied, e);
}
