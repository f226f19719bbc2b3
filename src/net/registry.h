/*
 * Names across projects: every supervisor writes its endpoints as files below
 * BERTH_RUN/dns/<network id>/ and watches those of others, so that two projects on one network
 * see each other. The files outlive a supervisor as its containers do.
 */
#pragma once
#include "base/loop.h"
#include "net/names.h"

struct registry;

/* Fills `names` with what others publish. */
int registry_new(struct loop *l, struct names *names, struct registry **out,
		 struct err *e) must_check;
void registry_free(struct registry *r);
/* From now on the endpoints of others on this network are known. Twice is fine. */
int registry_watch(struct registry *r, const char *network, struct err *e) must_check;
/* And no longer: what others had on it is forgotten. */
void registry_unwatch(struct registry *r, const char *network);
/* Reads what others have published or withdrawn until now, which is otherwise read in its turn. */
void registry_catch_up(struct registry *r);
void registry_text(struct buf *b, const struct resolver_record *rec);
/* text: what registry_text() made of it. */
int registry_publish(const struct resolver_record *rec, const struct buf *text,
		     struct err *e) must_check;
void registry_withdraw(const char *network, const char *key);
