/* What whoever asked for a job hears of it, in the words of docker compose. */
#include "base/when.h"
#include "supervise/apply.h"

void job_tell(struct job *j, const char *event, const char *name, const char *service,
	      const char *status, const char *text)
{
	json_t *m;

	if (!j->conn)
		return;
	m = json_object();
	json_object_set_new(m, "event", json_string(event));
	json_object_set_new(m, "name", json_string(name));
	if (service)
		json_object_set_new(m, "service", json_string(service));
	json_object_set_new(m, "status", json_string(status));
	if (text)
		json_object_set_new(m, "text", json_string(text));
	conn_send(j->conn, m);
}

void job_warn(struct job *j, const char *text)
{
	json_t *m;

	if (!j->conn)
		return;
	m = json_object();
	json_object_set_new(m, "event", json_string("warning"));
	json_object_set_new(m, "text", json_string(text));
	conn_send(j->conn, m);
}

/* The words of a container's step: NULL says nothing. */
struct words {
	const char *begun, *done;
};

static struct words words_of(const struct job *j, const struct step *s)
{
	bool restart = j->options.goal == GOAL_RESTART;
	bool again = s->again || (s->doing == STEP_CREATE && json_object_get(j->kept, s->target));

	switch (s->doing) {
	case STEP_CREATE:
		return again ? (struct words){"Recreate", "Recreated"}
			     : (struct words){"Creating", "Created"};
	case STEP_START:
		return (struct words){restart ? "Restarting" : "Starting", "Started"};
	case STEP_STOP:
		if (again || restart)
			return (struct words){again ? "Recreate" : "Restarting", NULL};
		return (struct words){"Stopping", "Stopped"};
	case STEP_REMOVE:
		return again ? (struct words){"Recreate", NULL}
			     : (struct words){"Removing", "Removed"};
	default:
		return (struct words){NULL, NULL};
	}
}

/* What has changed, as far as it fits beside a name; "plan" and --dry-run show all of it. */
static const char *changes(struct arena *a, const struct step *s)
{
	enum { SHOWN = 3 };
	struct buf b = {0};
	char *text;

	for (size_t k = 0; k < s->details.n && k < SHOWN; k++)
		buf_printf(&b, "%s%s", k ? "; " : "", s->details.v[k]);
	if (s->details.n > SHOWN)
		buf_printf(&b, "; and %zu more", s->details.n - SHOWN);
	text = b.n ? arena_printf(a, "%s", b.p) : NULL;
	buf_done(&b);
	return text;
}

void tell_begun(struct job *j, const struct step *s)
{
	const char *word = words_of(j, s).begun;

	if (word)
		job_tell(j, "container", s->target, s->service, word, changes(&j->arena, s));
}

void tell_done(struct job *j, const struct step *s)
{
	const char *word = words_of(j, s).done;

	if (word)
		job_tell(j, "container", s->target, s->service, word, NULL);
}

/* Who waited for whom in the last command that started something. */
void job_keep_timeline(struct job *j)
{
	int64_t wall = when_wall_ns() - when_mono_ns();
	json_t *spans;

	if (j->options.goal == GOAL_DOWN || j->options.goal == GOAL_STOP || !j->plan.n)
		return;
	spans = json_array();
	for (size_t k = 0; k < j->plan.n; k++) {
		const struct run_step *rs = &j->steps[k];
		const struct step *s = &j->plan.v[k];

		json_t *after = json_array();

		vec_each(x, &s->after)
			json_array_append_new(after, json_integer((json_int_t)*x));
		if (rs->began_ns)
			json_array_append_new(spans,
					      json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:O}",
							"event", "span", "name", s->target, "what",
							plan_verb(s->doing), "from_ns",
							(json_int_t)(rs->began_ns + wall), "to_ns",
							(json_int_t)(rs->ended_ns + wall), "step",
							(json_int_t)k, "after", after));
		json_decref(after);
	}
	json_decref(j->of->timeline);
	j->of->timeline = spans;
}
