// Connections, logging, health and an orderly end: the same in every process.
import { readFileSync } from 'fs';
import { createServer, IncomingMessage, Server, ServerResponse } from 'http';
import { hostname } from 'os';
import path from 'path';
import amqp from 'amqplib';
import Redis from 'ioredis';
import { MongoClient } from 'mongodb';
import { BrokerAsPromised as Broker, withDefaultConfig } from 'rascal';

// dist-server, where the profiles and .env lie
export const home = path.resolve(__dirname, '../..');
process.loadEnvFile(path.join(home, '.env')); // what is set already wins

export function setting(name: string, fallback?: string): string {
	const file = process.env[`${name}_FILE`];
	const value = file ? readFileSync(file, 'utf8').trim() : process.env[name] ?? fallback;
	if (value === undefined) throw new Error(`${name} is not set`);
	return value;
}

// -d, as the engine is started, tells details; LOG_LEVEL says otherwise.
const levels = ['debug', 'info', 'error'];
const least = levels.indexOf(setting('LOG_LEVEL', process.argv.includes('-d') ? 'debug' : 'info'));

export function log(level: 'debug' | 'info' | 'error', message: string, more: object = {}): void {
	if (levels.indexOf(level) < least) return;
	console.log(JSON.stringify({ time: new Date().toISOString(), level, instance: hostname(), message, ...more }));
}

const queueUrl = () => setting('RABBITMQ_URL');

export async function connect(vhostConfig: string) {
	const mongo = new MongoClient(setting('MONGO_URL'), { serverSelectionTimeoutMS: 5000 });
	await mongo.connect();
	const redis = new Redis(setting('REDIS_URL'), { maxRetriesPerRequest: null });
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
export function serve(port: number, connections: Connections, answer: Answer = async () => false): Server {
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
			if (!response.headersSent) response.writeHead(400);
			response.end(JSON.stringify({ error: (e as Error).message }));
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

// No new work, then what is in hand is done; what is not acknowledged goes to another replica.
export function endOn(connections: Connections, server: Server, close = () => {}): void {
	process.on('SIGTERM', async () => {
		log('info', 'stopping');
		close();
		const answered = new Promise((done) => server.close(done));
		server.closeIdleConnections();
		await Promise.race([answered, new Promise((done) => setTimeout(done, 3000))]);
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
