#!/usr/bin/env bats
# What is short: descriptors, memory, an answer; and what is much: checks, starts, orphans, commands
# at once. BERTH_MANY=300 makes the crowd as large as that (minutes).
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }
setup() { # cgroups are everyone's: a name of its own
	PROJECT=limit$(basename "$BERTH_HOME" | tr -dc '[:alnum:]' | tr '[:upper:]' '[:lower:]')$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
	many=${BERTH_MANY:-40}
}

supervisor() { cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
renewed() { [ "$(supervisor)" != "$1" ] && kill -0 "$(supervisor)" 2>/dev/null; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }
running() { berth ps -q | wc -l; }
all_run() { [ "$(running)" = "$1" ]; }
cpu_ms() { awk '{ print ($14 + $15) * 10 }' "/proc/$(supervisor)/stat"; }

@test "no descriptor is left: up says so, what runs stays, and it works again when there are some" {
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    healthcheck: {test: "true", interval: 100ms}
		  b: {image: busybox, command: sleep 1000, scale: 1}
	END
	berth up -d --wait
	id=$(berth ps -q a) super=$(supervisor)
	limit=$(prlimit --pid "$super" --nofile -o SOFT --noheadings | tr -d ' ')
	prlimit --pid "$super" --nofile=$(($(ls "/proc/$super/fd" | wc -l) + 4)):
	run berth up -d --scale b=12
	[ "$status" = 1 ]
	[[ $output == *"Too many open files"* ]]
	berth exec a true
	[ "$(berth ps -q a)" = "$id" ]
	# A probe that lacks one half way, wherever it is, is not left over.
	for _ in $(seq 100); do
		prlimit --pid "$super" --nofile="$limit:"
		prlimit --pid "$super" --nofile=3:
	done
	prlimit --pid "$super" --nofile="$limit:"
	berth up -d --scale b=12
	all_run 13
	[ "$(supervisor)" = "$super" ]
	healthy() { [ "$(inspect a State.Health.Status)" = healthy ]; }
	wait_for 20 healthy
	[ "$(inspect a RestartCount)" = 0 ]
	berth down -t 0
	[ -z "$(berth ps -aq)" ]
}

@test "a supervisor that the kernel kills for its memory is replaced like any other" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
	END
	berth up -d
	id=$(berth ps -q) super=$(supervisor)
	group=/sys/fs/cgroup/memory/bt-$PROJECT file=memory.limit_in_bytes
	[ -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/bt-$PROJECT file=memory.max
	mkdir "$group" && [ -e "$group/$file" ] || skip "no memory controller here"
	echo "$super" >"$group/cgroup.procs"
	echo 65536 >"$group/$file"
	hungry() { timeout 5 "$BERTH" up -d --force-recreate >/dev/null 2>&1; renewed "$super"; }
	wait_for 30 hungry
	given_back() { # a successor is born beside its parent, and one that is ending is there a while longer
		for pid in $(cat "$group/cgroup.procs"); do
			echo "$pid" >"${group%/*}/cgroup.procs" || true
		done
		rmdir "$group"
	}
	wait_for 30 given_back
	berth up -d
	all_run 1
	berth exec a true
}

@test "a supervisor that does not answer: commands that look work, up says who is silent" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
	END
	berth up -d
	kill -STOP "$(supervisor)"
	BERTH_TIMEOUT=60 berth ps -q | grep -q .
	BERTH_TIMEOUT=60 berth exec a true
	run timeout 300 "$BERTH" up -d
	kill -CONT "$(supervisor)"
	[ "$status" = 1 ]
	[[ $output == *"does not answer"* ]]
	berth up -d
}

@test "a crowd: all start, all are checked every second, and the supervisor stays small" {
	compose <<-END
		services:
		  c:
		    image: busybox
		    command: sleep 1000
		    scale: $many
		    healthcheck: {test: [CMD, "true"], interval: 1s, timeout: 30s}
		networks: {default: {ipam: {config: [{subnet: 172.30.0.0/20}]}}} # room for BERTH_MANY
	END
	BERTH_TIMEOUT=300 berth up -d --wait
	all_run "$many"
	newest() { # the latest probe of the container that was asked longest ago, seconds since 1970
		berth inspect $(berth ps -q) | jq '[.[].State.Health.Log[-1].Start | sub("[.][0-9]+"; "") | fromdate] | min'
	}
	from=$(date +%s) cpu=$(cpu_ms)
	asked_since() { [ "$(newest)" -ge "$1" ]; }
	for round in 1 2 3; do # everybody was asked again
		wait_for 120 asked_since $((from + round))
	done
	seconds=$(($(date +%s) - from)) cpu=$(($(cpu_ms) - cpu))
	[ "$(berth inspect $(berth ps -q) | jq '[.[] | select(.State.Health.Status == "healthy")] | length')" = "$many" ]
	size=$(awk '/^Pss:/ { print $2 }' "/proc/$(supervisor)/smaps_rollup")
	echo "# $many checks a second for $seconds s: supervisor $cpu ms of processor, $size kB" >&3
	[ "$size" -lt $((3072 + 50 * many)) ]
	BERTH_TIMEOUT=300 berth down -t 0
	[ -z "$(berth ps -aq)" ]
}

@test "a thousand orphans in a container leave no zombie and no work to berth" {
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'i=0; while [ \$\$i -lt 1000 ]; do (true &); i=\$\$((i+1)); done; echo done; sleep 1000'
		    init: true
	END
	berth up -d
	finished() { berth logs --no-log-prefix a | grep -qx done; }
	wait_for 60 finished
	no_zombies() { ! grep -ls '^State:.*Z' /proc/[0-9]*/status; }
	wait_for 20 no_zombies
	[ "$(wc -c <"$BERTH_RUN/projects/$PROJECT/exits")" -lt 4096 ]
}

@test "a storm of starts, stops and restarts: each is done or refused, the last word counts" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000, depends_on: [a]}
	END
	berth up -d
	for n in 1 2 3 4 5 6; do
		for what in stop start restart 'kill -s KILL'; do
			{ berth $what || echo "code $?"; } >"out.$n.${what%% *}" 2>&1 3>&- &
		done
	done
	wait
	run ! grep 'internal\|Aborted\|Segm\|code 124' out.*
	berth up -d
	all_run 2
	berth stop -t 0
	all_run 0
	[ "$(find "/proc/$(supervisor)/fd" | wc -l)" -lt 60 ]
}
