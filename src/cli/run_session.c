#include "cli/run_session.h"
#include "base/sys.h"
#include "cli/request.h"
#include "cli/terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct talk {
	struct cli *cli;
	struct run_session *session;
	struct client *client;
	struct progress *progress;
	char name[128];
	int tty_fd, code;
	bool started, ended;
	struct err err;
};

static const char *signal_word(int sig, char buf[16])
{
	const char *abbrev = sigabbrev_np(sig);

	snprintf(buf, 16, "SIG%s", abbrev ? abbrev : "TERM");
	return buf;
}

/* A second conversation: the first one is busy with the run. */
static void on_signal(void *arg, int sig)
{
	struct talk *t = arg;
	auto_client *client = NULL;
	struct err e;
	char word[16];
	int code;
	auto_json *msg = json_pack("{s:s, s:[s], s:s}", "do", "kill", "containers", t->name,
				   "signal", signal_word(sig, word));

	if (!t->session->keep_signals &&
	    !client_open(t->session->project, CLIENT_RUNNING, &client, &e))
		(void)!client_call(client, msg, NULL, 0, NULL, NULL, &code, &e);
}

static void on_started(struct talk *t, const json_t *msg, const int *fds, size_t n)
{
	snprintf(t->name, sizeof(t->name), "%s", json_string_or(msg, "name", ""));
	snprintf(t->session->id, sizeof(t->session->id), "%s", json_string_or(msg, "id", ""));
	t->started = true;
	if (n)
		t->tty_fd = fds[0];
}

/* One message. */
static int hear(struct talk *t, struct err *e)
{
	int fds[CLIENT_MAX_FDS];
	size_t n = countof(fds);
	json_t *raw = NULL;
	int r = client_next(t->client, &raw, fds, &n, e);
	auto_json *msg = raw;

	if (r == CLIENT_END)
		return err_set(e, ECONNRESET, "the supervisor of project \"%s\" ended",
			       t->session->project);
	if (r < 0)
		return r;
	if (!strcmp(json_string_or(msg, "event", ""), "started"))
		on_started(t, msg, fds, n);
	else if (json_bool_or(msg, "done", false)) {
		t->ended = true;
		t->code = (int)json_int_or(msg, "code", 0);
		client_error(msg, &t->err);
	} else if (t->progress) {
		request_show(t->progress, msg);
	}
	return 0;
}

static int on_events(void *arg)
{
	struct talk *t = arg;
	struct err e;

	do {
		int r = hear(t, &e);

		if (r < 0)
			return r;
	} while (!t->ended && client_pending(t->client));
	return t->ended;
}

/* What was heard along with the start: then the rest of the output is all that is waited for. */
static int already_ended(void *arg)
{
	return 1;
}

static int attend_it(struct talk *t, struct err *e)
{
	struct attend how = {.tty = t->tty_fd >= 0,
			     .detach_keys = t->session->detach_keys,
			     .no_stdin = t->session->no_stdin};
	auto_fd int null = sys_open(AT_FDCWD, "/dev/null", O_RDONLY, 0);
	struct attend_remote a = {.tty_fd = t->tty_fd,
				  .events = t->ended ? null : client_fd(t->client),
				  .on_events = t->ended ? already_ended : on_events,
				  .on_signal = on_signal,
				  .arg = t,
				  .how = &how};
	int r;

	if (t->ended && t->tty_fd < 0)
		return 0;
	r = terminal_attend_remote(&a, e);
	close_at(&t->tty_fd);
	t->session->left = r == ATTEND_DETACHED;
	return t->session->left ? 0 : r;
}

static int talk(struct talk *t, struct err *e)
{
	struct run_session *s = t->session;
	int fds[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, r;
	auto_fd int null = sys_open(AT_FDCWD, "/dev/null", O_RDONLY, 0);

	if (s->no_stdin)
		fds[0] = null;
	r = client_send(t->client, s->msg, fds, s->tty || s->detach ? 0 : 3, e);
	while (r >= 0 && !t->started && !t->ended)
		r = hear(t, e);
	while (r >= 0 && !t->ended && client_pending(t->client))
		r = hear(t, e);
	progress_end(t->progress);
	t->progress = NULL;
	if (r >= 0 && s->detach) {
		while (r >= 0 && !t->ended)
			r = hear(t, e);
		if (r >= 0 && t->started)
			puts(s->id);
	} else if (r >= 0 && t->started) {
		r = attend_it(t, e);
	}
	return r;
}

static void add_size(json_t *msg)
{
	unsigned short rows = 0, cols = 0;

	terminal_size(&rows, &cols);
	json_object_set_new(msg, "tty", json_true());
	json_object_set_new(msg, "rows", json_integer(rows));
	json_object_set_new(msg, "cols", json_integer(cols));
}

int run_session(struct cli *c, struct run_session *s, struct err *e)
{
	struct talk t = {.cli = c, .session = s, .tty_fd = -1};
	auto_json *msg = s->msg;
	int r;

	if (s->tty)
		add_size(msg);
	if (c->global.dry_run) {
		struct request q = {.msg = json_incref(msg), .title = "Running"};
		int code = 0;

		r = request_send(c, s->project, CLIENT_START, &q, &code, e);
		if (r >= 0)
			printf("run a container of service %s\n",
			       json_string_or(msg, "service", "?"));
		return r < 0 ? r : code;
	}
	r = client_open(s->project, CLIENT_START, &t.client, e);
	if (r < 0)
		return r;
	t.progress = progress_new(c, "Running", s->quiet);
	r = talk(&t, e);
	progress_end(t.progress);
	client_close(t.client);
	if (r >= 0 && t.err.code && !t.started) {
		/* It never ran: 125, 126 or 127 as docker has them, and the reason. */
		if (t.code < 125)
			t.code = c->world == WORLD_DOCKER ? 125 : 1;
		return terminal_failed(c, &t.err, t.code);
	}
	if (r >= 0 && t.err.code)
		return terminal_failed(c, &t.err, t.code ? t.code : 1);
	return r < 0 ? r : t.code;
}
