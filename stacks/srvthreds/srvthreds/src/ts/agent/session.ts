// Participants: WebSockets on 3000 (?participant=NAME), an HTTP interface on 3001. What a participant
// says becomes an event; messages for it come to whichever instance holds its socket.
import { randomUUID } from 'crypto';
import { IncomingMessage, ServerResponse } from 'http';
import { hostname } from 'os';
import { WebSocket, WebSocketServer } from 'ws';
import { Event, isEvent, Message } from '#thredlib';
import { body, Connections, endOn, log, publish, serve, setting, subscribe } from '../common';

const SEEN_MS = 30_000; // a participant whose instance was killed is forgotten by then

// "/?participant=NAME"; a path that is none names nobody.
function participant(url: string): string | null {
	try {
		return new URL(url, 'http://x').searchParams.get('participant');
	} catch {
		return null;
	}
}

export async function sessionAgent(connections: Connections, id: string): Promise<void> {
	const { broker, redis } = connections;
	const here = new Map<string, Set<WebSocket>>();
	const waiting = new Map<string, (result: object) => void>();

	const ingest = async (x: unknown, source: string) => {
		const event = { ...(x as object), source, id: randomUUID() } as Event;
		if (!isEvent(event)) throw new Error('an event has a type');
		await publish(broker, 'event', event);
		return event.id;
	};
	const request = async (task: unknown) => {
		const key = randomUUID();
		const answer = new Promise<object>((resolve, reject) => {
			waiting.set(key, resolve);
			setTimeout(() => reject(new Error('no answer in time')), 10_000).unref();
		}).finally(() => waiting.delete(key));
		await publish(broker, 'task', task as object, { options: { correlationId: key, replyTo: `session.${hostname()}` } });
		return answer;
	};

	// Who is there, on any instance: when it was seen last.
	const seen = `session:${id}`;
	const see = (...names: string[]) =>
		names.length ? redis.zadd(seen, ...names.flatMap((name) => [Date.now(), name])).catch(() => 0) : 0;
	setInterval(() => see(...here.keys()), SEEN_MS / 3).unref();

	const sockets = new WebSocketServer({ port: 3000, maxPayload: 65536 });
	sockets.on('connection', (socket, opening) => {
		const name = participant(opening.url ?? '/');
		socket.on('error', (e) => log('info', `socket: ${e.message}`)); // too long, or no WebSocket: it is closed
		if (!name) return socket.close(4001, 'who are you?');
		const mine = here.get(name) ?? new Set();
		here.set(name, mine.add(socket));
		void see(name);
		socket.on('message', (text) => {
			Promise.resolve().then(() => ingest(JSON.parse(String(text)), name))
				.catch((e: Error) => socket.send(JSON.stringify({ error: e.message })));
		});
		socket.on('close', () => {
			if (!mine.delete(socket) || mine.size > 0) return;
			here.delete(name);
			redis.zrem(seen, name).catch(() => 0);
		});
	});

	const incoming = await subscribe(broker, 'incoming');
	incoming.on('message', (m: { properties: { correlationId?: string } }, content: Message, ack: () => void) => {
		const result = waiting.get(m.properties.correlationId ?? '');
		if (result) result(content);
		else for (const name of content.to ?? [])
			for (const socket of here.get(name) ?? []) socket.send(JSON.stringify(content));
		ack();
	});

	const server = serve(Number(setting('HEALTH_PORT', '3001')), connections, async (q: IncomingMessage, r: ServerResponse) => {
		const route = `${q.method} ${q.url}`;
		if (route === 'GET /sessions') r.end(JSON.stringify(await redis.zrangebyscore(seen, Date.now() - SEEN_MS, '+inf')));
		else if (route === 'POST /events') {
			const id = await ingest(await body(q), 'http');
			r.writeHead(202).end(JSON.stringify({ id }));
		} else if (route === 'POST /tasks') r.end(JSON.stringify(await request(await body(q))));
		else return false;
		return true;
	});
	endOn(connections, server, () => {
		for (const socket of sockets.clients) socket.close(1001, 'going away');
		sockets.close();
	});
}
