import type { NextApiRequest, NextApiResponse } from 'next';
import { state } from '../../lib/state';

// GET lists the tasks, POST {prompt} queues one for the workers.
export default async function tasks(request: NextApiRequest, response: NextApiResponse) {
	const { pool, redis } = state();
	if (request.method !== 'POST') {
		const { rows } = await pool.query('select id, prompt, state, result from tasks order by id desc limit 50');
		return response.json(rows);
	}
	const prompt = request.body?.prompt;
	if (typeof prompt !== 'string' || !prompt || prompt.length > 1000)
		return response.status(400).json({ error: 'a prompt of 1 to 1000 characters' });
	const { rows } = await pool.query('insert into tasks (prompt) values ($1) returning id', [prompt]);
	await redis.lpush('tasks', rows[0].id);
	response.status(202).json(rows[0]);
}
