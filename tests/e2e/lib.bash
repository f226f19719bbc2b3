# What every end-to-end file starts with: `load lib`. It gives the file a root of its own (short
# paths: a socket's may have 107 bytes), an empty project directory per test, and counters.
# tests/run has already put the file into namespaces of its own; by hand: tests/run NAME.
bats_require_minimum_version 1.5.0
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BERTH=${BERTH:-$TESTS/../build/berth}
BERTH_TEST_CACHE=${BERTH_TEST_CACHE:-/var/cache/berth-test}

# Bounded, so that what hangs fails and the next test runs. In the foreground: it may read a terminal.
berth() { timeout --foreground -k 5 "${BERTH_TIMEOUT:-120}" "$BERTH" "$@"; }

# setup_file and teardown_file, for files that need no more than this.
setup_file() { root_up; }
teardown_file() { root_down; }

# A directory named after the file and the test's number is also the default name of the project, of
# its own: cgroups are everyone's, and another file may be under way beside this one.
setup() {
	PROJECT=$(basename "$BATS_TEST_FILENAME" .bats)$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
}
teardown() {
	[ -f compose.yaml ] && berth down -v -t 0 >/dev/null 2>&1
	return 0
}

root_up() {
	BERTH_HOME=$(mktemp -d /tmp/bt.XXXXXX)
	export BERTH_HOME BERTH_ROOT=$BERTH_HOME/r BERTH_RUN=$BERTH_HOME/n HOME=$BERTH_HOME/h
	mkdir -p "$BERTH_ROOT" "$BERTH_RUN" "$HOME"
}

root_down() {
	[ ! -f "$BERTH_HOME/registry/pid" ] || registry_stop
	awk -v h="$BERTH_HOME/" 'index($5, h) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		xargs -r -n 1 umount -l
	# A supervisor that has nothing to do any more may be leaving just now.
	for _ in {1..100}; do
		rm -rf "$BERTH_HOME" 2>/dev/null && return
		sleep 0.1
	done
	rm -rf "$BERTH_HOME"
}

# make_busybox_image [NAME]: loads a busybox image (default busybox:latest) into the store.
make_busybox_image() {
	local name=${1:-busybox:latest}
	"$TESTS/images/busybox" "$name" "$BERTH_HOME/busybox.tar" &&
		berth load -i "$BERTH_HOME/busybox.tar"
}

# A loopback registry; sets REGISTRY to host:port. push_busybox [NAME]: puts the image there.
registry_start() {
	REGISTRY=$("$TESTS/registry" start "$BERTH_HOME/registry") || return
	export REGISTRY
}
registry_stop() { "$TESTS/registry" stop "$BERTH_HOME/registry"; }
push_busybox() { # [NAME[:TAG]]
	"$TESTS/images/busybox" "pushed:latest" "$BERTH_HOME/push.tar" &&
		skopeo copy -q --dest-tls-verify=false "docker-archive:$BERTH_HOME/push.tar" \
			"docker://$REGISTRY/${1:-busybox:latest}"
}

# There is no way out of a test's network. A line "# images: NAME=REF..." in the file has tests/run
# build the recipes tests/images/NAME before and put them into a registry in the cache, which this
# starts; pull then has it for Docker Hub's mirror. "# compose: FILE" does so with what a compose file
# builds. "# npm: NAME@VERSION..." has node modules
# installed, whose place is then in NODE_PATH.
registry_of_images() {
	mkdir -p "$BERTH_HOME/registry"
	ln -sfn "$BERTH_TEST_CACHE/registry/files" "$BERTH_HOME/registry/files"
	registry_start
	echo "docker.io mirror=http://$REGISTRY" >"$BERTH_ROOT/registries.conf"
}

# wait_for SECONDS COMMAND...: until it succeeds; says what it waited for when it never does.
# SECONDS are a quiet machine's: a slow and busy one has half a minute and twice that before it fails.
wait_for() {
	local end=$((SECONDS + 30 + 2 * $1)) && shift
	until "$@" >"$BERTH_HOME/waited" 2>&1; do
		if [ $SECONDS -gt $end ]; then
			echo "waited in vain for: $*" >&2
			cat "$BERTH_HOME/waited" >&2
			return 1
		fi
		sleep 0.05
	done
}

# compose <<EOF: writes compose.yaml of the current test.
compose() { cat >compose.yaml; }

# traces: what a project may leave behind, one kind a line, to be compared before and after.
traces() {
	echo "mounts $(awk -v h="$BERTH_HOME/" 'index($5, h) == 1' /proc/self/mountinfo | wc -l)"
	echo "interfaces $(ip -o link | wc -l)"
	echo "routes $(ip route show table all | wc -l)"
	echo "rules $(nft list ruleset | wc -l)"
	echo "processes $(berth_processes | wc -l)"
	echo "cgroups $(find /sys/fs/cgroup -type d -path '*berth*' -path "*$PROJECT*" 2>/dev/null | wc -l)"
	find "$BERTH_RUN" -mindepth 2 2>/dev/null | sort
}

# Processes of berth, and those in another mount namespace than ours: the containers'. Not the one
# that notes an image as being on the disk, whenever that is: it is nobody's.
berth_processes() {
	local d here
	here=$(readlink /proc/self/ns/mnt)
	for d in /proc/[0-9]*; do
		! grep -qsx berth-settle "$d/comm" || continue
		if [ "$(readlink "$d/exe" 2>/dev/null)" = "$(readlink -f "$BERTH")" ] ||
			{ [ -e "$d/ns/mnt" ] && [ "$(readlink "$d/ns/mnt")" != "$here" ]; }; then
			echo "${d#/proc/}"
		fi
	done
}

# publishes PORT...: each answers on loopback.
answers() {
	local p
	for p; do
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || return
	done
}
