"""Projects: NAME: ({FILE: TEXT}, [STEP...]). A step is a command of both programs, "look SERVICE", or
"$ SHELL" with dc for the program; a leading ~ has only the exit code compared."""
UP = "~up -d --wait"
PS = "ps -a --format json"

# ps --format json, the members that are the same from run to run
ROWS = ("$ dc ps -a --format json | jq -cS '{Name, Service, State, Health, ExitCode, Image, Command, Project, Networks, Names, "
        "LocalVolumes, Publishers: (.Publishers | map(select(.URL != \"::\")) | sort_by([.TargetPort, .PublishedPort])), "
        "keys: keys}' | sort")
TABLE = "$ dc ps -a | sed -E 's/ +/ /g; s/,? ?\\[::\\][^ ,]*//g'"

SLEEP = "image: busybox\n    command: sleep 1000\n    init: true"

CASES = {
    # A web application with its database: awesome-compose's shape.
    "web": ({"compose.yaml": """
services:
  web:
    image: busybox
    command: sh -c 'mkdir -p /www && hostname >/www/index.html && exec httpd -f -p 80 -h /www'
    init: true
    ports: ["18080:80", "127.0.0.1:18443:443/tcp", "18053:53/udp"]
    environment: {DB_HOST: db, DEBUG: "false", EMPTY: "", UNSET: }
    depends_on:
      db: {condition: service_healthy, restart: true}
    networks: [front, back]
    restart: unless-stopped
  db:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [db-data:/var/lib/db, ./conf:/etc/conf:ro]
    healthcheck: {test: ["CMD-SHELL", "test -d /var/lib/db"], interval: 1s, timeout: 3s, retries: 3, start_period: 1s}
    networks: {back: {aliases: [database, pg]}}
    labels: [com.example.tier=data]
networks: {front: , back: {internal: true}}
volumes: {db-data: {labels: {keep: "yes"}}}
""", "conf/my.cnf": "a=1\n"}, [
        UP, "look web", "look db", ROWS, TABLE, "ps", "ps --services", "port web 80", "port --protocol udp web 53", "port web 81",
        "images", "ls", "~top", "$ dc top web | head -n 1", "$ dc exec -T web wget -qO- http://127.0.0.1 | wc -c",
        "$ dc exec -T web nslookup database | grep -c ADDR", "$ dc exec -T web sh -c 'ping -c 1 pg >/dev/null; echo $?'",
        "$ wget -qO- http://127.0.0.1:18080 | wc -c", "$ dc exec -T db wget -T 2 -qO- http://example.com 2>&1 | tail -n 1",
        UP, "$ dc ps -q | sort >a; dc up -d 2>/dev/null; dc ps -q | sort | cmp a - && echo same",
        "$ dc ps -q web >w; dc ps -q db >d; dc restart -t 0 db 2>/dev/null; dc ps -q web | cmp w - && echo same",
        "~restart -t 0", "~stop -t 0 web", PS.replace("json", "'{{.Service}} {{.State}} {{.ExitCode}}'"), "~start", "~pause", "ps -a --format '{{.Service}} {{.State}}'",
        "~unpause", "~kill db", "ps -a --format '{{.Service}} {{.State}} {{.ExitCode}}'", "~rm -f", "ps -a --services", "~down -t 0", "ps -a", "volumes -q",
        "$ dc config --volumes"]),

    # Variables from everywhere.
    "variables": ({".env": "TAG=latest\nNAME='single $quoted'\nDOUBLE=\"two\\nlines ${TAG}\"\nexport EXP=1 # comment\nHASH=a#b\n",
                   "compose.yaml": """
name: ${PROJ:-varproj}
x-env: &env
  COMMON: common
  LEVEL: ${LEVEL:-info}
services:
  app:
    image: busybox:${TAG}
    command: ["sleep", "1000"]
    init: true
    env_file:
      - a.env
      - path: b.env
        required: false
      - path: raw.env
        format: raw
    environment:
      <<: *env
      NAME: ${NAME}
      DOUBLE: ${DOUBLE}
      HASH: ${HASH}
      DOLLAR: $$HOME
      ALT: ${TAG:+set}
      EXP:
      OVER: inline
  list:
    image: busybox
    command: sleep 1000
    init: true
    environment:
      - A=1
      - EXP
      - NOTSET
      - "SPACE=a b"
      - EQ=a=b
""", "a.env": "OVER=file\nFILEVAR=${TAG}-x\nQ=\"quoted value\"\n# c\nS='lit $TAG'\n", "raw.env": "RAW='kept ${TAG}'\n"},
                  [UP, "look app", "look list", "ps -a --format '{{.Name}} {{.Project}}'", "~-p other ps", "$ dc config --environment | grep -v -E '^(DOCKER|PEERS|OLDPWD|SHLVL|_=|BERTH)'", "ls -a --format json"]),

    "multifile": ({"compose.yaml": """
services:
  api: {image: busybox, command: sleep 1000, init: true, ports: ["18001:80"], environment: {A: base, B: base}, labels: {l: base}}
""", "compose.override.yaml": """
services:
  api: {ports: ["18002:81"], environment: {B: over, C: over}, volumes: ["./d:/data"], labels: {m: over}, command: sleep 2000}
""", "prod.yaml": """
services:
  api: {environment: {C: prod}, ports: !override ["18003:82"], command: !reset null, entrypoint: ["sleep", "3000"]}
""", "d/file": "x\n"}, [UP, "look api", ROWS, "~-f compose.yaml -f prod.yaml up -d --wait", "~-f compose.yaml -f prod.yaml ps",
                        "$ dc -f compose.yaml -f prod.yaml exec -T api sh -c \"tr '\\\\0' ' ' </proc/1/cmdline; env | grep ^[ABC]= | sort\"", ROWS]),

    "profiles": ({"compose.yaml": """
services:
  main: {image: busybox, command: sleep 1000, init: true}
  debug: {image: busybox, command: sleep 1000, init: true, profiles: [debug], depends_on: [main]}
  tools: {image: busybox, command: sh -c 'echo tool; exit 3', profiles: [tools, debug2]}
  need: {image: busybox, command: sleep 1000, init: true, depends_on: {tools: {condition: service_started, required: false}}}
"""}, [UP, "ps --services", "~--profile debug up -d --wait", "ps -a --services", "$ COMPOSE_PROFILES=tools dc up -d 2>/dev/null; echo $?",
       "~--profile debug stop -t 0", "ps --services", "run --rm -T tools", "~up -d debug", "ps --services", "~down -t 0", "ps -a --services",
       "~--profile debug down -t 0", "ps -a --services", "config --profiles", "config --services", "~--profile nosuch up -d"]),

    "extends": ({"common.yaml": """
services:
  base:
    image: busybox
    init: true
    environment: {FROM: common, KEEP: "1"}
    volumes: ["./data:/data"]
    cap_drop: [ALL]
  chain: {extends: base, environment: {CHAIN: "1"}}
""", "data/x": "1\n", "sub/compose.yaml": """
services:
  inc: {image: busybox, command: sleep 1000, init: true, volumes: ["./conf:/etc/conf"], env_file: inc.env, environment: {X: "${FROMENV}"}}
""", "sub/inc.env": "INC=1\n", "sub/.env": "FROMENV=sub\n", "sub/conf/a": "a\n", "compose.yaml": """
include: [sub/compose.yaml]
services:
  web: {extends: {file: common.yaml, service: chain}, command: sleep 1000, environment: {FROM: web}, depends_on: [inc]}
"""}, [UP, "look web", "look inc", ROWS]),

    "oneshot": ({"compose.yaml": """
services:
  migrate: {image: busybox, command: sh -c 'echo migrating; echo done >/data/state', volumes: [data:/data], labels: {a: b}}
  app:
    image: busybox
    command: sh -c 'cat /data/state; exec sleep 1000'
    init: true
    volumes: [data:/data]
    depends_on: {migrate: {condition: service_completed_successfully}}
volumes: {data: }
"""}, ["~up -d", TABLE.replace("$ dc ps -a", "$ dc ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}'"), "logs --no-log-prefix app", "logs migrate", UP,
       "wait app migrate" if 0 else "~ps", "~down -v -t 0"]),

    "fails": ({"compose.yaml": """
services:
  migrate: {image: busybox, command: sh -c 'echo no; exit 4'}
  app: {image: busybox, command: sleep 1000, init: true, depends_on: {migrate: {condition: service_completed_successfully}}}
"""}, ["~up -d", "ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}'", UP, "~up --abort-on-container-exit", "~up --exit-code-from migrate", "~up -d --no-deps app",
       "ps --services"]),

    "unhealthy": ({"compose.yaml": """
services:
  db: {image: busybox, command: sleep 1000, init: true, healthcheck: {test: "false", interval: 300ms, retries: 1}, restart: "no"}
  app: {image: busybox, command: sleep 1000, init: true, depends_on: {db: {condition: service_healthy}}}
"""}, ["~up -d", UP, "~up -d --wait db", "ps -a --format '{{.Name}} {{.State}} {{.Health}}'", "ps --status running --services"]),

    "scale": ({"compose.yaml": """
services:
  w:
    image: busybox
    command: sleep 1000
    init: true
    deploy: {replicas: 3}
    environment: {A: "1"}
  c: {image: busybox, command: sleep 1000, init: true, scale: 2}
"""}, [UP, ROWS, TABLE, "~scale w=5", "ps --format '{{.Name}}'", "~up -d --scale w=1", "ps --format '{{.Name}}'", "~up -d", "ps --format '{{.Name}}'",
       "$ dc exec -T --index 2 w hostname | wc -c", "~exec -T --index 9 w true", "$ dc exec -T c nslookup w | grep -c ADDR",
       "~scale w=0", "ps --format '{{.Name}}'", "~stop -t 0 c", "~scale c=3", "ps -a --format '{{.Name}} {{.State}}'", "~up -d --scale nosuch=1", "logs --index 2 c"]),

    "networks": ({"compose.yaml": """
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    hostname: alpha
    domainname: example.test
    networks:
      n1: {aliases: [one, uno], ipv4_address: 172.30.5.10, priority: 10}
      n2: {ipv4_address: 172.31.5.10, mac_address: "02:42:ac:1f:05:0a"}
    dns: [9.9.9.9]
    dns_search: [corp.test]
    dns_opt: ["ndots:2", "timeout:1"]
    extra_hosts: ["legacy:10.1.2.3", "host.docker.internal:host-gateway", "v6=::1"]
  b: {image: busybox, command: sleep 1000, init: true, networks: [n2], container_name: bee, links: ["a:ay"] , mac_address: "02:42:ac:1f:05:0b"}
  h: {image: busybox, command: sleep 1000, init: true, network_mode: host}
  z: {image: busybox, command: sleep 1000, init: true, network_mode: none}
  s: {image: busybox, command: sleep 1000, init: true, network_mode: "service:a"}
networks:
  n1: {ipam: {config: [{subnet: 172.30.5.0/24, gateway: 172.30.5.254, ip_range: 172.30.5.128/25}]}}
  n2: {name: live-n2, driver: bridge, ipam: {config: [{subnet: 172.31.5.0/24}]}, driver_opts: {com.docker.network.driver.mtu: 1400}, labels: {x: "y"}}
"""}, [UP, "look a", "look b", "look z", "look s", ROWS, "$ dc exec -T b nslookup ay | tail -n 3", "$ dc exec -T a sh -c 'ip route get 172.31.5.1; ip route get 9.9.9.9' | head -n 1",
       "$ dc exec -T b cat /sys/class/net/eth0/mtu /sys/class/net/eth0/address", "$ dc exec -T a cat /sys/class/net/eth0/address /sys/class/net/eth1/address",
       "$ dc exec -T a ip -4 -o addr | awk '{print $2, $4}' | sed s/172/N/", "$ dc exec -T b sh -c 'nslookup alpha; nslookup bee; nslookup one' | grep -c 172",
       "$ dc exec -T a hostname -f; dc exec -T a hostname -d", "config --networks", "$ dc exec -T a sed s/ADDR// /etc/resolv.conf"]),

    "files": ({"compose.yaml": """
services:
  app:
    image: busybox
    command: sleep 1000
    init: true
    configs:
      - plain
      - {source: inline, target: /etc/conf/app.conf, mode: 0440}
      - {source: envd, target: /etc/conf/env}
    secrets:
      - token
      - {source: pw, target: db_password, uid: "1000", gid: "1000", mode: 0400}
      - {source: pw, target: /etc/conf/pw}
configs:
  plain: {file: ./plain.txt}
  inline: {content: "port=${PORT:-80}\\nname=x\\n"}
  envd: {environment: CONF_ENV}
secrets:
  token: {file: ./token.txt}
  pw: {environment: SECRET_ENV}
""", "plain.txt": "plain\n", "token.txt": "tok", ".env": "CONF_ENV=fromenv\nSECRET_ENV=s3cret\n"},
              [UP, "look app", "$ dc exec -T app sh -c 'ls -ln /plain /etc/conf /run/secrets; cat /plain /etc/conf/* /run/secrets/*' | awk '{print $1,$2,$3,$4,$5,$9}'",
               "$ dc exec -T app sh -c 'echo x >>/run/secrets/token; echo $?'", "$ dc exec -T app sh -c 'echo x >>/etc/conf/app.conf; echo $?' 2>&1 | tail -n 1", ROWS]),

    "limits": ({"compose.yaml": """
services:
  app:
    image: busybox
    command: sleep 1000
    ulimits: {nproc: 1000, nofile: {soft: 2000, hard: 4000}, memlock: 65536, core: 0}
    sysctls: {net.core.somaxconn: 1024, net.ipv4.ip_unprivileged_port_start: 0}
    cap_add: [NET_ADMIN, SYS_PTRACE]
    cap_drop: [CHOWN, net_raw]
    user: "1000:2000"
    group_add: ["3000", extra]
    working_dir: /tmp/work/dir
    mem_limit: 64m
    memswap_limit: 128m
    mem_reservation: 32m
    cpus: 0.5
    pids_limit: 100
    oom_score_adj: 300
    shm_size: 128m
    read_only: true
    tmpfs: [/run, "/scratch:size=1m,mode=1777,uid=1000"]
    security_opt: [no-new-privileges:true]
    hostname: box
    stop_signal: SIGUSR1
    stop_grace_period: 1s
    privileged: false
    tty: true
    stdin_open: true
  deploy:
    image: busybox
    command: sleep 1000
    cpu_shares: 512
    cpuset: "0"
    deploy: {resources: {limits: {cpus: "0.25", memory: 50M, pids: 50}, reservations: {memory: 20M}}, restart_policy: {condition: on-failure, max_attempts: 2}}
  priv: {image: busybox, command: sleep 1000, init: true, privileged: true, ipc: private, pid: host, userns_mode: host, uts: host}
  share: {image: busybox, command: sleep 1000, init: true, ipc: shareable}
  shared: {image: busybox, command: sleep 1000, init: true, ipc: "service:share", pid: "service:share"}
"""}, [UP, "look app", "look deploy", "look priv", "look shared", "$ dc exec -T shared ps | grep -c sleep", "$ dc exec -T app df -k /scratch /dev/shm | awk '{print $2,$6}'",
       "exec -T -u root app id", "exec -T -w / -e X=1 app sh -c 'pwd; echo $X'", "exec -T --privileged app sh -c 'grep CapEff /proc/self/status'", "exec -T -u nosuch app id", "exec -T -w /nope app true", ROWS]),

    "image": ({"compose.yaml": """
services:
  plain: {image: app:1}
  cmd: {image: app:1, command: ["sleep 900; true"], environment: {MODE: compose}, user: root, volumes: ["named:/data"]}
  ep: {image: app:1, entrypoint: ["sleep"], command: ["800"], healthcheck: {disable: true}}
  epstr: {image: app:1, entrypoint: sh -c "sleep 700", working_dir: /tmp}
  epempty: {image: app:1, entrypoint: [], command: [sleep, "600"], expose: ["9000", "9001/udp"]}
  nohealth: {image: app:1, healthcheck: {test: ["NONE"]}}
volumes: {named: }
"""}, [UP, "look plain", "look cmd", "look ep", "look epstr", "look epempty", ROWS, TABLE, "images --format json | jq", "~stop", "ps -a --format '{{.Service}} {{.State}} {{.ExitCode}}'"]),

    "volumes": ({"compose.yaml": """
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes:
      - type: bind
        source: ./src
        target: /src
        read_only: true
        bind: {create_host_path: true}
      - ./made-up:/made
      - named:/named
      - {type: volume, source: named, target: /nocopy, volume: {nocopy: true}}
      - /anon2
      - tmpvol:/tmpvol
      - {type: tmpfs, target: /tm, tmpfs: {size: 1m, mode: 0700}}
      - ~/x:/home/x
      - ./src/f:/etc/single:ro
      - ext:/ext
  b: {image: busybox, command: sleep 1000, init: true, volumes_from: ["a:ro"], volumes: ["named:/other"]}
volumes:
  named: {name: live-named}
  tmpvol: {driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: "size=2m,uid=1000"}}
  ext: {name: live-ext}
""", "src/f": "f\n"}, [
        "$ HOME=$PWD/home; export HOME; dc up -d --wait 2>/dev/null; echo $?", "look a", "look b", ROWS,
        "$ dc exec -T a df -k /tmpvol /tm | awk '{print $2,$6}'", "$ dc exec -T a sh -c 'mkdir /named/one; echo hi >/named/one/f; ls -ldn /tmpvol /tm /made /named'|awk '{print $1,$3,$4,$9}'",
        "$ ls -ld made-up | awk '{print $1,$3,$4}'", "~up -d", "$ dc volumes --format '{{.Name}} {{.Driver}}' | sort", "~down -t 0", "~down -v -t 0", "volumes -q"]),
}
