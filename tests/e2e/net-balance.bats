#!/usr/bin/env bats
# One port over replicas: who leaves it first, what goes on, and what is forgotten.
load lib
load net

setup_file() {
	root_up
	client_up
	make_busybox_image >/dev/null
	cat >"$BERTH_HOME/server.py" <<-'EOF'
		# server.py NAME PIDS: answers every datagram to port 7000 with its name, for ten minutes at most.
		import os, signal, socket, sys
		signal.alarm(600)
		print(os.getpid(), file=open(sys.argv[2], "a"))
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("0.0.0.0", 7000))
		while True:
		    _, peer = s.recvfrom(100)
		    s.sendto(sys.argv[1].encode(), peer)
	EOF
	cat >"$BERTH_HOME/udp.py" <<-'EOF'
		# udp.py HOST PORT N: one socket that asks N times, 50 ms apart; prints each answer or "-".
		import socket, sys, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(0.2)
		s.connect((sys.argv[1], int(sys.argv[2])))
		for _ in range(int(sys.argv[3])):
		    try:
		        s.send(b"x")
		        print(s.recv(100).decode().strip(), flush=True)
		    except OSError:
		        print("-", flush=True)
		    time.sleep(0.05)
	EOF
}
teardown_file() {
	client_down
	root_down
}

@test "a replica that stops is out of the port before it hears of it, its connections go on" {
	# It goes on after TERM until ./gone is there, answering whoever is connected.
	compose <<-EOF
		services:
		  web:
		    image: busybox
		    command: ["sh", "-c", "nc -ll -p 80 -e /bin/cat & trap 'until [ -e /s/gone ]; do sleep 0.1; done; exit 0' TERM; wait"]
		    ports: ["8100:80"]
		    volumes: [".:/s"]
		    deploy: {replicas: 2}
	EOF
	run -0 berth up -d
	listens() { nsenter -t "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-web-$1")" -n ss -Hltn | grep -q :80; }
	wait_for 5 listens 1
	wait_for 5 listens 2
	# A connection to each replica (they are dealt in turn).
	for k in 1 2; do
		mkfifo "$BERTH_HOME/in$k"
		nc 192.0.2.1 8100 <"$BERTH_HOME/in$k" >"$BERTH_HOME/out$k" 3>&- &
	done
	exec 7>"$BERTH_HOME/in1" 8>"$BERTH_HOME/in2"
	echo one >&7
	echo one >&8
	wait_for 3 grep -q one "$BERTH_HOME/out1"
	wait_for 3 grep -q one "$BERTH_HOME/out2"
	map() { nft list table inet "berth-$PROJECT" | grep -c "dnat ip to 1"; }
	[ "$(map)" = 0 ] # one rule over a map of two
	berth up -d -t 100 --scale web=1 >/dev/null 2>&1 3>&- &
	stopper=$!
	only_one() { [ "$(map)" = 1 ]; }
	wait_for 1 only_one
	# Both are still answered, by the one that stops too.
	echo two >&7
	echo two >&8
	wait_for 1 grep -q two "$BERTH_HOME/out1"
	wait_for 1 grep -q two "$BERTH_HOME/out2"
	kill -0 "$stopper"
	touch gone
	exec 7>&- 8>&-
	wait "$stopper"
}

# clients URL COMMAND...: while a machine outside and this host connect all the time; sets failed.
clients() {
	local url=$1 k
	shift
	touch "$BERTH_HOME/going"
	for k in client env; do
		$k sh -c "n=0 bad=0; while [ -e $BERTH_HOME/going ]; do
			n=\$((n + 1)); curl -sf -m 20 -o /dev/null $url || bad=\$((bad + 1))
		done; echo \$n \$bad >$BERTH_HOME/$k.count" 3>&- &
	done
	"$@" || { rm "$BERTH_HOME/going" && return 1; }
	rm "$BERTH_HOME/going"
	wait
	failed=$(cat "$BERTH_HOME"/{client,env}.count | awk '{ n += $1; bad += $2 } END { print n > "/dev/fd/3"; print bad }' 3>"$BERTH_HOME/asked")
	[ "$(cat "$BERTH_HOME/asked")" -gt 5 ]
}

@test "no connection is refused while replicas come, go, fall ill and are well again" {
	compose <<-EOF
		services:
		  web:
		    image: busybox
		    command: $PAGE
		    ports: ["8101:80"]
		    deploy: {replicas: 2}
		    healthcheck: {test: "test ! -e /ill && wget -qO /dev/null 127.0.0.1", interval: 100ms, retries: 1, start_period: 1m, start_interval: 100ms}
	EOF
	run -0 berth up -d --wait
	who_answers() { for _ in 1 2 3 4 5 6; do get http://192.0.2.1:8101; done | sort -u; }
	answer() { [ "$(who_answers | wc -l)" = "$1" ]; }
	wait_for 5 get http://192.0.2.1:8101
	changes() {
		berth up -d --wait --scale web=3
		wait_for 5 answer 3
		berth scale web=1
		answer 1
		berth scale web=2
	}
	clients http://192.0.2.1:8101 changes
	[ "$failed" = 0 ]
	second=$(berth exec -T --index 2 web hostname)
	out() { ! who_answers | grep -q "$second"; }
	back() { who_answers | grep -q "$second"; }
	wait_for 5 back
	ill() {
		berth exec -T --index 2 web touch /ill
		wait_for 5 out
		berth exec -T --index 2 web rm /ill
		wait_for 5 back
	}
	clients http://192.0.2.1:8101 ill
	[ "$failed" = 0 ]
}

@test "a virtual address stays, leads to ready replicas in turn, and keeps the asker's" {
	berth network create "vip$PROJECT"
	compose <<-EOF
		services:
		  web:
		    image: busybox
		    command: sh -c "mkdir -p /w/cgi-bin && printf '#!/bin/sh\necho; hostname; echo \$\$REMOTE_ADDR\n' > /w/cgi-bin/me && chmod +x /w/cgi-bin/me && exec httpd -f -p 80 -h /w"
		    networks: {default: {aliases: [www]}, shared: }
		    ports: [{target: 80, name: http}]
		    deploy: {replicas: 3, endpoint_mode: vip}
		    healthcheck: {test: "test ! -e /ill", interval: 100ms, retries: 1}
		  plain: {image: busybox, command: sleep 1000, deploy: {replicas: 2, endpoint_mode: dnsrr}}
		  a: {image: busybox, command: sleep 1000}
		networks: {shared: {external: true, name: vip$PROJECT}}
	EOF
	mkdir -p ../peer
	cat >../peer/compose.yaml <<-EOF
		services:
		  far: {image: busybox, command: sleep 1000, networks: [shared]}
		networks: {shared: {external: true, name: vip$PROJECT}}
	EOF
	(cd ../peer && berth up -d)
	run -0 berth up -d --wait
	asks() { inside a dig +short @127.0.0.11 "$@"; }
	vip=$(asks web)
	[ "$(wc -l <<<"$vip")" = 1 ]
	[ "$(asks www)" = "$vip" ]
	[ "$(asks tasks.web | wc -l)" = 3 ]
	[ "$(asks plain | wc -l)" = 2 ]
	[[ $(asks _http._tcp.web SRV) == *" 80 web.${PROJECT}_default." ]]
	[ "$(asks -x "$vip")" = "web.${PROJECT}_default." ]
	said() { for _ in 1 2 3 4 5 6; do inside a curl -sf -m 20 "http://$vip/cgi-bin/me"; done; }
	four() { [ "$(said | sort -u | wc -l)" = 4 ]; } # three names and one address
	wait_for 5 four
	said | grep -q "$(asks a)\$"
	# Programs on the host come by it too.
	by_host() { [ "$(for _ in 1 2 3 4 5 6; do curl -sf -m 20 "http://$vip/cgi-bin/me" | head -1; done | sort -u | wc -l)" = "$1" ]; }
	wait_for 5 by_host 3
	# So it is for a client of another project, whose supervisor heard of it.
	far=$(nsenter -t "$(berth inspect -f '{{.State.Pid}}' peer-far-1)" -n dig +short @127.0.0.11 web)
	[ "$(wc -w <<<"$far")" = 1 ]
	by_peer() { [ "$(for _ in 1 2 3; do berth exec -T --project-name peer far wget -qO- "http://$far/cgi-bin/me" | head -1; done | sort -u | wc -l)" = 3 ]; }
	wait_for 5 by_peer
	# A replica may ask itself, the ill are left out, and the address is the same for good.
	berth exec -T --index 2 web wget -qO- http://web/cgi-bin/me
	berth exec -T --index 2 web touch /ill
	two() { [ "$(said | sort -u | wc -l)" = 3 ]; }
	wait_for 5 two
	wait_for 5 by_host 2
	berth up -d --force-recreate -t 0 --wait web
	[ "$(asks web)" = "$vip" ]
	wait_for 5 four
	berth down -t 0
	run ! grep -r "+ $PROJECT:web" "$BERTH_ROOT/net"
	(cd ../peer && berth down -t 0)
	berth network rm "vip$PROJECT"
}

@test "a UDP client stays with its replica, and moves on when that is gone" {
	compose <<-EOF
		services:
		  echo: {image: busybox, command: sleep 1000, ports: ["7000:7000/udp"]}
	EOF
	serve() { inside echo python3 "$BERTH_HOME/server.py" "$1" "$BERTH_HOME/pids" >/dev/null 2>&1 3>&- & }
	# Asked before anybody serves: the flow must not stay with the host.
	python3 "$BERTH_HOME/udp.py" 192.0.2.1 7000 20000 >"$BERTH_HOME/local" 3>&- &
	asker=$!
	client python3 "$BERTH_HOME/udp.py" 192.0.2.1 7000 20000 >"$BERTH_HOME/far" 3>&- &
	far=$!
	wait_for 2 grep -q -- - "$BERTH_HOME/local"
	run -0 berth up -d
	serve first
	wait_for 3 grep -q first "$BERTH_HOME/local"
	wait_for 3 grep -q first "$BERTH_HOME/far"
	# The successor has another address.
	sed -i 's/sleep 1000/sleep 1001/; s/echo: {/echo: {networks: {default: {ipv4_address: 10.64.0.99}}, /' compose.yaml
	cat >>compose.yaml <<-EOF
		networks: {default: {ipam: {config: [{subnet: 10.64.0.0/24}]}}}
	EOF
	run -0 berth up -d
	serve second
	wait_for 3 grep -q second "$BERTH_HOME/local"
	wait_for 3 grep -q second "$BERTH_HOME/far"
	xargs kill "$asker" "$far" <"$BERTH_HOME/pids" || true
}

@test "with balance: client each client keeps its replica, and another may have another" {
	compose <<-EOF
		services:
		  web:
		    image: busybox
		    command: $PAGE
		    ports: ["8104:80"]
		    deploy: {replicas: 3}
		    x-berth: {balance: client}
	EOF
	run -0 berth up -d
	of() { curl -sf --interface "127.0.0.$1" http://127.0.0.1:8104/; }
	for k in 1 2 3; do
		listens() { nsenter -t "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-web-$k")" -n ss -Hltn | grep -q :80; }
		wait_for 5 listens
	done
	several() { for c in $(seq 2 30); do of "$c"; done | sort -u | wc -l; }
	[ "$(several)" = 3 ]
	mine=$(of 9)
	for _ in 1 2 3 4 5; do [ "$(of 9)" = "$mine" ]; done
	# Rules made anew lead it there again.
	printf 'services: {other: {image: busybox, command: sleep 1000, ports: ["8105:80"]}}\n' >more.yaml
	run -0 berth -f compose.yaml -f more.yaml up -d
	[ "$(of 9)" = "$mine" ]
	sed -i s/client/sideways/ compose.yaml
	run ! berth config
	[[ $output == *'compose.yaml:7:'*'x-berth.balance is "turn" or "client"'* ]]
	sed -i s/sideways/client/ compose.yaml
}
