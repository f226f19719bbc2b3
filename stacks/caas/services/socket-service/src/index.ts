// One of several equal instances: what is said on one reaches clients of all through Redis.
import { createAdapter } from '@socket.io/redis-adapter';
import { createServer } from 'http';
import Redis from 'ioredis';
import { MongoClient } from 'mongodb';
import { Server } from 'socket.io';
import { env, instance, log } from './env';
import { authenticate } from './namespaces/auth';
import { chat } from './namespaces/chat';
import { notifications } from './notifications';
import { presence } from './presence';
import { webrtc } from './webrtc';

const mongo = new MongoClient(env('MONGO_URL'), { serverSelectionTimeoutMS: 3000 });
const redis = new Redis(env('REDIS_URL'), { maxRetriesPerRequest: 1 });
const bus = [redis.duplicate({ maxRetriesPerRequest: null }), redis.duplicate({ maxRetriesPerRequest: null })];
for (const connection of [redis, ...bus]) connection.on('error', (e) => log('error', `redis: ${e.message}`));

const server = createServer(async (request, response) => {
	if (request.url !== '/health') {
		response.writeHead(404).end();
		return;
	}
	const found: Record<string, string> = { mongodb: 'ok', redis: 'ok' };
	const check = (name: string, p: Promise<unknown>) => p.catch((e: Error) => { found[name] = e.message; });
	await Promise.all([check('mongodb', mongo.db().collection('messages').findOne({}, { projection: { _id: 1 } })),
		check('redis', redis.ping())]);
	const well = Object.values(found).every((v) => v === 'ok');
	response.writeHead(well ? 200 : 503).end(JSON.stringify({ instance, ...found }));
});
const io = new Server(server, { cors: { origin: env('CORS_ORIGINS').split(',') } });
io.adapter(createAdapter(bus[0], bus[1]));

for (const [name, set] of Object.entries({ chat, presence, notifications, webrtc })) {
	const namespace = io.of(`/${name}`);
	namespace.use(authenticate);
	set(namespace, { db: () => mongo.db(), redis });
}
server.listen(3001, () => log('info', 'listening'));

// The default grace is ten seconds: who does not go by then is left.
process.on('SIGTERM', () => {
	log('info', 'draining');
	io.close(async () => {
		await mongo.close();
		process.exit(0);
	});
	setTimeout(() => process.exit(0), 8000).unref();
});
