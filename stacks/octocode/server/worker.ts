// The worker: takes tasks from the queue in Redis, asks the AI interface, keeps the answer. A task
// is on the list "doing" of this worker until it is done, so that a killed worker loses none.
import { createServer } from 'http';
import { hostname } from 'os';
import { setting } from '../lib/config';
import { log, state, troubles } from '../lib/state';

const mine = `doing:${setting('WORKER_NAME', hostname())}`;

async function ask(prompt: string): Promise<string> {
	const base = setting('ANTHROPIC_BASE_URL', 'https://api.anthropic.com');
	const response = await fetch(`${base}/v1/messages`, {
		method: 'POST',
		headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01',
			'x-api-key': setting('ANTHROPIC_API_KEY') },
		body: JSON.stringify({ model: setting('ANTHROPIC_MODEL', 'claude-3-5-haiku-latest'), max_tokens: 500,
			messages: [{ role: 'user', content: prompt }] }),
		signal: AbortSignal.timeout(30_000),
	});
	state().apiCalls.inc({ status: response.status });
	if (!response.ok) throw new Error(`the AI interface answered ${response.status}`);
	const body = (await response.json()) as { content: { text: string }[] };
	return body.content.map((part) => part.text).join('');
}

async function work(id: string) {
	const { pool, tasks } = state();
	const { rows } = await pool.query(
		"update tasks set state = 'running' where id = $1 and state <> 'done' returning prompt", [id]);
	if (rows.length === 0) return;
	try {
		const result = await ask(rows[0].prompt);
		await pool.query("update tasks set state = 'done', result = $2 where id = $1", [id, result]);
		tasks.inc({ outcome: 'done' });
	} catch (e) {
		await pool.query("update tasks set state = 'failed', result = $2 where id = $1", [id, (e as Error).message]);
		tasks.inc({ outcome: 'failed' });
		log('error', `task ${id}: ${(e as Error).message}`);
	}
}

async function main() {
	const { redis, registry } = state();
	const queue = redis.duplicate({ maxRetriesPerRequest: null });
	queue.on('error', (e) => log('error', `queue: ${e.message}`));
	createServer(async (request, response) => {
		if (request.url === '/metrics') {
			response.setHeader('Content-Type', registry.contentType).end(await registry.metrics());
			return;
		}
		const found = await troubles();
		response.writeHead(Object.keys(found).length ? 503 : 200).end(JSON.stringify(found));
	}).listen(9464);
	process.on('SIGTERM', () => {
		log('info', 'stopping after the task in hand');
		state().stopping = true;
	});
	log('info', 'waiting for tasks');
	for (const id of await queue.lrange(mine, 0, -1)) await work(id);
	await queue.del(mine);
	while (!state().stopping) {
		const id = await queue.brpoplpush('tasks', mine, 1);
		if (id === null) continue;
		await work(id);
		await queue.lrem(mine, 1, id);
	}
	process.exit(0);
}

main().catch((e) => {
	log('error', e.stack ?? String(e));
	process.exit(1);
});
