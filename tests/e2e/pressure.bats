#!/usr/bin/env bats
# Faults that come from below and beside: a full disk, no memory, too many processes, a flood of
# output, processes that hang, files that are damaged or gone, a power cut.
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }
setup() { # cgroups are everyone's: a name of its own
	PROJECT=press$(basename "$BERTH_HOME" | tr -dc '[:alnum:]' | tr '[:upper:]' '[:lower:]')$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
}

supervisor() { cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }
is() { [ "$(inspect "$1" "$2")" = "$3" ]; }
state_of() { echo "$BERTH_ROOT/projects/$PROJECT/containers/$PROJECT-$1-1/state.json"; }
group() { cat "/proc/$(inspect "$1" State.Pid)/cgroup"; }

@test "a full disk: what runs goes on, ps, logs, stop and down work, then up again" {
	cp -r "$BERTH_ROOT" store
	mount -t tmpfs -o size=$(($(du -sm store | cut -f1) + 12))m none "$BERTH_ROOT"
	cp -r store/. "$BERTH_ROOT"
	compose <<-END
		services:
		  a: {image: busybox, command: "sh -c 'while :; do echo said; sleep 0.1; done'", init: true, restart: always}
		  b: {image: busybox, command: sleep 1000}
	END
	berth up -d
	id=$(berth ps -q a)
	said() { berth logs -n 1 a | grep said; }
	wait_for 5 said
	dd if=/dev/zero of="$BERTH_ROOT/fill" bs=4k 2>/dev/null || true
	[ "$(df --output=avail "$BERTH_ROOT" | tail -n 1)" -lt 8 ]
	kill -9 "$(supervisor)"
	still() { [ "$(berth ps -q a)" = "$id" ]; }
	wait_for 5 still
	said
	run -0 berth exec a true
	berth stop -t 0 b
	[ "$(berth ps -q b)" = "" ]
	berth down -t 0
	[ -z "$(berth ps -aq)" ]
	rm "$BERTH_ROOT/fill"
	berth up -d
	[ "$(berth ps -q | wc -l)" = 2 ]
	berth down -t 0
	umount "$BERTH_ROOT"
}

@test "when down returns, no process of berth is left and nothing holds its files" {
	compose <<-END
		services: {a: {image: busybox, command: sleep 1000, init: true, deploy: {replicas: 3}}}
	END
	for _ in {1..10}; do
		berth up -d 2>/dev/null
		berth down -t 0 2>/dev/null
		[ -z "$(pgrep '^berth-(super|guard)')" ] # of this file's own process namespace
	done
}

@test "a flood of output blocks itself alone and stays within its files" {
	compose <<-END
		services:
		  flood:
		    image: busybox
		    command: sh -c 'yes 0123456789012345678901234567890123456789'
		    logging: {options: {max-size: 200k, max-file: "3"}}
		  calm: {image: busybox, command: "sh -c 'i=0; while :; do i=\$\$((i+1)); echo \$\$i; sleep 0.1; done'", init: true}
	END
	berth up -d
	wait_for 10 sh -c "ls '$BERTH_ROOT/projects/$PROJECT/logs/$PROJECT-flood-1' | grep -q 'json.log.*gz'"
	counts() { [ "$(berth logs --no-log-prefix -n 1 calm)" -ge 1 ]; }
	wait_for 5 counts
	before=$(berth logs --no-log-prefix -n 1 calm)
	goes_on() { [ "$(berth logs --no-log-prefix -n 1 calm)" -ge $((before + 4)) ]; }
	wait_for 3 goes_on
	[ "$(du -sk "$BERTH_ROOT/projects/$PROJECT/logs/$PROJECT-flood-1" | cut -f1)" -lt 1200 ]
	timeout 120 "$BERTH" ps -q | grep -q .
	berth down -t 0
}

@test "out of memory is told with its limit, and the neighbour lives" {
	compose <<-END
		services:
		  eats: {image: busybox, command: tail /dev/zero, mem_limit: 24m}
		  b: {image: busybox, command: sleep 1000}
	END
	berth up -d
	wait_for 10 is eats State.OOMKilled true
	is eats State.ExitCode 137
	run berth why eats
	[[ $output == *24M* || $output == *"24 MB"* || $output == *24m* ]] || { echo "$output" && false; }
	is b State.Running true
}

@test "a fork bomb stays within pids_limit; exec and down work" {
	compose <<-END
		services:
		  bomb: {image: busybox, command: "sh -c 'f() { f | f & }; f; sleep 1000'", pids_limit: 40}
		  b: {image: busybox, command: sleep 1000}
	END
	berth up -d
	wait_for 5 sh -c "'$BERTH' logs bomb | grep -q fork" # there are as many as may be
	run -0 berth exec b true
	berth down -t 0
	[ -z "$(berth ps -aq)" ]
}

@test "a stopped process and a frozen group are stopped all the same" {
	compose <<-END
		services:
		  a: {image: busybox, command: "sh -c 'trap exit TERM; while :; do sleep 0.1; done'"}
		  b: {image: busybox, command: sleep 1000, init: true}
	END
	berth up -d
	kill -STOP "$(inspect a State.Pid)"
	pid=$(inspect b State.Pid) frozen=
	for f in $(sed -nE 's|^[0-9]+:freezer:(.*)|/sys/fs/cgroup/freezer\1/freezer.state|p; s|^0::(.*)|/sys/fs/cgroup\1/cgroup.freeze\n/sys/fs/cgroup/unified\1/cgroup.freeze|p' "/proc/$pid/cgroup"); do
		case $f in
		*freezer.state) [ -e "$f" ] && echo FROZEN >"$f" && frozen=1 ;;
		*cgroup.freeze) [ -e "$f" ] && echo 1 >"$f" && frozen=1 ;;
		esac
	done
	[ -n "$frozen" ] || skip "no freezer here"
	berth stop -t 1
	[ -z "$(berth ps -q)" ]
	! kill -0 "$pid" 2>/dev/null
}

# A container whose state nobody can read is put aside; what it was lives no longer beside its heir.
@test "a state file that is gone or damaged: the next up has one container, not two" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000, init: true}
		  b: {image: busybox, command: sleep 1000, init: true}
	END
	for damage in 'rm -f' 'truncate -s 20' 'cp /dev/null'; do
		berth up -d
		pid=$(inspect a State.Pid) supervisor=$(supervisor)
		kill -STOP "$supervisor"
		$damage "$(state_of a)"
		kill -9 "$supervisor"
		wait_for 5 sh -c "[ \"\$(cut -d' ' -f1 '$BERTH_RUN/projects/$PROJECT/supervisor.pid')\" != $supervisor ]"
		berth up -d
		[ "$(berth ps -q | wc -l)" = 2 ]
		[ "$(inspect a State.Pid)" = "$pid" ] || ! kill -0 "$pid" 2>/dev/null
		berth exec a true
		berth down -t 0
	done
}

@test "a control socket that is gone: the next command ends the pair that nobody reaches" {
	compose <<-END
		services:
		  a: {image: busybox, command: "sh -c 'i=0; while :; do i=\$\$((i+1)); echo \$\$i; sleep 0.05; done'", init: true}
	END
	berth up -d
	id=$(berth ps -q) old=$(supervisor)
	rm "$BERTH_RUN/projects/$PROJECT/control.sock"
	berth up -d
	[ "$(berth ps -q)" = "$id" ]
	wait_for 5 sh -c "! kill -0 $old 2>/dev/null"
	counts() { [ "$(berth logs --no-log-prefix -n 1)" -ge 1 ]; }
	wait_for 5 counts
	last=$(berth logs --no-log-prefix -n 1)
	goes_on() { [ "$(berth logs --no-log-prefix -n 1)" -gt "$last" ]; }
	wait_for 3 goes_on
	berth stop -t 0
	berth logs --no-log-prefix >got
	seq "$(wc -l <got)" | cmp - got
}

# Its end may come late; until then it reads the same pipes. A frozen process dies when it thaws.
@test "an unreachable supervisor that does not die at once is waited for, and no line is lost" {
	[ -d /sys/fs/cgroup/freezer ] || skip "no freezer of cgroup v1: a frozen process would die at once"
	compose <<-END
		services:
		  a: {image: busybox, command: "sh -c 'i=0; while :; do i=\$\$((i+1)); echo \$\$i; sleep 0.05; done'", init: true}
	END
	berth up -d
	old=$(supervisor) group=/sys/fs/cgroup/freezer/$PROJECT-test
	mkdir "$group"
	echo "$old" >"$group/cgroup.procs"
	echo FROZEN >"$group/freezer.state"
	wait_for 5 grep -qx FROZEN "$group/freezer.state"
	rm "$BERTH_RUN/projects/$PROJECT/control.sock"
	"$BERTH" up -d 3>&- >/dev/null 2>&1 &
	up=$!
	# Killed, and still there: the new one waits before it has its own number written.
	wait_for 10 eval 'awk "/^(SigPnd|ShdPnd)/ { print \$2 }" /proc/$old/status | grep -q "1..$"'
	[ "$(supervisor)" = "$old" ]
	echo THAWED >"$group/freezer.state"
	wait $up
	[ "$(supervisor)" != "$old" ]
	wait_for 5 rmdir "$group"
	counts() { [ "$(berth logs --no-log-prefix -n 1)" -ge 1 ]; }
	wait_for 5 counts
	berth stop -t 0
	berth logs --no-log-prefix >got
	seq "$(wc -l <got)" | cmp - got
}

# Everything at once: the state as it was on the disk at a random moment, another boot, no process.
@test "a power cut at any moment: up works from what lay on the disk" {
	compose <<-END
		services:
		  a: {image: busybox, command: "sh -c 'while :; do echo x; sleep 0.05; done'", init: true, volumes: [data:/data], restart: always}
		  b: {image: busybox, command: sleep 1000, depends_on: [a], restart: unless-stopped}
		volumes: {data: {}}
	END
	good=0
	for round in $(seq "${BERTH_CUTS:-6}"); do
		berth up -d >/dev/null 2>&1 3>&- &
		up=$!
		sleep 0.0$((RANDOM % 10))$((RANDOM % 10))
		rm -rf "$BERTH_HOME/cut"
		cp -r "$BERTH_ROOT" "$BERTH_HOME/cut" 2>/dev/null || true
		wait $up || true
		berth down -v -t 0 >/dev/null 2>&1
		for state in "$BERTH_HOME"/cut/projects/*/containers/*/state.json; do
			[ ! -e "$state" ] || sed -i -E 's/"boot_id":"[^"]*"/"boot_id":"another"/' "$state"
		done
		mv "$BERTH_ROOT" "$BERTH_HOME/whole" && mv "$BERTH_HOME/cut" "$BERTH_ROOT"
		berth up -d
		[ "$(berth ps -q | wc -l)" = 2 ]
		berth exec a touch /data/x
		berth down -v -t 0
		[ -z "$(ls "$BERTH_ROOT/projects/$PROJECT/containers" 2>/dev/null)" ]
		rm -rf "$BERTH_ROOT" && mv "$BERTH_HOME/whole" "$BERTH_ROOT"
		good=$((good + 1))
	done
	echo "# power cut: $good of ${BERTH_CUTS:-6} came up again" >&3
}

@test "a power cut that lost who has which addresses: they are the network's again" {
	compose <<-'END'
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000}
		networks: {default: {ipam: {config: [{subnet: 10.93.0.0/29, gateway: 10.93.0.2, aux_addresses: {x: 10.93.0.3}}]}}}
	END
	berth create
	pkill -9 '^berth-(super|guard)' # of this file's own process namespace
	rm -r "$BERTH_ROOT/net"
	berth up -d
	[ "$(berth inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' a b | sort | xargs)" = "10.93.0.1 10.93.0.4" ]
	berth down -t 0
}

@test "what a container and a volume held goes beside the work; down and rm wait for it" {
	compose <<-'END'
		services:
		  a:
		    image: busybox
		    environment: {X: "${X:-1}"}
		    command: [sh, -c, "cd /; for i in $(seq 3000); do : >f$$i; : >/v/f$$i; done; mkdir d; for i in $(seq 300); do cd d; mkdir d; done; touch /done; sleep 1000"]
		    volumes: [many:/v]
		volumes: {many: {}}
	END
	removed="$BERTH_ROOT/projects/$PROJECT/removed"
	gone() { [ ! -e "$removed" ]; }
	full() { berth exec -T a test -e /done; }
	berth up -d
	wait_for 60 full
	X=2 berth up -d
	kill -9 "$(supervisor)"
	wait_for 30 gone
	wait_for 60 full
	berth rm -fs a
	gone
	berth up -d
	wait_for 60 full
	berth down -v
	[ -z "$(ls "$BERTH_ROOT/projects" "$BERTH_ROOT/volumes" | grep -v :)" ]
	[ -z "$(berth_processes)" ]
}

@test "what cannot be removed is told, and goes when it can be" {
	compose <<-'END'
		services:
		  a: {image: busybox, command: [sh, -c, "cd /; for i in $(seq 1000); do : >f$$i; done; touch /done; sleep 1000"]}
	END
	full() { berth exec -T a test -e /done; }
	berth up -d
	wait_for 60 full
	upper=$(find "$(dirname "$(state_of a)")" -name f1 -printf '%h\n' | head -n 1)
	mkdir "$upper/held" && mount -t tmpfs none "$upper/held"
	run berth rm -fs a
	[[ $output == *"resource busy"* ]] # at once or, told by the process that goes on, in the end
	umount "$(awk '/\/held / { print $5 }' /proc/self/mountinfo)"
	berth down
	[ ! -e "$BERTH_ROOT/projects/$PROJECT" ]
	[ -z "$(berth_processes)" ]
}

# many: an image whose /data holds 3,000 files.
make_many() {
	mkdir -p many/data many/bin && cp "$(command -v busybox)" many/bin/busybox
	ln -sf busybox many/bin/sh && ln -sf busybox many/bin/sleep && ln -sf busybox many/bin/ls
	(cd many/data && seq 3000 | xargs touch)
	tar -C many -c . | berth import - many >/dev/null
}

@test "large volumes are filled beside the work, once, and whole after a kill" {
	make_many
	compose <<-'END'
		services:
		  a: {image: many, command: sleep 1000, volumes: ["shared:/data", "/other"], init: true}
		  b: {image: many, command: sleep 1000, volumes: ["shared:/data"], init: true}
		volumes: {shared: {}}
	END
	whole() { [ "$(berth exec -T "$1" ls /data | wc -l)" = 3000 ]; }
	berth up -d
	whole a
	whole b
	berth exec -T a sh -c 'rm /data/1'
	berth up -d --force-recreate
	[ "$(berth exec -T b ls /data | wc -l)" = 2999 ]
	berth down -v
	for _ in 1 2 3 4 5; do
		"$BERTH" up -d >/dev/null 2>&1 3>&- &
		begun() { [ -n "$(ls "$BERTH_ROOT/volumes/${PROJECT}_shared/_data" 2>/dev/null)" ]; }
		wait_for 20 begun
		kill -9 "$(supervisor)"
		wait $! || true
		berth up -d
		whole a
		whole b
		berth down -v -t 0
	done
	"$BERTH" up -d >/dev/null 2>&1 3>&- &
	wait_for 20 begun
	berth down -v -t 0
	wait $! || true
	[ -z "$(berth ps -aq)" ]
	[ ! -e "$BERTH_ROOT/volumes/${PROJECT}_shared" ]
	[ -z "$(berth_processes)" ]
}
