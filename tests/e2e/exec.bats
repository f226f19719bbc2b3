# exec and cp: into a running container and out of it.
load lib

setup_file() {
	root_up
	make_busybox_image
}

start() {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sleep 1000
		    environment: {COLOUR: green}
		    init: true
	END
	berth up -d
}

@test "exec gives the command's output and exit code" {
	start
	run -0 berth exec web sh -c 'echo $COLOUR; hostname | wc -c'
	[ "${lines[0]}" = green ]
	run -7 berth exec web sh -c 'exit 7'
	run -137 berth exec web sh -c 'kill -9 $$'
	run -0 berth exec -T web cat <<<"from stdin"
	[ "$output" = "from stdin" ]
}

@test "exec says 127 for a missing command and 126 for one that is none" {
	start
	run -127 berth exec web nonsense
	[[ $output == *'"nonsense": executable file not found in PATH'* ]]
	run -126 berth exec web /etc/passwd
	[[ $output == *"/etc/passwd"* ]]
}

@test "exec takes user, directory, variables and privileges" {
	start
	[ "$(berth exec -u user web id -un)" = user ]
	[ "$(berth exec -w /tmp web pwd)" = /tmp ]
	[ "$(OURS=passed berth exec -e OURS -e B=2 web sh -c 'echo $OURS$B$COLOUR')" = passed2green ]
	[ "$(berth exec web awk '/CapEff/ { print $2 }' /proc/self/status)" = 00000000a80425fb ]
	all=$(berth exec --privileged web awk '/CapEff/ { print $2 }' /proc/self/status)
	[ $((0x$all & 1 << 21)) -ne 0 ] # CAP_SYS_ADMIN
}

@test "exec on a terminal has one, of its size" {
	start
	run -0 script -qec "stty rows 33 cols 77; '$BERTH' exec web sh -c 'tty; stty size'" /dev/null
	[[ $output == */dev/pts/*"33 77"* ]]
	run -3 script -qec "'$BERTH' exec web sh -c 'exit 3'" /dev/null
}

@test "exec on a service that does not run says so, code 1" {
	start
	berth stop -t 0
	run -1 berth exec web true
	[[ $output == *'service "web" is not running'*'berth up -d web'* ]]
	run -1 berth exec wbe true
	[[ $output == *'no such service: wbe'*'did you mean "web"'* ]]
}

@test "cp carries files both ways, by docker's rules for names" {
	start
	mkdir -p dir/sub && echo one >dir/sub/file && echo two >plain
	berth cp plain web:/tmp/
	[ "$(berth exec web cat /tmp/plain)" = two ]
	berth cp dir web:/tmp/renamed
	[ "$(berth exec web cat /tmp/renamed/sub/file)" = one ]
	berth cp dir web:/tmp
	[ "$(berth exec web cat /tmp/dir/sub/file)" = one ]
	berth cp web:/tmp/dir/. back
	[ "$(cat back/sub/file)" = one ]
	berth cp web:/tmp/dir - | tar tf - | grep -qx dir/sub/file
	tar cf - plain | berth cp - web:/home
	[ "$(berth exec web cat /home/plain)" = two ]
	run -1 berth cp web:/nonsense x
	[[ $output == *"web:/nonsense: No such file or directory"* ]]
}

@test "cp and export reach a stopped container, and a link in it leads nowhere else" {
	start
	berth exec web sh -c 'echo kept >/tmp/f; ln -s /etc/hostname /tmp/out'
	berth stop -t 0
	berth cp web:/tmp/f f
	[ "$(cat f)" = kept ]
	berth cp -L web:/etc/passwd p
	grep -q '^user:' p
	echo evil >x
	berth cp x web:/tmp/out || true
	[ "$(cat /etc/hostname 2>/dev/null)" != evil ]
	berth export web | tar tf - | grep -qx 'tmp/f\|./tmp/f'
}

@test "export of a running container leaves out what is mounted" {
	start
	berth export web >all.tar
	tar tf all.tar | grep -q 'bin/busybox$'
	! tar tf all.tar | grep -q 'proc/self'
}

@test "attach: output, input and exit code without a terminal; signals are passed on, or not" {
	compose <<-'EOF'
		services:
		  talk:
		    image: busybox
		    stdin_open: true
		    stop_signal: KILL
		    command: sh -c 'while read l; do echo "said $$l"; [ "$$l" = quit ] && exit 7; done; exit 8'
		  hears:
		    image: busybox
		    command: sh -c 'trap "exit 9" INT; while :; do echo tick; sleep 0.1; done'
	EOF
	berth up -d
	printf 'one\nquit\n' >lines
	run -7 berth attach talk <lines
	[[ $output == *"said one"*"said quit"* ]]
	berth up -d
	"$BERTH" attach --no-stdin talk <lines >out 3>&- & # lives, and hands nothing in
	pid=$!
	"$BERTH" attach --sig-proxy=false hears >ticks 3>&- &
	careless=$!
	wait_for 10 grep -q tick ticks
	kill -TERM $careless
	wait $careless || true
	[ "$(berth ps --format '{{.Service}}' hears)" = hears ]
	"$BERTH" attach hears >ticks2 3>&- &
	passes=$!
	wait_for 10 grep -q tick ticks2
	kill -INT $passes
	wait $passes && code=0 || code=$?
	[ "$code" = 9 ]
	kill -0 $pid
	run ! grep quit out
	berth kill talk
	wait $pid || true
}

@test "attach on a terminal: its keys leave, and the container runs on" {
	compose <<-'EOF'
		services:
		  loop: {image: busybox, tty: true, stdin_open: true, stop_signal: KILL, command: sh -c 'while read l; do echo "said $$l"; done'}
	EOF
	berth up -d
	mkfifo keys
	exec 9<>keys
	script -qec "'$BERTH' attach --detach-keys ctrl-x,q loop" /dev/null <keys >screen 3>&- 9>&- &
	pid=$!
	greeted() { echo hello >&9 && grep -q 'said hello' screen; }
	wait_for 10 greeted
	printf '\030q' >&9
	wait $pid
	exec 9>&-
	[ "$(berth ps --format '{{.Service}}' loop)" = loop ]
}

@test "stats goes on until it is ended" {
	compose <<<'services: {a: {image: busybox, command: sleep 1000, stop_signal: KILL}}'
	berth up -d
	"$BERTH" stats --format '{{.Name}} {{.PIDs}}' >looks 3>&- &
	pid=$!
	twice() { [ "$(grep -c "$PROJECT-a-1 1" looks)" -ge 2 ]; }
	wait_for 10 twice
	kill $pid
	wait $pid || true
}

@test "every word of a short tmpfs counts; any user of exec is in group_add; the host's name with its network" {
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    user: "1000:2000"
		    group_add: ["3000"]
		    tmpfs: ["/one:size=1m", "/two:mode=1777,uid=1000,gid=5", "/three:size=2m,ro"]
		  h: {image: busybox, command: sleep 1000, stop_signal: KILL, network_mode: host}
	END
	berth up -d
	[ "$(berth exec -T a df -k /one | awk 'END { print $2 }')" = 1024 ]
	[ "$(berth exec -T a stat -c '%u %g %a' /two)" = "1000 5 1777" ]
	run -1 berth exec -T -u 0 a touch /three/x
	[ "$(berth exec -T -u root a id -G)" = "0 3000" ]
	[ "$(berth exec -T h cat /etc/hostname)" = "$(uname -n)" ]
}
