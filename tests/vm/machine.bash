# shellcheck shell=bash
# The machine of tests/vm/run and tests/vm/powercut: its base image, its disks, its boot.
cache=${BERTH_TEST_CACHE:-/var/cache/berth-test}
packages=linux-image-cloud-amd64,initramfs-tools,systemd-sysv,libyaml-0-2,libjansson4,libmd0,libmnl0
packages+=,libcurl4,libarchive13,libssl3,zlib1g,libzstd1,libseccomp2,libnftables1,ca-certificates,git
packages+=,iproute2,nftables,busybox-static,procps,jq,apparmor,curl,bats,socat,dnsutils,python3
packages+=,docker-registry,skopeo,zstd,strace,util-linux-extra
base=$cache/vm-$(sha256sum <<<"$packages" | cut -c1-12)

make_base() { # once
	local root
	root=$(mktemp -d)
	echo "making $base from packages" >&2
	mmdebstrap -q --variant=minbase --include="$packages" bookworm "$root" >&2
	cp "$root"/boot/vmlinuz-* "$base.kernel"
	cp "$root"/boot/initrd.img-* "$base.initrd"
	rm -rf "${root:?}"/boot/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
	cp tests/vm/berth-test.service "$root/etc/systemd/system/"
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/src"
	ln -s ../berth-test.service "$root/etc/systemd/system/multi-user.target.wants/"
	echo '/dev/vdb /src ext4 defaults 0 2' >"$root/etc/fstab"
	mke2fs -q -t ext4 -d "$root" "$base.tmp" 3G
	mv "$base.tmp" "$base.ext4"
	rm -rf "$root"
}


# machine [NAME...]: $work with two disks, a fresh root and the tests; `inside` reads the names.
machine() {
	work=$(mktemp -d /tmp/vm.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$cache" "$work/src/build"
	[ -f "$base.ext4" ] || make_base
	git ls-files -z --cached --others --exclude-standard tests | xargs -0 cp --parents -t "$work/src"
	cp build/berth "$work/src/build/"
	printf '%s\n' "$@" >"$work/src/names"
	printf '%s\n' "${BERTH_VM_FILTER:-.}" >"$work/src/filter"
	mke2fs -q -t ext4 -d "$work/src" "$work/src.ext4" 512M
	cp --sparse=always "$base.ext4" "$work/root.ext4"
}

# boot CONSOLE [WORD]: WORD is for /proc/cmdline. Until it powers itself off, or is killed. Takes the place of the shell.
boot() {
	exec timeout "${BERTH_VM_LIMIT:-900}" qemu-system-x86_64 -accel "${BERTH_VM_ACCEL:-tcg,thread=multi}" \
		-cpu max -m 2048 -smp 2 -nographic -nic none -kernel "$base.kernel" -initrd "$base.initrd" -no-reboot \
		-append 'root=/dev/vda rw console=ttyS0 quiet '"${2:-}" \
		-drive "file=$work/root.ext4,format=raw,if=virtio,cache=unsafe" \
		-drive "file=$work/src.ext4,format=raw,if=virtio,cache=unsafe" </dev/null >"$1" 2>&1
}

# said CONSOLE: what `inside` had to say.
said() { tr -d '\r' <"$1" | sed -n 's/^.*vm| //p'; }
