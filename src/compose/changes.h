/*
 * What differs between two definitions of a service, a line each, for people:
 * `environment.MODE: "a" -> "b"`. What needs no new container is left out, as it is of the hash;
 * what may be a password is named, its value never shown.
 */
#pragma once
#include "base/text.h"

struct node;

/* Both as a saved project holds them. */
void changes_of_service(struct arena *a, const struct node *then, const struct node *now,
			struct strings *out);
void changes_of_network(struct arena *a, const struct node *then, const struct node *now,
			struct strings *out);
