/* The small grammars of flags: ports, mounts, variables, shell words. */
#pragma once
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

/* As a shell splits: blanks, quotes, backslashes; nothing is expanded. */
int words_split(struct arena *a, const char *s, struct strings *out, struct err *e) must_check;
/* "[[ip:]host:]port[/proto]" to {host_ip, published, target, protocol}. */
int words_port(struct arena *a, const char *s, json_t **out, struct err *e) must_check;
/* "./dir:/x:ro" with its source made absolute. */
const char *words_volume(struct arena *a, const char *s);
/* Lines K=V or K of a file, comments and blank lines left out, appended. */
int words_env_file(struct arena *a, const char *path, struct strings *out,
		   struct err *e) must_check;
