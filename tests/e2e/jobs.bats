#!/usr/bin/env bats
# Commands that meet: who waits, who gives way, and what is there when one returns.
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }

never_healthy() {
	compose <<-END
		services:
		  web: {image: busybox, command: sleep 1000, depends_on: {db: {condition: service_healthy}}}
		  db:
		    image: busybox
		    command: sleep 1000
		    stop_grace_period: 0s
		    healthcheck: {test: "false", interval: 1h, start_period: 1h}
		  other: {image: busybox, command: sleep 1000}
	END
}
runs() { [ "$(berth ps -q "$1" | wc -l)" = 1 ]; }
created() { [ "$(berth ps -aq "$1" | wc -l)" = 1 ]; }

@test "down overtakes an up that waits for a service that never gets healthy" {
	never_healthy
	berth up --wait 2>said 3>&- &
	up=$!
	wait_for 30 runs db
	berth down -t 0
	run wait $up
	[ "$status" -eq 1 ]
	grep 'overtaken by "down" of process' said
	[ -z "$(berth ps -aq)" ]
}

@test "an up that was interrupted is not waited for; what was made stays" {
	never_healthy
	for signal in INT KILL; do
		setsid -f sh -c 'echo $$ >pid; exec "$0" up -d' "$BERTH" 3>&-
		wait_for 30 runs other
		wait_for 30 runs db
		wait_for 30 created web
		kill -$signal "$(cat pid)"
		created web
		[ -z "$(berth ps -q web)" ]
		berth restart -t 0 other
		berth down -t 0
	done
}

@test "stop of another service does not call an up off" {
	never_healthy
	sed -i 's/test: "false", interval: 1h/test: test -e \/go, interval: 50ms, retries: 1000/' compose.yaml
	berth up -d other
	berth up --wait web 3>&- &
	up=$!
	wait_for 30 runs db
	berth stop -t 0 other 3>&- &
	stop=$!
	berth exec db touch /go
	wait $up
	wait $stop
	runs web
	! runs other
}

@test "down and up at once, 15 rounds; run --rm back to back, 15 rounds" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
	END
	for _ in $(seq 15); do
		berth up -d
		[ "$(berth ps -q | wc -l)" = 1 ]
		berth down -t 0
		[ -z "$(berth ps -aq)" ]
	done
	for n in $(seq 15); do
		[ "$(berth run --rm -T a echo "$n")" = "$n" ]
		[ -z "$(berth ps -aq)" ]
	done
}
