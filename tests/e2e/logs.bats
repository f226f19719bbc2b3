# logs and the foreground of up.
load lib

setup_file() {
	root_up
	make_busybox_image
}

talkers() {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'for i in 1 2 3; do echo line \$\$i; done; until [ -e /go ]; do sleep 0.1; done; echo wrong >&2; sleep 1000'
		    init: true
		  longname:
		    image: busybox
		    command: echo short
	END
}

said() { berth logs "$@" | grep -q "$PATTERN"; }

@test "a name that the file gives stands whole before its lines" {
	compose <<-END
		services:
		  web: {image: busybox, command: echo hello, container_name: $PROJECT-engine}
	END
	berth up -d
	PATTERN="^$PROJECT-engine  | hello" wait_for 20 said
}

@test "logs are prefixed, aligned, and can be cut" {
	talkers
	berth up -d
	PATTERN='line 3' wait_for 5 said
	berth exec web touch /go
	PATTERN=wrong wait_for 5 said
	PATTERN=short wait_for 5 said
	run -0 berth logs web
	[ "${lines[0]}" = "web-1  | line 1" ]
	run -0 berth logs
	[[ $output == *"web-1       | line 3"* && $output == *"longname-1  | short"* ]]
	[ "$(berth logs --no-log-prefix -n 2 web)" = $'line 3\nwrong' ]
	[[ $(berth logs -t -n 1 web) =~ ^web-1\ +\|\ 20[0-9-]+T[0-9:.]+Z\ wrong$ ]]
	[ -z "$(berth logs --since 2100-01-01)" ]
	[ -z "$(berth logs --until 2000-01-01)" ]
	run -1 berth logs nonsense
	[[ $output == *"no such service: nonsense"* ]]
}

@test "logs -f goes on until the container ends" {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'echo first; sleep 1; echo second'
	END
	berth up -d
	run -0 timeout 120 "$BERTH" logs -f
	[[ $output == *first*second* ]]
}

@test "up shows lines, ends with its containers, code 0 whatever theirs" {
	compose <<-END
		services:
		  web: {image: busybox, command: "sh -c 'echo hello; exit 3'"}
	END
	run -0 timeout 120 "$BERTH" up
	[[ $output == *"Attaching to web-1"*"web-1  | hello"*"web-1 exited with code 3"* ]]
}

@test "up tells of every end, also where all end at once" {
	compose <<-END
		services:
		  web: {image: busybox, command: "sh -c 'exit 3'", scale: 12}
	END
	for _ in 1 2 3 4 5; do
		run -0 timeout 120 "$BERTH" up --force-recreate
		[ "$(grep -c '^web-[0-9]* exited with code' <<<"$output")" = 12 ]
	done
}

@test "Ctrl-C stops gracefully, code 130" {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.1; done'
	END
	timeout --foreground 120 "$BERTH" up >out 2>&1 3>&- &
	wait_for 10 grep -q '| up' out
	pkill -INT -P $!
	wait $! && code=0 || code=$?
	[ "$code" = 130 ]
	[[ $(<out) == *"| up"*"Gracefully stopping"*"bye"*"exited with code 0"* ]]
	[ "$(berth ps -a --format '{{.State}}')" = exited ]
}

@test "--abort-on-container-exit and --exit-code-from give the service's code" {
	compose <<-END
		services:
		  web: {image: busybox, command: "sh -c 'sleep 0.5; exit 3'", depends_on: [db]}
		  db: {image: busybox, command: sleep 1000, init: true}
	END
	run -3 timeout 120 "$BERTH" up --abort-on-container-exit
	[ "$(berth ps -q)" = "" ]
	run -143 timeout 120 "$BERTH" up --exit-code-from db
	run -1 berth up -d --abort-on-container-exit
	[[ $output == *"--detach"* ]]
}

@test "rotation: files of their size, compressed; what is kept is read in order" {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'seq 1 20000; sleep 1000'
		    init: true
		    logging: {options: {max-size: 100k, max-file: "4"}}
	END
	berth up -d
	PATTERN='^20000$' wait_for 10 said --no-log-prefix -n 1
	dir=$BERTH_ROOT/projects/$PROJECT/logs/$PROJECT-web-1
	[ "$(find "$dir" -name 'json.log*' -size +110k | wc -l)" = 0 ]
	wait_for 5 sh -c "[ \$(ls '$dir' | grep -c 'json.log.*gz$') = 3 ]"
	[ "$(ls "$dir" | sed 's/\.gz$//' | sort -u | grep -c json.log)" = 4 ]
	berth logs --no-log-prefix >got
	first=$(head -n 1 got)
	[ "$first" -gt 1 ]
	seq "$first" 20000 | cmp - got
	[ "$(berth logs --no-log-prefix -n 3000 | sha1sum)" = "$(seq 17001 20000 | sha1sum)" ]
}

@test "a line of 1 MB without an end, and bytes that are no text, come out as they went in" {
	compose <<-END
		services:
		  long: {image: busybox, command: "sh -c 'printf %01000000d 0; touch /done; sleep 1000'", init: true}
		  raw: {image: busybox, command: "sh -c 'head -c 3000 /bin/busybox; echo; echo end; sleep 1000'", init: true}
	END
	berth up -d
	wait_for 10 berth exec long test -e /done
	wait_for 10 sh -c "[ \"\$('$BERTH' logs --no-log-prefix long | tr -dc 0 | wc -c)\" -gt 980000 ]"
	PATTERN=end wait_for 5 said raw
	berth exec raw sh -c 'head -c 3000 /bin/busybox; echo; echo end' >want
	berth logs --no-log-prefix raw | cmp - want
	berth stop -t 0
	berth logs --no-log-prefix long >got
	[ "$(tr -dc 0 <got | wc -c)" = 1000000 ]
	[ "$(wc -l <got)" = 1 ]
}

@test "logs -f goes on through a recreation and meets new replicas; --previous has the old one's" {
	talk() {
		compose <<-END
			services:
			  web: {image: busybox, command: "sh -c 'echo $1; sleep 1000'", init: true}
		END
	}
	talk first
	berth up -d
	"$BERTH" logs -f >followed 3>&- &
	wait_for 5 grep -q first followed
	talk second
	berth up -d --scale web=2
	wait_for 5 grep -q 'web-1  | second' followed
	wait_for 5 grep -q 'web-2  | second' followed
	[ "$(berth logs --no-log-prefix --index 1)" = second ]
	[ "$(berth logs --no-log-prefix --previous --index 1)" = first ]
	run -1 berth logs -f --previous
	berth down
	wait $!
}

@test "logs -f outlives a recreation that waits long for what it depends on" {
	talk() {
		compose <<-END
			services:
			  db: {image: busybox, command: sleep $1, stop_signal: KILL, healthcheck: {test: test -e /go, interval: 1s, start_period: 1h}}
			  web:
			    image: busybox
			    command: "sh -c 'echo $1; sleep 1000'"
			    stop_signal: KILL
			    depends_on: {db: {condition: service_healthy}}
		END
	}
	go() { berth exec -T db touch /go; }
	talk 1001
	berth up -d 3>&- &
	wait_for 10 go
	wait $!
	"$BERTH" logs -f web >followed 3>&- &
	follower=$!
	wait_for 5 grep -q 1001 followed
	talk 1002
	berth up -d 3>&- &
	up=$!
	# Long enough for who looks once a second, and twice before it believes.
	waits() { berth ps -a --format '{{.Status}} {{.RunningFor}}' web | grep -E '^Created ([5-9]|[1-9][0-9]) seconds'; }
	wait_for 20 waits
	wait_for 10 go
	wait $up
	wait_for 10 grep -q 1002 followed
	berth down -t 0
	wait $follower
}

# A receiver of datagrams and streams in the background; what came is in its file.
receiver() { # KIND ADDRESS FILE
	"$TESTS/fake/receiver.py" "$@" 3>&- &
	wait_for 5 test -e "$3.up"
}

@test "syslog: three transports, three formats, the tag; logs reads them all the same" {
	receiver udp 5514 udp
	one=$!
	receiver tcp 5515 tcp
	two=$!
	receiver unixgram "$PWD/gram.sock" gram
	three=$!
	compose <<-END
		x-a: &a {image: busybox, command: "sh -c 'echo out; echo err >&2; sleep 1000'", init: true}
		services:
		  u: {<<: *a, logging: {driver: syslog, options: {syslog-address: "udp://127.0.0.1:5514", tag: "a/{{.Name}}"}}}
		  t:
		    <<: *a
		    logging:
		      driver: syslog
		      options: {syslog-address: "tcp://127.0.0.1:5515", syslog-format: rfc5424micro, syslog-facility: local3, tag: t}
		  g: {<<: *a, logging: {driver: syslog, options: {syslog-address: "unixgram://$PWD/gram.sock", syslog-format: rfc3164, tag: g}}}
	END
	berth up -d
	for file in udp tcp gram; do
		wait_for 5 grep -q out $file
		wait_for 5 grep -q err $file
	done
	day='[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}'
	grep -qE "^<30>$day a/$PROJECT-u-1\[[0-9]+\]: out$" udp
	grep -qE "^<27>$day a/$PROJECT-u-1\[[0-9]+\]: err$" udp
	grep -qE "^<158>1 [0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z $(hostname) t [0-9]+ t - out$" tcp
	grep -qE "^<30>$day $(hostname) g\[[0-9]+\]: out$" gram
	[ "$(berth logs --no-log-prefix t | sort | paste -sd,)" = err,out ]
	kill "$one" "$two" "$three"
}

@test "journald: the native protocol, with the bytes as they are" {
	mkdir -p /run/systemd/journal
	mount -t tmpfs none /run/systemd/journal
	receiver unixgram /run/systemd/journal/socket journal
	socket=$!
	compose <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'echo hello; printf "a\\\\0b\\n"; echo wrong >&2; sleep 1000'
		    init: true
		    labels: {com.example.x: y}
		    logging: {driver: journald, options: {tag: "me", labels: com.example.x}}
	END
	berth up -d
	for word in hello 'b$' wrong; do wait_for 5 grep -aq "$word" journal; done
	grep -aqx "CONTAINER_NAME=$PROJECT-a-1" journal
	grep -aqx 'PRIORITY=3' journal
	python3 - <<-'END'
		data = open("journal", "rb").read()
		def field(name, value): return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
		want = [field(b"MESSAGE", b"hello"), field(b"MESSAGE", b"a\0b"), field(b"SYSLOG_IDENTIFIER", b"me")]
		assert all(f in data for f in want + [field(b"COM_EXAMPLE_X", b"y")]), data
	END
	berth down -t 0
	kill "$socket"
	umount -l /run/systemd/journal
}

@test "log options: what makes no sense is refused, labels are in the lines" {
	driver() { compose <<<"services: {a: {image: busybox, command: echo hi, labels: {x: y}, logging: {driver: $1, options: {$2}}}}"; }
	refused() { # DRIVER OPTIONS MESSAGE
		driver "$1" "$2"
		run -1 berth up -d
		[[ $output == *"$3"* ]] || { echo "$output" && return 1; }
	}
	refused fluentd '' 'log driver "fluentd" is not supported'
	refused json-file 'max-size: many' 'log option max-size: "many" makes no sense'
	refused local 'tag: x' 'unknown log option "tag" for the driver local'
	refused syslog 'syslog-address: "udp://example.com"' 'is no address with a port'
	refused syslog 'syslog-address: "unixgram:///nowhere"' 'its receiver is not there'
	refused json-file 'tag: "{{.Nonsense}}"' 'makes no sense'
	refused json-file 'env-regex: "(("' 'makes no sense'
	refused syslog 'syslog-address: "tcp+tls://127.0.0.1:6514"' 'no TLS'
	driver json-file 'labels: x'
	berth up -d
	wait_for 5 grep -q '"attrs":{"x":"y"}' "$BERTH_ROOT/projects/$PROJECT/logs/$PROJECT-a-1/json.log"
	driver json-file 'labels-regex: "^x$"'
	berth up -d
	wait_for 5 grep -q '"attrs":{"x":"y"}' "$BERTH_ROOT/projects/$PROJECT/logs/$PROJECT-a-1/json.log"
	driver none ''
	berth up -d
	[ -z "$(berth logs)" ]
}
