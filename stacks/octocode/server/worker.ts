// The worker: takes tasks from the queue in Redis, asks the AI interface, keeps the answer. A task
// is on the list "doing" of this worker until it is done. A worker says now and then that it lives;
// the tasks of one that no longer does go back to the queue, so that a killed worker loses none.
import { createServer, type IncomingMessage } from 'http';
import type Redis from 'ioredis';
import { hostname } from 'os';
import { setting } from '../lib/config';
import { connect, log, state, troubles } from '../lib/state';

const mine = `doing:${hostname()}`;
const alive = (list: string) => list.replace('doing:', 'alive:');
const leaseSeconds = 60; // more than a task takes

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

async function takeBack(queue: Redis) {
	for (const list of await queue.keys('doing:*')) {
		if (await queue.exists(alive(list))) continue;
		log('warning', `${list.slice(6)} is gone: its tasks are queued again`);
		while (await queue.lmove(list, 'tasks', 'RIGHT', 'RIGHT')); // all of them
	}
}

async function serve(queue: Redis) {
	await queue.del(alive(mine)); // what this one left when it was killed is gone through as well
	log('info', 'waiting for tasks');
	for (let next = 0; !state().stopping; ) {
		if (Date.now() >= next) {
			await takeBack(queue);
			await queue.set(alive(mine), '1', 'EX', leaseSeconds);
			next = Date.now() + 10_000;
		}
		const id = await queue.blmove('tasks', mine, 'RIGHT', 'LEFT', 1);
		if (id === null) continue;
		await queue.expire(alive(mine), leaseSeconds);
		await work(id);
		await queue.lrem(mine, 1, id);
	}
}

function answer(request: IncomingMessage): Promise<[number, string]> {
	if (request.url === '/metrics') return state().registry.metrics().then((text) => [200, text]);
	return troubles().then((found) => [Object.keys(found).length ? 503 : 200, JSON.stringify(found)]);
}

async function main() {
	const queue = connect();
	createServer((request, response) => {
		answer(request).then(
			([status, text]) => response.writeHead(status).end(text),
			(e: Error) => response.writeHead(500).end(e.message));
	}).listen(9464);
	process.on('SIGTERM', () => {
		log('info', 'stopping after the task in hand');
		state().stopping = true;
		if (queue.status !== 'ready') process.exit(0); // what waits for Redis waits for long
	});
	await serve(queue);
	await queue.del(alive(mine));
	process.exit(0);
}

main().catch((e) => {
	log('error', e.stack ?? String(e));
	process.exit(1);
});
