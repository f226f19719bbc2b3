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
	export ANTHROPIC_BASE_URL=http://ai ANTHROPIC_API_KEY=key-of-the-tests
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
		            if (body.includes("too much")) r.statusCode = 429;
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
load_begin() { # several clients ask all the time, until load_end: see load.js
	rm -f done
	node "$TESTS/stacks/load.js" "$PWD/done" >load 2>&1 3>&- &
	load=$!
}
load_end() { # nobody has been refused
	local why=0
	touch done
	wait $load || why=$?
	cat load
	return $why
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
	for job in $(sed -n 's/^ *run: make //p' .github/workflows/ci.yml); do
		make -n "$job" >/dev/null
	done
	for f in docker/security/scan.sh docker/prod/backup-scripts/*.sh docker/scripts/*.sh; do
		[ -x "$f" ]
		sh -n "$f"
	done
}

@test "OCTO-01 OCTO-02 docker-compose without a file is development" {
	diff <(docker-compose config) <(dev config)
}

@test "OCTO-27 every target of the Makefile is there" { # and run by the tests below
	for target in quick-start dev-build dev dev-stop dev-restart dev-logs dev-shell dev-db-shell \
		dev-redis-shell migrate migrate-reset seed lint test typecheck prod-build prod prod-scale \
		prod-logs status logs logs-app logs-db backup restore security security-start \
		security-scan-dockerfile security-scan-secrets check-env ci-security ci-build ci-deploy clean-dev; do
		make -n $target BACKUP=x >/dev/null
	done
}

@test "OCTO-27 dev-build and prod-build build, from the cache of steps" {
	export BERTH_ROOT=$BERTH_TEST_CACHE/berth BERTH_RUN=$BERTH_HOME/b BERTH_TIMEOUT=200
	run -0 make prod-build dev-build COMPOSE="$BERTH"
	[[ $output == *'oc_app  Built'*'oc_app  Built'* ]]
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
	run -0 make check-env
	BACKUP_RETENTION_DAYS=-1 POSTGRES_MAX_CONNECTIONS=many NEXTAUTH_URL=nowhere BACKUP_SCHEDULE=daily run ! make check-env
	for name in BACKUP_RETENTION_DAYS POSTGRES_MAX_CONNECTIONS NEXTAUTH_URL BACKUP_SCHEDULE; do
		[[ $output == *$name* ]]
	done
	[ "$(stat -c %a secrets)" = 700 ]
	echo change-me >secrets/redis_password
	run ! docker/scripts/check-env.sh prod
	[[ $output == *redis_password* ]]
	rm -f secrets/redis_password
	docker/scripts/init-secrets.sh
	run ! grep -F -f <(cat secrets/*) <(prod config)
}

@test "OCTO-25 OCTO-22 one command deploys, without a terminal, twice the same" {
	make prod <&- >first 2>&1 3>&-
	before=$(prod ps -q | sort)
	make ci-deploy <&- >second 2>&1 3>&-
	[ "$(prod ps -q | sort)" = "$before" ]
	run ! grep $'\e' first second # no picture where there is no terminal
	for s in oc_app oc_worker oc_database oc_redis oc_nginx oc_backup oc_observability; do
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
	for s in oc_worker oc_nginx oc_database oc_redis oc_backup oc_observability; do
		[ "$(docker inspect "$(prod ps -q $s | head -n 1)" | jq -c '.[0].HostConfig | [.ReadonlyRootfs, .CapDrop, .SecurityOpt[0]]')" = \
			'[true,["ALL"],"no-new-privileges:true"]' ]
	done
}

@test "OCTO-09 the database is on a network without a way out; nginx is not in it" {
	run -0 prod exec -T oc_database bash -c 'awk "\$2 == \"00000000\"" /proc/net/route | wc -l'
	[ "$output" = 0 ]
	run ! prod exec -T oc_nginx bash -c 'exec 3<>/dev/tcp/oc_database/5432'
}

@test "OCTO-10 secrets are files, read-only, and in no environment" {
	run -0 prod exec -T oc_app cat /run/secrets/app_db_password
	[ "$output" = "$(cat secrets/app_db_password)" ]
	[ "$(prod exec -T oc_app stat -c '%u %a' /run/secrets/app_db_password)" = '0 444' ]
	run ! prod exec -T -u 0 oc_app sh -c 'echo x >/run/secrets/app_db_password'
	run ! grep -F -f <(cat secrets/*) <(prod exec -T oc_app env)
	run ! prod exec -T oc_app cat /run/secrets/postgres_password
}

@test "OCTO-14 limits are the kernel's" {
	run -0 prod exec -T oc_app sh -c 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes'
	[ "$output" = 536870912 ]
	run -0 prod exec -T oc_app sh -c 'cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us'
	[[ $output == 100000* ]]
	run -0 prod exec -T oc_app sh -c 'cat /sys/fs/cgroup/memory.low 2>/dev/null || cat /sys/fs/cgroup/memory/memory.soft_limit_in_bytes'
	[ "$output" = 268435456 ]
	run -0 --separate-stderr dev config --format json
	jq -e '[.services[].deploy.resources.limits // empty] | length == 0' <<<"$output"
}

@test "OCTO-28 TLS, redirect, compression, headers, limits" {
	[ "$(status http://127.0.0.1/)" = 301 ]
	speaks() { openssl s_client -connect 127.0.0.1:443 -cipher ALL:@SECLEVEL=0 "$@" </dev/null; }
	run ! speaks -tls1_1
	[[ $output == *'alert protocol version'* ]]
	run -0 speaks -tls1_2
	run -0 speaks -tls1_3
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
	redis() { prod exec -T oc_redis sh -c 'redis-cli --no-auth-warning -a "$(cat /run/secrets/redis_password)" "$@"' -- "$@"; }
	redis set kept yes
	prod restart -t 10 oc_redis
	wait_for 30 is yes redis get kept
	wait_for 30 is 200 status https://127.0.0.1/api/health
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
	[ "$(post /api/tasks '{"prompt":"too much"}')" = 202 ]
	limited() {
		for i in 1 2; do
			prod exec -T --index $i oc_worker node -e 'fetch("http://localhost:9464/metrics").then((r) => r.text()).then(console.log)'
		done | grep -q 'octocode_ai_requests_total{status="429"} 1'
	}
	wait_for 20 limited
	[ "$(sql "select state from tasks where prompt = 'too much'")" = failed ]
}

@test "OCTO-39 what a killed worker had in hand another one does" {
	id=$(sql "insert into tasks (prompt) values ('left behind') returning id" | head -n 1)
	prod exec -T oc_redis sh -c 'redis-cli --no-auth-warning -a "$(cat /run/secrets/redis_password)" lpush doing:gone '"$id"
	finished() { [ "$(sql "select state from tasks where id = $id")" = done ]; }
	wait_for 40 finished
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
	run -0 prod exec -T oc_observability promtool check rules /etc/prometheus/alert_rules.yml
	up() { curl -s 'http://127.0.0.1:9090/api/v1/query' --data-urlencode "query=sum(up{job=\"$1\"})" | jq -r '.data.result[0].value[1]'; }
	wait_for 90 is 2 up oc_app
	wait_for 90 is 2 up oc_worker
}

@test "OCTO-11 more replicas get requests without a word to nginx" {
	proxy() { prod exec -T oc_nginx sh -c 'grep -lsx nginx /proc/[0-9]*/comm' | sort; } # its processes
	before=$(proxy)
	make prod-scale REPLICAS=3
	[ "$(prod ps -q oc_app | wc -l)" = 3 ]
	asked() { # the number of replicas that have answered the proxy
		for _ in $(seq 12); do site -o /dev/null https://127.0.0.1/?who; done
		for i in 1 2 3; do
			prod exec -T --index $i oc_app node -e 'fetch("http://localhost:3000/api/metrics").then((r) => r.text()).then(console.log)'
		done | grep -c 'octocode_http_requests_total{route="/",'
	}
	wait_for 20 is 3 asked
	[ -n "$before" ] && [ "$(proxy)" = "$before" ] # a reload makes new ones
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
	printf 'FROM octocode/app:1.0.0\nENV RELEASE=2\n' | berth build -q -t octocode/app:2.0.0 -f - .
	released() { prod exec -T "$1" sh -c 'echo $RELEASE'; }
	images() { prod ps -q oc_app oc_worker | xargs -n 1 docker inspect -f '{{.Config.Image}}' | sort -u; }
	load_begin
	OCTOCODE_VERSION=2.0.0 run -0 make prod-update
	[ "$(images)" = octocode/app:2.0.0 ]
	[ "$(released oc_app)$(released oc_worker)" = 22 ]
	run -0 make prod-rollback
	[ "$(images)" = octocode/app:1.0.0 ]
	[ -z "$(released oc_app)" ]
	load_end
}

@test "OCTO-37 the health is the truth: without Redis it is bad, and good again after" {
	prod stop -t 5 oc_redis
	wait_for 30 is 503 status https://127.0.0.1/api/health
	prod start oc_redis
	wait_for 30 is 200 status https://127.0.0.1/api/health
}

@test "OCTO-16 stats: a table, a form, the kernel's figures" {
	run -0 docker stats --no-stream
	for column in 'CONTAINER ID' NAME 'CPU %' 'MEM USAGE / LIMIT' 'MEM %' 'NET I/O' 'BLOCK I/O' PIDS; do
		[[ ${lines[0]} == *$column* ]]
	done
	run -0 prod stats --no-stream --format json
	[ "$(jq -rs 'flatten | length' <<<"$output")" -ge 8 ]
	name=$(prod ps --format '{{.Name}}' oc_database)
	run -0 docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' "$name"
	[[ $output == "$name "*" / 1GiB" ]]
	# Within a half of what the group says: both move.
	kernel=$(prod exec -T oc_database sh -c 'cat /sys/fs/cgroup/memory.current 2>/dev/null || cat /sys/fs/cgroup/memory/memory.usage_in_bytes')
	numfmt --from=auto --suffix=B "$(awk '{ print $2 }' <<<"$output" | sed 's/iB$/iB/')" |
		tr -d B | awk -v k="$kernel" '{ exit !($1 > k / 8 && $1 < k * 1.5) }'
	timeout 20 "$BERTH" -f docker-compose.prod.yml stats >live 2>&1 3>&- &
	live=$!
	again() { [ "$(grep -c oc_nginx live)" -ge 2 ]; } # it is drawn anew
	wait_for 15 again
	kill $live
}

@test "OCTO-20 logs: of one, of all, the last, since" {
	run -0 prod logs --tail 1 oc_worker
	[[ $output != *oc_database* && ${#lines[@]} -le 2 ]]
	run -0 prod logs --tail 2
	for s in oc_app oc_worker oc_database oc_nginx; do
		[[ $output == *$s-* ]]
	done
	site -o /dev/null 'https://127.0.0.1/?long-ago'
	logged() { prod logs oc_nginx | grep -q "$1"; }
	wait_for 10 logged long-ago
	since=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
	site -o /dev/null 'https://127.0.0.1/?just-now'
	wait_for 10 logged just-now
	run -0 prod logs --since "$since" oc_nginx
	[[ $output == *just-now* && $output != *long-ago* ]]
}

follows() { # TARGET TEXT: make TARGET goes on and says TEXT
	setsid make "$1" >followed 2>&1 3>&- &
	local pid=$!
	wait_for 60 grep -q "$2" followed
	kill -0 $pid && kill -- -$pid
}

@test "OCTO-24 OCTO-27 status and the logs of the Makefile" {
	well() { [ "$(make status | grep -c '(healthy)')" -ge 9 ]; }
	wait_for 60 well
	run -0 make status
	for s in oc_nginx oc_app oc_worker oc_database oc_redis oc_backup oc_observability; do
		grep -q "$s.*(healthy)" <<<"$output"
	done
	grep -q 'oc_migrate.*Exited (0)' <<<"$output"
	follows prod-logs oc_redis
	follows logs oc_database
	follows logs-app listening
	follows logs-db 'ready to accept'
}

@test "OCTO-SEC-09 OCTO-27 the security file runs beside: its scanner is asked, its watcher is in the network" {
	# The two images are in none of our registries: what takes their names here shows what they are given.
	cat >stub <<-'END'
		FROM redis:7
		USER root
		COPY --chmod=755 <<'EOF' /usr/local/bin/stub
		#!/bin/sh
		echo "asked: $*"
		case "$*" in
		"-c "*) exec redis-server --port 8765 ;;
		*--input*) test -s /image/app.tar ;;
		*) test -f /src/Dockerfile && ! touch /src/x 2>/dev/null ;;
		esac || exit 5
		exit $(cat /src/stub-says 2>/dev/null || echo 0)
		EOF
		RUN ln -s stub /usr/local/bin/falco
	END
	berth pull -q redis:7
	berth build -q -t falcosecurity/falco-no-driver:0.39.1 -f stub .
	printf 'FROM falcosecurity/falco-no-driver:0.39.1\nENTRYPOINT ["stub"]\n' | berth build -q -t aquasec/trivy:0.56.2 -f - .
	prods=$(prod ps -q | sort)
	run -0 make security-start
	seen() { prod exec -T oc_observability bash -c 'exec 3<>/dev/tcp/falco/8765'; }
	wait_for 30 seen
	[ "$(prod ps -q | sort)" = "$prods" ]
	run -0 make security-scan-dockerfile
	[[ $output == *'asked: config'*'--severity HIGH,CRITICAL --exit-code 1'*' /src'* ]]
	run -0 make security-scan-secrets
	[[ $output == *'asked: fs --scanners secret'*'/src/docker/prod/ssl'* ]]
	run -0 make ci-security # all three, the image handed over as a file
	[[ $output == *'asked: config'*'asked: fs'*'asked: image'*'--input /image/app.tar'* ]]
	echo 1 >stub-says
	run ! make security # what is found fails, and nothing is left out
	[[ $output == *'asked: config'*'asked: fs'*'asked: image'* ]]
	rm stub-says
	docker-compose -f docker/security/docker-compose.security.yml down -v -t 1
	berth image rm -f aquasec/trivy:0.56.2 falcosecurity/falco-no-driver:0.39.1
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

@test "data survive down and up" {
	rows=$(sql 'select count(*) from tasks')
	(cd ../ai && berth down -t 0)
	prod down
	[ -z "$(prod ps -aq)" ]
	make prod
	[ "$(sql 'select count(*) from tasks')" = "$rows" ]
}

@test "OCTO-03 OCTO-19 OCTO-31 development: every port, the inspector, the tools" {
	sed -i 's/octocode-prod_outside/octocode_default/' ../ai/compose.yaml
	docker inspect octocode/app:1.0.0 >/dev/null
	make -o dev-build quick-start # dev-build has run above
	(cd ../ai && berth up -d --wait)
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
	[ "$(dev exec -T oc_database psql -U octocode -Atc 'show max_connections')" = 50 ]
	dev exec -T oc_redis redis-cli config get appendonly | grep -qx yes
}

@test "OCTO-17 inspect oc_app_dev" {
	run -0 docker inspect oc_app_dev
	jq -e '.[0] | .Name == "/oc_app_dev" and (.State | .Status == "running" and .Running and .Pid > 0 and .ExitCode == 0 and has("Health"))
		and (.Config | .User == "octodev" and .Image == "octocode/app:dev" and (.Env | any(startswith("NODE_ENV="))) and .WorkingDir == "/app"
			and .Labels["com.docker.compose.service"] == "oc_app")
		and (.HostConfig | .PortBindings["3000/tcp"][0].HostPort == "3000" and .ReadonlyRootfs == false and has("Memory") and has("RestartPolicy"))
		and (.NetworkSettings | .Ports["9229/tcp"][0].HostPort == "9229" and .Networks.octocode_default.IPAddress != "")
		and (.Mounts | any(.Type == "bind" and .Destination == "/app/pages" and .RW) and any(.Type == "volume" and .Destination == "/app/.next"))' <<<"$output"
	[ "$(docker inspect -f '{{.State.Status}} {{(index .NetworkSettings.Networks "octocode_default").IPAddress}}' oc_app_dev)" = \
		"running $(dev exec -T oc_app hostname -i)" ]
}

@test "OCTO-27 the shells and logs of development" {
	run -0 make dev-shell <<<'id -u; pwd'
	[[ $output == *1001*/app* ]]
	run -0 make dev-db-shell <<<'select count(*) from schema_migrations;'
	[[ $output == *' 1'* ]]
	run -0 make dev-redis-shell <<<'ping'
	[[ $output == *PONG* ]]
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

@test "OCTO-18 exec as root changes owners, in the image, a volume and a folder of the host" {
	[ "$(stat -c %u pages/index.tsx)" != 1001 ]
	dev exec -T -u 0 oc_app chown -R octodev:octodev /app
	run -0 --separate-stderr dev exec -T oc_app stat -c %U /app/.next /app/package.json /app/pages/index.tsx
	[ "$output" = $'octodev\noctodev\noctodev' ]
	[ "$(stat -c %u pages/index.tsx)" = 1001 ]
}

@test "OCTO-27 code quality in the container, also as one step of CI" {
	run -0 make -o prod-build -o dev-build ci-build
	[[ $output == *'tsc --noEmit'* && $output == *eslint* && $output == *'# pass 2'* ]]
}

@test "OCTO-27 OCTO-38 migrate-reset begins with nothing; dev-stop and dev-restart" {
	users() { dev exec -T oc_database psql -U octocode -d octocode -Atc 'select count(*) from users'; }
	[ "$(users)" = 2 ]
	make migrate-reset
	[ "$(users)" = 0 ]
	make seed
	[ "$(users)" = 2 ]
	(cd ../ai && berth down -t 0)
	make dev-stop
	[ -z "$(dev ps -aq)" ]
	make dev-restart
	wait_for 30 is 2 users
}

@test "OCTO-21 clean-dev leaves nothing of development, and production as it was" {
	state() { prod ps -q | sort && docker volume ls -q | grep octocode-prod | sort && docker image ls -q octocode/app:1.0.0; }
	before=$(state)
	run -0 make clean-dev
	[ -z "$(dev ps -aq)" ]
	run ! grep '^octocode_' <(docker volume ls -q)
	run ! docker image inspect octocode/app:dev
	[ "$(state)" = "$before" ]
	is 200 status https://127.0.0.1/api/health
}

@test "production goes without a trace too" {
	prod down -v
	run ! grep octocode <(docker volume ls -q)
	wait_for 100 no_trace
}
