#include "cli/terminal.h"
#include "base/sys.h"
#include "cli/complain.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

enum { CHUNK = 16384, KEYS_MAX = 8 };

void terminal_size(unsigned short *rows, unsigned short *cols)
{
	struct winsize size = {0};

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return;
	*rows = size.ws_row;
	*cols = size.ws_col;
}

int terminal_failed(struct cli *c, const struct err *e, int code)
{
	complain(stderr, e, c->colour_err);
	return code;
}

struct session {
	struct termios before;
	bool raw, stdin_open;
	int tty, signals;
	unsigned char keys[KEYS_MAX];
	size_t n_keys, matched;
};

static void go_raw(struct session *s)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &s->before))
		return;
	t = s->before;
	cfmakeraw(&t);
	s->raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static void give_back(struct session *s)
{
	if (s->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &s->before);
	s->raw = false;
	close_at(&s->signals);
}

static void copy_size(const struct session *s)
{
	struct winsize size;

	if (s->tty >= 0 && !ioctl(STDIN_FILENO, TIOCGWINSZ, &size))
		ioctl(s->tty, TIOCSWINSZ, &size);
}

/* "ctrl-p,ctrl-q" to its bytes. */
static void read_keys(struct session *s, const char *text)
{
	struct span rest = span_of(text ? text : ""), key;

	while (rest.n && s->n_keys < KEYS_MAX) {
		span_cut(&rest, ',', &key);
		if (key.n == 6 && !memcmp(key.p, "ctrl-", 5))
			s->keys[s->n_keys++] = (unsigned char)(key.p[5] & 0x1f);
		else if (key.n == 1)
			s->keys[s->n_keys++] = (unsigned char)*key.p;
	}
}

/* True when the whole sequence was typed; its bytes do not reach the container. */
static bool typed_detach(struct session *s, const char *p, size_t *n)
{
	for (size_t i = 0; i < *n && s->n_keys; i++) {
		s->matched = (unsigned char)p[i] == s->keys[s->matched] ? s->matched + 1 : 0;
		if (s->matched == s->n_keys) {
			*n = i + 1 >= s->n_keys ? i + 1 - s->n_keys : 0;
			return true;
		}
	}
	return false;
}

/* Input to the container. 1: the user wants to leave. */
static int forward_input(struct session *s)
{
	static const char end = 4; /* ^D: what the line discipline takes as the end */
	char chunk[CHUNK];
	ssize_t got = sys_read(STDIN_FILENO, chunk, sizeof(chunk));
	size_t n = got > 0 ? (size_t)got : 0;

	if (got <= 0) {
		s->stdin_open = false;
		(void)!sys_write_all(s->tty, &end, 1);
		return 0;
	}
	if (typed_detach(s, chunk, &n)) {
		(void)!sys_write_all(s->tty, chunk, n);
		return 1;
	}
	(void)!sys_write_all(s->tty, chunk, n);
	return 0;
}

/* Output of the container; -EIO from a master means that nobody holds the other side. */
static bool forward_output(struct session *s)
{
	char chunk[CHUNK];
	ssize_t n = sys_read(s->tty, chunk, sizeof(chunk));

	if (n <= 0)
		return n == -EAGAIN;
	return !sys_write_all(STDOUT_FILENO, chunk, (size_t)n);
}

static int begin(struct session *s, int tty, const struct attend *how, struct err *e)
{
	static const int forwarded[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
					SIGUSR1, SIGUSR2, SIGWINCH};
	sigset_t set;

	*s = (struct session){.tty = how->tty ? tty : -1};
	s->stdin_open = how->tty && !how->no_stdin;
	read_keys(s, how->detach_keys);
	sigemptyset(&set);
	for (size_t i = 0; i < countof(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->signals < 0)
		return err_set(e, errno, "signalfd: %s", strerror(errno));
	if (how->tty && isatty(STDIN_FILENO))
		go_raw(s);
	copy_size(s);
	return 0;
}

/* A signal for us: the size is ours to handle, the rest is for the process. 0: nothing to send. */
static int take_signal(struct session *s)
{
	struct signalfd_siginfo info;

	if (sys_read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo != SIGWINCH)
		return (int)info.ssi_signo;
	copy_size(s);
	return 0;
}

int terminal_attend_remote(const struct attend_remote *a, struct err *e)
{
	struct session s;
	int r = begin(&s, a->tty_fd, a->how, e);
	bool ended = false;

	while (r >= 0 && !ended) {
		struct pollfd fds[] = {{.fd = s.signals, .events = POLLIN},
				       {.fd = a->events, .events = POLLIN},
				       {.fd = s.stdin_open ? STDIN_FILENO : -1, .events = POLLIN},
				       {.fd = s.tty, .events = POLLIN}};
		int sig;

		if (poll(fds, countof(fds), -1) < 0 && errno != EINTR)
			r = err_set(e, errno, "poll: %s", strerror(errno));
		if (fds[0].revents && (sig = take_signal(&s)) && a->on_signal)
			a->on_signal(a->arg, sig);
		if (fds[3].revents && !forward_output(&s))
			s.tty = -1;
		if (fds[2].revents && s.tty >= 0 && forward_input(&s)) {
			r = ATTEND_DETACHED;
			break;
		}
		/* The end is believed only when the last output has been shown. */
		if (fds[1].revents && !(fds[3].revents & POLLIN)) {
			int told = a->on_events(a->arg);

			r = told < 0 ? err_set(e, -told, "the supervisor went away") : r;
			ended = told > 0;
		}
	}
	give_back(&s);
	return r;
}

struct local {
	struct launch *launch;
	int status;
};

static int local_ended(void *arg)
{
	struct local *l = arg;

	return sys_pidfd_wait(l->launch->pidfd, 0, &l->status) < 0 ? -ECHILD : 1;
}

static void local_signal(void *arg, int sig)
{
	struct local *l = arg;

	(void)!sys_pidfd_signal(l->launch->pidfd, sig);
}

int terminal_attend(struct launch *l, const struct attend *how, struct err *e)
{
	struct local local = {.launch = l};
	struct attend_remote a = {.tty_fd = l->tty_fd,
				  .events = l->pidfd,
				  .on_events = local_ended,
				  .on_signal = local_signal,
				  .arg = &local,
				  .how = how};
	int r = terminal_attend_remote(&a, e);

	close_at(&l->pidfd);
	close_at(&l->sync_fd);
	close_at(&l->tty_fd);
	if (r)
		return r;
	return WIFSIGNALED(local.status) ? 128 + WTERMSIG(local.status) : WEXITSTATUS(local.status);
}
