# What the options of up do: whose end ends it, whose lines are seen, what is waited for.
load lib

setup_file() {
	root_up
	make_busybox_image
}

setup() {
	PROJECT=$(basename "$BATS_TEST_FILENAME" .bats)$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
	compose <<-END
		services:
		  web: {image: busybox, command: "sh -c 'echo web up; sleep 1000'", stop_signal: KILL, volumes: [/anon]}
		  ok: {image: busybox, command: "sh -c 'echo ok says; sleep 0.2'"}
		  bad: {image: busybox, command: "sh -c 'echo bad says; sleep 0.9; exit 3'"}
		  later:
		    image: busybox
		    command: sh -c 'echo later says; exit 3'
		    depends_on: {ok: {condition: service_completed_successfully}}
		    profiles: [later]
		  worse: {image: busybox, command: sh -c 'exit 3', profiles: [bad]}
		  slow:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    healthcheck: {test: "false", interval: 1s, retries: 100}
		    profiles: [slow]
		  migrate: {image: busybox, command: "sh -c 'echo \${SAY:-one} >>/log/ran'", volumes: [".:/log"], profiles: [shop]}
		  shop:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    depends_on: {migrate: {condition: service_completed_successfully}}
		    profiles: [shop]
	END
}

@test "the first exit, the first failure or one service ends up, with its code" {
	run -3 berth up --abort-on-container-failure ok later web
	[[ $output == *"ok-1 exited with code 0"* && $output == *"later-1 exited with code 3"* ]]
	run -0 berth up --abort-on-container-exit ok web
	[[ $output == *"Aborting on container exit..."*"web-1 exited with code 137"* ]]
	run -3 berth up --exit-code-from bad bad web
	[ -z "$(berth ps -q)" ]
	run -1 berth up --exit-code-from nosuch
}

@test "only the services that were named are stopped at the end" {
	berth up -d web
	run -3 berth up --abort-on-container-failure --attach-dependencies bad
	[ "$(berth ps --services)" = web ]
}

@test "--attach and --no-attach choose the lines, --no-log-prefix their form" {
	run -3 berth up --abort-on-container-failure --no-attach web bad web
	[[ $output == *"bad-1  | bad says"* && $output != *"web up"* ]]
	run -3 berth up --abort-on-container-failure --attach bad --no-log-prefix bad web
	[[ $output == *$'\nbad says'* && $output != *"web up"* ]]
}

@test "--wait takes exit 0 for done, and has an end" {
	run -0 berth up --wait ok web
	# A busy machine may need longer to end it than --wait looks at what has no health check.
	fails() {
		run berth up --wait worse
		[ "$status" != 0 ] || { berth wait worse || return 1; }
		[[ $status == 1 && $output == *"container $PROJECT-worse-1 exited (3)"* ]]
	}
	wait_for 60 fails
	run -1 berth up --wait --wait-timeout 1 slow
	[[ $output == *"application not healthy after 1s"* ]]
}

@test "what was to run once is not run again, until it changes" {
	berth --profile shop up -d migrate shop
	berth --profile shop up -d migrate shop
	berth --profile shop up -d --force-recreate --no-deps shop
	[ "$(cat ran)" = one ]
	SAY=two berth --profile shop up -d shop
	wait_for 5 eval '[ "$(cat ran | xargs)" = "one two" ]'
}

@test "volumes without a name stay or are made anew, as asked" {
	berth up -d web
	anon=$(berth ps --format '{{.Mounts}}' web)
	berth up -d --force-recreate web
	[ "$(berth ps --format '{{.Mounts}}' web)" = "$anon" ]
	berth up -d --renew-anon-volumes web
	[ "$(berth ps --format '{{.Mounts}}' web)" != "$anon" ]
}

@test "down -v and --rmi after a down remove what that one left, and nothing of another project" {
	mkdir one two
	cat >one/compose.yaml <<-END
		name: ${PROJECT}one
		services: {a: {image: busybox, command: sleep 1000, stop_signal: KILL, volumes: ["data:/d"], networks: [net]}}
		volumes: {data: }
		networks: {net: }
	END
	cat >two/compose.yaml <<-END
		name: ${PROJECT}two
		services: {a: {image: busybox, command: sleep 1000, stop_signal: KILL, volumes: ["data:/d"], networks: [net]}}
		volumes: {data: {external: true, name: ${PROJECT}one_data}}
		networks: {net: {external: true, name: ${PROJECT}one_net}}
	END
	berth tag busybox ${PROJECT}:1
	sed -i "s/busybox/$PROJECT:1/" one/compose.yaml
	berth -f one/compose.yaml up -d
	berth -f two/compose.yaml up -d
	berth -f one/compose.yaml exec -T a touch /d/kept
	run -0 berth -f one/compose.yaml down -v
	[[ $output == *"Volume ${PROJECT}one_data  Resource is still in use"* ]]
	[[ $output == *"Network ${PROJECT}one_net  Resource is still in use"* ]]
	run -0 berth -f two/compose.yaml exec -T a ls /d
	[ "$output" = kept ]
	berth -f two/compose.yaml down
	run -0 berth -f one/compose.yaml down -v --rmi all
	[[ $output == *"Volume ${PROJECT}one_data  Removed"*"Network ${PROJECT}one_net  Removed"* ||
		$output == *"Network ${PROJECT}one_net  Removed"*"Volume ${PROJECT}one_data  Removed"* ]]
	[[ $output == *"Image $PROJECT:1  Removed"* ]]
	run -0 berth volume ls -q
	[[ $output != *"${PROJECT}one_data"* ]]
	run -0 berth -f one/compose.yaml down -v --rmi all
	[[ $output == *"No resource found"* ]]
}

@test "what cannot be together is refused" {
	for words in "-d --abort-on-container-exit" "--wait --attach web" "--no-recreate --force-recreate" \
		"--no-recreate -V" "--build --no-build" "-d --exit-code-from ok"; do
		run -1 berth up $words
	done
	run -1 berth up -d --pull bogus
	run -1 berth up -d --scale nosuch=2
	run -0 berth up -d --menu ok
	[[ $output == *"--menu has no effect"* ]]
}

@test "--dry-run of every command that changes something says what, and changes nothing" {
	berth up -d web
	before=$(berth ps -a --format '{{.ID}} {{.State}}')
	while read -r says words; do
		run -0 berth --dry-run $words
		[[ $output == *"${says//_/ }"* ]] || { echo "$words: $output" && false; }
	done <<-END
		stop_container stop
		kill_container kill
		pause_container pause
		stop_container stop web
		start_container restart
		remove_container rm -sf
		remove_container down
		create_container scale web=2
		create_container up -d --force-recreate
		touch_/x exec -T web touch /x
		web:/y cp compose.yaml web:/y
		service_ok run --rm ok touch /z
		pull_busybox pull
		foo commit web foo
		export_web export -o e.tar web
		rmi_busybox rmi busybox
		tag_busybox tag busybox other
		n1 network create n1
		v1 volume create v1
	END
	[ "$(berth ps -a --format '{{.ID}} {{.State}}')" = "$before" ]
	[ ! -e e.tar ]
	run -1 berth exec -T web ls /x /y
	[ "$(berth image ls -q | wc -l)" = 1 ]
	run -1 berth volume inspect v1
	run -1 berth network inspect n1
}

@test "--timeline shows who waited for whom, and the critical path" {
	run -0 berth --profile shop up -d --timeline migrate shop
	[[ $output =~ migrate\ +wait\ for\ +▇+ ]]
	[[ $output == *"critical path, "*"start container $PROJECT-migrate-1 "*"wait for migrate "*"start container $PROJECT-shop-1 "* ]]
	run -0 berth timeline
	[[ $output == *"critical path, "* ]]
	run -0 berth up --timeline --force-recreate ok
	[[ $output == *"critical path, "*"start container $PROJECT-ok-1"* ]]
}

@test "--attach of a service that is not in it, logs --index of a replica that is not there" {
	make_busybox_image
	compose <<-END
		services:
		  a: {image: busybox, command: "true"}
		  b: {image: busybox, command: echo hello}
	END
	run -1 berth up --attach nosuch
	[[ $output == *'cannot attach to services not included in up: nosuch'* ]]
	run -1 berth up --attach b a
	[ -z "$(berth ps -aq)" ]
	berth up -d --wait || true
	run -1 berth logs --index 2 b
	[[ $output == *'service "b" has no container #2'* ]]
	[[ $(berth logs --index 1 b) == *hello ]]
}

@test "up refuses a scale that a name forbids, and a file without a service" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000, container_name: only-one}
	END
	run -1 berth up -d --scale a=2
	[[ $output == *only-one* ]]
	[ -z "$(berth ps -aq)" ]
	echo 'services: {}' >compose.yaml
	run -1 berth up -d
	[[ $output == *"no service selected"* ]]
}

@test "down -v removes the volumes of the file also when the project is down, or ran by another" {
	compose <<-'END'
		services:
		  one: {image: busybox, command: sleep 1000, stop_signal: KILL}
		  two: {image: busybox, command: sleep 1000, stop_signal: KILL, volumes: ["data:/data", "kept:/kept"]}
		volumes: {data: , kept: {external: true}}
	END
	berth volume create kept
	volumes() { berth volume ls -q | grep -E "^(kept|${PROJECT}_.*)\$" | sort | xargs; }
	berth up -d
	berth down
	[ "$(volumes)" = "kept ${PROJECT}_data" ]
	run -0 berth down -v
	[[ $output == *"Volume ${PROJECT}_data  Removed"* ]]
	[ "$(volumes)" = kept ]
	run -0 berth down -v
	[[ $output == *'No resource found'* ]]
	berth up -d
	printf 'services: {one: {image: busybox, command: sleep 1000, stop_signal: KILL}}\n' >less.yml
	berth -f less.yml up -d --remove-orphans
	berth down -v
	[ "$(volumes)" = kept ]
	berth volume rm kept
}
