/* Other instances of this server, through a Redis channel: what one relays, all relay; who is there
 * each tells every few seconds, so that a killed one's clients are forgotten. */
#define _GNU_SOURCE
#include "opty.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	struct buf first = {0};

	p->hear = net_connect(p->host, p->port, 2000);
	p->say = p->hear < 0 ? -1 : net_connect(p->host, p->port, 2000);
	if (p->say < 0) {
		fprintf(stderr, "cannot reach Redis: %s\n", strerror(errno));
		if (p->hear >= 0)
			close(p->hear);
		p->hear = -1;
		return;
	}
	p->in.n = p->out.n = 0;
	if (p->password) {
		say_command(&first, "AUTH", p->password, NULL);
		say_command(&p->out, "AUTH", p->password, NULL);
	}
	say_command(&first, "SUBSCRIBE", channel, NULL);
	net_write(p->hear, &first);
	buf_free(&first);
	p->beat_at = 0;
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

static void changed(struct server *s)
{
	json_t *names = event_names(s);

	event_broadcast(s, NULL, "presence", names);
	json_decref(names);
}

static void heard(struct server *s, const char *text, size_t n)
{
	json_t *message = json_loadb(text, n, 0, NULL), *names = json_object_get(message, "names");
	const char *by = json_string_value(json_object_get(message, "by"));
	const char *event = json_string_value(json_object_get(message, "event"));
	struct peer *p;

	if (by && strcmp(by, s->id) && event) {
		event_broadcast(s, NULL, event, json_object_get(message, "value"));
	} else if (by && strcmp(by, s->id) && json_is_array(names)) {
		p = peer(s, by);
		p->until = s->now + 3 * BEAT_MS;
		if (!json_equal(p->names, names)) {
			json_decref(p->names);
			p->names = json_incref(names);
			changed(s);
		}
	}
	json_decref(message);
}

/* One reply of Redis from the front: only the last text of an array is of interest. 0: not all there. */
static size_t reply_size(const struct buf *b, size_t at, const char **text, size_t *size)
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
	for (long i = 0; *p == '*' && i < count; i++) {
		n = reply_size(b, at + used, text, size);
		if (!n)
			return 0;
		used += n;
	}
	return used;
}

static void lost(struct server *s)
{
	fprintf(stderr, "Redis has gone\n");
	close(s->peers.hear);
	close(s->peers.say);
	s->peers.hear = s->peers.say = -1;
	s->peers.retry_at = s->now + 1000;
}

void peers_input(struct server *s)
{
	struct buf ignored = {0};
	const char *text = NULL;
	size_t size = 0, n;
	int r = net_read(s->peers.hear, &s->peers.in);

	while (r >= 0 && s->peers.in.n && (n = reply_size(&s->peers.in, 0, &text, &size))) {
		if (text && s->peers.in.p[0] == '*')
			heard(s, text, size);
		text = NULL;
		buf_take(&s->peers.in, n);
	}
	if (r >= 0)
		r = net_read(s->peers.say, &ignored);
	buf_free(&ignored);
	if (r < 0)
		lost(s);
}

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
		changed(s);
	}
	if (p->host && p->say < 0 && !s->stopping && s->now >= p->retry_at) {
		p->retry_at = s->now + 2000;
		dial(s);
	}
	if (p->say >= 0 && s->now >= p->beat_at)
		beat(s);
	if (p->say >= 0 && net_write(p->say, &p->out) < 0)
		lost(s);
}
