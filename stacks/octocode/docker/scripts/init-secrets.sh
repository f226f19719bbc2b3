#!/bin/sh
# Fills what is missing of secrets/ and docker/prod/ssl/ with random values and a self-signed
# certificate, and the key of the AI interface from ANTHROPIC_API_KEY: that one cannot be made up.
# The folder is root's alone; the files in it can be read by the containers' users.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p secrets docker/prod/ssl
chmod 700 secrets
for name in postgres_password app_db_password redis_password nextauth_secret; do
	[ -s "secrets/$name" ] || openssl rand -hex 24 >"secrets/$name"
done
if [ ! -s secrets/anthropic_api_key ]; then
	echo "${ANTHROPIC_API_KEY:-your-api-key}" >secrets/anthropic_api_key
	[ -n "${ANTHROPIC_API_KEY:-}" ] || echo 'put your key of the AI interface into secrets/anthropic_api_key'
fi
chmod 444 secrets/*
if [ ! -s docker/prod/ssl/server.key ]; then
	openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,DNS:oc_database \
		-keyout docker/prod/ssl/server.key -out docker/prod/ssl/server.crt 2>/dev/null
fi
