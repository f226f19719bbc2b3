/*
 * The parent of a project's containers and of its supervisor. It reaps, keeps descriptors that
 * must outlive the supervisor (control socket, ends of the containers' output) and brings the
 * supervisor back when that dies. It never allocates after its start and parses nothing.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>
#include <sys/types.h>

enum { GUARD_MAX = 8192, GUARD_NAME = 72 };

struct guard_slot {
	int fd; /* -1: free */
	char name[GUARD_NAME];
};

/* One exit, as it lies in BERTH_RUN/projects/<p>/exits, appended before the supervisor is told. */
struct exit_record {
	int64_t pid;
	uint64_t start_time;
	int64_t status; /* as waitpid has it */
	int64_t at_ns;  /* wall */
};

/* argv[1] of the process that berth starts for it; main() hands over to guardian_main(). */
#define GUARDIAN_WORD "__guardian"
/* Runs until the supervisor ends in good order. argv: program, GUARDIAN_WORD, project, and for each
 * descriptor that a killed guardian kept its number and its name. */
int guardian_main(int argc, char **argv);

/* Supervisor's end: keep (a duplicate of) fd under a name, or forget it. */
int guardian_keep(int sock, const char *name, int fd);
int guardian_drop(int sock, const char *name);
int guardian_trim(int sock, uint64_t read_so_far); /* of the exits, when all were read */
