/* MongoDB's messages (OP_MSG): commands written as BSON, and the few fields that are read of a
 * reply. */
#include "opty.h"
#include <stdio.h>
#include <string.h>

enum { OP_MSG = 2013, HEADER = 16, FLAGS = 5, SMALLEST = HEADER + FLAGS + 5, LARGEST = 1 << 24 };

void bson_int32(struct buf *b, int32_t n)
{
	buf_add(b, &n, 4);
}

void bson_element(struct buf *b, char type, const char *name)
{
	buf_add(b, &type, 1);
	buf_add(b, name, strlen(name) + 1);
}

void bson_string(struct buf *b, const char *name, const char *value)
{
	bson_element(b, 2, name);
	bson_int32(b, (int32_t)strlen(value) + 1);
	buf_add(b, value, strlen(value) + 1);
}

void bson_int(struct buf *b, const char *name, int32_t value)
{
	bson_element(b, 16, name);
	bson_int32(b, value);
}

void bson_binary(struct buf *b, const char *name, const char *value)
{
	bson_element(b, 5, name);
	bson_int32(b, (int32_t)strlen(value));
	buf_add(b, "", 1);
	buf_text(b, value);
}

size_t bson_begin(struct buf *b)
{
	bson_int32(b, 0);
	return b->n - 4;
}

void bson_end(struct buf *b, size_t start)
{
	int32_t n;

	buf_add(b, "", 1);
	n = (int32_t)(b->n - start);
	memcpy(b->p + start, &n, 4);
}

size_t bson_command(struct buf *b, int32_t request)
{
	bson_int32(b, 0);
	bson_int32(b, request);
	bson_int32(b, 0);
	bson_int32(b, OP_MSG);
	bson_int32(b, 0);
	buf_add(b, "", 1);
	return bson_begin(b);
}

void bson_finish(struct buf *b, size_t start, const char *database)
{
	int32_t n;

	bson_string(b, "$db", database);
	bson_end(b, start);
	n = (int32_t)b->n;
	memcpy(b->p, &n, 4);
}

/* ---- replies ------------------------------------------------------------------------------- */

static int64_t number(char type, const char *p)
{
	double d;
	int32_t small;
	int64_t large;

	memcpy(&d, p, 8);
	memcpy(&small, p, 4);
	memcpy(&large, p, 8);
	if (type == 1)
		return d > -1e15 && d < 1e15 ? (int64_t)d : -1;
	return type == 16 ? small : large;
}

/* The size of a value; 0 when its type is none that a reply of ours has. */
static size_t value_size(char type, const char *p, size_t left)
{
	int32_t n = 0;

	if (left >= 4)
		memcpy(&n, p, 4);
	switch (type) {
	case 1:
	case 9:
	case 17:
	case 18:
		return 8;
	case 2:
		return n > 0 ? (size_t)n + 4 : 0;
	case 3:
	case 4:
		return n > 0 ? (size_t)n : 0;
	case 5:
		return n >= 0 ? (size_t)n + 5 : 0;
	case 7:
		return 12;
	case 8:
		return 1;
	case 16:
		return 4;
	default:
		return 0;
	}
}

static void take(struct reply *r, const char *name, char type, const char *p, size_t size)
{
	bool numeric = type == 1 || type == 16 || type == 18;

	if (numeric && !strcmp(name, "ok"))
		r->ok = number(type, p) == 1;
	else if (numeric && !strcmp(name, "n"))
		r->n = number(type, p);
	else if (numeric && !strcmp(name, "conversationId"))
		r->conversation = (int32_t)number(type, p);
	else if (type == 8 && !strcmp(name, "done"))
		r->done = *p;
	else if (type == 2 && !strcmp(name, "errmsg"))
		snprintf(r->error, sizeof(r->error), "%.*s", (int)size - 5, p + 4);
	else if (type == 5 && !strcmp(name, "payload") && size - 5 < sizeof(r->payload))
		memcpy(r->payload, p + 5, size - 5);
}

static void read_document(struct reply *r, const char *p, size_t size)
{
	const char *limit = p + size;
	char padded[8];

	*r = (struct reply){0};
	for (p += 4; p < limit && *p;) {
		char type = *p++;
		const char *name = p, *stop = memchr(p, 0, (size_t)(limit - p));
		size_t n;

		if (!stop)
			return;
		p = stop + 1;
		n = type == 10 ? 0 : value_size(type, p, (size_t)(limit - p));
		if ((!n && type != 10) || n > (size_t)(limit - p))
			return;
		if (n <= 8) {
			memset(padded, 0, sizeof(padded));
			memcpy(padded, p, n);
		}
		take(r, name, type, n <= 8 ? padded : p, n);
		p += n;
	}
}

int bson_reply(struct buf *in, struct reply *r)
{
	int32_t size, opcode;

	if (in->n < SMALLEST)
		return 0;
	memcpy(&size, in->p, 4);
	memcpy(&opcode, in->p + 12, 4);
	if (size < SMALLEST || size > LARGEST || opcode != OP_MSG)
		return -1;
	if (in->n < (size_t)size)
		return 0;
	read_document(r, in->p + HEADER + FLAGS, (size_t)size - HEADER - FLAGS);
	buf_take(in, (size_t)size);
	return 1;
}
