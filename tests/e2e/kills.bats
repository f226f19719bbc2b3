#!/usr/bin/env bats
# berth is killed at its steps, one after the other: the next command repairs or completes.
# build/berth-faults counts the steps (tests/fault/hook.c). A few are tried; with BERTH_STRIDE=N
# every Nth: BERTH_STRIDE=1 BERTH_TEST_LIMIT=9999 tests/run kills tries all, which takes most of an
# hour. The soak kills 15 times at random; BERTH_KILLS=200 takes minutes.
load lib

setup_file() {
	root_up
	make_busybox_image
	export BERTH=${BERTH%/berth}/berth-faults BERTH_FAULT=$BERTH_HOME/fault
}
teardown_file() { root_down; }
setup() { # cgroups are everyone's: a name of its own
	PROJECT=kill$(basename "$BERTH_HOME" | tr -dc '[:alnum:]' | tr '[:upper:]' '[:lower:]')$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
}

write() { # WORD: another one recreates web
	compose <<-END
		services:
		  db:
		    image: busybox
		    command: sh -c 'echo up; sleep 1000'
		    init: true
		    volumes: [data:/data, /anonymous]
		    healthcheck: {test: "true", interval: 200ms}
		  web:
		    image: busybox
		    command: sh -c 'echo $1; sleep 1000'
		    init: true
		    ports: ["127.0.0.1:18091:80"]
		    networks: [default, other]
		    depends_on: {db: {condition: service_healthy}}
		    configs: [{source: c, target: /c}]
		configs: {c: {content: text}}
		networks: {other: {}}
		volumes: {data: {}}
	END
}

# arm ROLE STEP: with BERTH_ERRNO the step fails with that instead.
arm() { printf '%s %s %-40s\n' "$1" "$2" "${BERTH_ERRNO:-}" >"$BERTH_FAULT"; }
steps_left() { awk '{ print $2 }' "$BERTH_FAULT"; }
struck() { grep -q ^done "$BERTH_FAULT"; }

all_run() {
	[ "$(berth ps --format '{{.Service}} {{.State}}' | sort | paste -sd,)" = 'db running,web running' ] &&
		[ "$(berth exec db cat /proc/1/comm)" = berth-init ] || return
	berth exec web true
}

# begin_up, begin_recreate and so on bring about what the walk begins with.
begin_up() { berth down -v -t 0; write one; }
# A line that the disk refuses is dropped, by choice: docs/supervision.md.
end_up() { berth up -d && all_run && { [ -n "${BERTH_ERRNO:-}" ] || PATTERN=one wait_for 10 said; }; }
do_up() { berth up -d; }
begin_recreate() { berth up -d && write "two$1"; }
do_recreate() { berth up -d; }
end_recreate() { berth up -d && all_run && PATTERN=two$1 wait_for 10 said; }
begin_down() { write one && berth up -d; }
do_down() { berth down -v -t 0; }
end_down() { berth down -v -t 0; }
begin_exec() { write one && berth up -d; }
do_exec() { berth exec -T db true; }
end_exec() { berth exec -T db true && all_run; }
begin_abandon() { write one && wait_for 20 as_before "$clean"; }
do_abandon() { berth up -d; }
end_abandon() { berth down -v -t 0; }
said() { berth logs --no-log-prefix web | grep -qx "$PATTERN"; }

# Four that start together, on a network that outlives them with its book of addresses.
write_wave() {
	compose <<-END
		services:
		  a: &a {image: busybox, command: sleep 1000, stop_signal: KILL, networks: [lasting, default]}
		  b: *a
		  c: *a
		  d: {<<: *a, ports: ["127.0.0.1:18091:80"]}
		networks: {lasting: {external: true}}
	END
}
begin_wave() { berth down -v -t 0; write_wave; }
do_wave() { berth up -d; }
end_wave() {
	berth up -d && [ "$(berth ps -q --status running | wc -l)" = 4 ] &&
		[ "$(berth exec -T a nslookup d | grep -c '^Address: ')" = 1 ]
}
begin_half() { begin_wave; }
do_half() { berth up -d; }
end_half() { berth down -t 0 && ! grep "^+ $PROJECT" "$BERTH_ROOT"/net/addresses-*; }

everything() {
	traces
	find "$BERTH_ROOT" -name '*~'
	ls "$BERTH_ROOT/volumes" 2>/dev/null || true
}
as_before() { diff <(echo "$1") <(everything); }

# Where descriptors run out, the supervisor has as many after as before.
leaks_nothing() { [ "${BERTH_ERRNO:-}" != 24 ] || ! runs || wait_for 10 no_more_fds "$fds"; }
runs() { [ -e "$BERTH_RUN/projects/$PROJECT/supervisor.pid" ]; }

# tries WHAT ROLE TOTAL: kills ROLE at its steps during do_WHAT, and goes on where one is not mended.
tries() {
	local what=$1 role=$2 total=$3 at=${BERTH_FIRST:-0} wrong='' step
	while [ $at -lt "$total" ]; do
		"begin_$what" $at || { echo "step $at cannot begin" && return 1; }
		arm "$role" $at
		"do_$what" || true
		for _ in 1 2 3 4 5 6 7 8 9 10; do struck && break || sleep 0.1; done
		step=$(cat "$BERTH_FAULT")
		rm -f "$BERTH_FAULT"
		echo "# $what, $role, step $at of $total ($step)"
		"end_$what" $at && leaks_nothing || { wrong+=" $at" && echo "# step $at fails"; }
		at=$((at + ${BERTH_STRIDE:-131})) walked=$((walked + 1))
	done
	[ -z "$wrong" ] || { echo "not mended, of $total:$wrong" && return 1; }
}

# walk WHAT ROLE: counts the steps of ROLE during do_WHAT, tries them, and looks for what is left.
walk() {
	local what=$1 role=$2 total walked=0 before fault=killed fds=0
	[ -z "${BERTH_ERRNO:-}" ] || fault="fails with $BERTH_ERRNO"
	write one
	berth down -v -t 0 || true
	before=$(everything)
	clean=$before
	"begin_$what" x
	arm "$role" 100000
	"do_$what"
	total=$((100000 - $(steps_left)))
	rm "$BERTH_FAULT"
	"end_$what" x
	! runs || fds=$(ls "/proc/$(supervisor)/fd" | wc -l)
	tries "$what" "$role" "$total" >tried 2>&1 ||
		{ grep -B 30 '^# step .* fails' tried || true; tail -n 30 tried; return 1; }
	berth down -v -t 0
	wait_for 20 as_before "$before" # a new supervisor with nothing to do stays 5 s
	echo "# $what: $role $fault at $walked of its $total steps" >&3
}

@test "up survives its command" { BERTH_STRIDE=${BERTH_STRIDE:-11} walk up berth-faults; }
@test "up survives its supervisor" { walk up berth-super; }
@test "up survives its guardian" { BERTH_STRIDE=${BERTH_STRIDE:-7} walk up berth-guardian; }
@test "a wave survives its supervisor, and gives back every address" {
	berth network create lasting
	write_wave && berth up -d && berth down -t 0 # the bridge has had a carrier
	BERTH_FIRST=${BERTH_FIRST:-90} walk wave berth-super
	BERTH_FIRST=${BERTH_FIRST:-60} walk half berth-super
	berth network rm lasting
}
@test "recreation survives its supervisor" { walk recreate berth-super; }
@test "recreation survives its command" { BERTH_STRIDE=${BERTH_STRIDE:-11} walk recreate berth-faults; }
@test "what a killed up has begun goes with down" { walk abandon berth-super; }
@test "down survives its supervisor" { walk down berth-super; }
@test "down survives its command" { BERTH_STRIDE=${BERTH_STRIDE:-7} walk down berth-faults; }

# A failing step may make the command fail; what matters is what the next one finds. The numbers:
# EINTR, EIO, ENOMEM. The long form tries them all.
@test "a step that fails: no memory, an error of the disk, interrupted, half a write" {
	for what in up:5:97 up:12:211 down:12:173 up:short:61 up:4:149; do
		export BERTH_ERRNO=${what#*:}
		BERTH_FIRST=${BERTH_STRIDE:+0} BERTH_FIRST=${BERTH_FIRST:-${BERTH_ERRNO#*:}}
		BERTH_ERRNO=${BERTH_ERRNO%:*}
		BERTH_STRIDE=${BERTH_STRIDE:-400} walk "${what%%:*}" berth-super
		[ -z "${BERTH_STRIDE:-}" ] || walk "${what%%:*}" berth-faults
		unset BERTH_FIRST BERTH_ERRNO
	done
}

@test "a descriptor that is refused: EMFILE" {
	export BERTH_ERRNO=24
	for what in up:7:41 exec:2:5 down:5:29; do
		of=${what%%:*} at=${what#*:}
		BERTH_FIRST=${BERTH_STRIDE:+0} BERTH_FIRST=${BERTH_FIRST:-${at%:*}}
		BERTH_STRIDE=${BERTH_STRIDE:-${at#*:}} walk "$of" berth-faults
		[ "$of" = exec ] || BERTH_STRIDE=${BERTH_STRIDE:-131} walk "$of" berth-super
	done
}

supervisor() { cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
renewed() { [ "$(supervisor)" != "$1" ] && kill -0 "$(supervisor)" 2>/dev/null; }
ids() { berth ps -aq --no-trunc talk web twice | sort; }
no_more_fds() { [ "$(ls "/proc/$(supervisor)/fd" | wc -l)" -le "$1" ]; }

strike() { # one of the pair, or both, at a random moment
	local super guard
	super=$(supervisor) guard=$(awk '/^PPid/ { print $2 }' "/proc/$super/status")
	sleep 0.$((RANDOM % 4))$((RANDOM % 10))
	case $((RANDOM % 8)) in
	0) kill -9 "$guard" && wait_for 10 renewed "$super" ;;
	1) kill -9 "$guard" "$super" && berth up -d ;;
	*) kill -9 "$super" && wait_for 10 renewed "$super" ;;
	esac
}

@test "a soak of random kills loses no container and no line, and leaks nothing" {
	compose <<-END
		x-talk: &talk
		  image: busybox
		  command: sh -c 'i=0; while :; do i=\$\$((i+1)); echo line \$\$i; [ \$\$((i % 40)) = 0 ] && sleep 0.1; done'
		  init: true
		services:
		  talk: *talk
		  twice: {<<: *talk, scale: 2}
		  web:
		    image: busybox
		    command: sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 80 -h /w'
		    init: true
		    ports: ["127.0.0.1:18092:80"]
		    healthcheck: {test: wget -qO- http://127.0.0.1/, interval: 300ms}
		  flaps: {image: busybox, command: sleep 0.2, restart: always}
	END
	before=$(everything)
	berth up -d --wait talk twice web
	berth up -d
	before_ids=$(ids) kills=${BERTH_KILLS:-15} fds=$(ls "/proc/$(supervisor)/fd" | wc -l)
	for _ in $(seq "$kills"); do strike; done
	same_ids() { [ "$(ids)" = "$before_ids" ]; }
	wait_for 5 same_ids
	wait_for 10 no_more_fds $((fds + 6)) # a probe or a restart under way has some
	fds_after=$(ls "/proc/$(supervisor)/fd" | wc -l)
	wait_for 5 curl -sf http://127.0.0.1:18092/
	enough() { [ "$(berth logs --no-log-prefix --index "${1%:*}" "${1#*:}" | wc -l)" -gt 100 ]; }
	for who in 1:talk 1:twice 2:twice; do wait_for 5 enough $who; done
	berth stop -t 0 talk twice
	lines=0
	for who in 1:talk 1:twice 2:twice; do
		berth logs --no-log-prefix --index "${who%:*}" "${who#*:}" >got
		seq -f 'line %.0f' "$(wc -l <got)" | cmp - got
		lines=$((lines + $(wc -l <got)))
	done
	berth down -v -t 0
	wait_for 20 as_before "$before"
	echo "# soak: $kills kills: $(wc -l <<<"$before_ids") containers kept, $lines lines whole and in order; left over:" \
		"0 files, $(traces | awk '/^(mounts|cgroups|processes|interfaces|rules)/ { printf "%d %s, ", $2, $1 }')" \
		"as before; $fds descriptors before, $fds_after after" >&3
}
