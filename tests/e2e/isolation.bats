#!/usr/bin/env bats
# What a container of berth may do and see, asked from inside, row by row. ENGINE="docker compose"
# runs the same rows against docker (the image must be loaded there) and prints what differs.
load lib

engine() {
	if [ -n "${ENGINE:-}" ]; then $ENGINE "$@"; else berth "$@"; fi
}
is_docker() { [ -n "${ENGINE:-}" ]; }

setup_file() {
	root_up
	make_busybox_image >/dev/null
	mkdir -p "$BERTH_HOME/iso"
	cd "$BERTH_HOME/iso"
	echo sesame >secret.txt
	cat >compose.yaml <<-'EOF'
		name: iso
		x-base: &base
		  image: busybox:latest
		  command: ["sleep", "1000"]
		  stop_grace_period: 0s
		services:
		  plain: *base
		  user:
		    <<: *base
		    user: "1000"
		  readonly:
		    <<: *base
		    read_only: true
		    tmpfs: /t
		    secrets: [{source: s, uid: "1000", gid: "7", mode: 0400}]
		  strict:
		    <<: *base
		    security_opt: ["no-new-privileges:true"]
		    cap_drop: [ALL]
		    cap_add: [NET_BIND_SERVICE]
		  bare:
		    <<: *base
		    security_opt: ["unmask=/proc/interrupts:/proc/sys", "mask=/proc/version:/proc/uptime"]
		  open:
		    <<: *base
		    security_opt: ["seccomp=unconfined"]
		  privileged:
		    <<: *base
		    privileged: true
		  terminal:
		    <<: *base
		    tty: true
		  limited:
		    <<: *base
		    mem_limit: 32m
		    pids_limit: 20
		    cpus: 0.5
		    shm_size: 1m
		    ulimits: {nofile: {soft: 100, hard: 200}}
		    sysctls: {net.core.somaxconn: 77}
		    init: true
		secrets:
		  s: {file: ./secret.txt}
	EOF
	engine up -d
}
setup() { cd "$BERTH_HOME/iso" || return; }
teardown() { :; }
teardown_file() {
	cd "$BERTH_HOME/iso" && engine down -v -t 0 >/dev/null 2>&1
	wait_for 5 root_down
}

# in SERVICE COMMAND: output and errors of a shell command inside.
in_() {
	engine exec -T "$1" sh -c "$2" 2>&1
}
# expect SERVICE COMMAND EXPECTED: exactly, and if not, says how.
expect() {
	local got
	got=$(in_ "$1" "$2") || true
	[ "$got" = "$3" ] && return
	printf '%s: %s\nexpected: %s\ngot:      %s\n' "$1" "$2" "$3" "$got"
	return 1
}

@test "capabilities of root: docker's fourteen, none inheritable or ambient" {
	want=$'CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000'
	expect plain 'grep Cap /proc/self/status' "$want"
	expect plain 'grep Cap /proc/1/status' "$want"
}
@test "capabilities of another user: only bounding" {
	want=$'CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000'
	expect user 'grep Cap /proc/1/status' "$want"
	expect user 'grep Cap /proc/self/status' "$want"
	run -0 engine exec -T -u 1000 plain grep CapEff /proc/self/status
	[ "$output" = $'CapEff:\t0000000000000000' ]
}
@test "cap_drop ALL and cap_add leave exactly one, and no_new_privs is set" {
	expect strict 'grep -E "Cap(Eff|Bnd)|NoNewPrivs" /proc/1/status' \
		$'CapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nNoNewPrivs:\t1'
}
@test "no_new_privs is off by default, so that setuid programs work" {
	expect plain 'grep NoNewPrivs /proc/1/status' $'NoNewPrivs:\t0'
}
@test "one seccomp filter for process 1 and for exec" {
	expect plain 'grep Seccomp /proc/1/status' $'Seccomp:\t2\nSeccomp_filters:\t1'
	expect plain 'grep Seccomp: /proc/self/status' $'Seccomp:\t2'
	expect open 'grep Seccomp: /proc/1/status' $'Seccomp:\t0'
	expect privileged 'grep Seccomp: /proc/1/status' $'Seccomp:\t0'
}
@test "a profile of AppArmor's confines it, where the kernel has that" {
	is_docker && skip "docker's has another name"
	grep -qs apparmor /sys/kernel/security/lsm || skip "this kernel has no AppArmor (tests/vm/run has)"
	expect plain 'cat /proc/1/attr/apparmor/current' 'berth-default (enforce)'
	expect plain 'cat /proc/self/attr/apparmor/current' 'berth-default (enforce)'
	expect privileged 'cat /proc/1/attr/apparmor/current' 'unconfined'
}
@test "mount, unshare, pivot_root, hostname are refused" {
	expect plain 'mount -t tmpfs x /tmp 2>/dev/null; echo $?' 1
	expect plain 'unshare -U true; unshare -n true' $'unshare: unshare(0x10000000): Operation not permitted\nunshare: unshare(0x40000000): Operation not permitted'
	expect plain 'hostname x' 'hostname: sethostname: Operation not permitted'
}
@test "user, groups, umask, directory, environment" {
	expect plain 'id -u; id -g; id -G; umask; pwd' $'0\n0\n0\n0022\n/'
	expect plain 'tr "\0" "\n" </proc/1/environ | cut -d= -f1 | sort' $'HOME\nHOSTNAME\nPATH'
	expect plain 'test "$(hostname)" = "$HOSTNAME" && echo same' same
}
@test "nothing of the host's environment comes in" {
	export SECRET_OF_HOST=1
	run engine run --rm -T plain env
	[[ $output != *SECRET_OF_HOST* ]]
}
@test "pids are limited by default" {
	is_docker && skip "docker has no limit"
	expect plain 'cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max' 2048
}
@test "namespaces are new: mnt uts ipc pid net cgroup" {
	for ns in mnt uts ipc pid net cgroup; do
		[ "$(in_ plain "readlink /proc/1/ns/$ns")" != "$(readlink /proc/self/ns/$ns)" ]
	done
	expect plain 'cut -d: -f3 /proc/1/cgroup | sort -u' /
}
@test "process 1 is the command itself, and init where asked" {
	expect plain 'cat /proc/1/comm' sleep
	is_docker || expect limited 'cat /proc/1/comm' berth-init
}
@test "exit codes: 127 missing, 126 not executable, 137 killed, 3 its own" {
	run -127 engine run --rm -T plain nosuch
	[[ $output == *'"nosuch"'*'not found'* ]]
	run -126 engine run --rm -T plain /etc/passwd
	[[ $output == *'/etc/passwd'*[Pp]'ermission denied'* ]]
	run -137 engine run --rm -T limited sh -c 'kill -9 $$' # process 1 itself would not hear it
	run -3 engine run --rm -T plain sh -c 'exit 3'
	run -127 engine exec -T plain nosuch
}
@test "root is an overlay, with .dockerenv" {
	expect plain 'grep -c "/ / rw,relatime.* - overlay" /proc/self/mountinfo; ls /.dockerenv' $'1\n/.dockerenv'
}

# mount_options MOUNTPOINT: of the topmost mount there, and its type.
mount_options() { in_ plain "awk -v m='$1' '\$5 == m { o = \$6; sub(/.* - /, \"\"); t = \$1 } END { print t, o }' /proc/self/mountinfo"; }
@test "mount flags of /proc /sys /dev and what is below" {
	[ "$(mount_options /proc)" = 'proc rw,nosuid,nodev,noexec,relatime' ]
	[ "$(mount_options /sys)" = 'sysfs ro,nosuid,nodev,noexec,relatime' ]
	[[ "$(mount_options /dev)" = 'tmpfs rw,nosuid'* ]]
	[ "$(mount_options /dev/pts)" = 'devpts rw,nosuid,noexec,relatime' ]
	[ "$(mount_options /dev/shm)" = 'tmpfs rw,nosuid,nodev,noexec,relatime' ]
	[ "$(mount_options /dev/mqueue)" = 'mqueue rw,nosuid,nodev,noexec,relatime' ]
}
@test "every cgroup hierarchy is read-only" {
	expect plain 'for f in /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do [ ! -e $f ] || (echo 1 >$f) 2>/dev/null && [ -e $f ] && echo $f; done' ''
}
@test "/dev has docker's nodes and links, console with a terminal only" {
	expect plain 'ls /dev' $'fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero'
	expect plain 'stat -c "%a %t:%T" /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty' \
		$'666 1:3\n666 1:5\n666 1:7\n666 1:8\n666 1:9\n666 5:0'
	expect plain 'readlink /dev/ptmx; readlink /dev/fd' $'pts/ptmx\n/proc/self/fd'
	expect terminal 'stat -c %t:%T /dev/console' 88:0
}
@test "masked files read empty, masked directories list empty" {
	expect plain 'cat /proc/interrupts /proc/keys /proc/kcore /proc/timer_list /proc/latency_stats /proc/sched_debug 2>/dev/null | wc -c' 0
	expect plain 'ls -A /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap 2>/dev/null | grep -v :$ | grep .' ''
}
@test "mask and unmask name paths themselves" {
	is_docker && skip "podman's words"
	expect bare 'cat /proc/version /proc/uptime | wc -c' 0
	expect bare '[ "$(cat /proc/interrupts | wc -c)" -gt 0 ] && echo shown' shown
	expect bare 'grep -c " /proc/sys " /proc/self/mountinfo' 0
	expect bare 'cat /proc/keys | wc -c' 0
}
@test "read-only paths of /proc" {
	for p in /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/irq/default_smp_affinity; do
		expect plain "test ! -e $p || (echo 1 >$p) 2>&1 | grep -c 'Read-only file system\|nonexistent'" 1
	done
	expect plain '[ ! -e /proc/sysrq-trigger ] || (echo x >/proc/sysrq-trigger) 2>&1 | grep -o Read-only' "$([ -e /proc/sysrq-trigger ] && echo Read-only)"
}
@test "devices: mknod works, use of the host's is refused" {
	expect plain 'mknod /tmp/mem c 1 1 && mknod /tmp/disk b 8 0 && mknod /tmp/vda b 254 0 && (cat /tmp/mem /tmp/disk /tmp/vda 2>&1 >/dev/null | cut -d: -f3)' \
		$' Operation not permitted\n Operation not permitted\n Operation not permitted'
	expect plain 'mknod /tmp/zero c 1 5 && head -c 3 /tmp/zero | wc -c' 3
}
@test "read_only: the root and /etc/hosts refuse, /dev/shm and tmpfs accept" {
	expect readonly 'touch /x 2>&1; touch /etc/hosts 2>&1; touch /dev/shm/x /t/x && echo yes' \
		$'touch: /x: Read-only file system\ntouch: /etc/hosts: Read-only file system\nyes'
	expect readonly "awk '\$5 == \"/t\" { print \$6 }' /proc/self/mountinfo" rw,nosuid,nodev,noexec,relatime
}
@test "secrets honour uid, gid and mode, on memory, read-only" {
	is_docker && skip "docker binds the host's file and ignores them"
	expect readonly 'stat -c "%u %g %a" /run/secrets/s; cat /run/secrets/s; grep " /run/secrets/s " /proc/self/mountinfo | grep -c " - tmpfs "' $'1000 7 400\nsesame\n1'
	expect readonly '(echo x >/run/secrets/s) 2>&1 | grep -o Read-only' Read-only
}
@test "hosts, hostname and resolv.conf are files of the container" {
	expect plain 'stat -c "%a %u" /etc/hosts /etc/hostname /etc/resolv.conf' $'644 0\n644 0\n644 0'
	expect plain 'test "$(cat /etc/hostname)" = "$HOSTNAME" && echo same' same
}
@test "sysctls of the network as docker sets them, others as asked" {
	expect plain 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; tr "\t" " " </proc/sys/net/ipv4/ping_group_range' $'0\n0 2147483647'
	expect limited 'cat /proc/sys/net/core/somaxconn' 77
}
@test "limits: memory, pids, cpu, shm, ulimits" {
	expect limited 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max' 33554432
	expect limited 'cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max' 20
	expect limited 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d" " -f1 /sys/fs/cgroup/cpu.max' 50000
	expect limited 'df -k /dev/shm | tail -1 | awk "{ print \$2 }"' 1024
	expect limited 'ulimit -Sn; ulimit -Hn' $'100\n200'
}
@test "a fork bomb stays inside its pids" {
	run engine run --rm -T limited sh -c 'for i in $(seq 100); do sleep 3 & done 2>/dev/null; echo end'
	[ "$(pgrep -xc sleep || true)" -lt 60 ]
}
@test "a memory hog is killed, with 137" {
	run -137 engine run --rm -T limited sh -c 'exec head -c 100m /dev/zero | tail'
}
@test "half a processor is half a processor" {
	is_docker && skip "measured for berth only"
	# The limit is half of the time that passes; a crowded machine gives less, never more.
	from=${EPOCHREALTIME/[.,]/}
	before=$(in_ limited 'cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || awk "/usage_usec/ { print \$2 * 1000 }" /sys/fs/cgroup/cpu.stat')
	engine exec -T limited timeout 2 sh -c 'while :; do :; done' || true
	after=$(in_ limited 'cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || awk "/usage_usec/ { print \$2 * 1000 }" /sys/fs/cgroup/cpu.stat')
	used=$(((after - before) / 1000000)) passed=$(((${EPOCHREALTIME/[.,]/} - from) / 1000))
	echo "$used ms of $passed"
	[ $used -lt $((passed / 2 + 300)) ]
}
@test "device_write_bps, device_read_bps and device_write_iops hold a disk back" {
	is_docker && skip "measured for berth only"
	disk=$(findmnt -no SOURCE -T "$BERTH_HOME" | head -n 1)
	[ -b "$disk" ] || skip "the file system here is on no block device of its own"
	mkdir -p "$BERTH_HOME/io" && cd "$BERTH_HOME/io"
	cat >compose.yaml <<-EOF
		services:
		  bytes:
		    image: busybox
		    command: ["sh", "-c", "for o in 'if=/dev/zero of=/x oflag=direct' 'if=/x of=/dev/null iflag=direct'; do dd bs=256k count=8 \$\$o 2>/dev/null || exit; cut -d. -f1 /proc/uptime; done"]
		    blkio_config:
		      device_write_bps: [{path: $disk, rate: 1mb}]
		      device_read_bps: [{path: $disk, rate: 1mb}]
		  calls:
		    image: busybox
		    command: ["sh", "-c", "dd if=/dev/zero of=/x oflag=direct bs=4k count=12 2>/dev/null; cut -d. -f1 /proc/uptime"]
		    blkio_config:
		      device_write_iops: [{path: $disk, rate: 4}]
	EOF
	berth create
	from=$(cut -d. -f1 /proc/uptime)
	# 2 MB at 1 MB a second; whole seconds are read
	run -0 berth up --no-log-prefix bytes
	mapfile -t at < <(grep -E '^[0-9]+$' <<<"$output")
	echo "$from ${at[*]}"
	[ "${#at[@]}" -eq 2 ]
	[ $((at[0] - from)) -ge 1 ] && [ $((at[1] - at[0])) -ge 1 ]
	# 12 writes at 4 a second
	from=$(cut -d. -f1 /proc/uptime)
	run -0 berth up --no-log-prefix calls
	echo "$from $output"
	[ $(($(grep -E '^[0-9]+$' <<<"$output") - from)) -ge 2 ]
	berth down
}
@test "only descriptors 0, 1 and 2 come in" {
	run -0 engine run --rm -T plain sh -c 'ls /proc/1/fd; :'
	[ "$output" = $'0\n1\n2' ]
	expect plain 'cd /proc/self/fd && echo *' '0 1 2 3'
	expect plain 'stat -Lc %F /proc/1/fd/* | sort -u | grep -v -e "character special" -e fifo' ''
}
@test "privileged: all of berth's own capabilities, host's devices, nothing masked" {
	expect privileged 'grep CapBnd /proc/1/status' "$(grep CapBnd /proc/self/status)"
	expect privileged '[ "$(ls /dev | wc -l)" -gt 20 ] && echo many' many
	expect privileged 'mkdir -p /mnt && mount -t tmpfs x /mnt && echo mounted' mounted
}
@test "cgroup_parent: the container's group lies below it" {
	is_docker && skip "asked of the host"
	mkdir -p "$BERTH_HOME/parent" && cd "$BERTH_HOME/parent"
	own=$(basename "$BERTH_HOME" | tr -dc "[:alnum:]") # cgroups are everyone's
	for parent in /bt-$own/deep bt-a-$own.slice ../up; do
		printf 'services: {a: {image: busybox, command: sleep 1000, mem_limit: 30m, stop_grace_period: 0s, cgroup_parent: %s}}\n' $parent >compose.yaml
		if [ $parent = ../up ]; then
			run -1 berth up -d
			[[ $output == *'cannot be the name of a cgroup'* ]]
			continue
		fi
		berth up -d
		run -0 grep -E 'memory|^0:' "/proc/$(berth inspect -f '{{.State.Pid}}' parent-a-1)/cgroup"
		[[ $output == *:/bt-$own/deep/* || $output == *:/bt.slice/bt-a.slice/bt-a-$own.slice/* ]]
		run cat /sys/fs/cgroup/{memory/,}{bt-$own/deep,bt.slice/bt-a.slice/bt-a-$own.slice}/*/memory.{max,limit_in_bytes}
		[[ $output == *31457280* ]]
		berth down -t 0
	done
	for d in /sys/fs/cgroup /sys/fs/cgroup/*; do
		rmdir "$d"/{bt-$own/{deep,},bt.slice/{bt-a.slice/{bt-a-$own.slice,},}} 2>/dev/null || true
	done
}
@test "storage_opt size: kept where the file system counts projects, else refused" {
	is_docker && skip "needs xfs there"
	mkdir -p "$BERTH_HOME/quota" && cd "$BERTH_HOME/quota"
	printf 'services: {a: {image: busybox, command: sleep 1000, stop_grace_period: 0s, storage_opt: {size: 20M}}}\n' >compose.yaml
	[ -n "$QUOTA_ROOT" ] || {
		run -1 berth up -d
		[[ $output == *"storage_opt size=20M"*"prjquota"* ]]
		run -0 berth down
		return
	}
	export BERTH_ROOT=$QUOTA_ROOT
	berth load -i "$BERTH_HOME/busybox.tar"
	berth up -d
	run -0 berth exec -T a sh -c 'df -m / | tail -1'
	[[ $output == *" 20 "* ]]
	run ! berth exec -T a dd if=/dev/zero of=/big bs=1M count=30
	[[ $output == *"No space left"* || $output == *"quota"* ]]
	run -0 berth exec -T a sh -c 'stat -c %s /big; rm /big; dd if=/dev/zero of=/fits bs=1M count=15 2>/dev/null && echo fits'
	[ "${lines[0]}" -le $((20 << 20)) ]
	[ "${lines[1]}" = fits ]
	berth down -t 0
}
@test "berth's directories are closed to others" {
	is_docker && skip "berth's own"
	[ "$(stat -c %a "$BERTH_ROOT" "$BERTH_RUN" | sort -u)" = 700 ] || [ "$(stat -c %a "$BERTH_ROOT"/* "$BERTH_RUN"/* | grep -c '[1-7]$')" = 0 ]
	find "$BERTH_RUN" -type s -perm /066 | grep . && return 1
	[ "$(grep -c '@.*berth' /proc/net/unix)" = 0 ]
}
