#include "build/commands.h"
#include <ctype.h>
#include <string.h>

struct splitter {
	struct arena *a;
	struct commands *out;
};

static bool is_start(const char *word)
{
	static const char *const skipped[] = {"if", "then", "else", "do",   "while", "until",
					      "!",  "elif", "time", "exec", "{"};

	for (size_t i = 0; i < countof(skipped); i++)
		if (!strcmp(word, skipped[i]))
			return false;
	return !strchr(word, '=') || *word == '=' || *word == '-';
}

static void end_word(struct splitter *v, struct command *c, struct buf *word, bool *open)
{
	const char *text;

	if (!*open)
		return;
	*open = false;
	text = word->n ? arena_strndup(v->a, word->p, word->n) : "";
	word->n = 0;
	if (c->words.n || is_start(text))
		*vec_push(v->a, &c->words) = text;
}

static void end_command(struct splitter *v, struct command *c, bool piped)
{
	c->piped = piped;
	if (c->words.n)
		*vec_push(v->a, v->out) = *c;
	*c = (struct command){0};
}

static void split(struct splitter *v, const char *text)
{
	struct command c = {0};
	auto_buf word = {0};
	bool open = false;
	char quote = 0;

	for (const char *p = text; *p; p++) {
		if (quote && *p == quote) {
			quote = 0;
		} else if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p;
			open = true;
		} else if (*p == '\\' && p[1] && quote != '\'') {
			buf_char(&word, *++p);
			open = true;
		} else if (!quote && strchr(";&|\n()", *p)) {
			end_word(v, &c, &word, &open);
			end_command(v, &c, *p == '|' && p[1] != '|' && (p == text || p[-1] != '|'));
		} else if (!quote && isspace((unsigned char)*p)) {
			end_word(v, &c, &word, &open);
		} else {
			buf_char(&word, *p);
			open = true;
		}
	}
	end_word(v, &c, &word, &open);
	end_command(v, &c, false);
}

void commands_read(struct arena *a, const struct action *act, struct commands *out)
{
	struct splitter v = {a, out};

	*out = (struct commands){0};
	if (act->verb != DO_RUN)
		return;
	vec_each(h, &act->in->heredocs)
		split(&v, h->content);
	if (act->in->heredocs.n)
		return;
	if (act->shell_form && act->words.n)
		split(&v, act->words.v[0]);
	else if (act->words.n)
		*vec_push(a, out) = (struct command){act->words, false};
}
