# berth build: where a context may come from, where the result may go, and the flags between.
load lib

setup_file() {
	root_up
	make_busybox_image
}
teardown_file() { root_down; }

serve() { # a web server of this directory; sets WEB
	local port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	python3 -m http.server -b 127.0.0.1 "$port" >/dev/null 2>&1 3>&- &
	echo $! >"$BERTH_HOME/web.pid"
	WEB=http://127.0.0.1:$port
	wait_for 5 answers "$port"
}
teardown() {
	[ ! -f "$BERTH_HOME/web.pid" ] || kill "$(cat "$BERTH_HOME/web.pid")"
	rm -f "$BERTH_HOME/web.pid"
}

files_of() { tar tf "$1" | sort | tr '\n' ' '; }

simple() { printf 'FROM scratch\nCOPY f /f\nCOPY f /d/g\n' >Dockerfile && echo "${1:-f}" >f; }

@test "the result as files, as a tar, as archives, and no image stays" {
	simple && chmod 640 f && chown 7:8 f
	berth build -q -o out .
	[ "$(stat -c '%a %u' out/f)" = "640 0" ] && [ -f out/d/g ]
	echo kept >out/own && echo old >out/f
	berth build -q --output type=local,dest=out .
	[ "$(cat out/own out/f)" = "kept
f" ]
	berth build -o - . >out.tar
	[ "$(files_of out.tar)" = "d/ d/g f " ]
	berth build -q -o type=tar,dest=two.tar . && cmp out.tar two.tar
	[ -z "$(berth image ls -q)" ] || [ "$(berth image ls -q | wc -l)" -eq 1 ]
	berth build -q -o type=oci,dest=oci.tar -t named:1 .
	berth build -q -o type=docker,dest=docker.tar -t named:1 .
	berth build -q -o type=oci,tar=false,dest=layout .
	[ "$(skopeo inspect --config oci-archive:oci.tar | sha256sum)" = \
		"$(skopeo inspect --config docker-archive:docker.tar | sha256sum)" ]
	[ "$(skopeo inspect --format '{{.Layers | len}}' oci:layout)" = 2 ]
	berth image inspect named:1 >/dev/null
	run berth build -q -o type=local .
	[ "$status" -eq 1 ] && [[ $output == *"needs dest="* ]]
	run berth build -q -o type=nope,dest=x .
	[ "$status" -eq 1 ] && [[ $output == *"unknown type=nope"* ]]
}

@test "a Dockerfile, or a tar with one, on standard input" {
	simple
	berth build -q -o o1 -f - . <<<"$(printf 'FROM scratch\nCOPY f /piped\n')"
	[ -f o1/piped ]
	tar c Dockerfile f | berth build -q -o o2 -
	[ -f o2/f ]
	tar cz --transform s,^Dockerfile,Other, Dockerfile f | berth build -q -o o3 -f Other -
	[ -f o3/f ]
	printf 'FROM scratch\nCOPY <<E /here\nx\nE\n' | berth build -q -o o4 -
	[ "$(cat o4/here)" = x ]
	run berth build -q - <<<"$(printf 'FROM scratch\nCOPY f /f\n')"
	[ "$status" -eq 1 ] && [[ $output == *"not found"* ]]
}

@test "a context from a web server: an archive, or a Dockerfile" {
	mkdir src && cd src && simple web && tar czf ../ctx.tgz . && cd ..
	printf 'FROM scratch\nCOPY <<E /alone\ny\nE\n' >alone
	serve
	berth build -q -o o1 "$WEB/ctx.tgz"
	[ "$(cat o1/f)" = web ]
	berth build -q -o o2 "$WEB/alone"
	[ "$(cat o2/alone)" = y ]
	printf 'FROM scratch\nCOPY --from=more f /more\n' >Dockerfile
	berth build -q -o o3 --build-context "more=$WEB/ctx.tgz" .
	[ "$(cat o3/more)" = web ]
	run berth build -q "$WEB/none.tgz"
	[ "$status" -eq 1 ] && [[ $output == *404* ]]
}

@test "import takes a root file system from a web server" {
	mkdir root && echo here >root/f && tar -C root -czf rootfs.tgz .
	serve
	berth import "$WEB/rootfs.tgz" far:1
	[ "$(berth history --format '{{.Comment}}' far:1)" = "Imported from $WEB/rootfs.tgz" ]
	[ "$(cat "$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' far:1)/f")" = here ]
	run berth import "$WEB/none.tgz"
	[ "$status" -eq 1 ] && [[ $output == *404* ]]
}

@test "a context from a git repository: a branch and a directory of it" {
	export GIT_CONFIG_GLOBAL=$BERTH_HOME/gitconfig
	git config --global user.email a@b && git config --global user.name n
	git init -q -b main work && (
		cd work && simple main && mkdir sub && cd sub && simple sub && cd .. &&
			git add -A && git commit -qm 1 && git checkout -qb other && echo other >f &&
			git commit -qam 2 && git checkout -q main
	)
	git clone -q --bare work repo.git && git -C repo.git update-server-info
	serve
	berth build -q -o o1 "$WEB/repo.git" 2>err || cat err
	[ "$(cat o1/f)" = main ]
	berth build -q -o o2 "$WEB/repo.git#other"
	[ "$(cat o2/f)" = other ]
	berth build -q -o o3 "$WEB/repo.git#main:sub"
	[ "$(cat o3/f)" = sub ]
	berth build -q -o o4 "$WEB/repo.git#main:../.." # stays inside
	[ "$(cat o4/f)" = main ]
	run berth build -q "$WEB/repo.git#nowhere"
	[ "$status" -eq 1 ]
}

@test "another platform: what copies is built, what runs is refused with the reason" {
	simple
	berth build -q --platform linux/arm64 -t arm .
	[ "$(berth image inspect -f '{{.Architecture}}' arm)" = arm64 ]
	printf 'FROM scratch\nCOPY f /f\nRUN ["/f"]\n' >Dockerfile
	run berth build -q --platform linux/s390x .
	[ "$status" -eq 1 ] && [[ $output == *"linux/s390x cannot run on"* ]]
	run berth build -q --platform linux/amd64,linux/arm64 .
	[ "$status" -eq 1 ] && [[ $output == *"several platforms"* ]]
	run berth build -q --platform windows/amd64 .
	[ "$status" -eq 1 ] && [[ $output == *"of Linux"* ]]
}

@test "what a script reads back: ids, a description, JSON lines" {
	simple
	id=$(berth build -q --iidfile id --metadata-file meta -t a/b:1 -t c --label l=1 .)
	[ "$(cat id)" = "$id" ]
	[ "$(jq -r '."image.name"' meta)" = docker.io/a/b:1,docker.io/library/c:latest ]
	[ "$(jq -r '."containerimage.config.digest"' meta)" = "$id" ]
	[ "$(berth image inspect -f '{{.Config.Labels.l}}' c)" = 1 ]
	berth build --progress json . 2>&1 >/dev/null | grep '^{' | jq -es 'any(.status == "cached")'
	run --separate-stderr berth build --builder x --provenance=true --sbom=false .
	[ "$status" -eq 0 ] && [[ $stderr == *"--builder is not used"*"no attestations"* ]]
}

@test "--print tells the builds of services as a bake file" {
	compose <<-'E'
		services:
		  web: {build: {context: web, target: t, args: {A: "1"}, secrets: [s], tags: ["x:1"]}}
		  db: {image: busybox}
		secrets: {s: {environment: HOME}}
	E
	berth build --print >bake
	[ "$(jq -c '.group.default.targets' bake)" = '["web"]' ]
	[ "$(jq -r '.target.web | .context, .args.A, .target, .secret[0], .tags[1]' bake | tr '\n' ' ')" = \
		"$PWD/web 1 t id=s,type=env x:1 " ]
	run berth build --network none web
	[ "$status" -eq 1 ] && [[ $output == *"for the build of a path"* ]]
}

@test "ssh: an agent's socket and a key reach the step that asks for them" {
	eval "$(ssh-agent -a "$PWD/agent")" >/dev/null || skip "no ssh-agent"
	cat >Dockerfile <<-'E'
		FROM busybox
		RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo yes >/got
		RUN test -z "$SSH_AUTH_SOCK"
	E
	berth build -q --ssh "default=$PWD/agent" -o out .
	[ "$(cat out/got)" = yes ]
	kill "$SSH_AGENT_PID"
}

@test "an OCI layout is a context, by tag, by digest and as the base" {
	local digest form
	berth save --format oci-dir -o lay busybox
	digest=$(jq -r '.manifests[0].digest' lay/index.json)
	mkdir c
	printf 'FROM base AS x\nRUN echo hi >/hi\nFROM scratch\nCOPY --from=base /bin/busybox /b\nCOPY --from=x /hi /\n' >c/Dockerfile
	berth rmi -f busybox >/dev/null
	for form in "lay" "./lay:latest" "$PWD/lay@$digest"; do
		berth build -q --build-context "base=oci-layout://$form" -t of-layout c
	done
	berth build -q --build-context "base=oci-layout://lay" -o out c
	[ "$(cat out/hi)" = hi ]
	run ! berth build -q --build-context "base=oci-layout://lay:other" c
	[[ $output == *'it has no image "other"'* ]]
	run ! berth image inspect busybox:latest # the context gave no name
	make_busybox_image >/dev/null
}

@test "--call tells stages and what a stage takes, in docker's words" {
	cat >Dockerfile <<-'END'
		# TAG is which one
		ARG TAG=latest
		# UNUSED is for nobody
		ARG UNUSED=1
		# base is shared
		FROM busybox:${TAG} AS base
		# MODE says how
		ARG MODE=fast
		ARG TARGETARCH
		RUN --mount=type=secret,id=tok,required --mount=type=ssh true
		FROM base
	END
	[ "$(berth build --call=targets . | sed 's/ *$//')" = "TARGET      DESCRIPTION
base        is shared
(default)" ]
	[ "$(berth build --call=outline --target base --build-arg MODE=slow . | sed 's/ *$//')" = "TARGET:      base
DESCRIPTION: is shared

BUILD ARG   VALUE    DESCRIPTION
TAG         latest   is which one
MODE        slow     says how

SECRET   REQUIRED
tok      true

SSH       REQUIRED
default" ]
	[ "$(berth build --call=outline . | head -n 1)" = "TARGET: default" ]
	[ "$(berth build --call=targets,format=json . | jq -c '[.targets[] | [.name, .default, .base, .platform, .location.ranges[0].start.line]]')" = '[["base",null,"busybox:${TAG}",null,6],[null,true,"base",null,11]]' ]
	[ "$(berth build --call=targets,format=json . | jq -r '.sources[0]' | base64 -d)" = "$(cat Dockerfile)" ]
	berth build --call=outline,format=json --target base . | jq -e '[.name, .description, .args[0].name, .args[0].value, (.args | length), .secrets[0].required, .ssh[0].name] == ["base", "is shared", "TAG", "latest", 2, true, "default"]'
	printf 'FROM busybox:1\nMAINTAINER \\\n  b\n' >Dockerfile
	run -1 berth build --call=check,format=json .
	jq -e '.warnings[0].ruleName == "MaintainerDeprecated" and [.warnings[0].location.ranges[].end.line] == [2, 3]' <<<"$output"
	run ! berth build --call=check,format=xml .
	[[ $output == *"format=text or json"* ]]
	run ! berth build --call=nothing .
	simple
	run -0 berth build -q --annotation a=b --attest type=sbom .
	[[ $output == *'--annotation is not used'* && $output == *'no attestations are made'* ]]
}
