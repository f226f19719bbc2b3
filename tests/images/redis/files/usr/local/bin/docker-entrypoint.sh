#!/bin/sh
# Arguments alone are the server's; it gives root away, and answers others than loopback.
set -e
case ${1:-} in -* | *.conf) set -- redis-server "$@" ;; esac
[ "${1:-}" = redis-server ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis {} +
	exec setpriv --reuid redis --regid redis --init-groups -- "$0" "$@"
fi
case " $* " in *' --protected-mode '*) ;; *) set -- "$@" --protected-mode no ;; esac
exec "$@"
