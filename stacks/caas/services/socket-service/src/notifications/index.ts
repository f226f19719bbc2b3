import { Namespace } from 'socket.io';
import { log, Stores } from '../env';
import { on } from '../namespaces/events';

// Kept for whoever is away; given, oldest first, when they come.
export function notifications(namespace: Namespace, { db }: Stores): void {
	const kept = () => db().collection('notifications');
	const isHere = async (user: string) =>
		(await namespace.in(`user:${user}`).fetchSockets().catch(() => [])).length > 0;

	namespace.on('connection', async (socket) => {
		on(socket, 'notify', async (to, text) => {
			const item = { to: String(to), text: String(text).slice(0, 500), from: socket.data.user, at: new Date() };
			if (await isHere(item.to)) namespace.to(`user:${item.to}`).emit('notification', item);
			else await kept().insertOne(item);
		});
		try {
			for (const item of await kept().find({ to: socket.data.user }).sort({ at: 1 }).limit(100).toArray()) {
				socket.emit('notification', item);
				await kept().deleteOne({ _id: item._id });
			}
		} catch (e) {
			log('error', `notifications: ${(e as Error).message}`);
		}
	});
}
