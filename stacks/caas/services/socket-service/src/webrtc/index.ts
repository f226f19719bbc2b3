import { Namespace } from 'socket.io';
import { on } from '../namespaces/events';

// Signalling only: offers, answers and candidates go to the other user, who is told from whom.
export function webrtc(namespace: Namespace): void {
	namespace.on('connection', (socket) => {
		for (const kind of ['offer', 'answer', 'candidate', 'hangup'])
			on(socket, kind, (to, data) => { namespace.to(`user:${to}`).emit(kind, { from: socket.data.user, data }); });
	});
}
