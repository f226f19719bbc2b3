# For the stacks that have pages: `load browser`.

need_browser() {
	[ -n "$(command -v chromium-headless-shell)" ] || skip 'no chromium-headless-shell here: make stacks installs it'
}

browser() { # URL SCRIPT: see browser.js
	timeout -k 5 90 node "$TESTS/stacks/browser.js" "$@"
}
