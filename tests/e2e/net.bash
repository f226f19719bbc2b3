# For net-*.bats: machines made of network namespaces around the test's own, which is the host.

# setup_file and teardown_file, for files that need no more than this.
setup_file() {
	root_up
	client_up
	make_busybox_image >/dev/null
}
teardown_file() {
	client_down
	root_down
}

# client_up: a machine outside at 192.0.2.2 and 2001:db8::2, this host being .1 and ::1 to it.
client_up() {
	ip link set lo up
	unshare -n sleep 3600 3>&- &
	CLIENT=$!
	wait_for 5 is_apart "$CLIENT"
	ip link add up0 type veth peer name up1 netns "$CLIENT"
	ip addr add 192.0.2.1/24 dev up0 && ip -6 addr add 2001:db8::1/64 dev up0 nodad
	ip link set up0 up
	client ip link set lo up
	client ip addr add 192.0.2.2/24 dev up1 && client ip -6 addr add 2001:db8::2/64 dev up1 nodad
	client ip link set up1 up
	# It takes this host for its router, as a hostile neighbour would.
	client ip route add default via 192.0.2.1
	export CLIENT
}
client_down() { kill "$CLIENT"; }
is_apart() { [ "$(readlink /proc/"$1"/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
client() { nsenter -t "$CLIENT" -n "$@"; }

# get URL: from this host; from_client URL: from outside. `SILENCE=2 run ! get` where nobody answers.
get() { curl -sf -m "${SILENCE:-20}" "$1"; }
from_client() { client curl -sf -m "${SILENCE:-20}" "$1"; }

# A page that names the container: `web` for the command of a busybox service.
PAGE='sh -c "mkdir /w && hostname > /w/index.html && exec httpd -f -p 80 -h /w"'

# inside SERVICE COMMAND...: the host's program in the container's network namespace.
inside() {
	local pid
	pid=$(berth inspect -f '{{.State.Pid}}' "$PROJECT-$1-1") && shift
	nsenter -t "$pid" -n "$@"
}
