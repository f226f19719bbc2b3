import { Socket } from 'socket.io';
import { Stores } from '../env';

// "read" is kept and told to whoever wrote the message.
export function receipts(socket: Socket, { db }: Stores): void {
	socket.on('read', async (id: string) => {
		const message = await db().collection('messages').findOne({ _id: String(id) as never });
		if (!message || !socket.rooms.has(`room:${message.room}`)) return;
		const reader = socket.data.user;
		await db().collection('receipts').replaceOne({ _id: `${id}:${reader}` as never },
			{ message: id, reader, at: new Date() }, { upsert: true });
		socket.nsp.to(`user:${message.from}`).emit('read', { id, reader });
	});
}
