import { Namespace } from 'socket.io';

// Signalling only: offers, answers and candidates go to the other user, who is told from whom.
export function webrtc(namespace: Namespace): void {
	namespace.on('connection', (socket) => {
		for (const kind of ['offer', 'answer', 'candidate', 'hangup'])
			socket.on(kind, (to: string, data: unknown) =>
				namespace.to(`user:${String(to)}`).emit(kind, { from: socket.data.user, data }));
	});
}
