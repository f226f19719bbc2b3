// Connections, logging, health and an orderly end: the same in every process.
import { readFileSync } from 'fs';
import { createServer, IncomingMessage, ServerResponse } from 'http';
import { hostname } from 'os';
import path from 'path';
import amqp from 'amqplib';
import Redis from 'ioredis';
import { MongoClient } from 'mongodb';
import { BrokerAsPromised as Broker, withDefaultConfig } from 'rascal';

export function setting(name: string, fallback: string): string {
	const file = process.env[`${name}_FILE`];
	return file ? readFileSync(file, 'utf8').trim() : process.env[name] ?? fallback;
}

export function log(level: string, message: string, more: object = {}): void {
	console.log(JSON.stringify({ time: new Date().toISOString(), level, instance: hostname(), message, ...more }));
}

// dist-server, where the profiles lie
export const home = path.resolve(__dirname, '../..');

const queueUrl = () => setting('RABBITMQ_URL', 'amqp://guest:guest@rabbitmq:5672');

export async function connect(vhostConfig: string) {
	const mongo = new MongoClient(setting('MONGO_URL', 'mongodb://mongo-repl-1:27017/srvthreds?directConnection=true'),
		{ serverSelectionTimeoutMS: 5000 });
	await mongo.connect();
	const redis = new Redis(setting('REDIS_URL', 'redis://redis:6379'), { maxRetriesPerRequest: null });
	redis.on('error', (e) => log('error', `redis: ${e.message}`));
	// Rascal makes the exchanges and queues that the file names; {{HOST}} is this instance.
	const text = readFileSync(path.join(home, 'run-profiles', vhostConfig), 'utf8').replaceAll('{{HOST}}', hostname());
	const config = JSON.parse(text);
	config.vhosts['/'].connection = { url: queueUrl(),
		retry: { min: 500, max: 5000, factor: 2, strategy: 'exponential' } };
	const broker = await Broker.create(withDefaultConfig(config));
	broker.on('error', (e: Error) => log('error', `broker: ${e.message}`));
	return { mongo, db: mongo.db(), redis, broker };
}
export type Connections = Awaited<ReturnType<typeof connect>>;

export async function publish(broker: Broker, publication: string, body: object, options: object = {}) {
	const sent = await broker.publish(publication, body, options);
	await new Promise<void>((resolve, reject) => sent.on('success', () => resolve()).on('error', reject));
}

// A lost connection is told, and Rascal makes it anew.
export async function subscribe(broker: Broker, name: string) {
	const session = await broker.subscribe(name);
	return session.on('error', (e: Error) => log('error', `${name}: ${e.message}`));
}

async function troubles({ db, redis }: Connections) {
	const found: Record<string, string> = {};
	const check = (name: string, p: Promise<unknown>) => p.catch((e: Error) => { found[name] = e.message; });
	const soon = new Promise((_, no) => setTimeout(() => no(new Error('no answer')), 3000).unref());
	await Promise.all([check('mongo', Promise.race([db.command({ ping: 1 }), soon])),
		check('redis', Promise.race([redis.ping(), soon])),
		check('rabbitmq', amqp.connect(queueUrl(), { timeout: 3000 }).then((c) => c.close()))]);
	return found;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

// Serves /health, and what `answer` knows; the correlation id of a request is that of its answer.
export function serve(port: number, connections: Connections, answer: Answer = async () => false) {
	return createServer(async (request, response) => {
		const id = request.headers['x-request-id'];
		if (id) response.setHeader('X-Request-ID', id);
		response.setHeader('Content-Type', 'application/json');
		try {
			if (request.url === '/health') {
				const found = await troubles(connections);
				response.writeHead(Object.keys(found).length ? 503 : 200).end(JSON.stringify({ instance: hostname(), ...found }));
			} else if (!(await answer(request, response))) {
				response.writeHead(404).end('{}');
			}
		} catch (e) {
			response.writeHead(400).end(JSON.stringify({ error: (e as Error).message }));
		}
	}).listen(port);
}

export async function body(request: IncomingMessage): Promise<unknown> {
	let text = '';
	for await (const part of request) {
		text += part;
		if (text.length > 65536) throw new Error('too long');
	}
	return JSON.parse(text);
}

// Messages in hand are done before the end; what is not acknowledged goes to another replica.
export function endOn(connections: Connections): void {
	process.on('SIGTERM', async () => {
		log('info', 'stopping');
		await connections.broker.shutdown().catch(() => undefined);
		await connections.mongo.close();
		connections.redis.disconnect();
		process.exit(0);
	});
}

export function run(main: () => Promise<void>): void {
	main().catch((e: Error) => {
		log('error', e.stack ?? e.message);
		process.exit(1);
	});
}
