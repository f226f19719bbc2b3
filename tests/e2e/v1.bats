#!/usr/bin/env bats
# Without the unified hierarchy: cgroup v1 alone, as old hosts have it. Every file runs in a mount
# namespace of its own (tests/run), so that it can be taken away here.
load lib

setup_file() {
	root_up
	if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
	make_busybox_image >/dev/null
}
setup() {
	[ -d /sys/fs/cgroup/memory ] || skip "this host has cgroup v2 alone"
	PROJECT=v1x$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
}

@test "a hanging probe is killed with its children, exec and stop work, no group stays" {
	! grep -q cgroup2 /proc/mounts
	compose <<-'EOF'
		services:
		  a:
		    image: busybox
		    command: ["sh", "-c", "sleep 5555 & exec sleep 1000"]
		    init: true
		    mem_limit: 30m
		    stop_grace_period: 0s
		    healthcheck: {test: "sleep 7777 & sleep 8888", interval: 100ms, timeout: 200ms, retries: 8}
	EOF
	berth up -d
	unhealthy() { [ "$(berth ps --format '{{.Health}}')" = unhealthy ]; }
	wait_for 30 unhealthy
	# Of eight probes the last may be there, as sh and its two.
	few() { [ "$(berth exec -T a ps | grep -c 'sleep [78]')" -le 3 ]; }
	wait_for 5 few
	run -0 berth exec -T a cat /sys/fs/cgroup/memory/memory.limit_in_bytes
	[ "$output" = 31457280 ]
	berth pause
	berth unpause
	berth down
	[ -z "$(find /sys/fs/cgroup -type d -path "*berth/$PROJECT*")" ]
	quiet() { [ -z "$(berth_processes)" ]; }
	wait_for 5 quiet
}

@test "memory, processes and a killed supervisor" {
	compose <<-'EOF'
		services:
		  hog: {image: busybox, mem_limit: 20m, command: ["sh", "-c", "x=a; while :; do x=$$x$$x; done"]}
		  few: {image: busybox, pids_limit: 5, stop_grace_period: 0s, command: ["sh", "-c", "for n in 1 2 3 4 5 6 7 8; do sleep 999 & done; sleep 1000"]}
		  stays: {image: busybox, stop_grace_period: 0s, command: sleep 1000, restart: always}
	EOF
	berth up -d
	oom() { berth why hog | grep 'killed it at its memory limit'; }
	wait_for 30 oom
	pid=$(berth inspect -f '{{.State.Pid}}' "$PROJECT-stays-1")
	kill -9 "$(cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid")"
	still() { [ "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-stays-1")" = "$pid" ]; }
	wait_for 30 still
	kill -9 "$pid"
	again() { [ "$(berth inspect -f '{{.State.Running}}' "$PROJECT-stays-1")" = true ] && ! still; }
	wait_for 30 again
}
