import { Namespace } from 'socket.io';
import { Stores } from '../env';

// A user is there while one of its sockets has said so in the last 30 seconds: a killed instance
// cannot leave anybody behind.
export function presence(namespace: Namespace, { redis }: Stores): void {
	const here = async (user: string) => (await redis.zcount(`presence:${user}`, Date.now(), '+inf')) > 0;
	namespace.on('connection', async (socket) => {
		const user = socket.data.user, key = `presence:${user}`;
		const renew = async () => {
			await redis.multi().zremrangebyscore(key, '-inf', Date.now()).zadd(key, Date.now() + 30_000, socket.id)
				.expire(key, 60).exec();
		};
		const quietly = (p: Promise<unknown>) => p.catch(() => undefined);
		const timer = setInterval(() => quietly(renew()), 10_000);
		socket.on('who', async (name: string, reply: (online: boolean) => void) => reply(await here(String(name)).catch(() => false)));
		socket.on('disconnect', async () => {
			clearInterval(timer);
			await quietly(redis.zrem(key, socket.id));
			if (!(await here(user).catch(() => false))) namespace.emit('presence', { user, online: false });
		});
		await quietly(renew());
		namespace.emit('presence', { user, online: true });
	});
}
