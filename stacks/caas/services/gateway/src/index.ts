// The gateway: an HTTP interface on 3000, metrics on 3001. Messages are kept in MongoDB and announced
// on Kafka; Redis counts requests for the limit of each caller.
import { randomUUID } from 'crypto';
import { createServer, IncomingMessage, ServerResponse } from 'http';
import Redis from 'ioredis';
import jwt from 'jsonwebtoken';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import client from 'prom-client';

const env = (name: string, fallback = ''): string => process.env[name] || fallback;
const log = (level: string, message: string) =>
	console.log(JSON.stringify({ time: new Date().toISOString(), level, message }));

const mongo = new MongoClient(env('MONGO_URL'), { serverSelectionTimeoutMS: 3000 });
const redis = new Redis(env('REDIS_URL'), { maxRetriesPerRequest: 1 });
redis.on('error', (e) => log('error', `redis: ${e.message}`));
const kafka = new Kafka({ clientId: 'gateway', brokers: env('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING,
	retry: { retries: 2 }, connectionTimeout: 3000, requestTimeout: 5000 });
const producer = kafka.producer();
const admin = kafka.admin();
const limit = Number(env('RATE_LIMIT_PER_MINUTE', '600'));
const origins = env('CORS_ORIGINS').split(',').map((s) => s.trim());

const registry = new client.Registry();
client.collectDefaultMetrics({ register: registry });
for (const name of ['handles', 'requests', 'resources']) // called totals, though they go up and down
	registry.removeSingleMetric(`nodejs_active_${name}_total`);
const requests = new client.Counter({ name: 'gateway_http_requests_total', help: 'Requests answered',
	labelNames: ['route', 'status'], registers: [registry] });

interface Message { _id: string; room: string; text: string; from: string; at: Date }
const messages = () => mongo.db().collection<Message>('messages');

class Refusal extends Error {
	constructor(readonly status: number, message: string) { super(message); }
}

function within<T>(ms: number, p: Promise<T>): Promise<T> {
	return Promise.race([p, new Promise<never>((_, no) => setTimeout(() => no(new Error('no answer')), ms).unref())]);
}

async function health(): Promise<Record<string, string>> {
	const found: Record<string, string> = { mongodb: 'ok', redis: 'ok', kafka: 'ok' };
	const check = (name: string, p: Promise<unknown>) => within(3500, p).catch((e: Error) => { found[name] = e.message; });
	await Promise.all([check('mongodb', messages().findOne({}, { projection: { _id: 1 } })),
		check('redis', redis.ping()), check('kafka', admin.describeCluster())]);
	return found;
}

async function body(request: IncomingMessage): Promise<Record<string, unknown>> {
	let text = '';
	request.setEncoding('utf8');
	// Who sends too much hears of it: the request stays open for the answer.
	for await (const part of request.iterator({ destroyOnReturn: false })) {
		text += part;
		if (text.length > 65536) throw new Refusal(413, 'too long');
	}
	try {
		return Object(JSON.parse(text));
	} catch {
		throw new Refusal(400, 'not JSON');
	}
}

async function caller(request: IncomingMessage): Promise<string> {
	const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
	let user: unknown;
	try {
		user = jwt.verify(token, env('JWT_SECRET'), { algorithms: ['HS256'] }).sub;
	} catch { /* nobody */ }
	if (typeof user !== 'string') throw new Refusal(401, 'a valid token is needed');
	const key = `rate:${user}:${Math.floor(Date.now() / 60_000)}`;
	const [[, count]] = (await redis.multi().incr(key).expire(key, 120).exec()) as [[null, number]];
	if (count > limit) throw new Refusal(429, 'too many requests');
	return user;
}

async function postMessage(request: IncomingMessage): Promise<object> {
	const from = await caller(request);
	const { room, text } = await body(request);
	if (typeof room !== 'string' || typeof text !== 'string') throw new Refusal(400, 'room and text');
	const message: Message = { _id: randomUUID(), room, text, from, at: new Date() };
	await messages().insertOne(message);
	await producer.send({ topic: 'messages', acks: -1, messages: [{ key: room, value: JSON.stringify(message) }] });
	return { id: message._id };
}

const routes: Record<string, (request: IncomingMessage) => Promise<object>> = {
	'POST /api/messages': postMessage,
	'GET /api/messages': async (request) => {
		await caller(request);
		const room = new URL(request.url ?? '/', 'http://x').searchParams.get('room') ?? '';
		return messages().find({ room }).sort({ at: -1 }).limit(100).toArray();
	},
};

async function answer(request: IncomingMessage, response: ServerResponse) {
	const path = (request.url ?? '/').split('?')[0], route = `${request.method} ${path}`;
	const origin = request.headers.origin;
	if (origin && origins.includes(origin)) response.setHeader('Access-Control-Allow-Origin', origin);
	response.setHeader('Content-Type', 'application/json');
	const reply = (status: number, content: object) => {
		// The rest of what was too long is not read; who is on the way out keeps no connection.
		if (!request.complete || !web.listening) response.setHeader('Connection', 'close');
		response.writeHead(status).end(JSON.stringify(content));
	};
	try {
		if (path === '/health') {
			const found = await health();
			reply(Object.values(found).every((v) => v === 'ok') ? 200 : 503, found);
		} else if (routes[route]) {
			reply(request.method === 'POST' ? 201 : 200, await routes[route](request));
		} else {
			reply(404, { error: 'no such page' });
		}
	} catch (e) {
		const status = e instanceof Refusal ? e.status : 500;
		if (status === 500) log('error', `${route}: ${(e as Error).message}`);
		reply(status, { error: (e as Error).message });
	}
	requests.inc({ route: routes[route] || path === '/health' ? route : 'other', status: response.statusCode });
}

// Until the first success; the database's user is made while this waits.
async function persist(name: string, connect: () => Promise<unknown>) {
	for (;;) {
		try {
			await connect();
			return log('info', `${name} is reached`);
		} catch (e) {
			log('error', `${name}: ${(e as Error).message}`);
			await new Promise((next) => setTimeout(next, 2000));
		}
	}
}

const web = createServer(answer).listen(3000);
const metrics = createServer(async (_, response) => {
	const text = await registry.metrics().catch((e: Error) => { log('error', e.message); response.statusCode = 500; });
	response.setHeader('Content-Type', registry.contentType).end(text);
}).listen(3001);
persist('mongodb', () => mongo.connect());
persist('kafka', async () => { await producer.connect(); await admin.connect(); });

// What is under way is answered; the default grace is ten seconds.
process.on('SIGTERM', () => {
	log('info', 'draining');
	metrics.close();
	web.close(async () => {
		await Promise.allSettled([producer.disconnect(), admin.disconnect(), mongo.close()]);
		process.exit(0);
	});
	setTimeout(() => process.exit(0), 8000).unref();
});
