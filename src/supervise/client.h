/*
 * The command's end of a project's control socket ($BERTH_RUN/projects/<name>/control.sock).
 * One JSON object a line both ways; descriptors travel beside a line (SCM_RIGHTS) and are counted
 * in its member "fds". supervise/control.h has the table of requests and events.
 *
 * Blocking: a command that also watches its terminal polls client_fd() and calls client_next()
 * while client_pending() or the descriptor is readable.
 */
#pragma once
#include "base/json.h"
#include <sys/types.h>

struct client;

enum client_how {
	CLIENT_START,    /* starts guardian and supervisor where none runs */
	CLIENT_EXISTING, /* the same, but only for a project that berth knows; else CLIENT_NONE */
	CLIENT_RUNNING,  /* never starts one; CLIENT_NONE where none runs */
};
enum { CLIENT_NONE = 1, CLIENT_END = 2 };
enum { CLIENT_MAX_FDS = 4 };

int client_open(const char *project, enum client_how how, struct client **out,
		struct err *e) must_check;
void client_close(struct client *c);
/*
 * Guardian and supervisor may have been killed in one instant: nobody is left who could notice, so
 * whoever comes by starts a new pair. True: it did.
 */
bool client_mend(const char *project);
static inline void client_close_at(struct client **c)
{
	client_close(*c);
}
#define auto_client __attribute__((cleanup(client_close_at))) struct client

int client_fd(const struct client *c);
bool client_pending(const struct client *c); /* a whole message is buffered */

int client_send(struct client *c, const json_t *msg, const int *fds, size_t n,
		struct err *e) must_check;
/* The next message; *n: room in fds, then how many came. CLIENT_END: the supervisor hung up. */
int client_next(struct client *c, json_t **msg, int *fds, size_t *n, struct err *e) must_check;

/*
 * Sends a request and reads until {"done":true}. Every other message goes to `each` (may be NULL).
 * 0 with *code (the exit code to use), or -errno with the error that the supervisor sent.
 */
int client_call(struct client *c, const json_t *req, const int *fds, size_t n,
		int (*each)(void *arg, const json_t *msg), void *arg, int *code,
		struct err *e) must_check;

/* Fills e from the "error" member of a message ({what, why, at, hint, code}); 0 where absent. */
int client_error(const json_t *msg, struct err *e);
