#!/usr/bin/env bats
# Who reaches whom: networks, internal ones, neighbours without icc, forged addresses, metadata.
load lib
load net

setup_file() {
	root_up
	client_up
	make_busybox_image >/dev/null
	cat >"$BERTH_HOME/send.py" <<-'EOF'
		# send.py FROM TO PORT: one UDP datagram with a source address of one's choice.
		import socket, struct, sys
		src, dst, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
		udp = struct.pack("!HHHH", 4000, port, 12, 0) + b"hey\n"
		s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
		head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0,
		                   socket.inet_aton(src), socket.inet_aton(dst))
		s.sendto(head + udp, (dst, port))
	EOF
}
teardown_file() {
	client_down
	root_down
}

ip_of() { berth inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$PROJECT-$1-1"; }
reaches() { inside "$1" nc -z -w 1 "$2" "$3"; }

@test "networks are apart, and from outside there is no way to a container" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: $PAGE, networks: [one]}
		  b: {image: busybox, command: $PAGE, networks: [two]}
		  c: {image: busybox, command: $PAGE, networks: [one, two]}
		networks: {one: , two: }
	EOF
	run -0 berth up -d
	b=$(ip_of b "${PROJECT}_two")
	wait_for 5 reaches c "$b" 80
	run ! reaches a "$b" 80
	reaches a "$(ip_of c "${PROJECT}_one")" 80
	run ! client nc -z -w 1 "$b" 80
	# Outwards all may go, and seem to be this host.
	client nc -l -p 9000 >/dev/null 2>&1 3>&- &
	outside() { reaches a 192.0.2.2 9000; }
	wait_for 3 outside
}

@test "an internal network has no way out, whatever a container does" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, networks: [shut], cap_add: [NET_ADMIN]}
		  b: {image: busybox, command: $PAGE, networks: [shut]}
		networks: {shut: {internal: true}}
	EOF
	run -0 berth up -d
	wait_for 5 reaches a "$(ip_of b "${PROJECT}_shut")" 80
	client nc -lk -p 9001 >/dev/null 2>&1 3>&- &
	listener=$!
	run ! reaches a 192.0.2.2 9001
	gateway=$(berth network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "${PROJECT}_shut")
	inside a ip route add default via "$gateway"
	run ! reaches a 192.0.2.2 9001
	kill "$listener"
}

@test "without icc neighbours are strangers, and the host still reaches both" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: $PAGE}
		  b: {image: busybox, command: $PAGE}
		networks: {default: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}}
	EOF
	run -0 berth up -d
	b=$(ip_of b "${PROJECT}_default")
	wait_for 5 nc -z -w 1 "$b" 80
	run ! reaches a "$b" 80
}

@test "a forged address reaches neither a neighbour nor the outside" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000}
		  c: {image: busybox, command: sleep 1000}
	EOF
	run -0 berth up -d
	a=$(ip_of a "${PROJECT}_default") b=$(ip_of b "${PROJECT}_default") c=$(ip_of c "${PROJECT}_default")
	heard() { # FROM: what b hears of a datagram that a sends under this address
		inside b timeout 1 nc -u -l -p 5000 >"$BERTH_HOME/heard" 3>&- &
		local listener=$!
		listens() { [ -n "$(inside b ss -Hlun 'sport = 5000')" ]; }
		wait_for 3 listens
		inside a python3 "$BERTH_HOME/send.py" "$1" "$b" 5000
		wait "$listener" || true # it ends by its time limit
		[ -s "$BERTH_HOME/heard" ]
	}
	heard "$a"
	run ! heard "$c"
	run ! heard 203.0.113.9
	# Nor can it take a neighbour's address and answer for it.
	inside a ip addr add "$c/32" dev eth0
	mac=$(inside c ip -o link show eth0 | sed "s/.*ether \([^ ]*\).*/\1/")
	inside a ip link set eth0 address "$mac"
	run ! heard "$c"
}

@test "the cloud's metadata address is out of reach" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
	EOF
	run -0 berth up -d
	client ip addr add 169.254.169.254/32 dev lo
	ip route add 169.254.169.254 via 192.0.2.2
	client nc -lk -p 80 >/dev/null 2>&1 3>&- &
	listener=$!
	up() { nc -z -w 1 169.254.169.254 80; }
	wait_for 5 up
	run ! reaches a 169.254.169.254 80
	kill "$listener"
	ip route del 169.254.169.254
}

@test "the last network that goes turns routing off, but not under somebody else" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
	EOF
	berth down >/dev/null 2>&1 || true
	forwards() { cat /proc/sys/net/ipv4/ip_forward; }
	echo 0 >/proc/sys/net/ipv4/ip_forward
	run -0 berth up -d
	[ "$(forwards)" = 1 ]
	ip link add theirs type bridge
	run -0 berth down
	[ "$(forwards)" = 1 ]
	ip link del theirs
	run -0 berth up -d
	run -0 berth down
	[ "$(forwards)" = 0 ]
	[ -z "$(find "$BERTH_RUN/net" -name "forwards-*")" ]
	echo 1 >/proc/sys/net/ipv4/ip_forward
	run -0 berth up -d
	run -0 berth down
	[ "$(forwards)" = 1 ]
}
