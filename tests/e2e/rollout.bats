# Versions of services: replaced batch by batch, rolled back by themselves and by request.
load lib

setup_file() {
	root_up
	make_busybox_image
}

web() { # VERSION [DEPLOY LINES]: two replicas behind one port that say their version
	cat >compose.yaml <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c '${CRASH:-:}; mkdir /w; echo $1 >/w/index.html; exec httpd -f -p 80 -h /w'
		    init: true
		    ports: ["127.0.0.1:18091:80"]
		    healthcheck: {test: ${PROBE:-wget -qO- http://127.0.0.1/}, interval: 100ms, retries: 2, start_period: 1m, start_interval: 100ms}
		    deploy:
		      replicas: 2
		      update_config: {${2:-order: start-first, monitor: 200ms}}
		    x-berth: {update: {${3:-drain: 300ms}}}
	END
}

says() { curl -sf -m 20 http://127.0.0.1:18091/; }

clients() { # COMMAND...: while clients connect all the time; sets requests and refused
	touch going
	(n=0 bad=0; while [ -e going ]; do
		n=$((n + 1)); says >/dev/null || bad=$((bad + 1))
	done; echo "$n $bad" >counted) 3>&- &
	code=0
	"$@" >said 2>&1 || code=$?
	rm going; wait
	read -r requests refused <counted
	echo "$requests requests, $refused refused" >&3
}

@test "a new version that fails comes back to the old one by itself, and says why" {
	web one 'failure_action: rollback, order: start-first, monitor: 200ms'
	berth up -d --wait
	[ "$(says)" = one ]
	CRASH='exit 3' web two 'failure_action: rollback, order: start-first, monitor: 200ms'
	clients berth up -d
	cat said
	[ "$code" = 1 ]
	[ "$refused" = 0 ]
	grep -q "exited (3).*web is back at revision 1" said
	[ "$(says)" = one ]
	wait_for 3 eval '[ "$(berth ps -aq | wc -l)" = 2 ]'
	# Well at first, not for long: within monitor it counts as a failure too.
	web three 'failure_action: rollback, order: start-first, monitor: 5m'
	sed -i 's/exec \(httpd.*\)-f\(.*w\)/\1\2; sleep 0.6; exit 7/' compose.yaml
	run -1 berth up -d
	[[ $output == *"exited (7); web is back at revision 1"* ]]
	[ "$(says)" = one ]
	[ "$(berth revisions web --format json | jq -s length)" = 1 ]
}

@test "a half-done rollout is rolled back whole, stop-first too" {
	local hash
	web one 'failure_action: rollback, monitor: 200ms'
	berth up -d --wait
	hash=$(berth inspect "$PROJECT-web-1" | jq -r '.[0].Config.Labels["com.docker.compose.config-hash"]')
	# The second replica finds the directory that the first one has made.
	CRASH='mkdir /s/first || exit 4' web two 'failure_action: rollback, monitor: 200ms'
	sed -i 's/init: true/&\n    volumes: [".:\/s"]/' compose.yaml
	run -1 berth up -d
	[[ $output == *"web is back at revision 1"* ]]
	[ "$(berth inspect "$PROJECT-web-1" "$PROJECT-web-2" |
		jq -r '.[].Config.Labels["com.docker.compose.config-hash"]' | sort -u)" = "$hash" ]
	[ "$(says)" = one ]
}

@test "rollback goes back to the version before, to a named one, and to its image" {
	web one
	berth up -d --wait
	web two
	clients berth rollout
	[ "$code" = 0 ] && [ "$refused" = 0 ]
	[ "$(says)" = two ]
	clients berth rollback web
	[ "$code" = 0 ] && [ "$refused" = 0 ]
	[ "$(says)" = one ]
	[ "$(berth revisions web --format '{{.Revision}} {{.Note}}' | tail -1)" = "3 back to 1" ]
	run -0 berth rollback
	[ "$(says)" = two ]
	run -1 berth rollback web 9
	[[ $output == *'service "web" has no revision 9'* ]]
	# The same name, another image: the old one is found by its id.
	berth rollback web 1
	"$TESTS/images/busybox" busybox:latest other.tar && berth load -i other.tar >/dev/null
	berth commit web busybox:latest >/dev/null
	berth up -d
	run -0 berth rollback web
	[ "$(berth ps --format '{{.Image}}' | sort -u)" = busybox ]
	[ "$(says)" = one ]
}

@test "failures up to max_failure_ratio are borne, continue bears all, pause stops" {
	web one
	berth up -d --wait
	CRASH='exit 3' web two 'failure_action: pause, order: start-first, monitor: 200ms'
	run -1 berth up -d
	[[ $output == *"exited (3)"* ]]
	[ "$(says)" = one ]
	wait_for 3 eval '[ "$(berth ps -aq | wc -l)" = 2 ]'
	CRASH='exit 5' web three 'failure_action: continue, order: start-first, monitor: 200ms'
	run -0 berth up -d
	[[ $output == *"warning:"*"exited (5)"* ]]
	[ "$(berth ps -q | wc -l)" = 0 ]
	web four 'max_failure_ratio: 0.5, order: start-first, monitor: 200ms'
	berth up -d --wait
	[ "$(says)" = four ]
}

@test "blue-green switches at once, keeps the old ones and goes back in a moment" {
	web one 'order: start-first' 'strategy: blue-green, hold: 1h, drain: 300ms'
	berth up -d --wait
	web two 'order: start-first' 'strategy: blue-green, hold: 1h, drain: 300ms'
	clients berth up -d
	[ "$code" = 0 ] && [ "$refused" = 0 ]
	[ "$(for _ in 1 2 3 4 5 6; do says; done | sort -u)" = two ]
	[ "$(berth ps --format '{{.Status}}' | grep -c retired)" = 2 ]
	# A crash of the supervisor does not let them in again.
	kill -9 "$(cut -d' ' -f1 "$BERTH_RUN/projects/$PROJECT/supervisor.pid")"
	wait_for 3 eval 'berth ps >/dev/null && berth pause nothing 2>/dev/null; says'
	[ "$(for _ in 1 2 3 4 5 6; do says; done | sort -u)" = two ]
	clients berth rollback
	[ "$code" = 0 ] && [ "$refused" = 0 ]
	grep -q "Revived" said
	[ "$(for _ in 1 2 3 4 5 6; do says; done | sort -u)" = one ]
	wait_for 3 eval '[ "$(berth ps -aq | wc -l)" = 2 ]'
	web three 'order: start-first' 'strategy: blue-green, hold: 1s, drain: 300ms'
	berth up -d
	wait_for 5 eval '[ "$(berth ps -aq | wc -l)" = 2 ]'
	[ "$(says)" = three ]
}

@test "what cannot stand beside its predecessor stops first, and that is said" {
	web one
	sed -i 's/replicas: 2/replicas: 1/; s/image: busybox/&\n    container_name: solo/' compose.yaml
	berth up -d --wait
	sed -i 's/echo one/echo two/' compose.yaml
	run -0 berth up -d
	[[ $output == *'service "web": the old one stops before the new one starts, as container_name allows only one'* ]]
	[ "$(says)" = two ]
}

plain() { # COMMAND [UPDATE_CONFIG [REPLICAS [MORE]]]: a service that listens nowhere
	cat >compose.yaml <<-END
		services:
		  web:
		    image: ${IMAGE:-busybox}
		    command: $1
		    init: true
		    stop_grace_period: 1s
		    volumes: [".:/s"]
		    deploy: {replicas: ${3:-2}, update_config: {${2:-}}}
		    ${4:-}
	END
	[ -n "${2:-}" ] || sed -i 's/, update_config: {}//' compose.yaml
}

of_old() { berth ps -a --no-trunc --format '{{.ID}} {{.State}} {{.Command}}' | sort; }

stays_whole() { # REASON: what runs is the old release and nothing else
	run -1 berth rollout web
	[[ $output == *"$1"* ]]
	[ "$(of_old)" = "$before" ]
	[ "$(berth ps -aq | wc -l)" = "$(grep -c running <<<"$before")" ]
}

@test "a rollout that fails leaves the old release whole, and nothing of the new" {
	local n check='healthcheck: {test: test -e /ok, interval: 100ms, retries: 2, start_period: 300ms}'
	for n in 1 2 3; do
		plain "sh -c 'touch /ok; exec sleep 1000'" '' $n
		berth up -d --wait
		before=$(of_old)
		plain "sh -c 'exit 9'" '' $n
		stays_whole 'exited (9); web is back at revision 1'
		plain "sh -c 'sleep 0.5; exit 8'" 'parallelism: 2' $n
		stays_whole 'exited (8); web is back at revision 1'
		plain 'sleep 1000' '' $n "$check"
		stays_whole 'is unhealthy; web is back at revision 1'
		plain /nonesuch '' $n
		stays_whole '/nonesuch'
		plain "sh -c 'exit 7'" 'failure_action: pause' $n
		run -1 berth rollout web
		[[ $output == *'exited (7)' ]]
		wait_for 5 eval '[ "$(of_old)" = "$before" ]'
		berth down -t 0
	done
}

@test "a rollout whose second batch fails, or that stops first, has the old release back" {
	local how
	plain 'sleep 1000' 'monitor: 100ms'
	berth up -d --wait
	# The second new one finds the directory that the first one has made.
	for how in 'monitor: 100ms' 'monitor: 100ms, order: stop-first'; do
		plain "sh -c 'mkdir /s/first || exit 4; exec sleep 2000'" "$how"
		run -1 berth rollout web
		[[ $output == *'exited (4); web is back at revision 1'* ]]
		[ "$(berth ps -a --no-trunc --format '{{.State}} {{.Command}}')" = $'running "sleep 1000"\nrunning "sleep 1000"' ]
		rmdir first
	done
	berth down -t 0
	plain 'sleep 1000' 'monitor: 100ms' 1 'container_name: solo'
	berth up -d --wait
	plain "sh -c 'exit 9'" 'monitor: 100ms' 1 'container_name: solo'
	run -1 berth rollout web
	[[ $output == *'exited (9); web is back at revision 1'* ]]
	[ "$(berth ps -a --no-trunc --format '{{.Name}} {{.State}} {{.Command}}')" = 'solo running "sleep 1000"' ]
}

@test "a rollout of an image that was built anew and fails goes back to the one before" {
	build() {
		printf 'FROM busybox\nCMD ["sh", "-c", "%s"]\n' "$1" >Dockerfile
		berth build -q >/dev/null
	}
	IMAGE=built plain null 'monitor: 500ms'
	sed -i 's/command: null/build: ./' compose.yaml
	build 'exec sleep 1000'
	berth up -d --wait
	before=$(of_old)
	build 'exit 6'
	stays_whole 'exited (6); web is back at revision 1'
	build 'exec sleep 2000'
	berth rollout web
	[ "$(berth ps --no-trunc --format '{{.Command}}' | grep -c 2000)" = 2 ]
}
