#!/usr/bin/env bats
# Secrets and configs: where they come from, who may read them, where they are not.
load lib

setup_file() {
	root_up
	make_busybox_image >/dev/null
}

@test "an external secret comes from the store, with owner and mode, also without root and writes" {
	printf 'open sesame' | berth secret create db-password
	compose <<-'EOF'
		services:
		  app:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    user: "1000"
		    read_only: true
		    secrets: [{source: pw, uid: "1000", gid: "7", mode: 0400}]
		secrets:
		  pw: {external: true, name: db-password}
	EOF
	berth up -d
	run -0 berth exec -T app sh -c 'stat -c "%a %u %g" /run/secrets/pw; cat /run/secrets/pw'
	[ "$output" = $'400 1000 7\nopen sesame' ]
	run -0 berth exec -T app sh -c 'awk "\$5 == \"/run/secrets/pw\" { sub(/.* - /, \"\"); print \$1 }" /proc/self/mountinfo'
	[ "$output" = tmpfs ]
}

@test "no secret is on disk in the clear, nor shown by inspect, ps, config of the container or logs" {
	export FROM_ENVIRONMENT=needle-in-the-hay
	printf 'needle-in-the-hay' | berth secret create --replace needle
	compose <<-'EOF'
		services:
		  app:
		    image: busybox
		    command: sh -c 'cat /run/secrets/* >/dev/null; exec sleep 1000'
		    stop_signal: KILL
		    secrets: [ours, theirs]
		secrets:
		  ours: {environment: FROM_ENVIRONMENT}
		  theirs: {external: true, name: needle}
	EOF
	berth up -d
	run -0 berth exec -T app cat /run/secrets/ours /run/secrets/theirs
	[ "$output" = needle-in-the-hayneedle-in-the-hay ]
	[ -z "$(grep -rl needle-in-the-hay "$BERTH_ROOT")" ]
	for look in "inspect $PROJECT-app-1" "ps --format json" "logs" "events --since 1h --until 0s --json"; do
		# shellcheck disable=SC2086
		run berth $look
		[[ $output != *needle-in-the-hay* ]]
	done
	berth secret rm needle
}

@test "a changed secret or config makes the container anew at up, an unchanged one does not" {
	echo one >conf
	printf one | berth secret create changing
	compose <<-'EOF'
		services:
		  app:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    secrets: [changing]
		    configs: [{source: conf, target: /etc/app.conf}]
		secrets:
		  changing: {external: true}
		configs:
		  conf: {file: ./conf}
	EOF
	berth up -d
	first=$(berth ps -q app)
	berth up -d
	[ "$(berth ps -q app)" = "$first" ]
	printf two | berth secret create --replace changing
	run -0 berth plan
	[[ $output == *"the content of its secrets or configs changed"* ]]
	berth up -d
	second=$(berth ps -q app)
	[ "$second" != "$first" ]
	[ "$(berth exec -T app cat /run/secrets/changing)" = two ]
	echo two >conf
	berth up -d
	[ "$(berth ps -q app)" != "$second" ]
	[ "$(berth exec -T app cat /etc/app.conf)" = two ]
	berth secret rm changing
}

@test "a missing external secret is told with its place before anything is made" {
	compose <<-'EOF'
		services:
		  app:
		    image: busybox
		    secrets: [nowhere]
		secrets:
		  nowhere: {external: true}
	EOF
	run -1 berth up -d
	[[ $output == *'compose.yaml:6:3'*'external secret "nowhere" is not in this machine'"'"'s store'* ]]
	[[ $output == *'berth secret create nowhere FILE'* ]]
	run -0 berth ps -aq
	[ -z "$output" ]
}

@test "secret: ls, inspect, create twice, rm" {
	printf x | berth secret create -l team=a s1
	run -0 berth secret ls --format '{{.Name}}'
	[[ $output == *s1* ]]
	run -0 berth secret inspect s1 --format '{{.Spec.Name}} {{.Spec.Labels.team}}'
	[ "$output" = 's1 a' ]
	run -1 berth secret create s1 /dev/null
	[[ $output == *'"s1" exists already'* ]]
	berth secret rm s1
	run -1 berth secret rm s1
	[[ $output == *'no such secret: s1'* ]]
}
