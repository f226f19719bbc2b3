/* What whoever asked for a job hears of it, in the words of docker compose. */
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

void tell_begun(struct job *j, const struct step *s)
{
	const char *word = words_of(j, s).begun;

	if (word)
		job_tell(j, "container", s->target, s->service, word, NULL);
}

void tell_done(struct job *j, const struct step *s)
{
	const char *word = words_of(j, s).done;

	if (word)
		job_tell(j, "container", s->target, s->service, word, NULL);
}
