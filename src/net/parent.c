#include "net/parent.h"
#include <errno.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

/* Tells interfaces that berth made from the host's own. */
enum { PARENT_GROUP = LINK_GROUP + 1 };

char *parent_name(const struct net_spec *n, char out[static LINK_NAME])
{
	if (n->parent)
		snprintf(out, LINK_NAME, "%s", n->parent);
	else
		snprintf(out, LINK_NAME, "dm-%.12s", n->id);
	return out;
}

/* "eth0.10" */
struct vlan {
	int under; /* interface number of eth0 */
	uint16_t tag;
};

static bool is_vlan(const char *name, struct vlan *out)
{
	const char *dot = strrchr(name, '.');
	char under[LINK_NAME];
	uint64_t tag;

	if (!dot || text_to_u64(dot + 1, &tag) < 0 || !tag || tag > 4094)
		return false;
	snprintf(under, sizeof(under), "%.*s", (int)(dot - name), name);
	*out = (struct vlan){link_index(under), (uint16_t)tag};
	return out->under > 0;
}

/* The other end of a wire that nobody is at: "dn-..." for "dm-...". */
static void put_peer(struct rtnl *r, const char *name)
{
	struct nlattr *peer = mnl_attr_nest_start(r->now, VETH_INFO_PEER);
	char other[LINK_NAME];

	snprintf(other, sizeof(other), "dn%s", name + 2);
	mnl_nlmsg_put_extra_header(r->now, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r->now, IFLA_IFNAME, other);
	mnl_attr_nest_end(r->now, peer);
}

/* A kernel that has bridges for containers has veth; "dummy" is a module that may be missing. */
static int make(const char *name, const struct vlan *vlan, struct err *e)
{
	auto_rtnl r = {.fd = -1};
	struct nlattr *info, *data;
	char other[LINK_NAME];

	if (rtnl_open(&r, -1, e) < 0)
		return -e->code;
	rtnl_add(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg),
		 (struct rtnl_note){.what = "make the parent interface", .tolerate = EEXIST});
	mnl_attr_put_strz(r.now, IFLA_IFNAME, name);
	mnl_attr_put_u32(r.now, IFLA_GROUP, PARENT_GROUP);
	if (vlan)
		mnl_attr_put_u32(r.now, IFLA_LINK, (uint32_t)vlan->under);
	info = mnl_attr_nest_start(r.now, IFLA_LINKINFO);
	mnl_attr_put_strz(r.now, IFLA_INFO_KIND, vlan ? "vlan" : "veth");
	data = mnl_attr_nest_start(r.now, IFLA_INFO_DATA);
	if (vlan)
		mnl_attr_put_u16(r.now, IFLA_VLAN_ID, vlan->tag);
	else
		put_peer(&r, name);
	mnl_attr_nest_end(r.now, data);
	mnl_attr_nest_end(r.now, info);
	if (rtnl_send(&r, e) < 0)
		return -e->code;
	snprintf(other, sizeof(other), "dn%s", name + 2);
	if (!vlan) /* both ends, or there is no carrier */
		link_up(&r, link_index(other), "bring the parent interface up");
	link_up(&r, link_index(name), "bring the parent interface up");
	return rtnl_send(&r, e);
}

int parent_up(const struct net_spec *n, struct err *e)
{
	char name[LINK_NAME];
	struct vlan vlan;
	int r;

	if (link_index(parent_name(n, name)) > 0)
		return 0;
	if (!n->parent)
		r = make(name, NULL, e);
	else if (is_vlan(name, &vlan))
		r = make(name, &vlan, e);
	else
		return err_set(e, ENODEV, "network %s: there is no interface %s on this host",
			       n->name, name);
	return r < 0 ? err_wrap(e, "bring up network %s", n->name) : 0;
}

struct search {
	const char *name;
	bool ours;
};

static int look(const struct nlmsghdr *h, void *arg)
{
	struct search *s = arg;
	const struct nlattr *attr;
	const char *name = "";
	uint32_t group = 0;

	mnl_attr_for_each(attr, h, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			name = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == IFLA_GROUP)
			group = mnl_attr_get_u32(attr);
	}
	if (!strcmp(name, s->name))
		s->ours = group == PARENT_GROUP;
	return 0;
}

int parent_down(const struct net_spec *n, struct err *e)
{
	struct ifinfomsg ask = {0};
	auto_rtnl r = {.fd = -1};
	char name[LINK_NAME];
	struct search s = {parent_name(n, name), false};

	if (link_index(name) < 0)
		return 0;
	if (rtnl_open(&r, -1, e) < 0 ||
	    rtnl_dump(&r, RTM_GETLINK, &ask, sizeof(ask), look, &s, e) < 0)
		return -e->code;
	if (!s.ours)
		return 0;
	link_delete(&r, name);
	return rtnl_send(&r, e);
}
