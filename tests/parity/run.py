#!/usr/bin/env python3
"""The same project run by docker compose and by berth; what their commands print and return is compared.

usage: run.py [BERTH]       (about a minute; by hand, not part of tests/run)

Compared: the members and types of every JSON output, and the exit codes of right and wrong calls.
Needs root and the peers tool (BERTH_PEERS, or ../shared/tools/peers) for a docker of its own, in a
network namespace of its own; exits 77 and says so where there is none.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BERTH = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else f"{ROOT}/build/berth")

PROJECT = """
name: parity
services:
  web:
    image: busybox
    command: sh -c 'echo hi; sleep 1000'
    stop_signal: KILL
    ports: ["127.0.0.1:18080:80", "127.0.0.1:18081:81/udp"]
    volumes: [data:/d, /anon]
    labels: {a: b}
    healthcheck: {test: "true", interval: 1s}
  db: {image: busybox, command: sleep 1000, stop_signal: KILL}
  once: {image: busybox, command: sh -c 'exit 3'}
volumes: {data: }
"""

SHAPES = ["ps -a --format json", "ps -a --no-trunc --format json", "ls -a --format json", "images --format json",
          "volumes --format json", "version --format json", "stats --no-stream --format json",
          "config --format json"]

# The same text from both.
TEXTS = ["ps -a --services", "ps --format {{.Name}}", "ps -a --format {{.Name}}:{{.State}}:{{.ExitCode}}",
         "ps --status exited --format {{.Names}}", "ps --filter status=running --services", "ps web --format {{.Ports}}",
         "ps -a once --format {{.Command}}", "ls -q", "ls --format json", "images -q", "volumes -q", "port web 80",
         "port --protocol udp web 81", "config --images", "config --volumes", "config --networks", "config --profiles",
         "config --hash web", "logs web", "logs --no-log-prefix web", "logs --no-color -n 1 web", "stats --no-stream --format {{.Name}}"]

# The same exit code from both.
CODES = ["ps nosuch", "logs nosuch", "exec nosuch true", "exec -T once true", "exec -T web sh -c 'exit 7'",
         "exec -T web nosuch", "stop nosuch", "start nosuch", "restart nosuch", "kill nosuch", "rm -f nosuch", "rm -f db",
         "up -d nosuch", "create nosuch", "scale nosuch=1", "scale web", "wait nosuch", "down nosuch", "build nosuch",
         "cp nosuch:/x .", "cp x y", "cp web:/nope .", "attach nosuch", "export nosuch", "commit nosuch x", "port nosuch 80",
         "port web 99", "volumes nosuch", "config nosuch", "bogus", "ps --bogus", "ps -Z", "ps --format", "up --scale",
         "-f nofile.yaml ps", "-p Bad/Name ps", "--profile x ps -q", "--progress bogus ps", "--parallel x ps",
         "--env-file nofile ps", "events --since x", "exec web", "kill -s BOGUS web", "up -d --wait --abort-on-container-exit",
         "up -d --force-recreate --no-recreate", "up -d --scale web=x", "pause web", "pause web", "unpause web", "unpause web",
         "run --rm -T db sh -c 'exit 5'", "run --rm -T db nosuch", "top once", "kill once", "wait once", "up -d",
         "up -d --wait db web", "rm -f", "stop", "stop", "start", "restart -t 0", "down -t 0", "down -t 0", "ps", "logs"]


# Chosen differences.
KNOWN = {"run --rm -T db nosuch": "127 as docker run has it and a shell",
         "wait once": "the code it ended with, also when that is past"}


def shape(v, path=""):
    if isinstance(v, dict):
        return set().union(*[shape(x, f"{path}.{k}") for k, x in v.items()]) if v else {path + "{}"}
    if isinstance(v, list):
        return shape(v[0], path + "[]") if v else set()
    return {f"{path}:{type(v).__name__}"}


def documents(text):
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]


def ask(tool, words, project):
    line = f'cd {project} && exec {" ".join(tool)} {words.replace("{{", chr(39) + "{{").replace("}}", "}}" + chr(39))}'
    return subprocess.run(["bash", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def session(tool, project):
    """Every answer of one of the two, in order."""
    ask(tool, "up -d", project)
    subprocess.run(["sleep", "2"], check=True)
    out = {}
    for words in SHAPES + TEXTS:
        out[words] = ask(tool, words, project)
    for i, words in enumerate(CODES):
        out[f"{words} #{i}"] = ask(tool, words, project)
    ask(tool, "down -v -t 0", project)
    return out


def compare(theirs, ours):
    bad = 0
    for words in SHAPES:
        for a, b in zip(documents(theirs[words].stdout), documents(ours[words].stdout)):
            for what, some in (("only docker", shape(a) - shape(b)), ("only berth", shape(b) - shape(a))):
                if some:
                    bad += 1
                    print(f"not ok: {words}: {what}: {' '.join(sorted(some))}")
    for words in TEXTS:
        a, b = (sorted(x[words].stdout.split("\n")) for x in (theirs, ours))
        if a != b:
            bad += 1
            print(f"not ok: {words}:\n  docker {a}\n  berth  {b}")
    for i, words in enumerate(CODES):
        a, b = (x[f"{words} #{i}"] for x in (theirs, ours))
        if a.returncode != b.returncode and words not in KNOWN:
            bad += 1
            print(f"not ok: {words}: docker {a.returncode}, berth {b.returncode}\n"
                  f"  docker: {a.stderr.strip()[-200:]}\n  berth:  {b.stderr.strip()[-200:]}")
    n = len(SHAPES) + len(TEXTS) + len(CODES)
    print(f"{n - bad} of {n} as docker compose has it")
    return bad


def peers_tool():
    for p in (os.environ.get("BERTH_PEERS", ""), f"{ROOT}/../shared/tools/peers", f"{ROOT}/../../shared/tools/peers"):
        if p and os.access(p, os.X_OK) and os.path.exists(f"{os.environ.get('PEERS_ROOT', '/tmp/sid')}/usr/bin/docker"):
            return os.path.realpath(p)
    print("SKIP: no docker compose to compare with (the peers tool, or its root, is absent)")
    sys.exit(77)


def main():
    tool = peers_tool()
    if os.environ.get("PARITY_INSIDE") != "1":
        sys.exit(subprocess.run(["unshare", "-nm", sys.executable, *sys.argv], env=dict(os.environ, PARITY_INSIDE="1")).returncode)
    work = tempfile.mkdtemp(prefix="parity.", dir="/tmp")
    os.environ.update(PEERS_STATE=f"{work}/dk", BERTH_ROOT=f"{work}/r", BERTH_RUN=f"{work}/n")
    os.environ.setdefault("PEERS_ROOT", "/tmp/sid")
    subprocess.run("ip link set lo up", shell=True, check=True)
    project = f"{work}/p"
    os.mkdir(project)
    with open(f"{project}/compose.yaml", "w", encoding="utf8") as f:
        f.write(PROJECT)
    subprocess.run([f"{ROOT}/tests/images/busybox", "busybox:latest", f"{work}/b.tar"], check=True, stdout=subprocess.DEVNULL)
    try:
        subprocess.run([BERTH, "load", "-q", "-i", f"{work}/b.tar"], check=True)
        ours = session([BERTH], project)
        subprocess.run([tool, "dockerd"], check=True)
        docker = [tool, "run", "env", f"DOCKER_HOST=unix://{work}/dk/docker.sock", "docker"]
        subprocess.run(docker + ["load", "-q", "-i", f"{work}/b.tar"], check=True, stdout=subprocess.DEVNULL)
        theirs = session(docker + ["compose"], project)
    finally:
        subprocess.run([tool, "stop"], stderr=subprocess.DEVNULL)
    bad = compare(theirs, ours)
    subprocess.run(f"awk '$5 ~ \"^{work}/\" {{ print $5 }}' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l", shell=True)
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(bad > 0)


main()
