# For files that attack: a canary directory on the host stands for everything outside; its content,
# modes and owners must be the same after every attack. Images with whatever a script puts in them.
setup_file() {
	root_up
	make_busybox_image >/dev/null
	export CANARY=$BERTH_HOME/canary
	mkdir -p "$CANARY/dir"
	echo untouched >"$CANARY/file"
	chmod 640 "$CANARY/file"
	canary >"$BERTH_HOME/canary.was"
}
teardown_file() { wait_for 5 root_down; }
teardown() {
	[ ! -f compose.yaml ] || berth down -v -t 0 >/dev/null 2>&1
	canary | diff "$BERTH_HOME/canary.was" - || return
}
canary() { (cd "$CANARY" && find . -exec stat -c '%n %F %a %u:%g %h' {} + | sort && cat file); }

# hostile NAME SCRIPT: the busybox image with a last layer that the script makes in $PWD.
hostile() {
	local dir=$BERTH_HOME/img-$1
	mkdir -p "$dir/layer"
	(cd "$dir/layer" && eval "$2")
	mkdir -p "$dir/base" && tar -C "$dir/base" -xf "$BERTH_HOME/busybox.tar"
	tar -C "$dir/layer" -cf "$dir/last.tar" .
	mapfile -t layers < <(jq -r '.[0].Layers[]' "$dir/base/manifest.json")
	"$TESTS/images/archive" "hostile-$1:latest" "$dir/out.tar" "${3:-{\}}" "${layers[@]/#/$dir/base/}" "$dir/last.tar" >/dev/null
	berth load -i "$dir/out.tar" >/dev/null
}
one() { # IMAGE [LINES]: a project of one service "a"
	compose <<-EOF
		services:
		  a:
		    image: $1
		    command: ["sleep", "1000"]
		    stop_grace_period: 0s
		${2:-}
	EOF
}
