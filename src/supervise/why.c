/* `why`: walks the causes of a service's state and says what to do. */
#include "base/when.h"
#include "supervise/apply.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void line(json_t *lines, const char *fmt, ...) printf_like(2, 3);

static void line(json_t *lines, const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(lines, json_string(text));
}

static const char *age(int64_t wall_ns, char buf[40])
{
	return when_human(when_wall_ns() - wall_ns, buf);
}

static const char *of_exit(const struct instance *i)
{
	if (i->healing)
		return "berth stopped it because it was unhealthy";
	switch (i->st.exit_code) {
	case 0:
		return "it ended by itself, well";
	case 126:
		return "the command is there but cannot be executed";
	case 127:
		return "the command was not found in the image";
	case 137:
		return i->st.oom_killed ? "the kernel killed it at its memory limit"
					: "it was killed (SIGKILL)";
	case 139:
		return "it crashed (SIGSEGV)";
	case 143:
		return "it was asked to end (SIGTERM)";
	default:
		return i->st.exit_code > 128 ? "a signal ended it" : "it ended with an error";
	}
}

static const char *last_probe(const struct instance *i)
{
	return i->st.probes.n ? i->st.probes.v[i->st.probes.n - 1].output : NULL;
}

static void about_health(const struct instance *i, json_t *lines)
{
	char since[40];
	const char *said = last_probe(i);

	if (i->st.health == HEALTH_NONE)
		return;
	line(lines, "%s is %s%s%s", i->st.name, status_health_name(i->st.health),
	     i->st.health_since_ns ? " since " : "",
	     i->st.health_since_ns ? age(i->st.health_since_ns, since) : "");
	if (i->st.health != HEALTH_HEALTHY && said && *said)
		line(lines, "its last probe (exit %d) said: %.300s",
		     (int)i->st.probes.v[i->st.probes.n - 1].exit_code, said);
}

static const char *about(const struct instance *i, json_t *lines)
{
	char when[40];
	const char *hint = NULL;

	switch (i->life) {
	case UP:
		line(lines, "%s runs since %s", i->st.name, age(i->st.started_ns, when));
		about_health(i, lines);
		if (i->st.health == HEALTH_UNHEALTHY)
			hint = "look at what the probe says, and at \"berth logs\"";
		break;
	case PAUSED:
		line(lines, "%s is paused", i->st.name);
		hint = "berth unpause";
		break;
	case WAITING:
		line(lines, "%s exited with %d (%s) and starts again in %d ms, attempt %d",
		     i->st.name, (int)i->st.exit_code, of_exit(i),
		     (int)((i->st.next_restart_ns - when_wall_ns()) / NS_PER_MSEC),
		     (int)i->st.attempts);
		hint = "berth logs shows what it said before it ended";
		break;
	case DOWN:
		if (i->why.code || i->st.error) {
			line(lines, "%s did not start: %s", i->st.name,
			     i->st.error ? i->st.error : i->why.why);
			hint = i->why.hint[0] ? i->why.hint : NULL;
			break;
		}
		if (!i->st.started_ns) {
			line(lines, "%s has never been started", i->st.name);
			break;
		}
		line(lines, "%s exited with %d %s ago: %s", i->st.name, (int)i->st.exit_code,
		     age(i->st.finished_ns, when), of_exit(i));
		if (i->st.manual_stop)
			line(lines, "it was stopped by a person");
		if (i->st.gave_up)
			line(lines, "berth gave up restarting it");
		if (i->st.oom_killed && i->svc && i->svc->limits.memory) {
			char size[24];

			line(lines, "its limit is %s", size_binary(i->svc->limits.memory, size));
			hint = "raise mem_limit, or find what eats the memory";
		} else if (i->st.exit_code) {
			hint = "berth logs shows what it said before it ended";
		}
		break;
	default:
		line(lines, "%s is %s", i->st.name, life_name(i->life));
	}
	return hint;
}

static const char *explain(struct supervisor *s, const char *service, json_t *lines, int depth)
{
	const struct service *svc = s->project ? project_service(s->project, service) : NULL;
	const char *hint = NULL;
	bool up = false, any = false;

	for (struct instance *i = s->instances; i; i = i->next) {
		const char *h;

		if (i->st.one_off || strcmp(i->st.service, service))
			continue;
		any = true;
		h = about(i, lines);
		hint = h ? h : hint;
		up |= instance_is_ready(i);
	}
	if (!any)
		line(lines, "%s has no container", service);
	if (up || !svc || depth > 8)
		return hint;
	vec_each(d, &svc->depends_on) {
		static const char *const need[] = {"started", "healthy", "completed successfully"};
		const char *h;

		line(lines, "%s needs %s to be %s", service, d->service, need[d->condition]);
		h = explain(s, d->service, lines, depth + 1);
		hint = h ? h : hint;
	}
	return hint;
}

void why_request(struct conn *c, const json_t *req)
{
	struct supervisor *s = c->of;
	const json_t *list = json_object_get(req, "services");
	struct err e = {0};

	if (!s->project && supervisor_load(s, &e) < 0) {
		conn_done(c, 1, &e);
		return;
	}
	vec_each(svc, &s->project->services) {
		json_t *lines, *each;
		const char *hint;
		bool wanted = !json_array_size(list);
		size_t k;

		json_array_foreach(list, k, each) wanted |=
			json_is_string(each) && !strcmp(json_string_value(each), svc->name);
		if (!wanted)
			continue;
		lines = json_array();
		hint = explain(s, svc->name, lines, 0);
		conn_send(c, json_pack("{s:s, s:s, s:o, s:s*}", "event", "why", "service",
				       svc->name, "lines", lines, "hint", hint));
	}
	conn_done(c, 0, NULL);
}
