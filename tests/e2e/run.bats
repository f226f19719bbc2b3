# run: one-off containers, of services and of images.
load lib

setup_file() {
	root_up
	make_busybox_image
}

project() {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: echo default
		    environment: {A: file}
		    depends_on: [db]
		  db:
		    image: busybox
		    command: sleep 1000
		    init: true
	END
}

only_db_is_left() { [ "$(berth ps -a --format '{{.Service}}')" = db ]; }

@test "run starts dependencies, gives output and code, --rm leaves nothing" {
	project
	run -0 --separate-stderr berth run --rm web
	[ "$output" = default ]
	[ "$(berth ps --services)" = db ]
	run -9 berth run --rm -T web sh -c 'exit 9'
	wait_for 5 only_db_is_left
}

@test "run without --rm leaves a stopped container that down --remove-orphans takes" {
	project
	run -0 berth run --no-deps web
	[ "$(berth ps -a --format '{{.State}}')" = exited ]
	[[ $(berth ps -a --format '{{.Name}}') == "$PROJECT-web-run-"* ]]
	berth down --remove-orphans
	[ "$(berth -p "$PROJECT" ps -aq)" = "" ]
}

@test "run takes variables, user, directory, entrypoint, mounts and a name" {
	project
	r="berth run --rm --no-deps -q"
	[ "$($r -e A=flag web sh -c 'echo $A')" = flag ]
	[ "$($r -u user web id -un)" = user ]
	[ "$($r -w /tmp web pwd)" = /tmp ]
	[ "$($r --entrypoint 'echo one "two three"' web)" = "one two three" ]
	echo mounted >file
	[ "$($r -v ./file:/f:ro web cat /f)" = mounted ]
	berth run --no-deps --name given web true
	[ "$(berth ps -a --format '{{.Name}}')" = given ]
}

@test "run passes standard input on, and Ctrl-C's signal" {
	project
	[ "$(echo typed | berth run --rm --no-deps -T web cat 2>/dev/null)" = typed ]
	timeout --foreground 120 "$BERTH" run --rm --no-deps -T web \
		sh -c 'trap "exit 4" INT; echo ready; sleep 1000 & wait' >out 2>/dev/null 3>&- &
	wait_for 10 grep -q ready out
	pkill -INT -P $!
	wait $! && code=0 || code=$?
	[ "$code" = 4 ]
}

@test "run says 127 for a missing command" {
	project
	run -127 berth run --rm --no-deps web nonsense
	[[ $output == *'"nonsense": executable file not found'* ]]
}

@test "run -d prints the id and returns" {
	project
	id=$(berth run -d --no-deps web sleep 1000 2>/dev/null)
	[ "$(berth ps --no-trunc --format '{{.ID}}')" = "$id" ]
}

@test "a one-off outlives the file that it was made of" {
	compose <<-END
		services:
		  job:
		    image: busybox
		    command: "true"
		    ports: ["127.0.0.1:18173:81"]
		    environment: {A: a}
		    volumes: ["./d:/d"]
		    restart: always
		    healthcheck: {test: "true", interval: 200ms}
	END
	supervisor() { cat "$BERTH_RUN/projects/$PROJECT/supervisor.pid"; }
	berth run -d -P --name first job sleep 1000
	before=$(supervisor)
	for n in 2 3 4; do
		sed -i "s/A: .*/A: longer-$n-$n}/" compose.yaml
		berth run -d -p "127.0.0.1:1818$n:82" --name "more$n" job sleep 1000
	done
	berth restart -t 0 job
	[ "$(supervisor)" = "$before" ]
	[ "$(berth ps -a --format '{{.Name}} {{.State}}' | sort | tr '\n' ' ')" = 'first running more2 running more3 running more4 running ' ]
	[ "$(berth exec -T first sh -c 'echo $A')" = a ]
}

@test "run of an image needs no compose file and leaves nothing" {
	run -0 --separate-stderr berth run --rm busybox sh -c 'echo "$HOME \$x"'
	[ "$output" = '/root $x' ]
	run -5 berth run --rm busybox sh -c 'exit 5'
	[ -z "$(berth ls -aq)" ]
	[ -z "$(ls "$BERTH_RUN/adhoc")" ]
}

@test "docker run, ps, exec, stop and rm work on containers by name" {
	ln -s "$BERTH" docker
	run -4 --separate-stderr ./docker run --rm -e A='x$y' -w /tmp -u user busybox \
		sh -c 'echo $A; pwd; id -un; exit 4'
	[ "$output" = $'x$y\n/tmp\nuser' ]
	[ "$(echo in | ./docker run --rm -i busybox cat)" = in ]
	run ! ./docker run --rm --name unwell busybox false
	[ -z "$(find "$BERTH_RUN/adhoc" -type f)" ]
	id=$(./docker run -d --name sleepy --init busybox sleep 1000)
	[ "$(./docker ps -q --no-trunc)" = "$id" ]
	[ "$(./docker exec sleepy cat /proc/1/comm | wc -l)" = 1 ]
	./docker stop -t 1 sleepy
	[ "$(./docker ps -a --format '{{.Names}} {{.State}}')" = "sleepy exited" ]
	./docker rm sleepy
	[ -z "$(berth ls -aq)" ]
	run -125 ./docker run --rm --pull never nonsense true
}
