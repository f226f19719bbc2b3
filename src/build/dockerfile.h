/*
 * A Dockerfile as text: lines joined at their continuations, directives, heredocs, and each
 * instruction cut into flags and arguments by the rule of its kind. What the arguments mean is
 * stage.h's. The law is BuildKit's parser, whose accidents are kept: files in the wild need them.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct heredoc {
	const char *name, *content;
	bool expand, chomp;
};

struct instruction {
	const char *written;     /* the keyword as in the file */
	const char *keyword;     /* lower case */
	const char *original;    /* the whole joined line */
	struct strings flags;    /* "--from=x" */
	struct strings args;     /* ENV and LABEL: key, value, "=" or "" for each pair */
	bool json;               /* the arguments were a JSON array */
	struct instruction *sub; /* of ONBUILD */
	const char *check;       /* "skip=RULE,..." of a comment right above it, or NULL */
	const char *ignore;      /* likewise hadolint's: "DL3006,DL3008" */
	const char *comment;     /* the last line right above it, or NULL */
	struct strings comments; /* all of them */
	VEC(struct heredoc) heredocs;
	int line, end_line, depth; /* depth: ONBUILDs around it */
};

struct dockerfile {
	const char *name; /* for messages */
	struct span text;
	char escape;        /* '\\' or '`' */
	const char *syntax; /* value of the directive, or NULL */
	const char *check;
	const char *ignore; /* of "# hadolint global ignore=", or NULL */
	VEC(struct instruction) list;
	VEC(int) empty_continuations; /* lines of instructions with one (deprecated) */
};

enum { DOCKERFILE_LIMIT = 8 << 20 };

int dockerfile_parse(struct arena *a, const char *name, struct span text, struct dockerfile *out,
		     struct err *e) must_check;
/* One instruction alone, as ONBUILD keeps it in an image (with its heredocs after it). */
int dockerfile_parse_one(struct arena *a, const char *text, struct instruction *out,
			 struct err *e) must_check;
/* True with *out where the word opens a heredoc ("<<EOF", "3<<-'EOF'"). */
bool dockerfile_heredoc(struct arena *a, const char *word, struct heredoc *out);
/* The text of a heredoc without leading tabs, for "<<-". */
const char *dockerfile_chomp(struct arena *a, const char *content);
/* One line an instruction: (copy ["--from=a"] "x" "/y"). */
void dockerfile_dump(const struct dockerfile *d, struct buf *out);
