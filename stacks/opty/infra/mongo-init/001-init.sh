#!/bin/bash
# Runs once, on the first start with an empty data directory: makes the database "opty" and the user
# that the socket backend logs in as.
set -eu
admin() {
	mongosh --quiet --host 127.0.0.1 -u "$MONGO_INITDB_ROOT_USERNAME" \
		-p "$MONGO_INITDB_ROOT_PASSWORD" --authenticationDatabase admin "$@"
}
for _ in $(seq 30); do
	admin --eval 'db.adminCommand("ping")' >/dev/null 2>&1 && break
	sleep 1
done
admin --eval '
const opty = db.getSiblingDB("opty");
const user = process.env.MONGO_APP_USER, pwd = process.env.MONGO_APP_PASSWORD;
if (!opty.getCollectionNames().includes("sessions")) opty.createCollection("sessions");
if (opty.getUser(user)) {
	print(`user ${user} is there already`);
} else {
	try {
		opty.createUser({user, pwd, roles: [{role: "readWrite", db: "opty"}]});
	} catch (e) {
		// FerretDB knows users but not roles: there the user is not confined to "opty".
		if (!/roles/.test(e.message)) throw e;
		opty.createUser({user, pwd, roles: []});
		print("this server has no roles: the user may read and write every database");
	}
	print(`user ${user} made`);
}'
