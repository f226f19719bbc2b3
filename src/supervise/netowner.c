/* Whose network namespace a container is in, and the name that goes with it. */
#include "base/file.h"
#include "supervise/supervisor.h"
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

struct instance *netowner_find(const struct instance *i, const char *mode)
{
	const char *name = strchr(mode, ':') + 1;
	struct instance *found = NULL;

	for (struct instance *o = i->of->instances; o; o = o->next) {
		const char *is = text_starts(mode, "service:") ? o->st.service : o->st.name;

		if (strcmp(is, name) || o == i || (o->st.one_off && text_starts(mode, "service:")))
			continue;
		if (!found || o->st.number == i->st.number)
			found = o;
	}
	return found;
}

bool netowner_foreign(struct arena *a, const struct supervisor *s, const char *name,
		      struct status *out)
{
	struct strings projects = {0};
	struct err ignored;

	if (status_projects(a, &projects, &ignored) < 0)
		return false;
	vec_each(p, &projects) {
		struct statuses all = {0};

		if (!strcmp(*p, s->name) || status_read(a, *p, &all, &ignored) < 0)
			continue;
		vec_each(st, &all) {
			if (st->netns && (!strcmp(st->name, name) ||
					  (strlen(name) >= 12 && text_starts(st->id, name)))) {
				*out = *st;
				return true;
			}
		}
	}
	return false;
}

const char *netowner_host_name(struct arena *a)
{
	struct utsname host;

	return uname(&host) < 0 ? "localhost" : arena_printf(a, "%s", host.nodename);
}

static const char *own_name(struct arena *a, const struct instance *i)
{
	return i->svc && i->svc->hostname ? i->svc->hostname : arena_strndup(a, i->st.id, 12);
}

/* As it stands in the file that is bound to its /etc/hostname. */
static const char *foreign_name(struct arena *a, const struct instance *i, const char *mode)
{
	struct status st = {0};
	struct err ignored;
	struct span text, line;

	if (!netowner_foreign(a, i->of, strchr(mode, ':') + 1, &st) ||
	    file_read(a, AT_FDCWD, arena_printf(a, "%s/hostname", st.run_dir), 256, &text,
		      &ignored) < 0)
		return own_name(a, i);
	span_cut(&text, '\n', &line);
	return span_dup(a, line);
}

void netowner_name(struct arena *a, const struct instance *i, const char **host,
		   const char **domain)
{
	const char *mode = i->svc->network_mode;
	const struct instance *owner;

	*host = own_name(a, i);
	*domain = i->svc->domainname;
	if (!mode || i->svc->hostname)
		return;
	if (!strcmp(mode, "host"))
		*host = netowner_host_name(a);
	if (!text_starts(mode, "service:") && !text_starts(mode, "container:"))
		return;
	owner = netowner_find(i, mode);
	*host = owner ? own_name(a, owner) : foreign_name(a, i, mode);
	if (owner && owner->svc && !*domain)
		*domain = owner->svc->domainname;
}
