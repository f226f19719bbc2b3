import { randomUUID } from 'crypto';
import { Namespace } from 'socket.io';
import { Message, Stores } from '../env';
import { receipts } from '../receipts';
import { typing } from '../typing';
import { on } from './events';

// Rooms: join, leave, message; every message is kept before it is passed on.
export function chat(namespace: Namespace, stores: Stores): void {
	namespace.on('connection', (socket) => {
		on(socket, 'join', (room) => socket.join(`room:${room}`));
		on(socket, 'leave', (room) => socket.leave(`room:${room}`));
		on(socket, 'message', async (room, text) => {
			if (!socket.rooms.has(`room:${room}`) || typeof text !== 'string' || text.length > 4000)
				return { error: 'a room that was joined, and a text' };
			const message: Message = { _id: randomUUID(), room: String(room), text, from: socket.data.user, at: new Date() };
			await stores.db().collection<Message>('messages').insertOne(message);
			socket.to(`room:${room}`).emit('message', { id: message._id, room, text, from: message.from });
			return message._id;
		});
		typing(socket);
		receipts(socket, stores);
	});
}
