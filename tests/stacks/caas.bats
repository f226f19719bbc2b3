#!/usr/bin/env bats
# stacks/caas: the requirements of its document, by their ids.
# images: mongo=mongo:7 redis=redis:7-alpine kafka=confluentinc/cp-kafka:7.7.1 zookeeper=confluentinc/cp-zookeeper:7.7.1 schema-registry=confluentinc/cp-schema-registry:7.7.1 kafka-ui=provectuslabs/kafka-ui:v0.7.2 mongo-express=mongo-express:1.0 redis-commander=rediscommander/redis-commander:latest nginx=nginx:1-alpine prometheus=prom/prometheus:v2.42.0
# compose: stacks/caas/docker-compose.yml
# npm: socket.io-client@4.8.1 kafkajs@2.2.4 jsonwebtoken@9.0.2
load ../e2e/lib
load lib

setup_file() {
	root_up
	weigh
	registry_of_images
	export BERTH_TIMEOUT=600 # twenty containers on a busy machine
	export START_TIMEOUT=600
	cp -r "$TESTS/../stacks/caas" "$BERTH_HOME/caas"
	mkdir "$BERTH_HOME/bin"
	ln -s "$(readlink -f "$BERTH")" "$BERTH_HOME/bin/docker"
	export PATH=$BERTH_HOME/bin:$PATH
	cd "$BERTH_HOME/caas"
	rm -f .env init/mongodb/mongo-keyfile
	echo 'MONGO_URL=mongodb://caas_app:caas_app_2026@mongodb-primary:27017/caas?directConnection=true&authMechanism=SCRAM-SHA-256' >.env
	berth --profile test pull -q
	PROJECT=caas keep_traces
}
teardown_file() {
	cd "$BERTH_HOME/caas" && prod down -v -t 1 >/dev/null 2>&1
	root_down
}
setup() {
	PROJECT=caas
	cd "$BERTH_HOME/caas" || return
}
teardown() { :; }

prod() { berth -f docker-compose.yml -f docker-compose.prod.yml "$@"; }
is() { [ "$("${@:2}")" = "$1" ]; }
of() { berth inspect "caas-$1-1" | jq -r ".[0].$2"; }
health() { berth inspect "caas-$1-1" | jq -r '.[0].State.Health.Status'; }
status() { curl -sk -o /dev/null -w '%{http_code}' "$@"; }
shell() { berth exec -T mongodb-primary mongosh --quiet -u caas_admin -p caas_secret_2026 --authenticationDatabase admin caas --eval "$1"; }
topics() { berth exec -T kafka-1 kafka-topics --bootstrap-server kafka-1:29092 "$@"; }
all_in_sync() { topics --describe --topic messages | grep -c 'Isr: [123],[123],[123]' | grep -qx 3; }
token() { node -e 'console.log(require("jsonwebtoken").sign({ sub: "ada" }, "change_this_in_production_please"))'; }
built() { cat "$BERTH_TEST_CACHE/build-caas.$1.log"; }
infra='mongodb-primary mongodb-secondary-1 mongodb-secondary-2 redis zookeeper kafka-1 kafka-2 kafka-3 schema-registry'
apps='gateway socket-service-1 socket-service-2'

@test "CAAS-25 CAAS-26 CAAS-35 one file orchestrates; each service has all of its own" {
	for s in gateway socket-service; do
		for f in Dockerfile src package.json tsconfig.json; do
			[ -e services/$s/$f ]
		done
	done
	for d in webrtc presence typing receipts notifications namespaces; do
		[ -d services/socket-service/src/$d ]
	done
	[ -e tests/Dockerfile.phase3-test ] && [ -e tests/phase3-socket-test.js ] && [ -e tests/phase3-presence-test.js ]
	[ ! -e docker ]
	run -0 --separate-stderr berth --profile test config --format json
	jq -e '.services["phase3-test"].restart == "no"' <<<"$output"
}

@test "CAAS-31 secrets come from .env; production refuses those of the document" {
	run -0 berth --env-file <(echo REDIS_PASSWORD=other) config
	[[ $output == *'redis://:other@redis'* ]]
	CAAS_ENV=production run ! ./start.sh
	[[ $output == *'has its development value'* ]]
	run -0 berth ps -aq
	[ -z "$output" ]
}

@test "CAAS-13 CAAS-16 CAAS-17 built from their own folders, the sockets' image once, the second time from the cache" {
	run -0 built 1
	[[ $output == *'npm ci'* && $output == *'npm run build'* ]]
	[ "$(grep -c 'naming to.*caas/socket-service\|caas/socket-service:1.0.0.*done' <<<"$output")" -le 1 ]
	built 2 | grep -q CACHED
}

@test "CAAS-14 CAAS-15 the images have what runs, for the user node" {
	[ "$(berth image inspect -f '{{.Config.User}}' caas/gateway:1.0.0)" = node ]
	run -0 berth run --rm -T --no-deps --entrypoint ls gateway -A
	[[ $output == *dist* && $output == *node_modules* && $output == *package.json* ]]
	[[ $output != *src* && $output != *tsconfig* ]]
}

@test "CAAS-23 CAAS-27 CAAS-11 start: eight steps, all of them well" {
	run -0 ./start.sh
	[[ $output == *'== 8 '* && $output == *'the platform is up'* ]]
	run -0 berth doctor
}

@test "CAAS-24 how long each has taken to start" {
	run -0 berth timeline
	for s in $infra $apps; do
		[[ $output == *$s* ]]
	done
}

@test "CAAS-08 all services are healthy" {
	for s in $infra $apps; do
		wait_for 60 is healthy health "$s"
	done
}

@test "CAAS-09 the probes are as the document bounds them" {
	for s in $infra $apps; do
		berth inspect "caas-$s-1" | jq -e '.[0].Config.Healthcheck | .Interval >= 1e10 and .Interval <= 3e10
			and .Timeout >= 5e9 and .Timeout <= 1e10 and .Retries >= 3 and .Retries <= 10
			and .StartPeriod >= 1e10 and .StartPeriod <= 4e10'
	done
}

@test "CAAS-10 each has started after what it needs" {
	after() { # SERVICE NEEDED
		[[ $(of "$1" State.StartedAt) > $(of "$2" State.StartedAt) ]]
	}
	for n in 1 2 3; do
		after kafka-$n zookeeper
		after schema-registry kafka-$n
		after gateway kafka-$n
	done
	after mongodb-secondary-1 mongodb-primary
	after mongodb-secondary-2 mongodb-primary
	for s in $apps; do
		after "$s" mongodb-primary
		after "$s" redis
	done
}

@test "CAAS-01 CAAS-02 the network and every address" {
	run -0 docker network inspect caas_caas-network
	jq -e '.[0].IPAM.Config[0] | .Subnet == "172.28.0.0/16" and .Gateway == "172.28.0.1"' <<<"$output"
	while read -r s address; do
		[ "$(of "$s" 'NetworkSettings.Networks["caas_caas-network"].IPAddress')" = "$address" ]
	done <<-'END'
		mongodb-primary 172.28.1.1
		mongodb-secondary-1 172.28.1.2
		mongodb-secondary-2 172.28.1.3
		redis 172.28.2.1
		zookeeper 172.28.3.1
		kafka-1 172.28.3.2
		kafka-2 172.28.3.3
		kafka-3 172.28.3.4
		schema-registry 172.28.3.5
		gateway 172.28.6.1
		socket-service-1 172.28.7.1
		socket-service-2 172.28.7.2
	END
	run -0 berth exec -T redis hostname -i
	[ "${output%% *}" = 172.28.2.1 ]
}

@test "CAAS-03 CAAS-05 every published port answers, the secondaries' do not" {
	wait_for 30 answers 27017 6379 2181 9092 9096 9094 8081 3000 3001 3002 3003
	wait_for 60 answers 8080 8082 8083
	run ! answers 27018
	run ! answers 27019
	run -0 berth exec -T mongodb-primary bash -c 'for n in 1 2; do exec 3<>/dev/tcp/mongodb-secondary-$n/27017; done'
}

@test "CAAS-06 the nine volumes" {
	run -0 docker volume ls -q
	for v in mongodb_primary_data mongodb_secondary1_data mongodb_secondary2_data mongodb_config redis_data \
		kafka1_data kafka2_data kafka3_data zookeeper_data; do
		[[ $'\n'$output$'\n' == *$'\n'caas_$v$'\n'* ]]
	done
	[ "$(grep -c ^caas_ <<<"$output")" = 9 ]
}

@test "CAAS-07 the key file is the server's alone, within and without" {
	[ "$(stat -c %a init/mongodb/mongo-keyfile)" = 600 ]
	run -0 berth exec -T mongodb-primary stat -c '%a %U' /tmp/mongo-keyfile
	[ "$output" = '400 mongodb' ]
	run ! berth exec -T mongodb-primary touch /init/mongo-keyfile
}

@test "CAAS-28 the collections are there; of the replica set it is said what the server cannot" {
	run -0 init/mongodb/init-replica-and-collections.sh
	[[ $output == *'replica set'* ]]
	run -0 shell 'print(db.getCollectionNames().sort().join(" "))'
	[[ $output == *'messages notifications presence receipts users'* ]]
}

@test "CAAS-29 topics have three partitions on three brokers" {
	run -0 topics --describe --topic messages
	[[ $output == *'ReplicationFactor: 3'* ]]
	wait_for 100 all_in_sync
}

@test "CAAS-04 CAAS-32 messages from the host and from within, by every broker" {
	run -0 timeout 240 node -e '
		const { Kafka, logLevel } = require("kafkajs");
		const by = (port) => ({ brokers: ["localhost:" + port], logLevel: logLevel.NOTHING,
			connectionTimeout: 30000, requestTimeout: 60000 });
		(async () => {
			for (const port of [9092, 9096, 9094]) {
				const kafka = new Kafka(by(port));
				const admin = kafka.admin();
				await admin.connect();
				const { brokers } = await admin.describeCluster();
				console.log(brokers.map((b) => b.host + ":" + b.port).sort().join(" "));
				await admin.disconnect();
			}
			const producer = new Kafka(by(9096)).producer();
			await producer.connect();
			await producer.send({ topic: "events", acks: -1, messages: [{ value: "from the host" }] });
			await producer.disconnect();
		})().catch((e) => { console.log(e); process.exit(1); });'
	[ "$(grep -c 'localhost:9092 localhost:9094 localhost:9096' <<<"$output")" = 3 ]
	run -0 berth exec -T kafka-2 sh -c 'echo "from within" | kafka-console-producer --bootstrap-server kafka-3:29092 --topic events'
	run -0 berth exec -T kafka-3 kafka-console-consumer --bootstrap-server kafka-1:29092 --topic events \
		--from-beginning --max-messages 2 --timeout-ms 240000
	[[ $output == *'from the host'* && $output == *'from within'* ]]
}

@test "the schema registry keeps a schema in Kafka" {
	run -0 curl -sf -H 'Content-Type: application/vnd.schemaregistry.v1+json' \
		-d '{"schema":"{\"type\":\"string\"}"}' http://127.0.0.1:8081/subjects/messages-value/versions
	jq -e '.id == 1' <<<"$output"
	berth restart schema-registry
	kept() { curl -sf http://127.0.0.1:8081/subjects/messages-value/versions/latest | jq -e '.version == 1'; }
	wait_for 60 kept
}

@test "CAAS-30 nobody gets in without a password or a token" {
	run ! berth exec -T mongodb-primary mongosh --quiet caas --eval 'db.users.insertOne({a: 1})'
	run -0 berth exec -T -e REDISCLI_AUTH= redis redis-cli get x
	[[ $output == *NOAUTH* ]]
	[ "$(status http://127.0.0.1:3000/api/messages)" = 401 ]
}

@test "CAAS-36 CAAS-37 the gateway keeps, announces, counts and tells the truth" {
	t=$(token)
	[ "$(status -H "Authorization: Bearer $t" -H 'Content-Type: application/json' -d '{"room":"r","text":"hi"}' \
		http://127.0.0.1:3000/api/messages)" = 201 ]
	run -0 curl -sf -H "Authorization: Bearer $t" 'http://127.0.0.1:3000/api/messages?room=r'
	jq -e '.[0].text == "hi" and .[0].from == "ada"' <<<"$output"
	run -0 berth exec -T kafka-1 kafka-console-consumer --bootstrap-server kafka-1:29092 --topic messages \
		--from-beginning --max-messages 1 --timeout-ms 240000
	[[ $output == *'"text":"hi"'* ]]
	run -0 curl -sf http://127.0.0.1:3001/metrics
	[[ $output == *gateway_http_requests_total* ]]
	run -0 curl -sf http://127.0.0.1:3000/health
	jq -e '[.mongodb, .redis, .kafka] == ["ok", "ok", "ok"]' <<<"$output"
	berth stop -t 5 redis
	wait_for 20 is 503 status http://127.0.0.1:3000/health
	berth start redis
	wait_for 60 is 200 status http://127.0.0.1:3000/health
}

@test "CAAS-19 CAAS-38 CAAS-39 CAAS-40 phase 3: across instances, with tokens; its exit code" {
	NO_BUILD=1 run -0 ./test-phase3.sh
	[[ $output == *'ok a bad token is refused'* && $output == *'ok a message crosses instances'* ]]
	[[ $output == *'ok presence is known on the other instance'* && $output == *'phase 3: passed'* ]]
	JWT_SECRET=wrong run ! berth --profile test run --rm -T --no-deps phase3-test
}

@test "CAAS-33 the tools show what they are pointed at" {
	page() { curl -sfL -u admin:caas_express_2026 "http://127.0.0.1:$1/" | grep -qi "$2"; }
	wait_for 60 page 8080 caas
	wait_for 60 page 8082 'mongo express'
	wait_for 60 page 8083 'redis'
}

@test "a browser shows topics, databases and keys in the tools" {
	need_browser
	run -0 browser http://127.0.0.1:8080/ 'return document.body.innerText.match(/\bmessages\b/)?.[0]'
	run -0 browser http://admin:caas_express_2026@127.0.0.1:8082/ 'return document.body.innerText.match(/\bcaas\b/)?.[0]'
	run -0 browser http://127.0.0.1:8083/ 'return document.body.innerText.match(/redis/i)?.[0]'
}

@test "CAAS-21 a second start changes nothing" {
	before=$(berth ps -q | sort)
	run -0 ./start.sh
	[[ $output == *'topic messages is there'* ]]
	[ "$(berth ps -q | sort)" = "$before" ]
}

@test "CAAS-18 what is killed comes back" {
	pid=$(of redis State.Pid)
	kill -9 "$pid"
	again() { [ "$(of redis State.Pid)" != "$pid" ] && is healthy health redis; }
	wait_for 60 again
	pid=$(of kafka-2 State.Pid)
	kill -9 "$pid"
	wait_for 200 all_in_sync
}

@test "CAAS-41 applications drain and end with 0" {
	berth stop -t 60 gateway socket-service-1
	[ "$(of gateway State.ExitCode)" = 0 ]
	[ "$(of socket-service-1 State.ExitCode)" = 0 ]
	berth start gateway socket-service-1
	wait_for 60 is healthy health socket-service-1
}

@test "CAAS-20 CAAS-22 production: TLS, a balanced port, and one instance less is not noticed" {
	mkdir -p ssl
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout ssl/server.key \
		-out ssl/server.crt 2>/dev/null
	wait_for 60 is healthy health gateway
	run -0 prod up -d
	wait_for 60 is 200 status https://127.0.0.1/health
	greet() {
		timeout 60 node -e '
			const { io } = require("socket.io-client"), t = process.argv[1];
			const s = io("https://127.0.0.1/chat", { auth: { token: t }, transports: ["websocket"], rejectUnauthorized: false });
			s.on("connect", () => process.exit(0)); s.on("connect_error", (e) => { console.log(e.message); process.exit(1); });' "$(token)"
	}
	wait_for 60 greet
	berth stop -t 2 socket-service-1
	for _ in 1 2 3; do greet; done
	berth start socket-service-1
	targets() { curl -s http://127.0.0.1:9090/api/v1/targets | jq -e '[.data.activeTargets[].health] | index("up") != null'; }
	wait_for 60 targets
	run ! answers_on_other_address
}
answers_on_other_address() { # what is for tools is for this host only
	local address
	address=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
	timeout 2 bash -c "exec 3<>/dev/tcp/$address/6379"
}

@test "CAAS-12 CAAS-34 down takes the applications before what they need; data survive" {
	berth exec -T redis redis-cli set kept yes
	shell 'db.users.insertOne({_id: "kept"})'
	run -0 prod down
	order=$(grep -nE '(gateway|mongodb-primary|zookeeper|kafka-1)-1 +Stopped' <<<"$output")
	[[ $order == *gateway*kafka-1*zookeeper* && $order == *gateway*mongodb-primary* ]]
	run -0 docker ps -aq
	[ -z "$output" ]
	run ! docker network inspect caas_caas-network
	run -0 ./start.sh
	[ "$(berth exec -T redis redis-cli get kept)" = yes ]
	[ "$(shell 'db.users.countDocuments({_id: "kept"})')" = 1 ]
	run -0 topics --list
	[[ $output == *messages* ]]
	[ "$(of gateway 'NetworkSettings.Networks["caas_caas-network"].IPAddress')" = 172.28.6.1 ]
}

@test "stop.sh, and down -v removes the volumes" {
	run -0 ./stop.sh -v
	[ -z "$(docker ps -aq)" ]
	run ! grep ^caas_ <(docker volume ls -q)
	wait_for 100 no_trace
}
