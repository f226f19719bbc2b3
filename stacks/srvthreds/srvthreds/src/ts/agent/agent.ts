// agent -c session_agent|persistence_agent -i ID: one of the agents.
import { connect, log, run } from '../common';
import { persistenceAgent } from './persistence';
import { sessionAgent } from './session';

const option = (name: string) => process.argv[process.argv.indexOf(name) + 1];
const agents: Record<string, typeof sessionAgent> = { session_agent: sessionAgent, persistence_agent: persistenceAgent };

run(async () => {
	const start = agents[option('-c')];
	if (!start) throw new Error(`agent -c ${Object.keys(agents).join('|')} -i ID`);
	const connections = await connect(`rascal_${option('-c')}.json`);
	await start(connections, option('-i'));
	log('info', `${option('-c')} ${option('-i')} is ready`);
});
