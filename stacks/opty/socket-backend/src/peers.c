/* Other instances of this server, through a Redis channel: what one relays, all relay; who is there
 * each tells every few seconds, so that a killed one's clients are forgotten. */
#include "opty.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_MS = 2000, BACKLOG = 16 * PACKET_MAX, DEEPEST = 4 };
static const char channel[] = "opty";

static void say_command(struct buf *b, const char *first, const char *second, const char *third)
{
	const char *words[] = {first, second, third};

	buf_printf(b, "*%d\r\n", third ? 3 : 2);
	for (int i = 0; i < (third ? 3 : 2); i++)
		buf_printf(b, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
}

static void dial(struct server *s)
{
	struct peers *p = &s->peers;

	p->retry_at = s->now + RETRY_MS;
	p->hear = net_begin(p->host, p->port, p->attempt);
	p->say = p->hear < 0 ? -1 : net_begin(p->host, p->port, p->attempt);
	p->attempt++;
	if (p->say < 0) {
		fprintf(stderr, "cannot reach Redis: %s\n", strerror(errno));
		if (p->hear >= 0)
			close(p->hear);
		p->hear = -1;
		return;
	}
	p->in.n = p->out.n = p->first.n = 0;
	if (p->password) {
		say_command(&p->first, "AUTH", p->password, NULL);
		say_command(&p->out, "AUTH", p->password, NULL);
	}
	say_command(&p->first, "SUBSCRIBE", channel, NULL);
	p->beat_at = 0;
	p->heard_by = s->now + 3 * BEAT_MS;
}

/* redis://[:PASSWORD@]HOST[:PORT] */
void peers_start(struct server *s, const char *url)
{
	const char *p, *at = strchr(url, '@');
	size_t n;

	if (strncmp(url, "redis://", strlen("redis://")))
		return;
	p = url + strlen("redis://");
	if (at) {
		p += *p == ':';
		s->peers.password = strndup(p, (size_t)(at - p));
		p = at + 1;
	}
	n = strcspn(p, ":/");
	s->peers.host = strndup(p, n);
	s->peers.port = p[n] == ':' ? strndup(p + n + 1, strcspn(p + n + 1, "/")) : strdup("6379");
	dial(s);
}

static void send_text(struct server *s, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	if (s->peers.say >= 0)
		say_command(&s->peers.out, "PUBLISH", channel, text);
	free(text);
	json_decref(message);
}

void peers_say(struct server *s, const char *event, json_t *value)
{
	send_text(s, json_pack("{s:s, s:s, s:O}", "by", s->id, "event", event, "value", value));
}

static void beat(struct server *s)
{
	json_t *names = json_array();

	for (const struct session *x = s->sessions; x; x = x->next) {
		if (x->connected && x->name)
			json_array_append_new(names, json_string(x->name));
	}
	send_text(s, json_pack("{s:s, s:o}", "by", s->id, "names", names));
	s->peers.beat_at = s->now + BEAT_MS;
}

static struct peer *peer(struct server *s, const char *id)
{
	struct peer *p = s->peers.all;

	while (p && strcmp(p->id, id))
		p = p->next;
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	snprintf(p->id, sizeof(p->id), "%s", id);
	p->names = json_array();
	p->next = s->peers.all;
	s->peers.all = p;
	return p;
}

static void heard(struct server *s, const char *text, size_t n)
{
	json_t *message = json_loadb(text, n, 0, NULL), *names = json_object_get(message, "names");
	const char *by = json_string_value(json_object_get(message, "by"));
	const char *event = json_string_value(json_object_get(message, "event"));
	bool other = by && strlen(by) == ID_CHARS && strcmp(by, s->id);
	struct peer *p;

	if (other && event) {
		event_broadcast(s, NULL, event, json_object_get(message, "value"));
	} else if (other && json_is_array(names)) {
		p = peer(s, by);
		p->until = s->now + 3 * BEAT_MS;
		if (!json_equal(p->names, names)) {
			json_decref(p->names);
			p->names = json_incref(names);
			s->presence_due = true;
		}
	}
	json_decref(message);
}

/* One reply of Redis from the front: only the last text of an array is of interest. 0: not all
 * there, or nested as no reply of its is. */
static size_t reply_size(const struct buf *b, size_t at, int depth, const char **text, size_t *size)
{
	char *p = b->p + at, *line = at < b->n ? memmem(p, b->n - at, "\r\n", 2) : NULL;
	size_t used = line ? (size_t)(line - p) + 2 : 0, n = used;
	long count = line ? strtol(p + 1, NULL, 10) : 0;

	if (!line)
		return 0;
	if (*p == '$' && count >= 0) {
		used += (size_t)count + 2;
		*text = p + n;
		*size = (size_t)count;
		return at + used <= b->n ? used : 0;
	}
	if (*p == '*' && depth == DEEPEST)
		return 0;
	for (long i = 0; *p == '*' && i < count; i++) {
		n = reply_size(b, at + used, depth + 1, text, size);
		if (!n)
			return 0;
		used += n;
	}
	return used;
}

static void lost(struct server *s, const char *why)
{
	fprintf(stderr, "lost Redis: %s\n", why);
	close(s->peers.hear);
	close(s->peers.say);
	s->peers.hear = s->peers.say = -1;
	s->peers.out.n = 0;
}

/* Its complaints are said aloud: without the right password nothing else would tell. */
static void complaint(const char *p, size_t n)
{
	if (n && *p == '-')
		fprintf(stderr, "Redis: %.*s\n", (int)strcspn(p, "\r"), p);
}

void peers_input(struct server *s)
{
	struct peers *p = &s->peers;
	struct buf said = {0};
	const char *text = NULL;
	size_t size = 0, n;
	int r = net_read(p->hear, &p->in);

	if (r > 0)
		p->heard_by = s->now + 3 * BEAT_MS;
	while (r >= 0 && p->in.n && (n = reply_size(&p->in, 0, 0, &text, &size))) {
		if (text && p->in.p[0] == '*')
			heard(s, text, size);
		complaint(p->in.p, n);
		text = NULL;
		buf_take(&p->in, n);
	}
	if (p->in.n > BACKLOG)
		r = -1;
	if (r >= 0)
		r = net_read(p->say, &said);
	if (said.n)
		complaint(said.p, said.n);
	buf_free(&said);
	if (r < 0)
		lost(s, errno ? strerror(errno) : "the connection was closed");
}

/* What each instance says it hears itself, so a silent Redis is none. */
void peers_ticks(struct server *s)
{
	struct peers *p = &s->peers;

	for (struct peer **q = &p->all; *q;) {
		struct peer *gone = *q;

		if (s->now < gone->until) {
			q = &gone->next;
			continue;
		}
		*q = gone->next;
		json_decref(gone->names);
		free(gone);
		s->presence_due = true;
	}
	if (p->host && p->say < 0 && !s->stopping && s->now >= p->retry_at)
		dial(s);
	if (p->say < 0)
		return;
	if (s->now >= p->beat_at)
		beat(s);
	if (p->out.n > BACKLOG || s->now > p->heard_by)
		lost(s, "no answer in time");
	else if (net_write(p->hear, &p->first) < 0 || net_write(p->say, &p->out) < 0)
		lost(s, strerror(errno));
}
