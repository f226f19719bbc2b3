/* Short syntax of ports and volumes: the two that have a grammar. */
#include "compose/short.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

enum { PORTS_MAX = 20000 };

struct port_spec {
	const char *ip, *host, *container, *protocol;
	unsigned from, to, host_from, host_to;
};

static int bad_port(const struct node *n, struct err *e, const char *why, const char *part)
{
	node_fail(n, e, "port \"%s\": %s%s%s%s", n->text, why, *part ? " \"" : "", part,
		  *part ? "\"" : "");
	return err_hint(e, "write \"8080:80\", \"127.0.0.1:8080:80/udp\" or \"80\"");
}

static int port_number(const char *s, size_t n, unsigned *out)
{
	char digits[8];
	uint64_t v;

	if (!n || n > 5)
		return -EINVAL;
	snprintf(digits, sizeof(digits), "%.*s", (int)n, s);
	if (text_to_u64(digits, &v) || v > 65535)
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

static int port_range(const char *s, unsigned *from, unsigned *to)
{
	const char *dash = strchr(s, '-');
	int r = port_number(s, dash ? (size_t)(dash - s) : strlen(s), from);

	*to = *from;
	if (!r && dash)
		r = port_number(dash + 1, strlen(dash + 1), to);
	return r || *to < *from ? -EINVAL : 0;
}

static bool is_address(const char *s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

/* Cuts "[ip:][host:]container[/protocol]" into its parts, from the right. */
static int cut_port(struct walk *w, const struct node *n, struct port_spec *p, struct err *e)
{
	char *text = arena_strndup(w->a, n->text, strlen(n->text)), *slash, *colon;
	size_t len;

	p->protocol = "tcp";
	p->host = p->ip = "";
	colon = strrchr(text, ':');
	p->container = colon ? colon + 1 : text;
	slash = strchr(p->container, '/');
	if (slash) {
		*slash = '\0';
		if (slash[1])
			p->protocol = slash + 1;
	}
	if (!colon)
		return 0;
	*colon = '\0';
	colon = strrchr(text, ':');
	p->host = colon && text[strlen(text) - 1] != ']' ? colon + 1 : text;
	if (p->host == text)
		return 0;
	*colon = '\0';
	len = strlen(text);
	if (*text == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		text++;
	} else if (strchr(text, ':')) {
		return bad_port(n, e, "an IPv6 address stands in brackets:", text);
	}
	p->ip = text;
	return *text && !is_address(text) ? bad_port(n, e, "this is no IP address:", text) : 0;
}

static int parse_port(struct walk *w, const struct node *n, struct port_spec *p, struct err *e)
{
	char *lower;
	int r = cut_port(w, n, p, e);

	if (r < 0)
		return r;
	if (!*p->container)
		return bad_port(n, e, "no container port is named", "");
	if (port_range(p->container, &p->from, &p->to))
		return bad_port(n, e, "not a container port:", p->container);
	if (!p->from)
		return bad_port(n, e, "no container has a port", p->container);
	if (*p->host && port_range(p->host, &p->host_from, &p->host_to))
		return bad_port(n, e, "not a host port:", p->host);
	if (*p->host && p->to - p->from != p->host_to - p->host_from && p->from != p->to)
		return bad_port(n, e, "the two ranges differ in length", "");
	lower = arena_strndup(w->a, p->protocol, strlen(p->protocol));
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strcmp(lower, "tcp") && strcmp(lower, "udp") && strcmp(lower, "sctp"))
		return bad_port(n, e, "the protocol is tcp, udp or sctp, not", p->protocol);
	p->protocol = lower;
	return 0;
}

static struct node *port_entry(struct walk *w, const struct port_spec *p, unsigned i,
			       const struct node *at)
{
	struct node *map = node_new(w->a, NODE_MAP, at);
	const char *published = NULL;

	if (*p->host && p->from == p->to && p->host_from != p->host_to)
		published = arena_printf(w->a, "%u-%u", p->host_from, p->host_to);
	else if (*p->host)
		published = arena_printf(w->a, "%u", p->host_from + i);
	node_set(w->a, map, "mode", node_str(w->a, "ingress", at));
	if (*p->ip)
		node_set(w->a, map, "host_ip", node_str(w->a, p->ip, at));
	node_set(w->a, map, "target",
		 node_typed(w->a, TYPE_INT, arena_printf(w->a, "%u", p->from + i), at));
	if (published)
		node_set(w->a, map, "published", node_str(w->a, published, at));
	node_set(w->a, map, "protocol", node_str(w->a, p->protocol, at));
	return map;
}

static int by_target_text(const void *a, const void *b)
{
	return strcmp(node_get_text(*(struct node *const *)a, "target"),
		      node_get_text(*(struct node *const *)b, "target"));
}

static int push_ports(struct walk *w, struct node *seq, struct node *n, struct err *e)
{
	size_t first = seq->kids.n;
	struct port_spec p;
	int r = parse_port(w, n, &p, e);

	if (r < 0)
		return r;
	if (first + p.to - p.from > PORTS_MAX)
		return node_fail(n, e, "more than %d ports of one service", PORTS_MAX);
	for (unsigned i = 0; i <= p.to - p.from; i++)
		node_push(w->a, seq, port_entry(w, &p, i, n));
	/* docker compose lists a range in the order of its texts; tools compare with that. */
	qsort(seq->kids.v + first, seq->kids.n - first, sizeof(*seq->kids.v), by_target_text);
	return 0;
}

int short_ports(struct walk *w, struct node **n, struct err *e)
{
	struct node *seq = node_new(w->a, NODE_SEQ, *n);

	seq->quoted = true; /* an empty one is printed as [], not as null */
	vec_each(k, &(*n)->kids) {
		int r = 0;

		if ((*k)->kind == NODE_SCALAR && ((*k)->type == TYPE_STR || (*k)->type == TYPE_INT))
			r = push_ports(w, seq, *k, e);
		else if ((*k)->kind == NODE_SCALAR)
			r = bad_port(*k, e, "not a port", "");
		else
			node_push(w->a, seq, *k);
		if (r < 0)
			return w->raw ? 0 : r; /* "${PORT}:80": all of them stay as they are */
	}
	*n = seq;
	return 0;
}

/* The long form: published may be a number, mode and protocol have defaults. */
int short_port_map(struct walk *w, struct node **n, struct err *e)
{
	struct node *published = node_get(*n, "published"), *ip = node_get(*n, "host_ip");

	if ((*n)->kind != NODE_MAP)
		return 0;
	if (published && published->kind == NODE_SCALAR && published->type == TYPE_INT && !w->raw) {
		published->type = TYPE_STR;
		published->quoted = true;
	}
	if (node_text(ip) && !is_address(ip->text))
		return node_fail(ip, e, "\"%s\" is no IP address", ip->text);
	if (!node_get(*n, "mode"))
		node_set(w->a, *n, "mode", node_str(w->a, "ingress", *n));
	if (!node_get(*n, "protocol"))
		node_set(w->a, *n, "protocol", node_str(w->a, "tcp", *n));
	return 0;
}

/* ---- volumes ------------------------------------------------------------------------------ */

static bool is_path(const char *s)
{
	return *s && (strchr("./~", *s) || text_starts(s, "\\\\") ||
		      (isalpha((unsigned char)s[0]) && s[1] == ':' && s[2] == '\\'));
}

static int bad_mount(const struct node *n, const char *why, struct err *e)
{
	node_fail(n, e, "volume \"%s\": %s", n->text, why);
	return err_hint(e, "write SOURCE:TARGET, SOURCE:TARGET:ro, or the long form");
}

static void mount_option(struct walk *w, struct node *map, struct node *bind, struct node *volume,
			 struct span o, const struct node *at)
{
	static const char *const spread[] = {"private", "rprivate", "shared",
					     "rshared", "slave",    "rslave"};
	const char *text = span_dup(w->a, o);

	for (size_t i = 0; i < countof(spread); i++) {
		if (!strcmp(spread[i], text))
			node_set(w->a, bind, "propagation", node_str(w->a, text, at));
	}
	if (!strcmp(text, "ro"))
		node_set(w->a, map, "read_only", node_typed(w->a, TYPE_BOOL, "true", at));
	else if (!strcmp(text, "z") || !strcmp(text, "Z"))
		node_set(w->a, bind, "selinux", node_str(w->a, text, at));
	else if (!strcmp(text, "nocopy"))
		node_set(w->a, volume, "nocopy", node_typed(w->a, TYPE_BOOL, "true", at));
	else if (strcmp(text, "rw") && !node_get(bind, "propagation"))
		walk_warn(w, at, "volume option \"%s\" is not known and has no effect", text);
}

/* Up to three fields between colons; "C:\x" keeps its own. */
static int cut_mount(struct walk *w, const struct node *n, const char *field[3], struct err *e)
{
	const char *s = n->text, *start = s;
	size_t count = 0, open = 0;

	for (;; s++) {
		bool drive = s == start + 1 && *s == ':' && s[1] == '\\' &&
			     isalpha((unsigned char)*start);

		open += s[0] == '$' && s[1] == '{';
		open -= open && *s == '}';
		if ((*s && *s != ':') || drive || (open && *s))
			continue; /* the colon of ${NAME:-word} belongs to it */
		if (s == start)
			return bad_mount(n, "there is nothing between two colons", e);
		if (count == 3)
			return bad_mount(n, "there are too many colons", e);
		field[count++] = arena_strndup(w->a, start, (size_t)(s - start));
		if (!*s)
			return 0;
		start = s + 1;
	}
}

static struct node *mount_entry(struct walk *w, const struct node *n, const char *field[3])
{
	struct node *map = node_new(w->a, NODE_MAP, n), *bind = node_new(w->a, NODE_MAP, n),
		    *volume = node_new(w->a, NODE_MAP, n);
	const char *source = field[1] ? field[0] : NULL, *target = field[1] ? field[1] : field[0];
	bool path = source && is_path(source);
	struct span rest, head;

	node_set(w->a, map, "type", node_str(w->a, path ? "bind" : "volume", n));
	if (source)
		node_set(w->a, map, "source", node_str(w->a, source, n));
	node_set(w->a, map, "target", node_str(w->a, target, n));
	if (field[2]) {
		rest = span_of(field[2]);
		while (rest.n) {
			span_cut(&rest, ',', &head);
			mount_option(w, map, bind, volume, head, n);
		}
	}
	if (path)
		node_set(w->a, bind, "create_host_path", node_typed(w->a, TYPE_BOOL, "true", n));
	if (path || bind->kids.n)
		node_set(w->a, map, "bind", bind);
	if ((!path && strlen(n->text) > 2) || volume->kids.n)
		node_set(w->a, map, "volume", volume);
	return map;
}

int short_volume(struct walk *w, struct node **n, struct err *e)
{
	const char *field[3] = {NULL, NULL, NULL};
	int r;

	if ((*n)->kind != NODE_SCALAR) {
		if ((*n)->kind == NODE_MAP && !node_get(*n, "target") && !w->raw) {
			node_fail(*n, e, "\"target\" is missing here");
			return err_hint(e, "name the absolute path in the container");
		}
		return 0;
	}
	if (!(*n)->text[0])
		return bad_mount(*n, "it is empty", e);
	field[0] = (*n)->text; /* one or two characters are a target, whatever they are */
	r = strlen((*n)->text) > 2 ? cut_mount(w, *n, field, e) : 0;
	if (r < 0)
		return r;
	*n = mount_entry(w, *n, field);
	return 0;
}
