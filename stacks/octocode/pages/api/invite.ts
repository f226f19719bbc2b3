import type { NextApiRequest, NextApiResponse } from 'next';
import nodemailer from 'nodemailer';
import { setting } from '../../lib/config';
import { log } from '../../lib/state';

// POST {email}: mails an invitation.
export default async function invite(request: NextApiRequest, response: NextApiResponse) {
	const email = request.body?.email;
	if (request.method !== 'POST' || typeof email !== 'string' || !/^[^\s@]+@[^\s@]+$/.test(email))
		return response.status(400).json({ error: 'POST an email' });
	const url = setting('SMTP_URL');
	if (!url) return response.status(503).json({ error: 'SMTP_URL is not set' });
	try {
		await nodemailer.createTransport(url).sendMail({ from: 'octocode@octocode.dev', to: email,
			subject: 'Welcome to OctoCode', text: `Come in: ${setting('NEXTAUTH_URL')}` });
	} catch (e) {
		log('error', `mail: ${(e as Error).message}`);
		return response.status(502).json({ error: 'the mail server does not take it' });
	}
	response.status(202).json({ sent: email });
}
