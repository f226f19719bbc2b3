#include "cli/words.h"
#include "base/file.h"
#include "base/vec.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* One word up to an unquoted blank; moves *s behind it. */
static int take_word(const char **s, struct buf *out, struct err *e)
{
	char quote = 0;

	for (; **s && (quote || !strchr(" \t\n", **s)); ++*s) {
		char c = **s;

		if (quote && c == quote)
			quote = 0;
		else if (!quote && (c == '\'' || c == '"'))
			quote = c;
		else if (c == '\\' && quote != '\'' && (*s)[1])
			buf_char(out, *++*s);
		else
			buf_char(out, c);
	}
	if (quote)
		return err_set(e, EINVAL, "a quote is not closed");
	return 0;
}

int words_split(struct arena *a, const char *s, struct strings *out, struct err *e)
{
	for (;;) {
		auto_buf word = {0};
		int r;

		s += strspn(s, " \t\n");
		if (!*s)
			return 0;
		buf_str(&word, "");
		r = take_word(&s, &word, e);
		if (r < 0)
			return r;
		*vec_push(a, out) = buf_take(a, &word);
	}
}

static int bad_port(const char *s, struct err *e)
{
	err_set(e, EINVAL, "\"%s\" is no port", s);
	return err_hint(e, "write HOST:CONTAINER, such as 8080:80 or 127.0.0.1:8080:80/tcp");
}

int words_port(struct arena *a, const char *s, json_t **out, struct err *e)
{
	struct span rest = span_of(s), head, protocol = span_of("tcp");
	const char *slash = strrchr(s, '/'), *colon;
	char *address, *published = arena_printf(a, "%s", "");
	uint64_t target;

	if (slash) {
		protocol = span_of(slash + 1);
		rest.n = (size_t)(slash - s);
	}
	address = span_dup(a, rest);
	colon = strrchr(address, ':');
	if (text_to_u64(colon ? colon + 1 : address, &target) < 0 || !target || target > 65535)
		return bad_port(s, e);
	rest = colon ? (struct span){address, (size_t)(colon - address)}
		     : (struct span){address, 0};
	head = (struct span){address, 0};
	if (colon) {
		const char *before = memrchr(rest.p, ':', rest.n);

		if (before)
			head = (struct span){rest.p, (size_t)(before - rest.p)};
		published =
			span_dup(a, before ? (struct span){before + 1, rest.n - head.n - 1} : rest);
	}
	if (published[strspn(published, "0123456789-")] ||
	    (!span_is(protocol, "tcp") && !span_is(protocol, "udp") && !span_is(protocol, "sctp")))
		return bad_port(s, e);
	if (head.n > 1 && head.p[0] == '[' && head.p[head.n - 1] == ']')
		head = (struct span){head.p + 1, head.n - 2};
	*out = json_pack("{s:s, s:s, s:I, s:s}", "host_ip", span_dup(a, head), "published",
			 published, "target", (json_int_t)target, "protocol",
			 span_dup(a, protocol));
	return 0;
}

const char *words_volume(struct arena *a, const char *s)
{
	char cwd[PATH_MAX];

	if (*s == '~' && s[1] == '/' && getenv("HOME"))
		return arena_printf(a, "%s%s", getenv("HOME"), s + 1);
	if (*s != '.' || !strchr(s, ':') || !getcwd(cwd, sizeof(cwd)))
		return s;
	return arena_printf(a, "%s/%s", cwd, text_starts(s, "./") ? s + 2 : s);
}

int words_env_file(struct arena *a, const char *path, struct strings *out, struct err *e)
{
	struct span text, line;
	bool more;
	int r = file_read(a, AT_FDCWD, path, 1 << 20, &text, e);

	if (r < 0)
		return r;
	do {
		more = span_cut(&text, '\n', &line);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = span_trim(line);
		if (line.n && *line.p != '#')
			*vec_push(a, out) = span_dup(a, line);
	} while (more);
	return 0;
}
