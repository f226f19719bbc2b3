// The engine: takes events from the queue, finds the thred or begins one, moves its state machine
// under a lock of its own, and publishes what the transition says.
import { randomUUID } from 'crypto';
import { claim, Event, isEvent, Message, Pattern, transition } from '#thredlib';
import { connect, Connections, endOn, log, publish, run, serve, setting, subscribe } from './common';

interface Thred { _id: string; pattern: string; state: string; events: number }

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

// Runs `work` while this process holds the lock of the thred; a holder that dies loses it by time.
async function locked(redis: Connections['redis'], thredId: string, work: () => Promise<void>) {
	const key = `lock:${thredId}`, mine = randomUUID();
	while (!(await redis.set(key, mine, 'PX', 10_000, 'NX'))) await pause(10);
	try {
		await work();
	} finally {
		await redis.eval('if redis.call("get", KEYS[1]) == ARGV[1] then redis.call("del", KEYS[1]) end', 1, key, mine);
	}
}

async function advance({ db, broker }: Connections, patterns: Pattern[], event: Event, thredId: string) {
	const threds = db.collection<Thred>('threds');
	let thred = await threds.findOne({ _id: thredId });
	if (!thred) {
		const pattern = claim(patterns, event);
		if (!pattern) return log('info', 'unbound event', { event: event.id, type: event.type });
		thred = { _id: thredId, pattern: pattern.id, state: pattern.start, events: 0 };
		await threds.insertOne(thred);
	}
	const pattern = patterns.find((p) => p.id === thred.pattern);
	const next = pattern && transition(pattern, thred.state, event);
	// First what others are to hear, then the state: killed in between, it is done again, never left out.
	if (next?.send) {
		const group = await db.collection('groups').findOne({ name: next.send.to });
		const message: Message = { thredId, type: next.send.type, to: group ? group.participants : [next.send.to], data: event.data };
		await publish(broker, 'message', message);
	}
	if (next?.persist)
		await publish(broker, 'task', { op: 'create', collection: 'outcomes',
			values: { ...event.data, _id: event.id, thredId, state: next.goto } });
	// Read, then written: right only because the lock is held, and noticed when it was not.
	const { matchedCount } = await threds.updateOne({ _id: thredId, events: thred.events },
		{ $set: { state: next?.goto ?? thred.state, events: thred.events + 1 } });
	if (!matchedCount) throw new Error(`lock violation: somebody else has moved ${thredId}`);
	log(next ? 'info' : 'debug', next ? 'transition' : 'no transition', { thredId, event: event.type, state: next?.goto ?? thred.state });
}

run(async () => {
	const connections = await connect('rascal_engine.json');
	const { broker, db, redis } = connections;
	const patterns = (await db.collection('patterns').find().toArray()) as unknown as Pattern[];
	endOn(connections, serve(Number(setting('HEALTH_PORT', '8082')), connections));
	const events = await subscribe(broker, 'event');
	events.on('invalid_content', (_e: Error, _m: unknown, ack: () => void) => ack());
	events.on('message', async (_m: unknown, event: unknown, ack: (e?: Error, how?: object) => void) => {
		try {
			if (isEvent(event)) {
				const thredId = event.thredId ?? randomUUID();
				await locked(redis, thredId, () => advance(connections, patterns, event, thredId));
			}
			ack();
		} catch (e) {
			log('error', (e as Error).message);
			ack(e as Error, { strategy: 'nack', requeue: true, defer: 1000 });
		}
	});
	log('info', `the engine has ${patterns.length} patterns`);
});
