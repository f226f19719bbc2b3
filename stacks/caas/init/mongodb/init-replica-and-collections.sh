#!/bin/sh
# The replica set of three, the application's user, the collections; changes nothing the second time.
# Runs on the host: COMPOSE says how to reach the project.
set -eu
cd "$(dirname "$0")/../.."
${COMPOSE:-docker compose} exec -T mongodb-primary sh -ec '
exec mongosh --quiet -u "$MONGO_INITDB_ROOT_USERNAME" -p "$MONGO_INITDB_ROOT_PASSWORD" \
	--authenticationDatabase admin --eval "$0"' '
try {
	rs.status();
	print("the replica set is there");
} catch (e) {
	if (e.codeName === "NotYetInitialized") {
		rs.initiate({_id: "rs0", members: [
			{_id: 0, host: "mongodb-primary:27017", priority: 2},
			{_id: 1, host: "mongodb-secondary-1:27017"},
			{_id: 2, host: "mongodb-secondary-2:27017"}]});
		while (!db.hello().isWritablePrimary) sleep(500);
		print("the replica set is made");
	} else if (/not implemented|no such command|CommandNotFound/i.test(`${e.codeName} ${e.message}`)) {
		// FerretDB, which stands in where MongoDB cannot be had, has no elections.
		print("this server knows no replica sets: its three nodes stay apart");
	} else {
		throw e;
	}
}
const caas = db.getSiblingDB("caas");
const user = process.env.MONGO_APP_USER, pwd = process.env.MONGO_APP_PASSWORD;
if (!caas.getUser(user)) {
	try {
		caas.createUser({user, pwd, roles: [{role: "readWrite", db: "caas"}]});
	} catch (e) {
		if (!/roles/.test(e.message)) throw e;
		caas.createUser({user, pwd, roles: []});
		print("this server has no roles: the user may read and write every database");
	}
	print(`user ${user} made`);
}
const there = caas.getCollectionNames();
for (const name of ["users", "messages", "receipts", "notifications", "presence"])
	if (!there.includes(name)) { caas.createCollection(name); print(`collection ${name} made`); }
'
