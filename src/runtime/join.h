/* What exec_main.c says on the sync socket; beside it come struct err and the terminal. */
#pragma once

struct join_born {
	int pid; /* in the pid namespace of whoever called exec_begin(); negative: -errno */
};
struct join_failed {
	int code; /* errno of execve */
	char path[252];
};
