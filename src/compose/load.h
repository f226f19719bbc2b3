/*
 * From files to a project: discovery, .env, include, extends, merging, profiles, decoding.
 * Opens files, never sockets. Every foreign byte is bounded before it is read.
 */
#pragma once
#include "base/err.h"
#include "base/file.h"
#include "compose/project.h"

struct load_options {
	struct strings files; /* -f; empty: discovery from the working directory */
	struct strings profiles, env_files;
	const char *project_name; /* -p */
	const char *project_directory;
	const char *cwd;            /* NULL: the process's */
	const char *const *environ; /* NULL: the process's */
	bool no_interpolate, no_normalize, no_path_resolution, no_consistency, no_env_resolution;
	bool all_resources, all_profiles, compat, strict;
	bool names_only;       /* container names may repeat: nothing will run */
	bool no_hash;          /* leave service.hash empty */
	bool lenient;          /* a required variable that is not set is empty text */
	struct strings enable; /* services named on the command line: their profiles count */
};

int project_load(struct arena *a, const struct load_options *o, struct project **out,
		 struct err *e) must_check;

/*
 * Reads back what project_save() wrote: a resolved model that needs no interpolation, no
 * environment and no other file. The supervisor lives on this, also after a reboot.
 */
int project_load_saved(struct arena *a, const char *path, struct project **out,
		       struct err *e) must_check;
int project_save(const struct project *p, const char *path, enum file_sync sync,
		 struct err *e) must_check;
