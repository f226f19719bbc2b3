"""Valid ways to write the attributes of a service and of the top level, one per line: for pairs of
files that are merged, services that are extended, and projects thrown together from them."""

SERVICE = r"""
annotations: {a: b} | [a=c, d=e] | {a: null} | [a]
attach: true | false | yes
blkio_config: {weight: 300} | {weight: 100, weight_device: [{path: /dev/sda, weight: 400}]} | {device_read_bps: [{path: /dev/sdb, rate: 12mb}]} | {device_read_bps: [{path: /dev/sdb, rate: 1024}], device_write_iops: [{path: /dev/sda, rate: 30}]}
build: . | ./sub | {context: sub, dockerfile: Alt, target: t} | {context: ., args: [A=1, HOME], tags: [x/y, x/z]} | {context: ., args: {A: 2, B: null, C: ''}, labels: {l: m}, ssh: [default]} | {context: 'https://github.com/a/b.git#main:sub', cache_from: [a, 'type=local,src=x'], cache_to: [b]} | {dockerfile_inline: FROM x, additional_contexts: {p: ./q, r: 'docker-image://s', t: 'service:b'}} | {context: ., additional_contexts: [p=../q], extra_hosts: ['h=1.2.3.4'], network: host, no_cache: true, pull: true, shm_size: 1gb, platforms: [linux/amd64], privileged: true, ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}, isolation: i, entitlements: [network.host], secrets: [s, {source: s2, target: t}], provenance: true, sbom: 'true'}
cap_add: [NET_ADMIN] | [ALL, NET_ADMIN] | []
cap_drop: [ALL] | [MKNOD, ALL]
cgroup: host | private
cgroup_parent: m-exec | p
command: echo hi | [echo, "a b", ''] | null | [] | '' | "echo 'a b' \"c d\" e\\ f" | echo $$HOME $${X} | "sh -c 'a && b'"
configs: [c] | [{source: c, target: /c}] | [c, c2] | [{source: c, target: /etc/c, uid: '1', gid: '2', mode: 0440}] | [{source: c2, mode: '0440'}]
container_name: cname | other.name
cpu_count: 2 | '3'
cpu_percent: 50 | 5.5
cpu_shares: 512 | '256'
cpu_quota: 50000 | '40000'
cpu_period: 100000 | '1000'
cpu_rt_period: 1000 | '2000'
cpu_rt_runtime: 900 | '950'
cpus: 1.5 | '0.5' | 2
cpuset: 0,1 | 0-3
credential_spec: {file: cs.json} | {config: c} | {registry: r}
depends_on: [b] | {b: {condition: service_healthy}} | [b, c] | {c: {condition: service_completed_successfully, required: false}} | {b: {condition: service_started, restart: true}}
deploy: {replicas: 2} | {mode: global} | {resources: {limits: {cpus: '0.5', memory: 50M, pids: 10}}} | {resources: {limits: {cpus: 1}, reservations: {cpus: '0.1', memory: 20m, devices: [{capabilities: [gpu], count: all}]}}} | {restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 2m}, labels: [a=b]} | {labels: {a: c, d: 1}, update_config: {parallelism: 2, delay: 10s, order: start-first, failure_action: rollback, monitor: 1m, max_failure_ratio: 0.5}, rollback_config: {parallelism: 0, order: stop-first}} | {placement: {constraints: [node.role == manager], preferences: [{spread: node.labels.zone}], max_replicas_per_node: 2}, endpoint_mode: dnsrr} | {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}], devices: [{driver: nvidia, device_ids: ['0', '3'], capabilities: [gpu, utility], options: {a: b}}]}}}
develop: {watch: [{path: ./src, action: sync, target: /src, ignore: [node_modules/]}]} | {watch: [{path: package.json, action: rebuild}]} | {watch: [{path: ./src, action: sync+exec, target: /s, exec: {command: make, user: root}, include: '*.c', initial_sync: true}]} | {watch: []}
device_cgroup_rules: ['c 1:3 mr'] | ['a 7:* rmw']
devices: ["/dev/a:/dev/b"] | ["/dev/a:/dev/b:r", /dev/c] | [{source: /dev/d, target: /dev/b, permissions: rw}] | [vendor.com/class=dev]
dns: 8.8.8.8 | [8.8.8.8, 9.9.9.9] | ['::1']
dns_opt: [use-vc] | [ndots:2, use-vc]
dns_search: example.com | [a.com, b.com]
domainname: d.com | e.com
entrypoint: /ep.sh | [ep, -x] | null | '' | []
env_file: e.env | [e.env, e2.env] | [{path: missing.env, required: false}, e2.env] | {path: e.env} | [{path: raw.env, format: raw}] | ./e.env
environment: {A: 1, B: two, C: null} | [A=2, D, E=] | {A: true, F: 1.50, G: ''} | ["H=a=b", HOME] | {} | null
expose: ["80"] | [80, '90-95', 53/udp]
external_links: [r] | [r, 'p:q']
extra_hosts: ["h:1.1.1.1"] | {h: 2.2.2.2, g: '::1'} | ["h=1.1.1.1", "g=[::1]"] | {h: [1.1.1.1, 3.3.3.3]} | ["h:host-gateway"]
gpus: all | [{count: 2}] | [{driver: nvidia, device_ids: ['0'], capabilities: [gpu]}]
group_add: [mail] | ['1000', 5]
healthcheck: {test: curl -f localhost, interval: 1m30s} | {test: [CMD, a], timeout: 10s, retries: 3} | {test: [CMD-SHELL, "a || b"], start_period: 1h, start_interval: 500ms} | {disable: true} | {test: [NONE]} | {test: []} | {retries: '5'}
hostname: h | h2
init: true | false
ipc: host | shareable | "service:b"
isolation: default | hyperv
label_file: l.env | [l.env, l2.env]
labels: {a: b, c: 1} | [a=x, d] | {e: null, f: true} | ["x.y=Host(`a`) && b"]
links: [b] | ["b:alias", c]
logging: {driver: json-file, options: {max-size: 10m, max-file: 3}} | {driver: syslog, options: {tag: t}} | {options: {max-size: 1m}} | {driver: none}
mac_address: 02:42:ac:11:65:43 | 02:42:ac:11:65:44
mem_limit: 512m | 1073741824 | 1g | 0.5gb
mem_reservation: 100m | 50mb
mem_swappiness: 60 | '0'
memswap_limit: 1g | -1
models: [m] | {m: {endpoint_var: U, model_var: V}} | {m: null}
network_mode: host | none | bridge | "service:b" | "container:x"
networks: [n] | {n: {aliases: [x, y], ipv4_address: 10.0.0.2}} | [n, n2] | {n2: null, n: {priority: 10, mac_address: '02:42:ac:11:65:43', driver_opts: {a: 1}, gw_priority: 1, interface_name: eth9}} | {n: {aliases: [z], link_local_ips: [169.254.1.1], ipv6_address: 'fd::5'}} | {default: {aliases: [q]}}
oom_kill_disable: true | false
oom_score_adj: -500 | 100
pid: host | "service:b"
pids_limit: 10 | -1 | 0
platform: linux/amd64 | linux/arm64
ports: ["80"] | ["8080:80", "127.0.0.1:81:80/udp"] | ["3000-3002:3000-3002"] | [{target: 80, published: 8080}] | [{target: 80, published: '9000-9001', host_ip: 127.0.0.1, protocol: tcp, mode: host, name: n, app_protocol: http}] | [80, 443] | ["[::1]:80:80"] | ["9000-9005:80"] | []
post_start: [{command: echo a}] | [{command: [a, b], user: root, privileged: true, working_dir: /, environment: [A=b]}]
pre_stop: [{command: ./x.sh}] | [{command: y, environment: {A: 1, B: null}}]
privileged: true | false
profiles: [p] | [p, q] | []
provider: {type: t, options: {a: b}} | {type: u, options: {a: [b, c], d: 1}}
pull_policy: always | never | missing | build | if_not_present | daily | every_12h
read_only: true | false
restart: always | 'no' | on-failure:3 | unless-stopped
runtime: runc | kata
scale: 1 | 3
secrets: [s] | [{source: s}] | [s, s2] | [{source: s, target: t, uid: '0', mode: 0400}]
security_opt: [no-new-privileges:true] | ['label:disable', seccomp=unconfined]
shm_size: 64m | 1000000 | 1gb
stdin_open: true | false
stop_grace_period: 30s | 1m10s | 500ms
stop_signal: SIGINT | TERM
storage_opt: {size: 1G} | {size: 2G, x: y}
sysctls: {net.core.somaxconn: 1024} | ["net.core.somaxconn=512", a=b]
tmpfs: /run | [/run, "/tmp:size=64m,mode=1777"]
tty: true | false
ulimits: {nofile: 100} | {nofile: {soft: 10, hard: 20}, nproc: -1} | {core: '5'}
use_api_socket: true | false
user: root | '1000:1000'
userns_mode: host | ''
uts: host | ''
volumes: ["vol:/data"] | ["./src:/src:ro", /anon, "~/x:/x"] | [{type: bind, source: ./s, target: /data, read_only: true, bind: {propagation: rshared, create_host_path: true, selinux: z}}] | [{type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0700}}, {type: volume, source: vol, target: /w, volume: {nocopy: true, subpath: p, labels: {a: b}}}] | ["vol:/data:ro,z", "./a:/b:rshared"] | [{type: npipe, source: '\\.\pipe', target: /p}, {type: image, source: alpine, target: /i, image: {subpath: q}}] | ["../up:/up", "/abs:/abs:rw", "vol2:/v2:nocopy"]
volumes_from: [b] | ["b:ro", "container:x:rw"]
working_dir: /w | /x
x-any: {a: 1} | [b]
"""

TOP = r"""
networks: {n: {driver: bridge}} | {n: null, other: {internal: true}} | {n: {external: true}} | {n: {name: lit, driver_opts: {a: 1, b: c}, labels: [l=m], attachable: true, enable_ipv6: true, enable_ipv4: false}} | {n: {ipam: {driver: default, config: [{subnet: 10.0.0.0/8, gateway: 10.0.0.1, ip_range: 10.1.0.0/16, aux_addresses: {h: 10.0.0.5}}], options: {o: p}}}} | {n: {ipam: {config: [{subnet: 10.0.0.0/8, gateway: 10.0.0.9}, {subnet: 'fd00::/64'}]}}} | {default: {name: dd}} | {default: {driver: bridge, driver_opts: {com.docker.network.bridge.name: br9}}} | {n: {external: {name: outside}}}
volumes: {vol: {driver: local}} | {vol: null, more: {}} | {vol: {external: true, name: real}} | {vol: {driver_opts: {type: nfs, o: 'addr=1.2.3.4', device: ':/x'}, labels: {l: m}}} | {vol: {driver: local, driver_opts: {type: none, o: bind, device: ./rel}}} | {vol: {name: '${NAME:-named}'}}
secrets: {s: {file: ./f}} | {s: {environment: SECRET}} | {s: {external: true}} | {s: {external: true, name: real}} | {s: {file: ../g, labels: {a: b}, name: nn}} | {s: {driver: d, driver_opts: {a: 1}, template_driver: t}}
configs: {c: {file: ./f}} | {c: {content: "a ${WORD:-w} $$x\n"}} | {c: {environment: CONF}} | {c: {external: true, name: r}} | {c: {file: ~/c, labels: [a=b], template_driver: golang}}
models: {m: {model: ai/m}} | {m: {model: ai/n, context_size: 1024, runtime_flags: [--a, --b], name: mm}}
name: proj | Other | ${NAME:-x}
x-top: {a: b} | [c]
version: '3.8' | "2"
"""


def table(text):
    out = {}
    for line in text.strip().splitlines():
        name, _, forms = line.partition(": ")
        out[name] = [f.strip() for f in forms.split(" | ")]
    return out


SERVICE = table(SERVICE)
TOP = table(TOP)
