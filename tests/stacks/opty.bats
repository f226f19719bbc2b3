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
	PROJECT=opty-orchestration keep_traces
}
teardown_file() {
	cd "$BERTH_HOME/opty-orchestration" && berth down -v -t 1 >/dev/null 2>&1
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
listening() { ss -Hltn "sport = :$1" | grep -q .; }

@test "OPTY-28 the files of the document, and git keeps none of the data" {
	for f in docker-compose.yml docker-compose-dev.yml docker-compose-scale.yml .env.example .gitignore README.md \
		infra/mongo-init/001-init.sh; do
		[ -e "$f" ]
	done
	grep -qx .env .gitignore
	grep -qx data/ .gitignore
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

@test "OPTY-14 OPTY-30 .env is read, and a missing variable is named" {
	run -0 berth config
	[[ $output == *root-pw* ]]
	run ! env -u MONGO_APP_PASSWORD "$BERTH" --env-file <(grep -v MONGO_APP_PASSWORD .env) config
	[[ $output == *MONGO_APP_PASSWORD* ]]
}

@test "OPTY-11 a database that never gets well keeps the backend from starting" {
	berth pull -q
	printf 'services: {mongo: {healthcheck: {test: ["CMD", "false"], interval: 300ms, retries: 1, start_period: 0s}}}\n' >never.yml
	run ! berth -f docker-compose.yml -f never.yml up -d
	[[ $output == *"container opty-orchestration-mongo-1 "* ]] # is unhealthy, or ended because it was
	[ -z "$(berth ps -q --status running socket-backend)" ]
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

@test "OPTY-15 OPTY-16 logs of one service; exec passes the exit code through" {
	run -0 berth logs socket-backend
	[[ $output == *'socket-backend'*'| listening on 8080'* ]]
	[[ $output != *mongo-1* ]]
	run -7 berth exec -T mongo sh -c 'exit 7'
}

@test "OPTY-16 a shell on a terminal" {
	run -0 script -qec "$BERTH exec mongo bash -c 'test -t 0 && echo a terminal'" /dev/null
	[[ $output == *'a terminal'* ]]
}

@test "OPTY-17 files and trees go in and out unchanged" {
	mkdir -p tree/sub && head -c 100000 /dev/urandom >tree/sub/f && touch -d 2020-01-01 tree/sub/f && chmod 640 tree/sub/f
	berth cp tree mongo:/backup
	berth cp mongo:/backup/sub/f back
	cmp back tree/sub/f
	run -0 berth exec -T mongo stat -c '%a %Y' /backup/sub/f
	[ "$output" = "640 $(stat -c %Y tree/sub/f)" ]
	berth cp mongo:/backup whole
	diff -r tree whole
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

@test "OPTY-12 a killed server comes back, a stopped one stays down" {
	kill -9 "$(pgrep -xo ferretdb)"
	wait_for 30 shell opty app-pw opty 'db.t.countDocuments()'
	berth stop -t 5 socket-backend
	[ "$(state socket-backend State)" = exited ]
	berth start socket-backend
	[ "$(state socket-backend State)" = running ]
}

@test "OPTY-21 a port in use is named, with who holds it" {
	nc_pid=
	socat TCP-LISTEN:27017,fork /dev/null &
	nc_pid=$!
	wait_for 3 listening 27017
	run dev up -d
	kill $nc_pid
	[ "$status" -ne 0 ]
	[[ $output == *27017* ]]
	[[ $output == *socat* ]]
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
	run ! berth run --rm -T --no-deps -v "$PWD/full:/data/db:ro" mongo
	[[ $output == *'Read-only file system'* ]]
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
	run -0 scaled logs socket-backend
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
