#!/bin/sh
# backup.sh run|list|verify [FILE]|cleanup|schedule|alive: dumps of the database in two formats.
#   run       a custom dump and a compressed SQL one, with their checksums; then cleanup
#   list      what there is: time, size, name, whether its checksum holds
#   verify    checks one file, or all: checksum, and that it can be read to its end
#   cleanup   removes what is older than BACKUP_RETENTION_DAYS, never the newest of a format
#   schedule  waits for the minute and hour of BACKUP_SCHEDULE ("M H * * *"), then run; for ever
#   alive     does "schedule" go on? For the health check
# NOTIFICATION_WEBHOOK is told of every run.
set -eu
dir=${BACKUP_DIR:-/backups}
[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:-}}"

dump() { pg_dump -h "$POSTGRES_HOST" -U "$POSTGRES_USER" -d "$POSTGRES_DB" "$@"; }

# keep NAME: what comes on standard input, under its name only once it is whole.
keep() {
	cat >"$dir/.$1.part"
	(cd "$dir" && mv ".$1.part" "$1" && sha256sum "$1" >"$1.sha256")
}

tell() { # TEXT
	echo "$1"
	[ -z "${NOTIFICATION_WEBHOOK:-}" ] || wget -q -O /dev/null --header 'Content-Type: application/json' \
		--post-data "{\"text\": \"$1\"}" "$NOTIFICATION_WEBHOOK" || echo "the webhook does not answer" >&2
}

run() {
	exec 9>"$dir/.lock" # let go of by the kernel, however this ends
	flock -n 9 || { echo "another backup is running ($dir/.lock)" >&2; exit 1; }
	trap 'rm -f "$dir"/.*.part' EXIT
	name=${1:-octocode}-$(date -u +%Y%m%dT%H%M%SZ)
	if dump -Fc >"$dir/.$name.custom.part" && dump >"$dir/.$name.text.part"; then
		keep "$name.dump" <"$dir/.$name.custom.part"
		gzip -c "$dir/.$name.text.part" | keep "$name.sql.gz"
		tell "backup $name of $POSTGRES_DB is done"
	else
		tell "backup $name of $POSTGRES_DB failed"
		exit 1
	fi
	cleanup
}

sound() { # FILE
	(cd "$dir" && sha256sum -c --status "$1.sha256") 2>/dev/null || return 1
	case $1 in
	*.gz) gzip -t "$dir/$1" ;;
	*) pg_restore -f /dev/null "$dir/$1" ;;
	esac
}

list() {
	for f in "$dir"/*.dump "$dir"/*.sql.gz; do
		[ -f "$f" ] || continue
		state=damaged
		! sound "${f##*/}" 2>/dev/null || state=sound
		printf '%s  %10s  %-8s  %s\n' "$(date -u -r "$f" +%Y-%m-%dT%H:%M:%SZ)" \
			"$(wc -c <"$f")" $state "${f##*/}"
	done
}

verify() {
	bad=0
	for f in ${1:+"$dir/$1"} ${1:-"$dir"/*.dump "$dir"/*.sql.gz}; do
		f=${f##*/}
		[ -f "$dir/$f" ] || continue
		if sound "$f"; then echo "$f: sound"; else echo "$f: damaged"; bad=1; fi
	done
	return $bad
}

cleanup() {
	for kind in dump sql.gz; do
		newest=$(ls -t "$dir"/*."$kind" 2>/dev/null | head -n 1)
		find "$dir" -name "*.$kind" -mtime "+${BACKUP_RETENTION_DAYS:-30}" ! -path "$newest" |
			while read -r f; do
				rm -f "$f" "$f.sha256"
				echo "removed ${f##*/}"
			done
	done
}

schedule() {
	set -f
	# shellcheck disable=SC2086
	set -- ${BACKUP_SCHEDULE:-0 2 * * *}
	set +f
	trap 'exit 0' TERM INT
	echo "backups at minute $1 of hour $2 (UTC)"
	while :; do
		touch /tmp/alive
		now=$(date -u '+%-M %-H')
		if { [ "$1" = '*' ] || [ "$1" = "${now% *}" ]; } && { [ "$2" = '*' ] || [ "$2" = "${now#* }" ]; }; then
			"$0" run || true
		fi
		sleep $((60 - $(date +%-S))) &
		wait $! || true
	done
}

alive() { # a backup that takes long holds the lock: that is no standstill
	[ -n "$(find /tmp/alive -mmin -3)" ] || ! flock -n "$dir/.lock" true
}

verb=${1:-run}
[ $# = 0 ] || shift
case $verb in
run | list | verify | cleanup | schedule | alive) "$verb" "$@" ;;
*) sed -n '2,9s/^# //p' "$0" >&2; exit 2 ;;
esac
