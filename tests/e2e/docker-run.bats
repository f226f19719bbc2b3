#!/usr/bin/env bats
# Called as docker: run, create and the commands around them, with the options scripts use.
load lib

setup_file() {
	root_up
	make_busybox_image
	ln -s "$BERTH" "$BERTH_HOME/docker"
	PATH=$BERTH_HOME:$PATH
}
docker() { timeout --foreground -k 5 120 "$BERTH_HOME/docker" "$@"; }
setup() { cd "$BERTH_HOME" || return; }
teardown() {
	docker ps -aq | xargs -r timeout 120 "$BERTH_HOME/docker" rm -f >/dev/null 2>&1
	return 0
}
of() { docker inspect -f "$2" "$1"; }

@test "limits, namespaces, names and files of run arrive in the container" {
	echo 'FROM_FILE=yes' >env
	echo 'from=file' >labels
	docker run -d --name aa --hostname inside --domainname example --add-host x:10.0.0.9 \
		--dns 10.0.0.7 --dns-search corp --dns-option ndots:3 --env-file env --label-file labels \
		--memory 32m --memory-swap 64m --memory-reservation 16m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 \
		--pids-limit 50 --shm-size 8m --oom-score-adj 100 --ulimit nofile=100:200 --ulimit core=0 \
		--sysctl net.ipv4.ip_default_ttl=42 --tmpfs /t:size=1m --cap-drop ALL --cap-add CHOWN \
		--security-opt no-new-privileges --log-driver json-file --log-opt max-size=1m \
		--stop-timeout 3 --read-only --group-add 44 --annotation a=b --expose 8000 \
		--network-alias other --health-cmd 'test -e /' --health-interval 100ms --health-retries 2 \
		busybox sleep 1000
	[ "$(docker exec aa hostname)" = inside ]
	docker exec aa grep -q '^10.0.0.9.*x' /etc/hosts
	docker exec aa grep -q 'search corp' /etc/resolv.conf
	docker exec aa grep -q ndots:3 /etc/resolv.conf
	[ "$(docker exec aa sh -c 'echo $FROM_FILE')" = yes ]
	[ "$(docker exec aa sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c' | xargs)" = "100 200 0" ]
	[ "$(docker exec aa cat /proc/sys/net/ipv4/ip_default_ttl)" = 42 ]
	[ "$(docker exec aa cat /proc/1/oom_score_adj)" = 100 ]
	[ "$(docker exec aa df -k /dev/shm | awk 'END { print $2 }')" = 8192 ]
	docker exec aa id -G | grep -qw 44
	run docker exec aa touch /x
	[[ $output == *"Read-only"* ]]
	[ "$(of aa '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}')" = "33554432 500000000 50" ]
	[ "$(of aa '{{index .Config.Labels "from"}} {{.Config.Domainname}}')" = "file example" ]
	healthy() { [ "$(of aa '{{.State.Health.Status}}')" = healthy ]; }
	wait_for 20 healthy
}

@test "mounts in both forms, devices of the disk, volumes by their own names" {
	mkdir -p here && echo text >here/f
	docker run -d --name aa --init -v data:/data --mount type=bind,src="$PWD/here",dst=/b,readonly \
		--mount type=volume,source=more,target=/m --mount type=tmpfs,target=/t,tmpfs-size=1m \
		busybox sleep 1000
	[ "$(docker exec aa cat /b/f)" = text ]
	run docker exec aa touch /b/x
	[ "$status" -ne 0 ]
	docker exec aa touch /data/kept /m/kept /t/x
	[ -e "$BERTH_ROOT/volumes/data/_data/kept" ]
	docker rm -f aa
	[ -e "$BERTH_ROOT/volumes/data/_data/kept" ]
	[ "$(docker run --rm -v data:/d busybox ls /d)" = kept ]
	run -125 docker run --rm --mount type=bind,sauce=/x,target=/y busybox true
	[[ $output == *'"sauce" is not known'* ]]
}

@test "create, start, diff, restart and rm" {
	id=$(docker create --name aa --cidfile cid -e A=b busybox sh -c 'echo $A; touch /new; rm /etc/passwd; sleep 1000')
	[ "$(cat cid)" = "$id" ]
	[ "$(of aa '{{.State.Status}}')" = created ]
	docker start aa
	said() { [ "$(docker logs aa)" = b ]; }
	wait_for 20 said
	changed() { docker diff aa | grep -qx 'D /etc/passwd'; }
	wait_for 20 changed
	docker diff aa | grep -qx 'A /new'
	docker diff aa | grep -qx 'C /etc'
	docker restart -t 0 aa
	[ "$(of aa '{{.Id}} {{.State.Running}}')" = "$id true" ]
	docker rm -f aa
	[ -z "$(docker ps -aq)" ]
	run -125 docker create --name aa --cidfile cid busybox true
	[[ $output == *"exists already"* ]]
}

@test "what is not supported says why" {
	for option in --gpus=all --runtime=x --link=a --volumes-from=a --publish-all --volume-driver=x; do
		run -125 docker run --rm "$option" busybox true
		[[ $output == *"is not supported"*hint:* ]]
	done
	run -125 docker run --rm --network host --ip 1.2.3.4 busybox true
	[[ $output == *"need a network"* ]]
	run -1 docker search nginx
	[[ $output == *"does not search"*hint:* ]]
	run -1 docker rename old new
	[[ $output == *"keeps its name"*hint:* ]]
}

@test "run -d --rm: the supervisor removes it when it ends, and what was made for it" {
	gone() { [ -z "$(docker ps -aq)" ] && [ -z "$(ls "$BERTH_ROOT/projects")" ]; }
	id=$(docker run -d --rm --name aa --cidfile cid-rm -p 127.0.0.1:18078:80 busybox sh -c 'cat /proc/self/stat >/x; sleep 1000')
	[ "$(cat cid-rm)" = "$id" ]
	[ "$(docker ps -q --no-trunc)" = "$id" ]
	docker network ls | grep -q run-aa_default
	docker kill aa
	wait_for 20 gone
	run ! grep run-aa <(docker network ls)
	berth run -d --rm busybox true
	wait_for 20 gone
	run -127 docker run -d --rm busybox nonsense
	[[ $output == *"not found"* ]]
	wait_for 20 gone
	run -125 docker run -d --rm --restart always busybox true
	[[ $output == *conflicting* ]]
}

@test "run --rm: nothing of it is left, even when its client is killed" {
	gone() { [ -z "$(docker ps -aq)" ] && [ -z "$(ls "$BERTH_ROOT/projects")" ]; }
	for command in "$BERTH_HOME/docker" "$BERTH"; do
		run -3 "$command" run --rm busybox sh -c 'exit 3'
		gone
		"$command" run --rm --name aa busybox sleep 1000 &
		client=$!
		running() { [ "$(of aa '{{.State.Running}}')" = true ]; }
		wait_for 20 running
		kill -9 "$client"
		docker kill aa
		wait_for 20 gone
	done
	# One that was told of the end and dies before it took the project down.
	"$command" run --rm --name aa busybox sleep 1000 &
	client=$!
	wait_for 20 running
	kill -STOP "$client"
	docker kill aa
	kill -9 "$client"
	wait_for 20 gone
}

@test "inspect: json, range, index and the members that scripts read" {
	docker run -d --name aa --init -p 127.0.0.1:18077:80 -v data:/data -l k=v busybox sleep 1000
	[ "$(of aa '{{.State.Running}} {{.State.ExitCode}} {{.Name}} {{.RestartCount}}')" = "true 0 /aa 0" ]
	[ "$(of aa '{{json .State.Status}}')" = '"running"' ]
	[ "$(of aa '{{range .Mounts}}{{.Type}}:{{.Destination}}{{end}}')" = volume:/data ]
	[ "$(of aa '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}')" = 18077 ]
	[ "$(of aa '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}')" = run-aa_default ]
	[[ "$(of aa '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')" == *.*.*.* ]]
	[ "$(of aa '{{.Config.Image}} {{index .Config.Labels "k"}} {{join .Config.Cmd " "}}')" = "busybox v sleep 1000" ]
	docker inspect aa | jq -e '.[0] | (.State | has("Pid") and has("StartedAt") and has("FinishedAt"))
		and (.HostConfig | has("NetworkMode") and has("RestartPolicy") and has("CapAdd") and has("Dns")
			and has("ExtraHosts") and has("Ulimits") and has("Init") and has("CpuShares") and has("PortBindings"))
		and (.Config | has("Entrypoint") and has("ExposedPorts") and has("Volumes") and has("Domainname"))'
	[ "$(docker info --format '{{.ContainersRunning}}')" = 1 ]
	docker info | grep -q 'Cgroup Version'
}
