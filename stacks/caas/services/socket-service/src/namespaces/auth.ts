import jwt from 'jsonwebtoken';
import { Socket } from 'socket.io';
import { env } from '../env';

// The token of the handshake says who it is; without a good one there is no connection.
export function authenticate(socket: Socket, next: (e?: Error) => void): void {
	try {
		const claims = jwt.verify(String(socket.handshake.auth.token), env('JWT_SECRET'), { algorithms: ['HS256'] });
		socket.data.user = String((claims as jwt.JwtPayload).sub);
		socket.join(`user:${socket.data.user}`);
		next();
	} catch {
		next(new Error('not authorised'));
	}
}
