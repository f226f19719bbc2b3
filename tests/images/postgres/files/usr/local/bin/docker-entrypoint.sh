#!/bin/bash
# Makes the database on the first start, runs what lies in /docker-entrypoint-initdb.d against it
# while it listens on its socket only, then becomes the server.
set -eu
# from_file NAME: NAME from the file that NAME_FILE names (a mounted secret), if set.
from_file() {
	local file=$1_FILE
	[ -z "${!file:-}" ] || export "$1=$(cat "${!file}")"
}

first_start() {
	if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
		echo 'set POSTGRES_PASSWORD (or POSTGRES_HOST_AUTH_METHOD=trust, which lets everybody in)' >&2
		exit 1
	fi
	local args=()
	[ -z "${POSTGRES_INITDB_ARGS:-}" ] || read -ra args <<<"$POSTGRES_INITDB_ARGS"
	initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") \
		--auth-local=trust --auth-host=scram-sha-256 ${args[@]+"${args[@]}"}
	echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
	pg_ctl -w -o "-c listen_addresses=''" start
	[ "$POSTGRES_DB" = postgres ] || createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
	local f sql=(psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB")
	for f in /docker-entrypoint-initdb.d/*; do
		case $f in
		*.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;;
		*.sql) "${sql[@]}" -f "$f" ;;
		*.sql.gz) gunzip -c "$f" | "${sql[@]}" ;;
		esac
	done
	pg_ctl -w -m fast stop
}

[ "${1:-}" = '' ] || [ "${1#-}" = "$1" ] || set -- postgres "$@"
[ "${1:-postgres}" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chmod 700 "$PGDATA"
	find "$PGDATA" \! -user postgres -exec chown postgres {} +
	exec setpriv --reuid postgres --regid postgres --init-groups -- "$0" "$@"
fi
for name in POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_INITDB_ARGS; do
	from_file $name
done
export POSTGRES_USER=${POSTGRES_USER:-postgres}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
[ -s "$PGDATA/PG_VERSION" ] || first_start
exec "$@"
