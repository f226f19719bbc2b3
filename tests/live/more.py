"""More projects, in the form of cases.py: commands and changes rather than attributes."""
from cases import PS, ROWS, TABLE, UP

TWO = {"compose.yaml": """
services:
  a: {image: busybox, command: sh -c 'echo one; echo two >&2; echo three; exec sleep 1000', init: true, depends_on: [b]}
  b: {image: busybox, command: sh -c 'for i in 1 2 3 4 5; do echo line $$i; done; exec sleep 1000', init: true}
"""}

# Which containers are new after each change: their ids before and after.
KEEP = "$ dc ps -aq --no-trunc | sort >ids; "
NEW = "dc ps -aq --no-trunc | sort | comm -13 ids - | wc -l; dc ps -a --format '{{.Name}} {{.State}}' | sort"


def change(sed, up="up -d"):
    return KEEP + f"sed -i '{sed}' compose.yaml; dc {up} 2>/dev/null; echo $?; " + NEW


MORE = {
    "logs": (TWO, [UP, "$ dc logs 2>&1 | sort", "logs --no-log-prefix a", "logs -n 2 b", "logs --tail all b", "logs --tail 0 b", "logs --no-color a b",
                   "$ dc logs -t a | awk '{print NF}'", "$ dc logs --no-log-prefix -t a | grep -cE '^[0-9]{4}-[0-9-]+T[0-9:]+\\.[0-9]{9}Z '",
                   "logs --since 1h b", "logs --until 1h b", "logs --since 2020-01-01 b", "logs --since 2099-01-01T00:00:00Z b", "logs --index 1 a", "logs --index 2 a",
                   "~logs nosuch"]),

    "exec": (TWO, [UP, "~exec -T a sh -c 'exit 42'", "~exec -T a nosuch", "~exec -T a /etc/passwd", "exec -T -e A=1 -e B a sh -c 'echo $A-$B'", "exec -T -w /tmp a pwd",
                   "exec -T -u 1000:2000 a id", "exec -T -u user a id", "exec -T --index 1 a hostname -s", "$ echo in | dc exec -T a cat", "exec -d a touch /made", "exec -T a ls /made",
                   "$ dc exec -T a sh -c 'echo out; echo err >&2' 2>/dev/null", "$ dc exec -T a sh -c 'kill -9 $$'; echo $?", "$ dc exec -T a sh -c 'kill -TERM $$'; echo $?",
                   "~exec a true", "exec -T a env", "$ dc exec -T a tty; echo $?"]),

    "run": ({"compose.yaml": """
services:
  db: {image: busybox, command: sleep 1000, init: true, ports: ["18100:80"]}
  job:
    image: busybox
    command: sh -c 'echo default $$MODE; exit 3'
    environment: {MODE: file}
    working_dir: /tmp
    ports: ["18101:81"]
    depends_on: [db]
    volumes: ["./d:/d"]
    labels: {x: "y"}
    networks: {default: {aliases: [jobber]}}
    restart: always
    healthcheck: {test: "true"}
"""}, ["~run --rm -T job", "run --rm -T job echo hi", "run --rm -T --no-deps job pwd", "run --rm -T -w / -e MODE=cli -e OTHER=1 job sh -c 'pwd; echo $MODE $OTHER'",
       "run --rm -T --env-from-file e.env job sh -c 'echo $FROM'" if 0 else "~run --rm -T job true", "run --rm -T -u 1000:1000 job id", "run --rm -T --entrypoint 'echo pre' job post",
       "run --rm -T -v ./e:/e job ls -d /d /e", "run --rm -T --name onejob job hostname -s", "run --rm -T -l a=b job true", "run --rm -T --cap-add NET_ADMIN --cap-drop CHOWN job grep CapEff /proc/self/status",
       "$ dc run -d -T --name detached job sleep 1000 2>/dev/null", "ps -a --format '{{.Name}} {{.Service}} {{.State}} {{.Ports}}'", "~ps -a --orphans=false",
       "$ dc run -d -T -P --name published job sleep 1000 2>/dev/null", "$ dc ps --format '{{.Name}} {{.Ports}}' | sed 's/, .::.[^ ]*//g'", "$ dc run -d -T -p 18102:82 --name pub2 job sleep 1000 2>/dev/null",
       "$ dc ps --format '{{.Name}} {{.Ports}}' | sed 's/, .::.[^ ]*//g' | sort", "$ echo in | dc run --rm -T -i job cat", "run --rm -T --use-aliases job true", "~run --rm -T nosuchservice true", "~run --rm -T job sh -c 'exit 9'",
       "$ dc run --rm -T job sh -c 'kill -9 $$' 2>/dev/null; echo $?", "~run --rm -T --quiet-pull job true", "run --rm -T --remove-orphans job true", "ps -a --format '{{.Name}}'", "~down -t 0", "ps -a --format '{{.Name}}'"]),

    "cp": (TWO, [UP, "$ echo hello >f; dc cp f a:/tmp/f 2>/dev/null; dc exec -T a cat /tmp/f", "$ dc cp a:/tmp/f g 2>/dev/null; cat g", "$ mkdir -p d/e; echo x >d/e/f; dc cp d a:/d 2>/dev/null; dc exec -T a find /d | sort",
                 "$ dc cp d/. a:/tmp 2>/dev/null; dc exec -T a find /tmp | sort", "$ dc cp a:/d out 2>/dev/null; find out | sort", "$ dc cp a:/d - 2>/dev/null | tar -t | sort", "$ tar -c d | dc cp - a:/home 2>/dev/null; dc exec -T a find /home | sort",
                 "~cp a:/nosuch x", "~cp nosuch a:/x", "~cp f a:/no/such/dir", "~cp a:/tmp/f b:/tmp/f", "~cp f nosuch:/x", "$ ln -s f l; dc cp l a:/l 2>/dev/null; dc exec -T a ls -l /l | awk '{print $1}'", "$ dc cp -L l a:/m 2>/dev/null; dc exec -T a ls -l /m | awk '{print $1}'",
                 "$ chmod 751 f; dc cp -a f a:/n 2>/dev/null; dc exec -T a ls -ln /n | awk '{print $1,$3,$4}'", "$ dc cp f a:/q 2>/dev/null; dc exec -T a ls -ln /q | awk '{print $1,$3,$4}'", "~cp --index 2 f a:/x", "~stop -t 0 a", "$ dc cp a:/tmp/f h 2>/dev/null; cat h"]),

    "changes": ({"compose.yaml": """
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    environment: {X: "1"}
    depends_on: [b]
  b:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [vol:/v]
  c: {image: busybox, command: sleep 1000, init: true, network_mode: "service:b"}
volumes: {vol: }
"""}, [UP, KEEP + "dc up -d 2>/dev/null; " + NEW, change("s/X: \"1\"/X: \"2\"/"), change("s/volumes: .vol:.v./&\\n    labels: {l: m}/"), change("s/sleep 1000/sleep 999/"),
       change("s/^volumes:/networks: {default: {labels: {n: n}}}\\nvolumes:/"), change("s/nothing//", "up -d --force-recreate"), change("s/nothing//", "up -d --force-recreate --no-deps a"),
       change("s/nothing//", "up -d --always-recreate-deps a"), change("s/X: \"2\"/X: \"3\"/", "up -d --no-recreate"), change("s/X: \"3\"/X: \"4\"/", "up -d --no-deps a"), change("s/nothing//", "up -d --no-start"),
       change("s/^  c: .*//"), change("s/nothing//", "up -d --remove-orphans"), change("s/nothing//", "up -d -V b"), change("s/nothing//", "up -d --renew-anon-volumes"), "~up -d --pull never", "~up -d --build", "~up -d --no-build", "~up -d --quiet-pull", "~up -d --timeout 1"]),

    "attached": ({"compose.yaml": """
services:
  first: {image: busybox, command: sh -c 'echo from first; exit 3'}
  second: {image: busybox, command: sleep 1000, init: true}
  quiet: {image: busybox, command: sh -c 'echo from quiet; exec sleep 1000', init: true, attach: false}
"""}, ["$ dc up --abort-on-container-exit --no-color -t 0 2>/dev/null | grep -E '^(first|second|quiet)-1'; echo ${PIPESTATUS[0]}", "$ dc up --exit-code-from first -t 0 2>/dev/null | grep -E 'from|exited'; echo ${PIPESTATUS[0]}",
       "$ dc up --exit-code-from second -t 0 >/dev/null 2>&1; echo $?", "$ dc up --abort-on-container-failure -t 0 >/dev/null 2>&1; echo $?", "$ dc up --no-log-prefix --abort-on-container-exit -t 0 2>/dev/null | grep -E '^from'",
       "$ dc up --attach first --abort-on-container-exit -t 0 2>/dev/null | grep -c from", "$ dc up --no-attach first --abort-on-container-exit -t 0 2>/dev/null | grep -c from", "$ dc up --timestamps --abort-on-container-exit -t 0 2>/dev/null | grep -cE 'first-1 +\\| [0-9]{4}-.*Z from first'",
       "~up --exit-code-from nosuch", "~up --attach nosuch --abort-on-container-exit -t 0", "~up -d --abort-on-container-exit", "~up -d --attach first", "$ dc up first 2>/dev/null | grep -E 'first-1'; echo ${PIPESTATUS[0]}", "~up -d --wait first", "~up -d --wait --wait-timeout 5 second", "~up --no-start",
       "ps -a --format '{{.Name}} {{.State}}'"]),

    "lifecycle": ({"compose.yaml": """
services:
  a: {image: busybox, command: sh -c 'trap \"echo got; exit 7\" TERM; sleep 1000 & wait', depends_on: [b]}
  b: {image: busybox, command: sleep 1000, init: true, stop_signal: SIGKILL}
  once: {image: busybox, command: sh -c 'exit 5', restart: "no"}
"""}, [UP, "~stop a", "ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}'", "logs a", "~start a", "~start", "~stop", "~stop", "ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}'", "~restart a", "ps --format '{{.Name}} {{.State}}'", "~start", "~pause a", "~pause a",
       "ps -a --format '{{.Name}} {{.State}}'", "~exec -T a true", "~unpause a", "~unpause a", "~kill -s HUP b", "~kill -s 9 b", "ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}'", "~rm a", "~rm -f b", "ps -a --format '{{.Name}}'", "~rm -sf a", "ps -a --format '{{.Name}}'",
       "~rm -f nosuch", "~create", "ps -a --format '{{.Name}} {{.State}}'", "~start", "~kill", "~rm -fsv", "ps -aq", "~start", "~restart", "~stop", "~kill", "~pause", "~top", "~port a 80", "~exec -T a true", "~logs", "~down", "~down"]),

    "wait": ({"compose.yaml": """
services:
  fast: {image: busybox, command: sh -c 'sleep 3; exit 6'}
  slow: {image: busybox, command: sleep 1000, init: true}
"""}, ["~up -d", "wait fast", "~up -d", "~wait --down-project fast", "ps -aq"]),

    "events": (TWO, ["$ dc up -d --wait 2>/dev/null; (dc events --json >ev 2>/dev/null & echo $! >pid); sleep 4; dc restart -t 0 a 2>/dev/null; sleep 1; dc pause b 2>/dev/null; dc unpause b 2>/dev/null; sleep 3; kill $(cat pid) $(pgrep -P $(cat pid)); jq -r '[.service,.action,.type,(keys|join(\",\")),(.attributes|keys|join(\",\"))]|@tsv' ev | sort"]),

    "hooks": ({"compose.yaml": """
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: ["./out:/out"]
    post_start:
      - {command: sh -c 'id -u >/out/post; pwd >>/out/post; echo $$HOOK >>/out/post', user: "1000", working_dir: /tmp, environment: [HOOK=yes], privileged: true}
    pre_stop:
      - {command: ["touch", "/out/stopped"]}
"""}, ["$ mkdir out; chmod 777 out; dc up -d --wait 2>/dev/null; echo $?; cat out/post", "~stop -t 1", "$ ls out"]),

    "hookfails": ({"compose.yaml": """
services:
  a: {image: busybox, command: sleep 1000, init: true, post_start: [{command: "false"}]}
"""}, ["~up -d", "ps -a --format '{{.Name}} {{.State}}'", UP]),

    "ports": ({"compose.yaml": """
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    ports: ["18200-18202:80-82", "127.0.0.1:18210:90", "18220:91/udp", {target: 92, published: "18230", host_ip: 127.0.0.1, protocol: tcp, mode: host, name: web, app_protocol: http}, "127.0.0.1::93", "94"]
    expose: ["7000", "7001-7003"]
"""}, [UP, "port a 80", "port a 82", "port a 90", "port --protocol udp a 91", "port a 92", "$ dc port a 93 | sed 's/:[0-9]*$/:N/'", "$ dc port a 94 | sed 's/:[0-9]*$/:N/'", "~port a 91", "~port a 7000",
       "$ dc ps --format '{{.Ports}}' | tr , '\\n' | grep -v :: | sed -E 's/:[3-6][0-9]{4}-/:N-/; s/^ //' | sort", "$ dc ps --format json | jq -c '.Publishers[]|select(.URL!=\"::\")|{URL,TargetPort,Protocol}' | sort"]),

    "taken": ({"compose.yaml": """
services:
  a: {image: busybox, command: sleep 1000, init: true, ports: ["18300:80"]}
  b: {image: busybox, command: sleep 1000, init: true, ports: ["18300:80"]}
"""}, ["~up -d", "ps -a --format '{{.State}}'"]),

    "errors": ({"compose.yaml": "services:\n  a: {image: busybox, command: nosuchprogram}\n  b: {image: nosuch.invalid/image, command: x}\n  c: {image: busybox, volumes: ['./nofile:/x', {type: bind, source: ./missing, target: /y, bind: {create_host_path: false}}]}\n"
                "  d: {image: busybox, command: sleep 1, networks: [ext]}\n  e: {image: busybox, volumes: ['extv:/v']}\n  f: {image: busybox, user: nosuchuser}\n  g: {image: busybox, working_dir: /etc/passwd, command: 'true'}\n  h: {image: busybox, pull_policy: always}\n"
                "networks: {ext: {external: true}}\nvolumes: {extv: {external: true}}\n"},
               ["~up -d a", "ps -a --format '{{.Service}} {{.State}}'", "~up -d b", "~up -d c", "~up -d d", "~up -d e", "~up -d f", "~up -d g", "~up -d nosuch", "~pull -q b", "~run --rm -T a", "~run --rm -T f true", "~up -d --pull always h", "~up -d --no-such-flag"]),

    "restart": ({"compose.yaml": """
services:
  always: {image: busybox, command: sleep 1000, init: true, restart: always}
  fails: {image: busybox, command: sh -c 'echo try; exit 1', restart: on-failure:2}
  unless: {image: busybox, command: sleep 1000, init: true, restart: unless-stopped}
"""}, ["~up -d", "$ sleep 4; dc logs --no-log-prefix fails", "ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}'", "~kill -s KILL always", "$ sleep 2; dc ps -a --format '{{.Name}} {{.State}}' | sort", "$ dc exec -T unless kill 1; sleep 2; dc ps -a --format '{{.Name}} {{.State}}' | sort", "~stop -t 0", "ps --services"]),

    "external": ({"compose.yaml": """
name: consumer
services:
  a: {image: busybox, command: sleep 1000, init: true, networks: [shared, default], volumes: ["data:/data"]}
networks: {shared: {external: true, name: provider_net}}
volumes: {data: {external: true, name: provider_data}}
""", "p/compose.yaml": """
name: provider
services:
  svc: {image: busybox, command: sleep 1000, init: true, networks: [net], volumes: ["data:/data"], container_name: provider-svc}
networks: {net: }
volumes: {data: }
"""}, ["~-f p/compose.yaml up -d --wait", UP, "look a", "$ dc exec -T a sh -c 'nslookup svc; nslookup provider-svc' | grep -c 172", "ls --format json", "ls -q", "$ dc -f p/compose.yaml down -t 0 >/dev/null 2>&1; echo $?", "~down -v -t 0", "~-f p/compose.yaml down -v -t 0", "ls -q"]),

    "orphans": ({"compose.yaml": "services:\n  a: {image: busybox, command: sleep 1000, init: true}\n  b: {image: busybox, command: sleep 1000, init: true}\n"},
                [UP, "$ sed -i '/  b:/d' compose.yaml; dc up -d 2>&1 | grep -ci orphan", "ps -a --services", "ps -a --orphans=false --services", "~ps -q b", "$ COMPOSE_IGNORE_ORPHANS=1 dc up -d 2>&1 | grep -ci orphan", "$ COMPOSE_REMOVE_ORPHANS=1 dc up -d 2>/dev/null; dc ps -a --services", "~down --remove-orphans -t 0", "ps -aq"]),

    "downs": ({"compose.yaml": "services:\n  a: {image: busybox, command: sleep 1000, init: true, volumes: ['vol:/v', /anon], stop_signal: KILL}\n  b: {image: busybox, command: sleep 1000, init: true}\nvolumes: {vol: }\n"},
              [UP, "~down -t 0 b", "ps -a --services", "~down -t 0", "volumes -q", "$ dc up -d 2>/dev/null; dc down -t 0 -v 2>/dev/null; dc volumes -q", "~down", "~down --rmi bogus", "~down --rmi local -t 0", "images -q"]),

    "stdin": ({"compose.yaml": "services:\n  sh: {image: busybox, stdin_open: true, tty: true}\n  cat: {image: busybox, command: cat, stdin_open: true}\n  eof: {image: busybox, command: cat}\n"},
              ["~up -d", "$ sleep 1; dc ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}' | sort", "exec -T sh tty", "$ echo hi | dc run --rm -T cat"]),

    "logging": ({"compose.yaml": """
services:
  j: {image: busybox, command: sh -c 'echo j; sleep 1000', init: true, logging: {driver: json-file, options: {max-size: 1k, max-file: "2", tag: x}}}
  l: {image: busybox, command: sh -c 'echo l; sleep 1000', init: true, logging: {driver: local}}
  n: {image: busybox, command: sh -c 'echo n; sleep 1000', init: true, logging: {driver: none}}
"""}, [UP, "logs j", "logs l", "~logs n"]),

    "export": (TWO, [UP, "$ dc exec -T a touch /marker; dc export a | tar -t | grep marker", "$ dc export -o e.tar a; tar -tf e.tar | grep -c marker", "$ dc commit a snap:1 >/dev/null 2>&1; echo $?", "~commit -m msg -a me -c 'ENV X=1' a snap:2", "$ dc run --rm -T nosuch 2>/dev/null; dc images --format json | jq length"]),

    "shapes": (TWO, [UP, "$ dc ps --format json | jq -c 'keys,(.Labels|split(\",\")|map(split(\"=\")[0])|sort)'", "$ dc stats --no-stream --format json | jq -cS keys", "$ dc stats --no-stream | head -1 | tr -s ' '", "$ dc top | tr -s ' ' | cut -d ' ' -f 1-3 | head -3", "$ dc images --format json | jq -c '.[0]|keys'", "$ dc ls | tr -s ' '", "$ dc version --short | wc -l",
                     "$ dc ps --no-trunc --format '{{.Command}}'", "ps --filter status=running -q", "~ps --filter bogus=1", "$ dc ps --format '{{json .Health}} {{.Label \"com.docker.compose.service\"}}' | sort", "ps --status paused", "ps -a --status exited --services", "~ps --format '{{.Nosuch}}'", "~ps --format bogus", "$ dc ps --format 'table {{.Name}}\\t{{.Service}}' | tr -s ' '", "config --hash '*'", "ls --filter name=shapes", "~ls --filter bogus=1"]),

    "deploy": ({"compose.yaml": """
services:
  w:
    image: busybox
    command: sleep 1000
    init: true
    deploy: {mode: replicated, replicas: 2, labels: {d: e}, endpoint_mode: dnsrr, placement: {constraints: [node.role==manager]}, restart_policy: {condition: any, delay: 1s}, update_config: {parallelism: 1}}
  g: {image: busybox, command: sleep 1000, init: true, deploy: {mode: global}}
  j: {image: busybox, command: "true", deploy: {mode: replicated-job, replicas: 1}}
"""}, ["~up -d", "ps -a --format '{{.Name}}'", "$ dc ps --format json w | jq -r .Labels | tr , '\\n' | grep -c d=e"]),

    "misc": ({"compose.yaml": """
x-base: &base {image: busybox, command: sleep 1000, init: true}
services:
  a:
    <<: *base
    annotations: {n: o}
    blkio_config: {weight: 300}
    cgroup: private
    cpu_count: 1
    device_cgroup_rules: ["c 1:3 mr"]
    oom_kill_disable: false
    mem_swappiness: 10
    platform: linux/amd64
    pull_policy: missing
    runtime: runc
    isolation: default
    label_file: [labels.env]
    develop: {watch: [{path: ., action: sync, target: /x}]}
    storage_opt: {}
    cgroup_parent: liveparent
    devices: ["/dev/zero:/dev/mine:r", {source: /dev/full, target: /dev/mine2, permissions: rw}]
  ro: {<<: *base, read_only: true, tmpfs: /tmp, shm_size: 1m, security_opt: ["seccomp:unconfined"], cap_add: [ALL]}
  dropall: {<<: *base, cap_drop: [ALL], cap_add: [NET_BIND_SERVICE], user: nobody, entrypoint: "", hostname: a.b.c}
""", "labels.env": "fromfile=yes\n"}, [UP, "look a", "look ro", "look dropall", "$ dc ps a --format json | jq -r .Labels | tr , '\\n' | grep fromfile"]),

    "links": ({"compose.yaml": """
services:
  db: {image: busybox, command: sleep 1000, init: true, container_name: the-db}
  web: {image: busybox, command: sleep 1000, init: true, links: [db, "db:database"], external_links: ["the-db:extdb"]}
  app: {image: busybox, command: sleep 1000, init: true, network_mode: "container:the-db", depends_on: [db]}
"""}, [UP, "$ for n in db database the-db extdb links-web-1 web; do dc exec -T web nslookup $n 2>&1 | grep -c ADDR >/dev/null; dc exec -T web ping -c 1 -W 1 $n >/dev/null 2>&1; echo $n $?; done", "look web", "look app", "~up -d --scale db=2"]),

    "uts": ({"compose.yaml": "services:\n  h: {image: busybox, command: sleep 1000, init: true, uts: host, pid: host}\n  p: {image: busybox, command: sleep 1000, init: true, privileged: true}\n  i: {image: busybox, command: sleep 1000, init: true, ipc: host, network_mode: host}\n"}, [UP, "look h", "look p", "$ dc exec -T i cat /etc/hostname | wc -l", "ps --format '{{.Name}} {{.Networks}}'"]),

    "required": ({"compose.yaml": "services:\n  a: {image: busybox, command: sleep 1000, init: true, environment: {K: '${NEEDED:?say what}'}}\n"}, ["~up -d", "~ps", "~config -q", "~down", "$ NEEDED=1 dc up -d 2>/dev/null; echo $?", "~stop -t 0", "$ NEEDED=1 dc down -t 0 2>/dev/null; echo $?"]),

    "bad": ({"compose.yaml": "services:\n  a: {image: busybox, depends_on: [b]}\n  b: {image: busybox, depends_on: [a]}\n", "k.yaml": "services:\n  a: {imag: busybox}\n", "n.yaml": "services:\n  a: {image: busybox, networks: [nope]}\n", "y.yaml": "services:\n  a: {image: [busybox\n", "e.yaml": "", "s.yaml": "services: {}\n"},
            ["~up -d", "~-f k.yaml up -d", "~-f n.yaml up -d", "~-f y.yaml up -d", "~-f e.yaml up -d", "~-f s.yaml up -d", "~-f nofile.yaml up -d", "~ps"]),

    "attributes": ({"compose.yaml": """
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    annotations: {n: o}
    label_file: [labels.env]
    env_file: [{path: raw.env, format: raw}, {path: missing.env, required: false}]
    configs: [{source: inline, target: /etc/inline.conf}]
    volumes: [{type: volume, source: vol, target: /sub, volume: {subpath: deep/er}}]
    depends_on: {seed: {condition: service_completed_successfully}}
  seed: {image: busybox, command: sh -c 'mkdir -p /v/deep/er; echo hi >/v/deep/er/f', volumes: ["vol:/v"]}
  out: {image: busybox, command: sleep 1000, profiles: [out], volumes: [{type: volume, source: vol, target: /sub, volume: {subpath: ../x}}]}
  none: {image: busybox, command: sleep 1000, profiles: [none], volumes: [{type: volume, source: vol, target: /sub, volume: {subpath: none}}]}
volumes: {vol: }
configs: {inline: {content: "a=$${X} b=${HOME:+home}\\n"}}
""", "labels.env": "L1=one\nL2=\"two words\"\n# c\n", "raw.env": "RAW='kept $X'\nB=\"q\" # c\nEMPTY=\nNOEQ\n"},
                   ["~up -d", "$ dc exec -T a sh -c 'env | grep -E \"^(RAW|B|EMPTY|NOEQ)\" | sort; cat /sub/f /etc/inline.conf; ls /sub'", "$ dc ps a --format '{{.Labels}}' | tr , '\\n' | grep ^L",
                    "~up -d out", "~up -d none", "~ps --format '{{.Nosuch}}'", "port a 80"]),

    # What needs the files of env_file, and what goes on without.
    "envgone": ({"compose.yaml": "services:\n  a: {image: busybox, command: sleep 1000, stop_signal: KILL, env_file: a.env, volumes: ['vol:/v']}\nvolumes: {vol: }\n", "a.env": "A=b\n"},
                ["~up -d", "$ rm a.env; dc ps --services", "~logs", "~restart -t 0", "~stop", "~start", "~build", "~up -d", "~create", "~config -q", "~run --rm -T a true", "~down -t 0", "volumes -q", "~down -v", "volumes -q"]),

    # Another project is in the network and the volume; then nobody.
    "shared": ({"compose.yaml": "name: owner\nservices:\n  a: {image: busybox, command: sleep 1000, stop_signal: KILL, volumes: ['data:/v'], networks: [net]}\nvolumes: {data: }\nnetworks: {net: }\n",
                "u/compose.yaml": "name: user\nservices:\n  a: {image: busybox, command: sleep 1000, stop_signal: KILL, volumes: ['data:/v'], networks: [net]}\nvolumes: {data: {external: true, name: owner_data}}\nnetworks: {net: {external: true, name: owner_net}}\n"},
               ["~up -d", "~-f u/compose.yaml up -d", "$ dc exec -T a touch /v/kept; dc down -v 2>&1 | grep -c 'still in use'", "-f u/compose.yaml exec -T a ls /v", "~-f u/compose.yaml down", "$ dc down -v 2>&1 | grep -c Removed", "volumes -q"]),

    "inactive": ({"compose.yaml": "services:\n  a: {image: busybox, command: sleep 1000, stop_signal: KILL}\n  x: {image: busybox, command: sh -c 'echo x; exec sleep 1000', stop_signal: KILL, profiles: [x]}\n"},
                 ["~--profile x up -d", "logs", "~stop", "ps --services", "~start", "~restart", "~kill", "ps --services", "~rm -f", "ps -a --services", "~up -d", "$ dc up --abort-on-container-exit -t 0 >/dev/null 2>&1 & sleep 3; dc kill a 2>/dev/null; wait; dc ps --services", "~--profile x down -t 0", "ps -a"]),
}
