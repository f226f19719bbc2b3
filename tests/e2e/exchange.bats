# Images go from berth to docker and podman and back, and are the same: shared/tools/peers has these.
load lib
bats_require_minimum_version 1.5.0

setup_file() {
	root_up
	export PEERS_ROOT=${PEERS_ROOT:-/tmp/sid} PEERS_STATE=$BERTH_HOME/dk PEERS_BIND=$TESTS
	export DOCKER_HOST=unix://$PEERS_STATE/docker.sock PODMAN_IGNORE_CGROUPSV1_WARNING=1
	export PEERS=${BERTH_SHARED:-}/tools/peers
	[ -x "$PEERS" ] && [ -x "$PEERS_ROOT/usr/bin/podman" ] || { touch "$BERTH_HOME/none" && return; }
	"$PEERS" dockerd 3>&- 4>&-
	make_busybox_image
	mkdir "$BERTH_HOME/built"
	cat >"$BERTH_HOME/built/Dockerfile" <<-'END'
		FROM busybox
		LABEL a=b
		ENV X=1
		RUN mkdir /d && echo hi >/d/f && ln /d/f /d/g && rm /etc/group
		USER 5:6
		WORKDIR /d
		VOLUME /v
		EXPOSE 80
		HEALTHCHECK --interval=5s CMD true
		STOPSIGNAL SIGINT
		ENTRYPOINT ["cat"]
		CMD ["/d/g"]
	END
	berth build -q -t built:1 "$BERTH_HOME/built"
}
teardown_file() {
	[ -f "$BERTH_HOME/none" ] || "$PEERS" stop || true
	root_down
	rm -rf "${PEERS_ROOT:?}$BERTH_HOME"
}
setup() {
	[ ! -f "$BERTH_HOME/none" ] || skip 'no docker and podman beside the repository'
	cd "$BATS_TEST_TMPDIR" || return
}

peer() { "$PEERS" run "$@"; }
podman() { peer podman --root "$PEERS_STATE/pod" --runroot "$PEERS_STATE/run" --storage-driver vfs --cgroup-manager cgroupfs "$@"; }
id_of() { berth image inspect -f '{{.Id}}' "$1"; }
config_of() { jq -Sc '.[0].Config'; }

@test "docker loads and runs what berth built and saved, and has the same configuration" {
	local form
	for form in docker-archive oci-archive; do
		berth save --format $form built:1 busybox | peer docker load -q
		peer docker rmi -f built:1
	done
	berth build -q -o type=oci,dest=- -t built:1 "$BERTH_HOME/built" | peer docker load -q
	[ "$(peer docker image inspect -f '{{.Id}}' built:1)" = "$(id_of built:1)" ]
	[ "$(peer docker image inspect built:1 | config_of)" = "$(berth image inspect built:1 | config_of)" ]
	[ "$(peer docker run --rm --network none built:1)" = hi ]
	run ! peer docker run --rm --network none --entrypoint ls built:1 /etc/group
}

@test "podman loads and runs it, from either form of archive" {
	local form
	for form in docker-archive oci-archive; do
		berth save --format $form -o $form.tar built:1
		podman rmi --ignore -f built:1
		podman load -q -i $form.tar
		[ "sha256:$(podman image inspect -f '{{.Id}}' built:1)" = "$(id_of built:1)" ]
		[ "$(podman run --rm --network none --cgroups=disabled built:1)" = hi ]
	done
}

@test "berth loads what docker and podman save, export and commit" {
	local form id
	id=$(id_of built:1)
	export BERTH_ROOT=$BERTH_HOME/other
	peer docker save built:1 busybox | berth load
	[ "$(id_of built:1)" = "$id" ]
	berth rmi built:1
	podman tag built:1 localhost/out:1
	for form in docker-archive oci-archive oci-dir; do
		podman save -q --format $form -o $form localhost/out:1
		berth load -i $form
		[ "$(berth image inspect -f '{{json .Config.Entrypoint}}{{json .Config.Cmd}}' localhost/out:1)" = '["cat"]["/d/g"]' ]
		berth rmi localhost/out:1
	done
	local container
	container=$(peer docker create built:1)
	peer docker export "$container" | berth import -c 'CMD ["cat", "/d/g"]' - exported:1
	peer docker commit "$container" committed:1
	peer docker save committed:1 | berth load
	printf 'services: {a: {image: exported:1}, b: {image: committed:1}}\n' >compose.yaml
	[ "$(berth run --rm -T a 2>/dev/null)" = hi ]
	[ "$(berth run --rm -T b 2>/dev/null)" = hi ]
	berth down -v -t 0
}
