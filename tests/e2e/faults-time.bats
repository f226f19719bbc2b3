#!/usr/bin/env bats
# The time of day jumps: what waits goes by the steady clock, lines and ages by the other.
# build/berth-faults adds to the time of day what a file says (tests/fault/hook.c).
load lib

setup_file() {
	root_up
	make_busybox_image
	export BERTH=${BERTH%/berth}/berth-faults BERTH_CLOCK=$BERTH_HOME/clock
	jump 0
}
teardown_file() { root_down; }

jump() { echo "$1      " >"$BERTH_CLOCK"; }
supervisor() { cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
renewed() { [ "$(supervisor)" != "$1" ] && kill -0 "$(supervisor)" 2>/dev/null; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }
probes() { berth exec a cat /probes 2>/dev/null | wc -l; }
more_probes() { [ "$(probes)" -ge "$1" ]; }
restarts() { inspect b RestartCount; }
more_restarts() { [ "$(restarts)" -ge "$1" ]; }

@test "checks and restarts go on through jumps of a year, a day and an hour, both ways" {
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    healthcheck: {test: "echo >>/probes", interval: 100ms}
		  b:
		    image: busybox
		    command: sleep 0.05
		    deploy: {restart_policy: {condition: any, delay: 50ms, window: 10ms}}
	END
	berth up -d --wait a
	berth up -d
	for seconds in 31536000 -86400 -3600 0; do
		jump "$seconds"
		n=$(probes) m=$(restarts)
		wait_for 20 more_probes $((n + 3))
		wait_for 20 more_restarts $((m + 2))
		[ "$(inspect a State.Health.Status)" = healthy ]
		berth ps >/dev/null
	done
	[ "$(inspect a RestartCount)" = 0 ]
}

@test "a pause that a killed supervisor leaves behind does not grow by a jump" {
	compose <<-END
		services:
		  b:
		    image: busybox
		    command: sh -c 'while [ ! -e /go ]; do sleep 0.05; done; rm /go; exit 3'
		    init: true
		    deploy: {restart_policy: {condition: any, delay: 300ms}}
	END
	berth up -d
	for seconds in -86400 31536000; do
		jump 0
		m=$(restarts) old=$(supervisor) # before it ends: it may be back in a moment
		wait_for 20 berth exec b touch /go
		jump "$seconds"
		kill -9 "$old"
		wait_for 20 renewed "$old"
		wait_for 30 more_restarts $((m + 1))
	done
	jump 0
}

@test "a stop has its grace and a probe its limit, whatever the time of day" {
	compose <<-END
		services:
		  deaf: {image: busybox, command: "sh -c 'trap : TERM; while :; do sleep 0.05; done'", stop_grace_period: 500ms}
		  hangs:
		    image: busybox
		    command: sleep 1000
		    healthcheck: {test: sleep 7777, interval: 100ms, timeout: 300ms, retries: 1}
	END
	berth up -d
	jump -31536000
	unhealthy() { [ "$(inspect hangs State.Health.Status)" = unhealthy ]; }
	wait_for 20 unhealthy
	berth stop
	[ "$(inspect deaf State.ExitCode)" = 137 ]
	jump 0
}

@test "lines carry the time of day, --since and --until cut by it, and none is lost" {
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'echo one; while [ ! -e /go ]; do sleep 0.05; done; echo two; sleep 1000'
	END
	said() { berth logs --no-log-prefix a | grep -qx "$1"; }
	berth up -d
	wait_for 10 said one
	jump 864000
	berth exec a touch /go
	wait_for 10 said two
	days=$(date -d @$(($(date +%s) + 432000)) +%Y-%m-%dT%H:%M:%S)
	[ "$(berth logs --no-log-prefix --since "$days" a)" = two ]
	[ "$(berth logs --no-log-prefix --until "$days" a)" = one ]
	jump -864000
	[ "$(berth logs --no-log-prefix a | paste -sd,)" = one,two ]
	[[ $(berth ps a) == *Up* ]]
	jump 0
}
