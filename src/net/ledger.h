/*
 * The files of ipam.
 *
 * Two kinds of text files below BERTH_ROOT/net, one record a line, both under one lock:
 *   subnets         ID NAME SUBNET
 *   addresses-ID    + OWNER ADDRESS    taken
 *                   - OWNER ADDRESS    free again, but kept for its last owner while others are
 * free
 */

#pragma once
#include "net/network.h"

struct row {
	const char *first, *second; /* id and name, or "+"/"-" and owner */
	struct ip_addr ip;
	size_t at; /* where its line begins in the file */
};

struct ledger {
	struct arena arena;
	char *path;
	int lock;
	VEC(struct row) rows;
	size_t size;  /* of the file */
	bool damaged; /* a line was dropped: the file must be written anew */
};

#define auto_ledger __attribute__((cleanup(ledger_done))) struct ledger

/* Reads BERTH_ROOT/net/<name> under the lock, which ledger_done() gives back. */
int ledger_open(struct ledger *l, const char *name, struct err *e) must_check;
void ledger_done(struct ledger *l);
int ledger_write(struct ledger *l, struct err *e) must_check;
/* The cheap changes, each one write(2): a row more, and another sign at the start of one. */
int ledger_append(struct ledger *l, const struct row *row, struct err *e) must_check;
int ledger_mark(struct ledger *l, struct row *row, const char *sign, struct err *e) must_check;
void ledger_drop(struct ledger *l, struct row *row); /* the last row takes its place */
/* Names become parts of lines and of file names. */
int ledger_word(const char *what, const char *s, struct err *e) must_check;
