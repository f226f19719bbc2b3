#!/usr/bin/env bats
# up and down: order, gates, recreation, what stays and what goes.
load lib

setup_file() { root_up; make_busybox_image; }
teardown_file() { root_down; }

write() { cat >compose.yaml; }
state() { berth ps -a --format json | jq -rs --arg s "$1" '[.[] | if type == "array" then .[] else . end] | map(select(.Service == $s))[0].State'; }
id_of() { berth ps -aq "$1"; }
mounts_of_home() { grep -c " $BERTH_HOME/" /proc/self/mountinfo || true; }

@test "a project comes up, answers by name, and leaves nothing" {
	write <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 80 -h /w'
		    init: true
		  ask:
		    image: busybox
		    command: sleep 1000
	END
	berth up -d
	wait_for 5 berth exec ask wget -qO- http://web/
	[ "$(berth exec ask wget -qO- http://web/)" = page ]
	# Nothing was made in a container's own layer for what is mounted there.
	[ -z "$(ls -A "$BERTH_ROOT/projects/$PROJECT/containers/$PROJECT-ask-1/upper")" ]
	berth exec ask sh -c 'grep -q 127.0.0.11 /etc/resolv.conf && [ -e /.dockerenv ]'
	# Rules that stay what they are are not made again: the table keeps its handle.
	table=$(nft -a list table inet "berth-$PROJECT" | head -n 1)
	berth restart -t 0 ask
	[ "$(nft -a list table inet "berth-$PROJECT" | head -n 1)" = "$table" ]
	berth down
	[ ! -e "$BERTH_RUN/projects/$PROJECT" ]
	[ ! -e "$BERTH_ROOT/projects/$PROJECT" ]
	[ "$(mounts_of_home)" = 0 ]
	! ip link show type bridge | grep -q br-
}

@test "gates: healthy before, completed before, in order" {
	write <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'cat /state/*; sleep 1000'
		    volumes: [state:/state]
		    depends_on:
		      db: {condition: service_healthy}
		      once: {condition: service_completed_successfully}
		  once:
		    image: busybox
		    command: sh -c 'echo once >/state/b'
		    volumes: [state:/state]
		    depends_on: {db: {condition: service_healthy}}
		  db:
		    image: busybox
		    command: sh -c 'sleep 0.4; echo db >/state/a; sleep 1000'
		    volumes: [state:/state]
		    healthcheck: {test: test -e /state/a, interval: 100ms, retries: 600}
		volumes: {state: {}}
	END
	berth up -d
	wait_for 3 sh -c "'$BERTH' logs --no-log-prefix web | grep -q once"
	[ "$(berth logs --no-log-prefix web | tr '\n' ' ')" = "db once " ]
	before=$(id_of once)
	berth up -d
	[ "$(state once)" = exited ]
	[ "$(id_of once)" = "$before" ]
}

@test "a dependency that fails stops its dependents, with its exit code in the message" {
	write <<-END
		services:
		  web: {image: busybox, command: sleep 1000, depends_on: {once: {condition: service_completed_successfully}}}
		  once: {image: busybox, command: sh -c 'exit 3'}
	END
	run berth up -d
	[ "$status" = 1 ]
	[[ "$output" == *"didn't complete successfully: exit 3"* ]]
	[ "$(state web)" = created ]
}

@test "only what changed is made anew, and its anonymous volume goes with it" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000, init: true, volumes: [/keep]}
		  b: {image: busybox, command: sleep 1000, init: true}
	END
	berth up -d
	berth exec a sh -c 'echo kept >/keep/x'
	a=$(id_of a) b=$(id_of b)
	sed -i 's/volumes:/environment: [X=1], volumes:/' compose.yaml
	berth up -d
	[ "$(id_of a)" != "$a" ]
	[ "$(id_of b)" = "$b" ]
	[ "$(berth exec a cat /keep/x)" = kept ]
	[ "$(berth exec a sh -c 'echo $X')" = 1 ]
	a=$(id_of a)
	berth up -d -V --force-recreate a
	[ "$(id_of a)" != "$a" ]
	run berth exec a cat /keep/x
	[ "$status" -ne 0 ]
}

@test "scale goes up by new numbers and down by the highest" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
	END
	berth up -d --scale a=3
	[ "$(berth ps -q | wc -l)" = 3 ]
	berth up -d --scale a=1
	[ "$(berth ps --format '{{.Name}}')" = "$PROJECT-a-1" ]
}

@test "a network namespace outlives the service that it belongs to" {
	write <<-END
		services:
		  vpn: {image: busybox, command: sleep 1000}
		  app: {image: busybox, command: sleep 1000, network_mode: "service:vpn"}
	END
	berth up -d
	app=$(id_of app)
	address=$(berth exec app ip -4 -o addr show eth0)
	berth kill vpn
	[ "$(berth exec app ip -4 -o addr show eth0)" = "$address" ]
	sed -i 's/sleep 1000}/sleep 999}/' compose.yaml
	berth up -d
	[ "$(id_of app)" = "$app" ]
	[ "$(berth exec app ip -4 -o addr show eth0)" = "$address" ]
}

@test "secrets and configs have their owner, mode and content, and are nowhere on disk" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sleep 1000
		    read_only: true
		    secrets: [{source: token, uid: "1000", mode: 0400}]
		    configs: [{source: conf, target: /etc/conf}]
		secrets: {token: {environment: TOKEN}}
		configs: {conf: {content: hello}}
	END
	TOKEN=s3cr3t-4711 berth up -d
	[ "$(berth exec -u 1000 a cat /run/secrets/token)" = s3cr3t-4711 ]
	run berth exec -u 1001 a cat /run/secrets/token
	[ "$status" -ne 0 ]
	[ "$(berth exec a cat /etc/conf)" = hello ]
	[ -z "$(grep -rl s3cr3t-4711 "$BERTH_ROOT")" ]
}

@test "hooks run after the start and before the stop" {
	write <<-END
		services:
		  a:
		    image: busybox
		    command: sh -c 'trap "echo term; exit 0" TERM; touch /ready; while :; do sleep 0.05; done'
		    post_start: [{command: [sh, -c, "echo started >/proc/1/fd/1"]}]
		    pre_stop: [{command: [sh, -c, "echo stopping >/proc/1/fd/1"]}]
	END
	berth up -d
	wait_for 5 berth exec a test -e /ready
	berth stop
	[ "$(berth logs --no-log-prefix a | tr '\n' ' ')" = "started stopping term " ]
}

@test "a post_start hook that fails is told; its container runs on" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000, init: true, post_start: [{command: [sh, -c, "exit 4"]}]}
	END
	for wait in '' --wait; do
		run -1 berth up -d $wait
		[[ $output == *"post_start hook"*"exited with 4"* ]]
		[ "$(berth ps --format '{{.State}}' a)" = running ]
		berth down -t 0
	done
}

@test "run: exit code, standard input, own environment, nothing left" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000, environment: {A: "1"}}
	END
	run berth run --rm a sh -c 'exit 5'
	[ "$status" = 5 ]
	[ "$(echo hello | berth run --rm -T a cat)" = hello ]
	[ "$(berth run --rm -e A=2 a sh -c 'echo $A')" = 2 ]
	script -qec "$BERTH run --rm a sh -c 'test -t 1 && echo on a tty'" /dev/null >seen
	grep -q 'on a tty' seen # and what script(1) echoes: it may be a NUL
	[ -z "$(berth ps -aq)" ]
}

@test "two commands at once: one set of containers, both succeed" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
		  b: {image: busybox, command: sleep 1000, depends_on: [a]}
	END
	berth up -d 3>&- & one=$!
	berth up -d 3>&- & two=$!
	wait $one
	wait $two
	[ "$(berth ps -q | wc -l)" = 2 ]
}

@test "the plan says what would be done and why, and does nothing" {
	write <<-END
		services:
		  a: {image: busybox, command: sleep 1000}
	END
	run berth --dry-run up -d
	[[ "$output" == *"$PROJECT-a-1"* ]]
	[ -z "$(berth ps -aq)" ]
}

@test "a rolling update refuses no connection, and a bad one leaves the old replicas" {
	write <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'mkdir /w; echo one >/w/index.html; exec httpd -f -p 80 -h /w'
		    init: true
		    ports: ["127.0.0.1:18090:80"]
		    healthcheck: {test: wget -qO- http://127.0.0.1/, interval: 100ms, start_period: 1m, start_interval: 100ms}
		    deploy:
		      replicas: 2
		      update_config: {parallelism: 1, order: start-first, monitor: 100ms}
	END
	berth up -d --wait
	curl -sf http://127.0.0.1:18090/
	touch going
	(n=0 bad=0; while [ -e going ]; do
		n=$((n + 1)); curl -sf -m 20 http://127.0.0.1:18090/ >/dev/null || bad=$((bad + 1))
	done; echo "$n $bad" >counted) 3>&- &
	sed -i 's/echo one/echo two/' compose.yaml
	berth up -d
	rm going; wait
	read -r n bad <counted
	echo "$n requests, $bad failed" >&3
	[ "$n" -gt 5 ]
	[ "$bad" = 0 ]
	[ "$(curl -sf http://127.0.0.1:18090/)" = two ]
	[ "$(berth ps -q | wc -l)" = 2 ]
	before=$(berth ps -q | sort)
	sed -i 's/exec httpd/exit 1; exec httpd/' compose.yaml
	run berth up -d
	[ "$status" = 1 ]
	wait_for 3 sh -c "[ \$('$BERTH' ps -aq | wc -l) = 2 ]"
	[ "$(berth ps -q | sort)" = "$before" ]
	[ "$(curl -sf http://127.0.0.1:18090/)" = two ]
}

@test "pre_start runs to its end before the service, once, and blocks it when it fails" {
	write <<-END
		services:
		  db:
		    image: busybox
		    command: sh -c 'cat /d/*; sleep 1000'
		    volumes: [d:/d]
		    pre_start:
		      - {command: [sh, -c, "echo first >/d/1"]}
		      - {command: [sh, -c, "cat /d/1 >/d/2; echo second >>/d/2"]}
		volumes: {d: {}}
	END
	berth up -d
	wait_for 3 sh -c "'$BERTH' logs --no-log-prefix db | grep -q second"
	[ "$(berth logs --no-log-prefix db | tr '\n' ' ')" = "first first second " ]
	[ "$(berth ps -aq | wc -l)" = 1 ]
	sed -i 's/cat .d.1/exit 4/' compose.yaml
	run berth up -d --force-recreate
	[ "$status" = 1 ]
	[[ "$output" == *"pre_start hook 2 of $PROJECT-db-1 exited with 4"* ]]
	berth timeline | grep -q "$PROJECT-db-1"
}
