#!/usr/bin/env bats
# Health: every form of test, what hangs, what is kept, what heals.
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }

write() { cat >compose.yaml; }
health() { berth inspect "$PROJECT-$1-1" | jq -r '.[0].State.Health.Status'; }
is() { [ "$(health "$1")" = "$2" ]; }
failed_often() { [ "$(berth inspect "$PROJECT-$1-1" | jq '.[0].State.Health.FailingStreak')" -ge "$2" ]; }

@test "the first probe comes at once and the fast ones follow until it is ready" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'sleep 0.3; touch /ok; sleep 1000'
		    healthcheck: {test: [CMD, test, -e, /ok], interval: 1h, start_interval: 100ms}
	END
	berth up -d --wait
	is a healthy
}

@test "a check that fails makes it unhealthy, and the last outputs are kept" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    healthcheck: {test: "echo not yet; exit 3", interval: 50ms, retries: 2}
	END
	run berth up -d --wait
	[ "$status" = 1 ]
	[[ "$output" == *"is unhealthy"* ]]
	log=$(berth inspect "$PROJECT-a-1" | jq -c '.[0].State.Health.Log[-1]')
	[ "$(jq .ExitCode <<<"$log")" = 3 ]
	[[ "$(jq -r .Output <<<"$log")" == "not yet"* ]]
	wait_for 5 failed_often a 8
	[ "$(berth inspect "$PROJECT-a-1" | jq '.[0].State.Health.Log | length')" = 5 ]
}

@test "a probe that hangs is killed with its children" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    init: true
		    healthcheck: {test: "sleep 7777 & sleep 8888", interval: 100ms, timeout: 200ms, retries: 1}
	END
	berth up -d
	wait_for 5 is a unhealthy
	timed_out() { berth inspect "$PROJECT-a-1" | jq -er '.[0].State.Health.Log[-1].Output | contains("exceeded timeout")'; }
	wait_for 3 timed_out
	wait_for 5 failed_often a 4
	few() { [ "$(berth exec -T a ps | grep -c 'sleep [78]')" -le 2 ]; }
	wait_for 3 few # those of the probe under way
}

@test "a flood of output is cut and does not block the probe" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    healthcheck: {test: "yes | head -c 1000000", interval: 100ms, timeout: 60s}
	END
	berth up -d --wait
	[ "$(berth inspect "$PROJECT-a-1" | jq -r '.[0].State.Health.Log[-1].Output | length')" = 4099 ]
}

@test "disable and NONE mean no check" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000, healthcheck: {disable: true}}
		  b: {image: busybox, command: sleep 1000, healthcheck: {test: [NONE]}}
	END
	berth up -d --wait
	[ "$(health a)" = null ] || [ "$(health a)" = none ]
}

@test "an unhealthy service with a restart policy is restarted, by itself" {
	# Healthy from the second start on, for as long as one looks.
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'if [ -e /was ]; then touch /ok; else touch /was; fi; sleep 1000'
		    restart: always
		    healthcheck: {test: test -e /ok, interval: 100ms, retries: 2}
		    x-berth: {heal: {backoff: 100ms..1s}}
	END
	berth up -d
	wait_for 10 sh -c "[ \"\$('$BERTH' inspect $PROJECT-a-1 | jq '.[0].RestartCount')\" -ge 1 ]"
	wait_for 10 is a healthy
	berth events --json --since 1h --until 0s 2>/dev/null | grep -q heal || grep -q '"heal"' "$BERTH_ROOT/projects/$PROJECT/events.jsonl"
}

@test "without a restart policy it stays as it is" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    healthcheck: {test: exit 1, interval: 50ms, retries: 1}
	END
	berth up -d
	wait_for 5 is a unhealthy
	wait_for 5 failed_often a 5
	[ "$(berth inspect "$PROJECT-a-1" | jq '.[0].RestartCount')" = 0 ]
}

@test "healing has a limit and a last word; a person's up begins anew" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    restart: always
		    healthcheck: {test: exit 1, interval: 50ms, retries: 1}
		    x-berth: {heal: {max: 2, backoff: 50ms..100ms}}
	END
	berth up -d
	gave_up() { grep -q '"gaveup"' "$BERTH_ROOT/projects/$PROJECT/events.jsonl"; }
	wait_for 30 gave_up
	stopped() { [ "$(berth inspect "$PROJECT-a-1" | jq -r '.[0].State.Status')" = exited ]; }
	wait_for 30 stopped
	[ "$(grep -c '"heal"' "$BERTH_ROOT/projects/$PROJECT/events.jsonl")" = 2 ]
	run berth why a
	[[ $output == *"gave up restarting it: it was unhealthy too often"*"its last probe (exit 1)"* ]]
	[[ $(berth ps -a) == *"gave up restarting"* ]]
	berth up -d
	heals() { [ "$(grep -c '"heal"' "$BERTH_ROOT/projects/$PROJECT/events.jsonl")" = 4 ]; }
	wait_for 30 heals
}

@test "heal reset: the restarts of before no longer count" {
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    restart: always
		    healthcheck: {test: test -e /ok, interval: 50ms, retries: 1}
		    x-berth: {heal: {max: 2, within: 1h, backoff: 50ms..100ms, then: leave}}
	END
	heals() { grep -c '"heal"' "$BERTH_ROOT/projects/$PROJECT/events.jsonl"; }
	gave_up() { [ "$(grep -c '"gaveup"' "$BERTH_ROOT/projects/$PROJECT/events.jsonl")" = "$1" ]; }
	berth up -d
	wait_for 30 gave_up 1
	[ "$(heals)" = 2 ]
	berth exec -T a touch /ok
	wait_for 10 sh -c "'$BERTH' ps | grep -q '(healthy)'"
	berth heal reset a
	[[ $(berth why a) != *"gave up"* ]]
	berth exec -T a rm /ok
	wait_for 30 gave_up 2
	[ "$(heals)" = 4 ]
	run ! berth heal reset nosuch
	[[ $output == *"no such service: nosuch"* ]]
}

@test "--compat: probes, names, one-shots and unhealthy containers are as docker has them" {
	compose <<-END
		services:
		  sick:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    restart: always
		    healthcheck: {test: "echo probe >>/probes; false", interval: 400ms, retries: 1}
		  asks: {image: busybox, command: sleep 1000, stop_signal: KILL, depends_on: {shot: {condition: service_completed_successfully}}}
		  shot: {image: busybox, command: "true"}
		  slow: {image: busybox, command: sleep 1000, stop_signal: KILL, healthcheck: {test: "true", interval: 1h}}
	END
	berth --compat up -d
	unwell() { [ "$(berth --compat ps sick --format '{{.Health}}')" = unhealthy ]; }
	wait_for 10 unwell
	often() { [ "$(berth --compat exec -T sick wc -l /probes | cut -d' ' -f1)" -ge 3 ]; }
	wait_for 10 often
	[ "$(berth inspect "${PROJECT}_sick_1" | jq '.[0].RestartCount')" = 0 ] # berth would have restarted it
	berth --compat exec -T asks nslookup sick | grep -q '^Name:' # a name leads to it all the same
	[ "$(berth --compat ps slow --format '{{.Health}}')" = starting ] # the first look comes after the interval
	berth inspect "${PROJECT}_slow_1" | jq -e '.[0].State.Health.Log | length == 0'
	ended() { berth inspect "${PROJECT}_shot_1" | jq -r '.[0].State.FinishedAt'; }
	before=$(ended)
	berth --compat up -d
	[ "$(ended)" != "$before" ] # it ran again
}
