#!/usr/bin/env bats
# Many containers at once: one batch for the kernel, as strace counts.
load lib
load net

setup_file() {
	export BERTH_TIMEOUT=600 # strace makes all of it slow
	root_up
	ip link set lo up
	make_busybox_image >/dev/null
}
teardown_file() { root_down; }

fifty() {
	compose <<-EOF
		services:
		  a: {image: busybox, command: sleep 1000, stop_signal: KILL, scale: 25, ports: ["20000-20024:80"]}
		  b: {image: busybox, command: sleep 1000, stop_signal: KILL, scale: 25}
	EOF
}

all_run() { [ "$(berth ps -q --status running | wc -l)" = 50 ]; }

@test "fifty containers are wired in one message, and their rules are few" {
	fifty
	strace -f --seccomp-bpf -q -ttt -s 128 -e trace=sendto,sendmsg -o "$PWD/calls" "$BERTH" up -d 3>&- &
	wait_for 280 all_run
	berth up -d # behind the other
	wc -l <calls >from
	berth down -t 0
	wait
	head -n "$(cat from)" calls >up && tail -n "+$(cat from)" calls >down
	# An interface name (attribute 3) that begins with "veth" is in one message; it takes one more message inside.
	[ "$(grep -acF '\x14\x00\x03\x00\x76\x65\x74\x68' up)" = 1 ]
	[ "$(grep -acE '^[0-9]+ +[0-9.]+ sendto\([0-9]+, \[.*nlmsg_type=0x1[048]' up)" -lt 60 ]
	# A transaction isolates, one lets the ports send, one publishes them: once a second at most.
	lasted=$(awk 'NR == 1 { first = $2 } { last = $2 } END { print int(last - first) }' up)
	[ "$(grep -ac BATCH_BEGIN up)" -lt $((15 + lasted)) ]
	[ "$(grep -ac BATCH_BEGIN down)" -le 3 ]
}

