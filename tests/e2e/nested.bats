#!/usr/bin/env bats
# berth inside a container of berth's: limits, health, names and addresses there are as outside.
load lib

setup_file() {
	root_up
	make_busybox_image >/dev/null
}

@test "a project runs inside a privileged container, with its limits and names" {
	local there="$PROJECT/in"
	mkdir in
	cp "$BERTH_HOME/busybox.tar" in/
	cat >in/compose.yaml <<-'EOF'
		services:
		  web:
		    image: busybox
		    command: ["sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; exec sleep 1000"]
		    mem_limit: 20m
		    pids_limit: 30
		    stop_grace_period: 0s
		    healthcheck: {test: "true", interval: 1s}
		  hog:
		    image: busybox
		    command: ["sh", "-c", "nslookup -type=a web | tail -3; x=a; while :; do x=$$x$$x; done"]
		    mem_limit: 20m
		    depends_on: {web: {condition: service_healthy}}
	EOF
	compose <<-EOF
		services:
		  outer:
		    image: busybox
		    privileged: true
		    command: sleep 1000
		    stop_grace_period: 0s
		    environment: {BERTH_ROOT: /state}
		    volumes:
		      - ./in:/in
		      - /usr:/usr:ro
		      - $(dirname "$(readlink -f "$BERTH")"):/b:ro
		      - state:/state
		    tmpfs: [/run]
		volumes: {state: }
	EOF
	for d in /lib /lib64; do
		sed -i "s|^      - state:/state|      - $d:$d:ro\n&|" compose.yaml
	done
	echo "$there"
	berth up -d
	run -0 berth exec -T -w /in outer sh -c '/b/berth load -i busybox.tar && /b/berth up -d && /b/berth wait hog; /b/berth logs --no-log-prefix web; /b/berth why hog; /b/berth logs hog; /b/berth ps -a --format "{{.Service}} {{.Health}}"; /b/berth down; ip -o link | wc -l'
	echo "$output"
	grep -qx 20971520 <<<"$output"
	grep -q 'killed it at its memory limit' <<<"$output"
	grep -q 'Address.*172\.\|Address.*10\.' <<<"$output"
	grep -qx 'web healthy' <<<"$output"
	berth down -v
}
