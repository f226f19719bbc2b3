# ps, ls, inspect, stats, top, images, events: looking.
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
		    command: sleep 1000
		    init: true
		    ports: ["127.0.0.1:18080:80"]
		    labels: {tier: front}
		    volumes: [data:/data]
		  done: {image: busybox, command: "sh -c 'exit 4'"}
		volumes: {data: }
	END
	berth up -d
	wait_for 5 berth_exited
}
berth_exited() { [ "$(berth ps --status exited --services)" = done ]; }

@test "ps shows what runs, -a everything, json with docker compose's members" {
	project
	[ "$(berth ps --services)" = web ]
	[ "$(berth ps -a --services | sort | xargs)" = "done web" ]
	[ "$(berth ps --format json | jq -c keys)" = '["Command","CreatedAt","ExitCode","Health","ID","Image","Labels","LocalVolumes","Mounts","Name","Names","Networks","Ports","Project","Publishers","RunningFor","Service","Size","State","Status"]' ]
	[ "$(berth ps --format json | jq -c '[.Name,.State,.Project,.Publishers,.Networks]')" = "[\"$PROJECT-web-1\",\"running\",\"$PROJECT\",[{\"URL\":\"127.0.0.1\",\"TargetPort\":80,\"PublishedPort\":18080,\"Protocol\":\"tcp\"}],\"${PROJECT}_default\"]" ]
	[ "$(berth ps done -a --format '{{.ExitCode}} {{.State}}')" = "4 exited" ]
	[ "$(berth ps --filter label=tier=front --format '{{.Service}}')" = web ]
	[ "$(berth ps --format '{{.Label "tier"}}')" = front ]
	run -1 berth ps --status nonsense
	run -1 berth ps nonsense
	[[ $(berth ps -q) =~ ^[0-9a-f]{64}$ ]]
}

@test "ls shows projects from anywhere" {
	project
	mkdir elsewhere
	pushd elsewhere
	[[ $(berth ls -a) == *"$PROJECT"*"exited(1), running(1)"*"$BERTH_HOME/$PROJECT/compose.yaml"* ]]
	[ "$(berth ls --format json | jq -r '.[].Status')" = "running(1)" ]
	[ "$(berth ls --format json | jq -r '.[0].Name')" = "$PROJECT" ]
	[ "$(berth -p "$PROJECT" ps --services)" = web ]
	popd
}

@test "inspect has docker's shape" {
	project
	[ "$(berth inspect web --format '{{.State.Status}} {{.Config.Image}}')" = "running busybox" ]
	berth inspect "$PROJECT-web-1" | jq -e --arg p "$PROJECT" '.[0].Id[:12] as $id | .[0].NetworkSettings.Networks[$p + "_default"] |
		(.IPPrefixLen == 24) and (.EndpointID | length == 64) and (.Gateway | test("^[0-9.]+$")) and
		(.MacAddress | length == 17) and (.DNSNames | index($p + "-web-1") == 0 and index("web") != null and index($id) != null) and
		((.GlobalIPv6Address == "") == (.GlobalIPv6PrefixLen == 0))'
	[[ $(berth inspect "$PROJECT-web-1" | jq -r '.[0].NetworkSettings.Networks[].IPAddress') == *.*.*.* ]]
	[ "$(berth inspect web | jq -c '.[0].NetworkSettings.Ports')" = '{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"18080"}]}' ]
	berth inspect web | jq -e '.[0] | (.Config.Env | any(startswith("HOSTNAME=")) | not) and .Config.Cmd == [.Path] + .Args and .HostConfig.RestartPolicy.Name == "no"
		and .HostConfig.ReadonlyRootfs == false'
	run -1 berth inspect nonsense
}

@test "top, stats and images tell of running containers" {
	project
	sleeps() { berth top | grep -q 'sleep 1000$'; } # init starts it
	wait_for 5 sleeps
	run -0 berth top
	[[ ${lines[0]} =~ ^SERVICE\ +#\ +UID\ +PID\ +PPID && ${lines[-1]} =~ ^web\ +1\ .*sleep\ 1000 ]]
	berth stats --no-stream --format json >stats
	[ "$(jq -r .Name <stats)" = "$PROJECT-web-1" ]
	[ "$(jq -r .PIDs <stats)" -ge 1 ]
	[ "$(jq -r .Container <stats)" = "$(berth ps -q web)" ]
	ln -sf "$(readlink -f "$BERTH")" "$BERTH_HOME/docker"
	# As docker, without a name: all there are, wherever one stands.
	run -0 bash -c 'cd / && exec timeout 60 "$BERTH_HOME/docker" stats --no-stream --format "{{.Name}}"'
	[ "$output" = "$PROJECT-web-1" ]
	[ "$(berth images --format json | jq -r '[.[].Repository] | unique[]')" = busybox ]
	[[ $(berth images -q) =~ ^[0-9a-f]{64}$ ]]
	[ "$(berth volumes --format json | jq -c keys)" = '["Availability","Driver","Group","Labels","Links","Mountpoint","Name","Scope","Size","Status"]' ]
}

@test "events are kept and told" {
	project
	berth kill web
	told() { berth events --since 1h --until 0s --json | jq -es 'any(.service == "web" and .action == "die")'; }
	wait_for 5 told
	berth events --since 1h --until 0s --json >all
	[ "$(jq -r 'select(.service == "done" and .action == "die") | .attributes.exitCode' <all)" = 4 ]
	[ "$(jq -r 'select(.service == "web") | .action' <all | xargs)" = "create start kill die" ]
	[ "$(jq -c 'select(.action == "kill") | .attributes | [.signal, .tier]' <all)" = '["9","front"]' ]
}

@test "wait gives the code of the service" {
	project
	run -4 timeout 120 "$BERTH" wait done
	[[ $output == *"container \"$(berth ps -aq --no-trunc done)\" exited with status code 4"* ]]
}

@test "ps: a member that no row has and a service that left the file are errors; no code before an end" {
	compose <<-END
		services:
		  a: {image: busybox, command: nosuchprogram}
		  b: {image: busybox, command: sleep 1000, stop_signal: KILL}
	END
	run -1 berth up -d
	berth up -d b
	[ "$(berth ps -a a --format '{{.State}} {{.ExitCode}}')" = "created 0" ]
	run -1 berth ps --format '{{.Nmae}}'
	[[ $output == *"there is no .Nmae here"*"{{.Name}}"* ]]
	sed -i '/  b:/d' compose.yaml
	run -1 berth ps b
	[[ $output == *"no such service: b"* ]]
	[ "$(berth ps --services)" = b ]
}

@test "wait --down-project takes everything down when the first one ends, with its code" {
	compose <<-END
		services:
		  long: {image: busybox, command: sleep 1000}
		  short: {image: busybox, command: "sh -c 'while [ ! -e /go ]; do sleep 0.05; done; exit 5'"}
	END
	berth up -d
	id=$(berth ps -q --no-trunc short)
	timeout 120 "$BERTH" wait --down-project long short >out 2>&1 3>&- &
	wait_for 10 berth exec short touch /go
	wait $! && code=0 || code=$?
	[ "$code" = 5 ]
	grep -q "container \"$id\" exited with status code 5" out
	[ -z "$(berth ps -aq)" ]
	[ -z "$(berth ls -aq)" ]
	[ ! -e "$BERTH_RUN/projects/$PROJECT" ]
}

@test "stop is told as docker tells it: kill, die, stop" {
	compose <<-END
		services:
		  a: {image: busybox, command: "sh -c 'trap \"exit 3\" TERM; touch /up; while :; do sleep 0.05; done'"}
	END
	berth up -d
	wait_for 10 berth exec a test -e /up
	berth stop
	[ "$(berth events --json --since 1h --until 0s | jq -r 'select(.type == "container") | .action' | tail -n 3 | paste -sd,)" = kill,die,stop ]
	[ "$(berth events --json --since 1h --until 0s | jq -r 'select(.action == "die") | .attributes.exitCode')" = 3 ]
}

@test "restart is told as docker tells it, and how long what ended had run" {
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000, stop_signal: KILL}
	END
	berth up -d
	berth restart
	berth events --json --since 1h --until 0s >all
	[ "$(jq -r 'select(.type == "container") | .action' all | paste -sd,)" = create,start,kill,die,stop,start,restart ]
	jq -es 'map(select(.action == "die"))[0].attributes | .exitCode == "137" and (.execDuration | test("^[0-9]+$"))' all
}

@test "plan and --dry-run say what would be done and change nothing" {
	project
	run -0 berth plan web
	sed -i 's/sleep 1000/sleep 2000/' compose.yaml
	run -0 berth plan web
	[[ $output == *"$PROJECT-web-1 (its definition changed)"*'command: ["sleep","1000"] -> ["sleep","2000"]'* ]]
	before=$(berth ps -q)
	run -0 berth up -d --dry-run
	run -0 berth down --dry-run
	[ "$(berth ps -q)" = "$before" ]
}

@test "plan names every attribute that changed, and shows no secret" {
	write() { # A PASSWORD CONTENT MTU
		echo "$3" >conf
		compose <<-END
			services:
			  web:
			    image: busybox
			    command: sleep 1000
			    environment: {A: $1, DB_PASSWORD: $2}
			    configs: [c]
			configs: {c: {file: ./conf}}
			networks: {default: {driver_opts: {com.docker.network.driver.mtu: "$4"}}}
		END
	}
	write one geheim1 text 1400
	berth up -d
	write two geheim2 other 1300
	run -0 berth plan
	[[ $output == *'environment.A: "one" -> "two"'* ]]
	[[ $output == *'environment.DB_PASSWORD: another value'* ]]
	[[ $output == *'config c: another content'* ]]
	[[ $output == *'driver_opts.com.docker.network.driver.mtu: "1400" -> "1300"'* ]]
	[[ $output != *geheim* ]]
	run -0 berth up -d
	[[ $output == *'web-1  Recreate  '*'environment.A: "one" -> "two"'* ]]
	[[ $output != *geheim* ]]
	run -0 berth plan
	[[ $output == "nothing to do: "* ]]
	write three geheim2 other 1300 # a revision that the file has left behind
	berth up -d --no-start --no-recreate
	run -0 berth plan
	[[ $output == *'environment.A: "two" -> "three"'* ]]
}

@test "stop, start, restart, pause, kill and rm do as they say" {
	project
	state() { berth ps -a web --format '{{.State}}'; }
	berth stop -t 1 web && [ "$(state)" = exited ]
	berth start web && [ "$(state)" = running ]
	berth pause web && [ "$(state)" = paused ]
	run -1 berth pause web
	[[ $output == *"already paused"* ]]
	berth unpause web && [ "$(state)" = running ]
	run -1 berth unpause web
	berth restart -t 1 web && [ "$(state)" = running ]
	berth kill -s KILL web
	killed() { [ "$(state)" = exited ]; }
	wait_for 5 killed
	berth rm -f web
	[ "$(berth ps -a --services)" = done ]
	run -1 berth start web
	[[ $output == *'service "web" has no container to start'* ]]
	berth up -d --scale web=1
	berth scale web=0
	[ "$(berth ps --services)" = "" ]
}

@test "ps shows exposed ports, docker's order, and the words for no network" {
	"$TESTS/images/busybox" exposing:1 "$BERTH_HOME/exposing.tar" '{"ExposedPorts": {"8080/tcp": {}, "53/udp": {}}}'
	berth load -q -i "$BERTH_HOME/exposing.tar"
	compose <<-END
		services:
		  a:
		    image: exposing:1
		    command: sleep 1000
		    stop_signal: KILL
		    expose: ["9000-9001"]
		    ports: ["127.0.0.1:18092:8080", "127.0.0.1:7000:7000", "127.0.0.1:7001:7001"]
		  h: {image: exposing:1, command: sleep 1000, network_mode: host, stop_signal: KILL}
		  n: {image: exposing:1, command: sleep 1000, network_mode: none, stop_signal: KILL}
	END
	berth up -d
	[ "$(berth ps a --format '{{.Ports}}')" = '53/udp, 127.0.0.1:7000-7001->7000-7001/tcp, 9000-9001/tcp, 127.0.0.1:18092->8080/tcp' ]
	[ "$(berth ps a --format json | jq -c '.Publishers[0]')" = '{"URL":"","TargetPort":53,"PublishedPort":0,"Protocol":"udp"}' ]
	[ "$(berth port a 9000)" = :0 ]
	run -1 berth port a 9002
	[[ $output == *"no port 9002/tcp for container $PROJECT-a-1"* ]]
	berth restart -t 0 a
	[ "$(berth ps a --format json | jq '.Publishers | length')" = 6 ]
	[ "$(berth ps --format '{{.Service}}:{{.Networks}}:{{.Ports}}' h n | sort)" = $'h:host:\nn:none:' ]
	[ "$(berth exec -T h hostname)" = "$(uname -n)" ]
}

@test "a missing external volume is told before anything is made; ls knows no other filter than name" {
	make_busybox_image
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000, hostname: one.two.three, stop_signal: KILL, volumes: ["data:/data"]}
		volumes: {data: {external: true, name: elsewhere$BATS_TEST_NUMBER}}
	END
	run ! berth up -d
	[[ $output == *'external volume "elsewhere'*'" not found'* ]]
	[ -z "$(berth ps -aq)" ]
	berth volume create "elsewhere$BATS_TEST_NUMBER"
	berth up -d
	berth exec -T a grep -E 'one.two.three one$' /etc/hosts
	berth down -v -t 0
	[[ $(berth volume ls -q) == *elsewhere* ]]
	run ! berth ls --filter bogus=1
}

@test "who shares a network namespace has its owner's name; init has the environment" {
	make_busybox_image
	compose <<-END
		services:
		  a: {image: busybox, command: sleep 1000, hostname: alpha, domainname: example.test, stop_signal: KILL}
		  s: {image: busybox, command: sleep 1000, network_mode: "service:a", init: true, environment: {KEY: "a value"}, stop_signal: KILL}
	END
	berth up -d
	[ "$(berth exec -T s hostname)" = alpha ]
	[ "$(berth exec -T s sh -c 'echo $HOSTNAME; cat /etc/hostname')" = $'alpha\nalpha' ]
	[ "$(berth exec -T s cat /etc/hosts)" = "$(berth exec -T a cat /etc/hosts)" ]
	berth exec -T s ping -c 1 alpha
	berth exec -T s sh -c "tr '\\0' '\\n' </proc/1/environ" | grep -x 'KEY=a value'
}

@test "a container that never ran is inspected as what it is to be" {
	compose <<-'EOF'
		services:
		  web:
		    image: busybox
		    entrypoint: [sh, -c]
		    command: sleep 1000
		    volumes: [data:/data, ./conf:/conf:ro]
		    networks: {inner: {aliases: [www], ipv4_address: 10.87.0.7}}
		    cap_add: [net_admin]
		    mem_limit: 64m
		    healthcheck: {disable: true}
		volumes: {data: }
		networks: {inner: {ipam: {config: [{subnet: 10.87.0.0/24}]}}}
	EOF
	run -0 berth create
	run -0 berth inspect web
	jq -e --arg p "$PROJECT" '.[0] | .State.Status == "created" and [.Path] + .Args == ["sh", "-c", "sleep", "1000"]
		and .Config.Entrypoint == ["sh", "-c"] and .Config.Cmd == ["sleep", "1000"]
		and .Config.Healthcheck.Test == ["NONE"]
		and (.NetworkSettings.Networks["\($p)_inner"] | .Aliases == ["\($p)-web-1", "web", "www"]
			and .IPAMConfig.IPv4Address == "10.87.0.7" and .IPAddress == "")
		and ([.Mounts[] | "\(.Type) \(.Destination) \(.Mode)"] | sort == ["bind /conf ro", "volume /data rw"])
		and (.HostConfig | .NetworkMode == "\($p)_inner" and .CapAdd == ["CAP_NET_ADMIN"] and .MemorySwap == 134217728
			and .ShmSize == 67108864 and (.MaskedPaths | index("/proc/kcore")) and (.Binds | length) == 2)' <<<"$output"
	run -0 berth ps -a --format '{{.Command}}'
	[ "$output" = '"sh -c sleep 1000"' ]
	run -0 berth network ls -q --filter "label=com.docker.compose.project=$PROJECT"
	[ "${#lines[@]}" = 1 ]
	run -0 berth network inspect -f '{{index .Labels "com.docker.compose.network"}}' "${PROJECT}_inner"
	[ "$output" = inner ]
}
