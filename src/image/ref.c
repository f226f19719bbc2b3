#include "image/ref.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { NAME_MAX_ = 255, TAG_MAX = 128 };

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool digest_valid(const char *s)
{
	if (strncmp(s, "sha256:", 7) || strlen(s) != DIGEST_LEN)
		return false;
	return strspn(s + 7, "0123456789abcdef") == 64;
}

static bool tag_valid(struct span t)
{
	if (!t.n || t.n > TAG_MAX || t.p[0] == '.' || t.p[0] == '-')
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (!is_alnum(t.p[i]) && t.p[i] != '_' && t.p[i] != '.' && t.p[i] != '-')
			return false;
	}
	return true;
}

/* Lower-case letters and digits, with ".", "_", "__" or dashes between. */
static bool component_valid(struct span c)
{
	size_t i = 0, from;

	if (!c.n || !is_lower_alnum(c.p[0]) || !is_lower_alnum(c.p[c.n - 1]))
		return false;
	while (i < c.n) {
		for (; i < c.n && is_lower_alnum(c.p[i]); i++)
			;
		for (from = i; i < c.n && !is_lower_alnum(c.p[i]); i++) {
			if (!memchr("._-", c.p[i], 3) || c.p[i] != c.p[from])
				return false;
		}
		if (i - from > 1 && c.p[from] != '-' && (c.p[from] == '.' || i - from > 2))
			return false;
	}
	return true;
}

static bool path_valid(struct span path)
{
	struct span part;
	bool more;

	do {
		more = span_cut(&path, '/', &part);
		if (!component_valid(part))
			return false;
	} while (more);
	return true;
}

static bool domain_valid(struct span d)
{
	struct span host, label;
	bool more = true;

	if (d.n && d.p[0] == '[') {
		const char *close = memchr(d.p, ']', d.n);

		if (!close)
			return false;
		for (const char *p = d.p + 1; p < close; p++) {
			if (!isxdigit((unsigned char)*p) && *p != ':')
				return false;
		}
		host = (struct span){close + 1, d.n - (size_t)(close + 1 - d.p)};
		if (host.n && host.p[0] != ':')
			return false;
		d = host.n ? (struct span){host.p + 1, host.n - 1} : (struct span){"0", 1};
		more = false;
	} else if (span_cut(&d, ':', &host) && !d.n) {
		return false;
	} else if (host.p + host.n == d.p + d.n) {
		d = (struct span){"0", 1};
	}
	for (size_t i = 0; i < d.n; i++) {
		if (d.p[i] < '0' || d.p[i] > '9')
			return false;
	}
	while (more) {
		more = span_cut(&host, '.', &label);
		if (!label.n || !is_alnum(label.p[0]) || !is_alnum(label.p[label.n - 1]))
			return false;
		for (size_t i = 0; i < label.n; i++) {
			if (!is_alnum(label.p[i]) && label.p[i] != '-')
				return false;
		}
	}
	return d.n <= 5;
}

static bool looks_like_domain(struct span s)
{
	if (span_is(s, "localhost"))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' || s.p[i] == ':' || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return true;
	}
	return false;
}

static int refuse(const char *s, const char *why, struct err *e)
{
	auto_buf shown = {0};

	buf_terminal(&shown, s, strnlen(s, 200));
	return err_set(e, EINVAL, "\"%s\" is not an image reference: %s", shown.n ? shown.p : "",
		       why);
}

/* Cuts ":tag" off the end: the last colon after the last slash. */
static bool cut_tag(struct span *s, struct span *tag)
{
	for (size_t i = s->n; i-- && s->p[i] != '/';) {
		if (s->p[i] != ':')
			continue;
		*tag = (struct span){s->p + i + 1, s->n - i - 1};
		s->n = i;
		return true;
	}
	return false;
}

static int split_name(struct arena *a, const char *s, struct span name, struct ref *out,
		      struct err *e)
{
	struct span rest = name, domain;

	if (span_cut(&rest, '/', &domain) && looks_like_domain(domain)) {
		if (!domain_valid(domain))
			return refuse(s, "the registry's name is not valid", e);
		if (span_is(domain, "index.docker.io"))
			domain = span_of("docker.io");
	} else {
		rest = name;
		domain = span_of("docker.io");
	}
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] >= 'A' && rest.p[i] <= 'Z')
			return refuse(s, "repository names are lower case", e);
	}
	if (!path_valid(rest))
		return refuse(s, "letters, digits and single . _ - are allowed between slashes", e);
	out->domain = span_dup(a, domain);
	out->path = span_is(domain, "docker.io") && !memchr(rest.p, '/', rest.n)
			    ? arena_printf(a, "library/%.*s", (int)rest.n, rest.p)
			    : span_dup(a, rest);
	if (strlen(out->domain) + strlen(out->path) + 1 > NAME_MAX_)
		return refuse(s, "the name is longer than 255 characters", e);
	return 0;
}

int ref_parse(struct arena *a, const char *s, struct ref *out, struct err *e)
{
	struct span name, digest = span_of(s), tag = {0};
	struct ref r = {0};
	int err;

	if (strlen(s) > 600)
		return refuse(s, "it is too long", e);
	if (span_cut(&digest, '@', &name)) {
		r.digest = span_dup(a, digest);
		if (!digest_valid(r.digest))
			return refuse(s, "the digest is not sha256: and 64 hex digits", e);
	} else {
		name = span_of(s);
	}
	if (cut_tag(&name, &tag)) {
		if (!tag_valid(tag))
			return refuse(s, "the tag is not valid", e);
		r.tag = span_dup(a, tag);
	} else if (!r.digest) {
		r.tag = "latest";
	}
	if (!name.n)
		return refuse(s, "the name is empty", e);
	err = split_name(a, s, name, &r, e);
	if (!err)
		*out = r;
	return err;
}

static char *repo_of(struct arena *a, const struct ref *r)
{
	return arena_printf(a, "%s/%s", r->domain, r->path);
}

static char *with_tail(struct arena *a, const char *repo, const struct ref *r)
{
	return arena_printf(a, "%s%s%s%s%s", repo, r->tag ? ":" : "", r->tag ? r->tag : "",
			    r->digest ? "@" : "", r->digest ? r->digest : "");
}

char *ref_full(struct arena *a, const struct ref *r)
{
	return with_tail(a, repo_of(a, r), r);
}

char *ref_short_repo(struct arena *a, const struct ref *r)
{
	if (strcmp(r->domain, "docker.io"))
		return repo_of(a, r);
	if (text_starts(r->path, "library/") && !strchr(r->path + 8, '/'))
		return arena_printf(a, "%s", r->path + 8);
	return arena_printf(a, "%s", r->path);
}

char *ref_short(struct arena *a, const struct ref *r)
{
	return with_tail(a, ref_short_repo(a, r), r);
}
