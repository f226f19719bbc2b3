#!/usr/bin/env bats
# stacks/octocode: the requirements of its document, by their ids.
# images: postgres=postgres:16-alpine redis=redis:7-alpine nginx=nginx:1-alpine prometheus=prom/prometheus:v2.42.0 mailhog=mailhog/mailhog:v1.0.1 pgadmin=dpage/pgadmin4:8 stacks/octocode:production=octocode/app:1.0.0 stacks/octocode:development=octocode/app:dev
# npm: socket.io-client@4.8.1
load ../e2e/lib
load lib

setup_file() {
	root_up
	weigh
	registry_of_images
	export BERTH_TIMEOUT=600 # a cold start of everything, on a busy machine
	cp -r "$TESTS/../stacks/octocode" "$BERTH_HOME/octocode"
	mkdir "$BERTH_HOME/bin"
	ln -s "$(readlink -f "$BERTH")" "$BERTH_HOME/bin/docker-compose"
	ln -s "$(readlink -f "$BERTH")" "$BERTH_HOME/bin/docker"
	export PATH=$BERTH_HOME/bin:$PATH
	cd "$BERTH_HOME/octocode"
	rm -f .env secrets/[a-z]* docker/prod/ssl/[a-z]*
	export ANTHROPIC_BASE_URL=http://ai
	berth pull octocode/app:1.0.0 octocode/app:dev >/dev/null
	ai
	PROJECT=octocode keep_traces
}
teardown_file() {
	cd "$BERTH_HOME/octocode"
	(cd ../ai && berth down -t 0) >/dev/null 2>&1
	prod down -v -t 1 >/dev/null 2>&1
	dev down -v -t 1 >/dev/null 2>&1
	root_down
}
setup() {
	PROJECT=octocode
	cd "$BERTH_HOME/octocode" || return
}
teardown() { :; }

# In the place of the AI interface: a server that answers in its words and logs the key.
ai() {
	mkdir -p ../ai
	cat >../ai/compose.yaml <<-'END'
		services:
		  ai:
		    image: octocode/app:1.0.0
		    user: "0"
		    networks: [octocode-prod_outside]
		    healthcheck: {test: [CMD, bash, -c, "exec 3<>/dev/tcp/127.0.0.1/80"], interval: 1s, retries: 60}
		    command:
		      - node
		      - -e
		      - |
		        require("http").createServer((q, r) => {
		          let body = "";
		          q.on("data", (d) => { body += d; });
		          q.on("end", () => {
		            console.log(q.url, q.headers["x-api-key"]);
		            r.end(JSON.stringify({ content: [{ text: JSON.parse(body).messages[0].content.toUpperCase() }] }));
		          });
		        }).listen(80);
		networks:
		  octocode-prod_outside: {external: true}
	END
}

dev() { berth -f docker-compose.dev.yml "$@"; }
prod() { berth -f docker-compose.prod.yml "$@"; }
site() { curl -sk "$@"; } # the certificate is the stack's own
status() { site -o /dev/null -w '%{http_code}' "$@"; }
is() { [ "$("${@:2}")" = "$1" ]; }
sql() { prod exec -T oc_database psql -U octocode -d octocode -Atc "$1"; }
health() { prod ps -a --format json | jq -rs 'flatten | map(select(.Service == "'"$1"'").Health) | unique | join(" ")'; }
load_begin() { # somebody asks all the time, until load_end
	rm -f done
	while [ ! -e done ]; do status https://127.0.0.1/; echo; done >load &
	load=$!
}
load_end() { # nobody has been refused
	touch done
	wait $load
	sort load | uniq -c
	[ "$(sort -u load)" = 200 ]
}
post() { status -H 'Content-Type: application/json' -d "$2" "https://127.0.0.1$1"; }

@test "OCTO-26 OCTO-33 OCTO-36 the files of the document" {
	for f in Dockerfile docker-compose.yml docker-compose.dev.yml docker-compose.prod.yml Makefile \
		DOCKER_GUIDE.md docker/dev/{redis.conf,postgresql.conf,pgadmin-servers.json} \
		docker/prod/{nginx.conf,postgresql.conf,redis.conf,prometheus.yml,alert_rules.yml} \
		docker/prod/backup-scripts/{backup,restore}.sh docker/scripts \
		docker/security/{scan.sh,docker-compose.security.yml,falco.yaml,.trivyignore}; do
		[ -e "$f" ]
	done
	python3 -c 'import sys, yaml
jobs = yaml.safe_load(open(".github/workflows/ci.yml"))["jobs"]
assert jobs["deploy"]["needs"] == ["security", "build"]
yaml.safe_load(open("docker/security/falco.yaml"))'
	[ "$(grep -c '^FROM ' Dockerfile)" = 5 ]
	for f in docker/security/scan.sh docker/prod/backup-scripts/*.sh docker/scripts/*.sh; do
		bash -n "$f"
	done
}

@test "OCTO-01 OCTO-02 docker-compose without a file is development" {
	diff <(docker-compose config) <(dev config)
}

@test "OCTO-27 OCTO-SEC-09 every target of the Makefile" {
	for target in quick-start dev-build dev dev-stop dev-restart dev-logs dev-shell dev-db-shell \
		dev-redis-shell migrate migrate-reset seed lint test typecheck prod-build prod prod-scale \
		prod-logs status logs logs-app logs-db backup restore security security-start \
		security-scan-dockerfile security-scan-secrets check-env ci-security ci-build ci-deploy clean-dev; do
		make -n $target BACKUP=x >/dev/null
	done
	docker-compose -f docker/security/docker-compose.security.yml config -q
}

@test "OCTO-05 packages come from the cache mount: the second build needs no network" {
	cd "$TESTS/../stacks/octocode"
	BERTH_TIMEOUT=200 BERTH_ROOT=$BERTH_TEST_CACHE/berth BERTH_RUN=$BERTH_HOME/b run -0 berth build --progress plain \
		--no-cache-filter dependencies --target dependencies .
	[[ $output == *'npm ci'* ]]
}

@test "OCTO-23 OCTO-35 what is missing is named before a deployment; no secret is in the model" {
	run ! docker/scripts/check-env.sh prod
	[[ $output == *secrets/postgres_password* && $output == *server.key* ]]
	run ! make prod
	docker/scripts/init-secrets.sh
	run -0 docker/scripts/check-env.sh prod
	echo change-me >secrets/redis_password
	run ! docker/scripts/check-env.sh prod
	[[ $output == *redis_password* ]]
	rm -f secrets/redis_password
	docker/scripts/init-secrets.sh
	run ! grep -F -f <(cat secrets/*) <(prod config)
}

@test "OCTO-25 OCTO-22 one command deploys, without a terminal, twice the same" {
	make prod </dev/null
	before=$(prod ps -q | sort)
	make prod </dev/null
	[ "$(prod ps -q | sort)" = "$before" ]
	for s in oc_app oc_worker oc_database oc_redis oc_nginx; do
		is healthy health $s
	done
}

@test "OCTO-03 production publishes 80, 443 and 9090 and nothing else" {
	answers 80 443 9090
	for port in 3000 3001 9229 5050 8025 6379 5432; do
		run ! answers $port
	done
}

@test "OCTO-04 production has no development packages" {
	run -0 prod exec -T oc_app sh -c 'ls node_modules/typescript 2>/dev/null; ls -A'
	[[ $output != *tsc* && $output != *Dockerfile* && $output == *dist* ]]
}

@test "OCTO-06 OCTO-07 OCTO-08 user 1001, no rights, a root that cannot be written to" {
	run -0 prod exec -T oc_app sh -c 'id -u; grep -E "^(CapEff|NoNewPrivs)" /proc/1/status; touch /tmp/x'
	[[ $output == 1001* && $output == *0000000000000000* && $output == *$'NoNewPrivs:\t1'* ]]
	run ! prod exec -T -u 0 oc_app touch /x
	[[ $output == *'Read-only file system'* ]]
}

@test "OCTO-09 the database is on a network without a way out; nginx is not in it" {
	run -0 prod exec -T oc_database bash -c 'awk "\$2 == \"00000000\"" /proc/net/route | wc -l'
	[ "$output" = 0 ]
	run ! prod exec -T oc_nginx bash -c 'exec 3<>/dev/tcp/oc_database/5432'
}

@test "OCTO-10 secrets are files, read-only, and in no environment" {
	run -0 prod exec -T oc_app cat /run/secrets/app_db_password
	[ "$output" = "$(cat secrets/app_db_password)" ]
	run ! prod exec -T -u 0 oc_app sh -c 'echo x >/run/secrets/app_db_password'
	run ! grep -F -f <(cat secrets/*) <(prod exec -T oc_app env)
	run ! prod exec -T oc_app cat /run/secrets/postgres_password
}

@test "OCTO-14 limits are the kernel's" {
	run -0 prod exec -T oc_app sh -c 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes'
	[ "$output" = 536870912 ]
	run -0 --separate-stderr dev config --format json
	jq -e '[.services[].deploy.resources.limits // empty] | length == 0' <<<"$output"
}

@test "OCTO-28 TLS, redirect, compression, headers, limits" {
	[ "$(status http://127.0.0.1/)" = 301 ]
	run ! curl -sk --tls-max 1.1 https://127.0.0.1/
	run -0 site -D - -o page -H 'Accept-Encoding: gzip' https://127.0.0.1/
	for header in strict-transport-security x-content-type-options x-frame-options 'content-encoding: gzip'; do
		grep -qi "^$header" <<<"$output"
	done
	[ "$(status https://127.0.0.1/api/metrics)" = 404 ]
	limited() { # what comes at once is more than a slow machine answers in the meantime
		curl -skZ --parallel-max 150 --parallel-immediate -o /dev/null -w '%{http_code}\n' 'https://127.0.0.1/api/tasks?[1-300]' >codes
		grep -q 200 codes && grep -q 429 codes
	}
	wait_for 60 limited
	wait_for 20 is 200 status https://127.0.0.1/api/tasks
}

@test "OCTO-37 the page, the API's health, and what it serves to the page" {
	run -0 site https://127.0.0.1/
	[[ $output == *OctoCode* ]]
	asset=$(grep -o '/_next/static/[^"]*\.js' <<<"$output" | head -n 1)
	[ "$(status "https://127.0.0.1$asset")" = 200 ]
	run -0 site https://127.0.0.1/api/health
	[ "$(jq -r .status <<<"$output")" = ok ]
	run -0 prod exec -T oc_app node -e 'fetch("http://localhost:3000/api/metrics").then((r) => r.text()).then(console.log)'
	[[ $output == *octocode_http_requests_total* ]]
}

@test "OCTO-37 Socket.IO through the proxy, between instances" {
	run -0 timeout 120 node -e '
		const { io } = require("socket.io-client");
		const open = () => io("https://127.0.0.1", { transports: ["websocket"], forceNew: true, rejectUnauthorized: false });
		const all = [open(), open(), open(), open()];
		const heard = new Set();
		let ready = 0;
		for (const s of all) { // said until all have joined: that is not acknowledged
			s.on("connect", () => { s.emit("join", "r"); if (++ready === 4) setInterval(() => all[0].emit("say", "r", "hi"), 500); });
			s.on("said", () => { if (heard.add(s).size === 4) { console.log("all heard"); process.exit(0); } });
		}'
	[[ $output == *'all heard' ]]
}

@test "OCTO-38 OCTO-29 migrations ran, the application's role owns nothing, TLS is required" {
	[ "$(sql 'select name from schema_migrations')" = 0001_init.sql ]
	[ "$(sql "select rolsuper from pg_roles where rolname = 'octocode_app'")" = f ]
	[ "$(sql 'show max_connections')" = 200 ]
	[ "$(sql "select count(*) > 0 from pg_stat_statements")" = t ]
	[ "$(sql "select bool_and(ssl) from pg_stat_ssl s join pg_stat_activity a using (pid) where a.usename = 'octocode_app'")" = t ]
	app() { prod exec -T -e PGPASSWORD="$(cat secrets/app_db_password)" oc_database psql -h 127.0.0.1 "user=octocode_app dbname=octocode sslmode=$1" -Atc "$2"; }
	run -0 app require 'select count(*) >= 0 from tasks'
	run ! app require 'drop table tasks'
	addr=$(prod exec -T oc_database hostname -i)
	run ! prod exec -T oc_database psql "host=${addr%% *} user=octocode_app dbname=octocode sslmode=disable" -c 'select 1'
	[[ $output == *pg_hba* ]]
}

@test "OCTO-30 Redis has a password and keeps its data" {
	run prod exec -T oc_redis redis-cli ping
	[[ $output == *NOAUTH* ]]
	run -0 prod exec -T oc_redis sh -c 'redis-cli --no-auth-warning -a "$(cat /run/secrets/redis_password)" config get appendonly'
	[[ $output == *yes* ]]
}

@test "OCTO-39 OCTO-42 a worker asks the AI interface with the key of the secret" {
	(cd ../ai && berth up -d --wait)
	[ "$(post /api/tasks '{"prompt":"hello octopus"}')" = 202 ]
	answered() { site https://127.0.0.1/api/tasks | grep -q 'HELLO OCTOPUS'; }
	wait_for 60 answered
	with_key() { (cd ../ai && berth logs --no-log-prefix) | grep -qF "/v1/messages $(cat secrets/anthropic_api_key)"; }
	wait_for 10 with_key
	[ "$(post /api/tasks '{"prompt":""}')" = 400 ]
	counted() {
		for i in 1 2; do
			prod exec -T --index $i oc_worker node -e 'fetch("http://localhost:9464/metrics").then((r) => r.text()).then(console.log)'
		done | grep -q 'octocode_tasks_total{outcome="done"} 1'
	}
	wait_for 20 counted
}

@test "a browser asks by the page and sees its task" {
	need_browser
	run -0 browser https://127.0.0.1/ '
		const seen = [...document.querySelectorAll("li")].find((l) => l.innerText.includes("from a page"));
		if (seen) return seen.innerText;
		const input = document.querySelector("input");
		Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, "from a page");
		input.dispatchEvent(new Event("input", { bubbles: true }));
		await new Promise((done) => setTimeout(done, 300));
		document.querySelector("button").click();'
	[[ $output == 'from a page: '* ]]
}

@test "OCTO-MON-02 OCTO-MON-05 OCTO-34 Prometheus accepts its files and finds every replica" {
	run -0 prod exec -T oc_observability promtool check config /etc/prometheus/prometheus.yml
	up() { curl -s 'http://127.0.0.1:9090/api/v1/query' --data-urlencode "query=sum(up{job=\"$1\"})" | jq -r '.data.result[0].value[1]'; }
	wait_for 90 is 2 up oc_app
	wait_for 90 is 2 up oc_worker
}

@test "OCTO-11 more replicas get requests without a word to nginx" {
	make prod-scale REPLICAS=3
	[ "$(prod ps -q oc_app | wc -l)" = 3 ]
	asked() { # the number of replicas that have answered the proxy
		for _ in $(seq 12); do site -o /dev/null https://127.0.0.1/?who; done
		for i in 1 2 3; do
			prod exec -T --index $i oc_app node -e 'fetch("http://localhost:3000/api/metrics").then((r) => r.text()).then(console.log)'
		done | grep -c 'octocode_http_requests_total{route="/",'
	}
	wait_for 20 is 3 asked
}

@test "OCTO-41 no request fails while an instance goes" {
	load_begin
	"$BERTH" -f docker-compose.prod.yml logs -f oc_app >said 3>&- &
	said=$!
	wait_for 30 test -s said # it follows; none of these three has drained before
	run ! grep draining said
	prod up -d --wait --no-recreate --scale oc_app=2
	load_end
	wait_for 10 grep -q draining said
	kill $said
}

@test "OCTO-12 OCTO-13 a new version comes without a failed request, and goes by one command" {
	variable() { prod exec -T oc_app sh -c 'echo $NEXTAUTH_URL'; }
	load_begin
	NEXTAUTH_URL=https://new.example run -0 prod rollout oc_app
	[ "$(variable)" = https://new.example ]
	run -0 prod rollback oc_app
	[ "$(variable)" = https://localhost ]
	load_end
}

@test "OCTO-37 the health is the truth: without Redis it is bad, and good again after" {
	prod stop -t 5 oc_redis
	wait_for 30 is 503 status https://127.0.0.1/api/health
	prod start oc_redis
	wait_for 30 is 200 status https://127.0.0.1/api/health
}

@test "OCTO-16 OCTO-17 OCTO-20 OCTO-24 looking: stats, inspect, logs, status" {
	run -0 prod stats --no-stream --format json
	[ "$(jq -rs 'flatten | length' <<<"$output")" -ge 8 ]
	run -0 docker inspect "$(prod ps -q oc_database)"
	jq -e '.[0] | .State.Status == "running" and .Config.User != null and .HostConfig.ReadonlyRootfs
		and (.NetworkSettings.Networks | length) == 1 and (.Mounts | length) >= 3' <<<"$output"
	run -0 prod logs --tail 1 oc_worker
	[[ $output != *oc_database* ]]
	well() { [ "$(make status | grep -c '(healthy)')" -ge 6 ]; }
	wait_for 60 well
}

@test "OCTO-32 OCTO-BKP-02 OCTO-BKP-03 OCTO-BKP-07 OCTO-BKP-09 OCTO-BKP-10 OCTO-BKP-11 OCTO-BKP-12 backup, list, damage, restore" {
	run -0 make backup
	dump=$(ls backups/*.dump) text=$(ls backups/*.sql.gz)
	[ "$(head -c 5 "$dump")" = PGDMP ]
	gzip -t "$text"
	rows=$(sql 'select count(*) from tasks')
	sql 'delete from tasks'
	run -0 make restore BACKUP="${text##*/}"
	[ "$(sql 'select count(*) from tasks')" = "$rows" ]
	ls backups/pre-restore-*.dump
	sql 'delete from tasks'
	run -0 make restore BACKUP="${dump##*/}"
	[ "$(sql 'select count(*) from tasks')" = "$rows" ]
	truncate -s -20 "$dump"
	run ! prod exec -T oc_backup /scripts/backup.sh verify "${dump##*/}"
	run -0 prod exec -T oc_backup /scripts/backup.sh list
	[[ $output == *damaged*"${dump##*/}"* ]]
	wait_for 10 is 202 post /api/tasks '{"prompt":"after"}'
}

@test "kill and recover: the database and an instance come back by themselves" {
	pid() { docker inspect -f '{{.State.Pid}}' "$1"; }
	again() { # CONTAINER PID: it runs, and is another process
		local now
		now=$(pid "$1") && [ "$now" -gt 0 ] && [ "$now" != "$2" ]
	}
	database=$(prod ps -q oc_database) app=$(prod ps -q oc_app | head -n 1)
	old_database=$(pid "$database") old_app=$(pid "$app")
	kill -9 "$old_database" "$old_app"
	wait_for 60 again "$database" "$old_database"
	wait_for 60 again "$app" "$old_app"
	wait_for 60 is 'healthy' health oc_app
	wait_for 30 is 200 status https://127.0.0.1/api/health
}

@test "data survive down and up; down leaves only volumes" {
	rows=$(sql 'select count(*) from tasks')
	(cd ../ai && berth down -t 0)
	prod down
	[ -z "$(prod ps -aq)" ]
	make prod </dev/null
	[ "$(sql 'select count(*) from tasks')" = "$rows" ]
	prod down -v
	run ! grep octocode <(docker volume ls -q)
}

@test "OCTO-03 OCTO-19 OCTO-31 development: every port, the inspector, the tools" {
	sed -i 's/octocode-prod_outside/octocode_default/' ../ai/compose.yaml
	make dev
	(cd ../ai && berth up -d --wait)
	make migrate seed
	wait_for 120 curl -sf http://127.0.0.1:3000/api/health
	for port in 3001 5050 8025 1025 6379 5432; do
		wait_for 240 answers $port
	done
	dev exec -T oc_app npm run dev:debug
	wait_for 60 curl -sf http://127.0.0.1:9229/json
	wait_for 60 curl -sfL -o login http://127.0.0.1:5050/
	grep -q 'pgAdmin' login
	run -0 dev exec -T oc_database psql -U octocode -d octocode -Atc 'select count(*) from users'
	[ "$output" = 2 ]
}

@test "OCTO-40 a mail is caught" {
	[ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' \
		-d '{"email":"ada@example.org"}' http://127.0.0.1:3000/api/invite)" = 202 ]
	subject() { curl -s http://127.0.0.1:8025/email | jq -r '.[0].subject'; } # MailDev's; MailHog: /api/v2/messages
	wait_for 20 is 'Welcome to OctoCode' subject
}

@test "a browser shows the mail, and the way into pgAdmin" {
	need_browser
	run -0 browser http://127.0.0.1:8025/ 'return document.body.innerText.match(/Welcome to OctoCode/)?.[0]'
	run -0 browser http://127.0.0.1:5050/ 'return document.querySelector("[name=password]") && document.title'
	[[ $output == *pgAdmin* ]]
}

@test "watch: a file of the set-up goes into the container, which begins again with it" {
	wait_for 60 curl -sf -o /dev/null http://127.0.0.1:3000/
	"$BERTH" -f docker-compose.dev.yml watch --no-up oc_app >watched 2>&1 3>&- &
	local watcher=$!
	wait_for 60 grep -q 'Watch enabled' watched
	sed -i 's/poweredByHeader: false/poweredByHeader: true/' next.config.js
	powered() { curl -s -D - -o /dev/null http://127.0.0.1:3000/ | grep -qi '^x-powered-by: next'; }
	wait_for 120 powered
	kill $watcher
}

@test "hot reload: an edited page is served without a build" {
	wait_for 60 curl -sf -o /dev/null http://127.0.0.1:3000/
	sed -i 's/<h1>OctoCode/<h1>EightCode/' pages/index.tsx
	reloaded() { curl -s http://127.0.0.1:3000/ | grep -q EightCode; }
	wait_for 60 reloaded
}

@test "OCTO-18 exec as root changes owners" {
	run -0 --separate-stderr dev exec -T -u 0 oc_app sh -c 'chown -R octodev:octodev /app/.next && stat -c %U /app/.next'
	[ "$output" = octodev ]
}

@test "OCTO-27 code quality in the container" {
	make lint
	make typecheck
	make test
}

@test "OCTO-21 clean-dev leaves nothing" {
	(cd ../ai && berth down -t 0)
	run -0 make clean-dev
	[ -z "$(dev ps -aq)" ]
	run ! grep octocode <(docker volume ls -q)
	wait_for 100 no_trace
}
