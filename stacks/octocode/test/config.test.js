const test = require('node:test');
const assert = require('node:assert');
const { writeFileSync } = require('fs');
const { databaseUrl, redisUrl, setting } = require('../dist/lib/config.js');

test('a file wins over a variable', () => {
	writeFileSync('/tmp/octocode-test-secret', 'from the file\n');
	process.env.A_KEY = 'from the variable';
	process.env.A_KEY_FILE = '/tmp/octocode-test-secret';
	assert.equal(setting('A_KEY'), 'from the file');
});
test('addresses take their passwords from secrets', () => {
	process.env.DATABASE_URL = 'postgresql://app@db:5432/octocode';
	process.env.APP_DB_PASSWORD = 'p:w';
	assert.equal(databaseUrl(), 'postgresql://app:p%3Aw@db:5432/octocode');
	process.env.REDIS_URL = 'redis://oc_redis:6379';
	process.env.REDIS_PASSWORD = 'x';
	assert.equal(redisUrl(), 'redis://:x@oc_redis:6379');
});
