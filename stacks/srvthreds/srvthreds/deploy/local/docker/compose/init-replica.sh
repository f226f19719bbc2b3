#!/bin/bash
# Makes the replica set rs0 of this one member, unless there is one.
set -eu
out=$(mongosh --quiet "mongodb://mongo-repl-1:27017/?directConnection=true" --eval '
try {
	const { setName } = db.hello();
	try { rs.status(); print("rs0 is there"); } catch (e) {
		if (e.codeName !== "NotYetInitialized") throw e;
		rs.initiate({_id: "rs0", members: [{_id: 0, host: "mongo-repl-1:27017"}]});
		print("rs0 is made");
	}
} catch (e) {
	// FerretDB, which stands in where MongoDB cannot be had, has no elections.
	if (!/not implemented|no such command|CommandNotFound/i.test(`${e.codeName} ${e.message}`)) throw e;
	print(`this server knows no replica sets (${e.message}); it answers as the single member ${db.hello().setName ?? ""}`);
}')
echo "$out"
