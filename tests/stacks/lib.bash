# What the files about stacks share, after ../e2e/lib: a browser, and what a project leaves behind.

need_browser() {
	[ -n "$(command -v chromium-headless-shell)" ] || skip 'no chromium-headless-shell here: make stacks installs it'
}

browser() { # URL SCRIPT: see browser.js
	timeout -k 5 90 node "$TESTS/stacks/browser.js" "$@"
}

# Before the first up, and after the last down: mounts, interfaces, rules, processes, groups, files.
# The empty groups of a run that was killed would be gone by then.
keep_traces() {
	find /sys/fs/cgroup -depth -type d -path "*/berth/$PROJECT*" -exec rmdir {} + 2>/dev/null || true
	traces >"$BERTH_HOME/before"
}
# A connection cut with words on the way keeps its container's network, and so an interface here, until
# the kernel stops repeating them: under two minutes.
no_trace() { diff "$BERTH_HOME/before" <(traces); }

# All containers together weigh no more than one process beside them where the cpu controller is of
# cgroup v1: too little for a dozen servers and their probes on a machine full of other work.
weigh() {
	local shares=/sys/fs/cgroup/cpu/berth/cpu.shares
	[ ! -e /sys/fs/cgroup/cpu/cpu.shares ] || { mkdir -p "${shares%/*}" && echo 8192 >$shares; }
}
