#!/usr/bin/env python3
"""Compose projects as people write them, run by docker compose and by berth; everything seen is compared.

usage: run.py [-v] [-t FILE] [CASE...]     (all: some ten minutes; by hand, not part of tests/run)

cases.py and more.py hold the projects: files, and steps that both programs are asked in turn. Compared per
step: exit code and output, and by "look" what each container sees from inside (environment, mounts, names,
rights, limits, routes). Addresses, ids, times are made alike first. differences.txt lists what differs by
choice, and why. -t FILE keeps docker's answers there and asks it only what is new; -v shows stderr too.
Needs root and the peers tool (BERTH_PEERS, or ../shared/tools/peers); exits 77 and says so where there is none.
"""
import difflib
import fnmatch
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from cases import CASES  # noqa: E402
from more import MORE  # noqa: E402

BERTH = os.path.realpath(os.environ.get("BERTH", f"{ROOT}/build/berth"))

LOOK = r"""
t() { echo "== $1"; }
t env; env | grep -v '^PWD=' | sort
t init; tr '\0' ' ' </proc/1/cmdline | sed -E 's#^(/sbin/docker-init -- |berth-init ).*#INIT#'; echo; tr '\0' '\n' </proc/1/environ | sort
t id; id; grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Umask)' /proc/1/status; pwd; cat /proc/1/oom_score_adj
t limits; sed 1d /proc/1/limits
t hosts; grep -v : /etc/hosts | sort
t resolv; grep -v '^#' /etc/resolv.conf
t names; hostname; cat /etc/hostname /proc/sys/kernel/domainname
t mounts; awk '{ i = index($0, " - "); split(substr($0, i + 3), a, " "); w = substr($6, 1, 2)
if ($5 == "/" || $5 == "/dev" || $5 == "/etc/hosts" || $5 == "/etc/hostname") print $5, w, a[1]; else if ($5 !~ "^/(sys|proc)/|docker-init") print $5, $6, a[1], (a[1] ~ "ext4|xfs|sysfs" ? "" : a[3]) }' /proc/self/mountinfo | sort
t masked; for f in /proc/kcore /proc/keys /proc/timer_list /proc/sysrq-trigger /proc/sys/kernel/panic /sys/firmware /sys/kernel; do head -c 1 $f >/dev/null 2>&1; r=$?; (: >$f) 2>/dev/null; echo $f $r $?; done
t routes; ip -4 route | sort; ip -4 -o addr | awk '{ print $2, $4 }'
t links; ip -o link | awk -F ': ' '{ print $2 }' | sed 's/@.*//' | grep -v -E '^(tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|sit0|ip6tnl0|ip6gre0)$'
t dev; ls -ln /dev /dev/pts | awk '{ print $1, $3, $4, $NF }'
t files; ls -ln / | awk '$9 !~ "^(sbin|proc|dev|sys|)$" { print $1, $3, $4, $9 }'; ls -ln /run/secrets /etc/conf /data 2>/dev/null | awk '{ print $1, $3, $4, $9, $10, $11 }'
t sys; cat /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/shmmax
t cgroup; for f in memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes memory/memory.swappiness cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us; do
echo $f $(cat /sys/fs/cgroup/$f 2>/dev/null); done
"""


class Side:
    """One of the two programs: how it is called, and where its projects lie."""

    def __init__(self, name, tool, work):
        self.name, self.tool, self.work = name, tool, work

    def sh(self, line, cwd):
        p = subprocess.Popen(["bash", "-c", line], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.PIPE, errors="replace", start_new_session=True)
        try:
            out, err = p.communicate(timeout=100)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            return {"rc": "timeout", "out": out, "err": err}
        return {"rc": p.returncode, "out": out, "err": err}

    def compose(self, words, cwd):
        return self.sh(f"{self.tool} {words}", cwd)

    def look(self, service, cwd):
        with open(f"{cwd}/.look", "w", encoding="utf8") as f:
            f.write(LOOK)
        return self.sh(f"{self.tool} exec -T {service} sh -c \"$(cat .look)\"", cwd)

    def run(self, name, case):
        files, steps = case
        cwd = f"{self.work}/{name}"
        shutil.rmtree(cwd, ignore_errors=True)
        for path, text in files.items():
            os.makedirs(os.path.dirname(f"{cwd}/{path}"), exist_ok=True)
            with open(f"{cwd}/{path}", "w", encoding="utf8") as f:
                f.write(text)
        answers = []
        for step in steps:
            word, _, rest = step.lstrip("~").partition(" ")
            if word == "look":
                answers.append(self.look(rest, cwd))
            elif word == "$":
                answers.append(self.sh(f"dc() {{ {self.tool} \"$@\"; }}; {rest}", cwd))
            else:
                answers.append(self.compose(step.lstrip("~"), cwd))
        self.compose("--profile '*' down -v -t 0 --remove-orphans", cwd)
        return answers


def alike(text, work):
    """Without what differs from run to run."""
    text = text.replace(work, "WORK")
    rules = [(r'("Networks":")([^"]*)"', lambda m: m[1] + ",".join(sorted(m[2].split(","))) + '"'), (r"\beth\d\b", "ethN"), (r"^# .*$", ""),
             (r"sha256:[0-9a-f]{64}", "DIGEST"), (r"\b[0-9a-f]{64}\b", "ID"), (r"\b[0-9a-f]{12}\b", "ID"),
             (r"\b(172|192|10)\.\d+\.\d+\.(\d+)\b", r"ADDR"),
             (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC"), (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "TIME"),
             (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?( [A-Z]{3})?", "TIME"),
             (r"(About a|Less than a|\d+) (second|minute)s?( ago)?", "AGE"), (r"/(\d\d)\b dev", "/NN dev"),
             (r"ADDR/\d\d\b", "ADDR/NN")]
    for a, b in rules:
        text = re.sub(a, b, text, flags=re.M)
    return [re.sub(r"[ \t]+", " ", line).rstrip() for line in text.split("\n") if line.strip()]


def sections(lines):
    """Sorted below each heading: addresses, which gave the order, are alike now."""
    out, part = [], []
    for line in [*lines, "== "]:
        if line.startswith("== "):
            out += sorted(part)
            out.append(line)
            part = []
        else:
            part.append(line)
    return out


def chosen():
    """differences.txt: CASE STEP-PATTERN LINE-PATTERN -- why; of lines that one side alone has."""
    rows = []
    with open(f"{HERE}/differences.txt", encoding="utf8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                what, _, why = line.partition(" -- ")
                case, step, pattern = what.split("|")
                rows.append((case.strip(), step.strip(), pattern.strip(), why))
    return rows


def forgiven(rows, case, step, line):
    return any(fnmatch.fnmatchcase(case, c) and fnmatch.fnmatchcase(step, s) and fnmatch.fnmatchcase(line, p)
               for c, s, p, _ in rows)


def compare(name, steps, theirs, ours, rows, works, verbose):
    bad = 0
    for n, (step, a, b) in enumerate(zip(steps, theirs, ours)):
        lines = [alike(x["out"], w) for x, w in zip((a, b), works)]
        if step.startswith("look"):
            lines = [sections(x) for x in lines]
        elif not step.startswith("$"):
            lines = [sorted(x) for x in lines]
        told = [] if a["rc"] == b["rc"] else [f"-exit code {a['rc']}", f"+exit code {b['rc']}"]
        if not step.startswith("~"):
            told += [x for x in difflib.unified_diff(*lines, lineterm="", n=0) if not x.startswith(("---", "+++", "@@"))]
        told = [x for x in told if not forgiven(rows, name, step, x)]
        if told:
            bad += 1
            print(f"not ok: {name}: {n}: {step}\n    " + "\n    ".join(told))
        if (told and a["rc"] != b["rc"]) or verbose:
            print(f"    docker says: {a['err'].strip()[-1500:]}\n    berth says:  {b['err'].strip()[-1500:]}")
    return bad


def peers_tool():
    for p in (os.environ.get("BERTH_PEERS", ""), f"{ROOT}/../shared/tools/peers", f"{ROOT}/../../shared/tools/peers"):
        if p and os.access(p, os.X_OK) and os.path.exists(f"{os.environ.get('PEERS_ROOT', '/tmp/sid')}/usr/bin/docker"):
            return os.path.realpath(p)
    print("SKIP: no docker compose to compare with (the peers tool, or its root, is absent)")
    sys.exit(77)


def images(work):
    make = f"{ROOT}/tests/images/busybox"
    app = {"User": "1000:1000", "WorkingDir": "/app", "Env": ["PATH=/usr/bin:/bin", "FROM_IMAGE=1", "MODE=image"],
           "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["sleep 1000"], "Volumes": {"/data": {}}, "StopSignal": "SIGINT",
           "ExposedPorts": {"8080/tcp": {}}, "Labels": {"made": "here"},
           "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000}}
    subprocess.run([make, "busybox:latest", f"{work}/b.tar"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([make, "app:1", f"{work}/a.tar", json.dumps(app)], check=True, stdout=subprocess.DEVNULL)
    return [f"{work}/b.tar", f"{work}/a.tar"]


def ask_docker(tool, work, wanted, tars, kept):
    """Docker's answers to the cases, those that are kept already aside."""
    known = json.load(open(kept, encoding="utf8")) if kept and os.path.exists(kept) else {}
    key = {n: hashlib.sha256((LOOK + json.dumps(c)).encode()).hexdigest() for n, c in wanted.items()}
    missing = [n for n in wanted if known.get(n, {}).get("key") != key[n]]
    if missing:
        subprocess.run([tool, "dockerd"], check=True)
        docker = f"{tool} run env DOCKER_HOST=unix://{work}/dk/docker.sock docker"
        for tar in tars:
            subprocess.run(f"{docker} load -q -i {tar} >/dev/null", shell=True, check=True)
        side = Side("docker", f"{docker} compose --ansi never", f"{work}/theirs")
        for n in missing:
            text = json.dumps(side.run(n, wanted[n])).replace(f"{work}/", "WORK/")
            known[n] = {"key": key[n], "answers": json.loads(text)}
            if kept:
                json.dump(known, open(kept, "w", encoding="utf8"), indent=1)
        subprocess.run([tool, "stop"], stderr=subprocess.DEVNULL)
    return {n: known[n]["answers"] for n in wanted}


def main():
    words = sys.argv[1:]
    verbose = "-v" in words
    kept = os.path.abspath(words[words.index("-t") + 1]) if "-t" in words else None
    names = [w for i, w in enumerate(words) if w not in ("-v", "-t") and (not i or words[i - 1] != "-t")]
    tool = peers_tool()
    if os.environ.get("LIVE_INSIDE") != "1":
        # The shell is process 1, and reaps what programs leave.
        line = ["unshare", "-nmpf", "--kill-child", "--mount-proc", "--propagation", "private", "bash", "-c", '"$@"; exit $?', "sh",
                sys.executable, *sys.argv]
        sys.exit(subprocess.run(line, env=dict(os.environ, LIVE_INSIDE="1")).returncode)
    every = {**CASES, **MORE}
    wanted = {n: every[n] for n in every if not names or any(fnmatch.fnmatchcase(n, p) for p in names)}
    work = tempfile.mkdtemp(prefix="live.", dir="/tmp")
    os.environ.update(PEERS_STATE=f"{work}/dk", BERTH_ROOT=f"{work}/r", BERTH_RUN=f"{work}/n", TZ="UTC")
    os.environ.setdefault("PEERS_ROOT", "/tmp/sid")
    subprocess.run("ip link set lo up", shell=True, check=True)
    tars = images(work)
    bad = 0
    try:
        theirs = ask_docker(tool, work, wanted, tars, kept)
        for tar in tars:
            subprocess.run([BERTH, "load", "-q", "-i", tar], check=True)
        side = Side("berth", f"{BERTH} --ansi never", f"{work}/ours")
        rows = chosen()
        steps = 0
        for n in wanted:
            steps += len(wanted[n][1])
            ours = json.loads(json.dumps(side.run(n, wanted[n])).replace(f"{work}/", "WORK/"))
            bad += compare(n, wanted[n][1], theirs[n], ours, rows, ("WORK/theirs", "WORK/ours"), verbose)
            sys.stdout.flush()
        print(f"{steps - bad} of {steps} steps of {len(wanted)} projects as docker compose has them")
    finally:
        subprocess.run(f"awk '$5 ~ \"^{work}/\" {{ print $5 }}' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l", shell=True)
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(bad > 0)


main()
