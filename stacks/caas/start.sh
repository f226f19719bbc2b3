#!/bin/sh
# Brings the platform up, step by step as the document says; may be run again at any time.
set -eu
cd "$(dirname "$0")"
export COMPOSE="${COMPOSE:-docker compose}"
step() { echo "== $*"; }
value() { $COMPOSE config --environment | sed -n "s/^$1=//p"; }
healthy() { # SERVICE...
	left=${START_TIMEOUT:-300}
	while [ "$left" -gt 0 ]; do
		good=$($COMPOSE ps --format json "$@" | grep -o '"Health": *"healthy"' | wc -l)
		[ "$good" -ne $# ] || return 0
		left=$((left - 1))
		sleep 1
	done
	echo "not healthy in time: $*" >&2
	$COMPOSE ps -a >&2
	exit 1
}
changed() { # NAME VALUE-OF-THE-DOCUMENT
	case $(value "$1") in
	'' | "$2") echo "$1 has its development value" >&2 && exit 1 ;;
	esac
}

step "1 is there something to run containers with?"
${COMPOSE% compose} version >/dev/null
if [ "$(value CAAS_ENV)" = production ]; then
	changed MONGO_ROOT_PASSWORD caas_secret_2026
	changed MONGO_APP_PASSWORD caas_app_2026
	changed REDIS_PASSWORD caas_redis_2026
	changed MONGO_EXPRESS_PASSWORD caas_express_2026
	changed JWT_SECRET change_this_in_production_please
fi
if [ ! -s init/mongodb/mongo-keyfile ]; then
	(umask 077 && openssl rand -base64 756 >init/mongodb/mongo-keyfile)
fi
step "2 start all services"
$COMPOSE up -d
step "3 wait for MongoDB"
healthy mongodb-primary mongodb-secondary-1 mongodb-secondary-2
step "4 and 5 replica set and collections"
init/mongodb/init-replica-and-collections.sh
step "6 wait for Kafka"
healthy kafka-1 kafka-2 kafka-3
step "7 topics"
init/kafka/create-topics.sh
step "8 are all services well?"
healthy redis zookeeper schema-registry gateway socket-service-1 socket-service-2 \
	kafka-ui mongo-express redis-commander
echo "the platform is up: http://localhost:3000"
