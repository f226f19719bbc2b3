// The Socket.IO server of Opty: relays messages between clients and keeps them in MongoDB.
'use strict';
const http = require('http');
const { MongoClient } = require('mongodb');
const { Server } = require('socket.io');

const number = (name, fallback) => Number(process.env[name] || fallback);
const maxConnections = number('OPTY_SOCKET_MAX_CONNECTIONS', 1000);
const timeoutMs = number('OPTY_SOCKET_SESSION_TIMEOUT_MINUTES', 30) * 60_000;
const origins = (process.env.OPTY_SOCKET_CORS_ALLOWED_ORIGINS || '')
	.split(',').map((s) => s.trim()).filter(Boolean);

const mongo = new MongoClient(process.env.MONGO_URL, { serverSelectionTimeoutMS: 5000 });
const database = () => mongo.db();

const server = http.createServer(async (request, response) => {
	if (request.url !== '/health') {
		response.writeHead(404).end('no such page\n');
		return;
	}
	try {
		await database().command({ ping: 1 });
		response.writeHead(200).end('ok\n');
	} catch (e) {
		response.writeHead(503).end(`${e.message}\n`);
	}
});

const io = new Server(server, {
	cors: { origin: origins },
	// A browser sends its origin; a page from elsewhere is refused, not only left without a header.
	allowRequest: (request, done) => {
		const origin = request.headers.origin;
		done(null, !origin || origins.includes(origin));
	},
});

io.use((socket, next) => next(
	io.engine.clientsCount > maxConnections ? new Error('too many connections') : undefined));

io.on('connection', (socket) => {
	let timer;
	const touch = () => {
		clearTimeout(timer);
		timer = setTimeout(() => {
			socket.emit('timeout');
			socket.disconnect(true);
		}, timeoutMs);
	};
	touch();
	socket.onAny(touch);
	socket.on('disconnect', () => clearTimeout(timer));
	socket.on('echo', (value, reply) => reply(value));
	socket.on('message', async (text, reply) => {
		await database().collection('messages').insertOne({ from: socket.id, text, at: new Date() });
		socket.broadcast.emit('message', text);
		reply(await database().collection('messages').countDocuments());
	});
});

async function main() {
	await mongo.connect();
	await database().command({ ping: 1 });
	server.listen(8080, () => console.log('listening on 8080'));
}

process.on('SIGTERM', () => {
	console.log('stopping');
	io.close(() => mongo.close().then(() => process.exit(0)));
});
main().catch((e) => {
	console.error(`cannot reach the database: ${e.message}`);
	process.exit(1);
});
