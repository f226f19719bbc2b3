#!/bin/sh
# restore.sh FILE: puts a dump back, whatever its format; the state before is dumped first. The result
# is checked and the statistics of the planner are made anew.
set -eu
dir=${BACKUP_DIR:-/backups}
file=${1:?restore.sh FILE}
[ -f "$file" ] || file=$dir/$file
[ -f "$file" ] || { echo "there is no $1" >&2; exit 1; }
[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:-}}"
export PGHOST="$POSTGRES_HOST" PGUSER="$POSTGRES_USER" PGDATABASE="$POSTGRES_DB"

"$(dirname "$0")/backup.sh" run pre-restore
work=$(mktemp)
trap 'rm -f "$work"' EXIT
case $(head -c 2 "$file" | od -An -tx1 | tr -d ' ') in
1f8b) gzip -dc "$file" >"$work" ;;
*) cat "$file" >"$work" ;;
esac
if [ "$(head -c 5 "$work")" = PGDMP ]; then
	sql() { pg_restore -f - --no-owner "$work"; }
else
	sql() { cat "$work"; }
fi
# One transaction: it is all as in the dump, or all as before.
{
	echo 'drop schema public cascade; create schema public; grant usage on schema public to public;'
	echo 'drop extension if exists pg_stat_statements;'
	sql | grep -v '^CREATE SCHEMA public'
} | psql -q -v ON_ERROR_STOP=1 --single-transaction >/dev/null
psql -qc 'analyze'
echo "restored from ${file##*/}: $(psql -Atc "select count(*) from information_schema.tables where table_schema = 'public'") tables"
psql -Atc "select relname || ': ' || (xpath('/row/c/text()', query_to_xml('select count(*) as c from public.' || quote_ident(relname), true, true, '')))[1]::text || ' rows' from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1"
