import { Socket } from 'socket.io';
import { Message, Stores } from '../env';
import { on } from '../namespaces/events';

interface Receipt { _id: string; message: string; reader: string; at: Date }

// "read" is kept and told to whoever wrote the message.
export function receipts(socket: Socket, { db }: Stores): void {
	on(socket, 'read', async (id) => {
		const message = await db().collection<Message>('messages').findOne({ _id: String(id) });
		if (!message || !socket.rooms.has(`room:${message.room}`)) return;
		const reader = socket.data.user;
		await db().collection<Receipt>('receipts').replaceOne({ _id: `${message._id}:${reader}` },
			{ message: message._id, reader, at: new Date() }, { upsert: true });
		socket.nsp.to(`user:${message.from}`).emit('read', { id: message._id, reader });
	});
}
