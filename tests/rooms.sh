#!/bin/bash
# Rooms include themselves and rooms to their left; compose, image, net and runtime not each other.
# Names without a room are what the build makes. Prints every breach; the exit status is the answer.
cd "${1:-$(dirname "$0")/../src}" || exit 2
declare -A level=([base]=0 [compose]=1 [image]=1 [net]=1 [runtime]=1 [build]=2 [plan]=3
	[supervise]=4 [ops]=5 [cli]=6)
bad=0
while IFS=: read -r file line text; do
	room=${file%%/*} to=${text#*\"} to=${to%%/*}
	[ "$room" = "$to" ] && continue
	if [ -z "${level[$room]:-}" ] || [ -z "${level[$to]:-}" ] ||
		[ "${level[$room]}" -le "${level[$to]}" ]; then
		echo "src/$file:$line: $room may not include \"${text#*\"}"
		bad=1
	fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*/' --include='*.[ch]' -- */)
exit $bad
