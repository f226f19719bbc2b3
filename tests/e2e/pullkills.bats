#!/usr/bin/env bats
# berth pull, load, tag, rmi and prune are killed at their steps, one after the other (as kills.bats does with
# up): the next command finds a whole store and completes, and what was begun goes when the image goes.
# With BERTH_STRIDE=1 every step.
load lib

setup_file() {
	root_up
	registry_start
	export BERTH=${BERTH%/berth}/berth-faults BERTH_FAULT=$BERTH_HOME/fault
	python3 - "$BERTH_HOME" <<-'END'
		import io, sys, tarfile
		for name in "one", "two":
		    with tarfile.open(f"{sys.argv[1]}/{name}.tar", "w") as t:
		        for i in range(40):
		            f = tarfile.TarInfo(f"{name}/d{i // 10}/f{i}")
		            f.size = 3000
		            t.addfile(f, io.BytesIO(bytes([i % 251]) * f.size))
	END
	"$TESTS/images/archive" it:1 "$BERTH_HOME/image.tar" '{}' "$BERTH_HOME/one.tar" "$BERTH_HOME/two.tar"
	skopeo copy -q --dest-tls-verify=false "docker-archive:$BERTH_HOME/image.tar" "docker://$REGISTRY/it:1"
}
teardown() { rm -f "$BERTH_FAULT"; }

arm() { echo "berth-faults* $1         " >"$BERTH_FAULT"; }
steps_left() { awk '{ print $2 }' "$BERTH_FAULT"; }
# What was added is sent to the disk by a process of its own, which counts too and writes notes.
idle() { ! pgrep -r R,S,D -x berth-faults; }
whole() { wait_for 9 idle && "$TESTS/images/verify" "$BERTH_ROOT"; }
sweep() { wait_for 9 idle && berth image prune -f >/dev/null; } # as whatever brings or prunes images does
clean() { # all of it goes
	wait_for 9 idle
	berth rmi -f "$REGISTRY/it:1" it:1 other:1 >/dev/null 2>&1 || true
	berth system prune -af >/dev/null
}
remains() { find "$BERTH_ROOT"/images/{layers,blobs/sha256,records,tmp} -mindepth 1 -maxdepth 1 2>/dev/null || true; }

grouped() { timeout -k 5 300 "$BERTH" "$@"; } # timeout makes the group that dies

begin_pull() { clean; }
do_pull() { grouped pull -q "$REGISTRY/it:1"; }
end_pull() { berth pull -q "$REGISTRY/it:1" && berth image inspect "$REGISTRY/it:1" >/dev/null; }
begin_load() { clean; }
do_load() { grouped load -q -i "$BERTH_HOME/image.tar"; }
end_load() { do_load && berth image inspect it:1 >/dev/null; }
begin_tag() { do_load; }
do_tag() { grouped tag it:1 other:1; }
end_tag() { do_tag && berth image inspect other:1 >/dev/null; }
begin_rmi() { do_load; }
do_rmi() { grouped rmi it:1; }
end_rmi() { berth rmi -f it:1 || true; }
begin_prune() { do_load && berth pull -q "$REGISTRY/it:1"; }
do_prune() { grouped image prune -af; }
end_prune() { do_prune && [ -z "$(berth image ls -q)" ]; }
begin_system() { do_load; }
do_system() { grouped system prune -af; }
end_system() { do_system && [ -z "$(berth image ls -q)" ]; }

# Some run side by side, so a step may come later in one run than in the other, or not at all.
tries() { # WHAT TOTAL STRIDE
	local at=${BERTH_FIRST:-0} step struck=0
	while [ $at -lt "$2" ]; do
		"begin_$1"
		wait_for 9 idle
		arm $at
		"do_$1" || true
		wait_for 9 idle
		step=$(cat "$BERTH_FAULT")
		rm -f "$BERTH_FAULT"
		[[ $step != done* ]] || struck=$((struck + 1))
		"end_$1" && sweep && whole || { echo "$1, step $at of $2 ($step)" && return 1; }
		at=$((at + ${BERTH_STRIDE:-$3}))
	done
	echo "# $1: killed at $struck of its $2 steps" >&3
	[ $struck -gt 0 ]
}

walk() { # WHAT STRIDE
	local total
	"begin_$1"
	wait_for 9 idle
	arm 100000
	"do_$1"
	wait_for 9 idle
	total=$((100000 - $(steps_left)))
	rm "$BERTH_FAULT"
	"end_$1"
	tries "$1" $total "$2" >tried 2>&1 || { tail -n 30 tried && return 1; }
	clean
	[ -z "$(remains)" ] || { echo "left: $(remains)" && return 1; }
}

@test "pull" { walk pull 19; }
@test "load" { walk load 19; }
@test "tag" { walk tag 2; }
@test "rmi" { walk rmi 47; }
@test "image prune" { walk prune 47; }
@test "system prune" { walk system 61; }
