#!/bin/bash
# Gives the data to the server's user, writes its first user into the configuration, becomes it.
set -eu
[ "${1:-}" = rabbitmq-server ] || exec "$@"
mkdir -p /etc/rabbitmq/conf.d
{
	echo 'loopback_users = none'
	echo "default_user = ${RABBITMQ_DEFAULT_USER:-guest}"
	echo "default_pass = ${RABBITMQ_DEFAULT_PASS:-guest}"
	echo 'log.console = true'
	echo 'log.console.level = warning'
} >/etc/rabbitmq/conf.d/10-entrypoint.conf
find /var/lib/rabbitmq /var/log/rabbitmq \! -user rabbitmq -exec chown rabbitmq: {} +
export HOME=/var/lib/rabbitmq
exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups -- /usr/lib/rabbitmq/bin/rabbitmq-server
