/*
 * Short syntaxes: "8080:80", "./data:/data:ro", [db, cache], a command as one line.
 * Each function takes a value in any of its spellings and leaves the long one.
 */
#pragma once
#include "compose/schema.h"

typedef int expander(struct walk *w, struct node **n, struct err *e);
typedef int settler(struct walk *w, struct node *n, struct node **out, struct err *e);

expander short_build, short_ports, short_volume, short_device, short_depends_on, short_name_map,
	short_env_files, short_file_ref, short_secret_ref, short_gpus, short_count, short_extends,
	short_external, short_include, short_equals, short_filled, short_container_name,
	short_pull_policy, short_ssh, short_port_map, short_ulimit, short_mode,
	short_device_request;
settler short_words, short_test, short_hosts, short_ssh_list, short_options, short_ulimit_pair,
	short_env_path;

/* Words as docker compose splits them; *operator_at: the first unquoted ; & | < > or NULL. */
int short_split(struct arena *a, const char *text, struct strings *out, const char **operator_at);

const char *short_port_key(struct arena *a, const struct node *n);
const char *short_mount_key(struct arena *a, const struct node *n);
const char *short_secret_key(struct arena *a, const struct node *n);
const char *short_config_key(struct arena *a, const struct node *n);
const char *short_path_key(struct arena *a, const struct node *n);
const char *short_subnet_key(struct arena *a, const struct node *n);
const char *short_text_key(struct arena *a, const struct node *n);
