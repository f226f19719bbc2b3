# What commands say while they work: docker compose's words, on a terminal's stand-ins.
load lib

setup_file() {
	root_up
	make_busybox_image
}

told() { # COMMAND...: what it says on stderr
	berth --progress plain "$@" 2>&1 >/dev/null
}

one() { # [EXTRA]: a project of one service
	compose <<-END
		services:
		  web:
		    image: busybox
		    command: sleep 1000
		    stop_signal: KILL
		    environment: {V: "${1:-1}"}
		    volumes: [data:/data]
		volumes: {data: {}}
	END
}

@test "up, up again, up of a change, restart, kill and down use docker compose's words" {
	local c="Container $PROJECT-web-1 " n="Network ${PROJECT}_default " v="Volume ${PROJECT}_data "
	one
	diff <(told up -d) - <<-END
		 $n Creating
		 $n Created
		 $v Creating
		 $v Created
		 $c Creating
		 $c Created
		 $c Starting
		 $c Started
	END
	diff <(told up -d) <(echo " $c Running")
	one 2 # and why it is made anew
	diff <(told up -d) <(printf ' %s\n' "$c "{'Recreate  environment.V: "1" -> "2"',Recreated,Starting,Started})
	diff <(told up -d --force-recreate) <(printf ' %s\n' "$c "{Recreate,Recreated,Starting,Started})
	diff <(told restart) <(printf ' %s\n' "$c "{Restarting,Started})
	diff <(told up -d --wait) <(printf ' %s\n' "$c "{Running,Waiting,Healthy})
	diff <(told stop) <(printf ' %s\n' "$c "{Stopping,Stopped})
	diff <(told start) <(printf ' %s\n' "$c "{Starting,Started})
	diff <(told kill) <(printf ' %s\n' "$c "{Killing,Killed})
	diff <(told rm -f) <(printf ' %s\n' "$c "{Removing,Removed})
	told up -d >/dev/null
	diff <(told down) <(printf ' %s\n' "$c "{Stopping,Stopped,Removing,Removed} "$n "{Removing,Removed})
	diff <(told down -v) <(printf ' %s\n' "$v "{Removing,Removed}) # which the first had left
	diff <(told down -v) - <<<"Warning: No resource found to remove for project \"$PROJECT\"."
	told up -d >/dev/null
	[[ $(told down -v) == *"$v Removing"*"$v Removed" ]]
}

@test "progress as JSON is an object a line, and quiet says nothing" {
	one
	run -0 --separate-stderr berth --progress json up -d
	[ "$(jq -r 'select(.id | startswith("Container")) | .status' <<<"$stderr" | xargs)" = \
		"Creating Created Starting Started" ]
	run -0 --separate-stderr berth --progress quiet up -d --force-recreate
	[ "$output$stderr" = "" ]
}

@test "rm asks, and a pipe may answer" {
	one
	berth up -d
	berth kill
	run -1 berth rm </dev/null
	[[ $output == *"nobody to ask"* ]]
	run -0 berth rm <<<n
	[ "$(berth ps -aq | wc -l)" = 1 ]
	run -0 berth rm <<<y
	[ "$(berth ps -aq | wc -l)" = 0 ]
}
