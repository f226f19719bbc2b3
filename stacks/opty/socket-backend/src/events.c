/* Socket.IO packets and what the server does with each event. */
#include "opty.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dump(json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void send_event(struct server *s, struct session *x, const char *text)
{
	struct buf packet = {0};

	buf_printf(&packet, "42%s", text);
	session_send(s, x, packet.p);
	buf_free(&packet);
}

static char *event_text(const char *event, json_t *value)
{
	json_t *all = value ? json_pack("[s, O]", event, value) : json_pack("[s]", event);
	char *text = dump(all);

	json_decref(all);
	return text;
}

void event_emit(struct server *s, struct session *x, const char *event, json_t *value)
{
	char *text = event_text(event, value);

	send_event(s, x, text);
	free(text);
}

void event_broadcast(struct server *s, const struct session *but, const char *event, json_t *value)
{
	char *text = event_text(event, value);

	for (struct session *x = s->sessions; x; x = x->next) {
		if (x != but && x->connected)
			send_event(s, x, text);
	}
	free(text);
}

static void acknowledge(struct server *s, struct session *x, long ack, json_t *value)
{
	struct buf packet = {0};
	char *text = dump(value);

	if (ack >= 0) {
		buf_printf(&packet, "43%ld[%s]", ack, text);
		session_send(s, x, packet.p);
	}
	free(text);
	buf_free(&packet);
}

/* ---- events ------------------------------------------------------------------------------- */

static void on_echo(struct server *s, struct session *x, json_t *value, long ack)
{
	acknowledge(s, x, ack, value);
}

/* To everybody else, here and on other instances, and into the database, which acknowledges. */
static void on_message(struct server *s, struct session *x, json_t *value, long ack)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value)) : dump(value);

	event_broadcast(s, x, "message", value);
	peers_say(s, "message", value);
	mongo_keep(s, x, text, ack);
	free(text);
}

static void on_join(struct server *s, struct session *x, json_t *value, long ack)
{
	json_t *names;

	if (!json_is_string(value) || json_string_length(value) > NAME_MAX_BYTES) {
		session_close(x);
		return;
	}
	free(x->name);
	x->name = strdup(json_string_value(value));
	event_moved(s);
	names = event_names(s);
	acknowledge(s, x, ack, names);
	json_decref(names);
}

static const struct {
	const char *name;
	void (*run)(struct server *s, struct session *x, json_t *value, long ack);
} events[] = {{"echo", on_echo}, {"message", on_message}, {"join", on_join}};

/* Who has joined, on all instances. */
json_t *event_names(const struct server *s)
{
	json_t *all = json_array();

	for (const struct session *x = s->sessions; x; x = x->next) {
		if (x->connected && x->name)
			json_array_append_new(all, json_string(x->name));
	}
	for (const struct peer *p = s->peers.all; p; p = p->next)
		json_array_extend(all, p->names);
	return all;
}

void event_moved(struct server *s)
{
	s->presence_due = true;
	s->peers.beat_at = 0;
}

/* Once a turn, however many came and went: tells the clients here. */
void event_presence(struct server *s)
{
	json_t *names;

	if (!s->presence_due)
		return;
	names = event_names(s);
	event_broadcast(s, NULL, "presence", names);
	json_decref(names);
	s->presence_due = false;
}

/* ---- packets ------------------------------------------------------------------------------ */

static void on_connect(struct server *s, struct session *x)
{
	struct buf packet = {0};
	long n = 0;

	for (const struct session *o = s->sessions; o; o = o->next)
		n += o->connected;
	if (n >= s->max_connections) {
		session_send(s, x, "44{\"message\":\"too many connections\"}");
		return;
	}
	x->connected = true;
	x->idle_at = s->now + s->timeout_ms;
	buf_printf(&packet, "40{\"sid\":\"%s\"}", x->socket_id);
	session_send(s, x, packet.p);
	buf_free(&packet);
}

static void on_disconnect(struct server *s, struct session *x)
{
	x->connected = false;
	x->idle_at = s->now + CONNECT_MS;
	if (x->name)
		event_moved(s);
}

static void on_event(struct server *s, struct session *x, const char *p, const char *end)
{
	char *rest = (char *)(size_t)p;
	long ack = p < end && *p >= '0' && *p <= '9' ? strtol(p, &rest, 10) : -1;
	json_t *packet = json_loadb(rest, (size_t)(end - rest), 0, NULL);
	const char *name = json_string_value(json_array_get(packet, 0));
	json_t *value = json_array_get(packet, 1);

	x->idle_at = s->now + s->timeout_ms;
	if (!name)
		session_close(x);
	for (size_t i = 0; name && value && i < sizeof(events) / sizeof(*events); i++) {
		if (!strcmp(events[i].name, name))
			events[i].run(s, x, value, ack);
	}
	json_decref(packet);
}

void event_packet(struct server *s, struct session *x, const char *p, size_t n)
{
	const char *end = p + n;
	struct buf packet = {0};

	if (n > 1 && p[1] == '/') { /* another namespace: there is none */
		if (*p == '0') {
			size_t name = strcspn(p + 1, ",?");

			buf_printf(&packet, "44%.*s,{\"message\":\"Invalid namespace\"}",
				   (int)(name < n - 1 ? name : n - 1), p + 1);
			session_send(s, x, packet.p);
			buf_free(&packet);
		}
		return;
	}
	if (n && *p == '0' && !x->connected)
		on_connect(s, x);
	else if (n && *p == '1')
		on_disconnect(s, x);
	else if (n && *p == '2' && x->connected)
		on_event(s, x, p + 1, end);
	else
		session_close(x);
}
