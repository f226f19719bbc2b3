#!/usr/bin/env bats
# Projects that come back with the machine. The machine here is everything that a project has in
# memory: processes, mounts, interfaces, rules, BERTH_RUN and the boot's id.
load lib

setup_file() {
	root_up
	make_busybox_image
	new_boot
}
teardown_file() {
	umount -l /proc/sys/kernel/random/boot_id
	root_down
}

new_boot() {
	umount -l /proc/sys/kernel/random/boot_id 2>/dev/null || true
	cat /proc/sys/kernel/random/uuid >"$BERTH_HOME/boot_id"
	mount --bind "$BERTH_HOME/boot_id" /proc/sys/kernel/random/boot_id
}

# All are stopped before the first is killed, so that nothing of berth sees the end: twice, because
# one may have been made while the others were being stopped.
power_cut() {
	# shellcheck disable=SC2046
	for signal in STOP STOP KILL; do
		kill -$signal $(berth_processes) 2>/dev/null || true
	done
	wait_for 5 sh -c '! ps -eo stat=,comm= | grep -E "^[^Z].*(sleep|berth-)"'
	new_boot
	awk -v h="$BERTH_HOME/" 'index($5, h) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		xargs -r -n 1 umount -l
	rm -rf "${BERTH_RUN:?}"/*
	ip -o link show type bridge | awk -F': ' '{ print $2 }' | xargs -r -n 1 ip link del
	nft flush ruleset
}

policies() {
	compose <<-END
		services:
		  always: {image: busybox, command: sleep 1000, restart: always}
		  unless: {image: busybox, command: sleep 1000, restart: unless-stopped}
		  failure: {image: busybox, command: sleep 1000, restart: on-failure}
		  never: {image: busybox, command: sleep 1000}
	END
}
running() { berth ps --format json | jq -r '.Service' | sort | tr '\n' ' '; }
run_are() { [ "$(running)" = "$1" ]; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }

@test "after a power cut only what an enabled project's policies say comes back" {
	policies
	berth up -d
	BERTH_PREFIX=$BERTH_HOME/fake berth enable --init rc
	power_cut
	berth boot
	wait_for 5 run_are 'always failure unless '
	[ "$(inspect never State.Status)" = exited ]
	power_cut
	BERTH_PREFIX=$BERTH_HOME/fake berth disable
	[ -z "$(berth boot)" ]
	[ -z "$(running)" ]
}

@test "unless-stopped remembers who stopped it, always does not" {
	policies
	berth up -d
	BERTH_PREFIX=$BERTH_HOME/fake berth enable --init rc
	berth stop -t 0
	power_cut
	berth boot
	wait_for 5 run_are 'always '
	berth start
	power_cut
	berth boot
	wait_for 5 run_are 'always failure unless '
}

@test "they come back in order, a gate waits again, and a dependency comes along" {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'if test -e /s/db; then echo after; else echo before; fi >/s/web; sleep 1000'
		    restart: always
		    volumes: [state:/s]
		    depends_on: {db: {condition: service_healthy}, once: {condition: service_completed_successfully}}
		  db:
		    image: busybox
		    command: sh -c 'sleep 0.3; echo db >/s/db; sleep 1000'
		    volumes: [state:/s]
		    healthcheck: {test: test -e /s/db, interval: 50ms, retries: 600}
		  once: {image: busybox, command: "sh -c 'echo x >>/s/once'", volumes: [state:/s]}
		volumes: {state: {}}
	END
	berth up -d
	BERTH_PREFIX=$BERTH_HOME/fake berth enable --init rc
	at=$(dirname "$(find "$BERTH_ROOT/volumes" -name db -path "*${PROJECT}_state*")")
	power_cut
	rm -f "$at/db" "$at/web"
	berth boot
	wait_for 5 test -s "$at/web"
	[ "$(cat "$at/web")" = after ]
	[ "$(cat "$at/once")" = x ]
	wait_for 5 run_are 'db web '
}

@test "a shutdown stops in order, ends well, and all of it comes back" {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'trap "sleep 0.2; echo web bye; exit 0" TERM; touch /ready; while :; do sleep 0.1; done'
		    restart: unless-stopped
		    depends_on: [db]
		  db:
		    image: busybox
		    command: sh -c 'trap "echo db bye; exit 0" TERM; touch /ready; while :; do sleep 0.1; done'
		    restart: unless-stopped
	END
	berth up -d
	for service in web db; do wait_for 5 berth exec -T $service test -e /ready; done
	BERTH_PREFIX=$BERTH_HOME/fake berth enable --init rc
	berth boot --stop
	nobody() { [ -z "$(berth_processes)" ]; }
	wait_for 5 nobody
	[ "$(inspect web State.ExitCode)" = 0 ]
	[[ "$(inspect web State.FinishedAt)" < "$(inspect db State.FinishedAt)" ]]
	berth boot
	wait_for 5 run_are 'db web '
}

@test "a container whose state was torn by the power cut is made anew by up" {
	policies
	berth up -d
	for s in always unless; do
		: >"$BERTH_ROOT/projects/$PROJECT/containers/$PROJECT-$s-1/state.json"
	done
	BERTH_PREFIX=$BERTH_HOME/fake berth enable --init rc
	power_cut
	berth boot
	wait_for 5 run_are 'always failure unless '
	berth up -d
	wait_for 5 run_are 'always failure never unless '
}

@test "enable writes a unit, a script or a line; disable takes it away" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
	END
	rm -rf "$BERTH_ROOT/enabled"
	export BERTH_PREFIX=$BERTH_HOME/root
	run berth enable
	[ "$status" -ne 0 ]
	[[ "$output" == *'"berth up -d" first'* ]]
	berth up -d
	mkdir -p "$BERTH_PREFIX/lib/systemd" "$BERTH_PREFIX/sbin" "$BERTH_PREFIX/etc"
	install /bin/true "$BERTH_PREFIX/lib/systemd/systemd"
	strace -qq -y -e trace=symlink,fsync -o calls "$BERTH" enable
	[[ $(tail -n 1 calls) == fsync*multi-user.target.wants* ]] # the link outlives a power cut
	unit=$BERTH_PREFIX/etc/systemd/system/multi-user.target.wants/berth.service
	grep -x "ExecStart=$(readlink -f "$BERTH") boot" "$unit"
	grep -x "Environment=BERTH_ROOT=$BERTH_ROOT BERTH_RUN=$BERTH_RUN" "$unit"
	! command -v systemd-analyze || systemd-analyze verify "$unit"
	berth disable
	[ ! -L "$unit" ]
	rm "$BERTH_PREFIX/lib/systemd/systemd"
	install /bin/true "$BERTH_PREFIX/sbin/openrc-run"
	berth enable
	sh -n "$BERTH_PREFIX/etc/init.d/berth"
	[ -x "$BERTH_PREFIX/etc/init.d/berth" ]
	[ "$(readlink "$BERTH_PREFIX/etc/runlevels/default/berth")" = /etc/init.d/berth ]
	berth disable
	[ ! -e "$BERTH_PREFIX/etc/init.d/berth" ]
	rm "$BERTH_PREFIX/sbin/openrc-run"
	printf '#!/bin/sh\necho mine\nexit 0\n' >"$BERTH_PREFIX/etc/rc.local"
	cp "$BERTH_PREFIX/etc/rc.local" before
	berth enable
	berth enable
	[ "$(grep -c berth "$BERTH_PREFIX/etc/rc.local")" = 1 ]
	[ "$(tail -n 1 "$BERTH_PREFIX/etc/rc.local")" = 'exit 0' ]
	berth stop -t 0
	sh "$BERTH_PREFIX/etc/rc.local" | grep -x "$PROJECT"
	berth disable
	cmp "$BERTH_PREFIX/etc/rc.local" before
}
