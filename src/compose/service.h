/* The tables of Compose attributes, and how each reaches its struct. */
#pragma once
#include "compose/project.h"
#include "compose/schema.h"

extern const struct attr compose_row; /* a whole file */
extern const struct attr service_row; /* one service */
extern const struct attr hook_attrs[];
extern const struct attr build_attrs[], deploy_attrs[], develop_attrs[];
extern const struct attr ulimit_row;

/* Decoders of values that are more than one field. */
typedef int decoder(struct arena *a, const struct node *n, void *out, struct err *e);
decoder decode_argv, decode_service, decode_port, decode_mount, decode_file_ref, decode_endpoint,
	decode_dependency, decode_ulimit, decode_health, decode_build, decode_network,
	decode_volume, decode_file_source, decode_mount_type, decode_condition, decode_watch,
	decode_build_secret, decode_hook, decode_external;
