#!/usr/bin/env bats
# Faults of processes, of names and of leftovers: what the other faults-*.bats do not hold.
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }

supervisor() { cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
guardian() { awk '/^PPid/ { print $2 }' "/proc/$(supervisor)/status"; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }
is() { [ "$(inspect "$1" "$2")" = "$3" ]; }
service() { compose <<<"services: {a: {image: busybox, $1}}"; }
kill_both() {
	local s g
	s=$(supervisor) g=$(guardian)
	kill -STOP "$g" "$s"
	kill -9 "$g" "$s"
	wait_for 5 ended "$s"
}
ended() { ! grep -q '^State:.[^Z]' "/proc/$1/status"; }

@test "another build takes over what runs: containers, their output, their ends" {
	cp "$BERTH" "$BERTH_HOME/installed"
	compose <<-'EOF'
		services: {a: {image: busybox, command: "sh -c 'echo one; while [ ! -e /go ]; do sleep 0.1; done; echo two; exit 17'"}}
	EOF
	"$BERTH_HOME/installed" up -d
	id=$(berth ps -q)
	cp "$BERTH-faults" "$BERTH_HOME/new"
	mv "$BERTH_HOME/new" "$BERTH_HOME/installed"
	BERTH=$BERTH_HOME/installed berth up -d # the new one's command, the old one's supervisor
	[ "$(berth ps -q)" = "$id" ]
	kill_both
	BERTH=$BERTH_HOME/installed berth exec -T a touch /go
	is_new() { [ "$(readlink "/proc/$(supervisor)/exe")" = "$BERTH_HOME/installed" ]; }
	wait_for 10 is_new
	wait_for 10 is a State.Status exited
	[ "$(berth ps -aq)" = "$id" ]
	[ "$(berth logs --no-log-prefix a | paste -sd,)" = one,two ]
	is a State.ExitCode 17 || is a State.ExitCode 137 # where this kernel tells nobody but the parent
}

@test "out of memory in a child: told, and the end is the main process's own" {
	service "mem_limit: 24m, command: \"sh -c 'tail /dev/zero; echo went on; exit 0'\""
	berth up -d
	wait_for 20 is a State.Status exited
	is a State.ExitCode 0
	is a State.OOMKilled true
	berth logs --no-log-prefix a | grep -qx 'went on'
	run -0 berth why a
	[[ $output == *"ended by itself, well"*"one of its processes was killed at the memory limit"*24MiB* ]]
}

@test "a paused container: exec says so, rm -f takes it away" {
	service 'command: sleep 1000'
	berth up -d
	berth pause
	run berth exec -T a true
	[ "$status" -ne 0 ]
	[[ $output == *paused* ]]
	pid=$(inspect a State.Pid)
	berth rm -sf a
	[ -z "$(berth ps -aq)" ]
	[ ! -e "/proc/$pid" ]
}

@test "process 1 ends: its children go with it, and an exec gets 137" {
	service "command: \"sh -c 'setsid sleep 7171 & while [ ! -e /go ]; do sleep 0.1; done; exit 6'\""
	berth up -d
	"$BERTH" exec -T a sh -c 'touch /in; sleep 7272' 3>&- &
	pid=$!
	wait_for 10 berth exec -T a test -e /in
	berth exec -T a touch /go
	wait $pid && code=0 || code=$?
	[ "$code" = 137 ]
	wait_for 10 is a State.ExitCode 6
	run ! pgrep -f 'sleep 7[12]7[12]'
}

@test "twenty followers of logs are killed: nothing of them stays" {
	service "stop_signal: KILL, command: \"sh -c 'while :; do echo x; sleep 0.1; done'\""
	berth up -d
	before=$(ls "/proc/$(supervisor)/fd" | wc -l)
	for k in {1..20}; do
		"$BERTH" logs -f a >"out$k" 3>&- &
		pids+=" $!"
	done
	for k in {1..20}; do wait_for 20 test -s "out$k"; done
	# shellcheck disable=SC2086
	kill -9 $pids && wait $pids 2>/dev/null || true
	back() { [ "$(ls "/proc/$(supervisor)/fd" | wc -l)" -le "$before" ]; }
	wait_for 10 back
}

@test "one port, one name: the first has it, the second is told who" {
	service 'command: sleep 1000, stop_signal: KILL, ports: ["127.0.0.1:18793:80"]'
	berth up -d
	mkdir second && cp compose.yaml second/
	run -1 berth -p second --project-directory second -f second/compose.yaml up -d
	[[ $output == *18793*"in use"* ]]
	berth -p second -f second/compose.yaml down
	[ -n "$(berth ps -q --status running)" ]
	for _ in {1..6}; do
		"$BERTH" run -d --no-deps --name same a sleep 1000 3>&- >>won 2>>lost &
		pids+=" $!"
	done
	# shellcheck disable=SC2086
	wait $pids || true
	[ "$(cat won)" = "$(berth ps -a --no-trunc --format '{{.ID}} {{.Name}}' | sed -n 's/ same$//p')" ]
	[ "$(grep -c 'already in use' lost)" = 5 ]
}

@test "a pid file that names a stranger: the stranger lives" {
	service 'command: sleep 1000, stop_signal: KILL'
	berth up -d
	id=$(berth ps -q)
	kill_both
	sleep 1000 3>&- &
	stranger=$!
	echo "$stranger $(cut -d' ' -f22 "/proc/$stranger/stat")" >"$BERTH_RUN/projects/$PROJECT/supervisor.pid"
	rm "$BERTH_RUN/projects/$PROJECT/control.sock"
	berth up -d
	[ "$(berth ps -q)" = "$id" ]
	[ "$(supervisor)" != "$stranger" ]
	berth down -t 0
	kill "$stranger"
}

# pair N [NETWORK]: `up` of the projects left and right at one time, the default network of each like that.
pair() {
	local p
	for p in left right; do
		mkdir -p "$p$1"
		cat >"$p$1/compose.yaml" <<-END
			name: $PROJECT$p
			services: {a: {image: busybox, command: sleep 1000, stop_signal: KILL}}
			networks: {default: {${2:-}}}
		END
		berth --project-directory "$p$1" -f "$p$1/compose.yaml" up -d >"$p$1/said" 2>&1 3>&- && : >"$p$1/won" &
	done
	wait
}
subnets() { berth network inspect "$PROJECT"left_default "$PROJECT"right_default | jq -r '.[].IPAM.Config[0].Subnet' | sort -u; }

@test "two projects that want one subnet at the same moment: one has it, the other is told" {
	for n in $(seq "${BERTH_ROUNDS:-3}"); do
		pair "$n" "ipam: {config: [{subnet: 10.77.$n.0/24}]}"
		[ "$(ls {left,right}"$n"/won 2>/dev/null | wc -l)" = 1 ]
		grep -h "overlaps 10.77.$n.0/24 of network $PROJECT" {left,right}"$n"/said
		berth -p "$PROJECT"left down -t 0
		berth -p "$PROJECT"right down -t 0
	done
	for n in $(seq 101 $((100 + ${BERTH_ROUNDS:-3}))); do # with none named, each has its own
		pair "$n"
		[ "$(ls {left,right}"$n"/won | wc -l)" = 2 ]
		[ "$(subnets | wc -l)" = 2 ]
		berth -p "$PROJECT"left down -t 0
		berth -p "$PROJECT"right down -t 0
	done
}
