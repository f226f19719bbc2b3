# The store under fire: commands killed at any moment, several at once, and what remains of it.
load lib
bats_require_minimum_version 1.5.0

setup_file() {
	root_up
	registry_start
	python3 - "$BERTH_HOME/big.tar" <<-'END'
		import io, sys, tarfile
		with tarfile.open(sys.argv[1], "w") as t:
		    for i in range(4000):
		        f = tarfile.TarInfo(f"d{i // 100}/f{i}")
		        f.size = 3000
		        t.addfile(f, io.BytesIO(bytes([i % 251]) * f.size))
	END
	head -c 2000000 /dev/urandom >"$BERTH_HOME/noise"
	tar -C "$BERTH_HOME" -cf "$BERTH_HOME/noise.tar" noise
	"$TESTS/images/archive" big:1 "$BERTH_HOME/image.tar" '{}' "$BERTH_HOME/big.tar" "$BERTH_HOME/noise.tar"
	skopeo copy -q --dest-tls-verify=false "docker-archive:$BERTH_HOME/image.tar" "docker://$REGISTRY/big:1"
}
teardown() { :; }

whole() { "$TESTS/images/verify" "$BERTH_ROOT"; }

@test "killed at any moment, the store is whole" {
	local i kills=0 status
	# BERTH_SOAK=1000 for a long night.
	# A fast machine completes more of them before they are killed: it does more.
	for ((i = 0; i < ${BERTH_SOAK:-40} || (kills < 10 && i < 400); i++)); do
		case $((i % 8)) in
		0 | 3) set -- pull -q "$REGISTRY/big:1" ;;
		1 | 4) set -- load -q -i "$BERTH_HOME/image.tar" ;;
		2) set -- rmi -f big:1 ;;
		5) set -- import "$BERTH_HOME/big.tar" "import:$i" ;;
		6) set -- image prune -af ;;
		7) set -- rmi -f "$REGISTRY/big:1" ;;
		esac
		timeout -s KILL "0.$(printf %03d $((RANDOM % 300)))" "$BERTH" "$@" >out 2>&1 && status=0 || status=$?
		[ $status -ne 137 ] || kills=$((kills + 1))
		case $status in 0 | 1 | 137) ;; *) echo "$*: $status: $(cat out)" && false ;; esac
	done
	echo "$kills of $i were killed"
	[ $kills -ge 10 ]
	berth load -q -i "$BERTH_HOME/image.tar"
	berth pull -q "$REGISTRY/big:1"
	whole
	berth image prune -af >/dev/null
	[ "$(berth image ls -q)" = "" ]
	whole
	[ "$(find "$BERTH_ROOT/images/layers" "$BERTH_ROOT/images/blobs/sha256" -mindepth 1 | wc -l)" -eq 0 ]
}
