# berth build: images from Dockerfiles, the cache, secrets, services.
load lib

setup_file() {
	root_up
	make_busybox_image
}

show() { # IMAGE COMMAND...: what the command prints in a container of the image
	local image=$1
	shift
	printf 'services: {x: {image: "%s", network_mode: none}}\n' "$image" >"$BERTH_HOME/show.yaml"
	berth -p show -f "$BERTH_HOME/show.yaml" run --rm x "$@"
}

# Images are noted as being on the disk whenever they are: that is nobody's.
nothing_under_way() { [ -z "$(find "$BERTH_ROOT/images/tmp" -mindepth 1 ! -name 'settled.*' ! -name 'note.*')" ]; }

teardown_file() {
	[ ! -f "$BERTH_HOME/show.yaml" ] || berth -p show -f "$BERTH_HOME/show.yaml" down -t 0
	root_down
}

@test "COPY and RUN make an image that runs" {
	mkdir src && echo hello >src/a && echo no >secret.txt
	printf '*.txt\n' >.dockerignore
	cat >Dockerfile <<-'E'
		FROM busybox AS base
		ARG WHO=world
		ENV GREETING="hello ${WHO}"
		WORKDIR /app
		COPY . .
		RUN echo "$GREETING" >out && ls >list

		FROM base
		COPY --from=base --chown=7:8 --chmod=640 /app/out /copied
		CMD ["cat", "/app/out", "/app/list"]
	E
	berth build -t one --build-arg WHO=berth .
	run show one cat /app/out /app/list
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "hello berth" ]
	[[ $output != *secret.txt* ]]
	[[ $output == *src* ]]
	run show one stat -c '%u:%g %a' /copied
	[ "$output" = "7:8 640" ]
}

@test "an unchanged build is the same image, all cached" {
	echo 1 >f
	printf 'FROM busybox\nCOPY f /f\nRUN date >/when\nENV A=b\n' >Dockerfile
	first=$(berth build -q -t same .)
	touch -d tomorrow f
	run --separate-stderr berth build -t same .
	[ "$(grep -c CACHED <<<"$stderr")" -eq 2 ]
	[ "$(berth build -q -t same .)" = "$first" ]
	echo 2 >f
	[ "$(berth build -q -t same .)" != "$first" ]
}

@test "a failing step shows itself and its output" {
	printf 'FROM busybox\nRUN echo before; echo sad >&2; exit 3\n' >Dockerfile
	run berth build -q -t never .
	[ "$status" -eq 1 ]
	[[ $output == *sad* ]]
	[[ $output == *"Dockerfile:2"* ]]
	[[ $output == *"exit code: 3"* ]]
	nothing_under_way
}

@test "a secret is seen by its step and by nothing else" {
	echo open-sesame-4711 >key
	printf 'key\n' >.dockerignore
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --mount=type=secret,id=key,required sha256sum </run/secrets/key >/sum
		RUN --mount=type=secret,id=key,env=KEY test -n "$KEY"
		RUN test ! -e /run/secrets/key && test -z "$KEY"
	E
	berth build -q -t secret --secret id=key,src=key .
	[ "$(show secret cut -c1-64 /sum)" = "$(sha256sum <key | cut -c1-64)" ]
	run grep -rsl -D skip open-sesame-4711 "$BERTH_ROOT"
	[ -z "$output" ]
	run berth build -q --no-cache .
	[ "$status" -eq 1 ]
	[[ $output == *"secret key: not found"* ]]
}

@test "a cache mount keeps its files for the next build, out of the image" {
	cat >Dockerfile <<-'E'
		FROM busybox
		ARG N
		RUN --mount=type=cache,target=/cache echo "$N" >>/cache/log; cp /cache/log /seen
	E
	berth build -q -t c --build-arg N=1 .
	berth build -q -t c --build-arg N=2 .
	[ "$(show c cat /seen | tr '\n' ' ')" = "1 2 " ]
	run show c ls /cache
	[ "$status" -ne 0 ]
}

@test "mount points and the container's own files stay out of the layer" {
	cat >Dockerfile <<-'E'
		FROM busybox AS b
		RUN --mount=type=tmpfs,target=/a/b/c touch /a/b/c/x
		RUN --mount=type=bind,from=busybox,target=/img test -e /img/bin
		FROM scratch
		COPY --from=b / /
	E
	berth build -q -t clean .
	run show clean ls -a /
	for name in a img; do
		[[ " ${lines[*]} " != *" $name "* ]]
	done
	run find "$BERTH_ROOT/images/layers" -name .dockerenv -o -path '*/etc/hosts'
	[ -z "$output" ]
}

@test "nothing that an image plants leads a build out of its root" {
	echo canary >"$BERTH_HOME/canary"
	cat >Dockerfile <<-E
		FROM busybox AS evil
		RUN ln -s $BERTH_HOME /out && ln -s ../../../../..$BERTH_HOME/canary /file
		FROM evil
		COPY --from=evil /out/canary /got
	E
	run berth build -q .
	[ "$status" -eq 1 ]
	printf 'FROM busybox\nRUN ln -s %s /d\nCOPY Dockerfile /d/canary\n' "$BERTH_HOME" >Dockerfile
	berth build -q .
	[ "$(cat "$BERTH_HOME/canary")" = canary ]
	printf 'FROM busybox\nCOPY ../../../etc/passwd /p\n' >Dockerfile
	run berth build -q .
	[ "$status" -eq 1 ]
	ln -s /etc/passwd out
	printf 'FROM busybox\nCOPY out /p\n' >Dockerfile
	run berth build -q .
	[ "$status" -eq 1 ]
}

@test "services are built with what their build says" {
	mkdir web lib && echo lib >lib/lib.txt
	cat >web/Dockerfile <<-'E'
		FROM base
		ARG V
		COPY --from=thredlib lib.txt /
		RUN echo "$V" >/v
	E
	cat >compose.yaml <<-'E'
		services:
		  lib:
		    build:
		      dockerfile_inline: |
		        FROM busybox
		        RUN echo made >/made
		    command: "true"
		  web:
		    build:
		      context: ./web
		      args: {V: "5"}
		      additional_contexts: {thredlib: ./lib, base: "service:lib"}
		    command: cat /lib.txt /made /v
	E
	run berth up web
	[[ $output == *"| lib"* ]]
	[[ $output == *"| made"* ]]
	[[ $output == *"| 5"* ]]
}

@test "builder prune forgets steps and keeps images" {
	printf 'FROM busybox\nRUN echo a >/a\n' >Dockerfile
	berth build -q -t kept .
	run --separate-stderr berth build -t kept .
	[[ $stderr == *CACHED* ]]
	berth builder prune -f --filter until=1h
	run --separate-stderr berth build -t kept .
	[[ $stderr == *CACHED* ]]
	berth builder prune -f -a
	[ "$(show kept cat /a)" = a ]
	run --separate-stderr berth build -t kept .
	[[ $stderr != *CACHED* ]]
}

@test "the octal mode of COPY is also that of directories on the way" {
	echo x >f
	printf 'FROM busybox\nCOPY --chmod=750 f /n1/n2/f\nCOPY --chmod=u+x f /m/f\n' >Dockerfile
	berth build -q -t modes .
	[ "$(show modes stat -c %a /n1 /n1/n2 /n1/n2/f /m /m/f | tr '\n' ' ')" = "750 750 750 755 744 " ]
}

@test "stages that do not need each other run at the same time" {
	cat >Dockerfile <<-'E'
		FROM busybox AS a
		RUN --mount=type=cache,target=/c,id=meet touch /c/a; for i in $(seq 600); do [ -e /c/b ] && exit 0; sleep 0.1; done; exit 1
		FROM busybox AS b
		RUN --mount=type=cache,target=/c,id=meet touch /c/b; for i in $(seq 600); do [ -e /c/a ] && exit 0; sleep 0.1; done; exit 1
		FROM busybox
		COPY --from=a /etc /a
		COPY --from=b /etc /b
	E
	berth build -q -t parallel .
}

@test "SOURCE_DATE_EPOCH makes the same image of the same files" {
	echo x >f
	printf 'FROM busybox\nWORKDIR /w\nCOPY f .\nRUN echo y >g\n' >Dockerfile
	first=$(SOURCE_DATE_EPOCH=1700000000 berth build -q --no-cache .)
	sleep 1.1 # what RUN makes now is of another second
	touch f
	[ "$(SOURCE_DATE_EPOCH=1700000000 berth build -q --no-cache .)" = "$first" ]
}

@test "--check names the rule and the line, and builds nothing" {
	printf 'from busybox as B\nWORKDIR app\nCMD x\n' >Dockerfile
	run berth build --check .
	[ "$status" -eq 1 ]
	[[ $output == *"WARNING: StageNameCasing"* ]]
	[[ $output == *"rule/json-args-recommended/"* ]]
	[[ $output == *"Dockerfile:2"* ]]
	printf 'FROM busybox AS b\nCMD ["x"]\n' >Dockerfile
	run berth build --check .
	[ "$status" -eq 1 ]
	[[ $output == *"WARNING: DL3006"* ]]
	run --separate-stderr berth build . # hadolint's are for --check
	[[ $stderr != *DL3006* ]]
	sed -i '1i # hadolint global ignore=DL3006' Dockerfile
	run berth build --check .
	[ "$status" -eq 0 ]
	printf '# check=error=true\nFROM busybox as b\n' >Dockerfile
	run berth build .
	[ "$status" -eq 1 ]
	[[ $output == *"FromAsCasing"* ]]
}

@test "COPY takes parents along and leaves excludes out" {
	mkdir -p d/e && touch d/e/one.txt d/e/two.md d/top.md f
	cat >Dockerfile <<-'E'
		FROM busybox
		COPY --parents d/e/one.txt f /p1/
		COPY --parents d/./e/*.txt /p2/
		COPY --parents **/*.md /p3/
		COPY --exclude=*.md --exclude=e/two.md d /p4
	E
	berth build -q -t par .
	[ "$(show par find /p1 /p2 /p3 /p4 -type f | sort | tr '\n' ' ')" = \
		"/p1/d/e/one.txt /p1/f /p2/e/one.txt /p3/d/e/two.md /p3/d/top.md /p4/e/one.txt " ]
}

@test "odd words mean what they mean to docker" {
	mkdir root && touch root/in && chmod 700 root && chown 8:9 root
	tar -C root -cf root.tar . # with an entry for the top itself: it is for ADD to say what that is
	echo b >'back\slash'
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN echo 'alias:x:0:0::/elsewhere:/bin/sh' >>/etc/passwd
		ADD root.tar /top/
		COPY ["back\\\\slash", "/w/"]
		ENV HOME=
		WORKDIR //x//y/
		RUN pwd >p; echo "$HOME" >>p
		USER alias
		RUN --mount=type=cache,target=/c,mode=01711,id=odd echo "$HOME" >>p; stat -c %a /c >>p
	E
	berth build -q -t odd .
	[ "$(berth image inspect -f '{{.Config.WorkingDir}}' odd)" = //x//y/ ]
	run show odd sh -c 'stat -c "%a %u %g" /top; cat "/w/back\slash" /x/y/p; pwd'
	[ "$output" = $'755 0 0\nb\n/x/y\n/root\n/root\n711\n/x/y' ]
}

@test "ADD unpacks archives, gets URLs and checks their sums" {
	mkdir t && echo in >t/in && tar -cJf t.tar.xz t && tar -cf t.tar t && zstd -q t.tar -o t.tar.zst
	gzip -c t/in >plain.gz
	cat >Dockerfile <<-'E'
		FROM busybox
		ADD t.tar.xz /xz/
		ADD t.tar.zst /zst/
		ADD plain.gz /gz/
		ADD --unpack=false t.tar /whole/
	E
	berth build -q -t arch .
	[ "$(show arch cat /xz/t/in /zst/t/in | tr '\n' ' ')" = "in in " ]
	[ "$(show arch ls /gz /whole | tr '\n' ' ')" = "/gz: plain.gz  /whole: t.tar " ]
	python3 -m http.server -b 127.0.0.1 8123 -d t >/dev/null 2>&1 3>&- &
	server=$!
	wait_for 5 python3 -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:8123/in")'
	sum=$(sha256sum <t/in | cut -c1-64)
	printf 'FROM busybox\nADD --checksum=sha256:%s http://127.0.0.1:8123/in /url/\nADD http://127.0.0.1:8123/i%%6E /name/\n' "$sum" >Dockerfile
	run berth build -q -t url .
	printf 'FROM busybox\nADD --checksum=sha256:%064d http://127.0.0.1:8123/in /url/\n' 1 >Dockerfile
	run -1 berth build -q .
	kill $server
	[[ $output == *"digest mismatch"* ]]
	[ "$(show url cat /url/in /name/in)" = $'in\nin' ]
}

@test "services with a stage in common build it once, and side by side" {
	# a and b each wait for the other.
	cat >Dockerfile <<-'X'
		FROM busybox AS common
		RUN date +%N >/once && sleep 0.4
		FROM common AS a
		RUN --mount=type=cache,target=/c,id=side echo a >/c/a; for i in $(seq 600); do [ -e /c/b ] && exec cp /c/a /a; sleep 0.1; done; exit 1
		FROM common AS b
		RUN --mount=type=cache,target=/c,id=side echo b >/c/b; for i in $(seq 600); do [ -e /c/a ] && exec cp /c/b /b; sleep 0.1; done; exit 1
	X
	compose <<-'X'
		services:
		  a: {build: {context: ., target: a}}
		  b: {build: {context: ., target: b}}
		  c: {build: {context: ., dockerfile_inline: "FROM on\nCOPY --from=other /b /c\n", additional_contexts: {on: "service:a", other: "service:b"}}}
	X
	run --separate-stderr berth build
	[ "$status" -eq 0 ]
	[ "$(grep -c 'DONE' <<<"$stderr")" -eq 4 ] # common, a, b, c's COPY
	[ "$(grep -c 'CACHED' <<<"$stderr")" -eq 1 ]
	[ "$(show "$PROJECT-a" cat /once)" = "$(show "$PROJECT-b" cat /once)" ]
	[ "$(show "$PROJECT-c" cat /c /a | tr '\n' ' ')" = "b a " ]
}

@test "a locked cache mount is waited for, by a step of the same build too" {
	cat >Dockerfile <<-'X'
		FROM busybox AS a
		RUN --mount=type=cache,target=/c,sharing=locked,id=l test ! -e /c/held && touch /c/held && sleep 0.3 && rm /c/held
		FROM busybox AS b
		RUN --mount=type=cache,target=/c,sharing=locked,id=l test ! -e /c/held && touch /c/held && sleep 0.2 && rm /c/held
		FROM busybox
		RUN --mount=from=a --mount=from=b,target=/b true
		COPY --from=a /bin/busybox /a
		COPY --from=b /bin/busybox /b
	X
	sed -i 's/--mount=from=a /--mount=from=a,target=\/a /' Dockerfile
	berth build -q .
}

sleepers() { pgrep -fx 'sleep 4417'; }
two_sleep() { [ "$(sleepers | wc -l)" -eq 2 ]; }

@test "Ctrl-C leaves no process, mount, cgroup or directory, and the cache stays" {
	printf 'FROM busybox AS a\nRUN echo done >/done\nRUN sleep 4417\nFROM busybox AS b\nRUN sleep 4417\nFROM a\nCOPY --from=b / /b\n' >Dockerfile
	before=$(traces)
	"$BERTH" build . >out 2>&1 3>&- &
	wait_for 20 two_sleep
	groups=$(for p in $(sleepers); do grep -o 'berth/build/[^/]*' "/proc/$p/cgroup"; done | sort -u)
	[ "$(wc -l <<<"$groups")" -eq 2 ]
	kill -INT $!
	wait $! || status=$?
	[ "$status" -ne 0 ]
	grep -q interrupted out
	[ -z "$(sleepers)" ]
	[ "$(traces)" = "$before" ]
	nothing_under_way
	for group in $groups; do
		[ -z "$(find /sys/fs/cgroup -type d -path "*/$group")" ]
	done
	printf 'FROM busybox AS a\nRUN echo done >/done\n' >Dockerfile
	run berth build .
	[[ $output == *CACHED* ]]
}

@test "of several platforms of a service this machine's is built, and the others are named" {
	local own
	own=linux/$(dpkg --print-architecture)
	compose <<-END
		services:
		  a:
		    build:
		      dockerfile_inline: "FROM busybox\nRUN echo hi >/hi"
		      platforms: [linux/s390x, $own]
	END
	run -0 berth build
	[[ $output == *"built for $own alone, not for linux/s390x"* ]]
	[ "$(berth image inspect -f '{{.Os}}/{{.Architecture}}' "$PROJECT-a")" = "$own" ]
	berth build --print | jq -e '.target.a.platforms | length == 2'
	sed -i "s|\[linux/s390x, $own\]|[linux/s390x, linux/ppc64le]|" compose.yaml
	[ "$(berth build --print | jq -c '.target.a.platforms')" = '["linux/s390x","linux/ppc64le"]' ]
}
