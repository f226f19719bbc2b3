// Tasks from the queue become operations of the database; the result goes where the task says.
import { Task, translate } from '#thredlib';
import { Connections, endOn, log, publish, serve, setting, subscribe } from '../common';

async function perform(db: Connections['db'], task: Task): Promise<object> {
	const collection = db.collection(String(task.collection));
	const filter = translate(task.filter ?? {});
	switch (task.op) {
	case 'create':
		return { id: (await collection.insertOne({ ...task.values })).insertedId };
	case 'read':
		return { found: await collection.find(filter).limit(100).toArray() };
	case 'update':
		return { changed: (await collection.updateMany(filter, { $set: task.values ?? {} })).modifiedCount };
	case 'delete':
		return { deleted: (await collection.deleteMany(filter)).deletedCount };
	default:
		throw new Error(`no operation "${task.op}"`);
	}
}

export async function persistenceAgent(connections: Connections): Promise<void> {
	const { broker, db } = connections;
	endOn(connections, serve(Number(setting('HEALTH_PORT', '8083')), connections));
	const tasks = await subscribe(broker, 'task');
	tasks.on('message', async (m: { properties: { replyTo?: string; correlationId?: string } }, task: Task, ack: () => void) => {
		const result = await perform(db, task).catch((e: Error) => ({ error: e.message }));
		if ('error' in result) log('error', String(result.error));
		const { replyTo, correlationId } = m.properties;
		if (replyTo)
			await publish(broker, 'reply', result, { routingKey: replyTo, options: { correlationId } })
				.catch((e: Error) => log('error', `nobody hears of it: ${e.message}`)); // the operation is done
		ack();
	});
}
