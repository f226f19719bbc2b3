#!/usr/bin/env bats
# Restart policies, back-off, stopping and its limits.
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }

write() { cat >compose.yaml; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }
is() { [ "$(inspect "$1" "$2")" = "$3" ]; }
count_is() { [ "$(inspect "$1" RestartCount)" = "$2" ]; }

@test "on-failure:2 restarts twice, then stays down with its exit code" {
	write <<-END
		services:
		  a: {image: busybox, command: sh -c 'exit 9', restart: "on-failure:2"}
	END
	berth up -d
	gave_up() { berth why a | grep -q 'gave up'; }
	wait_for 5 gave_up
	count_is a 2
	[ "$(inspect a State.Status)" = exited ]
	[ "$(inspect a State.ExitCode)" = 9 ]
}

@test "no restarts nothing, and a good exit is none of on-failure's business" {
	write <<-END
		services:
		  a: {image: busybox, command: sh -c 'exit 1'}
		  b: {image: busybox, command: sh -c 'exit 0', restart: on-failure}
	END
	berth up -d
	wait_for 5 is a State.Status exited
	wait_for 5 is b State.Status exited
	count_is a 0
	count_is b 0
}

@test "always comes back with a growing pause, and a stop ends that" {
	write <<-END
		services:
		  a: {image: busybox, command: sh -c 'exit 1', restart: always}
		  clock: {image: busybox, command: sh -c 'exit 1', restart: always}
	END
	berth up -d
	often() { [ "$(inspect "$1" RestartCount)" -ge "$2" ]; }
	wait_for 5 often a 3
	berth stop a
	[ "$(inspect a State.Status)" = exited ]
	n=$(inspect a RestartCount)
	# Two pauses that are as long as the one that was ended, or longer.
	wait_for 15 often clock $(($(inspect clock RestartCount) + 2))
	wait_for 15 often clock $((n + 2))
	count_is a "$n"
}

@test "pid 1 that cannot hear the signal is not waited for" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000, stop_grace_period: 1h}
	END
	berth up -d
	berth stop # which has no hour
	[ "$(inspect a State.ExitCode)" = 137 ]
}

@test "a handler has its grace, and not more" {
	write <<-END
		services:
		  good: {image: busybox, stop_grace_period: 1h, command: "sh -c 'trap \"sleep 0.3; exit 4\" TERM; touch /ready; while :; do sleep 0.05; done'"}
		  bad: {image: busybox, command: "sh -c 'trap \"\" INT; trap : TERM; touch /ready; while :; do sleep 0.05; done'", stop_grace_period: 700ms}
		  later: {image: busybox, command: "sh -c 'trap : TERM; touch /ready; while :; do sleep 0.05; done'", stop_grace_period: 4s}
	END
	berth up -d
	wait_for 5 berth exec good test -e /ready
	wait_for 5 berth exec bad test -e /ready
	wait_for 5 berth exec later test -e /ready
	berth stop
	# With the default, ten seconds, it would be the last.
	[ "$(berth events --since 1h --until 0s --json | jq -r 'select(.action == "die") | .service' | grep -v good | xargs)" = "bad later" ]
	[ "$(inspect good State.ExitCode)" = 4 ]
	[ "$(inspect bad State.ExitCode)" = 137 ]
}

@test "a paused container can be stopped, and one that a stop signal was chosen for gets it" {
	write <<-END
		services:
		  a: {image: busybox, command: "sh -c 'trap \"exit 8\" USR1; touch /ready; while :; do sleep 0.05; done'", stop_signal: SIGUSR1}
	END
	berth up -d
	wait_for 5 berth exec a test -e /ready
	berth pause
	[ "$(inspect a State.Status)" = paused ]
	berth stop
	[ "$(inspect a State.ExitCode)" = 8 ]
}

@test "out of memory is told from a kill" {
	write <<-END
		services:
		  a: {image: busybox, command: tail /dev/zero, mem_limit: 16m}
	END
	berth up -d
	wait_for 10 sh -c "[ \"\$('$BERTH' inspect $PROJECT-a-1 | jq -r '.[0].State.Status')\" = exited ]"
	[ "$(inspect a State.OOMKilled)" = true ]
	[ "$(inspect a State.ExitCode)" = 137 ]
	berth why a | grep -q 'memory limit'
}

@test "the exit code of a short life is always known" {
	write <<-END
		services:
		  a: {image: busybox, command: sh -c 'exit 42', scale: 10}
	END
	berth up -d
	wait_for 5 sh -c "[ \$('$BERTH' ps -a --format '{{.ExitCode}}' | grep -c 42) = 10 ]"
}

@test "a command that is not there: 127, and the message says so" {
	write <<-END
		services:
		  a: {image: busybox, command: /no/such/thing}
	END
	run berth up -d
	[ "$status" -ne 0 ]
	[[ "$output" == *"/no/such/thing"* ]]
}

@test "wait gives the exit code" {
	write <<-END
		services:
		  a: {image: busybox, command: sh -c 'sleep 0.3; exit 6'}
	END
	berth up -d
	run berth wait a
	[ "$status" = 6 ]
}

@test "after a power cut the policies bring back what they promise, in order" {
	write <<-END
		services:
		  db:
		    image: busybox
		    command: sh -c 'sleep 0.3; touch /ok; sleep 1000'
		    restart: always
		    healthcheck: {test: test -e /ok, interval: 100ms, retries: 600}
		  web: {image: busybox, command: sleep 1000, restart: unless-stopped, depends_on: {db: {condition: service_healthy}}}
		  off: {image: busybox, command: sleep 1000, restart: unless-stopped}
		  plain: {image: busybox, command: sleep 1000}
	END
	berth up -d --wait
	berth stop off
	supervisor=$(cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid")
	guardian=$(awk '/^PPid/ { print $2 }' "/proc/$supervisor/status")
	kill -STOP "$guardian" "$supervisor" # else the one that sees the other die replaces it
	kill -9 "$guardian" "$supervisor"
	for f in "$BERTH_ROOT/projects/$PROJECT"/containers/*/state.json; do
		kill -9 "$(jq -r '.pid // empty' "$f")" 2>/dev/null || true
		sed -i 's/"boot_id":"[^"]*"/"boot_id":"another"/' "$f"
	done
	grep " $BERTH_RUN/" /proc/self/mountinfo | cut -d' ' -f5 | sort -r | xargs -r umount -l
	rm -rf "${BERTH_RUN:?}"/*
	for bridge in $(ip -o link show type bridge | cut -d' ' -f2); do ip link del "${bridge%:}"; done
	berth why >why
	wait_for 5 sh -c "'$BERTH' ps --format '{{.Service}}' | grep -qx web"
	[ "$(berth ps --format '{{.Service}}' | sort | tr '\n' ' ')" = "db web " ]
	[ "$(inspect plain State.Status)" = exited ]
	wait_for 5 berth exec web ping -c 1 -W 20 db
}

@test "a restart waits until what it depends on is healthy again" {
	write <<-END
		services:
		  db:
		    image: busybox
		    command: sh -c 'sleep 1000'
		    init: true
		    healthcheck: {test: test ! -e /ill, interval: 100ms, retries: 1}
		  web:
		    image: busybox
		    command: sh -c 'while [ ! -e /die ]; do sleep 0.05; done; rm /die; exit 3'
		    init: true
		    restart: always
		    depends_on: {db: {condition: service_healthy}}
	END
	berth up -d
	berth exec db touch /ill
	wait_for 5 sh -c "[ \"\$('$BERTH' inspect $PROJECT-db-1 | jq -r '.[0].State.Health.Status')\" = unhealthy ]"
	berth exec web touch /die
	wait_for 5 sh -c "'$BERTH' ps -a web | grep -q 'Restarting (3), waits until \"db\" is healthy'"
	berth exec db rm /ill
	wait_for 5 berth exec web true
	[ "$(inspect web RestartCount)" = 1 ]
}

# A run of a millisecond counts as good: the pause stays at its least, 100 ms.
@test "many restarts leave the supervisor as it was (BERTH_RESTARTS=10000: all of them)" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: "true"
		    scale: 20
		    deploy: {restart_policy: {condition: any, window: 1ms}}
	END
	counted() { berth inspect $(berth ps -aq) | jq '[.[].RestartCount] | add'; }
	reached() { [ "$(counted)" -ge "$1" ]; }
	# The least of some readings: 20 containers start and end all the time.
	measure() {
		pss=$(for _ in 1 2 3 4 5 6 7 8; do
			awk '/^Pss:/ { print $2 }' "/proc/$super/smaps_rollup"
			sleep 0.1
		done | sort -n | head -n 1)
		fds=$(ls "/proc/$super/fd" | wc -l)
	}
	most=${BERTH_RESTARTS:-150}
	berth up -d
	super=$(cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid")
	wait_for 900 reached $((most / 3))
	measure
	before=$pss fds_before=$fds
	wait_for 1500 reached "$most"
	measure
	echo "# $(counted) restarts: $before kB and $fds_before descriptors at a third, $pss kB and $fds at the end" >&3
	[ "$pss" -le $((before + 500)) ]
	[ "$fds" -le $((fds_before + 150)) ] # 20 that start or end just now
}
