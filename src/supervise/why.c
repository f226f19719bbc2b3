/* `why`: walks the causes of a service's state and says what to do. */
#include "base/when.h"
#include "image/store.h"
#include "supervise/apply.h"
#include "supervise/logs_read.h"
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

static const char *span_of_time(int64_t ns, char buf[40])
{
	when_human(ns, buf);
	if (*buf >= 'A' && *buf <= 'Z') /* within a sentence */
		*buf = (char)(*buf - 'A' + 'a');
	return buf;
}

static const char *age(int64_t wall_ns, char buf[40])
{
	return span_of_time(when_wall_ns() - wall_ns, buf);
}

/* Where a program's own words begin to tell more than its exit code. */
static void last_line(const struct instance *i, json_t *lines)
{
	const struct logs_query q = {
		.tail = 1, .since_ns = i->launched_ns ? i->launched_ns : i->st.started_ns};
	struct logs_reader *r = NULL;
	struct logs_line l;
	struct err ignored;
	auto_arena a = {0};

	if (!i->st.log_dir || logs_open(i->st.log_dir, &q, &r, &ignored) < 0)
		return;
	if (logs_next(r, &l, &ignored) == 1 && span_trim(l.text).n)
		line(lines, "its last line: %.300s", span_dup(&a, span_trim(l.text)));
	logs_close(r);
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

/* What an unhealthy one is looked at for. */
static const char *about_probe(const struct status_probe *p)
{
	if (p->exit_code == 127 || p->exit_code == 126)
		return "healthcheck.test has to name a program that is in the image";
	if (p->exit_code == -1)
		return "does it hang? healthcheck.timeout says how long it may take";
	return "look at what the probe says, and at \"berth logs\"";
}

/* NULL: there was none. */
static const struct status_probe *last_probe(const struct instance *i, json_t *lines)
{
	const struct status_probe *last =
		i->st.probes.n ? &i->st.probes.v[i->st.probes.n - 1] : NULL;
	auto_arena a = {0};
	struct span said = span_trim(span_of(last && last->output ? last->output : ""));

	if (said.n && last->exit_code == -1)
		line(lines, "its last probe: %.300s", span_dup(&a, said));
	else if (last)
		line(lines, "its last probe (exit %d) said%s %.300s", (int)last->exit_code,
		     said.n ? ":" : "", said.n ? span_dup(&a, said) : "nothing");
	return last;
}

static const char *about_health(const struct instance *i, json_t *lines)
{
	char since[40];
	const struct status_probe *last;

	if (i->st.health == HEALTH_NONE)
		return NULL;
	if (i->st.health_since_ns && i->st.health != HEALTH_STARTING)
		line(lines, "%s has been %s for %s", i->st.name, status_health_name(i->st.health),
		     age(i->st.health_since_ns, since));
	else
		line(lines, "%s is %s", i->st.name,
		     i->st.health == HEALTH_STARTING ? "not healthy yet: it is starting"
						     : status_health_name(i->st.health));
	last = i->st.health == HEALTH_HEALTHY ? NULL : last_probe(i, lines);
	return i->st.health == HEALTH_UNHEALTHY && last ? about_probe(last) : NULL;
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
	if (i->st.gave_up) {
		const struct status_probe *last;

		line(lines, "berth gave up restarting it: it was unhealthy too often");
		last = last_probe(i, lines);
		return last ? about_probe(last) : NULL;
	}
	if (has_used_up(i))
		line(lines, "it was started again %d times: its restart policy gave up",
		     (int)i->st.attempts);
	if (i->st.exit_code && !i->st.manual_stop)
		last_line(i, lines);
	if (i->st.oom_killed && i->st.exit_code != 137)
		line(lines, "one of its processes was killed at the memory limit");
	if (i->st.oom_killed && i->svc && i->svc->limits.memory) {
		line(lines, "its limit is %s", size_binary(i->svc->limits.memory, size));
		return "raise mem_limit, or find what eats the memory";
	}
	if (!i->st.manual_stop)
		return way_out(i->st.exit_code);
	line(lines, "it was stopped by a person");
	return "berth start brings it back";
}

static const char *about_restart(const struct instance *i, json_t *lines)
{
	char when[40];
	int64_t left = i->st.next_restart_ns - when_wall_ns();

	line(lines, "%s exited with %d (%s) and starts again in %s, attempt %d", i->st.name,
	     (int)i->st.exit_code, of_exit(i), span_of_time(left > 0 ? left : 0, when),
	     (int)i->st.attempts);
	last_line(i, lines);
	return way_out(i->st.exit_code);
}

static const char *about_down(const struct instance *i, json_t *lines)
{
	if (i->why.code || i->st.error) {
		line(lines, "%s did not start%s: %s", i->st.name,
		     i->st.exit_code == 127   ? " (127)"
		     : i->st.exit_code == 126 ? " (126)"
					      : "",
		     i->st.error ? i->st.error : i->why.why);
		if (i->why.hint[0])
			return i->why.hint;
		return i->st.exit_code == 126 || i->st.exit_code == 127
			       ? way_out(i->st.exit_code)
			       : NULL; /* it said nothing */
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
		line(lines, "%s has been up for %s", i->st.name, age(i->st.started_ns, when));
		return about_health(i, lines);
	case PAUSED:
		line(lines, "%s is paused", i->st.name);
		return "berth unpause lets it go on";
	case WAITING:
		return about_restart(i, lines);
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
	if (svc->build.given)
		return "berth build makes it, berth up -d too";
	return svc->pull_policy && !strcmp(svc->pull_policy, "never")
		       ? "berth pull gets it (its pull policy keeps berth up from that)"
		       : "berth pull gets it, berth up -d too";
}

static bool has_done_its_work(const struct instance *i)
{
	return i->life == DOWN && i->st.started_ns && !i->st.exit_code && !i->st.error &&
	       !i->st.manual_stop;
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
		up |= instance_is_ready(i) || has_done_its_work(i);
	}
	if (!any)
		hint = about_nothing(svc, service, lines);
	if (up || !svc || depth > 8)
		return hint;
	vec_each(d, &svc->depends_on) {
		static const char *const need[] = {"run", "be healthy", "end well"};
		const char *h;

		line(lines, "%s depends on %s, which must %s", service, d->service,
		     need[d->condition]);
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
