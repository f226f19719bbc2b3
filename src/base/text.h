/*
 * Text: spans that parsers walk, a buffer that writers fill, and the escapes that the
 * outside world asks for. Finished text is `const char *` in an arena.
 */
#pragma once
#include "base/arena.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

/* A view of someone else's bytes, not terminated. */
struct span {
	const char *p;
	size_t n;
};

/* Named arrays, so that functions can share them; made with vec_push(). */
struct strings {
	const char **v;
	size_t n, cap;
};

/* value is NULL where a key stands alone ("PASS_ME_ON"). */
struct pair {
	const char *key, *value;
};
struct pairs {
	struct pair *v;
	size_t n, cap;
};

const char *pairs_get(const struct pairs *p, const char *key); /* last one wins; NULL: absent */
bool strings_have(const struct strings *s, const char *word);

struct span span_of(const char *s);
bool span_is(struct span s, const char *word);
struct span span_trim(struct span s); /* blanks and tabs, both ends */
/* Cuts the part before the first `sep` off *s. False (and *head the rest) where there is none. */
bool span_cut(struct span *s, char sep, struct span *head);
char *span_dup(struct arena *a, struct span s);

bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
char *text_lower(struct arena *a, const char *s); /* ASCII */
/* Whole decimal numbers only: no sign on unsigned, no blanks, no overflow. 0 or -EINVAL/-ERANGE. */
int text_to_u64(const char *s, uint64_t *out);
int text_to_i64(const char *s, int64_t *out);
/* The word nearest to `s` by edits, or NULL where none is near enough to be meant. */
const char *text_nearest(const char *s, const char *const *words, size_t n);
/* A name that may be part of a path: docker's [a-zA-Z0-9][a-zA-Z0-9_.-]+, 240 characters at most.
 */
bool text_is_name(const char *s);
bool text_is_utf8(const char *s, size_t n);

/* Text in the making. Owns malloc memory; auto_buf frees it. Always terminated once written. */
struct buf {
	char *p;
	size_t n, cap;
};
#define auto_buf __attribute__((cleanup(buf_done))) struct buf

void buf_done(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
void buf_json(struct buf *b, const char *s, size_t n);     /* quoted; bad UTF-8 becomes U+FFFD */
void buf_go(struct buf *b, const char *s);                 /* quoted as Go's %q does */
void buf_shell(struct buf *b, const char *s);              /* quoted where a shell needs it */
void buf_terminal(struct buf *b, const char *s, size_t n); /* control characters made visible */
char *buf_take(struct arena *a, struct buf *b);            /* copies into the arena, empties b */
