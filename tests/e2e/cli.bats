# The command line itself: words, flags, help, errors, names it is called by.
load lib

@test "no command and help show the commands, with code 0" {
	run -0 berth
	[[ $output == *"up "*"down "* ]]
	run -0 berth help up
	[[ $output == *"--wait-timeout SECONDS"* ]]
	run -0 berth up --help
	[[ $output == *"Create and start containers"* ]]
}

@test "an unknown command or flag is named, with the nearest known one, code 1" {
	run -1 berth upp
	[[ $output == *'unknown command: "berth upp"'*'did you mean "berth up"'* ]]
	run -1 berth up --detatch
	[[ $output == *'unknown flag: --detatch'*'did you mean --detach'* ]]
	run -1 berth ps -Z
	[[ $output == *"unknown shorthand flag: 'Z' in -Z"* ]]
	ln -s "$(readlink -f "$BERTH")" docker
	run -1 ./docker events
	[[ $output == *'unknown command: "docker events"'*'"docker compose events" is there'* ]]
}

@test "what docker compose has and berth has not says so, with the way out" {
	run -1 berth publish me/app:1 --with-env
	[[ $output == *"does not publish"*"hint: "* ]]
	run -1 berth bridge convert
	[[ $output == *"does not convert"*"hint: "* ]]
}

@test "global options stand before the command or after it" {
	compose <<-END
		services: {web: {image: busybox}}
	END
	mv compose.yaml other.yaml
	[ "$(berth -f other.yaml -p one config --format json | jq -r .name)" = one ]
	[ "$(berth config -f other.yaml --project-name=two --format json | jq -r .name)" = two ]
	rm -f compose.yaml
}

@test "an error in the file shows its line, a caret and the way out" {
	compose <<-END
		services:
		  web:
		    imgae: busybox
	END
	run -1 berth ps
	[[ $output == *"compose.yaml:3:5"*"imgae: busybox"*"^"*'did you mean "image"?'* ]]
	run -1 berth --progress json ps
	[ "$(jq -r .error <<<"$output")" = true ]
	rm compose.yaml
}

@test "berth's own warnings come from those who apply the file, docker compose's from all" {
	compose <<-'END'
		services:
		  web:
		    image: busybox
		    environment: {X: $NOT_SET}
		    volumes: [d:/data]
		volumes: {d: }
	END
	for command in ps logs 'stop web' down 'ps --services' volumes; do
		run -0 berth $command
		[[ $output == *"NOT_SET is not set"* && $output != *"drive letter"* ]]
	done
	for command in 'config -q' 'config --services' '--dry-run up' '--dry-run create' plan; do
		run -0 berth $command
		[[ $output == *"NOT_SET is not set"* && $output == *"drive letter"* ]]
	done
	run -1 berth config -q --strict
	[[ $output == *"NOT_SET is not set"* ]]
}

@test "a file of env_file that is gone stops only what needs it" {
	make_busybox_image
	compose <<-'END'
		services:
		  web: {image: busybox, command: sleep 1000, stop_signal: KILL, env_file: web.env, volumes: ["data:/data"]}
		volumes: {data: }
	END
	echo A=b >web.env
	berth up -d
	rm web.env
	for command in 'ps -q' logs 'exec -T web true' 'restart web' stop start build volumes 'down -t 0' 'down -v'; do
		run -0 berth $command
	done
	[[ $output == *"Volume ${PROJECT}_data  Removed"* ]]
	for command in 'up -d' create 'run --rm web true' 'config -q' '--dry-run up' 'scale web=2'; do
		run -1 berth $command
		[[ $output == *"web.env not found"* ]]
	done
}

@test "stop, kill, rm, restart and up's end leave what an inactive profile has started" {
	make_busybox_image
	compose <<-'END'
		services:
		  web: {image: busybox, command: sleep 1000, stop_signal: KILL}
		  once: {image: busybox, command: echo from once}
		  debug: {image: busybox, command: "sh -c 'echo from debug; exec sleep 1000'", stop_signal: KILL, profiles: [debug]}
	END
	berth --profile debug up -d
	id=$(berth ps -q debug)
	started=$(berth inspect "$id" | jq -r '.[0].State.StartedAt')
	berth restart
	berth stop
	[ "$(berth ps --services)" = debug ]
	run -0 berth logs
	[[ $output == *"from once"* && $output != *"from debug"* ]]
	run -0 berth --profile debug logs
	[[ $output == *"from debug"* ]]
	berth start
	berth kill web
	run -0 berth rm -f
	[[ $output == *"$PROJECT-web-1"* && $output != *"$PROJECT-debug-1"* ]]
	run -0 berth up --abort-on-container-exit
	[ "$(berth ps --services)" = debug ]
	[ "$(berth inspect "$id" | jq -r '.[0].State.StartedAt')" = "$started" ]
	berth --profile debug stop
	[ -z "$(berth ps --services)" ]
	berth --profile debug rm -f
	[ -z "$(berth ps -aq)" ]
}

@test "what a provider would make is no container; who depends on it starts, and a warning says so" {
	compose <<-'END'
		services:
		  db: {provider: {type: cloud, options: {size: small}}}
		  app: {image: busybox, command: sleep 1000, depends_on: [db]}
	END
	run -0 berth plan
	[[ $output == *"no provider program is run"*"$PROJECT-app-1"* && $output != *"$PROJECT-db-1"* ]]
}

@test "an environment that breaks the contract of the file ends up with code 2 and all that is wrong" {
	compose <<-'END'
		services: {web: {image: busybox}}
		x-berth:
		  env:
		    required: [TOKEN]
		    if: {properties: {MODE: {const: prod}}, required: [MODE]}
		    then: {required: [DOMAIN]}
		    properties: {TOKEN: {secret: true}}
	END
	echo TOKNE=1 >.env
	chmod 644 .env
	MODE=prod run -2 berth up -d
	[[ $output == *"TOKEN is not set; is TOKNE meant?"* && $output == *"DOMAIN is not set"* ]]
	MODE=prod run -2 berth env check
	[[ $output == *"DOMAIN is not set"* && $output == *"chmod 600"* ]]
	chmod 600 .env
	TOKEN=1 run -0 berth env check
	[[ $output != *"chmod 600"* ]]
	rm -f .env compose.yaml
}

@test "called as docker-compose and docker it answers to their words" {
	ln -s "$BERTH" docker-compose
	ln -s "$BERTH" docker
	run -0 ./docker-compose version --short
	[ "$output" = "$("$BERTH" version --short)" ]
	run -0 ./docker compose version
	[[ $output == "berth version "* ]]
	run -0 ./docker ps -q
	[ "$output" = "" ]
	run -125 ./docker ps --nonsense
	[[ $output == *"unknown flag: --nonsense"* ]]
}

@test "the manual and the completions name every command" {
	run -0 berth help --man
	[[ $output == *".SS berth up "* && $output == *'\fB\-\-force\-recreate\fR'* ]]
	berth help --bash >completion
	bash -n completion
	. ./completion
	COMP_WORDS=(berth st) COMP_CWORD=1 COMPREPLY=()
	_berth
	[[ "${COMPREPLY[*]}" == *start*stop* ]]
	run -0 berth help --fish
	[[ $output == *"__fish_seen_subcommand_from up"* ]]
}

@test "without a project every command says so, code 1" {
	for command in ps logs stop 'exec web true' down; do
		run -1 berth $command
		[[ $output == *"no configuration file"* || $output == *"no compose file"* ]]
	done
}

@test "doctor finds this machine able" {
	run -0 berth doctor
	[[ $output == *"control groups"* ]]
}
