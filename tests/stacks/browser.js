// browser.js URL SCRIPT: opens the page in a headless Chromium and runs SCRIPT in it, the body of an
// async function, again and again until it returns something; prints that. Needs the module "ws".
const { spawn } = require('child_process');
const { mkdtempSync, rmSync } = require('fs');
const { tmpdir } = require('os');
const path = require('path');
const WebSocket = require('ws');

const [url, script] = process.argv.slice(2);
const home = mkdtempSync(path.join(tmpdir(), 'browser-'));
// As root and without a GPU; certificates are the stacks' own.
const browser = spawn('chromium-headless-shell', ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
	'--ignore-certificate-errors', '--remote-debugging-port=0', `--user-data-dir=${home}`, 'about:blank'],
{ stdio: ['ignore', 'ignore', 'pipe'], detached: true });

function end(code, text) {
	console.log(text);
	process.kill(-browser.pid, 'SIGKILL'); // and its helpers, a group of their own
	browser.on('exit', () => {
		rmSync(home, { recursive: true, force: true, maxRetries: 10 });
		process.exit(code);
	});
}
let last = 'nothing';
setTimeout(() => end(1, `in vain for a minute; the last answer: ${last}`), 60_000);

let said = '';
browser.stderr.on('data', (bytes) => {
	said += bytes;
	const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
	if (!port) return;
	browser.stderr.removeAllListeners('data').resume();
	drive(port).catch((e) => end(1, e.stack));
});

async function drive(port) {
	const pages = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
	const tab = new WebSocket(pages.find((p) => p.type === 'page').webSocketDebuggerUrl);
	const waiting = new Map();
	tab.on('message', (m) => {
		const answer = JSON.parse(m);
		waiting.get(answer.id)?.(answer);
	});
	await new Promise((open) => tab.on('open', open));
	let id = 0;
	const ask = (method, params) => new Promise((answered) => {
		waiting.set(++id, answered);
		tab.send(JSON.stringify({ id, method, params }));
	});
	await ask('Page.navigate', { url });
	for (;;) {
		const { result, error } = await ask('Runtime.evaluate',
			{ expression: `(async () => { ${script} })()`, awaitPromise: true, returnByValue: true });
		if (result?.result.value && !result.exceptionDetails) return end(0, String(result.result.value));
		last = JSON.stringify(result ?? error);
		await new Promise((done) => setTimeout(done, 200));
	}
}
