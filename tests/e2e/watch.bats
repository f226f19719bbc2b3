# watch: files of the host that change reach the containers as develop.watch says.
load lib

setup_file() {
	root_up
	make_busybox_image
}

setup() {
	PROJECT=$(basename "$BATS_TEST_FILENAME" .bats)$BATS_TEST_NUMBER
	mkdir -p "$BERTH_HOME/$PROJECT"
	cd "$BERTH_HOME/$PROJECT" || return
	mkdir -p src ctx
	echo one >src/a.txt
	echo 'FROM busybox' >ctx/Dockerfile
	echo 'COPY v /v' >>ctx/Dockerfile
	echo 1 >ctx/v
}

teardown() {
	[ -z "${WATCHER:-}" ] || kill "$WATCHER" 2>/dev/null
	berth down -t 0 >/dev/null 2>&1
	return 0
}

# service RULES: one service that runs, with these rules in YAML's flow form.
service() {
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sh -c 'mkdir -p /app; echo started >>/starts; exec sleep 1000'
		    stop_signal: KILL
		    develop: {watch: [$1]}
	END
}

watch() { # [OPTION...]
	"$BERTH" watch "$@" >out 2>&1 3>&- &
	WATCHER=$!
	wait_for 20 grep -q 'Watch enabled' out
}

# at_once TEXT FILE: the file changes once, not when it is emptied and again when it is written.
at_once() { echo "$1" >new && mv new "$2"; }

inside() { [ "$(berth exec -T web cat "$1" 2>/dev/null)" = "$2" ]; }
absent() { ! berth exec -T web ls "$1"; }

@test "sync copies what is new or changed and removes what is gone" {
	service '{path: src, action: sync, target: /app, ignore: ["*.log", node_modules]}'
	watch
	absent /app/a.txt
	echo two >src/a.txt
	wait_for 5 inside /app/a.txt two
	wait_for 5 grep 'Syncing service "web" after 1 changes were detected' out
	mkdir -p src/deep/er src/node_modules/x
	echo three >src/deep/er/b
	echo no >src/x.log
	echo no >src/node_modules/x/y
	echo no >src/.c.swp
	wait_for 5 inside /app/deep/er/b three
	chmod 755 src/deep/er/b
	mv src/a.txt src/c.txt
	wait_for 5 inside /app/c.txt two
	wait_for 5 absent /app/a.txt
	absent /app/x.log
	absent /app/node_modules
	absent /app/.c.swp
	wait_for 5 berth exec -T web test -x /app/deep/er/b
	rm -r src/deep
	wait_for 5 absent /app/deep
}

@test "include, initial_sync, a single file, and a directory that comes later" {
	service "{path: src, action: sync, target: /app, include: ['*.txt'], initial_sync: true},
	  {path: one.conf, action: sync, target: /etc/one.conf}, {path: later/dir, action: sync, target: /late}"
	watch
	wait_for 5 inside /app/a.txt one
	echo x >src/b.bin
	echo conf >one.tmp
	mv one.tmp one.conf
	wait_for 5 inside /etc/one.conf conf
	mkdir -p later/dir
	echo came >later/dir/f
	wait_for 5 inside /late/f came
	absent /app/b.bin
}

@test "restart, sync+restart and sync+exec" {
	service "{path: src, action: sync+restart, target: /app, include: [r]},
	  {path: src, action: restart, include: [only]},
	  {path: src, action: sync+exec, target: /app, include: [e],
	   exec: {command: 'sh -c \"cat /app/e >>/execs; id -u >>/execs; pwd >>/execs; echo \$\$V >>/execs\"',
	          user: '7', working_dir: /etc, environment: {V: v}}}"
	watch
	berth exec -T web sh -c 'touch /execs; chmod 666 /execs'
	at_once 1 src/r
	wait_for 10 inside /starts $'started\nstarted'
	inside /app/r 1
	at_once 1 src/e
	wait_for 10 inside /execs $'1\n7\n/etc\nv'
	inside /starts $'started\nstarted'
	at_once '' src/only
	wait_for 10 inside /starts $'started\nstarted\nstarted'
	absent /app/only
}

@test "rebuild makes a new image and container, and takes the old image away" {
	compose <<-END
		services:
		  web:
		    build: ctx
		    command: sleep 1000
		    stop_signal: KILL
		    develop: {watch: [{path: ctx, action: rebuild}]}
		  db: {image: busybox, command: sleep 1000, stop_signal: KILL}
	END
	echo secret >ctx/.dockerignore
	watch --quiet
	inside /v 1
	db=$(berth ps -q db) web=$(berth ps -q web) image=$(berth images -q web)
	echo 2 >ctx/secret
	at_once 2 ctx/v
	wait_for 20 inside /v 2
	wait_for 5 grep -q 'successfully built' out
	[ "$(grep -c Rebuilding out)" = 1 ]
	[ "$(berth ps -q db)" = "$db" ]
	[ "$(berth ps -q web)" != "$web" ]
	gone() { ! berth image inspect "$image"; }
	wait_for 5 gone
	echo 'RUN false' >>ctx/Dockerfile
	wait_for 10 grep -q 'RUN false' out
	wait_for 10 grep -q 'exit' out
	inside /v 2
	kill -0 "$WATCHER"
}

@test "up --watch shows the logs of what it replaces, and Ctrl-C ends both" {
	service "{path: src, action: sync+restart, target: /app}"
	sed -i 's/exec sleep 1000/echo up; cat \/app\/a.txt; exec sleep 1000/' compose.yaml
	"$BERTH" up --watch >out 2>&1 3>&- &
	WATCHER=$!
	wait_for 10 grep -q 'Watch enabled' out
	at_once two src/a.txt
	wait_for 10 grep -q 'web-1  | two' out
	kill -INT "$WATCHER"
	wait "$WATCHER" || [ $? = 130 ]
	[ -z "$(berth ps -q)" ]
	nobody() { ! pgrep -fx "$BERTH up --watch"; }
	wait_for 5 nobody
}

@test "what cannot be watched is said; --dry-run changes nothing" {
	service '{path: src, action: rebuild}'
	run -1 berth watch
	[[ $output == *"can't watch service \"web\" with action rebuild without a build"* ]]
	service '{path: src, action: sync+exec, target: /app}'
	run -1 berth watch
	service ''
	run -1 berth watch
	[[ $output == *"none of the selected services is configured for watch"* ]]
	run -1 berth up -d --watch
	service '{path: src, action: sync, target: /app}'
	run -1 berth watch nosuch
	berth up -d
	watch --no-up --dry-run
	echo two >src/a.txt
	wait_for 5 grep -q 'Would sync .*/src/a.txt to web:/app/a.txt' out
	absent /app/a.txt
}
