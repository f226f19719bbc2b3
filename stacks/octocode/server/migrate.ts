// migrate [reset|seed]: applies the files of migrations/ that the database does not know yet, as the
// owner of the database; "reset" drops everything first, "seed" adds rows to develop with.
import { readdirSync, readFileSync } from 'fs';
import { Client } from 'pg';
import { databaseUrl } from '../lib/config';
import { log } from '../lib/state';

async function apply(db: Client, name: string) {
	await db.query('begin');
	await db.query(readFileSync(`migrations/${name}`, 'utf8'));
	await db.query('insert into schema_migrations (name) values ($1)', [name]);
	await db.query('commit');
	log('info', `applied ${name}`);
}

async function main() {
	const db = new Client({ connectionString: databaseUrl('MIGRATION_DATABASE_URL', 'POSTGRES_PASSWORD') });
	await db.connect();
	await db.query("select pg_advisory_lock(hashtext('migrations'))"); // one at a time
	if (process.argv[2] === 'reset')
		await db.query('drop table if exists tasks, users, schema_migrations cascade');
	await db.query(`create table if not exists schema_migrations (
		name text primary key, applied timestamptz not null default now())`);
	const known = new Set((await db.query('select name from schema_migrations')).rows.map((r) => r.name));
	for (const name of readdirSync('migrations').filter((f) => f.endsWith('.sql')).sort())
		if (!known.has(name)) await apply(db, name);
	if (process.argv[2] === 'seed')
		await db.query(`insert into users (email) values ('ada@octocode.dev'), ('bob@octocode.dev')
			on conflict do nothing`);
	await db.end();
}

main().catch((e) => {
	log('error', e.message);
	process.exit(1);
});
