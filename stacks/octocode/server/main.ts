// The web process: Next.js on 3000, Socket.IO on 3001. SIGTERM: it reports itself unhealthy, ends
// what was begun and goes.
import { createAdapter } from '@socket.io/redis-adapter';
import { writeFileSync } from 'fs';
import { createServer } from 'http';
import next from 'next';
import { Server } from 'socket.io';
import { setting } from '../lib/config';
import { connect, log, state } from '../lib/state';

const dev = process.argv.includes('--dev');
const drainMs = Number(setting('DRAIN_SECONDS', dev ? '0' : '3')) * 1000;

function sockets() {
	const server = new Server(Number(setting('SOCKET_PORT', '3001')), {
		cors: { origin: setting('NEXTAUTH_URL') },
		adapter: createAdapter(connect(), connect()),
	});
	server.on('connection', (socket) => {
		socket.on('join', (room: string) => socket.join(String(room)));
		socket.on('say', (room: string, text: string) => server.to(String(room)).emit('said', text));
	});
	return server;
}

// What is counted under its own name; anybody can ask for anything else.
const routes = /^(\/|\/_next|\/api\/(health|invite|metrics|tasks))$/;
function routeOf(url = '/'): string {
	const path = url.split('?')[0].replace(/^\/_next\/.*/, '/_next');
	return routes.test(path) ? path : 'other';
}

async function main() {
	const app = next({ dev });
	await app.prepare();
	const handle = app.getRequestHandler();
	const { requests, latency } = state();
	const web = createServer((request, response) => {
		const route = routeOf(request.url);
		const done = latency.startTimer({ route });
		response.on('finish', () => {
			done();
			requests.inc({ route, status: response.statusCode });
			if (state().stopping) request.socket.end();
		});
		handle(request, response).catch((e: Error) => {
			log('error', `${route}: ${e.message}`);
			response.destroy();
		});
	});
	web.keepAliveTimeout = 65_000; // longer than the proxy's, which then never meets a closed one
	const io = sockets();
	web.listen(Number(setting('PORT', '3000')), () => log('info', 'listening'));
	writeFileSync('/tmp/octocode.pid', String(process.pid));
	process.on('SIGTERM', () => {
		if (state().stopping) return;
		state().stopping = true;
		log('info', 'draining');
		setTimeout(() => {
			io.close();
			web.close(() => process.exit(0));
			web.closeIdleConnections();
			setTimeout(() => process.exit(0), 4000).unref();
		}, drainMs);
	});
}

main().catch((e) => {
	log('error', e.stack ?? String(e));
	process.exit(1);
});
