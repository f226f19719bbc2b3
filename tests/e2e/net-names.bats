#!/usr/bin/env bats
# Names as containers see them: services, aliases, replicas, other projects, backwards, outside.
load lib
load net

setup_file() {
	root_up
	client_up
	make_busybox_image >/dev/null
}
teardown_file() {
	dns_down
	client_down
	root_down
}

# asks SERVICE ARG...: dig inside the service's network namespace.
dig_in() {
	local pid
	pid=$(berth inspect -f '{{.State.Pid}}' "$PROJECT-$1-1") && shift
	nsenter -t "$pid" -n dig +tries=1 +time=60 @127.0.0.11 "$@"
}
asks() { dig_in "$@" +short; }
status() { dig_in "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }

@test "services, aliases, container names, hostnames and ids" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
		  b:
		    image: busybox
		    command: sleep 1000
		    hostname: bee
		    expose: ["7000", "8000-8002", "9000-9001/udp"]
		    networks: {default: {aliases: [queen]}}
	EOF
	run -0 berth up -d
	ip=$(asks a b)
	[[ $ip == *.*.*.* ]]
	for name in B queen bee "$PROJECT-b-1" "b.${PROJECT}_default" "$(berth ps -q b | cut -c1-12)"; do
		[ "$(asks a "$name")" = "$ip" ]
	done
	[ "$(asks a +tcp b)" = "$ip" ]
	# Each exposed port, also of a range, has its record.
	[ "$(asks a b SRV | awk '{ print $3 }' | sort | paste -sd' ')" = '7000 8000 8001 8002 9000 9001' ]
	[[ $(asks a _8001._tcp.b SRV) == *" 8001 "* && $(asks a _9001._udp.b SRV) == *" 9001 "* ]]
	[ -z "$(asks a _8003._tcp.b SRV)" ]
	[ "$(asks a -x "$ip")" = "$PROJECT-b-1.${PROJECT}_default." ]
	# A known name of which there is no such record is not an unknown name.
	[ "$(status a b MX)" = NOERROR ]
	berth exec -T a ping -c 1 -W 20 b
}

@test "a name is there before the first instruction and gone with the container" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sh -c "nslookup b 127.0.0.11 > /first; nslookup a 127.0.0.11 >> /first; sleep 1000", depends_on: [b]}
		  b: {image: busybox, command: sleep 1000}
	EOF
	run -0 berth up -d
	both() { [ "$(berth exec -T a grep -c '^Address.*\..*\.' /first)" -ge 2 ]; }
	wait_for 5 both
	berth stop -t 0 b
	[ -z "$(asks a b)" ]
	berth start b
	[ -n "$(asks a b)" ]
}

@test "replicas answer in turns, and only the healthy ones" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
		  b:
		    image: busybox
		    command: sleep 1000
		    deploy: {replicas: 3}
		    healthcheck: {test: test ! -e /ill, interval: 100ms, retries: 1}
	EOF
	run -0 berth up -d --wait
	[ "$(asks a b | wc -l)" = 3 ]
	first=$(for _ in 1 2 3; do asks a b | head -1; done | sort -u | wc -l)
	[ "$first" = 3 ]
	berth exec -T --index 2 b touch /ill
	two() { [ "$(asks a b | wc -l)" = 2 ]; }
	wait_for 5 two
}

@test "two projects on one network know each other, others do not" {
	berth network create "shared$PROJECT"
	mkdir -p ../pair
	cat >../pair/compose.yaml <<-EOF
		services:
		  api: {image: busybox, command: sleep 1000, networks: [shared]}
		  hidden: {image: busybox, command: sleep 1000}
		networks: {shared: {external: true, name: shared$PROJECT}}
	EOF
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, networks: [shared]}
		networks: {shared: {external: true, name: shared$PROJECT}}
	EOF
	run -0 berth up -d
	(cd ../pair && berth up -d)
	known() { [ -n "$(asks a api)" ]; }
	wait_for 5 known
	berth exec -T a ping -c 1 -W 20 api
	[ -z "$(asks a hidden)" ]
	run ! berth network rm "shared$PROJECT"
	[[ $output == *"in use"* ]]
	(cd ../pair && berth down -t 0)
	unknown() { [ -z "$(asks a api)" ]; }
	wait_for 5 unknown
	berth down -t 0
	berth network rm "shared$PROJECT"
}

@test "a running container joins a network and leaves it" {
	berth network create "late$PROJECT"
	mkdir -p ../late
	cat >../late/compose.yaml <<-EOF
		services:
		  far: {image: busybox, command: sleep 1000, networks: [late]}
		networks: {late: {external: true, name: late$PROJECT}}
	EOF
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
	EOF
	run -0 berth up -d
	(cd ../late && berth up -d)
	[ -z "$(asks a far)" ]
	run -0 berth network connect --alias guest "late$PROJECT" "$PROJECT-a-1"
	berth exec -T a ping -c 1 -W 20 far
	ip=$(asks a far)
	(cd ../late && wait_for 5 berth exec -T far ping -c 1 -W 20 guest)
	run ! berth network connect "late$PROJECT" "$PROJECT-a-1"
	# It stays over a restart.
	berth restart -t 0 a
	berth exec -T a ping -c 1 -W 20 far
	run -0 berth network disconnect "late$PROJECT" "$PROJECT-a-1"
	[ -z "$(asks a far)" ]
	run -0 berth network connect --link far:away --ip "${ip%.*}.77" --driver-opt com.docker.network.endpoint.ifname=lan7 \
		"late$PROJECT" "$PROJECT-a-1"
	[ "$(asks a away)" = "$ip" ]
	inside a ip -4 addr show lan7 | grep -qF "${ip%.*}.77/"
	run -0 berth network disconnect "late$PROJECT" "$PROJECT-a-1"
	run ! berth network connect --driver-opt no.such=1 "late$PROJECT" "$PROJECT-a-1"
	(cd ../late && berth down -t 0)
	berth network rm "late$PROJECT"
}

# A server outside that writes down what it is asked, on the client machine.
outside_dns() {
	cat >"$BERTH_HOME/dns.py" <<-'EOF'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("192.0.2.2", 53))
		while True:
		    q, peer = s.recvfrom(2000)
		    open(sys.argv[1], "ab").write(q[12:] + b"\n")
		    end = q.index(b"\0", 12) + 5
		    s.sendto(q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x07", peer)
	EOF
	: >"$BERTH_HOME/asked"
	nsenter -t "$CLIENT" -n python3 "$BERTH_HOME/dns.py" "$BERTH_HOME/asked" 3>&- &
	echo $! >"$BERTH_HOME/dns.pid"
	listens() { [ -n "$(client ss -Hlun 'sport = 53')" ]; }
	wait_for 5 listens
}
dns_down() {
	[ -f "$BERTH_HOME/dns.pid" ] || return 0
	kill "$(cat "$BERTH_HOME/dns.pid")"
	rm "$BERTH_HOME/dns.pid"
	deaf() { [ -z "$(client ss -Hlun 'sport = 53')" ]; }
	wait_for 5 deaf
}

@test "what is unknown is asked outside, once, and never from internal networks" {
	outside_dns
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, dns: [192.0.2.2]}
		  shut: {image: busybox, command: sleep 1000, dns: [192.0.2.2], networks: [inside]}
		networks: {inside: {internal: true}}
	EOF
	run -0 berth up -d
	known() { [ "$(asks a example.com)" = 198.51.100.7 ]; } # a slow server is asked again
	wait_for 5 known
	grep -qa 'example.com' "$BERTH_HOME/asked"
	[ "$(status shut example.org)" = NXDOMAIN ]
	run -1 grep -a 'example.org' "$BERTH_HOME/asked"
	dns_down
	known
	[ "$(status a example.net)" = SERVFAIL ]
}

@test "a DNS server in a container has port 53 of every address, and is published" {
	compose <<-EOF
		services:
		  dns: {image: busybox, command: sleep 1000, ports: ["192.0.2.1:53:53/udp", "192.0.2.1:53:53/tcp"]}
		  b: {image: busybox, command: sleep 1000}
	EOF
	# Somebody is on port 53 of this host already.
	python3 -c 'import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.53", 53)); time.sleep(3600)' >/dev/null 2>&1 3>&- &
	holder=$!
	held() { [ -n "$(ss -Hlun 'src 127.0.0.53:53')" ]; }
	wait_for 5 held
	run -0 berth up -d
	cat >"$BERTH_HOME/own.py" <<-'EOF'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("0.0.0.0", 53))
		l = socket.socket(); l.bind(("0.0.0.0", 53)); l.listen(1)
		while True:
		    q, peer = s.recvfrom(2000)
		    end = q.index(b"\0", 12) + 5
		    s.sendto(q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x09", peer)
	EOF
	nsenter -t "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-dns-1")" -n python3 "$BERTH_HOME/own.py" >/dev/null 2>&1 3>&- &
	own=$!
	tcp() { [ -n "$(inside dns ss -Hltn 'src 0.0.0.0:53')" ]; }
	wait_for 5 tcp
	theirs() { [ "$(client dig +short +tries=1 +time=1 @192.0.2.1 any.example)" = 198.51.100.9 ]; }
	wait_for 5 theirs
	# Its own questions are still ours to answer, by UDP and TCP.
	[[ $(asks dns b) == *.*.*.* ]]
	[ "$(asks dns +tcp b)" = "$(asks dns b)" ]
	# Clear words where both cannot be.
	sed -i 's/192.0.2.1:53:53/53:53/g' compose.yaml
	run ! berth up -d -t 0
	[[ $output == *"udp port 53 is in use by"*"(pid $holder)"* ]]
	kill "$own" "$holder"
}

@test "network connect: the way out by priority, link-local addresses, an interface's sysctls" {
	make_busybox_image
	compose <<-END
		services: {a: {image: busybox, command: sleep 1000, stop_signal: KILL}}
	END
	berth up -d
	berth network create --subnet 172.29.77.0/24 "out$PROJECT"
	way() { berth exec -T a ip -4 route show default; }
	before=$(way)
	berth network connect --link-local-ip 169.254.8.8 \
		--driver-opt com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.arp_accept=1 \
		"out$PROJECT" "$PROJECT-a-1"
	[ "$(way)" = "$before" ]
	berth exec -T a ip -4 addr show eth1 | grep -F 169.254.8.8/16
	[ "$(berth exec -T a cat /proc/sys/net/ipv4/conf/eth1/{log_martians,arp_accept})" = $'1\n1' ]
	berth network disconnect "out$PROJECT" "$PROJECT-a-1"
	berth network connect --gw-priority 5 "out$PROJECT" "$PROJECT-a-1"
	[[ $(way) == *'via 172.29.77.1 '* ]]
	berth network disconnect "out$PROJECT" "$PROJECT-a-1"
	[ "$(way)" = "$before" ]
	for option in net.ipv4.ip_forward=1 net.ipv4.conf.IFNAME/../all.log_martians=1 kernel.IFNAME.x=1; do
		run ! berth network connect --driver-opt "com.docker.network.endpoint.sysctls=$option" "out$PROJECT" "$PROJECT-a-1"
		run ! berth exec -T a ip link show eth1
	done
	berth down -t 0
	berth network rm "out$PROJECT"
}

@test "network ls and inspect have bridge, host and none; prune takes what nobody uses" {
	make_busybox_image
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000, stop_signal: KILL}
		  h: {image: busybox, command: sleep 1000, network_mode: host, stop_signal: KILL}
	END
	berth up -d
	[ "$(berth network ls --filter type=builtin --format '{{.Name}} {{.Driver}} {{.Scope}}')" = $'bridge bridge local\nhost host local\nnone null local' ]
	[[ $(berth network ls --filter type=custom --format '{{.Name}}') != *host* ]]
	[ "$(berth network inspect host --format '{{.Driver}}')" = host ]
	[ "$(berth network inspect host | jq -r '.[0].Containers[].Name')" = "$PROJECT-h-1" ]
	[ "$(berth network inspect bridge none | jq -r '.[].Name')" = $'bridge\nnone' ]
	for name in bridge host none; do
		run ! berth network rm $name
		[[ $output == *predefined* ]]
		run ! berth network create $name
		run ! berth network connect $name "$PROJECT-a-1"
	done
	berth network create --label keep=yes "kept$PROJECT"
	berth network create "gone$PROJECT"
	[ "$(berth network prune -f --filter label!=keep)" = $'Deleted Networks:\n'"gone$PROJECT" ]
	[[ $(berth network ls --format '{{.Name}}') == *"${PROJECT}_default"* ]]
	[ "$(berth network prune -f)" = $'Deleted Networks:\n'"kept$PROJECT" ]
	[ -z "$(berth network prune -f)" ]
	berth exec -T a true
}
