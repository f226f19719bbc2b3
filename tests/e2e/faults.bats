#!/usr/bin/env bats
# What happens when berth itself is killed: containers live, nothing is lost, the next one takes over.
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }

write() { cat >compose.yaml; }
supervisor() { cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
guardian() { awk '/^PPid/ { print $2 }' "/proc/$(supervisor)/status"; }
inspect() { berth inspect "$PROJECT-$1-1" | jq -r ".[0].$2"; }
ended() { ! grep -q '^State:.[^Z]' "/proc/$1/status"; }
renewed_pair() { renewed "$1" && [ "$(guardian)" != "$2" ] && [ "$(cat "/proc/$(guardian)/comm")" = berth-guardian ]; }
renewed() { [ "$(supervisor)" != "$1" ] && kill -0 "$(supervisor)" 2>/dev/null; }

@test "a killed supervisor is replaced: same containers, names, ports, health, exit codes" {
	write <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 80 -h /w'
		    init: true
		    ports: ["127.0.0.1:18081:80"]
		    healthcheck: {test: wget -qO- http://127.0.0.1/, interval: 100ms, start_period: 1m, start_interval: 100ms}
		  ask: {image: busybox, command: sleep 1000}
		  ends:
		    image: busybox
		    command: sh -c 'while [ ! -e /go ]; do sleep 0.05; done; exit 33'
	END
	berth up -d --wait
	before=$(berth ps -q | sort) old=$(supervisor)
	kill -9 "$old"
	wait_for 3 renewed "$old"
	[ "$(berth ps -q | sort)" = "$before" ]
	[ "$(inspect web RestartCount)" = 0 ]
	wait_for 2 curl -sf http://127.0.0.1:18081/
	asks() { [ "$(berth exec -T ask wget -qO- http://web/)" = page ]; }
	wait_for 5 asks
	berth exec ends touch /go
	wait_for 3 sh -c "[ \"\$('$BERTH' inspect $PROJECT-ends-1 | jq '.[0].State.ExitCode')\" = 33 ]"
	berth exec web rm /w/index.html
	wait_for 3 sh -c "[ \"\$('$BERTH' inspect $PROJECT-web-1 | jq -r '.[0].State.Health.Status')\" = unhealthy ]"
}

@test "an end while no supervisor lives is told with its code" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'while [ ! -e /go/now ]; do sleep 0.05; done; echo last words; exit 21'
		    volumes: [./go:/go]
	END
	mkdir go
	berth up -d
	old=$(supervisor) pid=$(inspect a State.Pid)
	kill -STOP "$old"
	touch go/now
	wait_for 3 ended "$pid"
	kill -9 "$old"
	wait_for 3 renewed "$old"
	wait_for 3 sh -c "[ \"\$('$BERTH' inspect $PROJECT-a-1 | jq '.[0].State.ExitCode')\" = 21 ]"
	[ "$(berth logs --no-log-prefix a)" = "last words" ]
}

@test "no line of output is lost or doubled by 12 kills" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'i=0; while [ \$\$i -lt 20000 ]; do i=\$\$((i+1)); echo line \$\$i; done; sleep 1000'
	END
	berth up -d
	fds() { ls "/proc/$(supervisor)/fd" | wc -l; }
	as_many() { [ "$(fds)" -le "$1" ]; }
	first=$(fds)
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		old=$(supervisor)
		kill -9 "$old"
		wait_for 8 renewed "$old"
	done
	wait_for 20 sh -c "'$BERTH' logs --no-log-prefix a | grep -qx 'line 20000'"
	berth logs --no-log-prefix a >got
	seq -f 'line %.0f' 20000 | cmp got -
	wait_for 5 as_many "$first"
}

@test "a killed guardian: containers live, a new pair takes over, the exit code is known" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'while [ ! -e /go ]; do sleep 0.05; done; exit 17'
	END
	berth up -d
	id=$(berth ps -q) old=$(guardian)
	kill -9 "$old"
	wait_for 3 sh -c "! kill -0 $old 2>/dev/null"
	wait_for 3 berth exec a true
	[ "$(berth ps -q)" = "$id" ]
	berth exec a touch /go
	wait_for 5 sh -c "[ \"\$('$BERTH' inspect $PROJECT-a-1 | jq -r '.[0].State.Status')\" = exited ]"
	[ "$(inspect a State.ExitCode)" = 17 ] || [ "$(inspect a State.ExitCode)" = 137 ]
}

@test "a killed guardian: what has a terminal lives too, and is read and written as before" {
	write <<-END
		services:
		  a:
		    image: busybox
		    tty: true
		    stdin_open: true
		    stop_signal: KILL
		    command: sh -c 'while read l; do echo "said \$\$l"; done'
	END
	berth up -d
	id=$(berth ps -q)
	for round in one two; do # the second: who has inherited passes it on
		s=$(supervisor) g=$(guardian)
		kill -9 "$g"
		wait_for 5 renewed_pair "$s" "$g"
		wait_for 5 berth exec -T a sh -c "echo $round >/proc/1/fd/1"
		told() { berth logs --no-log-prefix a | grep -q "^$round"; }
		wait_for 5 told
	done
	kill -9 "$(supervisor)"
	mkfifo keys
	exec 9<>keys
	script -qec "'$BERTH' attach --detach-keys ctrl-x,q a" /dev/null <keys >screen 3>&- 9>&- &
	pid=$!
	greeted() { echo three >&9 && grep -q 'said three' screen; }
	wait_for 10 greeted
	printf '\030q' >&9
	wait $pid
	exec 9>&-
	[ "$(berth ps -q)" = "$id" ]
	[ "$(inspect a RestartCount)" = 0 ]
}

@test "both killed: the next command of any kind brings a new pair that takes over, and says so" {
	write <<-END
		services:
		  a: {image: busybox, command: sh -c 'echo one; while :; do sleep 1; done'}
	END
	berth up -d
	id=$(berth ps -q)
	for looks in 'ps -q' 'logs' 'exec -T a true' 'top' 'stats --no-stream' 'port a 80' 'why a' 'events --until 0s'; do
		s=$(supervisor) g=$(guardian)
		kill -STOP "$g" "$s" # neither sees the other one's end
		kill -9 "$g" "$s"
		wait_for 5 ended "$s"
		wait_for 5 ended "$g" # it listens too
		# shellcheck disable=SC2086
		run berth $looks
		[[ $output == *"had been killed"* ]] || { echo "$looks: $output" && return 1; }
		wait_for 5 renewed "$s"
	done
	run -0 --separate-stderr berth ps -q
	[ "$output" = "$id" ]
	[ -z "$stderr" ]
	berth up -d
	[ "$(berth ps -q)" = "$id" ]
	said() { [ "$(berth logs --no-log-prefix a)" = one ]; }
	wait_for 5 said
	berth down
	[ -z "$(berth ps -aq)" ]
}

@test "a killed up is completed by the next one; a killed down by the next down" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000, depends_on: [a]}
		  c: {image: busybox, command: sleep 1000, depends_on: [b]}
	END
	for pause in 0.01 0.03 0.05 0.08; do
		"$BERTH" up -d 3>&- &
		sleep $pause
		kill -9 "$(supervisor)" $! 2>/dev/null || true
		wait $! || true
		berth up -d
		[ "$(berth ps -q | wc -l)" = 3 ]
		"$BERTH" down 3>&- &
		sleep $pause
		kill -9 "$(supervisor)" $! 2>/dev/null || true
		wait $! || true
		berth down
		[ -z "$(berth ps -aq)" ]
	done
	no_mounts() { ! grep -q " $BERTH_HOME/n/projects" /proc/self/mountinfo; }
	wait_for 5 no_mounts
}

@test "a stuck supervisor does not stop ps and logs" {
	write <<-END
		services:
		  a: {image: busybox, command: sh -c 'echo said; sleep 1000'}
	END
	berth up -d
	wait_for 3 sh -c "'$BERTH' logs a | grep -q said"
	kill -STOP "$(supervisor)"
	timeout 120 "$BERTH" ps -q | grep -q .
	timeout 120 "$BERTH" logs --no-log-prefix a | grep -qx said
	kill -CONT "$(supervisor)"
}

@test "restarts leave the supervisor as small as it was" {
	write <<-END
		services:
		  a: {image: busybox, command: "true", restart: always}
	END
	berth up -d
	restarted() { [ "$(inspect a RestartCount)" -ge "$1" ]; }
	wait_for 10 restarted 3
	fds=$(ls "/proc/$(supervisor)/fd" | wc -l)
	wait_for 10 restarted 5
	few() { [ "$(ls "/proc/$(supervisor)/fd" | wc -l)" -le $((fds + 8)) ]; }
	wait_for 3 few
	size=$(awk '/^Pss:/ { print $2 }' "/proc/$(supervisor)/smaps_rollup")
	echo "the supervisor takes $size kB" >&3
	[ "$size" -lt 5000 ]
}

@test "supervisor and guardian leave the terminal, session and cgroups they were started in" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
	END
	mkdir -p "/sys/fs/cgroup/memory/bt-$PROJECT" 2>/dev/null || mkdir -p "/sys/fs/cgroup/bt-$PROJECT"
	group=$(ls -d "/sys/fs/cgroup/memory/bt-$PROJECT" "/sys/fs/cgroup/bt-$PROJECT" 2>/dev/null | head -n 1)
	(echo $BASHPID >"$group/cgroup.procs" && exec script -qec "$BERTH up -d" /dev/null) </dev/null >/dev/null
	adj=-500
	sh -c 'echo -500 >/proc/self/oom_score_adj' 2>/dev/null || adj=0 # no CAP_SYS_RESOURCE here
	for pid in "$(guardian)" "$(supervisor)"; do
		run ! grep "bt-$PROJECT" "/proc/$pid/cgroup"
		[ "$(readlink "/proc/$pid/cwd")" = / ]
		[ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
		[ "$(cat "/proc/$pid/oom_score_adj")" = $adj ]
		[ "$(ps -o tty= -p "$pid")" = '?' ]
		[ "$(ps -o sid= -p "$pid")" -ne "$(ps -o sid= -p $$)" ]
	done
	[ "$(berth exec a cat /proc/1/oom_score_adj)" = 0 ]
	wait_for 5 rmdir "$group"
	berth exec a true
}
