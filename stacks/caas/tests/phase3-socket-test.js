const { begin, heard, open, run } = require('./client');

run({
	'a bad token is refused': () => open(0, 'chat', 'x', { token: 'nonsense' }).then(
		() => { throw new Error('it came in'); }, (e) => { if (!/authorised/.test(e.message)) throw e; }),
	'a message crosses instances, typing and receipts too': async () => {
		const ada = await open(0, 'chat', 'ada'), bob = await open(1, 'chat', 'bob');
		await Promise.all([ada, bob].map((s) => new Promise((done) => s.emit('join', 'r1', done))));
		const typing = heard(bob, 'typing', (t) => t.user === 'ada' && t.active);
		ada.emit('typing', 'r1');
		await typing;
		const arrived = heard(bob, 'message', (m) => m.text === 'hello' && m.from === 'ada');
		ada.emit('message', 'r1', 'hello');
		const message = await arrived, read = heard(ada, 'read', (r) => r.reader === 'bob');
		bob.emit('read', message.id);
		await read;
	},
	'a notification waits for who is away': async () => {
		const ada = await open(0, 'notifications', 'ada'), name = `eve${Date.now()}`;
		await new Promise((done) => ada.emit('notify', name, 'call me', done));
		const eve = begin(1, 'notifications', name);
		await heard(eve, 'notification', (n) => n.text === 'call me');
	},
	'WebRTC signals find the other': async () => {
		const ada = await open(0, 'webrtc', 'ada'), bob = await open(1, 'webrtc', 'bob');
		const offer = heard(bob, 'offer', (o) => o.from === 'ada' && o.data.sdp === 'v=0');
		ada.emit('offer', 'bob', { sdp: 'v=0' });
		await offer;
	},
});
