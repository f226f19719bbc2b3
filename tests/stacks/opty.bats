#!/usr/bin/env bats
# stacks/opty: the requirements of its document, by their ids.
# images: mongo=mongo:8 stacks/opty/socket-backend=edu3983/opty-socket:1.0.0 redis=redis:7-alpine nginx=nginx:1-alpine
# npm: socket.io-client@4.8.1
load ../e2e/lib
load lib

setup_file() {
	root_up
	weigh
	registry_of_images
	export BERTH_TIMEOUT=240 # a cold start of everything, on a busy machine
	cp -r "$TESTS/../stacks/opty" "$BERTH_HOME/opty-orchestration"
	cd "$BERTH_HOME/opty-orchestration"
	sed -e s/change-me-root/root-pw/ -e s/change-me-app/app-pw/ .env.example >.env
	new_boot
	PROJECT=opty-orchestration keep_traces
}
teardown_file() {
	cd "$BERTH_HOME/opty-orchestration" && berth down -v -t 1 >/dev/null 2>&1
	umount -l /proc/sys/kernel/random/boot_id
	root_down
}
setup() {
	PROJECT=opty-orchestration
	cd "$BERTH_HOME/opty-orchestration" || return
}
teardown() { :; }

dev() { berth -f docker-compose.yml -f docker-compose-dev.yml "$@"; }
scaled() { dev -f docker-compose-scale.yml "$@"; }
state() { berth ps -a --format json | jq -rs --arg s "$1" 'flatten | map(select(.Service == $s))[0] | .'"$2"; }
shell() { # USER PASSWORD DATABASE SCRIPT: mongosh in the database's container
	berth exec -T mongo mongosh --quiet -u "$1" -p "$2" --authenticationDatabase "$3" opty --eval "$4"
}
client() { # SCRIPT with `io(OPTIONS)`: against the published port
	timeout 120 node -e "
		const { io: connect } = require('socket.io-client');
		const io = (o) => connect('http://127.0.0.1:${PORT:-8080}', { reconnection: false, ...o });
		const fail = (e) => { console.log('refused: ' + e.message); process.exit(1); };
		$1"
}
# All that is in memory goes, as when the power does: e2e/boot.bats has more of it.
power_cut() {
	# shellcheck disable=SC2046
	for signal in STOP STOP KILL; do
		kill -$signal $(berth_processes) 2>/dev/null || true
	done
	gone() { ! ps -eo stat=,comm= | grep -E '^[^Z].*(ferretdb|opty-socket|berth-)'; }
	wait_for 5 gone
	new_boot
	awk -v h="$BERTH_HOME/" 'index($5, h) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		xargs -r -n 1 umount -l
	rm -rf "${BERTH_RUN:?}"/*
	ip -o link show type bridge | awk -F': ' '{ print $2 }' | xargs -r -n 1 ip link del
	nft flush ruleset
}
new_boot() {
	umount -l /proc/sys/kernel/random/boot_id 2>/dev/null || true
	cat /proc/sys/kernel/random/uuid >"$BERTH_HOME/boot_id"
	mount --bind "$BERTH_HOME/boot_id" /proc/sys/kernel/random/boot_id
}
listening() { ss -Hltn "sport = :$1" | grep -q .; }

@test "OPTY-28 the files of the document, and git keeps none of the data" {
	for f in docker-compose.yml docker-compose-dev.yml docker-compose-scale.yml .env.example .gitignore README.md \
		infra/mongo-init/001-init.sh; do
		[ -e "$f" ]
	done
	git init -q .
	git check-ignore .env data/mongo
	run ! git check-ignore .env.example docker-compose.yml
	rm -r .git
}

@test "OPTY-29 the model is the document's" {
	run -0 --separate-stderr berth config --format json
	jq -e '.services.mongo.image == "mongo:8"
		and .services["socket-backend"].image == "edu3983/opty-socket:1.0.0"
		and (.services | map(.restart == "unless-stopped") | all)
		and .services.mongo.healthcheck.interval == "10s"
		and .services.mongo.healthcheck.timeout == "5s"
		and .services.mongo.healthcheck.retries == 5
		and .networks["db-network"].driver == "bridge"' <<<"$output"
}

@test "OPTY-02 the dev file adds two ports and nothing else" {
	run -1 diff <(berth config) <(dev config)
	[ "$(grep -c '^>.*target:' <<<"$output")" = 2 ]
	[ "$(grep -c '^<' <<<"$output")" = 0 ]
	[ "$(grep '^>' <<<"$output" | grep -cvE 'ports:|mode:|target:|published:|protocol:')" = 0 ]
}

@test "OPTY-06 the project has its folder's name, and so the network the document's" {
	grep -v ^name: docker-compose.yml >nameless.yml
	run -0 --separate-stderr berth -f nameless.yml config --format json
	jq -e '.name == "opty-orchestration" and .networks["db-network"].name == "opty-orchestration_db-network"' <<<"$output"
	rm nameless.yml
}

@test "OPTY-14 OPTY-30 .env is read, and each missing variable is named" {
	run -0 berth config
	[[ $output == *root-pw* ]]
	for name in MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_PASSWORD MONGO_APP_USER MONGO_APP_PASSWORD; do
		run ! berth --env-file <(grep -v "^$name=" .env) config
		[[ $output == *"$name"*'set it in .env'* ]]
	done
	run -0 --separate-stderr berth --env-file <(sed 's/CONNECTIONS=.*/CONNECTIONS=77/' .env) config --format json
	jq -e '.services["socket-backend"].environment.OPTY_SOCKET_MAX_CONNECTIONS == "77"' <<<"$output"
	for name in MAX_CONNECTIONS CORS_ALLOWED_ORIGINS SESSION_TIMEOUT_MINUTES; do
		grep -q "^OPTY_SOCKET_$name=" .env.example
	done
}

@test "OPTY-10 OPTY-11 a database is ill after five failures, and the backend then not started" {
	berth pull -q
	cat >never.yml <<-'END'
		services:
		  mongo:
		    restart: "no"
		    healthcheck: {test: ["CMD", "false"], interval: 300ms, start_period: 0s, start_interval: 300ms}
	END
	berth -f docker-compose.yml -f never.yml up -d >up.log 2>&1 3>&- &
	local up=$! why=0 seen
	ill() { # whatever it is asked, it is ill from the fifth failure on and not before
		seen=$(berth inspect mongo | jq -r '.[0].State.Health | "\(.Status) \(.FailingStreak)"')
		case $seen in
		'starting '[0-4]) return 1 ;;
		unhealthy\ [0-4]) touch early ;;
		starting\ *) touch late ;;
		unhealthy\ *) return 0 ;;
		*) return 1 ;;
		esac
	}
	wait_for 60 ill
	[ ! -e early ] && [ ! -e late ]
	wait $up || why=$?
	[ $why -ne 0 ]
	cat up.log
	grep -q 'container opty-orchestration-mongo-1 is unhealthy' up.log
	[ "$(berth inspect socket-backend | jq -r '.[0].State.StartedAt[0:4]')" = 0001 ]
	berth down
}

@test "OPTY-01 OPTY-11 production comes up in order and publishes nothing" {
	rm -rf data
	berth pull -q
	run -0 berth up -d --wait
	[ "$(state mongo Health)" = healthy ]
	[ "$(state socket-backend Health)" = healthy ]
	[[ $(berth inspect -f '{{.State.StartedAt}}' socket-backend) > \
		$(berth inspect mongo | jq -r '.[0].State.Health.Log[0].End') ]]
	run ! answers 27017
	run ! answers 8080
}

@test "OPTY-07 the data directory was made, by root, and has the data" {
	[ -d data/mongo ]
	wait_for 30 test -e data/mongo/.initialised # healthy is told before the scripts have run
	[ "$(stat -c %u data)" = 0 ]
}

@test "OPTY-04 each finds the other by its name" {
	wait_for 15 berth exec -T mongo bash -c 'exec 3<>/dev/tcp/socket-backend/8080'
	run -0 berth exec -T mongo getent hosts socket-backend
	run -0 berth exec -T socket-backend /opty-socket health # it asks "mongo"
}

@test "OPTY-03 OPTY-06 the network has the document's name, a bridge with both on it" {
	run -0 berth network inspect opty-orchestration_db-network
	jq -e '.[0].Driver == "bridge" and (.[0].Containers | length) == 2' <<<"$output"
}

@test "the backend's image is the program alone, of a few MB" {
	run -0 berth image inspect edu3983/opty-socket:1.0.0
	jq -e '.[0].Size < 5000000 and (.[0].RootFS.Layers | length) == 1' <<<"$output"
	run ! berth exec -T socket-backend sh -c true
}

@test "OPTY-24 a proxy on the network reaches the backend, with WebSockets through it" {
	mkdir -p ../proxy && cd ../proxy
	cat >compose.yaml <<-'END'
		services:
		  proxy:
		    image: nginx:1-alpine
		    ports: ["8888:80"]
		    networks: [opty-orchestration_db-network]
		    volumes: ["./proxy.conf:/etc/nginx/conf.d/default.conf:ro"]
		networks:
		  opty-orchestration_db-network: {external: true}
	END
	cat >proxy.conf <<-'END'
		server {
			listen 80;
			location / {
				proxy_pass http://socket-backend:8080;
				proxy_http_version 1.1;
				proxy_set_header Upgrade $http_upgrade;
				proxy_set_header Connection upgrade;
			}
		}
	END
	berth up -d
	wait_for 10 curl -sf http://127.0.0.1:8888/health
	PORT=8888 run -0 client 'io({ transports: ["websocket"] }).on("connect", function () {
		this.emit("echo", "through", (x) => { console.log(x); process.exit(0); }); }).on("connect_error", fail);'
	[ "$output" = through ]
	berth down -t 1
}

@test "OPTY-05 another project reaches the database neither by name nor by address" {
	address=$(berth exec -T mongo hostname -i)
	mkdir -p ../stranger && cd ../stranger
	printf 'services:\n  probe:\n    image: mongo:8\n    entrypoint: []\n' >compose.yaml
	run ! berth run --rm -T probe bash -c "echo asks; exec 3<>/dev/tcp/mongo/27017"
	[[ $output == *asks*mongo* ]]
	run ! berth run --rm -T probe bash -c "echo asks; timeout 3 bash -c 'exec 3<>/dev/tcp/${address%% *}/27017'"
	[[ $output == *asks* ]]
	(cd ../opty-orchestration && berth exec -T mongo bash -c "exec 3<>/dev/tcp/${address%% *}/27017")
	berth down -v
}

@test "OPTY-08 the init scripts cannot be written to" {
	run ! berth exec -T mongo touch /docker-entrypoint-initdb.d/x
	[[ $output == *'Read-only file system'* ]]
}

@test "OPTY-31 OPTY-33 the application has its own user; nobody gets in without one" {
	run -0 shell opty app-pw opty 'db.t.insertOne({a: 1}).acknowledged'
	[ "$output" = true ]
	run ! berth exec -T mongo mongosh --quiet opty --eval 'db.t.insertOne({a: 1})'
	[[ $output == *authentication* ]]
	run -0 berth inspect -f '{{.Config.Env}}' socket-backend
	[[ $output == *'MONGO_URL=mongodb://opty:app-pw@mongo'* ]]
	[[ $output != *root-pw* ]]
}

@test "OPTY-15 logs of all and of one, and as they come; Ctrl-C ends the looking on and nothing else" {
	run -0 berth logs
	[[ $output == *'socket-backend-1'*'| listening on 8080'* && $output == *'mongo-1'* ]]
	run -0 berth logs socket-backend
	[[ $output == *'socket-backend-1'*'| listening on 8080'* ]]
	[[ $output != *mongo-1* ]]
	for services in '' socket-backend; do
		starts() { grep -c '^socket-backend-1 .*| listening on 8080' "$@"; }
		before=$(berth logs socket-backend | starts)
		# A script's background jobs do not hear of SIGINT by themselves.
		# shellcheck disable=SC2086
		env --default-signal=INT "$BERTH" logs -f $services >follow.log 2>&1 3>&- &
		local pid=$! why=0
		wait_for 10 grep -q '^socket-backend-1 ' follow.log
		berth restart -t 5 socket-backend
		more() { [ "$(starts follow.log)" = $((before + 1)) ]; }
		wait_for 10 more
		kill -INT $pid
		wait $pid || why=$?
		[ $why = 130 ]
	done
	run ! grep mongo-1 follow.log
	[ "$(berth ps -q --status running | wc -l)" = 2 ]
}

@test "OPTY-16 exec: the exit code passes through, the variables are there" {
	run -7 berth exec -T mongo sh -c 'exit 7'
	run -0 berth exec -T mongo env
	for name in MONGO_INITDB_ROOT_USERNAME=root MONGO_INITDB_ROOT_PASSWORD=root-pw MONGO_APP_USER=opty MONGO_APP_PASSWORD=app-pw; do
		grep -qx "$name" <<<"$output"
	done
}

@test "OPTY-16 a shell on a terminal" {
	run -5 script -qec "$BERTH exec mongo sh" /dev/null <<<'test -t 0 && echo a terminal; exit 5'
	[[ $output == *'a terminal'* && $output == *'# '* ]]
}

@test "OPTY-17 files and trees go in and out unchanged" {
	mkdir -p tree/sub && head -c 100000 /dev/urandom >tree/sub/f
	ln -s sub/f tree/link && echo run >tree/x
	chmod 640 tree/sub/f && chmod 4755 tree/x && chmod 700 tree/sub
	touch -d 2020-01-01 tree/sub/f && touch -d 2021-02-03 tree/x tree/sub
	listed() { # modes, times and sizes of what is in a folder
		find . -mindepth 1 -printf '%P %y %m %l %s %Ts\n' | sed -E '/ d /s/ [0-9]+ ([0-9]+)$/ \1/' | sort
	}
	berth cp tree mongo:/backup
	run -0 diff <(cd tree && listed) <(berth exec -T mongo bash -c "cd /backup; $(declare -f listed); listed")
	berth cp mongo:/backup whole
	run -0 diff <(cd tree && listed) <(cd whole && listed)
	run -0 diff -r tree whole
	berth cp mongo:/backup/sub/f back
	run -0 cmp back tree/sub/f
	[ "$(stat -c '%a %Y' back)" = "640 $(stat -c %Y tree/sub/f)" ]
	berth exec -T mongo rm -r /backup
}

@test "OPTY-20 ps shows health" {
	run -0 berth ps
	[[ $output == *'(healthy)'* ]]
}

@test "OPTY-09 OPTY-32 data outlive the containers; the init script does not run twice" {
	before=$(berth ps -q mongo)
	run -0 berth up -d --wait --force-recreate
	[ "$(berth ps -q mongo)" != "$before" ]
	run -0 shell opty app-pw opty 'db.t.countDocuments()'
	[ "$output" = 1 ]
	run -0 berth logs mongo
	[[ $output != *'user opty'* ]] # the script was not asked again
}

@test "OPTY-12 killed servers come back, a stopped one stays down when the machine starts again" {
	for service in mongo socket-backend; do
		before=$(berth inspect -f '{{.State.Pid}}' $service)
		kill -9 "$before"
		again() {
			local pid
			pid=$(berth inspect -f '{{.State.Pid}}' $service)
			[ "$pid" != 0 ] && [ "$pid" != "$before" ]
		}
		wait_for 30 again
	done
	wait_for 30 shell opty app-pw opty 'db.t.countDocuments()'
	berth stop -t 5 socket-backend
	[ "$(state socket-backend State)" = exited ]
	BERTH_PREFIX=$BERTH_HOME/fake berth enable --init rc
	power_cut
	run -0 berth boot
	is_up() { [ "$(state mongo State)" = running ]; }
	wait_for 30 is_up
	wait_for 30 shell opty app-pw opty 'db.t.countDocuments()'
	[ "$(state socket-backend State)" = exited ]
	BERTH_PREFIX=$BERTH_HOME/fake berth disable
	berth up -d --wait
}

@test "OPTY-21 a port in use is named, with who holds it, and nothing is left half up" {
	berth down
	socat TCP-LISTEN:27017,fork /dev/null 3>&- &
	local pid=$!
	wait_for 3 listening 27017
	run dev up -d
	kill $pid
	[ "$status" -ne 0 ]
	[[ $output == *27017* && $output == *"socat"*"$pid"* ]]
	[ -z "$(berth ps -q)" ]
	run ! listening 8080
}

@test "OPTY-10 probes come ten seconds apart; one that hangs is ended after five" {
	run -0 berth up -d --wait # the test before has left it down
	three() { [ "$(berth inspect mongo | jq '.[0].State.Health.Log | length')" -ge 3 ]; }
	wait_for 60 three
	gaps() { # JQ: true of the seconds from each probe to the next, once it was well
		berth inspect mongo | jq -e "[.[0].State.Health.Log | (map(.ExitCode == 0) | index(true)) as \$first | .[\$first:][]
			| .Start[0:19] + \"Z\" | fromdate] | [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | $1"
	}
	gaps 'all(. >= 9)'
	# A busy machine may be late, but once it is not by the twenty seconds to what would be the default.
	wait_for 120 gaps 'any(. < 29)'
	berth inspect mongo | jq -e '.[0].Config.Healthcheck | .Interval == 1e10 and .Timeout == 5e9 and .Retries == 5'
	printf 'services: {mongo: {healthcheck: {test: [CMD, sleep, "1000"]}}}\n' >hang.yml
	berth -f docker-compose.yml -f hang.yml up -d --no-deps mongo
	ended() { berth inspect mongo | jq -e '.[0].State.Health.Log | any(.ExitCode == -1 and (.Output | test("timeout.*5s")))'; }
	wait_for 60 ended
}

@test "OPTY-13 a backend that answers no more is started again" {
	cat >heal.yml <<-'END'
		services:
		  socket-backend:
		    healthcheck: {interval: 1s, timeout: 5s, retries: 2}
	END
	berth -f docker-compose.yml -f heal.yml up -d --wait
	before=$(berth inspect -f '{{.State.Pid}}' socket-backend)
	kill -STOP "$before"
	again() {
		local pid
		pid=$(berth inspect -f '{{.State.Pid}}' socket-backend)
		[ "$pid" != 0 ] && [ "$pid" != "$before" ] && [ "$(state socket-backend Health)" = healthy ]
	}
	wait_for 60 again
}

@test "OPTY-23 why the database does not start is in its log" {
	mkdir -p full
	printf 'services: {mongo: {restart: "no", volumes: !override ["./full:/data/db:ro"]}}\n' >readonly.yml
	run ! berth -p "$PROJECT-23" -f docker-compose.yml -f readonly.yml up -d --wait mongo
	run -0 berth -p "$PROJECT-23" logs mongo
	[[ $output == *'Read-only file system'* ]]
	run -0 berth -p "$PROJECT-23" ps -a
	[[ $output =~ mongo.*'Exited ('[1-9] ]]
	berth -p "$PROJECT-23" down
	mount -t tmpfs -o size=1m tmpfs full
	BERTH_ROOT=$PWD/full run berth doctor
	umount full
	[[ $output =~ storage\ +note\ +"$PWD/full: "[0-9.]+[kKM]?B\ free ]]
}

@test "OPTY-18 one service is built and recreated, the database stays" {
	mongo=$(berth ps -q mongo) backend=$(berth ps -q socket-backend)
	mv socket-backend socket-backend.own
	mkdir socket-backend
	printf 'FROM edu3983/opty-socket:1.0.0\nLABEL rebuilt=1\n' >socket-backend/Dockerfile
	run -0 berth up -d --build --wait socket-backend
	rm -r socket-backend && mv socket-backend.own socket-backend
	[ "$(berth ps -q mongo)" = "$mongo" ]
	[ "$(berth ps -q socket-backend)" != "$backend" ]
	[ "$(berth image inspect -f '{{.Config.Labels.rebuilt}}' edu3983/opty-socket:1.0.0)" = 1 ]
}

@test "OPTY-19 pull and up recreate what has a new image, and nothing else" {
	mongo=$(berth ps -q mongo) backend=$(berth ps -q socket-backend)
	run -0 berth pull socket-backend
	[[ $(berth image inspect edu3983/opty-socket:1.0.0) != *rebuilt* ]]
	run -0 berth up -d --wait
	[ "$(berth ps -q mongo)" = "$mongo" ]
	[ "$(berth ps -q socket-backend)" != "$backend" ]
}

@test "OPTY-02 the dev file publishes both servers" {
	run -0 dev up -d --wait
	wait_for 10 answers 27017 8080
	wait_for 10 curl -sf http://127.0.0.1:8080/health
}

@test "OPTY-35 the unmodified client talks and its message is in the database" {
	run -0 client 'const a = io(), b = io();
		b.on("message", (m) => { console.log("b got " + m); process.exit(0); });
		b.on("connect", () => a.emit("echo", 42, (n) => a.emit("message", "hello " + n, () => {})));
		a.on("connect_error", fail);'
	[ "$output" = 'b got hello 42' ]
	run -0 client 'const a = io(); a.on("connect_error", fail);
		a.io.on("open", () => a.io.engine.on("upgrade", (t) => a.emit("echo", t.name, (x) => {
			console.log(x); process.exit(0); })));'
	[ "$output" = websocket ]
	run -0 client 'const a = io({ transports: ["polling"] }); a.on("connect", () => a.emit("echo", { "ü": [1, null] }, (x) => {
		console.log(JSON.stringify(x)); process.exit(0); })).on("connect_error", fail);'
	[ "$output" = '{"ü":[1,null]}' ]
	kept() { [ "$(shell opty app-pw opty 'db.messages.countDocuments({text: "hello 42"})')" = 1 ]; }
	wait_for 15 kept
}

@test "OPTY-37 a page from elsewhere is refused" {
	run -0 curl -s -o /dev/null -w '%{http_code}' -H 'Origin: http://localhost:5173' \
		'http://127.0.0.1:8080/socket.io/?EIO=4&transport=polling'
	[ "$output" = 200 ]
	run -0 curl -s -o /dev/null -w '%{http_code}' -H 'Origin: http://elsewhere.example' \
		'http://127.0.0.1:8080/socket.io/?EIO=4&transport=polling'
	[ "$output" = 403 ]
}

@test "OPTY-34 OPTY-36 OPTY-38 limits come from the variables; only the backend is recreated" {
	before=$(berth ps -q mongo)
	OPTY_SOCKET_MAX_CONNECTIONS=2 run -0 dev up -d --wait
	[ "$(berth ps -q mongo)" = "$before" ]
	wait_for 10 curl -sf http://127.0.0.1:8080/health
	run -1 client 'io().on("connect", () => io({ forceNew: true }).on("connect",
		() => io({ forceNew: true }).on("connect_error", fail)));'
	[ "$output" = 'refused: too many connections' ]
	OPTY_SOCKET_SESSION_TIMEOUT_MINUTES=0.05 run -0 dev up -d --wait
	wait_for 10 curl -sf http://127.0.0.1:8080/health
	run -0 client 'io().on("timeout", () => { console.log("timed out"); process.exit(0); });'
	[ "$output" = 'timed out' ]
}

@test "OPTY-34 a setting that is no number ends the backend, and it says which" {
	OPTY_SOCKET_MAX_CONNECTIONS=many run -1 berth run --rm -T --no-deps socket-backend
	[[ $output == *'OPTY_SOCKET_MAX_CONNECTIONS is "many": a number above 0 is wanted'* ]]
}

@test "a database that hangs stops nobody, is told by /health, and is used again" {
	run -0 dev up -d --wait
	berth pause mongo
	run -0 client 'io().on("connect", function () { this.emit("echo", "on", (x) => { console.log(x);
		this.emit("message", "lost", (n) => { console.log(n); process.exit(0); }); }); }).on("connect_error", fail);'
	[ "$output" = $'on\nnull' ]
	run -0 curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/health
	[ "$output" = 503 ]
	berth unpause mongo
	wait_for 30 curl -sf http://127.0.0.1:8080/health
}

@test "a backend that is stopped says goodbye and ends well" {
	client 'io({ transports: ["websocket"] }).on("connect", () => console.log("in"))
		.on("disconnect", (why) => { console.log(why); process.exit(0); });' >bye.log 3>&- &
	wait_for 10 grep -qx in bye.log
	berth stop -t 10 socket-backend
	wait_for 10 grep -qx 'io server disconnect' bye.log
	[ "$(berth inspect -f '{{.State.ExitCode}}' socket-backend)" = 0 ]
	berth start socket-backend
}

@test "OPTY-25 three backends behind one port share messages and presence; one killed, nobody waits" {
	run -0 scaled up -d --wait --scale socket-backend=3
	# Each replica is asked in turn: with nine clients on three, more than one has some.
	run -0 client 'const all = [], names = new Set(); let heard = 0, told = 0;
		for (let i = 0; i < 9; i++) all.push(io({ transports: ["websocket"], forceNew: true }));
		for (const [i, s] of all.entries()) {
			s.on("connect_error", fail);
			s.on("connect", () => s.emit("join", "client" + i, () => {}));
			s.on("message", () => { if (++heard === 8) { console.log("all have heard"); process.exit(0); } });
		}
		all[0].on("presence", (p) => { if (p.length === 9 && !told++) all[0].emit("message", "hello", () => {}); });'
	[ "$output" = 'all have heard' ]
	serves() { # N: has a client that came by the port
		nsenter -t "$(berth inspect -f '{{.State.Pid}}' "$PROJECT-socket-backend-$1")" -n \
			ss -Htn state established 'sport = :8080' | grep -q .
	}
	client 'for (let i = 0; i < 9; i++) io({ transports: ["websocket"], forceNew: true });
		require("fs").writeFileSync("clients.pid", String(process.pid));' 3>&- &
	for n in 1 2 3; do wait_for 10 serves $n; done
	kill "$(cat clients.pid)"
	pid_of_second() { berth inspect "$PROJECT-socket-backend-2" | jq '.[0].State.Pid'; }
	old=$(pid_of_second)
	kill -9 "$old"
	# Until its end is known here, which is a moment, the kernel itself refuses for it.
	noticed() { [ "$(pid_of_second)" != "$old" ]; }
	wait_for 30 noticed
	eight() { for _ in $(seq 8); do curl -sf http://127.0.0.1:8080/health || return; done; }
	wait_for 10 eight
	three_run() { [ "$(scaled ps -q socket-backend | wc -l)" = 3 ]; }
	wait_for 30 three_run
}

@test "down leaves the data directory alone, and nothing else" {
	run -0 scaled down -v -t 3
	[ -e data/mongo/.initialised ]
	run -0 berth ps -aq
	[ -z "$output" ]
	run ! berth network inspect opty-orchestration_db-network
	wait_for 100 no_trace
}
