import { Socket } from 'socket.io';
import { log } from '../env';

// What clients send is not to be trusted and what answers it may fail: neither ends the process. What
// the handler returns goes to who asked for an answer.
export function on(socket: Socket, event: string, handler: (...args: unknown[]) => unknown): void {
	socket.on(event, async (...args: unknown[]) => {
		const last = args[args.length - 1], answer = typeof last === 'function' ? args.pop() as (reply?: unknown) => void : undefined;
		try {
			const reply = await handler(...args);
			answer?.(reply);
		} catch (e) {
			log('error', `${event}: ${(e as Error).message}`);
			answer?.({ error: 'it did not work' });
		}
	});
}
