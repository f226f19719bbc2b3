#!/usr/bin/env bats
# Published attacks on what stands around a container, performed against berth: copying, the image's
# configuration, names, limits, and what one container could learn of another.
load lib
load hostile

@test "cp in and out while a directory and a link out change places (CVE-2018-15664, 2019-18466, 2023-0778, 2026-42306)" {
	hostile swap "mkdir -p x y; echo inside >x/file; ln -s $CANARY z"
	one hostile-swap $'    volumes: ["v:/vol"]\nvolumes: {v: }'
	sed -i 's|command: .*|command: ["sh", "-c", "while :; do mv /x /w; mv /z /x; mv /x /z; mv /w /x; done"]|' compose.yaml
	berth up -d
	echo evil >file
	mkdir -p evil/dir
	echo evil >evil/file
	end=$((SECONDS + ${BERTH_RACE:-3})) rounds=0
	while [ $SECONDS -lt $end ] || [ $rounds -lt 5 ]; do
		for what in "file a:/x/file" "evil/. a:/x" "a:/x/file got$rounds" "a:/x/. dir$rounds"; do
			berth cp $what >/dev/null 2>&1 || true
		done
		rounds=$((rounds + 1))
	done
	echo "$rounds rounds"
	run ! grep -rs untouched got* dir*
	[ "$(cat "$CANARY/file")" = untouched ]
	[ "$(echo "$CANARY"/*)" = "$CANARY/dir $CANARY/file" ]
}

@test "cp changes no mode of its source, and unpacks with no program of the image (CVE-2021-41089, 2026-41567)" {
	hostile unpackers "mkdir -p usr/bin bin; for n in tar gzip unpigz xz unxz zstd; do
		printf '#!/bin/sh\ntouch /ran\nexit 1\n' >usr/bin/\$n; chmod 755 usr/bin/\$n; done"
	one hostile-unpackers
	berth up -d
	mkdir d && touch d/f && chmod 4711 d/f && chmod 700 d
	before=$(stat -c '%n %a %u:%g' d d/f)
	berth cp d a:/d
	berth cp a:/d e
	[ "$(stat -c '%n %a %u:%g' d d/f)" = "$before" ]
	[ "$(stat -c %a e/f)" = 4711 ]
	for z in cat "gzip -c" "xz -c" "zstd -qc"; do
		command -v "${z%% *}" >/dev/null || continue
		tar -c d | $z >d.tar
		berth cp - a:/tmp/ <d.tar || true
	done
	run -0 berth exec -T a sh -c 'ls -d /ran 2>/dev/null; :'
	[ -z "$output" ]
}

@test "top shows what the kernel says, with no program of the image (CVE-2022-1227)" {
	hostile top "mkdir -p bin usr/bin; for n in bin/ps usr/bin/ps; do printf '#!/bin/sh\ntouch /ran\n' >\$n; chmod 755 \$n; done"
	one hostile-top
	berth up -d
	run -0 berth top a
	[[ $output == *"sleep 1000"* ]]
	run ! berth exec -T a ls /ran
}

@test "volumes and a working directory of the image that lead out (CVE-2022-23648, 2026-55686)" {
	local path=$CANARY/dir
	hostile volumes "ln -s $CANARY lead; mkdir real" \
		"{\"Volumes\":{\"/../../../..$CANARY\":{},\"/lead/dir\":{},\"/lead\":{},\"/real/../../../..$CANARY\":{}},\"WorkingDir\":\"/lead/new/deep\"}"
	one hostile-volumes
	if berth up -d; then
		run berth exec -T a sh -c "cat /lead/file $CANARY/file $CANARY/dir/../file"
		[[ $output != *untouched* ]]
	fi
	berth down -v -t 0
	[ -z "$(ls -A "$path")" ]
	hostile workdir "ln -s $CANARY/dir w" '{"WorkingDir":"/w/made"}'
	one hostile-workdir
	berth up -d || true
	[ -z "$(ls -A "$path")" ]
}

@test "an image's variables without a value take none of the host's (CVE-2026-57231)" {
	hostile env : '{"Env":["PATH=/bin","SECRET","AWS*","A=B","BERTH_ROOT"]}'
	one hostile-env
	SECRET=sesame AWS_KEY=sesame berth up -d
	run -0 berth exec -T a sh -c 'tr "\0" "\n" </proc/1/environ; env'
	[[ $output == *A=B* ]]
	[[ $output != *sesame* && $output != *"$BERTH_HOME"* ]]
	run hostile noname : '{"Env":["=x"]}'
	[ "$status" -ne 0 ]
	[[ $output == *"has an empty name"* ]]
}

@test "an image's labels join no project and turn nothing on (CVE-2026-53488)" {
	hostile labels : '{"Labels":{"com.docker.compose.project":"other","com.docker.compose.service":"evil","com.docker.compose.oneoff":"True","berth.heal":"1","berth.project":"other","io.containerd.runc":"touch /x","com.docker.compose.container-number":"7"}}'
	one hostile-labels
	berth up -d
	[ "$(berth ps -a --format '{{.Name}} {{.Project}} {{.Service}}')" = "$PROJECT-a-1 $PROJECT a" ]
	[ "$(berth -p other ps -aq)" = "" ]
	[ "$(berth ps --format '{{.Label "com.docker.compose.project"}}')" = "$PROJECT" ]
	berth -p other down --remove-orphans -t 0 || true
	[ -n "$(berth ps -q a)" ]
}

@test "environments of 70 KB and 5 MB change no namespace (CVE-2021-43784)" {
	for size in 70000 5000000; do
		one busybox $'    network_mode: none\n    environment:\n      BIG: "'"$(head -c $((size > 120000 ? 120000 : size)) /dev/zero | tr '\0' 'x')"'"'
		for ((n = 0; n * 120000 < size - 120000; n++)); do
			printf '      BIG%d: "%s"\n' "$n" "$(head -c 120000 /dev/zero | tr '\0' 'y')" >>compose.yaml
		done
		if berth up -d >said 2>&1; then
			run -0 berth exec -T a sh -c 'for n in net mnt pid; do readlink /proc/1/ns/$n; done'
			for ns in net mnt pid; do
				[[ $output != *"$(readlink /proc/self/ns/$ns)"* ]]
			done
		else
			grep -i "too long\|too large\|too big\|at most\|larger" said
		fi
		berth down -t 0
	done
}

@test "processor lists and sums that are none (CVE-2018-20699)" {
	for line in 'cpuset: "0-2147483647"' 'cpuset: "0-4294967296,9"' 'cpus: 1e308' 'cpus: 1e30' 'cpus: .nan' 'cpus: -1' 'mem_limit: 1e30'; do
		one busybox "    $line"
		run berth up -d
		echo "$line: $status $output"
		[ "$status" -eq 1 ]
		[[ $output == *berth:* ]]
		berth down -t 0 >/dev/null 2>&1 || true
	done
}

@test "no socket of berth's is abstract, none can be reached from the host's network (CVE-2020-15257)" {
	one busybox '    network_mode: host'
	berth up -d
	run -0 berth exec -T a sh -c 'grep -c "@.*berth" /proc/net/unix; :'
	[ "$output" = 0 ]
	run -0 find "$BERTH_RUN" -type s ! -perm 0600
	[ -z "$output" ]
	for d in "$BERTH_RUN"/*; do [ "$(stat -c %a "$d")" = 700 ]; done
}

@test "groups of the image's user at every way in (CVE-2022-36109, 2023-25173, 2022-2989)" {
	hostile groups 'mkdir etc; printf "root:x:0:0::/:/bin/sh\nu:x:1000:1000::/:/bin/sh\n" >etc/passwd
		printf "root:x:0:\nu:x:1000:\ndeny:x:2000:u\nmore:x:2001:u\n" >etc/group; echo secret >denied; chgrp 2000 denied; chmod 705 denied'
	for user in u 1000; do
		one hostile-groups "    user: \"$user\""
		berth up -d
		run -0 berth exec -T a id -G
		[ "$output" = "1000 2000 2001" ]
		run -0 berth exec -T a sed -n 's/^Groups:[^0-9]*//p' /proc/1/status
		[ "${output% }" = "1000 2000 2001" ]
		run -0 berth exec -T -u "$user" a id -G
		[ "$output" = "1000 2000 2001" ]
		run ! berth exec -T a cat /denied
		[ "$(berth run --rm -T a id -G)" = "1000 2000 2001" ]
	done
	one hostile-groups $'    user: "1000:1000"\n    group_add: ["3000", more]'
	berth up -d
	run -0 berth exec -T a sed -n 's/^Groups:[^0-9]*//p' /proc/1/status
	[ "$(xargs -n 1 <<<"$output" | sort | xargs)" = "1000 2001 3000" ]
}

@test "twenty containers at once each have their own variables (CVE-2021-21334, 2020-14370)" {
	compose <<<'services:'
	for n in $(seq 20); do
		printf '  s%s: {image: busybox, network_mode: none, command: [cat, /proc/self/environ], environment: {OWN%s: "v%s"}}\n' "$n" "$n" "$n" >>compose.yaml
	done
	berth up >all 2>&1
	for n in $(seq 20); do
		berth logs --no-log-prefix "s$n" 2>&1 | tr '\0' '\n' | grep ^OWN >own
		[ "$(cat own)" = "OWN$n=v$n" ]
	done
}

@test "sysctls while another changes what is mounted in a shared volume (CVE-2025-52881)" {
	pattern=$(cat /proc/sys/kernel/core_pattern)
	compose <<-'EOF'
		services:
		  swap:
		    image: busybox
		    stop_grace_period: 0s
		    volumes: ["./v:/v"]
		    command: ["sh", "-c", "cd /v; mkdir -p a; ln -s /proc/sys/kernel b; while :; do mv a c; mv b a; mv a b; mv c a; done"]
		  victim:
		    image: busybox
		    command: ["cat", "/proc/sys/net/core/somaxconn"]
		    sysctls: {net.core.somaxconn: 77, kernel.msgmax: 9000}
		    security_opt: [no-new-privileges]
		    volumes: ["./v:/v"]
		    tmpfs: ["/v/a/core_pattern", "/v/a/x"]
	EOF
	mkdir v
	here=$(cat /proc/sys/kernel/msgmax)
	berth up -d swap
	for _ in $(seq "${BERTH_RACE:-8}"); do
		run berth run --rm -T victim
		[ "$status" -ne 0 ] || [ "${lines[-1]}" = 77 ]
	done
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$pattern" ]
	[ "$(cat /proc/sys/kernel/msgmax)" = "$here" ]
}

@test "a terminal while /dev/pts of the container is played with (CVE-2025-52565)" {
	hostile console "mkdir -p dev/pts; ln -s $CANARY/file dev/console; ln -s $CANARY/file dev/pts/0; ln -s $CANARY/file dev/ptmx"
	one hostile-console $'    tty: true'
	berth up -d
	run -0 berth exec -T a sh -c 'grep -c " /dev/console devpts" /proc/mounts; echo evil >/dev/console; readlink /proc/1/fd/1'
	[ "${lines[0]}" = 1 ]
	[[ ${lines[1]} == /dev/* ]]
}

@test "names that are paths, options or escapes are refused everywhere" {
	long=$(head -c 300 /dev/zero | tr '\0' n)
	for name in . .. ../x a/b ab/../../x "$long" 'a\nb' 'a\e[31m'; do
		for line in "container_name: \"$name\"" "hostname: \"$name\""; do
			one busybox "    $line"
			run berth up -d
			echo "$line: $output"
			[ "$status" -ne 0 ]
			[[ $output != *$'\e[31m'* ]]
		done
		rm -f compose.yaml
		for what in "volume create" "network create" "volume rm" "network rm" "secret create"; do
			run berth $what "$(printf "$name")" </dev/null
			echo "$what $name: $output"
			[ "$status" -ne 0 ]
			[[ $output != *$'\e[31m'* ]]
		done
	done
	[ ! -e "$BERTH_ROOT/x" ] && [ ! -e "$BERTH_HOME/x" ]
}
