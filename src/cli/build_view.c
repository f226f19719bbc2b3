#include "base/mem.h"
#include "base/when.h"
#include "cli/builds.h"
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum view_kind { VIEW_PLAIN, VIEW_JSON, VIEW_QUIET };
enum { OUTPUT_KEPT = 65536, STEPS_MAX = 512 };

/* Output of a step under way: the unfinished line, and in a quiet build all of it. */
struct shown {
	int number;
	int64_t began_ns;
	struct buf line, kept;
};

struct build_view {
	struct build_progress progress;
	struct progress_sink pulls;
	enum view_kind kind;
	struct shown steps[STEPS_MAX];
	size_t n;
};

static struct build_view *of(struct build_progress *p)
{
	return (struct build_view *)((char *)p - offsetof(struct build_view, progress));
}

static struct shown *shown(struct build_view *v, int number)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->steps[i].number == number)
			return &v->steps[i];
	if (v->n == STEPS_MAX)
		return &v->steps[0];
	v->steps[v->n] = (struct shown){.number = number, .began_ns = when_mono_ns()};
	return &v->steps[v->n++];
}

/* "[web builder 2/5] RUN npm ci" */
static const char *headline(const struct build_step_info *s, char *out, size_t n)
{
	snprintf(out, n, "[%s%s%s %d/%d] %.*s", s->build ? s->build : "", s->build ? " " : "",
		 s->stage, s->in_stage, s->of, (int)strcspn(s->title, "\n"), s->title);
	return out;
}

static void json_line(struct build_view *v, const struct build_step_info *s, const char *status,
		      const char *text, size_t text_n)
{
	char head[512];
	auto_buf b = {0};

	headline(s, head, sizeof(head));
	buf_printf(&b, "{\"id\":%d,\"name\":", s->number);
	buf_json(&b, head, strlen(head));
	buf_printf(&b, ",\"status\":\"%s\"", status);
	if (text) {
		buf_str(&b, ",\"text\":");
		buf_json(&b, text, text_n);
	}
	buf_str(&b, "}\n");
	fwrite(b.p, 1, b.n, stderr);
}

static void on_begin(struct build_progress *p, const struct build_step_info *s)
{
	struct build_view *v = of(p);
	char head[512];

	shown(v, s->number);
	if (v->kind == VIEW_JSON)
		json_line(v, s, "started", NULL, 0);
	else if (v->kind == VIEW_PLAIN)
		fprintf(stderr, "#%d %s\n", s->number, headline(s, head, sizeof(head)));
}

static void plain_line(struct shown *step, const char *text, size_t n)
{
	auto_buf safe = {0};

	buf_terminal(&safe, text, n);
	fprintf(stderr, "#%d %.3f %s\n", step->number,
		(double)(when_mono_ns() - step->began_ns) / (double)NS_PER_SEC,
		safe.p ? safe.p : "");
}

static void plain_output(struct shown *step, const char *bytes, size_t n)
{
	while (n) {
		const char *nl = memchr(bytes, '\n', n);
		size_t part = nl ? (size_t)(nl - bytes) : n;

		buf_add(&step->line, bytes, part);
		if (nl || step->line.n > OUTPUT_KEPT) {
			plain_line(step, step->line.p ? step->line.p : "", step->line.n);
			buf_done(&step->line);
		}
		part += nl != NULL;
		bytes += part;
		n -= part;
	}
}

static void on_output(struct build_progress *p, const struct build_step_info *s, const char *bytes,
		      size_t n)
{
	struct build_view *v = of(p);
	struct shown *step = shown(v, s->number);

	if (v->kind == VIEW_JSON)
		json_line(v, s, "output", bytes, n);
	else if (v->kind == VIEW_PLAIN)
		plain_output(step, bytes, n);
	else if (step->kept.n < OUTPUT_KEPT)
		buf_add(&step->kept, bytes, n);
}

static void tell_failure(struct build_view *v, const struct build_step_info *s, struct shown *step)
{
	char head[512];

	fprintf(stderr, "------\n > %s:\n", headline(s, head, sizeof(head)));
	if (step->kept.n)
		fwrite(step->kept.p, 1, step->kept.n, stderr);
	fputs("------\n", stderr);
}

static void on_end(struct build_progress *p, const struct build_step_info *s,
		   enum build_outcome outcome, int64_t took_ns)
{
	static const char *const plain[] = {"DONE", "CACHED", "ERROR", "CANCELED"};
	static const char *const json[] = {"done", "cached", "failed", "canceled"};
	struct build_view *v = of(p);
	struct shown *step = shown(v, s->number);

	if (step->line.n && v->kind == VIEW_PLAIN)
		plain_line(step, step->line.p, step->line.n);
	if (v->kind == VIEW_JSON)
		json_line(v, s, json[outcome], NULL, 0);
	else if (v->kind == VIEW_PLAIN && outcome == BUILD_DONE)
		fprintf(stderr, "#%d DONE %.1fs\n", s->number,
			(double)took_ns / (double)NS_PER_SEC);
	else if (v->kind == VIEW_PLAIN)
		fprintf(stderr, "#%d %s\n", s->number, plain[outcome]);
	else if (outcome == BUILD_FAILED)
		tell_failure(v, s, step);
	buf_done(&step->line);
	buf_done(&step->kept);
	*step = v->steps[--v->n];
}

static void on_note(struct build_progress *p, const char *line)
{
	if (of(p)->kind == VIEW_PLAIN)
		fprintf(stderr, "%s\n", line);
}

static void on_built(struct build_progress *p, const char *name)
{
	if (of(p)->kind != VIEW_QUIET)
		fprintf(stderr, " %s  Built\n", name);
}

static void on_pull_note(struct progress_sink *s, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

struct build_view *build_view_new(struct cli *c, const char *progress, bool quiet)
{
	struct build_view *v = mem_new(sizeof(*v));

	v->progress = (struct build_progress){on_begin, on_output, on_end, on_note, on_built};
	v->pulls.note = on_pull_note;
	if (!progress)
		progress = c->global.progress;
	if (quiet || (progress && !strcmp(progress, "quiet")))
		v->kind = VIEW_QUIET;
	else if (progress && (!strcmp(progress, "json") || !strcmp(progress, "rawjson")))
		v->kind = VIEW_JSON;
	return v;
}

struct build_progress *build_view_progress(struct build_view *v)
{
	return &v->progress;
}

struct progress_sink *build_view_pulls(struct build_view *v)
{
	return v->kind == VIEW_PLAIN ? &v->pulls : NULL;
}

void build_view_free(struct build_view *v)
{
	for (size_t i = 0; v && i < v->n; i++) {
		buf_done(&v->steps[i].line);
		buf_done(&v->steps[i].kept);
	}
	free(v);
}
