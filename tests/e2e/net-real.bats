#!/usr/bin/env bats
# Real servers and real clients on published ports, balanced ports, names and aliases.
# images: nginx=nginx:1-alpine postgres=postgres:15 redis=redis:7-alpine
load lib
load net

setup_file() {
	root_up
	client_up
	make_busybox_image >/dev/null
	registry_of_images
}
teardown_file() {
	registry_stop
	client_down
	root_down
}

address() { inside "$1" ip -4 -o addr show eth0 | awk '{ sub("/.*", "", $4); print $4 }'; }
# pushes COMMAND...: that about 64 MiB arrive; iperf3 does not count what is under way at its end.
pushes() { "$@" -n 64M -J >pushed && [ "$(jq '.end.sum_received.bytes > 5e7' pushed)" = true ]; }
# The host's program in the container's network, until the test ends; `inside` would leave it behind.
serve() { # SERVICE COMMAND...
	local pid
	pid=$(berth inspect -f '{{.State.Pid}}' "$PROJECT-$1-1") && shift
	nsenter -t "$pid" -n "$@" 3>&- &
	servers+=($!)
}
teardown() {
	kill "${servers[@]}" 2>/dev/null || true
	berth down -v -t 0 >/dev/null 2>&1
}

@test "psql by name, redis by alias, iperf3 over the bridge and a published port, nc and dig" {
	compose <<-EOF
		services:
		  db:
		    image: postgres:15
		    environment: {POSTGRES_PASSWORD: secret, POSTGRES_INITDB_ARGS: --no-sync}
		    ports: ["15432:5432"]
		    healthcheck: {test: pg_isready -h 127.0.0.1 -U postgres, interval: 300ms, retries: 2000}
		  cache:
		    image: redis:7-alpine
		    networks: {default: {aliases: [store]}}
		  tools: {image: busybox, command: sleep 1000, stop_signal: KILL, ports: ["15201:5201", "15202:5202/udp"]}
	EOF
	BERTH_TIMEOUT=400 run -0 berth up -d --wait
	ask() { berth run --rm -T -e PGPASSWORD=secret db psql -h "$1" -p "${2:-5432}" -U postgres -tAc "$3"; }
	[ "$(ask db 5432 'select 6 * 7')" = 42 ]
	# By the host's address too, from a container.
	[ "$(ask 192.0.2.1 15432 'select 6 * 7')" = 42 ]
	[ "$(berth run --rm -T cache redis-cli -h store ping)" = PONG ]
	[ "$(inside tools dig +short @127.0.0.11 store)" = "$(address cache)" ]
	[ "$(printf 'PING\r\n' | inside tools nc -N "$(address cache)" 6379)" = "+PONG$(printf '\r')" ]
	serve tools iperf3 -s >/dev/null 2>&1
	listens() { inside tools ss -Hltn | grep -q :5201; }
	wait_for 10 listens
	# The server serves one at a time and may not be done with the one before.
	wait_for 10 pushes inside cache iperf3 -c "$(address tools)"
	wait_for 10 pushes client iperf3 -c 192.0.2.1 -p 15201
	wait_for 10 pushes client iperf3 -c 192.0.2.1 -p 15201 -R
	wait_for 10 pushes iperf3 -c 127.0.0.1 -p 15201
	serve tools nc -u -l 5202 >heard 2>/dev/null </dev/null
	heard() { echo hello | client nc -u -w 1 -q 0 192.0.2.1 15202; grep -q hello heard; }
	wait_for 10 heard
}

@test "three nginx behind one port: wrk and curl see no failure while one is drained" {
	compose <<-EOF
		services:
		  web:
		    image: nginx:1-alpine
		    command: sh -c 'hostname > /usr/share/nginx/html/index.html; exec nginx -g "daemon off;"'
		    ports: ["8080:80"]
		    scale: 3
		    healthcheck: {test: "nginx -t && test -s /run/nginx.pid", interval: 300ms, retries: 2000}
	EOF
	BERTH_TIMEOUT=400 run -0 berth up -d --wait
	three() { [ "$(for _ in 1 2 3 4 5 6; do from_client http://192.0.2.1:8080; done | sort -u | wc -l)" = 3 ]; }
	wait_for 10 three
	curls() { until [ -e over ] && [ "$(wc -l <pages)" -gt 3 ]; do from_client http://192.0.2.1:8080 >>pages || echo "curl: $?" >>failed; done; }
	: >pages
	curls 3>&- &
	client wrk -t 1 -c 4 -d 4s --timeout 60s -H 'Connection: close' http://192.0.2.1:8080/ >wrk.out 3>&- &
	BERTH_TIMEOUT=400 berth up -d --scale web=2
	wait %2
	touch over
	wait
	cat wrk.out
	[ ! -e failed ]
	! grep -E 'Socket errors|Non-2xx' wrk.out
	[ "$(for _ in 1 2 3 4 5 6; do from_client http://192.0.2.1:8080; done | sort -u | wc -l)" = 2 ]
	berth logs web | grep -q '192\.0\.2\.2 '
}
