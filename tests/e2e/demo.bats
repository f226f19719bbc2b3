#!/usr/bin/env bats
# The voting example on real PostgreSQL and Redis, pulled from a registry.
# images: postgres=voting/postgres:15 redis=voting/redis:7 voting=voting/app:1
load lib

setup_file() {
	root_up
	registry_of_images
	# PORT is the page's: examples/voting/compose.yaml.
	export PORT=18080
	mkdir "$BERTH_HOME/voting"
	cp -r "$TESTS"/../examples/voting/{compose.yaml,migrations} "$BERTH_HOME/voting/"
}

setup() {
	PROJECT=voting
	cd "$BERTH_HOME/voting" || return
}
teardown() { :; }
teardown_file() {
	cd "$BERTH_HOME/voting" && berth down -v -t 1 >/dev/null 2>&1
	root_down
}

results() { curl -sf "http://127.0.0.1:$PORT/results.json"; }
has_votes() { [ "$(results | jq .tabs)" = "$1" ]; }

@test "comes up from the registry alone, in order, and counts a vote" {
	before=$(traces)
	echo "$before" >"$BERTH_HOME/before"
	run -0 berth up -d --wait
	run -0 berth ps -a --format json
	state() { jq -rs --arg s "$1" 'flatten | map(select(.Service == $s))[0] | "\(.State) \(.ExitCode) \(.Health)"' <<<"$output"; }
	[ "$(state migrate)" = 'exited 0 ' ]
	[ "$(state db)" = 'running 0 healthy' ]
	[ "$(state queue)" = 'running 0 healthy' ]
	[ "$(state web)" = 'running 0 healthy' ]
	[ "$(state worker)" = 'running 0 ' ]
	curl -sf -o /dev/null -d choice=tabs "http://127.0.0.1:$PORT/vote"
	wait_for 10 has_votes 1
}

@test "another up changes nothing" {
	was=$(berth ps -q | sort)
	run -0 berth up -d --wait
	[ "$(berth ps -q | sort)" = "$was" ]
}

@test "the server is the real one, and asked by its name" {
	run -0 berth exec -T db psql -U voting -Atc 'select count(*) from votes'
	[ "$output" = 1 ]
	run -0 berth exec -T queue redis-cli ping
	[ "$output" = PONG ]
	run -0 berth exec -T worker python3 -c 'import socket; socket.create_connection(("db", 5432)); print("in")'
	[ "$output" = in ]
}

@test "a killed database comes back by itself and has its rows" {
	kill -9 "$(pgrep -xo postgres)"
	wait_for 20 has_votes 1
}

@test "down and up again finds the votes" {
	run -0 berth down
	run -0 berth ps -aq
	[ -z "$output" ]
	run -0 berth up -d --wait
	wait_for 20 has_votes 1
}

@test "down -v leaves no trace" {
	run -0 berth down -v
	wait_for 5 same_traces
	[ ! -e "$BERTH_ROOT/volumes/voting_db-data" ]
}
same_traces() {
	traces | diff "$BERTH_HOME/before" -
}
