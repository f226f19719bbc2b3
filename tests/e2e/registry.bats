# Registries: Debian's docker-registry, and one of our own that misbehaves (tests/fake/registry.py).
load lib
bats_require_minimum_version 1.5.0

setup_file() {
	root_up
	registry_start
	push_busybox busybox:1
	mkdir "$BERTH_HOME/fake"
	python3 "$TESTS/fake/registry.py" "$BERTH_HOME/fake" 3>&- 4>&- &
	echo $! >"$BERTH_HOME/fake/pid"
	wait_for 20 test -s "$BERTH_HOME/fake/address"
	FAKE=$(cat "$BERTH_HOME/fake/address")
	export FAKE
	echo "$FAKE timeout=2" >"$BERTH_ROOT/registries.conf"
}
teardown_file() {
	kill "$(cat "$BERTH_HOME/fake/pid")"
	root_down
}
setup() {
	export DOCKER_CONFIG=$BATS_TEST_TMPDIR
	: >"$BERTH_HOME/fake/log"
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { :; }

asked() { grep -c "$1" "$BERTH_HOME/fake/log" || true; }
nothing_under_way() { [ "$(ls "$BERTH_ROOT/images/tmp")" = "" ]; } # settling leaves it last
fresh_store() { wait_for 5 rm -rf "$BERTH_ROOT/images"; } # a straggling worker may still write
manifest_digest() { skopeo inspect --tls-verify=false "docker://$1" | jq -r .Digest; }

@test "what is pulled is what was pushed, by tag and by digest" {
	local digest
	digest=$(manifest_digest "$REGISTRY/busybox:1")
	run berth pull "$REGISTRY/busybox:1"
	[ "$status" -eq 0 ]
	[[ $output == *"Digest: $digest"*"Downloaded newer image"* ]]
	run berth pull "$REGISTRY/busybox:1"
	[[ $output == *"up to date"* ]]
	[ "$(berth image inspect -f '{{index .RepoDigests 0}}' "$REGISTRY/busybox:1")" = "$REGISTRY/busybox@$digest" ]
	fresh_store
	berth pull -q "$REGISTRY/busybox@$digest"
	berth image inspect "$REGISTRY/busybox@$digest" >/dev/null
	run ! berth pull "$REGISTRY/busybox@sha256:$(printf '0%.0s' {1..64})"
	run ! berth pull "$REGISTRY/nothing:1"
	[[ $output == *"manifest unknown"* || $output == *404* ]]
}

@test "-a takes every tag of a repository, both ways" {
	local n
	fresh_store
	berth pull -q "$REGISTRY/busybox:1"
	for n in 1 2 3; do berth tag "$REGISTRY/busybox:1" "$REGISTRY/many:v$n"; done
	run ! berth push -a "$REGISTRY/many:v1"
	[[ $output == *"takes a repository"* ]]
	run ! berth push -a "$REGISTRY/never"
	[[ $output == *"no image here"* ]]
	berth push -q -a "$REGISTRY/many"
	fresh_store
	berth pull -q -a "$REGISTRY/many"
	[ "$(berth image ls --format '{{.Repository}}:{{.Tag}}' | sort | paste -sd' ')" = \
		"$REGISTRY/many:v1 $REGISTRY/many:v2 $REGISTRY/many:v3" ]
	run ! berth pull -a "$REGISTRY/never"
	run ! berth pull -a
	[[ $output == *"needs the name"* ]]
}

@test "pushes to one repository take turns: a registry forgets a layer while it comes again" {
	local n
	berth pull -q "$FAKE/ok:1"
	for n in 1 2 3 4; do berth tag "$FAKE/ok:1" "$FAKE/push-turns:v$n"; done
	: >"$BERTH_HOME/fake/log"
	berth push -q -a "$FAKE/push-turns" &
	berth push -q "$FAKE/push-turns:v1"
	wait $!
	# Each asks for the configuration and the layer, and gives its manifest before another asks.
	[ "$(sed -nE 's/^HEAD.*/ask/p; s/^PUT .*manifests.*/give/p' "$BERTH_HOME/fake/log" | paste -sd' ')" = \
		"$(for n in {1..5}; do echo ask ask give; done | paste -sd' ')" ]
}

@test "push sends back byte for byte what was pulled, and packs what was made here" {
	berth pull -q "$REGISTRY/busybox:1"
	berth tag "$REGISTRY/busybox:1" "$REGISTRY/copy/of:it"
	run berth push "$REGISTRY/copy/of:it"
	[ "$status" -eq 0 ]
	[ "$(manifest_digest "$REGISTRY/copy/of:it")" = "$(manifest_digest "$REGISTRY/busybox:1")" ]
	mkdir root
	echo made here >root/file
	tar -C root -c . | berth import - "$REGISTRY/made:1" >/dev/null
	berth push -q "$REGISTRY/made:1"
	local id
	id=$(berth image inspect -f '{{.Id}}' "$REGISTRY/made:1")
	fresh_store
	berth pull -q "$REGISTRY/made:1"
	[ "$(berth image inspect -f '{{.Id}}' "$REGISTRY/made:1")" = "$id" ]
	[ "$(cat "$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' "$REGISTRY/made:1")/file")" = "made here" ]
	run ! berth push "$REGISTRY/absent:1"
	[[ $output == *"no such image"* ]]
}

@test "a push goes on through whatever the registry does, and says when it cannot" {
	berth pull -q "$FAKE/ok:1"
	echo pass | berth login -u user --password-stdin "$FAKE"
	local mode
	for mode in push-ok push-busy push-500 push-breaks push-expires; do
		berth tag "$FAKE/ok:1" "$FAKE/$mode:1"
		timeout 300 "$BERTH" push -q "$FAKE/$mode:1" || { echo "$mode"; false; }
		BERTH_ROOT=$PWD/$mode berth pull -q "$FAKE/$mode:1"
		[ "$(BERTH_ROOT=$PWD/$mode berth image inspect -f '{{.Id}}' "$FAKE/$mode:1")" = "$(berth image inspect -f '{{.Id}}' "$FAKE/ok:1")" ]
	done
	berth tag "$FAKE/ok:1" "$FAKE/push-refused:1"
	run ! berth push "$FAKE/push-refused:1"
	[[ $output == *"I do not want it"* ]]
	# Once more: everything is there, nothing is sent but the manifest.
	: >"$BERTH_HOME/fake/log"
	berth push -q "$FAKE/push-ok:1"
	[ "$(asked '^POST')" -eq 0 ]
	[ "$(asked '^PUT.*manifests')" -eq 1 ]
}

@test "layers go side by side, and from a repository of the same registry without travelling" {
	local i layers=()
	mkdir many
	for ((i = 0; i < 6; i++)); do
		head -c 300000 /dev/urandom >many/file
		tar -C many -cf "$i.tar" file
		layers+=("$i.tar")
	done
	"$TESTS/images/archive" "$REGISTRY/many:1" many.tar '{}' "${layers[@]}"
	berth load -q -i many.tar
	run berth --progress plain push "$REGISTRY/many:1"
	[ "$(grep -c Done <<<"$output")" -eq 6 ]
	[[ $output == *"digest: sha256:"* ]]
	berth tag "$REGISTRY/many:1" "$REGISTRY/elsewhere/copy:1"
	run berth --progress plain push "$REGISTRY/elsewhere/copy:1"
	[ "$(grep -c Mounted <<<"$output")" -eq 6 ]
	run berth --progress plain push "$REGISTRY/elsewhere/copy:1"
	[ "$(grep -c Exists <<<"$output")" -eq 6 ]
	fresh_store
	berth pull -q "$REGISTRY/elsewhere/copy:1"
}

@test "an index is resolved to the platform asked for" {
	skopeo copy -q --dest-tls-verify=false --override-arch arm64 \
		"docker://$REGISTRY/busybox:1" "docker://$REGISTRY/index:1" --src-tls-verify=false
	local base=http://$REGISTRY/v2/index digest size
	digest=$(manifest_digest "$REGISTRY/index:1")
	size=$(curl -s -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "$base/manifests/1" | wc -c)
	jq -cn --arg d "$digest" --argjson s "$size" '{schemaVersion: 2, mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
		manifests: [{mediaType: "application/vnd.docker.distribution.manifest.v2+json", digest: $d, size: $s, platform: {os: "linux", architecture: "arm64", variant: "v8"}}]}' >list.json
	curl -sf -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.list.v2+json' --data-binary @list.json "$base/manifests/2"
	berth pull -q --platform linux/arm64 "$REGISTRY/index:2"
	run ! berth pull --platform linux/s390x "$REGISTRY/index:2"
	[[ $output == *"not made for linux/s390x"*"linux/arm64"* ]]
	# Alone, without an index.
	run ! berth pull --platform linux/s390x "$REGISTRY/busybox:1"
	[[ $output == *"not made for linux/s390x"*"linux/amd64 only"* ]]
	berth pull -q --platform linux/amd64 "$REGISTRY/busybox:1"
}

@test "a project is pulled at once; what fails is told at the end, with who builds it" {
	fresh_store
	cat >compose.yaml <<-END
		services:
		  a: {image: "$REGISTRY/busybox:1", depends_on: [b]}
		  b: {image: "$FAKE/ok:1"}
		  c: {image: "$FAKE/gone:1", build: {dockerfile_inline: "FROM scratch"}}
		  d: {image: "$FAKE/ok:2", pull_policy: never}
	END
	run ! berth pull
	[[ $output == *"hint: it is built here: berth build c"* ]]
	berth image inspect "$REGISTRY/busybox:1" "$FAKE/ok:1" >/dev/null
	run ! berth image inspect "$FAKE/ok:2"
	berth pull --ignore-pull-failures
	run berth pull --ignore-buildable
	[ "$status" -eq 0 ]
	[[ $output != *gone* ]]
	: >"$BERTH_HOME/fake/log"
	berth pull --policy missing b
	[ "$(asked ok/manifests)" -eq 0 ]
	run berth pull -q --include-deps a
	[ "$output" = "" ]
	[ "$(asked ok/manifests)" -ge 1 ]
}

@test "up asks for an image before it builds it, once for all who use it, named or not" {
	fresh_store
	cat >compose.yaml <<-END
		services:
		  a: {image: "$FAKE/gone:1", build: {dockerfile_inline: "FROM $REGISTRY/busybox:1\nLABEL made=here"}}
		  b: {image: "$FAKE/gone:1"}
		  c: {image: "$REGISTRY/busybox:1", build: {dockerfile_inline: "FROM nosuch"}}
	END
	run -0 berth create
	[[ $output == *' a  Built'* && $output != *' c  Built'* ]]
	run -0 berth image inspect -f '{{.Config.Labels.made}}' "$FAKE/gone:1"
	[ "$output" = here ]
	berth down
	berth image rm "$FAKE/gone:1"
	run -0 berth create b # docker compose would fail: the service that builds it is not asked for
	[[ $output == *' a  Built'* ]]
	berth down
	berth image rm "$FAKE/gone:1"
	run ! berth create --no-build b
	[[ $output == *'gone:1'* ]]
}

@test "transfers that break, stall or are put off come through in the end" {
	local mode
	for mode in ok breaks no-range busy blob-busy blob-500 stall to-other-host two-members elsewhere; do
		fresh_store
		timeout 300 "$BERTH" pull -q "$FAKE/$mode:1" || { echo "$mode"; false; }
		wait_for 5 nothing_under_way
	done
	[ "$(asked 'breaks/blobs.*range=bytes=')" -ge 1 ]
}

@test "what is wrong is refused soon, with a reason, and nothing of it is kept" {
	local mode status bad=0
	for mode in corrupt wrong-size long-size negative-size ambiguous many-layers bad-digest schema-1 \
		html deep cut down gone loop to-file huge wrong-header confused locked token-elsewhere always-breaks \
		nested self long-index drips headers short-length forbidden broken blob-loop blob-to-file endless \
		md5-digest upper-digest 65-digest wrong-magic cut-gzip trash-after-gzip; do
		fresh_store
		timeout 300 "$BERTH" pull "$FAKE/$mode:1" >out 2>&1 && status=0 || status=$?
		[ $status -eq 1 ] || { echo "$mode: $status: $(cat out)"; bad=1; }
		[ "$(find "$BERTH_ROOT/images/layers" "$BERTH_ROOT/images/refs" -mindepth 1 2>/dev/null | wc -l)" -eq 0 ] || { echo "$mode: kept"; bad=1; }
		! grep -q $'\x1b' out || { echo "$mode: escape"; bad=1; }
	done
	[ $bad -eq 0 ]
}

@test "two commands wanting the same layer fetch it once" {
	fresh_store
	"$BERTH" pull -q "$FAKE/ok:1" &
	"$BERTH" pull -q "$FAKE/ok:2" &
	"$BERTH" pull -q "$FAKE/ok:3"
	wait
	[ "$(berth image ls -q | sort -u | wc -l)" -eq 1 ]
	[ "$(berth image ls -q | wc -l)" -eq 3 ]
	local layer
	layer=$(awk '/ok\/blobs/ { print $2 }' "$BERTH_HOME/fake/log" | sort | uniq -c | sort -n | awk 'END { print $2 }')
	[ "$(find "$BERTH_ROOT/images/layers" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	local config
	config=$(berth image inspect -f '{{.Id}}' "$FAKE/ok:1")
	[ "$(grep 'ok/blobs' "$BERTH_HOME/fake/log" | grep -vc "$config")" -eq 1 ] || { cat "$BERTH_HOME/fake/log"; echo "$layer"; false; }
}

@test "a pull that was killed goes on where it was" {
	fresh_store
	"$BERTH" pull -q "$FAKE/stall:again" &
	local pid=$!
	# The first request for this path has been answered by an earlier test; breaks always resumes.
	wait $pid
	fresh_store
	mkdir -p "$BERTH_ROOT/images/tmp"
	local digest
	digest=$(curl -s "http://$FAKE/v2/ok/manifests/1" | jq -r '.layers[0].digest')
	curl -s "http://$FAKE/v2/ok/blobs/$digest" | head -c 70000 >"$BERTH_ROOT/images/tmp/partial.0.${digest#sha256:}"
	: >"$BERTH_HOME/fake/log"
	berth pull -q "$FAKE/ok:1"
	[ "$(asked 'range=bytes=70000-')" -eq 1 ]
	# What lay there was wrong: fetched anew, whole.
	fresh_store
	mkdir -p "$BERTH_ROOT/images/tmp"
	head -c 70000 /dev/zero >"$BERTH_ROOT/images/tmp/partial.0.${digest#sha256:}"
	berth pull -q "$FAKE/ok:1"
	cmp <(curl -s "http://$FAKE/v2/ok/blobs/$digest") "$BERTH_ROOT/images/blobs/sha256/${digest#sha256:}"
}

half_is_here() { [ -n "$(find "$BERTH_ROOT/images/tmp" -name 'partial.*' -size +0)" ]; }
nothing_half_made() { [ -z "$(find "$BERTH_ROOT/images/tmp" -mindepth 1 -maxdepth 1 ! -name 'partial.0.*')" ]; }
nobody_left() { [ -z "$(berth_processes)" ]; }

@test "Ctrl-C, or the end of the command alone, ends a pull; the next one goes on where it was" {
	local to name
	for name in holds holds2; do # the terminal's whole group, or only the command
		[ $name = holds ] && to=- || to=
		fresh_store
		env --default-signal=INT setsid "$BERTH" pull "$FAKE/$name:1" >out 2>&1 3>&- &
		wait_for 10 half_is_here
		kill -INT -- "$to$!"
		wait $! && status=0 || status=$?
		[ $status -ne 0 ]
		wait_for 5 nobody_left
		nothing_half_made
		[ -z "$(find "$BERTH_ROOT/images/layers" "$BERTH_ROOT/images/refs" "$BERTH_ROOT/images/records" -mindepth 1 2>/dev/null)" ]
		: >"$BERTH_HOME/fake/log"
		berth pull -q "$FAKE/$name:1"
		[ "$(asked 'holds.*/blobs.*range=bytes=')" -ge 1 ]
		wait_for 5 nothing_under_way
	done
}

@test "a build brings its base images side by side, and Ctrl-C ends that" {
	fresh_store
	echo "$FAKE timeout=600" >"$BERTH_ROOT/registries.conf" # what is held stays held
	# of another layer: the same one would come once, from whichever of the two is asked first
	printf 'FROM %s/holds3:1 AS a\nFROM %s/busybox:1\nCOPY --from=a /bin /a\n' "$FAKE" "$REGISTRY" >Dockerfile
	env --default-signal=INT setsid "$BERTH" build . >out 2>&1 3>&- &
	wait_for 10 half_is_here
	wait_for 10 berth image inspect "$REGISTRY/busybox:1"
	kill -INT -- "-$!"
	wait $! && status=0 || status=$?
	[ $status -ne 0 ]
	wait_for 5 nobody_left
	nothing_half_made
	echo "$FAKE timeout=2" >"$BERTH_ROOT/registries.conf"
	berth build -q -t two .
	wait_for 5 nothing_under_way
	printf 'FROM %s/ok:1\nFROM %s/gone:1 AS b\nFROM %s/none:1\nCOPY --from=b / /\n' "$FAKE" "$FAKE" "$FAKE" >Dockerfile
	run ! berth build .
	[[ $output == *"Dockerfile:"[23]": get the image $FAKE/"*":1: pull "* ]]
}

@test "login, basic and token, and credentials that go nowhere else" {
	fresh_store
	local mode
	for mode in basic token; do
		run ! berth pull "$FAKE/$mode:1"
		[[ $output == *"berth login $FAKE"* ]]
	done
	run ! berth login -u user -p pass "$FAKE" </dev/null --password-stdin
	echo pass | berth login -u user --password-stdin "$FAKE"
	[ "$(stat -c %a config.json)" = 600 ]
	for mode in basic token expires; do
		: >"$BERTH_HOME/fake/log"
		berth pull -q "$FAKE/$mode:1"
		[ "$(asked 'auth=B')" -ge 1 ]
		[ "$(grep 'auth=B' "$BERTH_HOME/fake/log" | grep -vc "host=$FAKE")" -eq 0 ]
	done
	fresh_store
	: >"$BERTH_HOME/fake/log"
	berth pull -q "$FAKE/to-other-host:1"
	[ "$(grep 'host=localhost' "$BERTH_HOME/fake/log" | grep -vc auth=None)" -eq 0 ]
	run berth logout "$FAKE"
	[[ $output == Removing* ]]
	run ! berth pull "$FAKE/basic:2"
}

@test "a password is in no output and nowhere in the store, said at length too (CVE-2019-13509)" {
	fresh_store
	echo pass | berth --verbose login -u user --password-stdin "$FAKE" >out 2>&1
	berth --verbose pull "$FAKE/basic:1" >>out 2>&1
	berth --verbose pull "$FAKE/token:1" >>out 2>&1
	run ! grep -E 'dXNlcjpwYXNz|[^-]pass[^w]' out
	run ! grep -rE 'dXNlcjpwYXNz' "$BERTH_ROOT"
}

@test "credential helpers are asked" {
	mkdir bin
	cat >bin/docker-credential-test <<-'END'
		#!/bin/sh
		read -r server
		echo "$1 $server" >>"$DOCKER_CONFIG/helped"
		[ "$1" = get ] && echo '{"Username":"user","Secret":"pass"}'
	END
	chmod +x bin/docker-credential-test
	echo "{\"credHelpers\":{\"$FAKE\":\"test\"}}" >config.json
	PATH=$PWD/bin:$PATH berth pull -q "$FAKE/token:1"
	grep -q "get $FAKE" helped
	echo '{"credHelpers":{"'"$FAKE"'":"../../bin/sh"}}' >config.json
	run ! berth pull -q "$FAKE/basic:9"
	[[ $output == *"not the name of a credential helper"* ]]
}

# ADDRESS [CERTIFICATE]: one more of the registries that misbehave; sets OTHER
other_registry() {
	mkdir -p other && rm -f other/address
	python3 "$TESTS/fake/registry.py" other "$@" 3>&- 4>&- &
	OTHER_PID=$!
	wait_for 20 test -s other/address
	OTHER=$(cat other/address)
}

@test "TLS is verified by the host's bundle or the registry's own, and said what to do" {
	ip addr add 192.0.2.1/32 dev lo
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:192.0.2.1 \
		-keyout key.pem -out ca.pem 2>/dev/null
	cat key.pem ca.pem >both.pem
	other_registry 192.0.2.1 both.pem
	fresh_store
	run ! berth pull "$OTHER/ok:1"
	[[ $output == *certificate*"hint: "*"ca="* ]]
	SSL_CERT_FILE=$PWD/ca.pem berth pull -q "$OTHER/ok:1"
	fresh_store
	local BERTH_ROOT=$PWD/tls-root
	mkdir "$BERTH_ROOT"
	echo "$OTHER ca=$PWD/ca.pem" >"$BERTH_ROOT/registries.conf"
	BERTH_ROOT=$BERTH_ROOT berth pull -q "$OTHER/ok:1"
	echo "$OTHER insecure" >"$BERTH_ROOT/registries.conf"
	BERTH_ROOT=$BERTH_ROOT berth pull -q "$OTHER/ok:2"
	: >other/log # a registry elsewhere leads neither to this machine's own servers nor out of TLS
	run ! env BERTH_ROOT="$BERTH_ROOT" timeout 60 "$BERTH" pull "$OTHER/to-loopback:1"
	[[ $output == *"redirects to https://127.0.0.1:"*"a loopback address"* ]]
	run ! env BERTH_ROOT="$BERTH_ROOT" timeout 60 "$BERTH" pull "$OTHER/to-http:1"
	[[ $output == *"redirects to http://$OTHER/"*"from https to http"* ]]
	[ "$(grep -c "GET .*manifests" other/log)" -eq 2 ]
	kill $OTHER_PID
	ip addr del 192.0.2.1/32 dev lo
}

@test "proxies of the environment are asked, but not for this machine nor for NO_PROXY" {
	local BERTH_ROOT=$PWD/proxy-root far=192.0.2.7:5000
	mkdir "$BERTH_ROOT"
	echo "$far insecure timeout=2" >"$BERTH_ROOT/registries.conf"
	local name
	for name in HTTP_PROXY http_proxy; do
		: >"$BERTH_HOME/fake/log"
		env BERTH_ROOT="$BERTH_ROOT" HTTPS_PROXY=http://127.0.0.1:1 $name="http://$FAKE" timeout 300 "$BERTH" pull -q "$far/ok:$name"
		[ "$(asked "GET http://$far/v2/ok/manifests")" -ge 1 ]
	done
	: >"$BERTH_HOME/fake/log"
	env BERTH_ROOT="$BERTH_ROOT" HTTP_PROXY="http://$FAKE" NO_PROXY=192.0.2.7 timeout 300 "$BERTH" pull -q "$far/ok:no" && false
	[ "$(asked "http://$far")" -eq 0 ]
	env BERTH_ROOT="$BERTH_ROOT" http_proxy=http://127.0.0.1:1 timeout 300 "$BERTH" pull -q "$FAKE/ok:1"
}

@test "a mirror is asked first, and the registry itself where the mirror is down" {
	fresh_store
	{
		echo "$FAKE timeout=2"
		echo "$REGISTRY mirror=http://$FAKE  # a comment"
	} >"$BERTH_ROOT/registries.conf"
	berth pull -q "$REGISTRY/ok:1"
	[ "$(asked ok/manifests)" -ge 1 ]
	: >"$BERTH_HOME/fake/log"
	echo "$REGISTRY mirror=http://127.0.0.1:1" >"$BERTH_ROOT/registries.conf"
	berth pull -q "$REGISTRY/busybox:1"
	echo "$REGISTRY bogus" >"$BERTH_ROOT/registries.conf"
	run ! berth pull "$REGISTRY/busybox:1"
	[[ $output == *"registries.conf:1"* ]]
	echo "$FAKE timeout=2" >"$BERTH_ROOT/registries.conf"
}

policy_asks() { # POLICY: how many requests for the manifest `create` makes
	printf 'name: policy\nservices:\n  a:\n    image: %s\n    pull_policy: %s\n' "$FAKE/ok:policy" "$1" >compose.yaml
	: >"$BERTH_HOME/fake/log"
	berth create --force-recreate >out 2>&1 || { cat out && return 1; }
	asked ok/manifests
}

@test "pull policies: what is here is asked for again only when it is time" {
	fresh_store
	run ! policy_asks never
	[[ $output == *"pull policy"* ]]
	local policy
	[ "$(policy_asks weekly)" -ge 1 ]
	for policy in never missing if_not_present build daily weekly every_12h; do
		[ "$(policy_asks $policy)" -eq 0 ] || { echo "$policy asked" && false; }
	done
	[ "$(policy_asks always)" -ge 1 ]
	local ref
	ref=$(find "$BERTH_ROOT/images/refs" -name ':policy')
	touch -d '2 days ago' "$ref"
	[ "$(policy_asks weekly)" -eq 0 ]
	[ "$(policy_asks daily)" -ge 1 ]
	[ "$(policy_asks daily)" -eq 0 ]
	touch -d '2 hours ago' "$ref"
	[ "$(policy_asks every_3h)" -eq 0 ]
	[ "$(policy_asks every_1h30m)" -ge 1 ]
	run ! policy_asks monthly
	[[ $output == *'"monthly" is not a value of "pull_policy"'* ]]
	# The registry is down on the day it should be asked: what is here will do.
	berth tag "$FAKE/ok:policy" 127.0.0.1:1/ok:policy
	touch -d '2 days ago' "$(find "$BERTH_ROOT/images/refs/127.0.0.1:1" -name ':policy')"
	sed -i 's/image:.*/image: 127.0.0.1:1\/ok:policy/; s/policy: .*/policy: daily/' compose.yaml
	run berth create
	[ "$status" -eq 0 ]
	[[ $output == *127.0.0.1:1* ]]
	berth down >/dev/null 2>&1
}

@test "nobody there is said at once" {
	run -1 berth pull 127.0.0.1:1/x:1 # with 124 it was ended for taking too long
	[[ $output == *"127.0.0.1:1"* ]]
	run -1 berth pull registry.invalid/x:1
}

@test "config resolves images to digests, and locks them" {
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/busybox:1")
	compose <<-END
		services:
		  a: {image: $REGISTRY/busybox:1}
		  b: {image: "$REGISTRY/busybox@$digest"}
	END
	run -0 berth config --resolve-image-digests --format json
	[ "$(jq -r .services.a.image <<<"$output")" = "$REGISTRY/busybox:1@$digest" ]
	[ "$(jq -r .services.b.image <<<"$output")" = "$REGISTRY/busybox@$digest" ]
	run -0 berth config --lock-image-digests --format json
	[ "$(jq -r .services.a.image <<<"$output")" = "$REGISTRY/busybox:1@$digest" ]
	[ "$(jq '.services.a | keys | length' <<<"$output")" = 1 ]
	printf 'services: {a: {image: %s/nosuch}}\n' "$REGISTRY" | compose
	run ! berth config --resolve-image-digests
	[[ "$output" == *nosuch* ]]
}
