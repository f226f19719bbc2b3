import jwt from 'jsonwebtoken';
import { Socket } from 'socket.io';
import { env } from '../env';

// The token of the handshake says who it is; without a good one there is no connection.
export function authenticate(socket: Socket, next: (e?: Error) => void): void {
	try {
		const claims = jwt.verify(String(socket.handshake.auth.token), env('JWT_SECRET'), { algorithms: ['HS256'] });
		if (typeof claims.sub !== 'string') throw new Error('nobody');
		socket.data.user = claims.sub;
		socket.join(`user:${claims.sub}`);
		next();
	} catch {
		next(new Error('not authorised'));
	}
}
