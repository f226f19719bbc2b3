// Schemas by subject and version, kept in the compacted topic _schemas, read back at the start.
'use strict';
const http = require('http');
const { Kafka, logLevel } = require('kafkajs');

const topic = '_schemas';
const kafka = new Kafka({ clientId: 'schema-registry', logLevel: logLevel.ERROR,
	brokers: process.env.SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS.replace(/PLAINTEXT:\/\//g, '').split(',') });
const subjects = new Map(), ids = new Map(); // subject: [{id, version, schema}]; schema: id
const waiting = new Map();

class Refusal extends Error {
	constructor(status, code, message) { super(message); Object.assign(this, { status, code }); }
}

function take({ key, value }) {
	const { subject, version } = JSON.parse(key), { id, schema } = JSON.parse(value);
	const versions = subjects.get(subject) ?? [];
	versions[version - 1] = { subject, version, id, schema };
	subjects.set(subject, versions);
	ids.set(schema, id);
	waiting.get(`${subject}:${version}`)?.();
}

async function register(producer, subject, schema) {
	try {
		JSON.parse(schema);
	} catch {
		throw new Refusal(422, 42201, 'Invalid schema');
	}
	const versions = subjects.get(subject) ?? [];
	const known = versions.find((v) => v.schema === schema);
	if (known) return known.id;
	const id = ids.get(schema) ?? Math.max(0, ...ids.values()) + 1, version = versions.length + 1;
	const kept = new Promise((done) => waiting.set(`${subject}:${version}`, done));
	await producer.send({ topic, acks: -1, messages: [{ key: JSON.stringify({ subject, version }),
		value: JSON.stringify({ id, schema }) }] });
	await kept;
	return id;
}

async function answer(producer, request, body) {
	const [, first, subject, , version] = request.url.split('/').map(decodeURIComponent);
	if (request.url === '/') return {};
	if (request.url === '/subjects') return [...subjects.keys()];
	if (first === 'schemas') {
		const found = [...ids].find(([, id]) => String(id) === request.url.split('/')[3]);
		if (!found) throw new Refusal(404, 40403, 'Schema not found');
		return { schema: found[0] };
	}
	if (first !== 'subjects') throw new Refusal(404, 404, 'HTTP 404 Not Found');
	if (request.method === 'POST') return { id: await register(producer, subject, String(JSON.parse(body).schema)) };
	const versions = subjects.get(subject);
	if (!versions) throw new Refusal(404, 40401, `Subject '${subject}' not found.`);
	if (!version) return versions.map((v) => v.version);
	const found = version === 'latest' ? versions.at(-1) : versions[Number(version) - 1];
	if (!found) throw new Refusal(404, 40402, 'Version not found.');
	return found;
}

async function main() {
	const admin = kafka.admin();
	await admin.connect();
	const there = await admin.listTopics();
	if (!there.includes(topic)) {
		await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1, replicationFactor: 3,
			configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }] });
	}
	const [{ high }] = await admin.fetchTopicOffsets(topic);
	const producer = kafka.producer(), consumer = kafka.consumer({ groupId: `schema-registry-${process.pid}-${Date.now()}` });
	await producer.connect();
	await consumer.connect();
	await consumer.subscribe({ topic, fromBeginning: true });
	await new Promise((caughtUp) => {
		if (Number(high) === 0) caughtUp();
		consumer.run({ eachMessage: async ({ message }) => {
			take({ key: message.key.toString(), value: message.value.toString() });
			if (Number(message.offset) + 1 >= Number(high)) caughtUp();
		} });
	});
	let last = Promise.resolve(); // one registration at a time
	http.createServer((request, response) => {
		let body = '';
		request.on('data', (d) => { body += d; });
		request.on('end', () => {
			last = last.then(() => answer(producer, request, body)).then(
				(result) => response.setHeader('Content-Type', 'application/vnd.schemaregistry.v1+json').end(JSON.stringify(result)),
				(e) => response.writeHead(e.status ?? 500).end(JSON.stringify({ error_code: e.code ?? 50001, message: e.message })));
		});
	}).listen(8081, () => console.log('schema registry on 8081'));
	process.on('SIGTERM', () => Promise.allSettled([producer.disconnect(), consumer.disconnect(), admin.disconnect()])
		.then(() => process.exit(0)));
}
main().catch((e) => { console.error(e); process.exit(1); });
