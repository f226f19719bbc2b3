/* What a service's `logging` says, checked before the container starts. */
#include "base/when.h"
#include "supervise/logsend.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

enum { FILE_ = 1, LOCAL = 2, JOURNALD = 4, SYSLOG = 8, NONE = 16, SENT = JOURNALD | SYSLOG };
enum kind { TEXT, SIZE, COUNT, BOOL, TEMPLATE, FORMAT, MODE, PATTERN };

static const struct {
	const char *name;
	unsigned kind;
} drivers[] = {
	{"json-file", FILE_}, {"local", LOCAL}, {"journald", JOURNALD},
	{"syslog", SYSLOG},   {"none", NONE},
};

static const struct {
	const char *name;
	unsigned drivers;
	enum kind kind;
} options[] = {
	/* clang-format off */
	{"max-size",        FILE_ | LOCAL | SENT, SIZE},
	{"max-file",        FILE_ | LOCAL | SENT, COUNT},
	{"compress",        FILE_ | LOCAL | SENT, BOOL},
	{"labels",          FILE_ | SENT,         TEXT},
	{"labels-regex",    FILE_ | SENT,         PATTERN},
	{"env",             FILE_ | SENT,         TEXT},
	{"env-regex",       FILE_ | SENT,         PATTERN},
	{"tag",             FILE_ | SENT,         TEMPLATE},
	{"syslog-address",  SYSLOG,               TEXT},
	{"syslog-facility", SYSLOG,               TEXT},
	{"syslog-format",   SYSLOG,               FORMAT},
	{"mode",            ~0U,                  MODE},
	{"max-buffer-size", ~0U,                  SIZE},
	/* clang-format on */
};

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		if (!strcmp(s, words[k]))
			return true;
	}
	return false;
}

static bool is_pattern(const char *text)
{
	regex_t re;

	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
		return false;
	regfree(&re);
	return true;
}

static bool is_good(const struct instance *i, enum kind kind, const char *value)
{
	static const char *const bools[] = {"true", "false", "1", "0"};
	static const char *const modes[] = {"blocking", "non-blocking"};
	static const char *const formats[] = {"rfc3164", "rfc5424", "rfc5424micro"};
	struct err ignored;
	auto_buf tag = {0};
	int64_t n;

	switch (kind) {
	case SIZE:
		return !size_parse(value, &n, &ignored);
	case COUNT:
		return !text_to_i64(value, &n) && n >= 1;
	case BOOL:
		return is_one_of(value, bools, countof(bools));
	case MODE:
		return is_one_of(value, modes, countof(modes));
	case FORMAT:
		return is_one_of(value, formats, countof(formats));
	case PATTERN:
		return is_pattern(value);
	case TEMPLATE:
		return !logsend_tag(i, value, &tag, &ignored);
	default:
		return true;
	}
}

static int check_option(const struct instance *i, const char *driver, unsigned kind,
			const struct pair *o, struct err *e)
{
	for (size_t k = 0; k < countof(options); k++) {
		if (strcmp(options[k].name, o->key) || !(options[k].drivers & kind))
			continue;
		if (is_good(i, options[k].kind, o->value ? o->value : ""))
			return 0;
		return err_set(e, EINVAL, "log option %s: \"%s\" makes no sense", o->key,
			       o->value ? o->value : "");
	}
	return err_set(e, EINVAL, "unknown log option \"%s\" for the driver %s", o->key, driver);
}

int logsend_check(const struct instance *i, struct err *e)
{
	const char *driver = i->svc && i->svc->log_driver ? i->svc->log_driver : "json-file";
	unsigned kind = 0;
	int r = 0;

	for (size_t k = 0; k < countof(drivers); k++) {
		if (!strcmp(drivers[k].name, driver))
			kind = drivers[k].kind;
	}
	if (!kind) {
		err_set(e, ENOTSUP, "log driver \"%s\" is not supported", driver);
		err_at(e, "%s", i->svc->at ? i->svc->at : "");
		return err_hint(e, "use json-file, local, journald, syslog or none");
	}
	for (size_t k = 0; !r && kind != NONE && i->svc && k < i->svc->log_options.n; k++)
		r = check_option(i, driver, kind, &i->svc->log_options.v[k], e);
	return r < 0 ? err_at(e, "%s", i->svc->at ? i->svc->at : "") : 0;
}

/* --- the tag --- */

static const char *part_of_tag(struct arena *a, const struct instance *i, struct span name)
{
	const struct status *s = &i->st;
	char host[65] = "";

	if (span_is(name, ".ID"))
		return arena_printf(a, "%.12s", s->id);
	if (span_is(name, ".FullID"))
		return s->id;
	if (span_is(name, ".Name"))
		return s->name;
	if (span_is(name, ".ImageName"))
		return s->image ? s->image : "";
	if (span_is(name, ".ImageID"))
		return arena_printf(a, "%.12s", s->image_id ? s->image_id : "");
	if (span_is(name, ".ImageFullID"))
		return s->image_id ? s->image_id : "";
	if (span_is(name, ".DaemonName"))
		return "berth";
	if (span_is(name, ".Hostname") && !gethostname(host, sizeof(host) - 1))
		return arena_printf(a, "%s", host);
	return NULL;
}

int logsend_tag(const struct instance *i, const char *text, struct buf *out, struct err *e)
{
	auto_arena a = {0};
	const char *open, *close, *value;

	while ((open = strstr(text, "{{")) && (close = strstr(open, "}}"))) {
		struct span name = span_trim((struct span){open + 2, (size_t)(close - open) - 2});

		buf_add(out, text, (size_t)(open - text));
		value = part_of_tag(&a, i, name);
		if (!value) {
			err_set(e, EINVAL, "a log tag has no {{%.*s}}", (int)name.n, name.p);
			return err_hint(e, "it has .ID .FullID .Name .ImageName .ImageID "
					   ".ImageFullID .DaemonName .Hostname");
		}
		buf_str(out, value);
		text = close + 2;
	}
	buf_str(out, text);
	return 0;
}

/* --- labels and variables --- */

static bool is_listed(const char *list, const char *name)
{
	struct span rest = span_of(list ? list : ""), each;

	while (rest.n) {
		span_cut(&rest, ',', &each);
		if (span_is(span_trim(each), name))
			return true;
	}
	return false;
}

/* Those that the option lists, and those whose names its -regex finds, as docker does it. */
static void add_attributes(struct buf *out, const struct pairs *from, const char *list,
			   const char *pattern)
{
	regex_t re;
	bool found = pattern && *pattern && !regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);

	vec_each(p, from) {
		const char *value = p->value ? p->value : "";

		if (!is_listed(list, p->key) && !(found && !regexec(&re, p->key, 0, NULL, 0)))
			continue;
		buf_str(out, out->n ? "," : "{");
		buf_json(out, p->key, strlen(p->key));
		buf_char(out, ':');
		buf_json(out, value, strlen(value));
	}
	if (found)
		regfree(&re);
}

void logsend_attributes(const struct instance *i, struct buf *out)
{
	const struct pairs *o = i->svc ? &i->svc->log_options : NULL;
	struct err ignored;
	auto_buf tag = {0};

	if (!o || !o->n)
		return;
	add_attributes(out, &i->st.labels, pairs_get(o, "labels"), pairs_get(o, "labels-regex"));
	add_attributes(out, &i->svc->environment, pairs_get(o, "env"), pairs_get(o, "env-regex"));
	if (pairs_get(o, "tag") && !logsend_tag(i, pairs_get(o, "tag"), &tag, &ignored)) {
		buf_str(out, out->n ? ",\"tag\":" : "{\"tag\":");
		buf_json(out, tag.p, tag.n);
	}
	if (out->n)
		buf_char(out, '}');
}
