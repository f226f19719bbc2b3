import { Socket } from 'socket.io';
import { on } from '../namespaces/events';

// Who types is told to the room, and told to have stopped after five seconds of silence.
export function typing(socket: Socket): void {
	const timers = new Map<string, NodeJS.Timeout>();
	const tell = (room: string, active: boolean) =>
		socket.to(`room:${room}`).emit('typing', { room, user: socket.data.user, active });
	on(socket, 'typing', (name) => {
		const room = String(name);
		if (!socket.rooms.has(`room:${room}`)) return;
		clearTimeout(timers.get(room));
		timers.set(room, setTimeout(() => { timers.delete(room); tell(room, false); }, 5000));
		tell(room, true);
	});
	socket.on('disconnect', () => timers.forEach((t) => clearTimeout(t)));
}
