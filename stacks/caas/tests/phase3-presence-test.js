const { ask, heard, open, run } = require('./client');

run({
	'presence is known on the other instance, coming and going': async () => {
		const watcher = await open(1, 'presence', 'watcher'), name = `dora${Date.now()}`;
		const who = () => ask(watcher, 'who', name);
		if (await who()) throw new Error('there before she came');
		const came = heard(watcher, 'presence', (p) => p.user === name && p.online);
		const dora = await open(0, 'presence', name);
		await came;
		if (!(await who())) throw new Error('not there');
		const left = heard(watcher, 'presence', (p) => p.user === name && !p.online);
		dora.disconnect();
		await left;
		if (await who()) throw new Error('still there');
	},
});
