const { ask, begin, heard, open, run } = require('./client');

async function room(name) { // of two, on different instances
	const pair = await Promise.all([open(0, 'chat', 'ada'), open(1, 'chat', 'bob')]);
	await Promise.all(pair.map((socket) => ask(socket, 'join', name)));
	return pair;
}

run({
	'a bad token is refused': () => open(0, 'chat', 'x', { token: 'nonsense' }).then(
		() => { throw new Error('it came in'); }, (e) => { if (!/authorised/.test(e.message)) throw e; }),
	'a message crosses instances': async () => {
		const [ada, bob] = await room('messages');
		const arrived = heard(bob, 'message', (m) => m.text === 'hello' && m.from === 'ada');
		await ask(ada, 'message', 'messages', 'hello');
		await arrived;
	},
	'who types is told to the room, and when it ends': async () => {
		const [ada, bob] = await room('typing');
		const begun = heard(bob, 'typing', (t) => t.user === 'ada' && t.active);
		const ended = heard(bob, 'typing', (t) => t.user === 'ada' && !t.active);
		ada.emit('typing', 'typing');
		await begun;
		await ended;
	},
	'a receipt finds the author': async () => {
		const [ada, bob] = await room('receipts');
		const read = heard(ada, 'read', (r) => r.reader === 'bob');
		await ask(bob, 'read', await ask(ada, 'message', 'receipts', 'read this'));
		await read;
	},
	'a notification reaches who is there': async () => {
		const ada = await open(0, 'notifications', 'ada'), bob = await open(1, 'notifications', 'bob');
		const told = heard(bob, 'notification', (n) => n.text === 'dinner' && n.from === 'ada');
		await ask(ada, 'notify', 'bob', 'dinner');
		await told;
	},
	'a notification waits for who is away': async () => {
		const ada = await open(0, 'notifications', 'ada'), name = `eve${Date.now()}`;
		await ask(ada, 'notify', name, 'call me');
		await heard(begin(1, 'notifications', name), 'notification', (n) => n.text === 'call me');
	},
	'WebRTC offer, answer and candidate find the other': async () => {
		const ada = await open(0, 'webrtc', 'ada'), bob = await open(1, 'webrtc', 'bob');
		for (const [kind, from, to, at] of [['offer', ada, 'bob', bob], ['answer', bob, 'ada', ada], ['candidate', ada, 'bob', bob]]) {
			const arrived = heard(at, kind, (signal) => signal.data.sdp === kind);
			from.emit(kind, to, { sdp: kind });
			await arrived;
		}
	},
	'nonsense of one client ends no instance': async () => {
		for (const instance of [0, 1]) {
			const socket = await open(instance, 'chat', 'mallory');
			for (const event of ['join', 'leave', 'message', 'typing', 'read'])
				for (const args of [[], [null], [{}, 7], ['r', 'x', 'y'], [Object.create(null)]]) socket.emit(event, ...args);
			await ask(socket, 'join', 'still there');
		}
	},
});
