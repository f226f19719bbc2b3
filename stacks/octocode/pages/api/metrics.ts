import type { NextApiRequest, NextApiResponse } from 'next';
import { state } from '../../lib/state';

export default async function metrics(_: NextApiRequest, response: NextApiResponse) {
	const { registry } = state();
	response.setHeader('Content-Type', registry.contentType).send(await registry.metrics());
}
