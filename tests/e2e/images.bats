# Images in files and on disk: load, save, import, names, removal, volumes, hostile archives.
load lib
bats_require_minimum_version 1.5.0

setup_file() {
	root_up
	make_busybox_image >/dev/null
}

layers() { find "$BERTH_ROOT/images/layers" -mindepth 1 -maxdepth 1 | wc -l; }
nothing_under_way() { [ "$(ls "$BERTH_ROOT/images/tmp")" = "" ]; }
# An image may be being noted as on the disk just now: that is nobody's.
stored() { find "$BERTH_ROOT/images" ! -path '*/tmp/settled.*' ! -path '*/tmp/note.*' | sort; }
loading() { find "$BERTH_ROOT/images/tmp" -name 'load.*' | grep -q .; }
layer_of() { berth image inspect -f '{{json .RootFS.Layers}}' "$1"; }
id_of() { berth image inspect -f '{{.Id}}' "$1"; }

# two_layers FILE: base with a directory and files, a second layer that hides some.
two_layers() {
	local w=$BATS_TEST_TMPDIR/two
	mkdir -p "$w/a/d" "$w/b/d"
	echo old >"$w/a/d/old"
	echo gone >"$w/a/gone"
	ln "$w/a/gone" "$w/a/d/link"
	touch "$w/b/.wh.gone" "$w/b/d/.wh..wh..opq"
	echo new >"$w/b/d/new"
	tar -C "$w/a" -cf "$w/1.tar" gone d
	tar -C "$w/b" -cf "$w/2.tar" .wh.gone d
	"$TESTS/images/archive" two:1 "$1" '{"Env":["A=b"]}' "$w/1.tar" "$w/2.tar"
}

@test "load takes docker and OCI archives, a layout directory, compressed ones, files and pipes" {
	local id a=$BATS_TEST_TMPDIR
	id=$(id_of busybox)
	skopeo copy -q "docker-archive:$BERTH_HOME/busybox.tar" "oci-archive:$a/oci.tar:busybox:oci"
	skopeo copy -q "docker-archive:$BERTH_HOME/busybox.tar" "oci:$a/layout:busybox:dir"
	run berth load <"$a/oci.tar"
	[ "$status" -eq 0 ]
	[[ $output == "Loaded image: busybox:oci" ]]
	run berth load -i "$a/layout"
	[[ $output == "Loaded image: busybox:dir" ]]
	gzip -c "$BERTH_HOME/busybox.tar" | berth load -q
	zstd -q -c "$BERTH_HOME/busybox.tar" | berth load -q
	[ "$(id_of busybox)" = "$id" ]
	[ "$(id_of busybox:oci)" != "" ]
	[ "$(layers)" -eq 1 ]
}

@test "a broken archive is refused and leaves nothing" {
	local before
	before=$(stored)
	head -c 100000 "$BERTH_HOME/busybox.tar" >cut.tar
	run ! berth load -i cut.tar
	[[ $output == *"cut short"* ]]
	gzip -c "$BERTH_HOME/busybox.tar" | head -c 100000 >cut.tgz
	run ! berth load -i cut.tgz
	[[ $output == *"cut short"* ]]
	echo nonsense >x
	run ! berth load -i x
	tar -cf other.tar x
	run ! berth load -i other.tar
	[[ $output == *"berth import"* ]]
	run ! berth load -i absent
	[ "$(stored)" = "$before" ]
}

@test "whiteouts become overlay's marks, hard links stay links" {
	two_layers two.tar
	berth load -q -i two.tar
	local top bottom
	top=$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' two:1)
	bottom=$(berth image inspect -f '{{.GraphDriver.Data.LowerDir}}' two:1)
	[ "$(stat -c '%F %t:%T' "$top/gone")" = "character special file 0:0" ]
	[ "$(getfattr --only-values -n trusted.overlay.opaque "$top/d")" = y ]
	[ "$(stat -c %i "$bottom/gone")" = "$(stat -c %i "$bottom/d/link")" ]
	mkdir m
	mount -t overlay -o "ro,lowerdir=$top:$bottom" overlay m
	run ls m m/d
	umount m
	[ "$output" = $'m:\nd\n\nm/d:\nnew' ]
}

@test "save and load give the same image, and skopeo reads both forms" {
	two_layers two.tar
	berth load -q -i two.tar
	local id f
	id=$(id_of two:1)
	for f in docker-archive oci-archive; do
		berth save --format $f -o $f.tar two:1
		skopeo copy -q "docker-archive:$f.tar" "dir:$f-docker"
		skopeo copy -q "oci-archive:$f.tar" "dir:$f-oci"
		BERTH_ROOT=$BATS_TEST_TMPDIR/other-$f berth load -q -i $f.tar
		[ "$(BERTH_ROOT=$BATS_TEST_TMPDIR/other-$f id_of two:1)" = "$id" ]
	done
	berth save two:1 busybox | tar -tf - >names
	grep -q manifest.json names
	# A layout directory, several images in one; what is built is packed into it.
	tar -C "$TESTS" -c fake | berth import - made:1
	berth tag two:1 two:again
	berth save --format oci-dir -o layout two:1 two:again made:1
	skopeo inspect --config oci:layout:again | jq -e '.rootfs.diff_ids | length == 2'
	[ "$(BERTH_ROOT=$PWD/other-dir berth load -q -i layout | sort | xargs)" = "Loaded image: made:1 Loaded image: two:1 Loaded image: two:again" ]
	[ "$(BERTH_ROOT=$PWD/other-dir id_of made:1)" = "$(id_of made:1)" ]
	run ! berth save --format oci-dir two:1
	[[ $output == *"-o DIR"* ]]
	berth rmi made:1 two:again
	run ! berth save -o none.tar absent:1
	[ ! -e none.tar ]
}

@test "import takes tars in every compression" {
	mkdir root
	echo text >root/file
	tar -C root -cf plain.tar .
	local c first=
	for c in cat gzip 'zstd -q' bzip2 xz; do
		$c <plain.tar >root.tar
		berth import root.tar "import:${c%% *}" >/dev/null
		run layer_of "import:${c%% *}"
		first=${first:-$output}
		[ "$output" = "$first" ]
	done
	[ "$(cat "$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' import:xz)/file")" = text ]
}

@test "an imported file system is an image that can be saved, and its changes are in it" {
	mkdir -p root/bin
	cp "$(command -v busybox)" root/bin/sh
	chmod 4711 root/bin/sh
	tar -C root --zstd -cf root.tar.zst .
	run berth import -c 'CMD ["sh", "-c", "x"]' -c 'ENV A=b C="d e"' -c 'EXPOSE 80' -c 'LABEL l=v' root.tar.zst imported:1
	[ "$status" -eq 0 ]
	[[ $output == sha256:* ]]
	[ "$(berth image inspect -f '{{json .Config.Cmd}}{{json .Config.Env}}{{json .Config.ExposedPorts}}' imported:1)" = '["sh","-c","x"]["A=b","C=d e"]{"80/tcp":{}}' ]
	[ "$(stat -c %a "$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' imported:1)/bin/sh")" = 4711 ]
	berth save imported:1 >imported.tar
	skopeo copy -q docker-archive:imported.tar dir:out
	BERTH_ROOT=$BATS_TEST_TMPDIR/other berth load -q -i imported.tar
	[ "$(BERTH_ROOT=$BATS_TEST_TMPDIR/other id_of imported:1)" = "$(id_of imported:1)" ]
	run ! berth import -c 'RUN x' root.tar.zst
	layer=$(berth image inspect -f '{{index .RootFS.Layers 0}}' imported:1)
	[ -e "$BERTH_ROOT/images/layers/${layer#sha256:}" ]
	berth rmi -f "$(id_of imported:1)"
	[ ! -e "$BERTH_ROOT/images/layers/${layer#sha256:}" ]
	[[ $output == *"cannot be applied"* ]]
}

@test "files with holes come in every form that tar writes, and keep their holes" {
	mkdir root root/old
	truncate -s 20M root/holes
	local i form
	for ((i = 0; i < 60; i++)); do
		printf 'piece %d' $i | dd of=root/holes bs=1 seek=$((i * 200000)) conv=notrunc status=none
	done
	truncate -s 1M root/empty
	for form in gnu posix-0.0 posix-0.1 posix-1.0; do
		case $form in
		gnu) tar -C root -S --format=gnu -cf $form.tar . ;;
		*) tar -C root -S --format=posix --sparse-version=${form#posix-} -cf $form.tar . ;;
		esac
		[ "$(stat -c %s $form.tar)" -lt 2000000 ]
		berth import $form.tar holes:$form >/dev/null
		local in
		in=$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' holes:$form)
		cmp root/holes "$in/holes"
		cmp root/empty "$in/empty"
		[ "$(stat -c %b "$in/holes")" -lt 2000 ]
		[ "$(find "$in" | wc -l)" -eq "$(find root | wc -l)" ]
	done
}

@test "a directory that has no entry of its own is root's, as with docker" {
	mkdir -p d/deep
	touch d/deep/file
	chown -R 1000:1000 d
	chmod 700 d d/deep
	tar -cf files.tar d/deep/file
	berth import files.tar implied:1 >/dev/null
	run stat -c '%a %u:%g' "$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' implied:1)"/{d,d/deep,d/deep/file}
	[ "$output" = $'755 0:0\n755 0:0\n644 1000:1000' ]
}

@test "names come and go; the last one takes the image and its layers along" {
	two_layers two.tar
	berth load -q -i two.tar
	local id before
	id=$(id_of two:1)
	before=$(layers)
	berth tag two:1 localhost:5000/other/name:x
	run ! berth rmi "${id#sha256:}"
	[[ $output == *"2 names"* ]]
	run berth rmi two:1
	[ "$output" = "Untagged: two:1" ]
	[ "$(id_of "${id:7:12}")" = "$id" ]
	run berth rmi localhost:5000/other/name:x
	[[ $output == *"Deleted: $id"* ]]
	[ "$(layers)" -eq $((before - 2)) ]
	run ! berth rmi two:1
	[[ $output == *"no such image"* ]]
	berth rmi -f two:1
	for bad in 'Two:1' 'a b' '../x' 'x:'; do
		run ! berth tag busybox "$bad"
	done
}

@test "ls, history and df say what is there" {
	run berth image ls --format '{{.Repository}}:{{.Tag}} {{.ID}}' busybox:latest
	[[ $output == "busybox:latest "???????????? ]]
	[ "$(berth image ls -q -f reference='nothing*')" = "" ]
	[ "$(berth image ls --format json busybox:latest | jq -r .Tag)" = latest ]
	run ! berth image ls -f bogus=1
	run berth history --format '{{.CreatedBy}}' busybox
	[ "$status" -eq 0 ]
	[ "$(berth history -H=false --format '{{.CreatedAt}} {{.CreatedSince}} {{.Size}}' busybox | head -1)" = "1970-01-01T00:00:00Z N/A $(berth image inspect -f '{{.Size}}' busybox)" ]
	[ "$(berth image ls --format '{{.CreatedAt}}' busybox:latest)" = "1970-01-01 00:00:00 +0000 UTC" ]
	[ "$(berth image inspect busybox | jq -c '.[0].Config | keys')" = '["Cmd","Entrypoint","Env","Labels","OnBuild","User","Volumes","WorkingDir"]' ]
	run ! berth image inspect -f '{{.Os}}' absent busybox
	[[ $output == linux*"no such image: absent"* ]]
	berth tag busybox shared:1
	run ! berth rmi absent shared:1
	[[ $output == *"Untagged: shared:1"*"no such image: absent"* ]]
	[ "$(berth system df --format json | jq -r 'select(.Type == "Images").TotalCount')" -ge 1 ]
	berth volume create df-volume
	[ "$(berth system df -v --format json | jq -r '.Volumes[] | select(.Name == "df-volume").Links')" = 0 ]
	berth system df -v | grep -E '^busybox +latest .* 0$'
	berth volume rm df-volume
}

@test "prune removes what has no name and what only it used, but nothing that is being made" {
	berth image prune -f >/dev/null
	two_layers two.tar
	berth load -q -i two.tar
	local before
	before=$(layers)
	berth tag busybox two:1
	run berth image prune -f
	[[ $output == *"deleted: sha256:"* ]]
	[ "$(layers)" -eq $((before - 2)) ]
	tar -C "$TESTS" -c fake | berth import -c 'LABEL keep=1' - kept:1
	berth image prune -af --filter label!=keep --filter label=other --filter until=1h
	run berth image prune -af --filter label=other
	[[ $output == "Total reclaimed space: 0B" ]]
	run berth image prune -af --filter label=keep=1
	[[ $output == *"untagged: kept:1"* ]]
	# By size: what was named longest ago goes first, and no more than must.
	local n
	BERTH_ROOT=$PWD/sized-root
	mkdir sized
	for n in 1 2 3; do
		head -c 300000 /dev/urandom >sized/file
		tar -C sized -c . | berth import - sized:$n
	done
	touch -d '3 days ago' "$(find "$BERTH_ROOT/images/refs" -name ':3')"
	touch -d '2 days ago' "$(find "$BERTH_ROOT/images/refs" -name ':1')"
	berth image prune -af --keep-storage 1GB
	[ "$(berth image ls -q | wc -l)" -eq 3 ]
	run berth image prune -af --keep-storage 700kB --dry-run
	[[ $output == *"untagged: sized:3"* && $output != *sized:1* ]]
	run berth image prune -af --keep-storage 400kB
	[[ $output == *"untagged: sized:3"*"untagged: sized:1"* ]]
	[ "$(berth image ls --format '{{.Tag}}')" = 2 ]
	BERTH_ROOT=$BERTH_HOME/r
	mkfifo hold
	berth load -q <hold &
	exec 7>hold
	wait_for 10 loading
	run ! berth image prune -f
	[[ $output == *"just now"* ]]
	exec 7>&-
	wait || true
	berth image prune -f
}

@test "a load that was killed is swept up, and a second one works" {
	mkfifo half
	"$BERTH" load -q <half &
	local pid=$!
	exec 7>half
	head -c 300000 "$BERTH_HOME/busybox.tar" >&7
	wait_for 10 loading
	kill -9 $pid
	exec 7>&-
	wait $pid || true
	[ "$(ls "$BERTH_ROOT/images/tmp")" != "" ]
	berth load -q -i "$BERTH_HOME/busybox.tar"
	# What the killed one had started is ending, and the note that the disk has it all on its way.
	swept_up() { berth image prune -f && nothing_under_way; }
	wait_for 5 swept_up
	berth image inspect busybox >/dev/null
}

@test "hostile layers and configurations are refused or held inside" {
	local canary=$BATS_TEST_TMPDIR/canary before f name bad=0
	mkdir "$canary"
	echo keep >"$canary/file"
	before=$(stat -c '%n %i %a %u %g %s %y' "$canary" "$canary/file")
	"$TESTS/hostile/layers" "$BATS_TEST_TMPDIR/h" "$canary"
	for f in "$BATS_TEST_TMPDIR"/h/*.tar; do
		name=$(basename "$f" .tar)
		timeout 120 "$BERTH" load -i "$f" >out 2>&1 && status=0 || status=$?
		case "$status:$name" in
		0:accept-* | 1:refuse-*) ;;
		*)
			echo "$name: $(cat out)"
			bad=1
			;;
		esac
		! grep -q $'\x1b' out || { echo "$name: escape"; bad=1; }
	done
	[ $bad -eq 0 ]
	[ "$(stat -c '%n %i %a %u %g %s %y' "$canary" "$canary/file")" = "$before" ]
	[ "$(cat "$canary/file")" = keep ]
	local x
	x=$(berth image inspect -f '{{.GraphDriver.Data.UpperDir}}' hostile:xattrs)/x
	[ "$(getfattr -d -m - "$x" | grep -c =)" -eq 1 ]
	[ "$(getfattr --only-values -n user.kept "$x")" = 1 ]
	run ! berth image inspect hostile:diff-id-wrong
}

@test "archives whose documents or members lead elsewhere (CVE-2014-9356, 2014-9358, 2023-25153, 2024-3727)" {
	local f bad=0
	python3 - "$BERTH_HOME/busybox.tar" <<-'END'
		import io, json, sys, tarfile
		base = tarfile.open(sys.argv[1])
		members = {m.name: base.extractfile(m).read() for m in base if m.isfile()}
		plain = json.loads(members["manifest.json"])[0]

		def write(name, manifest=None, links=(), **more):
		    with tarfile.open(f"{name}.tar", "w") as t:
		        for k, v in {**members, "manifest.json": json.dumps([{**plain, **(manifest or {})}]).encode(), **more}.items():
		            i = tarfile.TarInfo(k)
		            i.size = len(v)
		            t.addfile(i, io.BytesIO(v)) if v is not None else None
		        for k, to, kind in links:
		            i = tarfile.TarInfo(k)
		            i.type, i.linkname = kind, to
		            t.addfile(i)

		write("tag-up", {"RepoTags": ["../../x:1"]})
		write("tag-path", {"RepoTags": ["/etc/x"]})
		write("tag-option", {"RepoTags": ["-rf"]})
		write("tag-number", {"RepoTags": [7]})
		write("config-up", {"Config": "../../../../../../etc/passwd"})
		write("config-absolute", {"Config": "/etc/passwd"})
		write("config-link", {"Config": "lnk"}, [("lnk", "/etc/passwd", tarfile.SYMTYPE)])
		write("layer-up", {"Layers": ["../../../../../etc/passwd"]})
		write("layer-link", {"Layers": ["lnk"]}, [("lnk", "/etc/passwd", tarfile.SYMTYPE)])
		write("layer-hard-link", {"Layers": ["lnk"]}, [("lnk", "/etc/passwd", tarfile.LNKTYPE)])
		write("layer-loop", {"Layers": ["a"]}, [("a", "b", tarfile.SYMTYPE), ("b", "a", tarfile.SYMTYPE)])
		write("layer-none", {"Layers": []})
		write("manifest-5MiB", {"x": "y" * (5 << 20)})
		write("manifest-many", {"RepoTags": ["a:1"] * 5000})
		oci = {k: None for k in members}
		for name, d in {"oci-path": "sha256:../../x", "oci-short": "sha256:abc", "oci-md5": "md5:" + "1" * 32,
		                "oci-upper": "sha256:" + "A" * 64, "oci-absent": "sha256:" + "1" * 64}.items():
		    with tarfile.open(f"{name}.tar", "w") as t:
		        v = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": d, "size": 5}]}).encode()
		        i = tarfile.TarInfo("index.json")
		        i.size = len(v)
		        t.addfile(i, io.BytesIO(v))
		for name, v in {"oci-deep": b'{"a":' * 300000, "oci-huge": b'{"a":"' + b"x" * (6 << 20) + b'"}'}.items():
		    with tarfile.open(f"{name}.tar", "w") as t:
		        i = tarfile.TarInfo("index.json")
		        i.size = len(v)
		        t.addfile(i, io.BytesIO(v))
	END
	for f in *.tar; do
		# A store of its own: a layer that is here already is not looked for in the archive.
		BERTH_ROOT=$PWD/fresh timeout 60 "$BERTH" load -i "$f" >out 2>&1 && status=0 || status=$?
		[ "$status" -eq 1 ] || { echo "$f: $status: $(cat out)"; bad=1; }
		! grep -q 'root:' out || { echo "$f: tells a file of the host"; bad=1; }
	done
	[ $bad -eq 0 ]
	[ -z "$(find fresh/images/records fresh/images/refs -mindepth 1 2>/dev/null)" ]
}

@test "a bomb is stopped before the disk is full, and where it becomes too much of too little" {
	mkdir small root
	mount -t tmpfs -o size=64M tmpfs small
	head -c 200M /dev/zero >root/zero
	tar -C root -cf zero.tar zero
	"$TESTS/images/archive" zero:1 zero-archive.tar '{}' zero.tar
	rm root/zero
	run ! env BERTH_ROOT="$PWD/small" "$BERTH" load -i zero-archive.tar
	[[ $output == *"the disk would be full"* ]]
	[ "$(find small/images/layers small/images/records -mindepth 1 2>/dev/null)" = "" ]
	[ "$(stat -f -c %a small)" -gt $(($(stat -f -c %b small) * 9 / 10)) ]
	umount small
	# What follows the end of a tar is read, not written: only the ratio can end this.
	touch root/x
	tar -C root -cf x.tar x
	truncate -s 1200M x.tar
	zstd -q x.tar
	"$TESTS/images/archive" bomb:1 bomb.tar '{}' x.tar.zst
	run ! berth load -i bomb.tar
	[[ $output == *"a bomb"* ]]
	run ! berth import x.tar.zst bomb:2
	[[ $output == *"a bomb"* ]]
	mv x.tar.zst y.zst # docker's name for it does not matter
	printf 'FROM scratch\nADD y.zst /\n' >Dockerfile
	run ! berth build -q .
	[[ $output == *"a bomb"* ]]
	run ! berth image inspect bomb:2
}

@test "many small files cost about what tar takes for them" {
	python3 - <<-'END'
		import tarfile
		with tarfile.open("many.tar", "w") as t:
		    for i in range(3000):
		        t.addfile(tarfile.TarInfo(f"d{i // 500}/f{i}"))
	END
	"$TESTS/images/archive" many:1 many-archive.tar '{}' many.tar
	mkdir plain
	command -v strace >/dev/null || skip "no strace here"
	calls() { # COMMAND...: how many calls to the kernel it takes
		strace -f -c -U calls,name -o calls "$@" >/dev/null && awk '$2 == "total" { print $1 }' calls
	}
	local of_tar of_berth
	of_tar=$(calls tar -C plain -xf many.tar)
	of_berth=$(calls "$BERTH" load -q -i many-archive.tar)
	echo "tar $of_tar, berth $of_berth calls"
	[ "$of_tar" -gt 3000 ]
	[ "$of_berth" -lt $((3 * of_tar)) ]
	berth rmi many:1 >/dev/null
}

@test "volumes: made, listed, looked into, taken out, put back, removed" {
	run berth volume create --label a=b data
	[ "$output" = data ]
	echo hello >"$(berth volume inspect -f '{{.Mountpoint}}' data)/file"
	[ "$(berth volume inspect data | jq -r '.[0].Labels.a')" = b ]
	[ "$(berth volume ls -q -f label=a=b)" = data ]
	berth volume export -o data.tar data
	berth volume import copy data.tar
	[ "$(cat "$BERTH_ROOT/volumes/copy/_data/file")" = hello ]
	berth volume export copy | cmp - data.tar
	run ! berth volume create ../x
	run ! berth volume rm absent
	[[ $output == *"no such volume"* ]]
	run berth volume rm data copy
	[ "$output" = $'data\ncopy' ]
	[ "$(berth volume ls -q)" = "" ]
	berth volume create >/dev/null
	berth volume prune -f >/dev/null
	[ "$(berth volume ls -q)" = "" ]
}

volume_of() { # TYPE DEVICE O: a project of two services that share such a volume
	cat >compose.yaml <<-END
		name: vol
		services:
		  a: {image: busybox, command: sleep 1000, stop_signal: KILL, volumes: ["v:/mnt"]}
		  b: {image: busybox, command: sleep 1000, stop_signal: KILL, volumes: ["v:/mnt"]}
		volumes: {v: {driver_opts: {type: $1, device: "$2", o: "$3"}}}
	END
	berth up -d || return
}

@test "volumes with driver options are what mount(8) would make of them" {
	PROJECT=vol
	mkdir -p v/dir/sub && cd v
	# A directory elsewhere: its files are there, and stay when the volume goes.
	volume_of none "$PWD/dir" bind,nosuid
	berth exec -T a sh -c 'echo made >/mnt/file'
	[ "$(berth exec -T b cat /mnt/file)" = made ]
	berth exec -T b grep ' /mnt .*nosuid' /proc/self/mountinfo
	berth volume export vol_v | tar -t | grep -x file
	berth down -v -t 0
	[ "$(cat dir/file)" = made ]
	# A tmpfs is one for all its containers, as large as it says, and gone with the volume.
	volume_of tmpfs tmpfs size=1m,mode=1750,noexec
	berth exec -T a sh -c 'echo made >/mnt/file'
	[ "$(berth exec -T b sh -c 'cat /mnt/file; stat -c %a /mnt')" = $'made\n1750' ]
	run ! berth exec -T a dd if=/dev/zero of=/mnt/big bs=1M count=2
	berth exec -T b grep ' /mnt .*noexec' /proc/self/mountinfo
	berth down -v -t 0
	run ! grep vol_v /proc/self/mountinfo
	[ "$(berth volume ls -q)" = "" ]
	# Anything that the kernel mounts, made before and used by name.
	truncate -s 8M disk && mkfs.ext4 -q disk && losetup -f --show disk >loop
	berth volume create -o type=ext4 -o device="$(cat loop)" -o o=ro,noatime disk
	printf 'services: {a: {image: busybox, volumes: ["disk:/mnt"]}}\nvolumes: {disk: {external: true}}\n' >compose.yaml
	run berth run --rm -T a grep /mnt /proc/mounts
	losetup -d "$(cat loop)"
	[[ $output == *" /mnt ext4 ro,"*noatime* ]]
	run ! berth volume export -o x.tar disk
	[[ $output == *"in containers only"* ]]
	berth volume create -o type=nfs -o device=:/data -o o=addr=127.0.0.1,soft,nolock nfs
	sed -i 's/disk/nfs/g' compose.yaml
	run ! timeout 120 "$BERTH" run --rm -T a true
	[[ $output == *"-t nfs -o addr=127.0.0.1,soft,nolock :/data"* ]]
	berth down -t 0
	berth volume rm disk nfs
	run ! berth volume create -o type=tmpfs x
	[[ $output == *'missing required option: "device"'* ]]
	run ! berth volume create -o size=5 x
	[[ $output == *'invalid option: "size"'* ]]
}

@test "volume commands take filters and go on after an error, as docker's do" {
	berth volume create --label keep=1 kept
	berth volume create gone
	run ! berth volume rm absent gone
	[[ $output == *gone*"no such volume: absent"* ]]
	run ! berth volume inspect absent kept
	[[ $output == *'"Name": "kept"'* ]]
	[ "$(berth volume rm -f absent)" = absent ]
	[ "$(berth volume ls -q -f driver=other)" = "" ]
	berth volume prune -af --filter 'label!=keep'
	[ "$(berth volume ls -q)" = kept ]
	run ! berth volume prune -f --filter name=x
	berth volume prune -f --filter all=true --filter label=keep=1
	[ "$(berth volume ls -q)" = "" ]
}

@test "commit makes an image of what a container wrote, and the image is held while it is used" {
	PROJECT=commit
	mkdir -p c && cd c
	printf 'name: commit\nservices:\n  web:\n    image: busybox\n    command: sh -c "rm /etc/group; echo hi > /made; exec sleep 1000"\n' >compose.yaml
	local other
	for other in $(berth image inspect busybox | jq -r '.[0].RepoTags[]' | grep -vx busybox:latest); do
		berth rmi "$other"
	done
	berth up -d
	run ! berth rmi busybox
	[[ $output == *"uses it"* ]]
	wait_for 5 berth exec -T web test -s /made
	run berth commit -m why -c 'CMD ["cat", "/made"]' web committed:1
	[ "$status" -eq 0 ]
	[[ $output == sha256:* ]]
	[ "$(berth ps --format json | jq -r .State)" = running ]
	berth down -t 0
	[ "$(berth history --format '{{.Comment}}' committed:1 | head -1)" = why ]
	printf 'name: commit\nservices:\n  web:\n    image: committed:1\n' >compose.yaml
	[ "$(berth run --rm web 2>/dev/null)" = hi ]
	run ! berth run --rm web ls /etc/group
	berth down -t 0
	berth rmi committed:1
	berth image inspect busybox >/dev/null
}

@test "a bundle of certificates is shown to containers and builds when it is there" {
	PROJECT=trust
	mkdir trust && cd trust
	printf 'name: trust\nservices:\n  a:\n    image: busybox\n    read_only: true\n    environment: {PIP_CERT: mine}\n    command: sh -c "cat $$SSL_CERT_FILE $$PIP_CERT"\n' >compose.yaml
	printf 'FROM busybox\nRUN env >/env; cat "$SSL_CERT_FILE" >/seen || true\n' >Dockerfile
	run berth run --rm -T a
	[[ $output != *corporate* ]]
	echo corporate >"$BERTH_ROOT/ca.pem"
	run berth run --rm -T a
	[[ $output == *corporate*mine* ]]
	berth build -q --no-cache -t trust:1 .
	berth build -q -t trust:2 .
	rm "$BERTH_ROOT/ca.pem"
	[ "$(berth image inspect -f '{{json .Config.Env}}' trust:1)" = '["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]' ]
	# It is part of no key: what was built with it is found without it.
	berth build -q -t trust:3 .
	[ "$(berth image inspect -f '{{.Id}}' trust:3)" = "$(berth image inspect -f '{{.Id}}' trust:1)" ]
	berth save trust:1 | tar -xO --wildcards 'blobs/sha256/*' | grep -a -q corporate
	sed -i 's/image: busybox/image: "trust:1"/; s/command: .*/command: ls \/run/' compose.yaml
	run berth run --rm -T a
	[[ $output != *berth-ca* ]]
	berth down -t 0
	berth rmi trust:1 trust:2 trust:3
}

@test "--platform says no where the image is made for another" {
	local word
	berth save -o own.tar busybox
	[ "$(berth image inspect --platform "linux/$(own_arch)" -f '{{.Os}}' busybox)" = linux ]
	[ "$(berth history --platform "$(own_arch)" -q busybox)" = "$(berth history -q busybox)" ]
	berth save --platform "linux/$(own_arch)" -o same.tar busybox
	cmp own.tar same.tar
	for word in 'image inspect' history 'save -o no.tar'; do
		# shellcheck disable=SC2086
		run ! berth $word --platform linux/s390x busybox
		[[ $output == *"not for linux/s390x"*"made for linux/$(own_arch)"* ]]
	done
	[ ! -e no.tar ]
	run ! berth load --platform linux/s390x -i own.tar
	[[ $output == *"made for linux/$(own_arch), not for linux/s390x"* ]]
	berth load -q --platform "linux/$(own_arch)" -i own.tar
}
own_arch() { dpkg --print-architecture; }

@test "nobody else looks below BERTH_ROOT, whatever the umask (CVE-2021-41091, 2021-41103, 2024-25621)" {
	export BERTH_ROOT=$PWD/open
	(umask 0 && berth load -q -i "$BERTH_HOME/busybox.tar" && berth volume create shown)
	[ "$(stat -c %a open)" = 700 ]
	[ -z "$(find open -mindepth 1 -maxdepth 1 ! -perm 700 ! -perm 600)" ]
}
