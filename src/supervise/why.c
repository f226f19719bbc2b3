/* `why`: walks the causes of a service's state and says what to do. */
#include "base/when.h"
#include "image/store.h"
#include "supervise/apply.h"
#include <errno.h>
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

/* The way out that an exit code points to. */
static const char *way_out(int64_t exit_code)
{
	if (exit_code == 127)
		return "is that program in the image, and in its PATH? command and entrypoint name "
		       "it";
	if (exit_code == 126)
		return "make the file executable in the image, or name an interpreter before it";
	return exit_code ? "berth logs shows what it said before it ended" : NULL;
}

/* Its policy would go on, had it not done so as often as it may. */
static bool has_used_up(const struct instance *i)
{
	const struct restart_policy *p = i->svc ? &i->svc->restart : NULL;

	return p && p->max_attempts && i->st.attempts >= p->max_attempts && !i->st.manual_stop &&
	       life_may_restart(p, (int)i->st.exit_code, 0, false);
}

static const char *about_end(const struct instance *i, json_t *lines)
{
	char when[40], size[24];

	line(lines, "%s exited with %d %s ago: %s", i->st.name, (int)i->st.exit_code,
	     age(i->st.finished_ns, when), of_exit(i));
	if (i->st.gave_up)
		line(lines, "berth gave up restarting it: it was unhealthy too often");
	if (has_used_up(i))
		line(lines, "it was started again %d times: its restart policy gave up",
		     (int)i->st.attempts);
	if (i->st.oom_killed && i->svc && i->svc->limits.memory) {
		line(lines, "its limit is %s", size_binary(i->svc->limits.memory, size));
		return "raise mem_limit, or find what eats the memory";
	}
	if (!i->st.manual_stop)
		return way_out(i->st.exit_code);
	line(lines, "it was stopped by a person");
	return "berth start brings it back";
}

static const char *about_down(const struct instance *i, json_t *lines)
{
	if (i->why.code || i->st.error) {
		line(lines, "%s did not start%s: %s", i->st.name,
		     i->st.exit_code == 127   ? " (127)"
		     : i->st.exit_code == 126 ? " (126)"
					      : "",
		     i->st.error ? i->st.error : i->why.why);
		return i->why.hint[0] ? i->why.hint : way_out(i->st.exit_code);
	}
	if (i->st.started_ns)
		return about_end(i, lines);
	line(lines, "%s has never been started", i->st.name);
	return "berth start, or berth up -d, starts it";
}

static const char *about(const struct instance *i, json_t *lines)
{
	char when[40];

	switch (i->life) {
	case UP:
		line(lines, "%s runs since %s", i->st.name, age(i->st.started_ns, when));
		about_health(i, lines);
		return i->st.health == HEALTH_UNHEALTHY
			       ? "look at what the probe says, and at \"berth logs\""
			       : NULL;
	case PAUSED:
		line(lines, "%s is paused", i->st.name);
		return "berth unpause";
	case WAITING:
		line(lines, "%s exited with %d (%s) and starts again in %d ms, attempt %d",
		     i->st.name, (int)i->st.exit_code, of_exit(i),
		     (int)((i->st.next_restart_ns - when_wall_ns()) / NS_PER_MSEC),
		     (int)i->st.attempts);
		return way_out(i->st.exit_code);
	case DOWN:
		return about_down(i, lines);
	default:
		line(lines, "%s is %s", i->st.name, life_name(i->life));
		return NULL;
	}
}

/* Nothing was ever made of it: for want of an image, or because nobody asked. */
static const char *about_nothing(const struct service *svc, const char *name, json_t *lines)
{
	auto_arena a = {0};
	struct err ignored;
	struct image *image;

	line(lines, "%s has no container", name);
	if (!svc || !svc->image || store_image(&a, svc->image, &image, &ignored) != IMAGE_ABSENT)
		return "berth up -d makes and starts it";
	line(lines, "its image %s is not here", svc->image);
	return svc->build.given ? "berth build makes it, berth up -d too"
				: "berth pull gets it, berth up -d too";
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
		hint = about_nothing(svc, service, lines);
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

static int check_services(const struct project *p, const json_t *list, struct err *e)
{
	json_t *each;
	size_t k;

	json_array_foreach(list, k, each)
	{
		if (json_is_string(each) && !project_service(p, json_string_value(each)))
			return err_set(e, ENOENT, "no such service: %s", json_string_value(each));
	}
	return 0;
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
	if (check_services(s->project, list, &e) < 0) {
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
