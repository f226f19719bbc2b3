import { Namespace } from 'socket.io';
import { Stores } from '../env';
import { on } from '../namespaces/events';

// A user is there while one of its sockets has said so in the last 30 seconds: a killed instance
// cannot leave anybody behind.
export function presence(namespace: Namespace, { redis }: Stores): void {
	const here = async (user: string) => (await redis.zcount(`presence:${user}`, Date.now(), '+inf')) > 0;
	const quietly = (p: Promise<unknown>) => p.catch(() => undefined);

	namespace.on('connection', async (socket) => {
		const user = socket.data.user, key = `presence:${user}`;
		const renew = () => quietly(redis.multi().zremrangebyscore(key, '-inf', Date.now())
			.zadd(key, Date.now() + 30_000, socket.id).expire(key, 60).exec());
		const timer = setInterval(renew, 10_000);
		on(socket, 'who', (name) => here(String(name)));
		socket.on('disconnect', async () => {
			clearInterval(timer);
			await quietly(redis.zrem(key, socket.id));
			if (!(await quietly(here(user)))) namespace.emit('presence', { user, online: false });
		});
		await renew();
		namespace.emit('presence', { user, online: true });
	});
}
