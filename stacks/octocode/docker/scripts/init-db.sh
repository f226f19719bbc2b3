#!/bin/sh
# Runs once, on an empty data directory: the role that the application logs in as, which owns nothing,
# and the statistics of statements. With REQUIRE_TLS=1 nobody gets in over the network without TLS.
set -eu
password=${APP_DB_PASSWORD:-}
[ -z "${APP_DB_PASSWORD_FILE:-}" ] || password=$(cat "$APP_DB_PASSWORD_FILE")
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$password" <<-'END'
	create role octocode_app login nosuperuser nocreatedb nocreaterole password :'password';
	create extension if not exists pg_stat_statements;
END
if [ "${REQUIRE_TLS:-}" = 1 ]; then
	sed -i 's/^host all all all/hostssl all all all/' "$PGDATA/pg_hba.conf"
fi
