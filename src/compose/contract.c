#include "compose/contract.h"
#include "base/when.h"
#include "compose/node.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

struct checking {
	struct arena *a;
	const struct project *p;
	const struct strings *profiles;
	struct strings *out;
	struct err *e;
	bool deciding; /* inside `if`: a variable that is not set has its default */
};

static const char *value_of(const struct checking *c, const char *name)
{
	const char *v = pairs_get(&c->p->environment, name);
	const struct node *rules;

	if (v && *v)
		return v;
	if (!c->deciding)
		return NULL;
	rules = node_get(node_get(c->p->x_berth, "env"), "properties");
	return node_get_text(node_get(rules, name), "default");
}

static bool is_secret(const struct node *rule)
{
	return node_true(node_get(rule, "secret"));
}

static void violation(const struct checking *c, const struct node *rule, const char *value,
		      const char *why)
{
	*vec_push(c->a, c->out) =
		is_secret(rule)
			? arena_printf(c->a, "%s %s (%s)", rule->key, why, node_at(c->a, rule))
			: arena_printf(c->a, "%s %s, not \"%s\" (%s)", rule->key, why, value,
				       node_at(c->a, rule));
}

/* ---- formats ------------------------------------------------------------------------------ */

static bool is_uri(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return isalpha((unsigned char)*s) && s[n] == ':' && s[n + 1] && !strpbrk(s, " <>\"");
}

static bool is_email(const char *s)
{
	const char *at = strchr(s, '@');

	return at && at != s && at[1] && strchr(at, '.') && !strpbrk(s, " ,;") &&
	       !strchr(at + 1, '@');
}

static bool is_port(const char *s)
{
	uint64_t v;

	return !text_to_u64(s, &v) && v > 0 && v < 65536;
}

static bool is_duration(const char *s)
{
	struct err e;
	int64_t v;

	return !when_parse_duration(s, &v, &e);
}

static bool is_bytes(const char *s)
{
	struct err e;
	int64_t v;

	return !size_parse(s, &v, &e);
}

static bool is_hostname(const char *s)
{
	size_t n = strlen(s);

	return n && n < 254 && isalnum((unsigned char)s[0]) && isalnum((unsigned char)s[n - 1]) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n &&
	       !strstr(s, "..");
}

static bool is_ipv4(const char *s)
{
	struct in_addr in;

	return inet_pton(AF_INET, s, &in) == 1;
}

static bool is_cron(const char *s)
{
	size_t fields = 0;

	if (*s == '@')
		return s[1];
	for (; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		if (strspn(s, "0123456789*/"
			      ",-?LW#abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") < n)
			return false;
		fields++;
		s += n;
	}
	return fields == 5;
}

static bool is_file(const char *s)
{
	return !access(s, R_OK);
}

static const struct {
	const char *name;
	bool (*fits)(const char *);
} formats[] = {
	{"uri", is_uri},           {"email", is_email}, {"port", is_port},
	{"duration", is_duration}, {"bytes", is_bytes}, {"hostname", is_hostname},
	{"ipv4", is_ipv4},         {"cron", is_cron},   {"file", is_file},
};

static int check_format(const struct checking *c, const struct node *rule, const struct node *n,
			const char *value)
{
	for (size_t i = 0; i < countof(formats); i++) {
		if (strcmp(formats[i].name, n->text))
			continue;
		if (!formats[i].fits(value))
			violation(c, rule, value, arena_printf(c->a, "must be a %s", n->text));
		return 0;
	}
	node_fail(n, c->e, "\"%s\" is no format", n->text);
	return err_hint(c->e,
			"known: uri, email, port, duration, bytes, hostname, ipv4, cron, file");
}

/* ---- keywords ----------------------------------------------------------------------------- */

static bool number(const char *s, double *out)
{
	char *end;

	*out = strtod(s, &end);
	return *s && !*end && isfinite(*out);
}

static int check_type(const struct checking *c, const struct node *rule, const struct node *n,
		      const char *value)
{
	double v;
	bool fits = true;

	if (node_is(n, "integer"))
		fits = number(value, &v) && v == floor(v);
	else if (node_is(n, "number"))
		fits = number(value, &v);
	else if (node_is(n, "boolean"))
		fits = !strcasecmp(value, "true") || !strcasecmp(value, "false");
	else if (!node_is(n, "string"))
		return node_fail(n, c->e, "\"type\" takes string, integer, number or boolean");
	if (!fits)
		violation(c, rule, value, arena_printf(c->a, "must be a %s", n->text));
	return 0;
}

static int check_list(const struct checking *c, const struct node *rule, const struct node *n,
		      const char *value)
{
	bool found = false, forbid = !strcmp(n->key, "forbid");

	if (n->kind != NODE_SEQ)
		return node_fail(n, c->e, "\"%s\" takes a list", n->key);
	vec_each(k, &n->kids)
		found |= node_is(*k, value);
	if (found == forbid)
		violation(c, rule, value,
			  forbid ? "still has a value that is forbidden"
				 : "is none of the values allowed");
	return 0;
}

static int check_bound(const struct checking *c, const struct node *rule, const struct node *n,
		       const char *value)
{
	bool length = strstr(n->key, "Length"), least = text_starts(n->key, "min");
	double have, bound;

	if (!node_text(n) || !number(n->text, &bound))
		return node_fail(n, c->e, "\"%s\" takes a number", n->key);
	if (length)
		have = (double)strlen(value);
	else if (!number(value, &have))
		return 0; /* its type says so already */
	if (least ? have < bound : have > bound)
		violation(c, rule, value,
			  arena_printf(c->a, "must %s at %s %s%s", length ? "be" : "be",
				       least ? "least" : "most", n->text, length ? " long" : ""));
	return 0;
}

static int check_pattern(const struct checking *c, const struct node *rule, const struct node *n,
			 const char *value)
{
	regex_t re;
	int r;

	if (!node_text(n) || regcomp(&re, n->text, REG_EXTENDED | REG_NOSUB))
		return node_fail(n, c->e, "\"pattern\" is no regular expression");
	r = regexec(&re, value, 0, NULL, 0);
	regfree(&re);
	if (r)
		violation(c, rule, value, "does not match its pattern");
	return 0;
}

static int check_const(const struct checking *c, const struct node *rule, const struct node *n,
		       const char *value)
{
	if (!node_is(n, value))
		violation(c, rule, value,
			  is_secret(rule)
				  ? "has another value than the rest of the environment implies"
				  : arena_printf(c->a, "must be \"%s\"",
						 node_text(n) ? n->text : ""));
	return 0;
}

static const struct {
	const char *name;
	int (*check)(const struct checking *, const struct node *rule, const struct node *,
		     const char *);
} keywords[] = {
	{"type", check_type},       {"enum", check_list},       {"forbid", check_list},
	{"const", check_const},     {"pattern", check_pattern}, {"minLength", check_bound},
	{"maxLength", check_bound}, {"minimum", check_bound},   {"maximum", check_bound},
	{"format", check_format},   {"secret", NULL},           {"default", NULL},
	{"profile", NULL},          {"description", NULL},      {"title", NULL},
	{"examples", NULL},
};

static int check_property(const struct checking *c, const struct node *rule)
{
	const char *value = value_of(c, rule->key), *profile = node_get_text(rule, "profile");
	const char *names[countof(keywords)], *best;

	if (rule->kind != NODE_MAP)
		return node_fail(rule, c->e, "the rules of %s are a mapping", rule->key);
	for (size_t i = 0; i < countof(keywords); i++)
		names[i] = keywords[i].name;
	vec_each(k, &rule->kids) {
		size_t i = 0;
		int r;

		while (i < countof(keywords) && strcmp(keywords[i].name, (*k)->key))
			i++;
		if (i == countof(keywords)) {
			best = text_nearest((*k)->key, names, countof(names));
			node_fail_key(*k, c->e, "no rule is called \"%s\"", (*k)->key);
			return best ? err_hint(c->e, "did you mean \"%s\"?", best) : -c->e->code;
		}
		if (!keywords[i].check || !value ||
		    (profile && !strings_have(c->profiles, profile)))
			continue;
		r = keywords[i].check(c, rule, *k, value);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A variable that is set and looks like the one that is not. */
static const char *meant(const struct checking *c, const char *name)
{
	const char *names[256], *best;
	size_t count = 0;

	vec_each(v, &c->p->environment) {
		if (count < countof(names) && *v->value && strcmp(v->key, name))
			names[count++] = v->key;
	}
	best = text_nearest(name, names, count);
	return best ? arena_printf(c->a, "; is %s meant?", best) : "";
}

static int check_required(const struct checking *c, const struct node *list, const char *because)
{
	if (list->kind != NODE_SEQ)
		return node_fail(list, c->e, "a list of variables is wanted here");
	vec_each(k, &list->kids) {
		if (!node_text(*k))
			return node_fail(*k, c->e, "the name of a variable is wanted here");
		if (!value_of(c, (*k)->text))
			*vec_push(c->a, c->out) = arena_printf(
				c->a, "%s is not set%s%s%s (%s)", (*k)->text,
				because ? ", but needed by " : "", because ? because : "",
				meant(c, (*k)->text), node_at(c->a, *k));
	}
	return 0;
}

static int check_schema(const struct checking *c, const struct node *schema);

static int check_properties(const struct checking *c, const struct node *rules,
			    const struct node *schema)
{
	int r = 0;

	(void)schema;
	vec_each(k, &rules->kids)
		r = r ? r : check_property(c, *k);
	return r;
}

static int check_needed(const struct checking *c, const struct node *list,
			const struct node *schema)
{
	(void)schema;
	return check_required(c, list, NULL);
}

static int check_dependent(const struct checking *c, const struct node *map,
			   const struct node *schema)
{
	int r = 0;

	(void)schema;
	vec_each(k, &map->kids) {
		if (!r && value_of(c, (*k)->key))
			r = check_required(c, *k, (*k)->key);
	}
	return r;
}

static int check_all(const struct checking *c, const struct node *list, const struct node *schema)
{
	int r = 0;

	(void)schema;
	if (list->kind != NODE_SEQ)
		return node_fail(list, c->e, "\"allOf\" takes a list");
	vec_each(k, &list->kids)
		r = r ? r : check_schema(c, *k);
	return r;
}

/* `if` complains of nothing: it decides whether `then` or `else` counts. */
static int check_if(const struct checking *c, const struct node *condition,
		    const struct node *schema)
{
	struct strings unmet = {0};
	struct checking quiet = *c;
	const struct node *branch;
	int r;

	quiet.out = &unmet;
	quiet.deciding = true;
	r = check_schema(&quiet, condition);
	branch = node_get(schema, unmet.n ? "else" : "then");
	return r || !branch ? r : check_schema(c, branch);
}

static const struct {
	const char *name;
	int (*check)(const struct checking *, const struct node *, const struct node *schema);
} parts[] = {
	{"required", check_needed},
	{"properties", check_properties},
	{"dependentRequired", check_dependent},
	{"allOf", check_all},
	{"if", check_if},
	{"then", NULL},
	{"else", NULL},
};

static int check_schema(const struct checking *c, const struct node *schema)
{
	int r = 0;

	if (schema->kind != NODE_MAP)
		return node_fail(schema, c->e, "a mapping is wanted here");
	vec_each(k, &schema->kids) {
		size_t i = 0;

		while (i < countof(parts) && strcmp(parts[i].name, (*k)->key))
			i++;
		if (i == countof(parts)) {
			node_fail_key(*k, c->e, "x-berth.env knows no \"%s\"", (*k)->key);
			return err_hint(c->e, "it takes required, properties, dependentRequired, "
					      "allOf, if, then and else");
		}
		r = r || !parts[i].check ? r : parts[i].check(c, *k, schema);
	}
	return r;
}

int contract_check(struct arena *a, const struct project *p, const struct strings *profiles,
		   struct strings *out, struct err *e)
{
	struct checking c = {a, p, profiles, out, e, false};
	const struct node *env = node_get(p->x_berth, "env");

	return env && !node_null(env) ? check_schema(&c, env) : 0;
}

/* ---- what is no breach, but a likely mistake ------------------------------------------------ */

/* The port of an address on the container's own loopback, or 0. */
static unsigned loopback_port(const char *value)
{
	static const char *const hosts[] = {
		"//localhost:", "//127.0.0.1:", "@localhost:", "@127.0.0.1:"};

	for (size_t i = 0; i < countof(hosts); i++) {
		const char *at = strstr(value, hosts[i]);

		if (at)
			return (unsigned)strtoul(at + strlen(hosts[i]), NULL, 10);
	}
	return 0;
}

/* The service that publishes this port of the host. */
static const struct port *publisher(const struct project *p, unsigned port,
				    const struct service **out)
{
	vec_each(s, &p->services) {
		vec_each(q, &s->ports) {
			const char *to = strchr(q->published ? q->published : "", '-');
			unsigned long from = strtoul(q->published ? q->published : "", NULL, 10);

			if (from && port >= from &&
			    port <= (to ? strtoul(to + 1, NULL, 10) : from)) {
				*out = s;
				return q;
			}
		}
	}
	return NULL;
}

static void note_loopback(struct arena *a, const struct project *p, const struct service *s,
			  struct strings *out)
{
	vec_each(v, &s->environment) {
		const struct service *other = NULL;
		unsigned port = v->value ? loopback_port(v->value) : 0;
		const struct port *q = port ? publisher(p, port, &other) : NULL;

		if (q && other != s && !(s->network_mode && !strcmp(s->network_mode, "host")))
			*vec_push(a, out) = arena_printf(
				a,
				"%s of %s names localhost:%u: inside a container that is the "
				"container itself; %s answers at %s:%lld",
				v->key, s->name, port, other->name, other->name,
				(long long)q->target);
	}
}

static bool has_secret(const struct project *p)
{
	const struct node *rules = node_path(node_get(p->x_berth, "env"), "properties");

	for (size_t i = 0; rules && i < rules->kids.n; i++) {
		if (is_secret(rules->kids.v[i]))
			return true;
	}
	return false;
}

void contract_notes(struct arena *a, const struct project *p, struct strings *out)
{
	bool secret = has_secret(p);
	struct stat st;

	vec_each(s, &p->services)
		note_loopback(a, p, s, out);
	vec_each(f, &p->env_files) {
		if (secret && !stat(*f, &st) && st.st_mode & 077)
			*vec_push(a, out) =
				arena_printf(a, "%s holds secrets and has mode %04o: chmod 600 %s",
					     *f, st.st_mode & 07777, *f);
	}
}

/* ---- example ------------------------------------------------------------------------------ */

static void example_rule(const struct node *rule, const char *key, const char *word,
			 struct buf *out)
{
	const struct node *n = node_get(rule, key);

	if (!n)
		return;
	buf_printf(out, "# %s", word);
	vec_each(k, &n->kids)
		buf_printf(out, "%s%s", k == n->kids.v ? "" : ", ", (*k)->text);
	buf_printf(out, "%s\n", node_text(n) ? n->text : "");
}

static void example_variable(const char *name, const struct node *rule, bool required,
			     const char *dflt, struct buf *out)
{
	const char *given = node_get_text(rule, "default");

	buf_char(out, '\n');
	example_rule(rule, "description", "", out);
	example_rule(rule, "type", "type: ", out);
	example_rule(rule, "format", "format: ", out);
	example_rule(rule, "enum", "one of: ", out);
	example_rule(rule, "pattern", "matches ", out);
	example_rule(rule, "minLength", "at least this long: ", out);
	example_rule(rule, "minimum", "at least ", out);
	example_rule(rule, "maximum", "at most ", out);
	if (is_secret(rule))
		buf_str(out, "# secret\n");
	given = given ? given : dflt;
	buf_printf(out, "%s%s=%s\n", required ? "" : "# ", name,
		   given && !is_secret(rule) ? given : "");
}

static bool is_required(const struct node *env, const char *name)
{
	const struct node *list = node_get(env, "required");

	for (size_t i = 0; list && i < list->kids.n; i++) {
		if (node_is(list->kids.v[i], name))
			return true;
	}
	return false;
}

static bool earlier_use(const struct project *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(p->uses.v[i].name, p->uses.v[n].name))
			return true;
	}
	return false;
}

int contract_example(const struct project *p, struct buf *out, struct err *e)
{
	const struct node *env = node_get(p->x_berth, "env"), *rules = node_get(env, "properties");
	const struct node *required = node_get(env, "required");

	(void)e;
	buf_printf(out, "# Variables of %s; copy to .env and fill in.\n", p->name);
	for (size_t i = 0; required && i < required->kids.n; i++) {
		const char *name = required->kids.v[i]->text;

		if (name && !node_get(rules, name))
			example_variable(name, NULL, true, NULL, out);
	}
	for (size_t i = 0; rules && i < rules->kids.n; i++)
		example_variable(rules->kids.v[i]->key, rules->kids.v[i],
				 is_required(env, rules->kids.v[i]->key), NULL, out);
	for (size_t i = 0; i < p->uses.n; i++) {
		const struct variable_use *u = &p->uses.v[i];
		bool dflt = strchr(u->op, '-');

		if (node_get(rules, u->name) || is_required(env, u->name) || earlier_use(p, i))
			continue;
		example_variable(u->name, NULL, !dflt && !strchr(u->op, '+'), dflt ? u->word : NULL,
				 out);
	}
	return 0;
}
