#!/bin/sh
# Fills what is missing of secrets/ and docker/prod/ssl/ with random values and a self-signed
# certificate. The folder is root's alone; the files in it can be read by the containers' users.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p secrets docker/prod/ssl
chmod 700 secrets
for name in postgres_password app_db_password redis_password nextauth_secret anthropic_api_key; do
	[ -s "secrets/$name" ] || openssl rand -hex 24 >"secrets/$name"
	chmod 444 "secrets/$name"
done
if [ ! -s docker/prod/ssl/server.key ]; then
	openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,DNS:oc_database \
		-keyout docker/prod/ssl/server.key -out docker/prod/ssl/server.crt 2>/dev/null
fi
