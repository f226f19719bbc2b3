// bootstrap -p PROFILE: what the databases need before the first event; does nothing twice.
import { readdirSync, readFileSync } from 'fs';
import path from 'path';
import { MongoClient } from 'mongodb';
import { home, log, run, setting } from './common';

const read = (...names: string[]) => JSON.parse(readFileSync(path.join(home, 'run-profiles', ...names), 'utf8'));

run(async () => {
	const profile = process.argv[process.argv.indexOf('-p') + 1];
	if (!process.argv.includes('-p') || !profile) throw new Error('bootstrap -p PROFILE');
	const mongo = new MongoClient(setting('MONGO_URL'), { serverSelectionTimeoutMS: 10_000 });
	await mongo.connect();
	const db = mongo.db();
	const there = new Set((await db.listCollections().toArray()).map((c) => c.name));
	for (const name of ['patterns', 'sessions', 'groups', 'threds', 'outcomes'])
		if (!there.has(name)) await db.createCollection(name);
	const put = (collection: string, key: string, value: Record<string, unknown>) =>
		db.collection(collection).replaceOne({ [key]: value[key] }, value, { upsert: true });
	for (const file of readdirSync(path.join(home, 'run-profiles', profile, 'patterns')))
		await put('patterns', 'id', read(profile, 'patterns', file));
	const model = read(profile, 'sessions.json');
	for (const session of model.sessions) await put('sessions', 'id', session);
	for (const group of model.groups) await put('groups', 'name', group);
	log('info', `profile ${profile} is loaded`);
	await mongo.close();
	process.exit(0);
});
