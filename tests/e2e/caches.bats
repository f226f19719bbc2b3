# cache_from and cache_to: what one machine built, another need not.
load lib

setup_file() {
	root_up
	make_busybox_image
	registry_start
}
teardown_file() { root_down; }

elsewhere() { # another machine: an empty store
	export BERTH_ROOT=$BERTH_HOME/$PROJECT/r BERTH_RUN=$BERTH_HOME/$PROJECT/n
	mkdir -p "$BERTH_ROOT" "$BERTH_RUN"
	make_busybox_image
}

two_stages() {
	echo 1 >f
	cat >Dockerfile <<-'E'
		FROM busybox AS tools
		RUN date +%N >/tool && echo tool >>/tool
		FROM busybox
		WORKDIR /app
		COPY f .
		COPY --from=tools /tool .
		RUN date +%N >when
	E
}

cached() { grep -c CACHED <<<"$stderr"; }

@test "mode=max in a registry: all steps are cached on an empty store" {
	two_stages
	first=$(berth build -q --cache-to "type=registry,ref=$REGISTRY/cache:max,mode=max" -t here .)
	elsewhere
	run --separate-stderr berth build --cache-from "$REGISTRY/cache:max" --iidfile id -t there .
	[ "$status" -eq 0 ]
	[ "$(cached)" -eq 5 ]
	[ "$(cat id)" = "$first" ]
	echo 2 >f
	run --separate-stderr berth build --cache-from "$REGISTRY/cache:max" -t there .
	[ "$(cached)" -eq 2 ]
}

@test "mode=min has the layers of the result alone" {
	two_stages
	berth build -q --cache-to "type=registry,ref=$REGISTRY/cache:min" -t here . >/dev/null
	elsewhere
	sed -i 1,2d Dockerfile && sed -i 's/--from=tools .tool/f/' Dockerfile
	run --separate-stderr berth build --cache-from "type=registry,ref=$REGISTRY/cache:min" -t there .
	[ "$(cached)" -eq 2 ]
	[ "$(find "$BERTH_ROOT/images/layers" -mindepth 1 -maxdepth 1 | wc -l)" -lt 7 ]
}

@test "a directory, and the image itself, carry the cache too" {
	two_stages
	first=$(berth build -q --cache-to "type=local,dest=$PWD/out,mode=max" -t here .)
	[ -f out/oci-layout ]
	skopeo inspect --raw "oci:$PWD/out" | grep -q layers
	berth build -q --cache-to type=inline -t "$REGISTRY/app:1" --push . >/dev/null
	elsewhere
	run --separate-stderr berth build --cache-from "type=local,src=$PWD/out" --iidfile id -t there .
	[ "$(cached)" -eq 5 ]
	[ "$(cat id)" = "$first" ]
	rm -rf "$BERTH_ROOT"
	make_busybox_image
	run --separate-stderr berth build --target tools --cache-from "$REGISTRY/app:1" .
	[ "$(cached)" -eq 0 ]
	sed -i '/tool/d' Dockerfile
	run --separate-stderr berth build --cache-from "$REGISTRY/app:1" .
	[ "$(cached)" -eq 2 ]
}

@test "a cache that is not there is a warning; a wrong blob is never used" {
	two_stages
	run berth build -q --cache-from "$REGISTRY/none:1" -t t .
	[ "$status" -eq 0 ]
	berth build -q --cache-to "type=local,dest=$PWD/out,mode=max" . >/dev/null
	for blob in out/blobs/sha256/*; do
		[ "$(head -c 2 "$blob" | od -An -tx1 | tr -d ' ')" = 1f8b ] || continue
		printf 'spoiled' >"$blob"
	done
	elsewhere
	run --separate-stderr berth build --cache-from "type=local,src=$PWD/out" -t t .
	[ "$status" -eq 0 ]
	[ "$(cached)" -eq 0 ]
	[[ $stderr == *"cached layer cannot be had"* ]]
	run berth build -q --cache-to type=gha .
	[ "$status" -eq 1 ]
	[[ $output == *"type=gha"* ]]
	run berth build -q --cache-to "type=local,dest=/proc/none" .
	[ "$status" -eq 1 ]
	berth build -q --cache-to "type=local,dest=/proc/none,ignore-error=true" .
}

@test "services name their caches in the file" {
	mkdir web && cd web && two_stages && cd ..
	cat >compose.yaml <<-E
		services:
		  web:
		    build:
		      context: web
		      cache_from: ["$REGISTRY/web:cache", "type=local,src=shelf"]
		      cache_to: ["type=registry,ref=$REGISTRY/web:cache,mode=max", "type=local,dest=shelf"]
	E
	berth build
	[ -f shelf/index.json ]
	elsewhere
	run --separate-stderr berth build
	[ "$(cached)" -eq 5 ]
}
