// Participants: WebSockets on 3000 (?participant=NAME), an HTTP interface on 3001. What a participant
// says becomes an event; messages for it come to whichever instance holds its socket.
import { randomUUID } from 'crypto';
import { IncomingMessage, ServerResponse } from 'http';
import { hostname } from 'os';
import { WebSocket, WebSocketServer } from 'ws';
import { Event, isEvent, Message } from '#thredlib';
import { body, Connections, log, publish, serve, setting, subscribe } from '../common';

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

	new WebSocketServer({ port: 3000, maxPayload: 65536 }).on('connection', (socket, opening) => {
		const name = new URL(opening.url ?? '/', 'http://x').searchParams.get('participant');
		if (!name) return socket.close(4001, 'who are you?');
		const mine = here.get(name) ?? new Set();
		here.set(name, mine.add(socket));
		redis.sadd(`session:${id}`, name).catch(() => undefined);
		socket.on('message', (text) => {
			Promise.resolve().then(() => ingest(JSON.parse(String(text)), name))
				.catch((e: Error) => socket.send(JSON.stringify({ error: e.message })));
		});
		socket.on('close', () => {
			if (mine.delete(socket) && mine.size === 0) here.delete(name);
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

	serve(Number(setting('HEALTH_PORT', '3001')), connections, async (q: IncomingMessage, r: ServerResponse) => {
		const route = `${q.method} ${q.url}`;
		if (route === 'GET /sessions') r.end(JSON.stringify([...here.keys()]));
		else if (route === 'POST /events') r.writeHead(202).end(JSON.stringify({ id: await ingest(await body(q), 'http') }));
		else if (route === 'POST /tasks') r.end(JSON.stringify(await request(await body(q))));
		else return false;
		return true;
	});
	log('info', `session ${id}`);
}
