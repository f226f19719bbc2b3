import { readFileSync } from 'fs';

// A variable, or the content of the file that NAME_FILE names (a mounted secret).
export function setting(name: string, fallback = ''): string {
	const file = process.env[`${name}_FILE`];
	return file ? readFileSync(file, 'utf8').trim() : process.env[name] || fallback;
}

// The address of the database: DATABASE_URL, its password from the secret if it has none.
export function databaseUrl(name = 'DATABASE_URL', password = 'APP_DB_PASSWORD'): string {
	const url = new URL(setting(name));
	if (!url.password) url.password = encodeURIComponent(setting(password));
	return url.toString();
}

export function redisUrl(): string {
	const url = new URL(setting('REDIS_URL'));
	const password = setting('REDIS_PASSWORD');
	if (!url.password && password) url.password = encodeURIComponent(password);
	return url.toString();
}
