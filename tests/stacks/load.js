// load.js FILE: several clients ask the site all the time, over connections that are kept, until FILE
// is there. Prints how many requests were answered and each that was not as it should be; the code is 1
// if there was one. A page is asked for by seven of them, a task is queued by one, slowly.
const fs = require('fs');
const https = require('https');

const file = process.argv[2];
let answered = 0;
const wrong = [];

function once(agent, path, body) {
	return new Promise((done) => {
		const begun = Date.now();
		const failed = (why) => {
			wrong.push(`${new Date().toISOString()} ${path} after ${Date.now() - begun} ms: ${why}`);
			done();
		};
		const request = https.request({ host: '127.0.0.1', path, agent, rejectUnauthorized: false,
			method: body ? 'POST' : 'GET', headers: body ? { 'Content-Type': 'application/json' } : {} }, (response) => {
			response.on('error', (e) => failed(e.message));
			response.on('end', () => {
				const expected = body ? 202 : 200;
				if (response.statusCode !== expected) return failed(response.statusCode);
				answered++;
				done();
			});
			response.resume();
		});
		request.on('error', (e) => failed(e.message));
		request.end(body);
	});
}

async function client(path, body, pause) {
	const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
	while (!fs.existsSync(file)) {
		await once(agent, path, body);
		if (pause) await new Promise((done) => setTimeout(done, pause));
	}
	agent.destroy();
}

const clients = [client('/api/tasks', JSON.stringify({ prompt: 'under load' }), 250)];
for (let i = 0; i < 7; i++) clients.push(client('/'));
Promise.all(clients).then(() => {
	console.log(`${answered} requests answered, ${wrong.length} not`);
	for (const line of wrong.slice(0, 20)) console.log(line);
	process.exitCode = wrong.length || !answered ? 1 : 0;
});
