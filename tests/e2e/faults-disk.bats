#!/usr/bin/env bats
# What a disk can do to berth: it freezes, becomes read-only, has no inode left. BERTH_ROOT, or a
# volume, lies on a small file system in a file.
load lib

setup_file() { root_up; make_busybox_image; cp -r "$BERTH_ROOT" "$BERTH_HOME/store"; }
teardown_file() { root_down; }
setup() { # cgroups are everyone's: a name of its own
	PROJECT=disk$(basename "$BERTH_HOME" | tr -dc '[:alnum:]' | tr '[:upper:]' '[:lower:]')$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
}
teardown() {
	fsfreeze -u "$BERTH_ROOT" 2>/dev/null || true
	fsfreeze -u "$PWD/vol" 2>/dev/null || true
	berth down -v -t 0 >/dev/null 2>&1 || true
	umount -l "$BERTH_ROOT" "$PWD/vol" 2>/dev/null || true
}

# disk DIR SIZE [MKFS OPTION...]: an ext4 of its own there, or no test.
disk() {
	local dir=$1 size=$2
	shift 2
	mkdir -p "$dir"
	truncate -s "$size" disk.img
	mkfs.ext4 -q "$@" disk.img
	mount -o loop,errors=remount-ro disk.img "$dir" 2>/dev/null || skip "no loop devices here"
}
root_on_disk() { # SIZE [MKFS OPTION...]
	disk "$BERTH_ROOT" "$@"
	cp -r "$BERTH_HOME/store/." "$BERTH_ROOT"
}
supervisor() { cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }
last() { berth logs --no-log-prefix -n 1 "$1"; }
wrote_more() { [ "$(last a)" -gt "$1" ]; }
state_is() { [ "$(inspect "$1" State.Status)" = "$2" ]; }
waits_in_kernel() { grep -q '^State:.*D' "/proc/$1/status"; }
counts() {
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'i=0; while :; do i=\$\$((i+1)); echo \$\$i; sleep 0.05; done'
		    init: true
		  b: {image: busybox, command: sleep 1000}
	END
	berth up -d
	wait_for 20 wrote_more 3
}

@test "a frozen disk: looking answers, containers run, and all goes on by itself after the thaw" {
	root_on_disk 64m
	counts
	id=$(berth ps -q a) super=$(supervisor)
	fsfreeze -f "$BERTH_ROOT"
	wait_for 20 waits_in_kernel "$super" # it writes lines
	[ "$(BERTH_TIMEOUT=60 berth ps -q a)" = "$id" ]
	BERTH_TIMEOUT=60 berth logs --no-log-prefix -n 1 a | grep -q .
	BERTH_TIMEOUT=60 berth exec b true
	fsfreeze -u "$BERTH_ROOT"
	n=$(last a)
	wait_for 20 wrote_more $((n + 10))
	[ "$(supervisor)" = "$super" ]
	berth stop -t 0 a
	berth logs --no-log-prefix a >got
	seq "$(wc -l <got)" | cmp - got
}

@test "a process that waits in the kernel: stop says so, others stop, it ends by itself later" {
	disk "$PWD/vol" 16m
	compose <<-END
		services:
		  stuck: {image: busybox, command: "sh -c 'while :; do echo x >/v/f; done'", init: true, volumes: [./vol:/v]}
		  b: {image: busybox, command: sleep 1000}
	END
	berth up -d
	wrote() { [ -s vol/f ]; }
	wait_for 20 wrote
	fsfreeze -f vol
	child() { pgrep -P "$(inspect stuck State.Pid)"; }
	wait_for 20 waits_in_kernel "$(child)"
	run berth stop -t 1
	[ "$status" = 1 ]
	[[ $output == *"stuck in the kernel"* ]]
	state_is b exited
	berth start b
	berth exec b true
	fsfreeze -u vol
	wait_for 30 state_is stuck exited
	berth down -t 1
	[ -z "$(berth ps -aq)" ]
}

@test "a probe that waits in the kernel is given up: unhealthy, no second one, well again later" {
	disk "$PWD/vol" 16m
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    init: true
		    volumes: [./vol:/v]
		    x-berth: {heal: off}
		    healthcheck: {test: "echo x >/v/f", interval: 300ms, timeout: 300ms, retries: 2}
	END
	berth up -d --wait
	id=$(berth ps -q)
	fsfreeze -f vol
	health_is() { [ "$(inspect a State.Health.Status)" = "$1" ]; }
	wait_for 30 health_is unhealthy
	[ "$(berth top a | grep -c 'echo x')" = 1 ]
	[[ $(inspect a 'State.Health.Log[-1].Output') == *"stuck in the kernel"* ]]
	run -0 berth why a
	[[ $output == *"stuck in the kernel"* ]]
	fsfreeze -u vol
	wait_for 30 health_is healthy
	[ "$(berth ps -q)" = "$id" ]
	berth down -t 0
}

@test "a disk that became read-only: what runs goes on, errors say why, and stop stops" {
	root_on_disk 64m
	counts
	id=$(berth ps -q a)
	# What the kernel does on an error of the disk: it asks nobody, as `mount -o remount,ro` would.
	echo 1 >"/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$BERTH_ROOT")")/trigger_fs_error"
	refuses() { ! touch "$BERTH_ROOT/x" 2>/dev/null; }
	wait_for 5 refuses
	sed -i 's/sleep 1000/sleep 2000/' compose.yaml
	run berth up -d
	[ "$status" = 1 ]
	[[ $output == *[Rr]"ead-only file system"* ]]
	[ "$(berth ps -q a)" = "$id" ]
	berth logs --no-log-prefix -n 1 a | grep -q .
	berth exec a true
	pid=$(inspect a State.Pid)
	run berth stop -t 0
	ended() { ! kill -0 "$pid" 2>/dev/null; }
	wait_for 5 ended
	run -1 berth down -t 0
	[[ $output == *"Read-only file system"*"hint: nothing of it runs any more"* ]]
}

@test "no inode is left: up says so and changes nothing else; with room again it works" {
	root_on_disk 64m -N 2500
	counts
	id=$(berth ps -q a)
	n=0
	while : 2>/dev/null >"$BERTH_ROOT/f$n"; do n=$((n + 1)); done
	[ "$n" -gt 10 ]
	sed -i '$a\  c: {image: busybox, command: sleep 1000}' compose.yaml
	run berth up -d
	[ "$status" = 1 ]
	[[ $output == *"No space left on device"* ]]
	[ "$(berth ps -q a)" = "$id" ]
	berth exec a true
	m=$(last a)
	wait_for 20 wrote_more $((m + 3))
	find "$BERTH_ROOT" -maxdepth 1 -name 'f*' -delete
	berth up -d
	[ "$(berth ps -q | wc -l)" = 3 ]
	[ "$(berth ps -q a)" = "$id" ]
}
