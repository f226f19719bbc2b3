// What a process holds once: its connections and its counters. Next.js loads a module anew in each
// of its bundles, so they hang on the global object.
import Redis, { type RedisOptions } from 'ioredis';
import { Pool } from 'pg';
import client from 'prom-client';
import { databaseUrl, redisUrl, setting } from './config';

// A connection to Redis. Without options what is asked of it waits until Redis is back.
export function connect(options: RedisOptions = { maxRetriesPerRequest: null }): Redis {
	const redis = new Redis(redisUrl(), options);
	redis.on('error', (e) => log('error', `redis: ${e.message}`));
	return redis;
}

function make() {
	const registry = new client.Registry();
	client.collectDefaultMetrics({ register: registry });
	const counter = (name: string, help: string, labelNames: string[]) =>
		new client.Counter({ name, help, labelNames, registers: [registry] });
	const pool = new Pool({ connectionString: databaseUrl(), max: Number(setting('DB_POOL_SIZE', '5')),
		connectionTimeoutMillis: 3000 });
	pool.on('error', (e) => log('error', `database: ${e.message}`));
	const redis = connect({ maxRetriesPerRequest: 1 });
	return {
		registry, pool, redis, stopping: false,
		requests: counter('octocode_http_requests_total', 'Requests answered', ['route', 'status']),
		tasks: counter('octocode_tasks_total', 'Tasks by outcome', ['outcome']),
		apiCalls: counter('octocode_ai_requests_total', 'Calls of the AI interface', ['status']),
		latency: new client.Histogram({ name: 'octocode_http_request_seconds', help: 'Time to answer',
			labelNames: ['route'], registers: [registry] }),
	};
}

type State = ReturnType<typeof make>;
const holder = globalThis as unknown as { octocode?: State };

export function state(): State {
	return (holder.octocode ??= make());
}

export function log(level: string, message: string, more: object = {}): void {
	console.log(JSON.stringify({ time: new Date().toISOString(), level, message, ...more }));
}

// What is wrong with what the process depends on; empty when nothing is.
export async function troubles(): Promise<Record<string, string>> {
	const { pool, redis } = state();
	const found: Record<string, string> = {};
	const check = (name: string, p: Promise<unknown>) =>
		p.catch((e: Error) => { found[name] = e.message || e.name; });
	await Promise.all([check('database', pool.query('select 1')), check('redis', redis.ping())]);
	return found;
}
