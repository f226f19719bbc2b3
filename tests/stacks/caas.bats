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
	cat >.env <<-'END'
		MONGO_ROOT_PASSWORD=rootpassword
		MONGO_APP_PASSWORD=apppassword
		REDIS_PASSWORD=redispassword
		MONGO_EXPRESS_PASSWORD=expresspassword
		JWT_SECRET='a secret & its signs'
		MONGO_URL=mongodb://caas_app:apppassword@mongodb-primary:27017/caas?directConnection=true&authMechanism=SCRAM-SHA-256
	END
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
health() { of "$1" State.Health.Status; }
status() { curl -sk -o /dev/null -w '%{http_code}' "$@"; }
shell() { berth exec -T mongodb-primary mongosh --quiet -u caas_admin -p rootpassword --authenticationDatabase admin caas --eval "$1"; }
topics() { berth exec -T kafka-1 kafka-topics --bootstrap-server kafka-1:29092 "$@"; }
all_in_sync() { topics --describe --topic messages | grep -c 'Isr: [123],[123],[123]' | grep -qx 3; }
token() { node -e 'console.log(require("jsonwebtoken").sign({ sub: "ada" }, "a secret & its signs"))'; }
gateway() { curl -sf -m 60 -H "Authorization: Bearer $(token)" -H 'Content-Type: application/json' "$@"; }
# What happened since then, a line each: time, action, service.
events() { berth events --since "$1" --until 0s --json | jq -r '[.time, .action, .service] | @tsv'; }
now() { date -u +%Y-%m-%dT%H:%M:%S.%NZ; }
first() { awk -F '\t' -v a="$2" -v s="$3" '$2 == a && $3 == s { print $1; exit }' "$1"; } # FILE ACTION SERVICE
# What holds images and steps of builds outside this file: built there, a step that is known needs no network.
builder() { BERTH_ROOT=$BERTH_TEST_CACHE/berth BERTH_RUN=$BERTH_TEST_CACHE/berth/run flock "$BERTH_TEST_CACHE/.lock" "$BERTH" "$@"; }
built() { cat "$BERTH_TEST_CACHE/build-caas.$1.log"; }
tools='kafka-ui mongo-express redis-commander'
# Who needs whom, as the document draws it.
needs='kafka-1:zookeeper kafka-2:zookeeper kafka-3:zookeeper schema-registry:kafka-1 schema-registry:kafka-2
	schema-registry:kafka-3 mongodb-secondary-1:mongodb-primary mongodb-secondary-2:mongodb-primary
	gateway:mongodb-primary gateway:redis gateway:kafka-1 gateway:kafka-2 gateway:kafka-3
	socket-service-1:mongodb-primary socket-service-1:redis socket-service-2:mongodb-primary socket-service-2:redis'
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
	run -0 berth config --format json
	jq -e '.services.gateway.environment | .REDIS_URL == "redis://:redispassword@redis:6379" and .JWT_SECRET == "a secret & its signs"' <<<"$output"
	# Without one they are what the document prints.
	run -0 --separate-stderr berth --env-file /dev/null config --format json
	jq -e '(.services["mongodb-primary"].environment | .MONGO_INITDB_ROOT_USERNAME == "caas_admin" and .MONGO_INITDB_ROOT_PASSWORD == "caas_secret_2026")
		and .services.redis.environment.REDISCLI_AUTH == "caas_redis_2026"
		and .services.gateway.environment.JWT_SECRET == "change_this_in_production_please"' <<<"$output"
	run ! prod --env-file .env.example up -d
	[[ $output == *MONGO_ROOT_PASSWORD* && $output != *caas_secret_2026* ]]
	run ! prod --env-file .env.example env check
	checked=$output
	for s in MONGO_ROOT_PASSWORD MONGO_APP_PASSWORD REDIS_PASSWORD MONGO_EXPRESS_PASSWORD JWT_SECRET; do
		[[ $checked == *$s* ]]
		value=$(sed -n "s/^$s=//p" .env.example)
		export "$s=$value"
		CAAS_ENV=production run ! ./start.sh
		[[ $output == *"$s has its development value"* ]]
		unset $s
	done
	run -0 prod env check
	run -0 berth ps -aq
	[ -z "$output" ]
}

@test "CAAS-13 CAAS-17 built from their own folders and tagged, the sockets' image once" {
	for s in gateway socket-service; do
		builder image inspect "caas/$s:1.0.0" >/dev/null
	done
	run -0 built 1
	[[ $output == *'npm ci'* && $output == *'npm run build'* ]]
	# Both services name it: one of them runs a step, the other has it from the cache.
	ran=$(grep -oP '^#\d+(?= \[socket-service-[12] builder .*RUN )' <<<"$output" | while read -r step; do
		grep -q "^$step CACHED" <<<"$output" || echo "$step"
	done | wc -l)
	[ "$ran" -le 2 ] # npm ci and npm run build
	jq -e '[.services | .["socket-service-1"], .["socket-service-2"] | .image] | unique == ["caas/socket-service:1.0.0"]' \
		< <(berth config --format json)
}

@test "CAAS-15 CAAS-26 a folder alone is enough to build; a change of src begins at COPY" {
	for s in gateway socket-service; do
		mkdir -p "$BERTH_HOME/alone"
		cp -r services/$s "$BERTH_HOME/alone/"
		touch "$BERTH_HOME/alone/$s/src/index.ts"
		# What is the same is in the cache; what were not there could not be fetched here.
		run -0 builder build --progress plain --secret id=npmrc,src=/dev/null -t "caas-alone/$s" "$BERTH_HOME/alone/$s"
		[ "$(grep -cE '^#[0-9]+ \[' <<<"$output")" = "$(grep -cE '^#[0-9]+ CACHED' <<<"$output")" ]
		echo "// changed at $EPOCHREALTIME" >>"$BERTH_HOME/alone/$s/src/index.ts"
		run -0 builder build --progress plain --secret id=npmrc,src=/dev/null -t "caas-alone/$s" "$BERTH_HOME/alone/$s"
		cached() { grep -q "^$(grep -oP "^#\d+(?= \[.*$1)" <<<"$output" | head -n 1) CACHED" <<<"$output"; }
		cached 'COPY package'
		cached 'npm ci'
		run ! cached 'COPY \. \.'
		run ! cached 'npm run build'
		builder rmi "caas-alone/$s" >/dev/null
	done
}

@test "CAAS-16 npm ci goes where the machine's .npmrc says, which does not stay in the image" {
	cat >"$BERTH_HOME/npm.js" <<-'END'
		// A registry that has nothing, and says who asked.
		require('http').createServer((request, response) => {
			console.log(request.url, request.headers.authorization);
			response.writeHead(404).end('{}');
		}).listen(4873, '0.0.0.0');
	END
	node "$BERTH_HOME/npm.js" >"$BERTH_HOME/npm.log" 3>&- &
	npm=$!
	wait_for 10 answers 4873
	printf '%s\n' 'registry=http://127.0.0.1:4873/' '//127.0.0.1:4873/:_authToken=of-the-machine' fetch-retries=0 >"$BERTH_HOME/npmrc"
	cp -r services/gateway "$BERTH_HOME/elsewhere"
	echo >>"$BERTH_HOME/elsewhere/package.json" # so that npm ci is not in the cache
	run ! builder build --network host --progress plain --secret "id=npmrc,src=$BERTH_HOME/npmrc" "$BERTH_HOME/elsewhere"
	kill $npm
	[[ $output == *'npm ci'* ]]
	grep -q 'Bearer of-the-machine' "$BERTH_HOME/npm.log"
	# The compose file passes it on.
	NPMRC=$BERTH_HOME/npmrc run -0 berth config --format json
	jq -e --arg f "$BERTH_HOME/npmrc" '.secrets.npmrc.file == $f and .services.gateway.build.secrets[0].source == "npmrc"' <<<"$output"
	run -0 berth run --rm -T --no-deps -u root --entrypoint ls gateway -A /root
	[[ $output != *npmrc* ]]
}

@test "CAAS-14 the images have what runs and nothing else, for the user node" {
	for s in gateway socket-service-1; do
		image=$(berth config --format json | jq -r ".services[\"$s\"].image")
		[ "$(berth image inspect -f '{{.Config.User}} {{.Config.WorkingDir}}' "$image")" = 'node /app' ]
		run -0 --separate-stderr berth run --rm -T --no-deps --entrypoint sh $s -c 'id -un; ls -A; find dist ! -type d ! -name "*.js"; ls node_modules'
		[ "$(head -n 5 <<<"$output" | paste -sd' ')" = 'node dist node_modules package-lock.json package.json' ]
		[[ $output != *.ts* && $output != *typescript* ]]
	done
}

@test "CAAS-23 is there something to run containers with" {
	run -0 berth info
	run -0 berth doctor
	[[ $output == *'control groups'*overlay*seccomp*bridges*nftables* ]]
}

@test "CAAS-27 start: eight steps, all of them well" {
	now >"$BERTH_HOME/began"
	run -0 ./start.sh
	for step in 1 2 3 '4 and 5' 6 7 8; do
		[[ $output == *"== $step "* ]]
	done
	[[ $output == *'the platform is up'* ]]
}

@test "CAAS-08 CAAS-11 up waits until all are healthy; a one-shot that has ended well is no error" {
	run -0 berth --profile test up -d --wait --wait-timeout 300
	for s in $infra $apps $tools; do
		[ "$(health "$s")" = healthy ]
	done
	ended() { is exited of phase3-test State.Status; }
	wait_for 60 ended
	[ "$(of phase3-test State.ExitCode)" = 0 ]
	# Again, with it ended: also after all of them are up.
	run -0 berth up -d --wait --wait-timeout 300
	probe() { of "$1" Config.Healthcheck.Test | tr -d '\n'; }
	[[ $(probe mongodb-primary) == *mongosh*ping* && $(probe mongodb-secondary-2) == *mongosh*ping* ]]
	[[ $(probe redis) == *'redis-cli ping'* && $(probe kafka-3) == *kafka-broker-api-versions* ]]
	[[ $(probe zookeeper) == *'echo srvr | nc localhost 2181'* && $(probe schema-registry) == *http://localhost:8081/* ]]
	for s in $apps; do
		[[ $(probe "$s") == */health* ]]
	done
}

@test "CAAS-24 how long each has taken to start, and in how much memory" {
	run -0 berth timeline
	for s in $infra $apps; do
		[[ $output == *$s* ]]
	done
	run -0 --separate-stderr berth stats --no-stream --format json
	[ "$(jq -s 'length' <<<"$output")" -ge 15 ]
	used=$(jq -r '.MemUsage | sub("B / .*"; "")' <<<"$output" | numfmt --from=auto | awk '{ n += $1 } END { printf "%d", n }')
	[ "$used" -lt $((4 * 1024 * 1024 * 1024)) ]
}

@test "CAAS-09 the probes are as the document bounds them, and what fails in the start period does not count" {
	for s in $infra $apps $tools; do
		berth inspect "caas-$s-1" | jq -e '.[0].Config.Healthcheck | .Interval >= 1e10 and .Interval <= 3e10
			and .Timeout >= 5e9 and .Timeout <= 1e10 and .Retries >= 3 and .Retries <= 10
			and .StartPeriod >= 1e10 and .StartPeriod <= 4e10'
	done
	mkdir -p "$BERTH_HOME/period" && cd "$BERTH_HOME/period"
	cat >compose.yaml <<-'END'
		name: caas-period
		services:
		  slow: &slow
		    image: redis:7-alpine
		    restart: "no"
		    command: sleep 1000
		    healthcheck: &probe {test: "echo x >>/tmp/asked; test -e /tmp/ready", interval: 300ms, start_interval: 300ms, retries: 3, start_period: 10m}
		  never:
		    <<: *slow
		    healthcheck: {<<: *probe, start_period: 10ms}
	END
	run -0 berth up -d
	asked() { [ "$(berth exec -T slow cat /tmp/asked | wc -l)" -ge "$1" ]; }
	state() { berth inspect "caas-period-$1-1" | jq -r '.[0].State.Health.Status'; }
	wait_for 30 is unhealthy state never # its period is over: three failures are enough
	wait_for 30 asked 7                  # more than twice as many, and still
	[ "$(state slow)" = starting ]
	run ! berth up -d --wait --wait-timeout 2 slow # only when all are ready
	berth exec -T slow touch /tmp/ready
	wait_for 30 is healthy state slow
	# The first success ends the period, however long it was to be.
	berth exec -T slow rm /tmp/ready
	wait_for 30 is unhealthy state slow
	run -0 berth down -t 0
}

@test "CAAS-10 each has started when what it needs was healthy, branches beside each other" {
	events "$(cat "$BERTH_HOME/began")" >"$BERTH_HOME/events"
	for pair in $needs; do
		healthy=$(first "$BERTH_HOME/events" 'health_status: healthy' "${pair#*:}")
		started=$(first "$BERTH_HOME/events" start "${pair%:*}")
		[[ -n $healthy && $healthy < $started ]] || { echo "$pair: $healthy $started"; return 1; }
	done
	# ZooKeeper, MongoDB and Redis wait for nobody, and so begin before the slower two can be healthy.
	for s in zookeeper mongodb-primary redis; do
		for other in zookeeper mongodb-primary; do
			[[ $(first "$BERTH_HOME/events" start $s) < $(first "$BERTH_HOME/events" 'health_status: healthy' $other) ]]
		done
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
	for s in $infra $apps; do
		run -0 berth exec -T "$s" hostname -i
		[ "${output%% *}" = "$(of "$s" 'NetworkSettings.Networks["caas_caas-network"].IPAddress')" ]
	done
	# The same after it is made anew.
	id=$(berth ps -q socket-service-2)
	run -0 berth up -d --no-deps --force-recreate socket-service-2
	[ "$(berth ps -q socket-service-2)" != "$id" ]
	[ "$(of socket-service-2 'NetworkSettings.Networks["caas_caas-network"].IPAddress')" = 172.28.7.2 ]
	wait_for 60 is healthy health socket-service-2
}

@test "CAAS-02 an address that two want is refused by the names of both" {
	mkdir -p "$BERTH_HOME/clash" && cd "$BERTH_HOME/clash"
	cat >compose.yaml <<-'END'
		name: caas-clash
		services:
		  one: {image: redis:7-alpine, networks: {default: {ipv4_address: 172.29.7.1}}}
		  two: {image: redis:7-alpine, networks: {default: {ipv4_address: 172.29.7.1}}, depends_on: [one]}
		networks: {default: {ipam: {config: [{subnet: 172.29.0.0/16}]}}}
	END
	run ! berth up -d
	[[ $output == *'172.29.7.1'*caas-clash-one-1* && $output == *caas-clash-two-1* ]]
	run -0 berth down -t 0
}

@test "CAAS-03 CAAS-05 every published port answers, the secondaries' do not" {
	wait_for 30 answers 27017 6379 2181 9092 9096 9094 8081 3000 3001 3002 3003
	wait_for 60 answers 8080 8082 8083
	[[ $(printf 'AUTH redispassword\r\nPING\r\nQUIT\r\n' | timeout 20 nc 127.0.0.1 6379) == *PONG* ]]
	[[ $(echo srvr | timeout 20 nc 127.0.0.1 2181) == *Mode* ]]
	for page in 8081/ 3000/health 3001/metrics 3002/health 3003/health 8080/ 8083/; do
		wait_for 60 is 200 status "http://127.0.0.1:$page"
	done
	for n in 1 2; do # each port leads to its instance
		curl -sf "http://127.0.0.1:300$((n + 1))/health" | jq -e ".instance == \"socket-$n\""
	done
	run ! answers 27018
	run ! answers 27019
	run -0 berth exec -T mongodb-primary bash -c 'for n in 1 2; do exec 3<>/dev/tcp/mongodb-secondary-$n/27017; done'
}

@test "CAAS-06 the nine volumes, each where its server keeps its data" {
	nine >"$BERTH_HOME/nine"
	[ "$(wc -l <"$BERTH_HOME/nine")" = 9 ]
	while read -r s volume at; do
		berth inspect "caas-$s-1" | jq -e --arg v "caas_$volume" --arg at "$at" \
			'[.[0].Mounts[] | select(.Type == "volume" and .Name == $v and .Destination == $at)] | length == 1'
		grep -qx "caas_$volume" "$BERTH_HOME/nine"
	done <<-'END'
		mongodb-primary mongodb_primary_data /data/db
		mongodb-primary mongodb_config /data/configdb
		mongodb-secondary-1 mongodb_secondary1_data /data/db
		mongodb-secondary-2 mongodb_secondary2_data /data/db
		redis redis_data /data
		kafka-1 kafka1_data /var/lib/kafka/data
		kafka-2 kafka2_data /var/lib/kafka/data
		kafka-3 kafka3_data /var/lib/kafka/data
		zookeeper zookeeper_data /var/lib/zookeeper/data
	END
}
nine() { docker volume ls -q | grep '^caas_' | sort; }

@test "CAAS-07 the key file is the server's alone, within and without" {
	[ "$(stat -c %a init/mongodb/mongo-keyfile)" = 600 ]
	run -0 berth exec -T mongodb-primary stat -c '%a %U' /tmp/mongo-keyfile
	[ "$output" = '400 mongodb' ]
	# The host's owner and mode are those within.
	[ "$(berth exec -T mongodb-primary stat -c '%a %u' /init/mongo-keyfile)" = "$(stat -c '%a %u' init/mongodb/mongo-keyfile)" ]
	run ! berth exec -T mongodb-primary touch /init/mongo-keyfile
}

@test "CAAS-28 the collections are there; of the replica set it is said what the server cannot" {
	run -0 init/mongodb/init-replica-and-collections.sh
	[[ $output == *'replica set'* ]]
	run -0 shell 'print(db.getCollectionNames().sort().join(" "))'
	[[ $output == *'messages notifications presence receipts users'* ]]
}

@test "CAAS-29 topics have three partitions on three brokers" {
	for topic in messages events notifications; do
		run -0 topics --describe --topic $topic
		[[ $output == *'ReplicationFactor: 3'* ]]
	done
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
	run -0 berth exec -T gateway node -e '
		const { Kafka, logLevel } = require("kafkajs");
		(async () => {
			for (const n of [1, 2, 3]) {
				const admin = new Kafka({ brokers: [`kafka-${n}:29092`], logLevel: logLevel.NOTHING, requestTimeout: 60000 }).admin();
				await admin.connect();
				const { brokers } = await admin.describeCluster();
				console.log(brokers.map((b) => b.host + ":" + b.port).sort().join(" "));
				await admin.disconnect();
			}
		})().catch((e) => { console.log(e); process.exit(1); });'
	[ "$(grep -c 'kafka-1:29092 kafka-2:29092 kafka-3:29092' <<<"$output")" = 3 ]
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
	for n in primary secondary-1 secondary-2; do
		run ! berth exec -T mongodb-$n mongosh --quiet caas --eval 'db.users.insertOne({a: 1})'
		run ! berth exec -T mongodb-$n mongosh --quiet -u caas_admin -p caas_secret_2026 --authenticationDatabase admin caas --eval 'db.users.insertOne({a: 1})'
	done
	run -0 shell 'db.users.insertOne({_id: "let in"}).acknowledged'
	run -0 berth exec -T -e REDISCLI_AUTH= redis redis-cli get x
	[[ $output == *NOAUTH* ]]
	run -0 berth exec -T -e REDISCLI_AUTH=caas_redis_2026 redis redis-cli get x
	[[ $output == *NOAUTH* || $output == *WRONGPASS* ]]
	[ "$(status http://127.0.0.1:3000/api/messages)" = 401 ]
	[ "$(status -H "Authorization: Bearer $(node -e 'console.log(require("jsonwebtoken").sign({ sub: "ada" }, "change_this_in_production_please"))')" http://127.0.0.1:3000/api/messages)" = 401 ]
	[ "$(status -H "Authorization: Bearer $(token)" http://127.0.0.1:3000/api/messages)" = 200 ]
}

@test "CAAS-36 the gateway keeps, announces and counts; what is wrong is answered so" {
	at=http://127.0.0.1:3000/api/messages
	run -0 gateway -o /dev/null -w '%{http_code}' -d '{"room":"r","text":"hi"}' $at
	[ "$output" = 201 ]
	run -0 gateway "$at?room=r"
	jq -e '.[0].text == "hi" and .[0].from == "ada"' <<<"$output"
	run -0 berth exec -T kafka-1 kafka-console-consumer --bootstrap-server kafka-1:29092 --topic messages \
		--from-beginning --max-messages 1 --timeout-ms 240000
	[[ $output == *'"text":"hi"'* ]]
	for wrong in '400 null' '400 {' '400 {"room":1}' "413 $(head -c 90000 /dev/zero | tr '\0' x)"; do
		[ "$(status -H "Authorization: Bearer $(token)" --data-binary @- $at <<<"${wrong#* }")" = "${wrong%% *}" ]
	done
	[ "$(status http://127.0.0.1:3000/)" = 404 ]
	run -0 curl -sf http://127.0.0.1:3001/metrics
	[[ $output == *'gateway_http_requests_total{route="POST /api/messages",status="201"}'* ]]
	echo 'services: {promtool: {image: "prom/prometheus:v2.42.0", entrypoint: [promtool]}}' >"$BERTH_HOME/promtool.yml"
	run -0 berth -f "$BERTH_HOME/promtool.yml" -p caas-promtool run --rm -T promtool check metrics <<<"$output"
	berth -f "$BERTH_HOME/promtool.yml" -p caas-promtool down
}

@test "CAAS-37 each of the three that is away makes the gateway unhealthy, and it recovers by itself" {
	run -0 curl -sf http://127.0.0.1:3000/health
	jq -e '. == {mongodb: "ok", redis: "ok", kafka: "ok"}' <<<"$output"
	without() { # NAME: it alone is what is missing
		curl -s -m 30 http://127.0.0.1:3000/health | jq -e --arg n "$1" '[to_entries[] | select(.value != "ok").key] == [$n]'
	}
	id=$(berth ps -q gateway)
	while read -r name services; do
		# shellcheck disable=SC2086
		berth stop -t 5 $services
		wait_for 60 is 503 status http://127.0.0.1:3000/health
		wait_for 60 without "$name"
		# shellcheck disable=SC2086
		berth start $services
		wait_for 100 is 200 status http://127.0.0.1:3000/health
	done <<-'END'
		redis redis
		mongodb mongodb-primary
		kafka kafka-1 kafka-2 kafka-3
	END
	[ "$(berth ps -q gateway)" = "$id" ]
	for s in redis mongodb-primary kafka-1 kafka-2 kafka-3 $apps; do
		wait_for 100 is healthy health "$s"
	done
	wait_for 100 all_in_sync
}

@test "CAAS-19 CAAS-38 CAAS-39 CAAS-40 phase 3: every feature, across instances, with tokens; its exit code" {
	NO_BUILD=1 run -0 ./test-phase3.sh
	for said in 'a bad token is refused' 'a message crosses instances' 'who types is told to the room, and when it ends' \
		'a receipt finds the author' 'a notification reaches who is there' 'a notification waits for who is away' \
		'WebRTC offer, answer and candidate find the other' 'nonsense of one client ends no instance' \
		'presence is known on the other instance, coming and going'; do
		grep -qx "ok $said" <<<"${output//$'\r'/}"
	done
	[[ $output == *'phase 3: passed'* ]]
	JWT_SECRET=wrong run ! berth --profile test run --rm -T --no-deps phase3-test
	run -0 berth --profile test up --no-deps --exit-code-from phase3-test phase3-test
	[[ $output == *'ok a bad token is refused'* ]]
	# Its own code, whatever it is; and it stays ended.
	echo 'services: {phase3-test: {command: ["sh", "-c", "exit 7"]}}' >"$BERTH_HOME/seven.yml"
	run -7 berth -f docker-compose.yml -f "$BERTH_HOME/seven.yml" --profile test up --no-deps --exit-code-from phase3-test phase3-test
	[ "$(of phase3-test State.Status) $(of phase3-test State.ExitCode) $(of phase3-test RestartCount)" = 'exited 7 0' ]
	[ "$(berth ps -q $apps | wc -l)" = 3 ]
}

@test "CAAS-39 CAAS-40 clients outside: what is said on 3002 is heard on 3003; a bad token is heard nowhere" {
	run -0 timeout 120 node -e '
		const { io } = require("socket.io-client"), [token] = process.argv.slice(1);
		const open = (port, auth) => new Promise((yes, no) => {
			const s = io(`http://127.0.0.1:${port}/chat`, { auth, reconnection: false, timeout: 60000 });
			s.on("connect", () => yes(s)); s.on("connect_error", no);
		});
		(async () => {
			const [a, b] = [await open(3002, { token }), await open(3003, { token })];
			for (const s of [a, b]) await s.emitWithAck("join", "outside");
			const heard = new Promise((done) => b.on("message", (m) => done(m.text)));
			await a.emitWithAck("message", "outside", "from 3002");
			console.log(await heard);
			for (const auth of [{ token: token + "x" }, {}])
				for (const port of [3002, 3003]) console.log(await open(port, auth).then(() => "in", (e) => e.message));
			process.exit(0);
		})().catch((e) => { console.log(e); process.exit(1); });' "$(token)"
	[ "$output" = "$(printf 'from 3002\nnot authorised\nnot authorised\nnot authorised\nnot authorised')" ]
}

@test "CAAS-33 the tools name the cluster, the database and the keys that they are pointed at" {
	page() { curl -sfL -u admin:expresspassword "http://127.0.0.1:$1" | grep -q "$2"; }
	wait_for 60 page 8080/ caas
	wait_for 60 page 8080/ messages
	wait_for 60 page 8082/ /db/caas/
	wait_for 60 page 8082/db/caas/ /db/caas/messages
	[ "$(status http://127.0.0.1:8082/)" = 401 ]
	named() { curl -sf http://127.0.0.1:8083/connections | jq -e '.connections[] | .label == "caas" and .options.host == "redis"'; }
	wait_for 60 named
}

@test "a browser shows topics, databases and keys in the tools" {
	need_browser
	run -0 browser http://127.0.0.1:8080/ 'return document.body.innerText.match(/\bmessages\b/)?.[0]'
	run -0 browser http://admin:expresspassword@127.0.0.1:8082/ 'return document.body.innerText.match(/\bcaas\b/)?.[0]'
	run -0 browser http://127.0.0.1:8083/ 'return document.body.innerText.match(/redis/i)?.[0]'
}

@test "CAAS-21 CAAS-27 a second start changes nothing" {
	state() {
		for s in $infra $apps $tools; do
			berth inspect "caas-$s-1" | jq -c '.[0] | [.Id, .State.StartedAt, .RestartCount]'
		done
		topics --describe | grep '^Topic' | sort # not who leads whom
		shell 'print(db.getCollectionNames().sort().join(" "), db.users.countDocuments(), db.messages.countDocuments())'
		sha256sum init/mongodb/mongo-keyfile
		nine
	}
	state >"$BERTH_HOME/first"
	run -0 ./start.sh
	[[ $output == *'topic messages is there'* && $output != *' made'* && $output != *Created* ]]
	diff "$BERTH_HOME/first" <(state)
	run -0 berth up -d
	[[ $output != *Creat* && $output != *Start* && $output != *Recreat* ]]
	diff "$BERTH_HOME/first" <(state)
}

@test "CAAS-18 what is killed comes back, by its policy" {
	for s in $infra $apps $tools; do
		[ "$(of "$s" HostConfig.RestartPolicy.Name)" = unless-stopped ]
	done
	[ "$(of phase3-test HostConfig.RestartPolicy.Name)" = no ]
	again() { [[ $(of "$1" State.Pid) != @(0|$2) ]] && is healthy health "$1"; }
	for s in redis gateway zookeeper kafka-2; do
		pid=$(of $s State.Pid)
		kill -9 "$pid"
		wait_for 100 again $s "$pid"
	done
	wait_for 200 all_in_sync
	for s in gateway socket-service-1 socket-service-2; do
		wait_for 100 is healthy health $s
	done
}

@test "CAAS-41 applications answer what is under way when they are told to stop, and end with 0" {
	# A message whose second half comes when the gateway has heard the signal and takes nobody new.
	cat >"$BERTH_HOME/halves.js" <<-'END'
		const http = require('http'), fs = require('fs');
		const [token, begun, go] = process.argv.slice(2), text = JSON.stringify({ room: 'r', text: 'drained' });
		const request = http.request('http://127.0.0.1:3000/api/messages', { method: 'POST',
			headers: { authorization: `Bearer ${token}`, 'content-length': text.length, expect: '100-continue' } },
		(response) => { console.log(response.statusCode, response.headers.connection); process.exit(0); });
		request.on('error', (e) => { console.log(e.message); process.exit(1); });
		request.on('continue', () => {
			request.write(text.slice(0, 5));
			fs.writeFileSync(begun, '');
			const timer = setInterval(() => {
				if (!fs.existsSync(go)) return;
				clearInterval(timer);
				request.end(text.slice(5));
			}, 20);
		});
		request.flushHeaders();
	END
	posted() { gateway -d '{"room":"r","text":"warm"}' http://127.0.0.1:3000/api/messages; }
	wait_for 60 posted # a broker was killed before
	node "$BERTH_HOME/halves.js" "$(token)" "$BERTH_HOME/half" "$BERTH_HOME/go" >"$BERTH_HOME/answer" 3>&- &
	client=$!
	wait_for 30 test -e "$BERTH_HOME/half"
	told=$(now)
	berth stop -t 60 gateway socket-service-1 >/dev/null 2>&1 3>&- &
	stopper=$!
	draining() { berth logs --since "$told" gateway | grep -q draining; }
	wait_for 30 draining
	touch "$BERTH_HOME/go"
	wait $client
	[ "$(cat "$BERTH_HOME/answer")" = '201 close' ]
	wait $stopper
	[ "$(of gateway State.ExitCode)" = 0 ]
	[ "$(of socket-service-1 State.ExitCode)" = 0 ]
	berth start gateway socket-service-1
	wait_for 60 is healthy health gateway
	wait_for 60 is healthy health socket-service-1
	run -0 gateway 'http://127.0.0.1:3000/api/messages?room=r'
	jq -e 'map(.text) | index("drained") != null' <<<"$output"
}

@test "CAAS-20 one port of berth's own over two more instances; of one that dies no new client hears" {
	scaled() { berth -f docker-compose.yml -f docker-compose.scale.yml "$@"; }
	run -0 scaled up -d --wait --wait-timeout 300 socket-service
	who() { for _ in 1 2 3 4 5 6; do curl -sf -m 30 http://127.0.0.1:3004/health | jq -r .instance; done | sort -u; }
	[ "$(who | wc -l)" = 2 ]
	connect() { # TIMES: new clients of the balanced port
		timeout 120 node -e '
			const { io } = require("socket.io-client"), [token, n] = process.argv.slice(1);
			(async () => {
				for (let i = 0; i < n; i++) await new Promise((done, no) => {
					const s = io("http://127.0.0.1:3004/chat", { auth: { token }, forceNew: true, transports: ["websocket"], reconnection: false, timeout: 60000 });
					s.on("connect", () => { s.close(); done(); });
					s.on("connect_error", no);
				});
				process.exit(0);
			})().catch((e) => { console.log(e); process.exit(1); });' "$(token)" "$1"
	}
	connect 6
	docker kill caas-socket-service-1
	gone() { ! docker inspect -f '{{.State.Pid}} {{.State.Running}}' caas-socket-service-1 | grep -q true; }
	wait_for 30 gone
	connect 6
	[ "$(who | wc -l)" = 1 ]
	run -0 scaled rm -sf socket-service
}

@test "CAAS-20 CAAS-22 production: TLS, a balanced port, and one instance less is not noticed" {
	mkdir -p ssl
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout ssl/server.key \
		-out ssl/server.crt 2>/dev/null
	run -0 prod config --format json
	# The base file's services and two more; what is open to other machines is the proxy alone.
	jq -e '.services | (keys | length) == 17 and ([to_entries[] | .key as $s | .value.ports[]? |
		select(.host_ip != "127.0.0.1") | [$s, .published]] == [["proxy", "443"]])' <<<"$output"
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
	answers_elsewhere 443
	for port in 6379 27017 2181 9092 8081 3000 3001 3002; do
		run ! answers_elsewhere $port
	done
}
answers_elsewhere() { # PORT: on another address of this host than its loopback
	local address
	address=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
	timeout 20 bash -c "exec 3<>/dev/tcp/$address/$1"
}

@test "CAAS-06 CAAS-12 CAAS-34 down takes the applications before what they need; data survive" {
	berth exec -T redis redis-cli set kept yes
	for n in primary secondary-1 secondary-2; do
		berth exec -T mongodb-$n mongosh --quiet -u caas_admin -p rootpassword --authenticationDatabase admin caas --eval 'db.kept.insertOne({_id: "kept"})'
	done
	"$BERTH" events --json >"$BERTH_HOME/going.json" 3>&- & # a supervisor with a listener stays
	follower=$!
	follows() { docker kill -s WINCH caas-redis-1 >/dev/null && [ -s "$BERTH_HOME/going.json" ]; }
	wait_for 30 follows
	run -0 prod down
	last() { grep '"die"' "$BERTH_HOME/going.json" | grep -q '"zookeeper"'; }
	wait_for 30 last
	kill $follower 2>/dev/null || true
	jq -r '[.time, .action, .service] | @tsv' "$BERTH_HOME/going.json" >"$BERTH_HOME/going"
	for pair in $needs; do
		one=$(first "$BERTH_HOME/going" die "${pair%:*}")
		other=$(first "$BERTH_HOME/going" die "${pair#*:}")
		[[ -n $one && $one < $other ]] || { echo "$pair: $one $other"; return 1; }
	done
	run -0 docker ps -aq
	[ -z "$output" ]
	run ! docker network inspect caas_caas-network
	diff "$BERTH_HOME/nine" <(nine)
	run -0 ./start.sh
	[[ $output == *'topic messages is there'* ]]
	[ "$(berth exec -T redis redis-cli get kept)" = yes ]
	for n in primary secondary-1 secondary-2; do
		[ "$(berth exec -T mongodb-$n mongosh --quiet -u caas_admin -p rootpassword --authenticationDatabase admin caas --eval 'db.kept.countDocuments({_id: "kept"})')" = 1 ]
	done
	run -0 berth exec -T kafka-3 kafka-console-consumer --bootstrap-server kafka-1:29092 --topic events \
		--from-beginning --max-messages 2 --timeout-ms 240000
	[[ $output == *'from the host'* && $output == *'from within'* ]]
	[ "$(of gateway 'NetworkSettings.Networks["caas_caas-network"].IPAddress')" = 172.28.6.1 ]
}

@test "CAAS-06 CAAS-12 stop.sh takes all down, with -v the nine volumes and no other" {
	docker volume create other >/dev/null
	run -0 ./stop.sh -v
	[ -z "$(docker ps -aq)" ]
	[ -z "$(nine)" ]
	docker volume ls -q | grep -qx other
	docker volume rm other
	wait_for 100 no_trace
}
