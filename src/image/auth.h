/*
 * Credentials as docker keeps them: $DOCKER_CONFIG/config.json or ~/.docker/config.json, with
 * credsStore, credHelpers and plain auths. Never printed, never in argv.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct credentials {
	const char *user, *password; /* NULL: none */
	const char *identity_token;  /* instead of a password */
};

/* Nothing known is not an error: all NULL. */
int auth_find(struct arena *a, const char *domain, struct credentials *out,
	      struct err *e) must_check;
/* Keeps or forgets them, through the helper where one is configured. *where: for the user. */
int auth_store(struct arena *a, const char *domain, const struct credentials *c, const char **where,
	       struct err *e) must_check;
int auth_erase(struct arena *a, const char *domain, bool *was_there, struct err *e) must_check;
char *auth_basic(struct arena *a, const struct credentials *c); /* "Basic ..." */

/* What foreign bytes come through: config.json's text, and what a helper prints. */
int auth_read_config(struct arena *a, struct span text, const char *domain, const char **helper,
		     struct credentials *out, struct err *e) must_check;
int auth_read_answer(struct arena *a, struct span text, struct credentials *out,
		     struct err *e) must_check;
