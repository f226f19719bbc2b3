#!/bin/sh
# Stops everything; the volumes stay.
set -eu
cd "$(dirname "$0")"
${COMPOSE:-docker compose} down "$@"
