#include "net/guard.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nft.h"
#include <stdio.h>
#include <string.h>

#define TABLE "bridge berth-guard"

static const char table_text[] =
	"table " TABLE " {\n"
	"	set ports { type ifname; }\n"
	"	set ports6 { type ifname; }\n"
	"	set own4 { type ifname . ether_addr . ipv4_addr; }\n"
	"	set own6 { type ifname . ether_addr . ipv6_addr; }\n"
	"	chain from {\n"
	"		type filter hook prerouting priority -300; policy accept;\n"
	"		iifname != @ports accept\n"
	"		ether type ip iifname . ether saddr . ip saddr != @own4 drop\n"
	"		ether type arp iifname . ether saddr . arp saddr ip != @own4 drop\n"
	"		ether type != ip6 accept\n"
	"		iifname != @ports6 drop\n"
	"		icmpv6 type nd-router-advert drop\n"
	"		ip6 saddr fe80::/10 accept\n"
	"		ip6 saddr :: accept\n"
	"		iifname . ether saddr . ip6 saddr != @own6 drop\n"
	"	}\n"
	"}\n";

static void own(struct buf *text, const struct endpoint_spec *ep, const char *mac,
		const struct ip_addr *ip)
{
	char plain[64];

	if (!ip->family)
		return;
	buf_printf(text, "add element " TABLE " own%d { \"%s\" . %s . %s }\n",
		   ip->family == AF_INET ? 4 : 6, ep->host_side, mac, ip_print(ip, false, plain));
}

void guard_add(struct buf *text, const struct endpoint_spec *ep, const uint8_t mac[6])
{
	char printed[18];

	snprintf(printed, sizeof(printed), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	own(text, ep, printed, &ep->ip4);
	own(text, ep, printed, &ep->ip6);
	vec_each(ip, &ep->link_local)
		own(text, ep, printed, ip);
	if (ep->ip6.family)
		buf_printf(text, "add element " TABLE " ports6 { \"%s\" }\n", ep->host_side);
	buf_printf(text, "add element " TABLE " ports { \"%s\" }\n", ep->host_side);
}

int guard_apply(const struct buf *text, struct err *e)
{
	auto_buf whole = {0};

	if (!text->n || !nft_run(text->p, e))
		return 0;
	/* The first port of this host, or somebody flushed the ruleset. */
	buf_str(&whole, "table " TABLE "\ndelete table " TABLE "\n");
	buf_str(&whole, table_text);
	buf_str(&whole, text->p);
	return nft_run(whole.p, e);
}

/* `"veth0123456789a" . 02:42:0a:00:00:02 . 10.0.0.2,`: deletes it where the interface is gone. */
static void drop_gone(struct buf *out, const char *set, const char *list)
{
	const char *open = strstr(list, "elements = {"), *end, *quote;
	char name[LINK_NAME];
	size_t n;

	for (open = open ? open + strlen("elements = {") : NULL; open;
	     open = *end == ',' ? end + 1 : NULL) {
		open += strspn(open, " \t\n");
		end = open + strcspn(open, ",}");
		quote = *open == '"' ? strchr(open + 1, '"') : NULL;
		if (!quote || quote > end)
			return;
		n = (size_t)(quote - open - 1);
		if (n >= sizeof(name))
			continue;
		memcpy(name, open + 1, n);
		name[n] = '\0';
		if (link_index(name) < 0)
			buf_printf(out, "delete element " TABLE " %s { %.*s }\n", set,
				   (int)(end - open), open);
	}
}

int guard_prune(struct err *e)
{
	static const char *const sets[] = {"ports", "ports6", "own4", "own6"};
	auto_buf gone = {0};
	struct err none;

	for (size_t i = 0; i < countof(sets); i++) {
		auto_arena a = {0};
		auto_buf list = {0};

		/* No table: no port was ever entered. */
		if (nft_ask(arena_printf(&a, "list set " TABLE " %s\n", sets[i]), &list, &none) < 0)
			return 0;
		drop_gone(&gone, sets[i], list.p ? list.p : "");
	}
	return gone.n ? nft_run(gone.p, e) : 0;
}

int guard_remove(struct err *e)
{
	return nft_run("table " TABLE "\ndelete table " TABLE "\n", e);
}
