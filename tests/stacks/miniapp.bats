#!/usr/bin/env bats
# stacks/miniapp: the requirements of its document, by their ids.
# images: postgres=postgres:15 redis=redis:7 nginx=nginx:1 stacks/miniapp/backend=miniapp/backend:1 stacks/miniapp/bot=miniapp/bot:1 stacks/miniapp/frontend=miniapp/frontend:1 stacks/miniapp/frontend:development=miniapp/frontend:dev
# npm: ws@8.18.0
load ../e2e/lib
load lib

setup_file() {
	root_up
	weigh
	registry_of_images
	export BERTH_TIMEOUT=240 # a cold start of everything, on a busy machine
	cp -r "$TESTS/../stacks/miniapp" "$BERTH_HOME/miniapp"
	cd "$BERTH_HOME/miniapp"
	rm -f .env
	install -m 600 <(sed s/change-me/secret/ .env.example) .env
	telegram
	PROJECT=miniapp keep_traces
}
teardown_file() {
	for dir in engine telegram; do
		(cd "$BERTH_HOME/$dir" && berth --profile '*' down -v -t 0) >/dev/null 2>&1
	done
	cd "$BERTH_HOME/miniapp" && prod --profile '*' down -v -t 1 >/dev/null 2>&1
	root_down
}
setup() {
	PROJECT=miniapp
	cd "$BERTH_HOME/miniapp" || return
}
teardown() { :; }

# In the place of the Bot API: a server in a container of another project, whose answers are logged.
telegram() {
	mkdir -p "$BERTH_HOME/telegram"
	cat >"$BERTH_HOME/telegram/compose.yaml" <<-'END'
		services:
		  api:
		    image: miniapp/backend:1
		    networks: {miniapp_edge: {aliases: [telegram]}}
		    command:
		      - python3
		      - -c
		      - |
		        import http.server
		        class H(http.server.BaseHTTPRequestHandler):
		            def do_POST(self):
		                body = self.rfile.read(int(self.headers["Content-Length"]))
		                print(self.path, body.decode(), flush=True)
		                self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
		        http.server.HTTPServer(("", 80), H).serve_forever()
		    user: "0"
		    healthcheck:
		      test: [CMD, python3, -c, 'import socket; socket.create_connection(("127.0.0.1", 80))']
		      start_period: 60s
		      start_interval: 100ms
		      timeout: 30s
		networks:
		  miniapp_edge: {external: true}
	END
	echo TELEGRAM_API_URL=http://telegram >>"$BERTH_HOME/miniapp/.env"
}

dev() { berth -f docker-compose.yml -f docker-compose.dev.yml "$@"; }
prod() { HTTP_PORT=80 HTTPS_PORT=443 berth -f docker-compose.yml -f docker-compose.prod.yml "$@"; }
of() { prod ps -a --format json | jq -rs --arg s "$1" 'flatten | map(select(.Service == $s))[0] | .'"$2"; }
site() { curl -sk "$@"; } # the certificate is the stack's own
status() { site -o /dev/null -w '%{http_code}' "$@"; }
sql() { prod exec -T postgres psql -U miniapp -d miniapp -Atc "$1"; }
is() { [ "$("${@:2}")" = "$1" ]; }
inside() { # SERVICE COMMAND...: what it prints in a container of the project here
	berth exec -T "$@"
}
# SERVICE FILE-OF-V2 FILE-OF-V1: what the kernel says of its group
group_of() { inside "$1" sh -c "cat /sys/fs/cgroup/$2 2>/dev/null || cat /sys/fs/cgroup/$3"; }

@test "FTR-54 FTR-62 FTR-48 the three files and how they differ" {
	run -0 --separate-stderr prod config --format json
	jq -e '(.services | map(select(.ports)) | length) == 1
		and (.services | to_entries | map(select(.value.restart == "always")) | length) >= 6
		and .services.backend.deploy.resources.limits.memory == "536870912"
		and .services.backend.environment.WORKERS == "2"
		and .services.backend.read_only
		and ([.services.backend.volumes // []] | flatten | length) == 0' <<<"$output"
	run -0 --separate-stderr dev config --format json
	jq -e '.services.backend.environment.WORKERS == "1"
		and .services.backend.restart == "on-failure"
		and .services.backend.healthcheck.interval == "30s"
		and (.services.backend.deploy.resources.limits // null) == null
		and .services.backend.volumes[0].type == "bind"' <<<"$output"
}

@test "FTR-38 missing variables are named, all of them, before anything starts" {
	for verb in 'up -d' 'env check'; do
		# shellcheck disable=SC2086
		run -1 berth -f docker-compose.yml --env-file /dev/null $verb
		for name in POSTGRES_USER POSTGRES_PASSWORD BOT_TOKEN WEBHOOK_SECRET; do
			[[ $output == *$name* ]]
		done
	done
	run -0 prod ps -aq
	[ -z "$output" ]
}

@test "FTR-39 FTR-40 FTR-41 wrong values are told together, a secret's without it" {
	run -0 berth env check
	BOT_TOKEN=xyzzy BACKEND_WORKERS=0 LOG_LEVEL=loud HTTPS_PORT=99999 TELEGRAM_API_URL=no run -2 berth env check
	for name in BOT_TOKEN BACKEND_WORKERS LOG_LEVEL HTTPS_PORT TELEGRAM_API_URL HTTP_PORT; do
		[[ $output == *$name* ]]
	done
	[[ $output != *xyzzy* ]]
	BACKEND_WORKERS=0 run ! prod up -d
	[[ $output == *BACKEND_WORKERS* ]]
	run -0 prod ps -aq
	[ -z "$output" ]
}

@test "FTR-58 FTR-63 what the applications are told; .env is its owner's alone" {
	run -0 --separate-stderr prod config --format json
	jq -e '.services.backend.environment | has("WORKERS") and has("DB_POOL_SIZE") and has("REDIS_URL") and has("LOG_LEVEL")' <<<"$output"
	[ "$(stat -c %a .env)" = 600 ]
	grep -qx .env .gitignore
}

@test "FTR-37 the shell overrides --env-file, which replaces .env; defaults" {
	of_redis() { "$@" config --format json 2>/dev/null | jq -r '.services.redis.command[3]'; }
	cp .env other && echo REDIS_MAXMEMORY=9mb >>other
	[ "$(of_redis berth)" = 128mb ]
	[ "$(of_redis berth --env-file other)" = 9mb ]
	[ "$(REDIS_MAXMEMORY=7mb of_redis berth --env-file other)" = 7mb ]
	[ "$(of_redis berth --env-file <(grep -v MAXMEMORY .env))" = 128mb ]
}

@test "FTR-02 FTR-03 FTR-61 production comes up, migrations once and before the rest" {
	run -0 prod up -d --wait
	[ "$(of migrations State)" = exited ]
	[ "$(of migrations ExitCode)" = 0 ]
	for s in postgres redis backend bot frontend nginx; do
		[ "$(of $s Health)" = healthy ]
	done
}

@test "FTR-60 the version of the schema is kept" {
	[ "$(sql 'select version_num from alembic_version')" = 0001 ]
	run -0 prod logs migrations
	[[ $output == *'Running upgrade'*0001* ]]
}

@test "FTR-04 networks and volumes, databases, migrations, applications, the proxy: in this order" {
	started() { berth inspect -f '{{.State.StartedAt}}' "$(of "$1" Name)"; }
	for pair in 'postgres migrations' 'redis backend' 'migrations backend' 'backend bot' 'bot nginx' 'frontend nginx'; do
		# shellcheck disable=SC2086
		set -- $pair
		[[ $(started "$1") < $(started "$2") ]]
	done
}

@test "FTR-47 a container sees its own interfaces only" {
	run -0 prod exec -T postgres ls /sys/class/net
	[ "$output" = $'eth0\nlo' ]
}

@test "FTR-52 a replica follows when its profile is on" {
	run -0 prod --profile replicas up -d --no-deps redis-replica
	linked() { prod exec -T redis-replica redis-cli info replication | grep -q 'master_link_status:up'; }
	wait_for 20 linked
	prod exec -T redis redis-cli set copied yes
	wait_for 5 is yes prod exec -T redis-replica redis-cli get copied
	prod --profile replicas rm -fs redis-replica
}

@test "FTR-50 a second backend shares the work" {
	run -0 prod up -d --wait --no-recreate --scale backend=2
	[ "$(prod ps -q backend | wc -l)" = 2 ]
	shared() { # the proxy asks for the name again every five seconds
		for _ in 1 2 3 4; do is 200 status https://127.0.0.1/api/players || return; done
		run -0 prod logs backend
		[[ $output == *backend-1*'GET /api/players'* && $output =~ backend-2[^$'\n']*'GET /api/players' ]]
	}
	wait_for 30 shared
	prod up -d --wait --no-recreate
	[ "$(prod ps -q backend | wc -l)" = 1 ]
}

@test "FTR-05 FTR-08 only the proxy is published" {
	answers 80 443
	for port in 5432 6379 8000 8001 5173 8080; do
		run ! answers $port
	done
}

@test "FTR-06 the databases' network has no way out, the proxy is not in it" {
	run -0 prod exec -T postgres bash -c 'awk "\$2 == \"00000000\"" /proc/net/route | wc -l'
	[ "$output" = 0 ]
	run ! prod exec -T nginx bash -c 'exec 3<>/dev/tcp/postgres/5432'
}

@test "FTR-57 redirect, TLS, headers, caching, compression" {
	[ "$(status http://127.0.0.1/)" = 301 ]
	run -0 site -D - -o page https://127.0.0.1/
	grep -qi '^strict-transport-security' <<<"$output"
	grep -qi '^cache-control: no-cache' <<<"$output"
	grep -q 'id="root"' page
	asset=$(grep -o '/assets/[^"]*\.js' page)
	run -0 site -D - -o bundle.gz -H 'Accept-Encoding: gzip' "https://127.0.0.1$asset"
	grep -qi '^cache-control: .*immutable' <<<"$output"
	grep -qi '^content-encoding: gzip' <<<"$output"
	speaks() { openssl s_client -connect 127.0.0.1:443 -cipher ALL:@SECLEVEL=0 "$@" </dev/null; }
	run ! speaks -tls1_1
	[[ $output == *'alert protocol version'* || $output == *'no protocols available'* ]]
	run -0 speaks -tls1_2
	run -0 speaks -tls1_3
	[ "$(site https://127.0.0.1/nginx-health)" = ok ]
	[ "$(prod exec -T nginx grep -c "GET $asset HTTP" /var/log/miniapp/access.log)" = 1 ]
}

@test "FTR-59 FTR-69 the bundle calls the API; routes of the page are the page" {
	gunzip -c <bundle.gz | grep -q '/api'
	run -0 prod exec -T frontend sh -c 'ls /usr/share/nginx/html; ! command -v node'
	[ "$output" = $'assets\nindex.html' ]
	[ "$(status https://127.0.0.1/some/route)" = 200 ]
}

@test "FTR-64 FTR-71 the API keeps players, a name once" {
	wait_for 20 is 200 status https://127.0.0.1/ready
	[ "$(status -H 'Content-Type: application/json' -d '{"name":"ada"}' https://127.0.0.1/api/players)" = 201 ]
	[ "$(status -H 'Content-Type: application/json' -d '{"name":"ada"}' https://127.0.0.1/api/players)" = 409 ]
	run -0 site https://127.0.0.1/api/players
	[ "$output" = '["ada"]' ]
	run -0 prod exec -T backend python3 -c \
		'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8000/metrics").read().decode())'
	[[ $output == *http_requests_total* ]]
}

@test "a browser shows the players that the API keeps" {
	need_browser
	run -0 browser https://127.0.0.1/ 'return document.querySelector("li")?.innerText'
	[ "$output" = ada ]
}

@test "FTR-66 FTR-67 FTR-68 the bot pairs two players through the backend and tells Telegram" {
	(cd ../telegram && berth up -d --wait)
	update() { # CHAT TEXT [SECRET]
		status -H 'Content-Type: application/json' \
			-H "X-Telegram-Bot-Api-Secret-Token: ${3:-secret-too}" \
			-d "{\"message\":{\"chat\":{\"id\":$1},\"text\":\"$2\"}}" https://127.0.0.1/webhook
	}
	[ "$(update 1 /start wrong)" = 403 ]
	[ "$(update 1 /start)" = 200 ]
	[ "$(update 1 '/play bob')" = 200 ]
	[ "$(update 2 '/play eve')" = 200 ]
	paired() { (cd ../telegram && berth logs api) | grep -q 'you play bob'; }
	wait_for 10 paired
	[ "$(sql 'select count(*) from matches')" = 1 ]
	ttl=$(prod exec -T redis redis-cli ttl session:1)
	[ "$ttl" -gt 3300 ] && [ "$ttl" -le 3600 ]
	too_many() { [ "$(update 3 hello)" = 429 ]; }
	wait_for 20 too_many
	(cd ../telegram && berth down -t 1)
}

@test "FTR-57 a WebSocket passes through the proxy" {
	run -0 timeout 120 node -e '
		const WebSocket = require("ws");
		const open = (name) => new WebSocket("wss://127.0.0.1/ws?name=" + name, { rejectUnauthorized: false });
		const first = open("bob");
		first.on("open", () => setTimeout(() => open("eve"), 500));
		first.on("message", (m) => { console.log(JSON.parse(m).with); process.exit(0); });'
	[ "$output" = eve ]
}

@test "FTR-55 FTR-56 the servers obey their files" {
	# What a line of the file asks for is what runs, or it would be among these.
	[ "$(sql "select count(*) from pg_file_settings where error is not null or not applied")" = 0 ]
	[ "$(sql "select count(*) from pg_file_settings")" = "$(grep -c = postgres/postgresql.conf)" ]
	[ "$(sql 'show shared_buffers')" = 64MB ]
	[ "$(sql 'show max_connections')" = 100 ]
	run -0 prod exec -T redis redis-cli config get maxmemory
	[[ $output == *134217728* ]]
	run -0 prod exec -T redis redis-cli config get maxmemory-policy
	[[ $output == *volatile-lru* ]]
	run -0 prod exec -T redis redis-cli config get 'maxclients'
	[[ $output == *500* ]]
	run -0 prod exec -T redis redis-cli config get appendonly
	[[ $output == *yes* ]]
	run -0 prod exec -T redis redis-cli config get save
	[[ $output == *'900 1 60 100'* ]]
}

@test "FTR-19 FTR-22 OCTO-07 limits and rights are the kernel's" {
	run -0 prod exec -T backend sh -c 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes'
	[ "$output" = 536870912 ]
	run -0 prod exec -T backend grep -E '^(CapEff|NoNewPrivs)' /proc/1/status
	[[ $output == *0000000000000000* ]]
	[[ $output == *$'NoNewPrivs:\t1'* ]]
	run ! prod exec -T backend touch /app/x
}

@test "FTR-11 what one service writes into a volume another reads" {
	run -0 prod exec -T nginx cat /etc/nginx/certs/server.pem
	openssl x509 -noout -ext subjectAltName <<<"$output" | grep -q DNS:localhost
	run ! prod exec -T nginx touch /etc/nginx/certs/x
}

@test "FTR-25 FTR-65 without Redis the API answers and is not ready; it recovers by itself" {
	prod stop -t 5 redis
	# A backend that has not been ready for a minute is started again: a moment without an answer.
	wait_for 15 is 503 status https://127.0.0.1/ready
	wait_for 15 is 200 status https://127.0.0.1/health
	wait_for 15 is 200 status https://127.0.0.1/api/players
	prod start redis
	wait_for 15 is 200 status https://127.0.0.1/ready
}

@test "FTR-65 a database that hangs is left alone after some failures, and asked again later" {
	export BACKEND_WORKERS=1 # one process, one circuit
	prod up -d --wait backend
	circuit() { # NAME: 1 is open
		prod exec -T backend python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8000/metrics").read().decode())' |
			sed -n "s/^circuit_open{name=\"$1\"} //p"
	}
	new() { status -H 'Content-Type: application/json' -d '{"name":"late"}' https://127.0.0.1/api/players; }
	[ "$(circuit database)" = 0 ]
	prod stop -t 5 postgres
	opened() { is 503 new && is 1 circuit database; }
	wait_for 30 opened
	[ "$(site https://127.0.0.1/health)" = '{"status":"alive"}' ]
	prod start postgres
	wait_for 30 is 201 new
	[ "$(circuit database)" = 0 ]
	told() { prod logs --no-log-prefix backend | grep -q 'circuit of database is closed'; }
	wait_for 10 told
	sql "delete from players where name = 'late'"
}

@test "FTR-70 every line of a log is JSON with a level, a request's has its id" {
	run -0 site -D - -o /dev/null https://127.0.0.1/api/players
	id=$(sed -n 's/^x-request-id: \([0-9a-f]*\).*/\1/Ip' <<<"$output")
	told() { prod logs --no-log-prefix backend | jq -es --arg id "$id" 'all(.level) and any(.request_id == $id)'; }
	wait_for 10 told
	prod logs --no-log-prefix bot migrations | jq -es 'all(.level)'
}

@test "FTR-42 one variable changed recreates its service, and the proxy finds the new one" {
	before=$(prod ps -q postgres bot | sort)
	old=$(prod ps -q backend)
	DB_POOL_SIZE=9 run -0 prod up -d --wait
	[ "$(prod ps -q backend)" != "$old" ]
	[ "$(prod ps -q postgres bot | sort)" = "$before" ]
	wait_for 20 is 200 status https://127.0.0.1/ready
}

@test "FTR-07 a name is the living container's, over restarts and recreation" {
	address() { berth inspect -f '{{.NetworkSettings.Networks.miniapp_edge.IPAddress}}' "$(prod ps -q backend)"; }
	seen() { prod exec -T nginx getent ahostsv4 backend | awk '{ print $1 }' | sort -u; }
	rm -f done
	prod exec -T nginx sh -c 'while [ ! -e /tmp/done ]; do getent ahostsv4 backend; done' >looked 2>&1 3>&- &
	local looking=$!
	wait_for 20 test -s looked
	prod restart -t 5 backend
	wait_for 20 eval '[ "$(seen)" = "$(address)" ]'
	prod up -d --wait --force-recreate --no-deps backend
	[ "$(seen)" = "$(address)" ]
	prod exec -T nginx touch /tmp/done
	wait $looking
	# While it was asked for all the time nothing but addresses of this network was said.
	run ! grep -vE '^(10|172|192)\.' looked
}

@test "FTR-27 FTR-30 a crashed server comes back" {
	old=$(pgrep -xo redis-server)
	kill -9 "$old"
	again() { [ "$(pgrep -xo redis-server)" != "$old" ] && is healthy of redis Health; }
	wait_for 30 again
	wait_for 20 is 200 status https://127.0.0.1/ready
}

@test "FTR-10 data survive down and up" {
	prod down
	run -0 prod up -d --wait
	run -0 site https://127.0.0.1/api/players
	[[ $output == *ada* ]]
	prod down
}

# A project of its own, on the same images, for what the stack itself never does.
engine() {
	mkdir -p "$BERTH_HOME/engine" && cd "$BERTH_HOME/engine" || return
	FIRST_CPU=$(sed -n 's/^Cpus_allowed_list:\s*\([0-9]*\).*/\1/p' /proc/self/status)
	export FIRST_CPU
	[ -f compose.yaml ] || cat >compose.yaml <<-'END'
		x-idle: &idle {image: "redis:7", entrypoint: [sleep, "1000"], init: true, stop_grace_period: 1s}
		services:
		  limited:
		    <<: *idle
		    oom_score_adj: 300
		    cpu_shares: 512
		    cpuset: "$FIRST_CPU"
		    mem_limit: 64m
		    mem_reservation: 32m
		    memswap_limit: 96m
		    mem_swappiness: 10
		  greedy: {<<: *idle, entrypoint: [tail, /dev/zero], mem_limit: 32m, memswap_limit: 32m, mem_swappiness: 0, init: false}
		  busy: {<<: *idle, entrypoint: [sh, -c, 'while :; do :; done'], cpus: 0.1}
		  crashing: {image: "redis:7", entrypoint: ["false"], restart: always}
		  done: {image: "redis:7", entrypoint: ["true"], restart: on-failure}
		  filled: {<<: *idle, image: "miniapp/frontend:1", volumes: ["html:/usr/share/nginx/html"]}
		  owned: {<<: *idle, volumes: ["owned:/data", "small:/small", "html:/html:ro"]}
		  unhealthy:
		    <<: *idle
		    restart: always
		    healthcheck: {test: test ! -e /tmp/bad, interval: 1s, retries: 1}
		  hopeless: {image: "redis:7", entrypoint: ["false"], restart: "on-failure:2"}
		  never:
		    <<: *idle
		    profiles: [never]
		    healthcheck: {test: "false", interval: 300ms, retries: 2}
		  waits: {<<: *idle, profiles: [never], depends_on: {never: {condition: service_healthy}}}
		  base: {<<: *idle}
		  follower: {<<: *idle, depends_on: {base: {condition: service_started, restart: true}}}
		  secretive:
		    <<: *idle
		    secrets: [{source: s, uid: "999", mode: 0440}]
		  local: {<<: *idle, entrypoint: [redis-server], ports: ["127.0.0.1:8899:6379"]}
		  chatty:
		    <<: *idle
		    entrypoint: [sh, -c, 'seq 20000; sleep 1000']
		    logging: {options: {max-size: 10k, max-file: "2"}}
		secrets: {s: {file: ./s}}
		volumes: {html: , owned: , small: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}
	END
	echo first >s.new && [ -e s ] || mv s.new s
}

@test "FTR-20 FTR-21 FTR-22 FTR-23 the kernel is told of out-of-memory, swap, processors and shares" {
	engine
	run -0 berth up -d
	[ "$(inside limited cat /proc/1/oom_score_adj)" = 300 ]
	case $(group_of limited cpu.weight cpu/cpu.shares) in 512 | 20) ;; *) false ;; esac
	# Swap beyond the memory, or both together; a kernel may count none.
	case $(group_of limited memory.swap.max memory/memory.memsw.limit_in_bytes || echo none) in
	$((32 << 20)) | $((96 << 20)) | none) ;;
	*) false ;;
	esac
	if [ -e /sys/fs/cgroup/memory ]; then # the other kind has no swappiness of groups
		[ "$(inside limited cat /sys/fs/cgroup/memory/memory.swappiness)" = 10 ]
	fi
	[ "$(inside limited nproc)" = 1 ]
	held_back() { [ "$(group_of busy cpu.stat cpu/cpu.stat | awk '$1 == "nr_throttled" { print $2 }')" -gt 5 ]; }
	wait_for 20 held_back
	berth rm -fs busy
}

@test "FTR-19 what wants more than its memory is killed, and it is told" {
	engine
	ended() { is false berth inspect -f '{{.State.Running}}' greedy; }
	wait_for 30 ended
	[ "$(berth inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' greedy)" = 'true 137' ]
	case $(group_of limited memory.low memory/memory.soft_limit_in_bytes) in $((32 << 20))) ;; *) false ;; esac
}

@test "FTR-10 FTR-12 a new volume has the image's files and owner, its driver's options, and a name" {
	engine
	run -0 inside owned ls /html
	[[ $output == *index.html* ]]
	[ "$(inside owned stat -c %U /data)" = redis ]
	[ "$(inside owned stat -c '%u %a' /html/index.html)" = "$(inside filled stat -c '%u %a' /usr/share/nginx/html/index.html)" ]
	[ "$(inside owned df -k --output=size /small | tail -n 1 | tr -d ' ')" = 1024 ]
	[ "$(berth volume inspect -f '{{.Driver}} {{.Options.type}}' engine_small)" = 'local tmpfs' ]
	inside owned touch /data/kept
	berth up -d --force-recreate -t 1 owned
	inside owned ls /data/kept
}

@test "FTR-26 FTR-28 the unhealthy is restarted, the hopeless given up" {
	engine
	restarts() { berth inspect "$1" | jq '.[0].RestartCount'; }
	berth exec -T unhealthy touch /tmp/bad
	healed() { [ "$(restarts unhealthy)" -ge 1 ]; }
	wait_for 30 healed
	given_up() { [ "$(restarts hopeless)" = 2 ] && berth ps -a | grep 'hopeless.*Exited (1)'; }
	wait_for 30 given_up
	run -0 berth why hopeless
	[[ $output == *'gave up'* ]]
}

@test "FTR-27 FTR-30 what crashes waits longer each time; what ended well is left alone" {
	engine
	begins() { berth events --json --since 1h --until 0s crashing | jq -r 'select(.action == "start").time'; }
	often() { [ "$(begins | wc -l)" -ge 7 ]; }
	wait_for 40 often
	begins | python3 -c 'import datetime, sys
at = [datetime.datetime.fromisoformat(line[:26]) for line in sys.stdin]
gaps = [(b - a).total_seconds() for a, b in zip(at, at[1:])]
print(gaps)
assert all(gap >= 0.09 * 2 ** i for i, gap in enumerate(gaps[:8]))' # each time twice as long, or longer
	[ "$(berth inspect done | jq '.[0] | [.RestartCount, .State.ExitCode]' -c)" = '[0,0]' ]
	berth rm -fs crashing
}

@test "FTR-31 a dependency that never gets well fails the start, by name" {
	engine
	run ! berth --profile never up -d waits
	[[ $output == *never* && $output == *unhealthy* ]]
	[ "$(berth inspect -f '{{.State.Status}}' waits)" = created ]
	berth --profile never rm -fs never waits
}

@test "FTR-02 a migration that fails holds its dependents back, by name" {
	engine
	cat >failing.yml <<-'END'
		services:
		  migrates: {image: "redis:7", entrypoint: [sh, -c, "echo no such table; exit 3"], profiles: [never]}
		  after: {image: "redis:7", profiles: [never], depends_on: {migrates: {condition: service_completed_successfully}}}
	END
	failing() { berth -f compose.yaml -f failing.yml --profile never "$@"; }
	run ! failing up -d after
	[[ $output == *migrates*3* ]]
	[ "$(berth inspect -f '{{.State.Status}}' after)" = created ]
	[ "$(berth inspect -f '{{.State.ExitCode}}' migrates)" = 3 ]
	kept() { failing logs migrates | grep -q 'no such table'; }
	wait_for 10 kept
	failing rm -fs migrates after
}

@test "FTR-32 who depends on it is restarted with it" {
	engine
	before=$(berth inspect -f '{{.State.Pid}}' follower)
	berth restart -t 1 base
	again() { [ "$(berth inspect -f '{{.State.Pid}}' follower)" != "$before" ]; }
	wait_for 15 again
}

@test "FTR-33 the old one has its time and no more; a sick new one is told" {
	engine
	cat >stubborn.yml <<-'END'
		services:
		  base: {entrypoint: [sh, -c, 'trap "" TERM; while :; do sleep 0.2; done'], init: false}
	END
	berth -f compose.yaml -f stubborn.yml up -d base
	berth stop base
	[ "$(berth inspect -f '{{.State.ExitCode}}' base)" = 137 ]
	printf 'services: {base: {healthcheck: {test: "false", interval: 300ms, retries: 2}}}\n' >sick.yml
	run ! berth -f compose.yaml -f sick.yml up -d --wait base
	[[ $output == *unhealthy* ]]
	berth up -d base
}

@test "FTR-43 FTR-45 a secret has its owner and mode; a new text reaches its reader alone" {
	engine
	run -0 berth exec -T secretive stat -c '%u %a' /run/secrets/s
	[ "$output" = '999 440' ]
	reader=$(berth ps -q secretive) other=$(berth ps -q base)
	echo second >s
	berth up -d
	[ "$(berth ps -q secretive)" != "$reader" ]
	[ "$(berth ps -q base)" = "$other" ]
	[ "$(berth exec -T secretive cat /run/secrets/s)" = second ]
	run ! grep -rlsx first "$BERTH_RUN" "$BERTH_ROOT/projects"
}

@test "FTR-46 a port for this host alone" {
	engine
	wait_for 10 answers 8899
	ip link add other type bridge && ip addr add 10.99.0.1/24 dev other && ip link set other up
	run ! timeout 2 bash -c 'exec 3<>/dev/tcp/10.99.0.1/8899'
	ip link del other
}

@test "FTR-51 why it does not run" {
	engine
	run berth why hopeless
	[[ $output == *hopeless* && $output == *'1'* ]]
	run berth why unhealthy
	[[ $output == *unhealthy* ]]
	run -0 berth doctor
}

@test "FTR-53 a log keeps to its size" {
	engine
	small() { [ "$(du -cb "$BERTH_ROOT"/projects/engine/logs/engine-chatty-1/* | awk 'END { print $1 }')" -le 40000 ]; }
	wait_for 10 small
	last() { [ "$(berth logs --no-log-prefix --tail 1 chatty)" = 20000 ]; }
	wait_for 10 last
	small
}

@test "FTR-34 FTR-35 cleaning: what is not in the file, what has no name, nothing else" {
	engine
	printf 'services: {base: {image: "redis:7", entrypoint: [sleep, "1000"], init: true}}\n' >less.yml
	berth -f less.yml up -d --remove-orphans -t 0
	[ "$(berth -f less.yml ps -aq | wc -l)" = 1 ]
	berth down -v -t 0
	run ! grep engine_ <(berth volume ls -q)
	nameless=$(printf 'FROM redis:7\nLABEL one=1\n' | berth build -q -t once -f - .)
	berth image inspect "$nameless"
	printf 'FROM redis:7\nLABEL one=2\n' | berth build -q -t once -f - .
	run -0 berth image prune -f
	[[ $output == *'reclaimed'* ]]
	run ! berth image inspect "$nameless"
	run -0 berth image inspect redis:7 once miniapp/backend:1
}

@test "FTR-09 FTR-49 development publishes each server and reloads on an edit" {
	run -0 dev up -d --wait
	wait_for 10 answers 5432 6379 8000 8001 5173 8080
	id=$(berth ps -q backend)
	sed -i 's/"alive"/"very alive"/' backend/app/main.py
	reloaded() { curl -sf http://127.0.0.1:8000/health | grep -q 'very alive'; }
	wait_for 120 reloaded
	[ "$(berth ps -q backend)" = "$id" ]
	# Vite serves the page's source as it is now, and asks the backend for the API.
	sed -i 's/<h1>Players/<h1>Gamers/' frontend/src/main.jsx
	page() { curl -sf http://127.0.0.1:5173/src/main.jsx | grep -q Gamers; }
	wait_for 120 page
	wait_for 20 is 200 status http://127.0.0.1:5173/api/players
	"$BERTH" -f docker-compose.yml -f docker-compose.dev.yml watch --no-up bot >watched 2>&1 3>&- &
	local watcher=$!
	wait_for 60 grep -q 'Watch enabled' watched
	sed -i 's/"status": "ok"/"status": "synced"/' bot/bot.py
	synced() { curl -sf http://127.0.0.1:8001/health | grep -q synced; }
	wait_for 120 synced
	kill $watcher
	dev down -v
}

@test "FTR-56 Redis keeps snapshots, a log of writes, both or nothing" {
	of_redis() { inside redis redis-cli config get "$1" | tail -n 1; }
	for mode in '900 1:no' ':yes' ':no'; do
		export REDIS_SAVE=${mode%:*} REDIS_APPENDONLY=${mode#*:}
		run -0 berth up -d --wait redis
		[ "$(of_redis appendonly)" = "$REDIS_APPENDONLY" ]
		[ "$(of_redis save)" = "$REDIS_SAVE" ]
	done
	berth down -v -t 1
	wait_for 100 no_trace
}
