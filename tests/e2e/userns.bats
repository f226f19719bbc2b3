#!/usr/bin/env bats
# userns_mode: auto. Ids of a project's own: root inside is nobody outside, and all else as usual.
load lib

setup_file() {
	root_up
	make_busybox_image >/dev/null
}

pid_of() { berth inspect -f '{{.State.Pid}}' "$PROJECT-$1-1"; }
outside_uid() { awk '/^Uid:/ { print $2 }' "/proc/$(pid_of "$1")/status"; }

@test "root inside is another outside, the same for the whole project and at every start" {
	compose <<-'EOF'
		services:
		  a: {image: busybox, command: sleep 1000, userns_mode: auto}
		  b: {image: busybox, command: sleep 1000, userns_mode: auto, user: "1000"}
		  c: {image: busybox, command: sleep 1000}
		  d: {image: busybox, command: sleep 1000, userns_mode: host}
	EOF
	run -0 berth up -d
	first=$(outside_uid a)
	[ "$first" -ge $((0x10000000)) ] && [ $((first % 65536)) = 0 ]
	[ "$(outside_uid b)" = $((first + 1000)) ]
	[ "$(outside_uid c)" = 0 ]
	[ "$(outside_uid d)" = 0 ]
	run -0 berth exec -T a id -u
	[ "$output" = 0 ]
	run -0 berth exec -T b id -u
	[ "$output" = 1000 ]
	run -0 berth exec -T a cat /proc/self/uid_map
	[ "$(echo $output)" = "0 $first 65536" ]
	run -0 berth down
	run -0 berth up -d
	[ "$(outside_uid a)" = "$first" ]
}

@test "another project has other ids" {
	for p in one two; do
		printf 'name: %s\nservices: {a: {image: busybox, command: sleep 1000, userns_mode: auto}}\n' $p >$p.yaml
		run -0 berth -f $p.yaml up -d
	done
	one=$(awk '/^Uid:/ { print $2 }' "/proc/$(berth inspect -f '{{.State.Pid}}' one-a-1)/status")
	two=$(awk '/^Uid:/ { print $2 }' "/proc/$(berth inspect -f '{{.State.Pid}}' two-a-1)/status")
	[ "$one" != "$two" ]
	[ "$(readlink "$BERTH_ROOT/ids/$one")" = one ]
	for p in one two; do run -0 berth -f $p.yaml down; done
}

@test "volumes, binds, secrets, tmpfs and the root are root's inside; the host keeps its owners" {
	mkdir src && echo hers >src/f && chown -R 7:8 src
	echo sesame >secret
	compose <<-'EOF'
		services:
		  a:
		    image: busybox
		    userns_mode: auto
		    command: sh -c 'touch /v/made /root-made /b/made /t/made && sleep 1000'
		    volumes: ["data:/v", "./src:/b"]
		    tmpfs: /t
		    shm_size: 1m
		    secrets: [{source: s, uid: "5", gid: "6", mode: 0440}]
		    healthcheck: {test: "test -e /t/made", interval: 1s}
		secrets: {s: {file: ./secret}}
		volumes: {data: }
	EOF
	run -0 berth up -d --wait
	stat_in() { berth exec -T a stat -c %u:%g:%a "$1"; }
	[ "$(stat_in /v/made)" = 0:0:644 ]
	[ "$(stat_in /b/made)" = 0:0:644 ]
	[ "$(stat_in /b/f)" = 7:8:644 ]
	[ "$(stat_in /root-made)" = 0:0:644 ]
	[ "$(stat_in /t/made)" = 0:0:644 ]
	[ "$(stat_in /bin/busybox)" = 0:0:755 ]
	[ "$(stat_in /run/secrets/s)" = 5:6:440 ]
	[ "$(stat_in /etc/hosts)" = 0:0:644 ]
	[ "$(stat -c %u src/made)" = 0 ]
	run -0 berth exec -T a sh -c 'mount | grep -c " /proc "'
	run -0 berth cp secret a:/copied
	[ "$(stat_in /copied)" = 0:0:644 ]
	run -0 berth exec -T a chown 9:9 /copied
	run -0 berth cp -a a:/copied back
	[ "$(stat -c %u:%g back)" = 9:9 ]
	[ "$(cat back)" = sesame ]
	run -0 berth cp -a back a:/v/
	[ "$(stat_in /v/back)" = 9:9:644 ]
	tar -c --owner=3 --group=4 back | berth cp -a - a:/b
	[ "$(stat_in /b/back)" = 3:4:644 ]
	[ "$(stat -c %u:%g src/back)" = 3:4 ]
	[ "$(berth export a | tar -tv --numeric-owner copied | awk '{ print $2 }')" = 9/9 ]
	[ "$(berth cp a:/copied - | tar -tv --numeric-owner | awk '{ print $2 }')" = 9/9 ]
	run -0 berth stop -t 0
	run -0 berth cp secret a:/again
	run -0 berth start
	[ "$(stat_in /again)" = 0:0:644 ]
	[ "$(stat_in /copied)" = 9:9:644 ]
	run -0 berth commit a kept:latest
	run -0 --separate-stderr berth run --rm kept:latest stat -c %u:%g:%a /copied /again
	[ "$output" = "9:9:644"$'\n'"0:0:644" ]
}

@test "root there has no power over what is the host's" {
	compose <<-'EOF'
		services:
		  a: {image: busybox, command: sleep 1000, userns_mode: auto, cap_add: [ALL], security_opt: ["seccomp=unconfined"]}
	EOF
	run -0 berth up -d
	run ! berth exec -T a sh -c 'echo x >/proc/sys/kernel/core_pattern'
	run ! berth exec -T a mknod /null c 1 3
	run berth exec -T a date -s 2000-01-01
	[[ "$output" == *"not permitted"* ]]
	run -0 berth exec -T a dd if=/dev/zero of=/dev/null count=1
}

@test "ports below 1024, names and a terminal work as without" {
	compose <<-'EOF'
		services:
		  web:
		    image: busybox
		    userns_mode: auto
		    command: sh -c 'echo hi >/index.html; exec httpd -f -p 80 -h /'
		    ports: ["127.0.0.1:18080:80"]
		  ruler: {image: busybox, userns_mode: auto, cap_add: [NET_ADMIN], command: sleep 1000}
		  follower: {image: busybox, userns_mode: auto, network_mode: "service:ruler", command: sleep 1000}
		  alone: {image: busybox, userns_mode: auto, network_mode: host, command: sleep 1000}
		  ask:
		    image: busybox
		    userns_mode: auto
		    tty: true
		    command: sleep 1000
	EOF
	ip link set lo up
	run -0 berth up -d
	fetched() { [ "$(berth exec -T ask wget -qO- http://web/)" = hi ]; }
	wait_for 5 fetched
	[ "$(curl -sf http://127.0.0.1:18080/)" = hi ]
	run -0 berth exec -T ask ping -c 1 web
	run -0 berth exec -T ruler ip addr add 10.9.9.9/32 dev lo
	run -0 berth exec -T follower ip addr show lo
	[[ "$output" == *10.9.9.9* ]]
	run -0 script -qec "$BERTH exec ask tty" /dev/null
	[[ "$output" == *"/dev/pts/"* ]]
}

@test "a mode that is not known and one that contradicts are refused" {
	printf 'services: {a: {image: busybox, userns_mode: keep-id}}\n' | compose
	run ! berth up -d
	[[ "$output" == *'userns_mode "keep-id" is not known'* ]]
	printf 'services: {a: {image: busybox, userns_mode: auto, privileged: true}}\n' | compose
	run ! berth up -d
	[[ "$output" == *'choose one'* ]]
}
