# why: one test per cause that keeps a service down, and what it says to do.
load lib

setup_file() {
	root_up
	make_busybox_image
}

# why SERVICE PATTERN...: each is in what it says.
says() {
	local service=$1 part
	shift
	run -0 berth why "$service"
	for part; do
		[[ $output == *$part* ]] || {
			echo "not said: $part"
			echo "$output"
			return 1
		}
	done
}

service() { # NAME ATTRIBUTES: one line of a compose file
	echo "  $1: {image: busybox, stop_signal: KILL, $2}"
}

file() {
	echo 'services:' >compose.yaml
	cat >>compose.yaml
}

@test "a dependency that is unhealthy: since when, and what its last probe said" {
	file <<-END
		$(service db 'command: sleep 1000, healthcheck: {test: "echo no disk left; exit 3", interval: 100ms, retries: 2}')
		$(service web 'command: sleep 1000, depends_on: {db: {condition: service_healthy}}')
	END
	run -1 berth up -d
	says web "web depends on db, which must be healthy" "unhealthy for" "last probe (exit 3) said: no disk left" "->"
}

@test "a probe that is not in the image, and one that hangs" {
	file <<-END
		$(service bare 'command: sleep 1000, healthcheck: {test: [CMD, curl, x], interval: 100ms, retries: 2}')
		$(service hangs 'command: sleep 1000, healthcheck: {test: sleep 100, interval: 100ms, timeout: 100ms, retries: 2}')
		$(service done 'command: sh -c "exit 0", depends_on: [bare]')
	END
	berth up -d
	unhealthy() { berth ps "$1" --format '{{.Health}}' | grep -qx unhealthy; }
	wait_for 5 unhealthy bare
	says bare 'probe (exit 127) said: "curl"' "-> healthcheck.test has to name a program that is in the image"
	wait_for 5 unhealthy hangs
	says hangs "its last probe: Health check exceeded timeout (100ms)" "-> does it hang?"
	says done "it ended by itself, well"
	[[ $output != *"depends on"* ]]
}

@test "a dependency that failed, and one that has not come so far" {
	file <<-END
		$(service init 'command: sh -c "echo no such table; exit 4"')
		$(service web 'command: sleep 1000, depends_on: {init: {condition: service_completed_successfully}}')
		$(service slow 'command: sleep 1000, healthcheck: {test: "false", interval: 1s, retries: 100}')
		$(service late 'command: sleep 1000, depends_on: {slow: {condition: service_healthy}}')
	END
	run -1 berth up -d web
	says web "web depends on init, which must end well" "exited with 4" "its last line: no such table" "berth logs"
	"$BERTH" up -d late 3>&- >/dev/null 2>&1 &
	pid=$!
	wait_for 5 says late "late depends on slow, which must be healthy" "slow-1 is not healthy yet: it is starting"
	kill "$pid"
}

@test "the command: not there, not executable, ended, killed" {
	file <<-END
		$(service missing 'command: nosuch')
		$(service data 'command: /etc')
		$(service ends 'command: sh -c "exit 9"')
		$(service killed 'command: sleep 1000')
	END
	berth up -d killed ends # before one that fails ends the rest
	berth up -d missing || true
	berth up -d data || true
	kill -9 "$(berth inspect killed --format '{{.State.Pid}}')"
	wait_for 5 eval '[ -z "$(berth ps -q)" ]'
	says missing "(127)" "nosuch" "not found" "-> is that program in the image"
	says data "(126)" "is a directory" "-> make the file executable"
	says ends "exited with 9" "with an error" "berth logs"
	says killed "exited with 137" "it was killed (SIGKILL)"
}

@test "out of memory: the limit, and what to do" {
	file <<-END
		$(service fat 'mem_limit: 16m, command: sh -c "x=$(head -c 64000000 /dev/zero | tr \\\\0 x); sleep 9"')
	END
	berth up -d
	wait_for 10 eval '[ "$(berth ps -a --format "{{.State}}")" = exited ]'
	says fat "killed it at its memory limit" "its limit is 16MiB" "raise mem_limit"
}

@test "a port that another holds: who" {
	file <<-END
		$(service web 'command: sleep 1000, ports: ["127.0.0.1:18765:80"]')
	END
	python3 -m http.server -b 127.0.0.1 18765 3>&- &>/dev/null &
	pid=$!
	wait_for 5 eval 'ss -tln | grep -q 18765'
	run -1 berth up -d
	says web "port 18765" "in use" "$pid" "->"
	kill "$pid"
}

@test "an image that is gone, and a service that was never started" {
	file <<-END
		$(service web 'command: sleep 1000')
		$(service idle 'command: sleep 1000')
	END
	berth up -d web
	says idle "idle has no container" "berth up"
	berth create
	says idle "has never been started" "berth start"
	sed -i 's/idle: {image: busybox/other: {image: nosuch:1/' compose.yaml
	berth up -d web
	says other "its image nosuch:1 is not here" "berth pull"
}

@test "restarts: the next one, and that they were given up" {
	file <<-END
		$(service loop 'command: sh -c "exit 5", restart: always')
		$(service few 'command: sh -c "exit 6", restart: "on-failure:1"')
		$(service gone 'command: sleep 1000')
	END
	berth up -d
	wait_for 10 eval '[ "$(berth ps -a few --format "{{.State}}")" = exited ]'
	wait_for 10 says loop "exited with 5" "starts again in" "attempt" # it starts and ends all the time
	wait_for 10 says few "exited with 6" "started again 1 times: its restart policy gave up"
	berth stop gone
	says gone "stopped by a person" "berth start"
	berth start gone
	berth pause gone
	says gone "is paused" "berth unpause"
	berth unpause gone
	run -1 berth why nosuch
}
