import { Namespace } from 'socket.io';
import { Stores } from '../env';

// Kept for whoever is away; given, oldest first, when they come.
export function notifications(namespace: Namespace, { db }: Stores): void {
	namespace.on('connection', async (socket) => {
		const mine = () => db().collection('notifications');
		socket.on('notify', async (user: string, text: string, done?: () => void) => {
			const item = { to: String(user), text: String(text).slice(0, 500), from: socket.data.user, at: new Date() };
			if ((await namespace.in(`user:${user}`).fetchSockets()).length > 0) namespace.to(`user:${user}`).emit('notification', item);
			else await mine().insertOne(item);
			done?.();
		});
		const waiting = await mine().find({ to: socket.data.user }).sort({ at: 1 }).limit(100).toArray();
		for (const item of waiting) {
			socket.emit('notification', item);
			await mine().deleteOne({ _id: item._id });
		}
	});
}
