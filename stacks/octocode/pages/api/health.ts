import type { NextApiRequest, NextApiResponse } from 'next';
import { state, troubles } from '../../lib/state';

export default async function health(_: NextApiRequest, response: NextApiResponse) {
	const found = await troubles();
	if (state().stopping) found.process = 'stopping';
	const ok = Object.keys(found).length === 0;
	response.status(ok ? 200 : 503).json({ status: ok ? 'ok' : 'unhealthy', ...found });
}
