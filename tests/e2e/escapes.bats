#!/usr/bin/env bats
# Published ways out of containers, performed against berth: launch, mount and exec.
load lib
load hostile

@test "images whose /proc /sys /dev /etc /run are links to the host (CVE-2019-19921, 2023-27561, 2026-41579)" {
	for d in proc sys dev etc run; do
		echo "== $d"
		hostile "link-$d" "ln -s $CANARY/dir $d"
		one "hostile-link-$d" $'    secrets: [s]\n    tmpfs: /run/t\nsecrets: {s: {environment: S}}'
		S=x berth up -d
		run -0 berth exec -T a sh -c 'grep -c "^proc .* proc rw" /proc/mounts; cat /proc/keys | wc -c'
		echo "$output"
		[ "${lines[0]}" -ge 1 ]
		[ "${lines[1]}" = 0 ]
		berth down -t 0
	done
}

@test "links in the image at every name that berth writes (CVE-2025-24965)" {
	hostile names "mkdir -p etc run dev && for n in hosts hostname resolv.conf mtab; do ln -s $CANARY/file etc/\$n; done
		ln -s $CANARY/dir run/secrets; ln -s $CANARY/file .dockerenv; ln -s /proc/sys/kernel/core_pattern dev/null"
	pattern=$(cat /proc/sys/kernel/core_pattern)
	one hostile-names $'    secrets: [s]\nsecrets: {s: {environment: S}}'
	S=sesame berth up -d
	run -0 berth exec -T a sh -c 'cat /run/secrets/s; stat -c %t:%T /dev/null; wc -c </proc/keys; grep -c localhost /etc/hosts; :'
	echo "$output"
	[ "${lines[0]}" = sesame ] && [ "${lines[1]}" = 1:3 ] && [ "${lines[2]}" = 0 ]
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$pattern" ]
}

@test "a volume with a false /dev/null under the masks (CVE-2025-31133)" {
	pattern=$(cat /proc/sys/kernel/core_pattern)
	one busybox $'    volumes: ["./d:/dev"]'
	mkdir d && ln -s /proc/sys/kernel/core_pattern d/null
	if berth up -d; then
		run berth exec -T a sh -c 'cat /proc/keys /proc/interrupts | wc -c'
		[ "$output" = 0 ]
		berth exec -T a sh -c 'echo evil >/proc/keys' || true
	fi
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$pattern" ]
}

@test "volumes over /proc and what is in it (CVE-2019-16884)" {
	for t in /proc /proc/self /proc/self/attr /proc/sys /proc/1; do
		one busybox "    volumes: [\"./v:$t\"]"
		mkdir -p v
		run berth up -d
		[ "$status" -ne 0 ]
		echo "$output"
		[[ $output == *"may not cover /proc"* ]]
		berth down -t 0 >/dev/null 2>&1
	done
}

@test "working directories that are descriptors (CVE-2024-21626)" {
	one busybox
	berth up -d
	for n in 3 4 5 6 7 8 9 10 11 12 15 20; do
		run berth exec -T -w /proc/self/fd/$n a pwd
		[ "$status" -ne 0 ]
		run berth exec -T -w "/proc/self/fd/$n/../../.." a pwd
		[ "$status" -ne 0 ] || [ "$output" = / ]
	done
	for n in 3 5 7 9; do
		one busybox "    working_dir: /proc/self/fd/$n"
		run berth up -d
		[ "$status" -ne 0 ]
	done
}

@test "users that are no users (CVE-2026-30892, 2024-40635)" {
	hostile users 'mkdir etc; printf "root:x:0:0::/root:/bin/sh\n2147483648:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n-1:x:0:0::/:/bin/sh\n" >etc/passwd'
	one hostile-users
	berth up -d
	for u in 2147483648 4294967296 99999999999 1: :5 : 1:2:3 +1 ' 1' 0x0 1:4294967296; do
		run berth exec -T -u "$u" a id -u
		[ "$status" -ne 0 ]
		[ "$output" != 0 ]
	done
	run -0 berth exec -T -u 1 a id -u
	[ "$output" = 1 ]
	run -0 berth exec -T -u 01:2 a sh -c 'id -u; id -g'
	[ "$output" = $'1\n2' ]
	run -0 berth exec -T -u 1000 a sh -c 'id -u; grep CapEff /proc/self/status'
	[ "$output" = $'1000\nCapEff:\t0000000000000000' ]
}

@test "a /etc/passwd that is a FIFO, a device, endless, a link out (CVE-2024-9676, 2026-47262)" {
	hostile fifo 'mkdir etc; mkfifo etc/passwd'
	hostile device 'mkdir etc; mknod etc/passwd c 1 5'
	hostile endless 'mkdir etc; truncate -s 20M etc/passwd'
	hostile out "mkdir etc; ln -s $CANARY/file etc/passwd"
	for i in fifo device endless; do
		one "hostile-$i" '    user: someone'
		run timeout 120 "$BERTH" up -d
		[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
		timeout 120 "$BERTH" down -t 0
	done
	one hostile-out '    user: someone'
	run timeout 120 "$BERTH" up -d
	[ "$status" -ne 0 ]
	[[ $output == *'no user "someone"'* ]]
}

@test "the program itself cannot be written or kept (CVE-2019-5736)" {
	sum=$(sha256sum "$BERTH")
	hostile exe 'mkdir -p bin; rm -f bin/evil; printf "#!/proc/self/exe\n" >bin/evil; chmod +x bin/evil'
	compose <<-'EOF'
		services:
		  a:
		    image: hostile-exe
		    stop_grace_period: 0s
		    cap_add: [SYS_PTRACE]
		    command: ["sh", "-c", "while :; do for p in /proc/[0-9]*; do readlink $$p/exe; (: >>$$p/exe); for f in $$p/fd/*; do readlink $$f; done; done 2>/dev/null; done"]
	EOF
	berth up -d
	for _ in $(seq 15); do
		berth exec -T a /bin/evil >/dev/null 2>&1 || true
		berth exec -T a true
	done
	[ "$(sha256sum "$BERTH")" = "$sum" ]
	berth logs --no-log-prefix a >"$BERTH_HOME/seen" 2>&1
	# Its own log is a FIFO of the host's; nothing else of the host's may be seen.
	! sort -u "$BERTH_HOME/seen" | grep -v "^$BERTH_RUN\|^$BERTH_ROOT" | grep -e "$(readlink -f "$BERTH")" -e '^/sys/fs/cgroup' -e '^/var' -e "^$HOME"
}

@test "mount targets swapped for links while mounting (CVE-2021-30465, 2024-45310)" {
	compose <<-'EOF'
		services:
		  swap:
		    image: busybox
		    stop_grace_period: 0s
		    volumes: ["./v:/v"]
		    command: ["sh", "-c", "cd /v; mkdir -p a; ln -s CANARY b; while :; do mv a c; mv b a; mv a b; mv c a; done"]
		  victim:
		    image: busybox
		    stop_grace_period: 0s
		    command: ["true"]
		    volumes: ["./v:/v"]
		    tmpfs: ["/v/a/sub", "/v/a"]
	EOF
	sed -i "s|CANARY|$CANARY|" compose.yaml
	mkdir v
	mounts=$(grep -vc "$BERTH_HOME" /proc/self/mountinfo)
	berth up -d swap
	echo evil >file
	# Side by side: mounting where the links change, and copying there. BERTH_RACE: seconds.
	end=$((SECONDS + ${BERTH_RACE:-6}))
	racing() {
		local rounds=0
		while [ $SECONDS -lt $end ] || [ $rounds -lt 6 ]; do
			timeout 120 "$BERTH" "$@" >/dev/null 2>&1 || true
			rounds=$((rounds + 1))
		done
		echo "$rounds rounds of $1"
	}
	pids=()
	racing run --rm -T victim true 3>&- & pids+=($!)
	racing run --rm -T victim true 3>&- & pids+=($!)
	racing cp file swap:/v/a/file 3>&- & pids+=($!)
	racing cp swap:/v/a/. taken 3>&- & pids+=($!)
	for p in "${pids[@]}"; do wait "$p"; done
	run ! grep -qs untouched taken/file
	[ "$(cat "$CANARY/file")" = untouched ]
	[ "$(echo "$CANARY"/*)" = "$CANARY/dir $CANARY/file" ]
	[ "$(grep -vc "$BERTH_HOME" /proc/self/mountinfo)" = "$mounts" ]
	run ! grep "$CANARY" /proc/self/mountinfo
	[ -z "$(ls -A "$CANARY/dir")" ]
}

@test "what a container starts leaves no handle of the host in exec (CVE-2016-9962)" {
	one busybox
	berth up -d
	run -0 berth exec -T a sh -c 'for f in /proc/self/fd/*; do readlink $f; done | grep -v -e ^pipe -e ^/dev/null -e ^/proc -e ^socket; :'
	[ -z "$output" ]
}

@test "libraries in the image that a joining program would load (CVE-2019-14271)" {
	hostile nss 'mkdir -p lib/x86_64-linux-gnu etc; for l in libnss_files.so.2 libnss_compat.so.2 libc.so.6 libseccomp.so.2; do printf "\177ELF evil" >lib/x86_64-linux-gnu/$l; cp lib/x86_64-linux-gnu/$l lib/$l; done; echo "/lib/libc.so.6" >etc/ld.so.preload'
	one hostile-nss $'    user: root\n    cap_add: [SYS_NICE]'
	berth up -d
	run -0 berth exec -T a echo fine
	[ "$output" = fine ]
}

@test "no path of the host's is opened once the container's tree is being looked into" {
	command -v strace >/dev/null || skip "no strace here"
	one busybox $'    devices: [/dev/zero]\n    tmpfs: /t\n    sysctls: {net.core.somaxconn: 99}\n    volumes: ["./v:/v/w"]\n    oom_score_adj: 5'
	mkdir v
	strace -I 2 -f -o "$BERTH_HOME/trace" -e trace=%file,open_tree,move_mount,fsconfig "$BERTH" up -d >/dev/null 2>&1 3>&- &
	wait_for 20 grep -q "pivot_root.* = 0" "$BERTH_HOME/trace"
	berth down -t 0
	kill $! && wait $! || true # strace has written its last line
	# Per process, from the first look-up inside to the switch of roots; "/..." of openat2 inside
	# is resolved in the root, the text of a symbolic link opens nothing.
	awk '/RESOLVE_IN_ROOT/ { on[$1] = 1 } /pivot_root\(/ { on[$1] = 0 }
		on[$1] && /"\// && !/RESOLVE_/ && !/symlinkat/' "$BERTH_HOME/trace" >"$BERTH_HOME/opened"
	cat "$BERTH_HOME/opened"
	[ ! -s "$BERTH_HOME/opened" ]
}

@test "where berth runs in a chroot, exec does not come out above it" {
	one busybox
	local top=$BERTH_HOME/top
	mkdir "$top"
	mount --rbind / "$top"
	run -0 chroot "$top" "$BERTH" --project-directory "$PWD" -f "$PWD/compose.yaml" up -d
	run -0 berth exec -T a sh -c 'test -e /bin/busybox && ! test -e /etc/debian_version'
	run -0 chroot "$top" "$BERTH" -p "$PROJECT" exec -T a sh -c 'test -e /bin/busybox && ! test -e /etc/debian_version'
	berth down -t 0
	umount -l "$top"
}
