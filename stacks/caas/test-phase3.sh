#!/bin/sh
# Runs the tests of phase 3 in a container against the running services; the exit code is theirs.
set -eu
cd "$(dirname "$0")"
COMPOSE="${COMPOSE:-docker compose}"
${COMPOSE% compose} version >/dev/null
for service in socket-service-1 socket-service-2; do
	$COMPOSE ps --format json "$service" | grep -q '"Health": *"healthy"' ||
		{ echo "$service is not healthy: ./start.sh first" >&2; exit 1; }
done
$COMPOSE --profile test run --rm ${NO_BUILD:+--pull never} phase3-test && echo "phase 3: passed"
