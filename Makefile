# The front door; meson does the building. `make deps` and `make test-deps` need root, and apt only
# when something is missing.
DEPS = meson ninja-build gcc pkg-config ca-certificates libyaml-dev libjansson-dev libmd-dev \
	libmnl-dev libcurl4-openssl-dev liblzma-dev libbz2-dev libssl-dev zlib1g-dev libzstd-dev \
	libseccomp-dev libnftables-dev libisal-dev
TEST_DEPS = git libcmocka-dev nettle-dev bats docker-registry mmdebstrap busybox-static iproute2 nftables \
	dnsutils musl-tools iperf3 wrk netcat-openbsd strace jq curl socat python3 python3-yaml clang-format-14 procps skopeo zstd

# On a terminal ninja keeps to one line; a log is not to hold hundreds.
QUIET = $$([ -t 2 ] || echo --quiet)
all: build/build.ninja
	ninja -C build $(QUIET)
build/build.ninja:
	meson setup build
deps test-deps:
	tests/apt $(if $(filter deps,$@),$(DEPS),$(TEST_DEPS))
test: deps
	tests/apt $(TEST_DEPS)
	$(MAKE) all
	tests/run
bench: all
	tests/bench/run
demo: deps
	tests/apt $(TEST_DEPS)
	$(MAKE) all
	examples/voting/demo
stacks: all
	stacks/run
stack-%: all
	stacks/run $*
install: all
	meson install -C build
clean:
	rm -rf build
.PHONY: all deps test-deps test bench demo stacks install clean
