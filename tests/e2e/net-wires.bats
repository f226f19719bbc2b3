#!/usr/bin/env bats
# What a file may say about networks: pools, fixed addresses, interfaces, drivers and their options.
load lib
load net

ip_of() { berth inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$PROJECT-$1-1"; }

@test "pools, ranges, reserved and fixed addresses" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000, deploy: {replicas: 3}}
		  c: {image: busybox, command: sleep 1000, networks: {default: {ipv4_address: 10.61.7.9, ipv6_address: "fd61::77"}}}
		networks:
		  default:
		    enable_ipv6: true
		    ipam:
		      config:
		        - {subnet: 10.61.1.0/24, ip_range: 10.61.1.8/30, gateway: 10.61.1.8, aux_addresses: {router: 10.61.1.9}}
		        - {subnet: 10.61.7.0/29, gateway: 10.61.7.6}
		        - {subnet: 10.61.7.8/29, gateway: 10.61.7.14}
		        - {subnet: "fd61::/64", gateway: "fd61::fe"}
	EOF
	run -0 berth up -d
	# Two of the first pool are left, then the next serves.
	run -0 sh -c "for s in a-1 b-1 b-2 b-3; do $BERTH inspect -f '{{(index .NetworkSettings.Networks \"${PROJECT}_default\").IPAddress}}' $PROJECT-\$s; done | sort"
	[ "${lines[*]}" = "10.61.1.10 10.61.1.11 10.61.7.1 10.61.7.2" ]
	[ "$(ip_of c "${PROJECT}_default")" = 10.61.7.9 ]
	inside c ip -6 addr show dev eth0 | grep -q fd61::77/64
	inside c ip route | grep -q 'default via 10.61.7.14'
	inside c ip -6 route | grep -q 'default via fd61::fe'
	run -0 berth network inspect -f '{{json .IPAM.Config}}' "${PROJECT}_default"
	[[ $output == *'"IPRange":"10.61.1.8/30"'*'"AuxiliaryAddresses":{"router":"10.61.1.9"}'* ]]
	berth exec -T c ping -c 1 -W 20 a
	client nc -lk -p 9100 </dev/null >/dev/null 3>&- &
	listener=$!
	out() { inside c nc -z -w 1 192.0.2.2 9100; }
	wait_for 3 out
	kill "$listener"
	sed -i 's/10.61.1.8\/30/10.62.1.0\/30/' compose.yaml
	berth down -t 0
	run ! berth up -d
	[[ $output == *"ip_range 10.62.1.0/30 is not within the subnet 10.61.1.0/24"* ]]
}

@test "interfaces: order, names, hardware addresses, link-local ones, the way out" {
	compose <<-EOF
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    networks:
		      one: {mac_address: "02:11:22:33:44:55", link_local_ips: [169.254.7.7, "fe80::7"]}
		      two: {priority: 10, gw_priority: 5}
		      three: {interface_name: wan0}
		networks: {one: , two: {driver_opts: {com.docker.network.driver.mtu: 1300}}, three: {internal: true}}
	EOF
	run -0 berth up -d
	inside a ip -o link show eth1 | grep -q 02:11:22:33:44:55
	inside a ip addr show eth1 | grep -q 169.254.7.7/16
	inside a ip addr show eth1 | grep -q fe80::7/64
	inside a ip -o link show eth0 | grep -q 'mtu 1300'
	inside a ip link show wan0
	inside a ip route | grep -q '^default .*dev eth0'
	inside a ip -6 route | grep -q '^default .*dev eth0'
	berth inspect -f "{{(index .NetworkSettings.Networks \"${PROJECT}_one\").MacAddress}}" "$PROJECT-a-1" |
		grep 02:11:22:33:44:55
}

@test "options of a bridge: its name, no masquerading, where ports are bound" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: $PAGE, ports: ["8090:80"], networks: [n]}
		networks:
		  n:
		    driver_opts:
		      com.docker.network.bridge.name: brown0
		      com.docker.network.bridge.enable_ip_masquerade: "false"
		      com.docker.network.bridge.host_binding_ipv4: 127.0.0.1
	EOF
	run -0 berth up -d
	ip link show brown0
	wait_for 5 get http://127.0.0.1:8090
	SILENCE=2 run ! from_client http://192.0.2.1:8090
	[ "$(berth port a 80)" = 127.0.0.1:8090 ]
	# The client sees the container's own address, and answers by its route to this host.
	client nc -n -v -lk -p 9101 >"$BERTH_HOME/peer" 2>&1 3>&- &
	listener=$!
	greets() { inside a nc -z -w 1 192.0.2.2 9101; }
	wait_for 3 greets
	wait_for 3 grep -q "$(ip_of a "${PROJECT}_n")" "$BERTH_HOME/peer"
	kill "$listener"
	berth down -t 0
	run ! ip link show brown0
	# An interface of somebody else is not taken over, nor taken away.
	ip link add brown0 type bridge
	run ! berth up -d
	[[ $output == *"brown0 exists already"* ]]
	berth down -t 0
	ip link del brown0
}

# a wire of its own between this host and the client: wireN here, farN there.
wire_up() {
	ip link add "wire$1" type veth peer name "far$1" netns "$CLIENT"
	ip link set "wire$1" up
	client ip link set "far$1" up
}
kernel_has() { ip link add link up0 name probe0 type "$@" 2>/dev/null && ip link del probe0; }

@test "macvlan puts containers on the wire, or on one that leads nowhere" {
	compose <<-EOF
		services:
		  mac: {image: busybox, command: $PAGE, networks: {mac: {ipv4_address: 10.63.1.50}}}
		  one: {image: busybox, command: $PAGE, networks: [dark]}
		  two: {image: busybox, command: $PAGE, networks: [dark]}
		  alone: {image: busybox, command: $PAGE, networks: [alone]}
		networks:
		  mac: {driver: macvlan, driver_opts: {parent: wire0}, ipam: {config: [{subnet: 10.63.1.0/24}]}}
		  dark: {driver: macvlan}
		  alone: {driver: macvlan, driver_opts: {macvlan_mode: private}}
	EOF
	wire_up 0
	client ip addr add 10.63.1.1/24 dev far0
	run -0 berth up -d
	reach() { client nc -z -w 1 10.63.1.50 80; }
	wait_for 5 reach
	wait_for 5 inside mac nc -z -w 1 10.63.1.50 80
	wait_for 5 inside one nc -z -w 1 "$(ip_of two "${PROJECT}_dark")" 80
	inside alone ip -d -o link show eth0 | grep -q 'macvlan mode private'
	berth exec -T one ping -c 1 -W 20 two
	berth down -t 0
	[ -z "$(ip -o link | grep -E 'dm-|dn-')" ]
	ip link show wire0
	ip link del wire0
}

@test "ipvlan in layers 2 and 3" {
	kernel_has ipvlan || skip "this kernel has no ipvlan"
	compose <<-EOF
		services:
		  two: {image: busybox, command: $PAGE, networks: {l2: {ipv4_address: 10.63.1.50}}}
		  three: {image: busybox, command: $PAGE, networks: {l3: {ipv4_address: 10.63.2.50}}}
		networks:
		  l2: {driver: ipvlan, driver_opts: {parent: wire0}, ipam: {config: [{subnet: 10.63.1.0/24}]}}
		  l3: {driver: ipvlan, driver_opts: {parent: wire1, ipvlan_mode: l3}, ipam: {config: [{subnet: 10.63.2.0/24}]}}
	EOF
	wire_up 0
	wire_up 1
	run -0 berth up -d
	client ip addr add 10.63.1.1/24 dev far0
	reach() { client nc -z -w 1 10.63.1.50 80; }
	wait_for 5 reach
	inside two ip -d -o link show eth0 | grep -q 'ipvlan *mode l2'
	inside three ip -d -o link show eth0 | grep -q 'ipvlan *mode l3'
	inside three ip route | grep -q '^default dev eth0'
	ip link del wire0
	ip link del wire1
}

@test "a VLAN for a parent is made, and goes with the network" {
	kernel_has vlan id 5 || skip "this kernel has no VLANs"
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, networks: [tagged]}
		networks: {tagged: {driver: macvlan, driver_opts: {parent: up0.20}}}
	EOF
	run -0 berth up -d
	ip -d link show up0.20 | grep -q 'vlan protocol 802.1Q id 20'
	berth down -t 0
	run ! ip link show up0.20
}

@test "networks of the host and of nobody" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, networks: [hosts]}
		  b: {image: busybox, command: sleep 1000, networks: [nobodys]}
		  c: {image: busybox, command: sleep 1000, network_mode: none}
		networks:
		  hosts: {name: host, external: true}
		  nobodys: {driver: none}
	EOF
	run -0 berth up -d
	[ "$(inside a readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
	for s in b c; do
		[ "$(inside $s ip -o link | wc -l)" = 1 ]
	done
}

@test "who shares a network namespace is not cut off when its owner restarts or is made anew" {
	compose <<-EOF
		services:
		  vpn: {image: busybox, command: sleep 1000, ports: ["8091:80"], networks: {default: {aliases: [front]}}}
		  app: {image: busybox, command: $PAGE, network_mode: "service:vpn", extra_hosts: ["up:host-gateway"]}
		  beside: {image: busybox, command: sleep 1000, network_mode: "container:$PROJECT-vpn-1"}
		  other: {image: busybox, command: sleep 1000}
		networks: {default: , second: }
	EOF
	run -0 berth up -d
	wait_for 5 get http://127.0.0.1:8091
	pids() { for s in app beside; do berth inspect -f '{{.State.Pid}}' "$PROJECT-$s-1"; done; }
	before=$(pids)
	# A connection from outside through the namespace goes on all the while.
	nsenter -t "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-app-1")" -n nc -l -p 9200 >"$BERTH_HOME/stream" 2>&1 3>&- &
	listens() { [ -n "$(inside app ss -Hltn 'sport = 9200')" ]; }
	wait_for 3 listens
	mkfifo "$BERTH_HOME/pipe"
	nsenter -t "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-other-1")" -n nc "$(ip_of vpn "${PROJECT}_default")" 9200 <"$BERTH_HOME/pipe" >/dev/null 2>&1 3>&- &
	exec 7>"$BERTH_HOME/pipe"
	berth restart -t 0 vpn
	echo restart >&7
	wait_for 3 grep -q restart "$BERTH_HOME/stream"
	sed -i 's/sleep 1000, ports/sleep 999, ports/; s/aliases: \[front\]}/aliases: [back]}, second: /' compose.yaml
	run -0 berth up -d -t 0
	[[ $output == *"$PROJECT-vpn-1  Recreated"* ]]
	echo anew >&7
	wait_for 3 grep -q anew "$BERTH_HOME/stream"
	exec 7>&-
	jobs -p | xargs -r kill 2>/dev/null || true
	[ "$(pids)" = "$before" ]
	get http://127.0.0.1:8091
	berth exec -T other wget -qO- http://back/
	run ! berth exec -T other wget -qO- http://front/
	inside app ip link show eth1
	berth exec -T app grep -q "^$(inside app ip route | awk '/^default/ { print $3 }')[[:space:]]up" /etc/hosts
	# It stops, and is removed: what is left behind in the namespace runs on.
	berth stop -t 0 vpn
	berth exec -T app wget -qO- http://127.0.0.1/
	berth rm -f vpn
	[ "$(pids)" = "$before" ]
	run -0 berth up -d -t 0
	wait_for 5 get http://127.0.0.1:8091
	[ "$(inside app readlink /proc/self/ns/net)" = "$(inside vpn readlink /proc/self/ns/net)" ]
	[ "$(pids)" = "$before" ]
	# Nothing of it stays when the last one goes.
	berth rm -sf vpn
	berth rm -sf app
	berth rm -sf beside
	run ! grep -r "+ $PROJECT-vpn-1" "$BERTH_ROOT/net"
	[ -z "$(find "$BERTH_RUN" -name "$PROJECT-vpn-1")" ]
}

@test "a container of another project lends its network" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, extra_hosts: ["known:192.0.2.77"]}
		  b: {image: busybox, command: sleep 1000}
	EOF
	run -0 berth up -d
	mkdir -p ../guest
	cat >../guest/compose.yaml <<-EOF
		services:
		  g: {image: busybox, command: sleep 1000, network_mode: "container:$PROJECT-a-1"}
	EOF
	(
		cd ../guest
		berth up -d
		berth exec -T g ping -c 1 -W 20 b
		berth exec -T g grep -q known /etc/hosts
		[ "$(PROJECT=guest inside g readlink /proc/self/ns/net)" = "$(readlink /proc/"$(berth inspect -f '{{.State.Pid}}' "$PROJECT-a-1")"/ns/net)" ]
		berth down -t 0
		sed -i 's/-a-1/-z-1/' compose.yaml
		run ! berth up -d
		[[ $output == *"there is no such container"* ]]
		berth down -t 0
	)
}

@test "a namespace that outlives its container loses its interface" {
	compose <<-'EOF'
		services:
		  a: {image: busybox, command: sleep 1000, environment: {X: "${X:-1}"}}
	EOF
	ports() { ip -o link | grep -c ': veth' || true; }
	berth up -d
	[ "$(ports)" = 1 ]
	exec 7<"/proc/$(berth inspect -f '{{.State.Pid}}' "$PROJECT-a-1")/ns/net" # as a cut connection does
	X=2 berth up -d -t 0
	one() { [ "$(ports)" = 1 ]; }
	wait_for 10 one
	berth down -t 0
	exec 7<&-
}

@test "a new container keeps its interface when its predecessor's is cleaned up" {
	compose <<-'EOF'
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000}
	EOF
	ports() { ip -o link | grep -c ': veth'; }
	is() { [ "$(ports)" = "$1" ]; }
	berth up -d
	for _ in 1 2 3; do # the kernel gives the new namespace the number of the old one
		berth rm -fs a
		wait_for 10 is 1
		berth up -d a
		for _ in $(seq 15); do # the cleaning comes a second later
			is 2
			sleep 0.1
		done
	done
	berth down -t 0
}

@test "a network that has just gone can be made again, under the same interface" {
	for _ in 1 2 3 4 5 6 7 8; do
		berth network create -o com.docker.network.bridge.name=again0 "again$PROJECT"
		ip link show again0
		berth network rm "again$PROJECT"
		run ! ip link show again0
	done
}

@test "words that nobody takes keep no interface, neither after rm nor after down" {
	compose <<-EOF
		services:
		  sink: {image: busybox, command: ["sh", "-c", "sleep 1000 | nc -l -p 7000 | sleep 1000"]}
		  one: {image: busybox, command: ["sh", "-c", "until nc sink 7000 </dev/zero; do sleep 0.1; done"], depends_on: [sink]}
		  two: {image: busybox, command: ["sh", "-c", "until nc 192.0.2.2 9300 </dev/zero; do sleep 0.1; done"]}
	EOF
	links() { ip -o link | wc -l; }
	as_many() { [ "$(links)" = "$1" ]; }
	stuck() { inside "$1" ss -Htn state established | awk '$2 > 0 { n = 1 } END { exit !n }'; }
	none=$(links)
	client sh -c "sleep 1000 | nc -l -p 9300 | sleep 1000" >/dev/null 2>&1 3>&- &
	server=$!
	berth create >/dev/null
	before=$(links)
	berth start
	wait_for 5 stuck one
	wait_for 5 stuck two
	berth rm -sf two
	wait_for 5 as_many $((before + 2))
	berth down -t 0 # when nobody is there a second later
	wait_for 5 as_many "$none"
	pkill -P "$server" || true
}
