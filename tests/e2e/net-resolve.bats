#!/usr/bin/env bats
# Real resolvers, glibc's and musl's, against 127.0.0.11, with a DNS server outside behind it.
load lib
load net

setup_file() {
	root_up
	client_up
	make_busybox_image >/dev/null
	mkdir "$BERTH_HOME/bin"
	cc -O -o "$BERTH_HOME/bin/glibc" "$BATS_TEST_DIRNAME/resolve.c"
	musl-gcc -O -static -o "$BERTH_HOME/bin/musl" "$BATS_TEST_DIRNAME/resolve.c"
	nsenter -t "$CLIENT" -n python3 "$BATS_TEST_DIRNAME/../fake/dns.py" 192.0.2.2 \
		"$BERTH_HOME/asked" >/dev/null 2>&1 3>&- &
	export OUTSIDE=$!
	wait_for 10 client dig +short +tries=1 +time=1 @192.0.2.2 v4.test
}
teardown_file() {
	kill "$OUTSIDE"
	client_down
	root_down
}

# with DNS-OPTIONS: a container that has the host's libraries and both resolvers.
with() {
	: >"$BERTH_HOME/asked"
	compose <<-EOF
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    volumes: ["/usr:/usr:ro", "/lib:/lib:ro", "/lib64:/lib64:ro", "$BERTH_HOME/bin:/r:ro"]
		    $1
		  many: {image: busybox, command: sleep 1000, stop_signal: KILL, scale: ${2:-0}}
	EOF
	BERTH_TIMEOUT=300 run -0 berth up -d
}
# A server that is slow is asked again, and given up in the end: so these may take several questions.
both() { wait_for 5 both_find "$@"; } # FAMILY NAME EXPECTED: of both libraries
gives() { wait_for 5 is_given "$@"; } # EXPECTED ARGUMENTS-OF-DIG...
is_given() { [ "$(ask "${@:2}" +short | sort -u | paste -sd' ')" = "$1" ]; }
both_find() {
	local libc got
	for libc in glibc musl; do
		got=$(berth exec -T a /r/$libc "$1" "$2" | sort | paste -sd' ')
		[ "$got" = "$3" ] || { echo "$libc $1 $2: $got" >&2 && return 1; }
	done
}
count() { grep -c "$1" "$BERTH_HOME/asked" || true; }
ask() { inside a dig +tries=1 +time=60 @127.0.0.11 "$@"; }

@test "names, search domains, one family only, what is not there, for glibc and musl" {
	with '<<: {dns: 192.0.2.2, dns_search: [no.test, corp.test], dns_opt: ["ndots:2"]}'
	own=$(inside a ip -4 -o addr show eth0 | awk '{ sub("/.*", "", $4); print $4 }')
	both 4 a "$own"
	both 4 v4.test 198.51.100.7
	both any v4.test 198.51.100.7
	both 4 host 198.51.100.8
	both any v6.test 2001:db8::7
	both 4 v6.test none
	both 6 both.test 2001:db8::7
	both any both.test '198.51.100.11 2001:db8::7'
	both any nowhere.test none
	both any broken.test again
}

@test "long answers arrive whole over TCP, and as many as fit over UDP" {
	with 'dns: 192.0.2.2' 60
	[ "$(berth exec -T a /r/glibc 4 many | sort -u | wc -l)" = 60 ]
	# musl before 1.2.4 knows no TCP: what fits must be good.
	[ "$(berth exec -T a /r/musl 4 many | sort -u | wc -l)" -ge 28 ]
	[ "$(ask +notcp +bufsize=4096 +short many | sort -u | wc -l)" = 60 ]
	ask +noedns +ignore +notcp many | grep -q 'flags:.* tc'
	# What the server outside truncates is asked for again over TCP.
	[ "$(berth exec -T a /r/glibc 4 long.test | sort -u | wc -l)" = 60 ]
	[ "$(count '^tcp long.test')" -ge 1 ]
	[ "$(ask +tcp +short long.test | sort -u | wc -l)" = 60 ]
}

@test "the next server answers for one that is silent or refuses, and none is SERVFAIL" {
	with 'dns: [192.0.2.77, 127.0.0.99, 192.0.2.2]'
	both 4 v4.test 198.51.100.7
	gives 198.51.100.11 +tcp both.test
	# SERVFAIL is an answer of a server that is there: told as such, and not kept.
	ask broken.test | grep 'status: SERVFAIL'
	berth down -t 0
	with 'dns: [127.0.0.99]'
	ask v4.test | grep -q 'status: SERVFAIL'
}

@test "answers are kept for their time to live, no longer, and failures are not" {
	with 'dns: 192.0.2.2'
	gives 198.51.100.7 v4.test
	kill -STOP "$OUTSIDE"
	[ "$(ask +short v4.test)" = 198.51.100.7 ] || { kill -CONT "$OUTSIDE" && false; }
	kill -CONT "$OUTSIDE"
	for _ in 1 2 3; do gives 198.51.100.10 never.test; done
	[ "$(count 'never.test 1$')" -ge 3 ]
	again() { [ "$(ask +short brief.test)" = 198.51.100.9 ] && [ "$(count 'brief.test 1$')" -ge 2 ]; }
	wait_for 10 again
	ask v4.test | awk '$1 == "v4.test." && $4 == "A" { ttl = $2 } END { exit !(ttl > 0 && ttl <= 300) }'
}

@test "names of other networks are asked neither of them nor of the world outside" {
	: >"$BERTH_HOME/asked"
	compose <<-EOF
		x-box: &box {image: busybox, command: sleep 1000, stop_signal: KILL, dns: [192.0.2.2]}
		services:
		  a: {<<: *box, networks: [one]}
		  b: {<<: *box, networks: [two]}
		  c: {<<: *box, networks: [one, shut]}
		  d: {<<: *box, networks: [shut]}
		networks: {one: , two: , shut: {internal: true}}
	EOF
	run -0 berth up -d
	# Unknown here is a question for the world, as with docker; other networks' records stay theirs.
	ask b | grep -q 'status: NXDOMAIN'
	ask b.${PROJECT}_two | grep -q 'status: NXDOMAIN'
	address=$(inside b ip -4 -o addr show eth0 | awk '{ sub("/.*", "", $4); print $4 }')
	ask -x "$address" | grep -q 'status: NXDOMAIN'
	# What the asker's own networks know, in whatever type, never goes out, and internal ones ask nothing.
	: >"$BERTH_HOME/asked"
	for type in A AAAA MX TXT SRV; do ask "$type" c >/dev/null; done
	inside d dig +tries=1 +time=60 @127.0.0.11 v4.test | grep -q 'status: NXDOMAIN'
	inside d dig +tries=1 +time=60 @127.0.0.11 a | grep -q 'status: NXDOMAIN'
	run -1 grep -E ' (a|c|v4[.]test) ' "$BERTH_HOME/asked"
}
