// What both tests share: connections with a token, waiting for an event, and the verdict.
const jwt = require('jsonwebtoken');
const { io } = require('socket.io-client');

const servers = process.env.SOCKETS.split(',');
const token = (user) => jwt.sign({ sub: user }, process.env.JWT_SECRET, { expiresIn: '5m' });

// What comes along with the connection is heard by who listens before it is there.
exports.begin = (instance, namespace, user, auth = { token: token(user) }) =>
	io(`${servers[instance]}/${namespace}`, { auth, forceNew: true, reconnection: false });
exports.open = (...where) => new Promise((resolve, reject) => {
	const socket = exports.begin(...where);
	socket.on('connect', () => resolve(socket));
	socket.on('connect_error', reject);
});
exports.heard = (socket, event, good = () => true) => {
	const word = new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Error(`no "${event}" came`)), 30_000);
		socket.on(event, (...args) => {
			if (!good(...args)) return;
			clearTimeout(timer);
			resolve(args[0]);
		});
	});
	word.catch(() => undefined); // who waits for two learns of the first that fails
	return word;
};
exports.ask = (socket, ...words) => socket.timeout(30_000).emitWithAck(...words);
exports.run = async (tests) => {
	let failed = 0;
	for (const [name, test] of Object.entries(tests)) {
		try {
			await test();
			console.log(`ok ${name}`);
		} catch (e) {
			failed++;
			console.log(`not ok ${name}: ${e.message}`);
		}
	}
	process.exit(failed ? 1 : 0);
};
