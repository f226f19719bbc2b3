#!/usr/bin/env bats
# stacks/srvthreds: the requirements of its document, by their ids.
# images: mongo=mongo:latest redis=redis:latest rabbitmq=rabbitmq:3-management nginx=nginx:1-alpine node=node:20-alpine
# compose: stacks/srvthreds/srvthreds/deploy/local/docker/compose/docker-compose-services.yml
# npm: ws@8.18.0
load ../e2e/lib
load lib

setup_file() {
	root_up
	weigh
	registry_of_images
	export BERTH_TIMEOUT=600 # a cold start of everything, on a busy machine
	cp -r "$TESTS/../stacks/srvthreds" "$BERTH_HOME/s"
	export COMPOSE_DIR=$BERTH_HOME/s/srvthreds/deploy/local/docker/compose
	mkdir "$BERTH_HOME/bin"
	ln -s "$(readlink -f "$BERTH")" "$BERTH_HOME/bin/docker"
	export PATH=$BERTH_HOME/bin:$PATH
	berth pull srvthreds/builder:latest srvthreds/cmd-runner:latest srvthreds/service:latest >/dev/null
	PROJECT=srvthreds keep_traces
}
teardown_file() {
	cd "$COMPOSE_DIR"
	prod down -v -t 1 >/dev/null 2>&1
	database down -v -t 1 >/dev/null 2>&1
	root_down
}
setup() {
	PROJECT=srvthreds
	cd "$COMPOSE_DIR" || return
}
teardown() { :; }

database() { berth -f docker-compose-db.yml "$@"; }
services() { berth -f docker-compose-services.yml "$@"; }
prod() { berth -f docker-compose-services.yml -f docker-compose-services.prod.yml "$@"; }
is() { [ "$("${@:2}")" = "$1" ]; }
mongo() { docker exec mongo-repl-1 mongosh --quiet srvthreds --eval "$1"; }
health_of() { docker inspect "$1" --format='{{.State.Health.Status}}'; }
task() { curl -s -H 'Content-Type: application/json' -d "$1" http://127.0.0.1:3001/tasks; }
built() { cat "$BERTH_TEST_CACHE/build-srvthreds.$1.log"; }

@test "SRV-38 the two files and their networks" {
	run -0 --separate-stderr database config --format json
	jq -e '.networks["srvthreds-net"] | .name == "srvthreds-net" and .driver == "bridge"' <<<"$output"
	run -0 --separate-stderr services config --format json
	jq -e '.networks["srvthreds-net"].external' <<<"$output"
}

@test "SRV-07 SRV-43 the commands of the document" {
	run -0 --separate-stderr services config --format json
	jq -e '.services["srvthreds-engine"].command == ["node", "dist-server/src/ts/index.js", "-d"]
		and .services["srvthreds-session-agent"].command[2:] == ["-c", "session_agent", "-i", "org.wt.session1"]
		and .services["srvthreds-persistence-agent"].command[4:] == ["-i", "org.wt.persistence1"]
		and .services["srvthreds-bootstrap"].command[-1] == "ef-detection"' <<<"$output"
	run -0 docker image inspect srvthreds/cmd-runner
	jq -e '.[0].Config.Cmd[-1] == "dev"' <<<"$output"
}

@test "SRV-09 SRV-10 SRV-11 SRV-42 SRV-46 the builder comes first, from two folders" {
	run -0 built 1
	[[ $output == *'COPY --from=thredlib . ./thredlib/'* ]]
	run -0 --separate-stderr services config --services
	[[ $output != *builder* ]]
}

@test "SRV-17 a second build does nothing" {
	built 2 | grep -q CACHED
	[ "$(built 2 | grep -cE '^#[0-9]+ [0-9.]+ ')" = 0 ]
}

@test "SRV-12 an ARG before FROM names the base" {
	mkdir -p "$BERTH_HOME/arg"
	printf 'FROM srvthreds/service:latest\nENV MARK=1\n' >"$BERTH_HOME/arg/Dockerfile"
	run -0 berth build -q -t other "$BERTH_HOME/arg"
	run -0 berth build -q -t runner --build-arg BUILDER_IMAGE=other \
		-f ../Dockerfile.cmdRunner "$BERTH_HOME/s/srvthreds"
	run -0 docker image inspect runner
	jq -e '.[0].Config.Env | index("MARK=1")' <<<"$output"
}

@test "SRV-13 SRV-14 SRV-16 SRV-44 what is in the images, and what is not" {
	run -0 docker run --rm srvthreds/service:latest ls -A . dist-server dist-server/run-profiles
	[[ $output == *.env* && $output == *profiles.txt* && $output == *ef-detection* && $output == *thredlib* ]]
	run ! docker run --rm srvthreds/service:latest ls node_modules/typescript
	run ! docker run --rm srvthreds/builder:latest ls srvthreds/.dockerignore/x srvthreds/README.md
	size() { docker image inspect "$1" | jq '.[0].Size'; }
	[ "$(size srvthreds/service)" -lt "$(size srvthreds/builder)" ]
	[ "$(size srvthreds/service)" -lt 350000000 ]
}

@test "SRV-02 without the network the services do not start, and it is said" {
	run ! services up -d
	[[ $output == *srvthreds-net* ]]
	run -0 services ps -aq
	[ -z "$output" ]
}

@test "SRV-05 SRV-19 SRV-39 the databases come up; data lie beside the file from wherever it is started" {
	cd /
	run -0 berth -f "$COMPOSE_DIR/docker-compose-db.yml" up -d --wait
	cd "$COMPOSE_DIR"
	[ "$(health_of mongo-repl-1)" = healthy ]
	[ -d .docker/mongodb/data/db ] && [ -d .docker/rabbitmq/data ] && [ -d .docker/redis-data ]
	run -0 docker inspect mongo-repl-1
	jq -e '.[0].Config.Healthcheck | .Test[0] == "CMD-SHELL" and .Interval == 10000000000
		and .Timeout == 10000000000 and .Retries == 5 and .StartPeriod == 30000000000' <<<"$output"
	run -0 database logs mongo-init
	[[ $output == *rs0* || $output == *'no replica sets'* ]]
}

@test "SRV-40 Redis is set as the document says" {
	run -0 docker exec redis redis-cli config get save
	[[ $output == *'20 1'* ]]
	run -0 docker exec redis redis-cli config get notify-keyspace-events
	[[ $output == *A*K* || $output == *K*A* ]]
	run -0 docker exec redis redis-cli config get loglevel
	[[ $output == *warning* ]]
}

@test "SRV-41 the queue's management answers guest" {
	wait_for 30 curl -sf -u guest:guest http://127.0.0.1:15672/api/overview
	run -0 curl -sf -u guest:guest http://127.0.0.1:15672/api/overview
	[[ $(jq -r .rabbitmq_version <<<"$output") == 3.* ]]
}

@test "a browser gets into the queue's management" {
	need_browser
	run -0 browser http://127.0.0.1:15672/ '
		if (document.body.innerText.includes("Erlang")) return "in";
		const [name, password] = ["username", "password"].map((n) => document.querySelector(`[name=${n}]`));
		if (!name || name.value) return;
		name.value = password.value = "guest";
		document.querySelector("[type=submit]").click();'
	[ "$output" = in ]
}

@test "SRV-01 SRV-04 SRV-08 the services join the network and wait for the bootstrap" {
	run -0 services up -d
	[ "$(docker inspect srvthreds-bootstrap --format='{{.State.ExitCode}}')" = 0 ]
	for name in engine session-agent persistence-agent; do
		wait_for 400 is healthy health_of srvthreds-$name
		[[ $(docker inspect srvthreds-$name --format='{{.State.StartedAt}}') > \
			$(docker inspect srvthreds-bootstrap --format='{{.State.FinishedAt}}') ]]
	done
	run -0 docker exec srvthreds-engine node -e 'require("net").connect(5672, "rabbitmq").on("connect", () => process.exit(0))'
	run -1 docker inspect srvthreds-builder
}

@test "SRV-06 the image's health check is the container's" {
	run -0 docker inspect srvthreds-engine
	jq -e '.[0].Config.Healthcheck | .Interval == 30000000000 and .Timeout == 10000000000
		and .StartPeriod == 60000000000 and .Retries == 3' <<<"$output"
}

@test "SRV-47 the bootstrap has loaded its profile, and does it once" {
	run -0 mongo 'print(db.patterns.countDocuments(), db.groups.countDocuments(), db.sessions.countDocuments())'
	[ "$output" = '1 2 1' ]
	run -0 services run --rm -T srvthreds-bootstrap
	run -0 mongo 'print(db.patterns.countDocuments(), db.groups.countDocuments(), db.sessions.countDocuments())'
	[ "$output" = '1 2 1' ]
	run ! services run --rm -T srvthreds-bootstrap npm run bootstrap -- -p nonsense
}

@test "SRV-48 the queues are made by Rascal" {
	run -0 docker exec rabbitmq rabbitmqctl -q list_queues name
	[[ $output == *events* && $output == *tasks* && $output == *session.* ]]
	run -0 docker exec rabbitmq rabbitmqctl -q list_exchanges name
	[[ $output == *messages* ]]
}

@test "SRV-20 every port of the table" {
	for port in 27017 6379 5672 15672 8082 3000 3001; do
		wait_for 30 answers $port
	done
	run -0 curl -sf http://127.0.0.1:8082/health
}

@test "SRV-34 the id of a request comes back" {
	run -0 curl -s -D - -o /dev/null -H 'X-Request-ID: abc' http://127.0.0.1:3001/health
	grep -qi '^x-request-id: abc' <<<"$output"
}

@test "SRV-50 SRV-49 an event goes round: in by a WebSocket, through the engine, out to the participant" {
	run -0 timeout 120 node -e '
		const WebSocket = require("ws");
		const open = (name) => new WebSocket("ws://127.0.0.1:3000/?participant=" + name);
		const alice = open("alice"), bob = open("bob");
		const opened = (s) => new Promise((done) => s.on("open", done));
		Promise.all([opened(alice), opened(bob)]).then(
			() => bob.send(JSON.stringify({ type: "detection", thredId: "t1", data: { what: "smoke" } })));
		alice.on("message", (m) => {
			const message = JSON.parse(m);
			if (message.type === "review_requested") console.log("alice", message.type);
			if (message.type === "review_requested") alice.send(JSON.stringify({ type: "approve", thredId: "t1" }));
		});
		bob.on("message", (m) => { console.log("bob", JSON.parse(m).type); process.exit(0); });'
	[[ $output == *'alice review_requested'* && $output == *'bob confirmed'* ]]
	kept() { mongo 'print(db.outcomes.countDocuments({thredId: "t1"}))'; }
	wait_for 10 is 1 kept
}

@test "SRV-51 tasks: create, read with an operator, update, delete" {
	run -0 task '{"op":"create","collection":"things","values":{"n":5}}'
	jq -e .id <<<"$output"
	run -0 task '{"op":"read","collection":"things","filter":{"n":{"gt":3}}}'
	jq -e '.found | length == 1' <<<"$output"
	run -0 task '{"op":"update","collection":"things","filter":{"n":5},"values":{"n":6}}'
	jq -e '.changed == 1' <<<"$output"
	run -0 task '{"op":"delete","collection":"things","filter":{"n":{"in":[6]}}}'
	jq -e '.deleted == 1' <<<"$output"
	run -0 task '{"op":"read","collection":"things","filter":{"$where":"1"}}'
	jq -e .error <<<"$output"
}

@test "SRV-15 SRV-28 user 1001 cannot change the system" {
	run -0 docker exec srvthreds-engine id
	[[ $output == *'uid=1001(srvthreds) gid=1001(nodejs)'* ]]
	run ! docker exec srvthreds-engine touch /etc/x
	[[ $output == *'Permission denied'* ]]
}

@test "SRV-27 the host's loopback is not reachable from a container" {
	socat TCP-LISTEN:7777,bind=127.0.0.1,fork /dev/null &
	local pid=$!
	wait_for 3 answers 7777
	run -3 docker exec srvthreds-engine node -e '
		const { networkInterfaces } = require("os");
		const gateway = networkInterfaces().eth0[0].address.replace(/\d+$/, "1");
		setTimeout(() => process.exit(3), 3000);
		require("net").connect(7777, gateway).on("connect", () => process.exit(0)).on("error", () => process.exit(3))'
	kill $pid
}

@test "SRV-21 SRV-31 the commands of the document: ps, logs, exec, inspect" {
	run -0 docker ps
	[[ $output == *srvthreds-engine* && $output == *mongo-repl-1* && $output == *'(healthy)'* ]]
	run -0 docker logs srvthreds-engine
	jq -es 'map(select(.level == "info")) | length > 0' <<<"$output"
	run -0 docker exec redis redis-cli BGSAVE
	[[ $output == *'saving started'* ]]
}

@test "SRV-18 a variable changed restarts its service and builds nothing" {
	before=$(services ps -q srvthreds-session-agent) image=$(docker image inspect srvthreds/service | jq -r '.[0].Id')
	printf 'services:\n  srvthreds-engine:\n    environment: {LOG_LEVEL: debug}\n' >more.yml
	old=$(services ps -q srvthreds-engine)
	run -0 berth -f docker-compose-services.yml -f more.yml up -d
	[ "$(services ps -q srvthreds-engine)" != "$old" ]
	[ "$(services ps -q srvthreds-session-agent)" = "$before" ]
	[ "$(docker image inspect srvthreds/service | jq -r '.[0].Id')" = "$image" ]
}

@test "SRV-37 what an application writes goes with its container" {
	docker exec srvthreds-persistence-agent touch /tmp/mine
	services up -d --force-recreate --no-deps srvthreds-persistence-agent
	run ! docker exec srvthreds-persistence-agent ls /tmp/mine
	wait_for 400 is healthy health_of srvthreds-persistence-agent
}

@test "SRV-03 the databases' down keeps the network that others use" {
	run database down
	[[ $output == *'in use'* || $output == *'still'* || $output == *'active'* ]]
	run -0 docker network inspect srvthreds-net
	run -0 services down
	run -0 docker network inspect srvthreds-net
}

@test "data survive: what was there before is there again" {
	run -0 database up -d --wait
	run -0 mongo 'print(db.outcomes.countDocuments({thredId: "t1"}))'
	[ "$output" = 1 ]
	run -0 docker exec rabbitmq rabbitmqctl -q list_queues name
	[[ $output == *events* ]]
}

@test "SRV-30 logs are bounded in production" {
	run -0 --separate-stderr prod config --format json
	jq -e '.services["srvthreds-engine"].logging.options == {"max-file": "3", "max-size": "10m"}' <<<"$output"
}

@test "SRV-24 SRV-26 SRV-29 SRV-45 production: replicas, limits, secrets, TLS" {
	mkdir -p secrets ssl
	echo amqp://guest:guest@rabbitmq:5672 >secrets/rabbitmq_url
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout ssl/server.key \
		-out ssl/server.crt 2>/dev/null
	run -0 prod up -d --wait
	[ "$(prod ps -q srvthreds-engine | wc -l)" = 3 ]
	run -0 prod exec -T srvthreds-engine sh -c 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes'
	[ "$output" = 2147483648 ]
	run -0 prod exec -T srvthreds-engine sh -c 'cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us'
	[[ $output == 200000* ]]
	run -0 prod exec -T srvthreds-engine cat /run/secrets/rabbitmq_url
	[ "$output" = "$(cat secrets/rabbitmq_url)" ]
	run -0 prod exec -T srvthreds-engine grep ' /run/secrets/rabbitmq_url ' /proc/self/mounts
	[[ $output =~ \ ro[,\ ] ]]
	wait_for 30 curl -skf https://127.0.0.1/api/health
}

@test "SRV-25 a published port is shared by the replicas; WebSockets pass through TLS" {
	run -0 timeout 120 node -e '
		const WebSocket = require("ws");
		const s = new WebSocket("wss://127.0.0.1/?participant=carol", { rejectUnauthorized: false });
		s.on("open", () => { console.log("open"); process.exit(0); });'
	[ "$output" = open ]
	who() { for _ in $(seq 12); do curl -sf http://127.0.0.1:8082/health | jq -r .instance; done | sort -u | wc -l; }
	several() { [ "$(who)" -ge 2 ]; }
	wait_for 30 several
}

@test "SRV-49 SRV-52 three engines, one killed: no event lost or done twice at a time" {
	run -0 timeout 300 node -e '
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
		(async () => {
			for (let i = 0; i < 1000; i++) {
				const r = await fetch("https://127.0.0.1/api/events", { method: "POST",
					body: JSON.stringify({ type: i < 10 ? "detection" : "other", thredId: "soak" + (i % 10) }) });
				if (r.status !== 202) throw new Error(String(r.status));
			}
		})().catch((e) => { console.log(e); process.exit(1); });'
	kill -9 "$(docker inspect -f '{{.State.Pid}}' "$(prod ps -q srvthreds-engine | head -n 1)")"
	# An event that the killed one had finished but not acknowledged may be counted twice: at most 4.
	counted() {
		local n
		n=$(mongo 'print(db.threds.find({_id: /^soak/}).toArray().reduce((n, t) => n + t.events, 0))')
		[ "$n" -ge 1000 ] && [ "$n" -le 1004 ]
	}
	wait_for 300 counted
	running() { prod ps --format json srvthreds-engine | jq -rs 'flatten | map(select(.State == "running")) | length'; }
	wait_for 30 is 3 running
}

@test "SRV-22 down: nothing of the services is left, the data of the databases are" {
	prod down -v
	database down -v
	[ -z "$(docker ps -aq)" ]
	run ! docker network inspect srvthreds-net
	[ -d .docker/mongodb/data/db ]
}

@test "SRV-23 a tar of the stopped data tree brings the documents back" {
	tar -czf "$BERTH_HOME/backup.tar.gz" .docker
	rm -rf .docker
	tar -xzf "$BERTH_HOME/backup.tar.gz"
	database up -d --wait
	run -0 mongo 'print(db.outcomes.countDocuments({thredId: "t1"}))'
	[ "$output" = 1 ]
	database down -v
	wait_for 100 no_trace
}
