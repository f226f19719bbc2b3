#include "cli/complain.h"
#include "base/text.h"
#include <stdint.h>
#include <string.h>

enum { LINE_MAX_SHOWN = 200 };

static void print_clean(FILE *out, const char *s)
{
	auto_buf b = {0};
	const char *end;

	for (; (end = strchr(s, '\n')); s = end + 1) {
		buf_terminal(&b, s, (size_t)(end - s));
		buf_str(&b, "\n  ");
	}
	buf_terminal(&b, s, strlen(s));
	fputs(b.p, out);
}

/* "dir/compose.yaml:14:9" to its three parts; false where it is not of that form. */
static bool split_at(const char *at, char *file, size_t size, uint64_t *line, uint64_t *col)
{
	const char *second = strrchr(at, ':'), *first = second;
	char number[24];

	while (first && first > at && *--first != ':')
		;
	if (!first || first <= at || (size_t)(second - first) > sizeof(number) ||
	    (size_t)(first - at) >= size)
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)(second - first - 1), first + 1);
	snprintf(file, size, "%.*s", (int)(first - at), at);
	return !text_to_u64(number, line) && !text_to_u64(second + 1, col) && *line && *col;
}

static void print_caret(FILE *out, uint64_t line, uint64_t col, const char *text, bool colour)
{
	int margin = fprintf(out, " %5llu | ", (unsigned long long)line);

	print_clean(out, text);
	fprintf(out, "\n%*s| ", margin - 2, "");
	/* A tab stays a tab, so that the caret stands below its column. */
	for (uint64_t i = 1; i < col && i < LINE_MAX_SHOWN && text[i - 1]; i++)
		putc(text[i - 1] == '\t' ? '\t' : ' ', out);
	fprintf(out, "%s^%s\n", colour ? "\033[31m" : "", colour ? "\033[0m" : "");
}

static void print_source(FILE *out, const char *at, bool colour)
{
	char file[256], text[1024];
	uint64_t line, col;
	FILE *in;

	if (!split_at(at, file, sizeof(file), &line, &col))
		return;
	in = fopen(file, "re");
	if (!in)
		return;
	for (uint64_t i = 1; fgets(text, sizeof(text), in); i += strchr(text, '\n') != NULL) {
		if (i != line)
			continue;
		text[strcspn(text, "\r\n")] = '\0';
		text[LINE_MAX_SHOWN] = '\0';
		print_caret(out, line, col, text, colour);
		break;
	}
	fclose(in);
}

void complain(FILE *out, const struct err *e, bool colour)
{
	const char *red = colour ? "\033[31m" : "", *bold = colour ? "\033[1m" : "";
	const char *off = colour ? "\033[0m" : "";

	fprintf(out, "%sberth:%s ", red, off);
	if (e->at[0]) {
		fputs(bold, out);
		print_clean(out, e->at);
		fprintf(out, ":%s ", off);
	}
	if (e->what[0]) {
		print_clean(out, e->what);
		fputs(": ", out);
	}
	print_clean(out, e->why);
	putc('\n', out);
	print_source(out, e->at, colour);
	if (e->hint[0]) {
		fprintf(out, "%shint:%s ", colour ? "\033[36m" : "", off);
		print_clean(out, e->hint);
		putc('\n', out);
	}
}

void complain_json(FILE *out, const struct err *e)
{
	auto_buf text = {0}, b = {0};

	buf_printf(&text, "%s%s%s%s%s", e->at, e->at[0] ? ": " : "", e->what,
		   e->what[0] ? ": " : "", e->why);
	buf_str(&b, "{\"error\":true,\"message\":");
	buf_json(&b, text.p, text.n);
	if (e->hint[0]) {
		buf_str(&b, ",\"hint\":");
		buf_json(&b, e->hint, strlen(e->hint));
	}
	fprintf(out, "%s}\n", b.p);
}

void complain_warning(FILE *out, const char *text, bool colour)
{
	fprintf(out, "%swarning:%s ", colour ? "\033[33m" : "", colour ? "\033[0m" : "");
	print_clean(out, text);
	putc('\n', out);
}
