#include "cli/request.h"
#include "base/log.h"
#include "base/when.h"
#include "supervise/dryrun.h"
#include <errno.h>
#include <string.h>

json_t *request_new(const char *what, int argc, char **argv)
{
	json_t *services = json_array();

	for (int i = 0; i < argc; i++)
		json_array_append_new(services, json_string(argv[i]));
	return json_pack("{s:s, s:o}", "do", what, "services", services);
}

void request_timeout(json_t *msg, int seconds)
{
	if (seconds >= 0)
		json_object_set_new(msg, "timeout_ns", json_integer(seconds * NS_PER_SEC));
}

static enum progress_state state_of(const char *status)
{
	if (!strcmp(status, "Error"))
		return PROGRESS_ERROR;
	if (!strcmp(status, "Skipped") || !strcmp(status, "Warning"))
		return PROGRESS_WARNING;
	if (!strcmp(status, "Recreate") || (text_ends(status, "ing") && strcmp(status, "Running")))
		return PROGRESS_WORKING;
	return PROGRESS_DONE;
}

static char *queued_text(struct arena *a, const json_t *msg)
{
	const char *what = json_string_or(msg, "behind", "?");
	long long pid = json_int_or(msg, "pid", 0);

	return pid ? arena_printf(a, "waiting for \"%s\" of process %lld", what, pid)
		   : arena_printf(a, "waiting for \"%s\"", what);
}

void request_show(struct progress *p, const json_t *msg)
{
	static const struct {
		const char *event, *noun;
	} rows[] = {{"container", "Container"},
		    {"network", "Network"},
		    {"volume", "Volume"},
		    {"service", "Service"}};
	const char *event = json_string_or(msg, "event", ""),
		   *text = json_string_or(msg, "text", "");
	const char *status = json_string_or(msg, "status", "");
	auto_arena a = {0};

	if (!strcmp(event, "warning"))
		progress_note(p, arena_printf(&a, "warning: %s", text));
	if (!strcmp(event, "queued"))
		progress_note(p, queued_text(&a, msg));
	for (size_t i = 0; i < countof(rows); i++) {
		if (strcmp(event, rows[i].event) || !*status)
			continue;
		progress_set(
			p, NULL,
			arena_printf(&a, "%s %s", rows[i].noun, json_string_or(msg, "name", "?")),
			state_of(status),
			*text ? arena_printf(&a, "%s  %s", status, text) : status);
	}
}

struct viewer {
	struct request *request;
	struct progress *progress;
};

static int view(void *arg, const json_t *msg)
{
	struct viewer *v = arg;
	int r = v->request->each ? v->request->each(v->request->arg, msg) : 0;

	if (r)
		return r < 0 ? r : 0;
	request_show(v->progress, msg);
	return 0;
}

/* {"do":"up", ...} becomes {"do":"plan", "goal":"up", ...}: the same options, nothing done. */
static int print_step(void *arg, const json_t *msg)
{
	const char *text = json_string_or(msg, "text", NULL);

	if (strcmp(json_string_or(msg, "event", ""), "step"))
		return 0;
	if (text)
		printf("%s\n", text);
	else
		printf("%s %s (%s)\n", json_string_or(msg, "do", "?"),
		       json_string_or(msg, "target", ""), json_string_or(msg, "because", ""));
	return 1;
}

/* The rest only looks, or its command says itself what it would do. */
static bool is_planned(const struct request *r)
{
	static const char *const words[] = {"up", "down",  "start", "stop", "restart",
					    "rm", "scale", "run",   "plan"};
	const char *word = json_string_or(r->msg, "do", "");

	for (size_t i = 0; i < countof(words); i++) {
		if (!strcmp(words[i], word))
			return true;
	}
	return false;
}

static void make_dry(struct request *r)
{
	json_t *goal = json_object_get(r->msg, "do");

	if (json_string_value(goal) && !strcmp(json_string_value(goal), "plan"))
		return;
	json_object_set(r->msg, "goal", goal);
	json_object_set_new(r->msg, "do", json_string("plan"));
	r->each = print_step;
}

static int send_on(struct cli *c, struct client *client, struct request *r, int *code,
		   struct err *e)
{
	auto_json *msg = r->msg;
	auto_progress *progress = progress_new(c, r->title, r->quiet);
	struct viewer v = {r, progress};

	if (c->global.dry_run && is_planned(r))
		make_dry(r);
	return client_call(client, msg, r->fds, r->n_fds, view, &v, code, e);
}

/* Where the file is at hand, a dry run needs no supervisor: nothing is started or written. */
static int request_dry(struct cli *c, struct request *r, struct err *e)
{
	auto_json *msg = r->msg;
	struct plan plan;
	int rc = dryrun_plan(&c->arena, c->project, msg, &plan, e);

	for (size_t i = 0; rc >= 0 && i < plan.n; i++) {
		printf("%s %s (%s)\n", plan_verb(plan.v[i].doing), plan.v[i].target,
		       plan.v[i].because);
		vec_each(line, &plan.v[i].details)
			printf("    %s\n", *line);
	}
	if (rc >= 0 && !plan.n)
		printf("nothing to do: everything is as the file says\n");
	return rc;
}

/* What can be asked twice: the supervisor was killed, and the next one may have begun already. */
static bool can_be_repeated(const struct request *r)
{
	static const char *const words[] = {"up", "create", "start", "stop", "down", "rm", "scale"};
	const char *what = json_string_or(r->msg, "do", "");

	for (size_t k = 0; !r->n_fds && k < countof(words); k++) {
		if (!strcmp(words[k], what))
			return true;
	}
	return false;
}

int request_send(struct cli *c, const char *project, enum client_how how, struct request *r,
		 int *code, struct err *e)
{
	auto_client *client = NULL;
	int rc;

	if (c->global.dry_run && c->project && is_planned(r)) {
		*code = 0;
		return request_dry(c, r, e);
	}
	for (int left = can_be_repeated(r) ? 3 : 0;; left--) {
		rc = client_open(project, how, &client, e);
		if (rc == CLIENT_NONE)
			rc = REQUEST_NO_SUPERVISOR;
		if (rc == 0) {
			json_incref(r->msg);
			rc = send_on(c, client, r, code, e);
		}
		if ((rc != -ECONNRESET && rc != -EPIPE) || left <= 0)
			break;
		log_warn("the supervisor was killed; asking the next one");
		client_close(client);
		client = NULL;
	}
	json_decref(r->msg);
	return rc;
}
