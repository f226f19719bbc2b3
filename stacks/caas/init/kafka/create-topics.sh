#!/bin/sh
# The topics, on all three brokers; those that are there stay as they are.
set -eu
cd "$(dirname "$0")/../.."
${COMPOSE:-docker compose} exec -T kafka-1 sh -ec '
there=$(kafka-topics --bootstrap-server kafka-1:29092 --list)
for topic; do
	case "
$there
" in *"
$topic
"*) echo "topic $topic is there"; continue ;; esac
	kafka-topics --bootstrap-server kafka-1:29092 --create --if-not-exists --topic "$topic" \
		--partitions 3 --replication-factor 3
done' sh messages events notifications
