/* network connect and disconnect: asked of the supervisor that has the container. */
#include "base/vec.h"
#include "cli/networks.h"
#include "cli/request.h"
#include "cli/target.h"
#include <errno.h>
#include <string.h>

static int send_to(struct cli *c, const char *project, json_t *msg, struct err *e)
{
	struct request r = {.msg = msg, .quiet = true};
	int code = 0, ret = request_send(c, project, CLIENT_EXISTING, &r, &code, e);

	if (ret == REQUEST_NO_SUPERVISOR)
		return err_set(e, ESRCH, "project %s has no supervisor", project);
	return ret < 0 ? ret : code;
}

/* The network by name or id, the container by name, id, or service. */
static int resolve(struct cli *c, char **argv, struct network_status *n, struct status *s,
		   struct err *e)
{
	if (networks_find(c, argv[0], n, e) < 0)
		return -e->code;
	if (networks_is_builtin(n))
		return err_set(e, EPERM,
			       "network %s is predefined: a container is on it from its start, "
			       "or never",
			       n->name);
	return target_one(c, argv[1], 0, s, e);
}

/* Those options that docker's endpoints have; another is said, not passed over. */
static int read_options(const struct strings *options, json_t *msg, struct err *e)
{
	static const struct {
		const char *key, *member;
	} known[] = {{"com.docker.network.endpoint.ifname=", "interface"},
		     {"com.docker.network.endpoint.sysctls=", "sysctls"}};

	vec_each(o, options) {
		size_t i = 0;

		while (i < countof(known) && !text_starts(*o, known[i].key))
			i++;
		if (i == countof(known)) {
			err_set(e, EINVAL, "--driver-opt %s: there is no such option", *o);
			return err_hint(e, "com.docker.network.endpoint.ifname=NAME, or "
					   "com.docker.network.endpoint.sysctls=NAME=VALUE,...");
		}
		json_object_set_new(msg, known[i].member, json_string(*o + strlen(known[i].key)));
	}
	return 0;
}

int networks_connect(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct network_opts *o = opts;
	json_t *msg;
	struct network_status n;
	struct status s;

	if (resolve(c, argv, &n, &s, e) < 0)
		return -e->code;
	msg = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:i}", "do", "connect", "container", s.name,
			"network", n.name, "aliases", json_words(&o->aliases), "links",
			json_words(&o->links), "link_local", json_words(&o->link_local),
			"gw_priority", o->gw_priority);
	if (read_options(&o->options, msg, e) < 0) {
		json_decref(msg);
		return -e->code;
	}
	if (o->ip4)
		json_object_set_new(msg, "ip4", json_string(o->ip4));
	if (o->ip6)
		json_object_set_new(msg, "ip6", json_string(o->ip6));
	return send_to(c, s.project, msg, e);
}

int networks_disconnect(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct network_status n;
	struct status s;

	if (resolve(c, argv, &n, &s, e) < 0)
		return -e->code;
	return send_to(c, s.project,
		       json_pack("{s:s, s:s, s:s}", "do", "disconnect", "container", s.name,
				 "network", n.name),
		       e);
}
