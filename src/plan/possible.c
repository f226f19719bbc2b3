/* What a model may say and no container can be: refused with its place before anything is made. */
#include "plan/making.h"
#include <errno.h>
#include <string.h>

enum { HOSTNAME_MAX = 64, CPUS_MAX = 1 << 16 }; /* sethostname(2); more than any machine has */

static bool is_hostname(const char *s)
{
	size_t n = strlen(s);

	return n <= HOSTNAME_MAX && *s != '.' && *s != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

static int at(const struct service *s, int r, struct err *e)
{
	if (s->at)
		err_at(e, "%s", s->at);
	return r;
}

int making_possible(const struct service *s, struct err *e)
{
	int r;

	if (s->container_name && !text_is_name(s->container_name)) {
		r = err_set(e, EINVAL, "\"%s\" is no name of a container", s->container_name);
		err_hint(e, "2 to 240 letters, digits, dots, hyphens, underscores");
		return at(s, r, e);
	}
	if (s->hostname && !is_hostname(s->hostname)) {
		r = err_set(e, EINVAL, "\"%s\" is no host name", s->hostname);
		err_hint(e, "at most %d letters, digits, dots, hyphens, underscores", HOSTNAME_MAX);
		return at(s, r, e);
	}
	if (s->limits.cpus < 0 || s->limits.cpus > CPUS_MAX) {
		r = err_set(e, EINVAL, "cpus: %g is no number of processors", s->limits.cpus);
		return at(s, r, e);
	}
	return 0;
}
