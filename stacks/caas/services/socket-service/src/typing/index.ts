import { Socket } from 'socket.io';

// Who types is told to the room, and told to have stopped after five seconds of silence.
export function typing(socket: Socket): void {
	const timers = new Map<string, NodeJS.Timeout>();
	const tell = (room: string, active: boolean) =>
		socket.to(`room:${room}`).emit('typing', { room, user: socket.data.user, active });
	socket.on('typing', (room: string) => {
		if (!socket.rooms.has(`room:${room}`)) return;
		clearTimeout(timers.get(room));
		timers.set(room, setTimeout(() => tell(room, false), 5000));
		tell(room, true);
	});
	socket.on('disconnect', () => timers.forEach((t) => clearTimeout(t)));
}
