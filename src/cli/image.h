/* Shared by the commands about images. */
#pragma once
#include "cli/cli.h"
#include "image/store.h"
#include <jansson.h>

/* store_image() where absence is an error with a way out. */
int image_must(struct cli *c, const char *ref, struct image **out, struct err *e) must_check;
/* The same, and it is made for this platform ("linux/arm64"; NULL: any). */
int image_must_for(struct cli *c, const char *ref, const char *platform, struct image **out,
		   struct err *e) must_check;
json_t *image_inspect_json(struct cli *c, const struct image *img); /* docker's shape */
const char *image_short_id(struct arena *a, const char *id);
/* "3 weeks ago" of an RFC 3339 time, "N/A" where it says nothing. */
const char *image_age(struct arena *a, const char *created);
/* Prints one JSON array of the objects, or each through the template. */
int image_print_found(struct cli *c, const char *format, json_t *rows, int failed,
		      struct err *e) must_check; /* failed: of those that are not there */
int image_print(struct cli *c, const char *format, json_t *rows, struct err *e) must_check;

extern const struct command save_command, load_command, import_command, pull_command, push_command,
	rmi_command, tag_command, history_command, docker_pull_command;
