import { randomUUID } from 'crypto';
import { Namespace } from 'socket.io';
import { Stores } from '../env';
import { receipts } from '../receipts';
import { typing } from '../typing';

// Rooms: join, leave, message; every message is kept before it is passed on.
export function chat(namespace: Namespace, stores: Stores): void {
	namespace.on('connection', (socket) => {
		socket.on('join', (room: string, done?: () => void) => {
			socket.join(`room:${room}`);
			done?.();
		});
		socket.on('leave', (room: string) => socket.leave(`room:${room}`));
		socket.on('message', async (room: string, text: string, done?: (id: string) => void) => {
			if (!socket.rooms.has(`room:${room}`) || typeof text !== 'string' || text.length > 4000) return;
			const message = { _id: randomUUID() as never, room, text, from: socket.data.user, at: new Date() };
			await stores.db().collection('messages').insertOne(message);
			socket.to(`room:${room}`).emit('message', { id: message._id, room, text, from: message.from });
			done?.(message._id);
		});
		typing(socket);
		receipts(socket, stores);
	});
}
