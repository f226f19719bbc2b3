#!/bin/sh
# check-env.sh [dev|prod]: is everything there that the stack needs? Says all that is missing. As in
# Compose a variable of the environment goes before one of .env.
cd "$(dirname "$0")/../.." || exit 2
bad=0
wrong() { echo "check-env: $*" >&2; bad=1; }
value() { # NAME DEFAULT
	printenv "$1" || { [ -f .env ] && sed -n "s/^$1=//p" .env | sed 's/^"\(.*\)"$/\1/' | grep .; } || echo "$2"
}
number() { # NAME DEFAULT
	case $(value "$1" "$2") in
	'' | *[!0-9]* | 0) wrong "$1 is no number above 0" ;;
	esac
}

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
case $(value NEXTAUTH_URL https://localhost) in
http://?* | https://?*) ;;
*) wrong "NEXTAUTH_URL is no URL" ;;
esac
number POSTGRES_MAX_CONNECTIONS 200
number BACKUP_RETENTION_DAYS 30
value BACKUP_SCHEDULE '0 2 * * *' | grep -Eqx '([0-9]{1,2}|\*) ([0-9]{1,2}|\*) \* \* \*' ||
	wrong 'BACKUP_SCHEDULE is no "MINUTE HOUR * * *"'
[ $bad = 0 ] && echo "check-env: all there"
exit $bad
