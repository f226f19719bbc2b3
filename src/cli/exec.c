/* exec: another process in a running container, straight through runtime/exec. */
#include "runtime/exec.h"
#include "base/sys.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct exec {
	bool detach, no_tty, privileged, tty, interactive;
	const char *user, *workdir;
	int index;
	struct strings env;
};

static int open_null(int stdio[3], struct err *e)
{
	int fd = sys_open(AT_FDCWD, "/dev/null", O_RDWR, 0);

	if (fd < 0)
		return err_set(e, -fd, "cannot open /dev/null: %s", strerror(-fd));
	stdio[0] = stdio[1] = stdio[2] = fd;
	return 0;
}

/* `-e NAME` alone passes ours on, where we have it. */
static void put_env(struct cli *c, const struct strings *words, struct strings *out)
{
	vec_each(w, words) {
		const char *value = strchr(*w, '=') ? NULL : getenv(*w);

		if (strchr(*w, '='))
			*vec_push(&c->arena, out) = *w;
		else if (value)
			*vec_push(&c->arena, out) = arena_printf(&c->arena, "%s=%s", *w, value);
	}
}

static bool wants_tty(struct cli *c, const struct exec *x)
{
	if (c->world == WORLD_DOCKER)
		return x->tty && !x->detach;
	return !x->no_tty && !x->detach && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int exec_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct exec *x = opts;
	struct launch l = {.pidfd = -1, .sync_fd = -1, .tty_fd = -1};
	struct exec_spec s = {.stdio = {0, 1, 2},
			      .cwd = x->workdir,
			      .user = x->user,
			      .privileged = x->privileged,
			      .tty = wants_tty(c, x)};
	struct status st;
	int r = target_one(c, argv[0], x->index, &st, e);

	if (r < 0)
		return r;
	if (st.state == STATE_PAUSED)
		return err_hint((err_set(e, EBUSY, "container %s is paused", st.name), e),
				"berth unpause %s", argv[0]);
	for (int i = 1; i < argc; i++)
		*vec_push(&c->arena, &s.argv) = argv[i];
	put_env(c, &x->env, &s.env);
	s.target = (pid_t)st.pid;
	s.start_time = st.start_time;
	s.state_file = st.runtime_file;
	terminal_size(&s.rows, &s.cols);
	if (x->detach || (c->world == WORLD_DOCKER && !x->interactive && !s.tty)) {
		r = open_null(s.stdio, e);
		s.stdio[1] = x->detach ? s.stdio[1] : 1;
		s.stdio[2] = x->detach ? s.stdio[2] : 2;
	}
	if (r >= 0)
		r = exec_begin(&s, &l, e);
	if (r >= 0)
		r = launch_wait(&l, e);
	if (r < 0) {
		err_wrap(e, "exec in %s", st.name);
		return terminal_failed(c, e, launch_exit_code(e));
	}
	return x->detach ? 0 : terminal_attend(&l, &(struct attend){.tty = s.tty}, e);
}

#define X(field) offsetof(struct exec, field)

/* clang-format off */
static const struct opt exec_opts[] = {
	{'d', "detach",     OPT_FLAG, X(detach),     NULL,   "do not wait for it"},
	{'e', "env",        OPT_LIST, X(env),        "K=V",  "further variables; K alone passes ours on"},
	{0,   "index",      OPT_INT,  X(index),      "N",    "this replica; the lowest where not given"},
	{'T', "no-tty",     OPT_FLAG, X(no_tty),     NULL,   "no terminal; the default where stdin is none"},
	{0,   "no-TTY",     OPT_FLAG, X(no_tty),     NULL,   NULL},
	{0,   "privileged", OPT_FLAG, X(privileged), NULL,   "with all capabilities"},
	{'u', "user",       OPT_STR,  X(user),       "USER", "as this user, or user:group"},
	{'w', "workdir",    OPT_STR,  X(workdir),    "DIR",  "start in this directory"},
	{'t', "tty",        OPT_FLAG, X(tty),        NULL,   NULL},
	{'i', "interactive", OPT_FLAG, X(interactive), NULL, NULL},
	{0},
};
/* clang-format on */

const struct command exec_command = {
	.name = "exec",
	.args = "SERVICE COMMAND [ARG...]",
	.brief = "Run a command in a running container",
	.more = "The exit code is the command's: 127 where it does not exist, 126 where it cannot "
		"be\n"
		"executed, 128+N where signal N ended it.",
	.opts = exec_opts,
	.size = sizeof(struct exec),
	.min = 2,
	.max = -1,
	.words_end_options = true,
	.run = exec_run,
	.group = GROUP_PROJECT,
	.unplanned = true,
};
