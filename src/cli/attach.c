/* attach: our terminal on the main process of a container. */
#include "base/sys.h"
#include "cli/cli.h"
#include "cli/logmux.h"
#include "cli/request.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

struct attach {
	const char *detach_keys;
	int index;
	bool no_stdin, sig_proxy;
};

struct attached {
	struct cli *cli;
	struct attach *opts;
	struct status status;
	struct client *wait; /* tells of the end */
	int code;
};

static int has_ended(void *arg)
{
	struct attached *a = arg;
	struct err e;

	do {
		size_t n = 0;
		json_t *raw = NULL;
		int r = client_next(a->wait, &raw, NULL, &n, &e);
		auto_json *msg = raw;

		if (r)
			return r < 0 ? r : -ECONNRESET;
		if (json_bool_or(msg, "done", false)) {
			a->code = (int)json_int_or(msg, "code", 0);
			return 1;
		}
	} while (client_pending(a->wait));
	return 0;
}

static void pass_signal(void *arg, int sig)
{
	struct attached *a = arg;
	auto_client *client = NULL;
	const char *abbrev = sigabbrev_np(sig);
	char word[16];
	struct err e;
	int code;

	if (!a->opts->sig_proxy)
		return;
	snprintf(word, sizeof(word), "SIG%s", abbrev ? abbrev : "TERM");
	auto_json *msg = json_pack("{s:s, s:[s], s:s}", "do", "kill", "containers", a->status.name,
				   "signal", word);
	if (!client_open(a->status.project, CLIENT_RUNNING, &client, &e))
		(void)!client_call(client, msg, NULL, 0, NULL, NULL, &code, &e);
}

/*
 * Asks for the container's terminal or standard input. *fd is -1 where it has neither. While the
 * connection lives, the supervisor leaves the terminal's output to us.
 */
static int ask_for_fd(struct client *client, const struct status *s, int *fd, struct err *e)
{
	int fds[CLIENT_MAX_FDS], r;
	auto_json *msg = json_pack("{s:s, s:s}", "do", "attach", "container", s->name);
	size_t n = countof(fds);
	json_t *raw = NULL;

	*fd = -1;
	r = client_send(client, msg, NULL, 0, e);
	if (r >= 0)
		r = client_next(client, &raw, fds, &n, e);
	auto_json *answer = raw;
	if (r < 0)
		return r;
	r = client_error(answer, e);
	if (r >= 0 && n)
		*fd = fds[0];
	return r;
}

/* -1 without --sig-proxy: a signal is for us then, and the container runs on. */
static int signals_for_it(const struct attached *a)
{
	sigset_t set;

	if (!a->opts->sig_proxy)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Without a terminal the output is the log's; what is typed goes to its standard input. */
static int attend_pipes(struct attached *a, int in, struct err *e)
{
	auto_logmux *m = logmux_new(&(struct logmux_style){0});
	int ended = 0, r = logmux_add(m, &a->status, &(struct logs_query){.tail = 0}, e);
	bool reading = in >= 0 && !a->opts->no_stdin;
	auto_fd int signals = signals_for_it(a);

	while (r >= 0 && !ended) {
		struct pollfd fds[4] = {{.fd = client_fd(a->wait), .events = POLLIN},
					{.fd = reading ? STDIN_FILENO : -1, .events = POLLIN},
					{.fd = signals, .events = POLLIN}};
		size_t n = 3 + logmux_poll(m, fds + 3, 1);
		struct signalfd_siginfo info;
		char chunk[4096];

		if (poll(fds, n, -1) < 0 && errno != EINTR)
			return err_set(e, errno, "poll: %s", strerror(errno));
		if (fds[1].revents) {
			ssize_t got = sys_read(STDIN_FILENO, chunk, sizeof(chunk));

			reading = got > 0 && !sys_write_all(in, chunk, (size_t)got);
			if (!reading)
				close(in);
		}
		if (fds[2].revents &&
		    sys_read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
			pass_signal(a, (int)info.ssi_signo);
		if (fds[0].revents)
			ended = has_ended(a);
		r = ended < 0 ? err_set(e, -ended, "the supervisor went away") : logmux_drain(m, e);
	}
	return r;
}

static int attach_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct attached a = {.cli = c, .opts = opts};
	auto_client *wait = NULL;
	auto_fd int fd = -1;
	int r = target_one(c, argv[0], a.opts->index, &a.status, e);

	if (r >= 0)
		r = client_open(a.status.project, CLIENT_EXISTING, &wait, e);
	if (r == CLIENT_NONE)
		return err_set(e, ENOENT, "project \"%s\" does not run", a.status.project);
	if (r >= 0)
		r = ask_for_fd(wait, &a.status, &fd, e);
	if (r < 0)
		return r;
	auto_json *msg = json_pack("{s:s, s:[s]}", "do", "wait", "containers", a.status.name);
	a.wait = wait;
	r = client_send(wait, msg, NULL, 0, e);
	if (r >= 0 && a.status.tty)
		r = terminal_attend_remote(
			&(struct attend_remote){
				.tty_fd = fd,
				.events = client_fd(wait),
				.on_events = has_ended,
				.on_signal = pass_signal,
				.arg = &a,
				.how = &(struct attend){.tty = true,
							.detach_keys = a.opts->detach_keys,
							.no_stdin = a.opts->no_stdin}},
			e);
	else if (r >= 0)
		r = attend_pipes(&a, take_fd(&fd), e);
	if (r == ATTEND_DETACHED)
		return 0;
	return r < 0 ? r : a.code;
}

/* clang-format off */
static const struct opt attach_opts[] = {
	{0, "detach-keys", OPT_STR,  offsetof(struct attach, detach_keys), "KEYS", "what leaves the container running (ctrl-p,ctrl-q)"},
	{0, "index",       OPT_INT,  offsetof(struct attach, index),       "N",    "this replica"},
	{0, "no-stdin",    OPT_FLAG, offsetof(struct attach, no_stdin),    NULL,   "look only"},
	{0, "sig-proxy",   OPT_FLAG, offsetof(struct attach, sig_proxy),   NULL,   "pass signals on (default true)"},
	{0},
};
/* clang-format on */

const struct command attach_command = {
	.name = "attach",
	.args = "SERVICE",
	.brief = "Connect the terminal to a container's main process",
	.opts = attach_opts,
	.size = sizeof(struct attach),
	.defaults = &(const struct attach){.detach_keys = "ctrl-p,ctrl-q", .sig_proxy = true},
	.min = 1,
	.max = 1,
	.run = attach_run,
	.group = GROUP_PROJECT,
};
