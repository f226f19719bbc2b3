#!/usr/bin/env bats
# What Dockerfiles, contexts and servers try against the machine that builds: each of builders' known holes,
# by its number. A canary directory of the host must look the same afterwards, and nothing of it may be seen.
load lib
bats_require_minimum_version 1.5.0

setup_file() {
	root_up
	make_busybox_image
	export CANARY=$BERTH_HOME/canary
	mkdir -p "$CANARY/sub"
	echo canary-4711 >"$CANARY/file"
	printf 'FROM scratch\nCOPY <<E /outside\nE\n' >"$CANARY/Dockerfile"
	stat -c '%n %i %a %u %g %s %y' "$CANARY" "$CANARY"/* >"$BERTH_HOME/before"
	cat >"$BERTH_HOME/serve.py" <<-'END'
		# a web server of the directory; /name/HEX/... answers with the file name HEX stands for
		import http.server, sys
		class H(http.server.SimpleHTTPRequestHandler):
		    def log_message(self, *a): pass
		    def do_GET(self):
		        if not self.path.startswith("/name/"):
		            return super().do_GET()
		        name = bytes.fromhex(self.path.split("/")[2]).decode("latin-1")
		        self.send_response(200)
		        self.send_header("Content-Disposition", f'attachment; filename="{name}"')
		        self.send_header("Content-Length", "4")
		        self.end_headers()
		        self.wfile.write(b"evil")
		s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
		print(s.server_port, file=open(sys.argv[1], "w"), flush=True)
		s.serve_forever()
	END
}
teardown() {
	[ ! -f web.pid ] || kill "$(cat web.pid)"
	stat -c '%n %i %a %u %g %s %y' "$CANARY" "$CANARY"/* | diff "$BERTH_HOME/before" -
}

serve() { # this directory; sets WEB
	python3 "$BERTH_HOME/serve.py" "$PWD/port" >/dev/null 2>&1 3>&- &
	echo $! >web.pid
	wait_for 5 test -s port
	WEB=http://127.0.0.1:$(cat port)
}
evil_tar() { # FILE NAME=TARGET...: links of these names
	python3 - "$@" <<-'END'
		import sys, tarfile
		with tarfile.open(sys.argv[1], "w") as t:
		    for pair in sys.argv[2:]:
		        f = tarfile.TarInfo(pair.split("=")[0])
		        f.type, f.linkname = tarfile.SYMTYPE, pair.split("=")[1]
		        t.addfile(f)
	END
}
unseen() { ! grep -rqs canary-4711 "$1"; }

@test "sources of mounts and ids of caches (CVE-2024-1753, 2024-9675, 2024-9407, 2020-10696, 2024-23651)" {
	evil_tar evil.tar lnk=/ out="$CANARY" sub="../../../../..$CANARY"
	local from
	for from in "from=evil,source=/lnk" "from=evil,source=/out" "from=evil,source=/sub" "from=evil,source=../../..$CANARY" \
		"source=../..$CANARY" "source=link" "type=cache,from=evil,source=/out" "type=cache,id=../../../../..$CANARY" \
		"type=cache,id=c,source=../../..$CANARY"; do
		ln -sfn "$CANARY" link
		cat >Dockerfile <<-E
			FROM scratch AS evil
			ADD evil.tar /
			FROM busybox
			RUN --mount=$from,target=/m ls -R /m >/seen; cat /m/file /m/canary/file >>/seen; touch /m/written; true
		E
		run berth build -q -o o .
		[ "$status" -le 1 ]
		unseen o
		rm -rf o
	done
	for from in bind-propagation=shared,src=/ bind-recursive=x source=a,source=b,src=c,nonsense; do
		printf 'FROM busybox\nRUN --mount=type=bind,%s,target=/m true\n' "$from" >Dockerfile
		run ! berth build -q .
	done
}

@test "a cache swapped for a link while others mount it (CVE-2024-23651)" {
	cat >Dockerfile <<-E
		FROM busybox AS swaps
		RUN --mount=type=cache,id=s,target=/c for i in \$(seq 50); do rm -rf /c/d; ln -s $CANARY /c/d; rm /c/d; mkdir /c/d; done; true
		FROM busybox AS uses
		RUN --mount=type=cache,id=s,target=/c for i in \$(seq 50); do cat /c/d/file; echo x >/c/d/x; done 2>/dev/null >/seen; true
		FROM scratch
		COPY --from=swaps /bin/true /t
		COPY --from=uses /seen /seen
	E
	berth build -q -o o .
	unseen o
	# The cache itself made a link by what has it mounted: the next mount is of a directory again, or refused.
	printf 'FROM busybox\nRUN --mount=type=cache,id=s,target=/c/in --mount=type=cache,id=t,target=/c rm -rf /c/in; true\nRUN --mount=type=cache,id=s,target=/d ls /d\n' >Dockerfile
	run berth build -q .
	[ "$status" -le 1 ]
}

@test "mount points whose parents become links before they are cleaned up (CVE-2024-23652)" {
	cat >Dockerfile <<-E
		FROM busybox
		RUN --mount=type=tmpfs,target=/a/sub mv /a /z; rm -rf /a; ln -s $CANARY /a; true
		RUN --mount=type=tmpfs,target=/b/file umount /b/file; rm -rf /b; ln -s $CANARY /b; true
		RUN rm -rf /etc/hosts /etc/resolv.conf; mv /etc /was; ln -s $CANARY /etc; true
	E
	run berth build -q .
	[ "$status" -le 1 ]
}

@test "links at the names that a build writes for its steps (CVE-2024-9341, 2025-24965)" {
	evil_tar evil.tar etc/hosts="$CANARY/file" etc/resolv.conf="$CANARY/file" etc/hostname="$CANARY/new" run="$CANARY" \
		proc="$CANARY" sys="$CANARY" dev="$CANARY"
	echo very-secret >key
	cat >Dockerfile <<-'E'
		FROM busybox AS sh
		FROM scratch
		COPY --from=sh /bin /bin
		ADD links/evil.tar /
		RUN --mount=type=secret,id=key sh -c 'cat /run/secrets/key; echo evil >/etc/hosts; echo evil >/etc/hostname; cat /etc/resolv.conf >/seen; true'
	E
	mkdir links && mv evil.tar links/
	run berth build -q --secret id=key,src=key -o o .
	[ "$status" -le 1 ]
	unseen o
	run grep -rs very-secret "$BERTH_ROOT"
	[ -z "$output" ]
}

@test "privileges and frontends that nobody gave (CVE-2024-23653, 2026-33747)" {
	printf 'FROM busybox\nRUN --security=insecure true\n' >Dockerfile
	run ! berth build -q .
	[[ $output == *security.insecure* ]]
	printf 'FROM busybox\nRUN --security=root true\n' >Dockerfile
	run ! berth build -q .
	printf 'FROM busybox\nRUN --network=host true\n' >Dockerfile
	run ! berth build -q .
	[[ $output == *network.host* ]]
	printf '# syntax=evil.invalid/frontend:1\nFROM busybox\nRUN echo mine >/f\n' >Dockerfile
	berth build -q -o o .
	[ "$(cat o/f)" = mine ]
}

@test "git references, submodules and links (CVE-2019-13139, 2022-39253, 2026-33748)" {
	export GIT_CONFIG_GLOBAL=$PWD/gitconfig ref
	git config --global user.email a@b && git config --global user.name n
	git init -q -b main work
	printf 'FROM scratch\nCOPY . /\n' >work/Dockerfile
	ln -s "$CANARY" work/out && ln -s / work/root
	git -C work add -A && git -C work commit -qm 1
	git init -q -b main host && echo canary-4711 >host/f && git -C host add -A && git -C host commit -qm 1
	git clone -q --bare work repo.git && git -C repo.git update-server-info
	git -C work -c protocol.file.allow=always submodule --quiet add "file://$PWD/host" sub
	git -C work commit -qam 2 && git clone -q --bare work local.git && git -C local.git update-server-info
	serve
	for ref in "--upload-pack=touch $CANARY/new" "-c" "main:out" "main:root$CANARY" "main:../../../..$CANARY" ":out" "main:--help"; do
		run berth build -q -o o "$WEB/repo.git#$ref"
		[ "$status" -le 1 ]
		[ ! -e o/outside ] && unseen o
		rm -rf o
	done
	run berth build -q -o o "$WEB/repo.git" -f out/Dockerfile
	[ ! -e o/outside ]
	run berth build -q -o o "$WEB/repo.git" -f "../../../../../..$CANARY/Dockerfile"
	[ ! -e o/outside ]
	run ! berth build -q -o o "$WEB/local.git"
	unseen o
}

@test "contexts and archives with links that lead out (buildkit 2026-07, CVE-2018-15664)" {
	evil_tar context.tar Dockerfile="$CANARY/Dockerfile" f="$CANARY/file" d="$CANARY" up="../../../../../..$CANARY"
	run ! berth build -q -o o - <context.tar
	[ ! -e o/outside ]
	evil_tar links.tar f="$CANARY/file" d="$CANARY" up="../../../../../..$CANARY"
	printf 'FROM scratch\nCOPY d/file /1\n' >Dockerfile
	tar -rf links.tar Dockerfile
	run ! berth build -q -o o - <links.tar
	unseen o
	ln -s "$CANARY" dir
	ln -s "$CANARY/file" plain
	local source
	for source in dir/file plain 'di*/file' "../../../../../..$CANARY/file" 'dir/../dir/*'; do
		printf 'FROM scratch\nCOPY ["%s", "/got/"]\n' "$source" >Dockerfile
		run berth build -q -o o .
		[ "$status" -le 1 ]
		unseen o
		rm -rf o
	done
	# Where it is written to: links of the image, parents, archives that go on through their own links.
	python3 - "$CANARY" <<-'END'
		import io, sys, tarfile
		with tarfile.open("through.tar", "w") as t:
		    l = tarfile.TarInfo("l"); l.type, l.linkname = tarfile.SYMTYPE, sys.argv[1]; t.addfile(l)
		    f = tarfile.TarInfo("l/new"); f.size = 4; t.addfile(f, io.BytesIO(b"evil"))
	END
	echo new >new
	printf 'FROM scratch\nADD links.tar /x/\nADD through.tar /y/\nCOPY new /x/d/\nCOPY new /x/up/new2\nCOPY new /x/a/../../../../new3\nCOPY new /x/f\n' >Dockerfile
	run berth build -q .
	[ "$status" -le 1 ]
}

@test ".dockerignore leads nowhere and hides what it says" {
	mkdir -p in/deep && echo 1 >in/deep/kept && echo 2 >in/deep/hidden && echo 3 >in/key
	printf '%s\n' '../*' '/../../etc' "../../..$CANARY" '**/hidden' './in/../in/key' '[' >.dockerignore
	printf 'FROM scratch\nCOPY in /\n' >Dockerfile
	run berth build -q -o o .
	if [ "$status" -eq 1 ]; then # a pattern that is none is refused with its line, as docker does
		[[ $output == *dockerignore* ]]
		sed -i '$d' .dockerignore
		berth build -q -o o .
	fi
	[ "$(cd o && find . -type f)" = ./deep/kept ]
	ln -s "$CANARY/file" ignore && rm .dockerignore && ln -s "$CANARY/file" .dockerignore
	run berth build -q -o o2 . # a link that leads out is not read
	[ "$status" -le 1 ] && [[ $output != *canary-4711* ]]
}

@test "file names that a server gives (buildkit 2026-03)" {
	serve
	local name
	for name in ../../x .. . '' '/abs' 'a/b' $'n\nl' "$(printf 'x%.0s' {1..5000})"; do
		printf 'FROM scratch\nADD %s/name/%s/plain /d/\n' "$WEB" "$(printf %s "$name" | od -An -tx1 | tr -d ' \n')" >Dockerfile
		run berth build -q -o o .
		[ "$status" -le 1 ]
		[ "$status" -eq 1 ] || [ "$(cd o && find . -type f | cut -c1-4)" = ./d/ ]
		rm -rf o
	done
}

@test "a cached step is not taken for another parent's (CVE-2024-24557)" {
	mkdir root && cp "$(command -v busybox)" root/sh
	local n
	for n in 1 2; do # the same configuration and history, other files
		echo $n >root/marker
		tar --sort=name --mtime=@1 -C root -cf root.tar .
		"$TESTS/images/archive" base:$n base.tar '{"config": {"Env": ["PATH=/"]}, "history": [{"created_by": "RUN /bin/sh -c cat /marker >/got"}]}' root.tar
		berth load -q -i base.tar
	done
	for n in 1 2; do
		printf 'FROM base:%s\nRUN ["/sh", "-c", "read x </marker; echo $x >/got"]\n' $n >Dockerfile
		berth build -q -o o$n .
		[ "$(cat o$n/got)" = $n ]
	done
}

@test "the environment and credentials of who builds stay with them (CVE-2023-26054, 2021-3602)" {
	mkdir -p "$HOME/.docker"
	echo '{"auths": {"registry.invalid": {"auth": "bWU6cGFzc3dvcmQtNDcxMQ=="}}}' >"$HOME/.docker/config.json"
	printf 'FROM busybox\nARG OTHER\nRUN env >/env; ls -a /root >>/env; cat /proc/1/environ >>/env\n' >Dockerfile
	SECRET=hidden-4711 berth build -q -t env .
	SECRET=hidden-4711 berth build -q -o o .
	run ! grep -E 'hidden-4711|BERTH_ROOT|password' o/env
	run grep -rlsE -D skip 'hidden-4711|bWU6cGFzc3dvcmQtNDcxMQ|password-4711' "$BERTH_ROOT"
	[ -z "$output" ]
	rm -r "$HOME/.docker"
}

@test "programs and libraries of the image unpack nothing (CVE-2026-41567, 2019-14271)" {
	mkdir bin && for n in tar xz unxz gzip unpigz zstd git; do
		printf '#!/bin/sh\ntouch %s/new\n' "$CANARY" >bin/$n && chmod 755 bin/$n
	done
	echo 1 >f && tar -cJf f.tar.xz f && tar -czf g.tar.gz f
	printf 'FROM busybox\nCOPY bin /usr/bin/\nCOPY bin /bin/\nADD f.tar.xz g.tar.gz /x/\n' >Dockerfile
	berth build -q -o o .
	[ "$(cat o/x/f)" = 1 ]
}
