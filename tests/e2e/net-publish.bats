#!/usr/bin/env bats
# Published ports from this host, from a machine outside, and from containers.
load lib
load net

@test "a port is reached from everywhere" {
	compose <<-EOF
		services:
		  web:
		    image: busybox
		    command: $PAGE
		    ports: ["8080:80"]
		  neighbour: {image: busybox, command: sleep 1000, networks: [other]}
		networks: {other: }
	EOF
	run -0 berth up -d
	wait_for 5 get http://127.0.0.1:8080
	get http://192.0.2.1:8080
	from_client http://192.0.2.1:8080
	# Other containers and the container itself, by the host's address.
	asks() { berth exec -T "$1" sh -c 'printf "GET / HTTP/1.0\r\n\r\n" | nc -w 30 192.0.2.1 8080' | grep -q 200; }
	asks neighbour
	asks web
	run -0 berth port web 80
	[ "$output" = 0.0.0.0:8080 ]
}

@test "a port of 127.0.0.1 stays on this host" {
	compose <<-EOF
		services:
		  web: {image: busybox, command: $PAGE, ports: ["127.0.0.1:8081:80"]}
	EOF
	run -0 berth up -d
	wait_for 5 get http://127.0.0.1:8081
	SILENCE=2 run ! from_client http://192.0.2.1:8081
	# A neighbour that puts 127.0.0.1 on the wire, at a host that would take it.
	echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
	client sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
		ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 192.0.2.1'
	SILENCE=2 run ! from_client http://127.0.0.1:8081
	client sh -c 'ip route del 127.0.0.1; ip addr add 127.0.0.1/8 dev lo'
	echo 0 >/proc/sys/net/ipv4/conf/all/route_localnet
	get http://127.0.0.1:8081
}

@test "the host's firewall decides who may come in, also later" {
	compose <<-EOF
		services:
		  web: {image: busybox, command: $PAGE, ports: ["8082:80"]}
	EOF
	run -0 berth up -d
	wait_for 5 get http://127.0.0.1:8082
	firewall() {
		nft -f - <<-EOF
			table inet filter
			delete table inet filter
			table inet filter {
				chain input {
					type filter hook input priority filter; policy drop;
					ct state established,related accept
					iif lo accept
					$1
				}
			}
		EOF
	}
	from_client http://192.0.2.1:8082
	firewall 'tcp dport 22 accept'
	SILENCE=2 run ! from_client http://192.0.2.1:8082
	get http://127.0.0.1:8082
	firewall 'ip saddr 192.0.2.2 tcp dport 8082 accept'
	from_client http://192.0.2.1:8082
	nft delete table inet filter
}

@test "one port over three replicas spreads over all" {
	compose <<-EOF
		services:
		  web:
		    image: busybox
		    command: $PAGE
		    ports: ["8083:80"]
		    deploy: {replicas: 3}
	EOF
	run -0 berth up -d
	wait_for 5 get http://127.0.0.1:8083
	all_three() { [ "$(for _ in 1 2 3 4 5 6; do from_client http://192.0.2.1:8083; done | sort -u | wc -l)" = 3 ]; }
	wait_for 5 all_three
	run -0 berth up -d --scale web=1
	wait_for 5 get http://127.0.0.1:8083
	[ "$(for _ in 1 2 3 4; do from_client http://192.0.2.1:8083; done | sort -u | wc -l)" = 1 ]
}

@test "a port in use is refused with its holder" {
	nc -l -p 8084 3>&- &
	holder=$!
	taken() { [ -n "$(ss -Hltn 'sport = 8084')" ]; }
	wait_for 5 taken
	compose <<-EOF
		services:
		  web: {image: busybox, command: $PAGE, ports: ["8084:80"]}
	EOF
	run ! berth up -d
	kill "$holder"
	[[ $output == *8084*"(pid $holder)"* ]]
}

@test "a container that ends after the file has changed its port comes back" {
	compose <<-EOF
		services:
		  web: {image: busybox, command: sh -c "echo page >/index.html && exec httpd -f -p 80 -h /", restart: always, ports: ["127.0.0.1:8097:80"]}
		  other: {image: busybox, command: "true", profiles: [x]}
	EOF
	run -0 berth up -d
	wait_for 5 get http://127.0.0.1:8097
	sed -i 's/127.0.0.1:8097/8097/' compose.yaml
	run -0 berth run --rm other # the project is now what the file says
	kill -9 "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-web-1")"
	outside() { get http://192.0.2.1:8097; }
	wait_for 10 outside
}

@test "nothing of the network is left behind" {
	compose <<-EOF
		services:
		  web: {image: busybox, command: $PAGE, ports: ["8085:80"], networks: [a, b]}
		networks: {a: {internal: true}, b: {enable_ipv6: true}}
	EOF
	network() { ip -o link | wc -l; ip route; ip rule; nft list ruleset; ls "$BERTH_RUN/dns"; }
	quiet() { [ -z "$(berth_processes)" ]; } # what the tests before have left takes its rules along
	wait_for 5 quiet
	before=$(network)
	run -0 berth up -d
	wait_for 5 get http://127.0.0.1:8085
	from_client http://192.0.2.1:8085
	from_client 'http://[2001:db8::1]:8085'
	run -0 berth down -t 0
	gone() { [ "$(network)" = "$before" ]; }
	wait_for 5 gone || { diff <(echo "$before") <(network); false; }
}
