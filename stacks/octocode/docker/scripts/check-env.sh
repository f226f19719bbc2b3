#!/bin/sh
# check-env.sh [dev|prod]: is everything there that the stack needs? Says all that is missing.
cd "$(dirname "$0")/../.." || exit 2
[ ! -f .env ] || . ./.env
bad=0
wrong() { echo "check-env: $*" >&2; bad=1; }
if [ "${1:-prod}" = prod ]; then
	for name in postgres_password app_db_password redis_password nextauth_secret anthropic_api_key; do
		[ -s "secrets/$name" ] || { wrong "secrets/$name is missing or empty"; continue; }
		case $(cat "secrets/$name") in
		change-me* | secure-password | your-*) wrong "secrets/$name still has its example value" ;;
		esac
	done
	for name in server.crt server.key; do
		[ -s "docker/prod/ssl/$name" ] || wrong "docker/prod/ssl/$name is missing"
	done
fi
case ${NEXTAUTH_URL:-https://localhost} in
http://* | https://*) ;;
*) wrong "NEXTAUTH_URL is no URL" ;;
esac
case ${POSTGRES_MAX_CONNECTIONS:-200} in
*[!0-9]* | '') wrong "POSTGRES_MAX_CONNECTIONS is no number" ;;
esac
[ $bad = 0 ] && echo "check-env: all there"
exit $bad
