#!/bin/bash
# Takes the MONGO_INITDB_* variables and /docker-entrypoint-initdb.d as MongoDB's image does: on the
# first start the administrator is made and the scripts run against a server on loopback only.
set -eu
data=/data/db
export HOME=/tmp # mongosh keeps a history
serve() { # ADDRESS ARGUMENT...
	local address=$1
	shift
	set -- --handler=sqlite --sqlite-url="file:$data/" --state-dir="$data" --telemetry=disable \
		--debug-addr=- --log-level=ERROR --listen-addr="$address" "$@"
	[ -z "${MONGO_INITDB_ROOT_USERNAME:-}" ] || set -- "$@" --test-enable-new-auth
	exec ferretdb "$@"
}

first_start() {
	local setup=() server f
	if [ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ]; then
		setup=(--setup-database=admin --setup-username="$MONGO_INITDB_ROOT_USERNAME"
			--setup-password="$MONGO_INITDB_ROOT_PASSWORD")
	fi
	serve 127.0.0.1:27017 ${setup[@]+"${setup[@]}"} &
	server=$!
	until (exec 3<>/dev/tcp/127.0.0.1/27017) 2>/dev/null; do
		kill -0 $server || exit 1
		sleep 0.1
	done
	for f in /docker-entrypoint-initdb.d/*; do
		case $f in
		*.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;;
		*.js) mongosh --quiet "mongodb://127.0.0.1/${MONGO_INITDB_DATABASE:-test}" "$f" ;;
		esac
	done
	kill $server
	wait $server || true
	touch "$data/.initialised"
}

case ${1:-mongod} in
mongod | -*) ;;
*) exec "$@" ;;
esac
if [ "$(id -u)" = 0 ]; then
	chown -R mongodb: "$data"
	exec setpriv --reuid mongodb --regid mongodb --init-groups -- "$0" "$@"
fi
[ -e "$data/.initialised" ] || first_start
[[ " $* " =~ \ --replSet\ ([^ ]+) ]] || serve 0.0.0.0:27017
serve 0.0.0.0:27017 --repl-set-name="${BASH_REMATCH[1]}"
