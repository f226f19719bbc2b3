#!/usr/bin/env bats
# Both families by default: addresses, ways out and in, forged neighbours, and hosts without IPv6.
load lib
load net

ip6_of() { berth inspect -f "{{(index .NetworkSettings.Networks \"$2\").GlobalIPv6Address}}" "$PROJECT-$1-1"; }

@test "containers have both families, and names keep to the one that was asked for" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, networks: [plain, both]}
		  b: {image: busybox, command: sleep 1000, networks: [plain]}
		  c: {image: busybox, command: sleep 1000, networks: [both]}
		networks: {plain: , both: {enable_ipv6: true}}
	EOF
	run -0 berth up -d
	b=$(ip6_of b "${PROJECT}_plain") c=$(ip6_of c "${PROJECT}_both")
	[[ $b == fd*:* && $c == fd*:* ]]
	# A program that listens on 0.0.0.0 alone must not be met at an address nobody expected.
	[ -z "$(inside a dig +short @127.0.0.11 b AAAA)" ]
	[ "$(inside a dig +short @127.0.0.11 -x "$b")" = "$PROJECT-b-1.${PROJECT}_plain." ]
	[ "$(inside a dig +short @127.0.0.11 c AAAA)" = "$c" ]
	[[ $(inside a dig +short @127.0.0.11 c) == *.*.*.* ]]
	berth exec -T a ping -6 -c 1 -W 20 "$b"
	berth exec -T a ping -6 -c 1 -W 20 c
	# Outside it seems to be this host.
	client nc -6 -n -lk -v -p 9000 >"$BERTH_HOME/seen" 2>&1 3>&- &
	listener=$!
	greets() { inside a nc -6 -z -w 1 2001:db8::2 9000; }
	wait_for 3 greets
	wait_for 3 grep -q "2001:db8::1" "$BERTH_HOME/seen"
	kill "$listener"
}

@test "published ports are at ::1, at every address and at one, and know the client" {
	compose <<-EOF
		services:
		  web:
		    image: busybox
		    command: sh -c "mkdir -p /w/cgi-bin && printf '#!/bin/sh\necho; echo \$\$REMOTE_ADDR\n' > /w/cgi-bin/me && chmod +x /w/cgi-bin/me && exec httpd -f -p 80 -h /w"
		    ports: ["8080:80", "[::1]:8081:80", "[::]:8082:80", "127.0.0.1:8083:80"]
	EOF
	run -0 berth up -d
	ready() { get 'http://[::1]:8080/cgi-bin/me'; }
	wait_for 5 ready
	get 'http://[::1]:8081/cgi-bin/me'
	get 'http://[::1]:8082/cgi-bin/me'
	SILENCE=2 run ! get 'http://[::1]:8083/cgi-bin/me'
	SILENCE=2 run ! get http://127.0.0.1:8082/cgi-bin/me
	run -0 from_client 'http://[2001:db8::1]:8080/cgi-bin/me'
	[[ $output == *2001:db8::2* ]]
	run -0 from_client 'http://[2001:db8::1]:8082/cgi-bin/me'
	[[ $output == *2001:db8::2* ]]
	SILENCE=2 run ! from_client 'http://[2001:db8::1]:8081/cgi-bin/me'
	# Nobody outside says he is ::1, nor sends to it.
	client ip -6 route add ::1 via 2001:db8::1 table 77
	client ip -6 rule add pref 0 to ::1 lookup 77
	SILENCE=2 run ! from_client 'http://[::1]:8081/cgi-bin/me'
	client ip -6 rule del pref 0
}

@test "IPv6 stays off where the file, --compat or the host says so" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: $PAGE, networks: [four], ports: ["8084:80"]}
		  b: {image: busybox, command: $PAGE, networks: [six]}
		networks: {four: {enable_ipv6: false}, six: {enable_ipv4: false, enable_ipv6: true}}
	EOF
	run -0 berth up -d
	[ -z "$(ip6_of a "${PROJECT}_four")" ]
	[[ $(ip6_of b "${PROJECT}_six") == fd*:* ]]
	run inside b ip -4 addr show dev eth0
	[ -z "$output" ]
	berth down -t 0
	compose <<-EOF
		services:
		  a: {image: busybox, command: $PAGE, ports: ["8084:80"]}
	EOF
	run -0 berth --compat up -d
	[ -z "$(ip6_of a "${PROJECT}_default")" ]
	berth down -t 0
	echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	run -0 berth up -d
	echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	[[ $output != *IPv6* ]]
	[ -z "$(ip6_of a "${PROJECT}_default")" ]
	wait_for 5 get http://127.0.0.1:8084
	ip -6 addr replace 2001:db8::1/64 dev up0 nodad
}

@test "a container is no neighbour under a forged IPv6 address" {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, cap_add: [NET_ADMIN]}
		  b: {image: busybox, command: $PAGE}
		  c: {image: busybox, command: $PAGE}
	EOF
	run -0 berth up -d
	b=$(ip6_of b "${PROJECT}_default") c=$(ip6_of c "${PROJECT}_default")
	wait_for 5 inside a nc -6 -z -w 1 "$b" 80
	# It takes c's address: nothing it says under that name is heard, and c stays who it is.
	inside a ip -6 addr add "$c/64" dev eth0 nodad
	run ! inside a nc -6 -z -w 1 -s "$c" "$b" 80
	inside b ip -6 neigh flush dev eth0
	wait_for 5 inside b nc -6 -z -w 1 "$c" 80
	mac=$(inside c ip -o link show eth0 | sed 's/.*ether \([^ ]*\).*/\1/')
	[[ $(inside b ip -6 neigh show "$c") == *"$mac"* ]]
}
