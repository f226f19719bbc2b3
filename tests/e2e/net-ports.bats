#!/usr/bin/env bats
# Every form of a published port, from this host, from beyond a router, and from containers.
load lib
load net

setup_file() {
	root_up
	client_up
	far_up
	make_busybox_image >/dev/null
	cat >"$BERTH_HOME/echo.py" <<-'EOF'
		# echo.py FAMILY TYPE PORT: answers what it is asked with the asker's address.
		import socket, sys
		family = socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET
		s = socket.socket(family, socket.SOCK_STREAM if sys.argv[2] == "tcp" else socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		if family == socket.AF_INET6:
		    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", int(sys.argv[3])))
		if sys.argv[2] == "tcp":
		    s.listen(16)
		while True:
		    if sys.argv[2] == "tcp":
		        c, peer = s.accept()
		        c.sendall(peer[0].encode())
		        c.close()
		    else:
		        _, peer = s.recvfrom(100)
		        s.sendto(peer[0].encode(), peer)
	EOF
	cat >"$BERTH_HOME/who.py" <<-'EOF'
		# who.py TYPE HOST PORT: what the server says of our address; fails after SILENCE seconds.
		import os, socket, sys
		for family, kind, proto, _, addr in socket.getaddrinfo(sys.argv[2], int(sys.argv[3]),
		        type=socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM):
		    s = socket.socket(family, kind)
		    s.settimeout(int(os.environ.get("SILENCE", 10)))
		    s.connect(addr)
		    if sys.argv[1] == "udp":
		        s.send(b"x")
		    answer = s.recv(100).decode()
		    print(answer)
		    sys.exit(not answer)
	EOF
}
teardown_file() {
	[ ! -f "$BERTH_HOME/echoes" ] || xargs kill <"$BERTH_HOME/echoes" 2>/dev/null || true
	kill "$FAR"
	client_down
	root_down
}

# far_up: a machine behind the client, which is its router; this host knows the way.
far_up() {
	unshare -n sleep 3600 3>&- &
	FAR=$!
	wait_for 5 is_apart "$FAR"
	client ip link add side0 type veth peer name side1 netns "$FAR"
	client sh -c 'ip addr add 198.51.100.1/24 dev side0; ip -6 addr add 2001:db8:1::1/64 dev side0 nodad
		ip link set side0 up; echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	far sh -c 'ip addr add 198.51.100.2/24 dev side1; ip -6 addr add 2001:db8:1::2/64 dev side1 nodad
		ip link set lo up; ip link set side1 up
		ip route add default via 198.51.100.1; ip -6 route add default via 2001:db8:1::1'
	ip route add 198.51.100.0/24 via 192.0.2.2
	ip -6 route add 2001:db8:1::/64 via 2001:db8::2
	export FAR
}
far() { nsenter -t "$FAR" -n "$@"; }
who() { python3 "$BERTH_HOME/who.py" "$@"; }
# serves SERVICE FAMILY TYPE PORT
serves() {
	inside "$1" python3 "$BERTH_HOME/echo.py" "$2" "$3" "$4" >/dev/null 2>&1 3>&- &
	echo $! >>"$BERTH_HOME/echoes"
}

@test "udp and tcp of both families, for every asker, with the asker's address" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, ports: ["7001:7000", "7001:7000/udp"]}
		  b: {image: busybox, command: sleep 1000, networks: [other]}
		networks: {other: }
	EOF
	run -0 berth up -d
	for f in 4 6; do
		for t in tcp udp; do
			serves a $f $t 7000
		done
	done
	for t in tcp udp; do
		wait_for 5 who $t 127.0.0.1 7001
		wait_for 5 who $t ::1 7001
		[ "$(client python3 "$BERTH_HOME/who.py" $t 192.0.2.1 7001)" = 192.0.2.2 ]
		[ "$(client python3 "$BERTH_HOME/who.py" $t 2001:db8::1 7001)" = 2001:db8::2 ]
		[ "$(far python3 "$BERTH_HOME/who.py" $t 192.0.2.1 7001)" = 198.51.100.2 ]
		[ "$(far python3 "$BERTH_HOME/who.py" $t 2001:db8::1 7001)" = 2001:db8:1::2 ]
		who $t 192.0.2.1 7001
		who $t 2001:db8::1 7001
		for s in a b; do
			inside $s python3 "$BERTH_HOME/who.py" $t 192.0.2.1 7001
			inside $s python3 "$BERTH_HOME/who.py" $t 2001:db8::1 7001
		done
	done
}

@test "ranges, long forms, modes and ports of the system's choice" {
	compose <<-EOF
		services:
		  range: {image: busybox, command: $PAGE, ports: ["8200-8201:80-81"]}
		  each: {image: busybox, command: $PAGE, ports: ["127.0.0.1:8210-8212:80"], deploy: {replicas: 3}}
		  long:
		    image: busybox
		    command: $PAGE
		    ports:
		      - {target: 80, published: 8220, host_ip: 192.0.2.1, protocol: tcp, mode: host, name: web, app_protocol: http}
		      - {target: 80, published: "8221", mode: ingress}
		      - {target: 80, published: "8222", host_ip: "2001:db8::1"}
		  any: {image: busybox, command: $PAGE, ports: ["80", "127.0.0.1::80"], deploy: {replicas: 2}}
		  bare: {image: busybox, command: $PAGE, ports: [{target: 80}]}
	EOF
	run -0 berth up -d
	[ "$(berth port range 81)" = 0.0.0.0:8201 ]
	[ "$(berth port --index 3 each 80)" = 127.0.0.1:8212 ]
	wait_for 5 get http://127.0.0.1:8200
	for p in 8210 8211 8212; do wait_for 5 get http://127.0.0.1:$p; done
	[ "$(for p in 8210 8211 8212; do get http://127.0.0.1:$p; done | sort -u | wc -l)" = 3 ]
	wait_for 5 from_client http://192.0.2.1:8220
	SILENCE=2 run ! get http://127.0.0.1:8220
	from_client http://192.0.2.1:8221
	from_client 'http://[2001:db8::1]:8222'
	SILENCE=2 run ! from_client http://192.0.2.1:8222
	# Each replica keeps the port that it was given, however often it is made again.
	before=$(for n in 1 2; do berth port --index $n any 80; done; berth port bare 80)
	[ "$(sort -u <<<"$before" | wc -l)" = 3 ]
	berth restart -t 0 any
	berth up -d --force-recreate -t 0
	[ "$(for n in 1 2; do berth port --index $n any 80; done; berth port bare 80)" = "$before" ]
	wait_for 5 get "http://$(berth port --index 2 any 80 | sed s/0.0.0.0/127.0.0.1/)"
}

@test "the host's firewall decides over IPv6 and UDP too, and over routed clients" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, ports: ["7002:7000", "7002:7000/udp"]}
	EOF
	run -0 berth up -d
	for f in 4 6; do
		for t in tcp udp; do
			serves a $f $t 7000
		done
	done
	for t in tcp udp; do
		wait_for 5 who $t 127.0.0.1 7002
		wait_for 5 who $t ::1 7002
	done
	nft -f - <<-EOF
		table inet filter {
			chain input {
				type filter hook input priority filter; policy drop;
				ct state established,related accept
				iif lo accept
				meta l4proto icmpv6 accept
				ip6 saddr 2001:db8:1::2 tcp dport 7002 accept
				ip saddr 198.51.100.2 udp dport 7002 accept
			}
		}
	EOF
	for t in tcp udp; do
		SILENCE=1 run ! client python3 "$BERTH_HOME/who.py" $t 192.0.2.1 7002
		SILENCE=1 run ! client python3 "$BERTH_HOME/who.py" $t 2001:db8::1 7002
		who $t ::1 7002
	done
	far python3 "$BERTH_HOME/who.py" tcp 2001:db8::1 7002
	far python3 "$BERTH_HOME/who.py" udp 192.0.2.1 7002
	SILENCE=1 run ! far python3 "$BERTH_HOME/who.py" tcp 192.0.2.1 7002
	nft delete table inet filter
	far python3 "$BERTH_HOME/who.py" tcp 192.0.2.1 7002
}

@test "an SCTP port is rewritten and held" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, ports: ["7003:7000/sctp"]}
	EOF
	run -0 berth up -d
	[ "$(berth port --protocol sctp a 7000)" = 0.0.0.0:7003 ]
	cat >"$BERTH_HOME/sctp.py" <<-'EOF'
		# An INIT chunk to port 7003 of 192.0.2.1, by hand: kernels need not have SCTP sockets.
		import socket, struct
		def crc(data):
		    c = 0xffffffff
		    for b in data:
		        c ^= b
		        for _ in range(8):
		            c = c >> 1 ^ (0x82f63b78 if c & 1 else 0)
		    return c ^ 0xffffffff
		chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 7, 65535, 1, 1, 1)
		head = struct.pack("!HHI", 4000, 7003, 0)
		p = head + struct.pack("<I", crc(head + struct.pack("<I", 0) + chunk)) + chunk
		s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
		s.sendto(p, ("192.0.2.1", 0))
	EOF
	inside a timeout 100 python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132); print(int.from_bytes(s.recv(100)[22:24], "big"), flush=True)' >"$BERTH_HOME/heard" 3>&- &
	knocks() { client python3 "$BERTH_HOME/sctp.py" && grep -qx 7000 "$BERTH_HOME/heard"; }
	wait_for 3 knocks
}
