// One page: the cluster's brokers, its topics with partitions and replicas, its groups.
'use strict';
const http = require('http');
const { Kafka, logLevel } = require('kafkajs');

const name = process.env.KAFKA_CLUSTERS_0_NAME;
const kafka = new Kafka({ clientId: 'kafka-ui', logLevel: logLevel.NOTHING,
	brokers: process.env.KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS.split(',') });
const text = (s) => String(s).replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
const row = (...cells) => `<tr>${cells.map((c) => `<td>${text(c)}</td>`).join('')}</tr>`;

async function page() {
	const admin = kafka.admin();
	await admin.connect();
	try {
		const { brokers, controller } = await admin.describeCluster();
		const { topics } = await admin.fetchTopicMetadata();
		const { groups } = await admin.listGroups();
		return `<!doctype html><title>${text(name)}</title><h1>Cluster ${text(name)}</h1><h2>Brokers</h2><table>
			${brokers.map((b) => row(b.nodeId, `${b.host}:${b.port}`, b.nodeId === controller ? 'controller' : '')).join('')}
			</table><h2>Topics</h2><table>
			${topics.map((t) => row(t.name, `${t.partitions.length} partitions`, `${t.partitions[0].replicas.length} replicas`)).join('')}
			</table><h2>Groups</h2><table>${groups.map((g) => row(g.groupId)).join('')}</table>`;
	} finally {
		await admin.disconnect();
	}
}
http.createServer((_, response) => page().then(
	(html) => response.setHeader('Content-Type', 'text/html').end(html),
	(e) => response.writeHead(502).end(e.message))).listen(8080);
process.on('SIGTERM', () => process.exit(0));
