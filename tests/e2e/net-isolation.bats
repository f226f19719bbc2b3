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
	cat >"$BERTH_HOME/hear.py" <<-'EOF'
		# hear.py: prints the datagrams that come to port 5000 with their senders, until one says "end".
		import signal, socket
		signal.alarm(100)
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("0.0.0.0", 5000))
		while True:
		    said, peer = s.recvfrom(100)
		    if said == b"end\n":
		        break
		    print(peer[0], said.decode().strip())
	EOF
}
teardown_file() {
	client_down
	root_down
}

ip_of() { berth inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$PROJECT-$1-1"; }
ip6_of() { berth inspect -f "{{(index .NetworkSettings.Networks \"$2\").GlobalIPv6Address}}" "$PROJECT-$1-1"; }
reaches() { inside "$1" nc -z -w "${SILENCE:-10}" "$2" "$3"; }

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
	SILENCE=1 run ! reaches a "$b" 80
	wait_for 5 reaches a "$(ip_of c "${PROJECT}_one")" 80
	run ! client nc -z -w 1 "$b" 80
	# Outwards all may go, and seem to be this host.
	client nc -lk -p 9000 >/dev/null 2>&1 3>&- &
	listener=$!
	outside() { reaches a 192.0.2.2 9000; }
	wait_for 3 outside
	kill "$listener"
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
	SILENCE=1 run ! reaches a 192.0.2.2 9001
	gateway=$(berth network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "${PROJECT}_shut")
	inside a ip route add default via "$gateway"
	SILENCE=1 run ! reaches a 192.0.2.2 9001
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
	SILENCE=1 run ! reaches a "$b" 80
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
	heard() { # FROM: whether b hears a datagram that a sends under this address
		inside b python3 "$BERTH_HOME/hear.py" >"$BERTH_HOME/heard" 3>&- &
		local listener=$!
		listens() { [ -n "$(inside b ss -Hlun 'sport = 5000')" ]; }
		wait_for 3 listens
		inside a python3 "$BERTH_HOME/send.py" "$1" "$b" 5000
		echo end >"/dev/udp/$b/5000" # from this host: what comes after it comes no more
		wait "$listener"
		grep -qxF "$1 hey" "$BERTH_HOME/heard"
	}
	wait_for 3 heard "$a" # this host's word may overtake it
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
	client ip addr replace 169.254.169.254/32 dev lo
	ip route add 169.254.169.254 via 192.0.2.2
	client nc -lk -p 80 >/dev/null 2>&1 3>&- &
	listener=$!
	up() { nc -z -w 1 169.254.169.254 80; }
	wait_for 5 up
	SILENCE=1 run ! reaches a 169.254.169.254 80
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

@test "over IPv6 it is the same: networks, internal ones, icc, from outside, metadata" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: $PAGE, networks: [one]}
		  b: {image: busybox, command: $PAGE, networks: [two]}
		  c: {image: busybox, command: $PAGE, networks: [one, two]}
		  in: {image: busybox, command: $PAGE, networks: [shut], cap_add: [NET_ADMIN]}
		  near: {image: busybox, command: $PAGE, networks: [shut]}
		  x: {image: busybox, command: $PAGE, networks: [strangers]}
		  y: {image: busybox, command: $PAGE, networks: [strangers]}
		  cloud: {image: busybox, command: $PAGE, networks: [open]}
		networks:
		  one:
		  two:
		  shut: {internal: true}
		  strangers: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}
		  open: {driver_opts: {berth.metadata: "true"}}
	EOF
	run -0 berth up -d
	b=$(ip6_of b "${PROJECT}_two")
	wait_for 5 reaches c "$b" 80
	SILENCE=1 run ! reaches a "$b" 80
	wait_for 5 reaches a "$(ip6_of c "${PROJECT}_one")" 80
	client ip -6 route replace default via 2001:db8::1
	run ! client nc -z -w 1 "$b" 80
	wait_for 5 reaches in "$(ip6_of near "${PROJECT}_shut")" 80
	client nc -6 -lk -p 9003 >/dev/null 2>&1 3>&- &
	listener=$!
	outside() { reaches a 2001:db8::2 9003; }
	wait_for 3 outside
	gateway=$(berth network inspect -f '{{(index .IPAM.Config 1).Gateway}}' "${PROJECT}_shut")
	inside in ip -6 route add default via "$gateway"
	SILENCE=1 run ! reaches in 2001:db8::2 9003
	wait_for 5 nc -z -w 1 "$(ip6_of y "${PROJECT}_strangers")" 80
	SILENCE=1 run ! reaches x "$(ip6_of y "${PROJECT}_strangers")" 80
	kill "$listener"
	# Where a cloud keeps its credentials, and the network that may ask for them.
	client ip -6 addr add fd00:ec2::254/128 dev lo nodad
	client ip addr replace 169.254.169.254/32 dev lo
	ip -6 route add fd00:ec2::254 via 2001:db8::2
	ip route add 169.254.169.254 via 192.0.2.2
	client nc -6 -lk -p 80 >/dev/null 2>&1 3>&- &
	listener=$!
	up() { nc -z -w 1 fd00:ec2::254 80; }
	wait_for 5 up
	SILENCE=1 run ! reaches a fd00:ec2::254 80
	wait_for 5 reaches cloud fd00:ec2::254 80
	kill "$listener"
	client nc -lk -p 80 >/dev/null 2>&1 3>&- &
	listener=$!
	up4() { reaches cloud 169.254.169.254 80; }
	wait_for 3 up4
	SILENCE=1 run ! reaches a 169.254.169.254 80
	kill "$listener"
	ip -6 route del fd00:ec2::254
	ip route del 169.254.169.254
}

@test "a container cannot answer ARP for another, nor reach the supervisor" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000}
		  c: {image: busybox, command: $PAGE}
	EOF
	cat >"$BERTH_HOME/arp.py" <<-'EOF'
		# arp.py IP TARGET: says a few times, to all and to the target, that IP is at our hardware address.
		import socket, sys
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0x0806))
		mac = s.getsockname()[4]
		ip, to = socket.inet_aton(sys.argv[1]), socket.inet_aton(sys.argv[2])
		for op in (1, 2, 1, 2):
		    s.send(b"\xff" * 6 + mac + b"\x08\x06\0\1\x08\0\6\4" + bytes([0, op]) + mac + ip + b"\0" * 6 + to)
	EOF
	run -0 berth up -d
	b=$(ip_of b "${PROJECT}_default") c=$(ip_of c "${PROJECT}_default")
	wait_for 5 reaches b "$c" 80
	mac=$(inside c ip -o link show eth0 | sed "s/.*ether \([^ ]*\).*/\1/")
	[[ $(inside b ip neigh show "$c") == *"$mac"* ]]
	inside a python3 "$BERTH_HOME/arp.py" "$c" "$b"
	[[ $(inside b ip neigh show "$c") == *"$mac"* ]]
	# Its own address it may announce: the rule, not the tool, stopped the others.
	inside a python3 "$BERTH_HOME/arp.py" "$(ip_of a "${PROJECT}_default")" "$b"
	inside b ip neigh flush dev eth0
	reaches b "$c" 80
	# No socket of berth has a name that the network leads to, but the names' own.
	[ -z "$(ss -Hxl | awk '$5 ~ /^@/ && /berth/')" ]
	[ -z "$(inside a ss -Hxl)" ]
	[ "$(inside a ss -Htuln | awk '{ print $5 }' | sort -u)" = 127.0.0.11:53 ]
	run ! berth exec -T a ls "$BERTH_RUN"
	[ "$(stat -c %a "$BERTH_RUN/projects/$PROJECT/control.sock")" = 600 ] || [ "$(stat -c %a "$BERTH_RUN/projects/$PROJECT")" = 700 ]
}

@test "the host forwards for berth alone when berth turned it on, and obeys forward rules" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: $PAGE, ports: ["8095:80"]}
	EOF
	echo 0 >/proc/sys/net/ipv4/ip_forward
	run -0 berth up -d
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	wait_for 5 from_client http://192.0.2.1:8095
	# A third machine, which the client would like to reach through this host.
	unshare -n sleep 3600 3>&- &
	third=$!
	wait_for 5 is_apart $third
	ip link add up2 type veth peer name up3 netns $third
	ip addr add 203.0.113.1/24 dev up2 && ip link set up2 up
	nsenter -t $third -n sh -c 'ip addr add 203.0.113.2/24 dev up3; ip link set up3 up; ip route add default via 203.0.113.1'
	wait_for 3 busybox ping -c 1 -W 1 203.0.113.2
	run ! client busybox ping -c 1 -W 1 203.0.113.2
	kill $third
	# As ufw's and firewalld's default: nothing is forwarded that is not allowed.
	nft -f - <<-EOF
		table inet filter {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
			}
		}
	EOF
	SILENCE=2 run ! from_client http://192.0.2.1:8095
	nft insert rule inet filter forward oifgroup 48679 accept
	from_client http://192.0.2.1:8095
	nft delete table inet filter
}
