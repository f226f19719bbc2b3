#!/usr/bin/env python3
"""The same Dockerfiles built by berth and by docker; what comes out is compared entry by entry.

usage: diff.py BERTH WORKDIR [--short | CASE...]

Compared: every path of the root file system (type, mode, owner, size, content, link, hard links,
extended attributes) and the image's configuration and history. Needs root and the peers tool
(BERTH_PEERS, or ../shared/tools/peers) for a docker of its own, which it starts in a network
namespace of its own; exits 77 and says so where there is none.
"""
import hashlib
import json
import os
import http.server
import shutil
import signal
import subprocess
import sys
import tarfile
import threading

sys.path.insert(0, os.path.dirname(__file__))
from cases import CASES, REFUSED, SHORT, context  # noqa: E402
from more_cases import MORE, MORE_REFUSED  # noqa: E402
from real_cases import BASE, NAMES, ONBUILD, REAL, context_of_projects  # noqa: E402
from wild_cases import WILD, WILD_REFUSED, context_of_the_wild  # noqa: E402
from words import WORDS  # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OWN = {"dev", "proc", "sys", ".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab"}


def peers_tool():
    for p in (os.environ.get("BERTH_PEERS", ""), f"{ROOT}/../shared/tools/peers",
              f"{ROOT}/../../shared/tools/peers"):
        if p and os.access(p, os.X_OK):
            return p
    print("SKIP: no docker to compare with (the peers tool is absent)")
    sys.exit(77)


class Docker:
    def __init__(self, work):
        self.tool, self.state = peers_tool(), f"{work}/dk"
        self.env = dict(os.environ, PEERS_STATE=self.state, PEERS_BIND=work)
        self.sock = f"unix://{self.state}/docker.sock"
        if not os.path.exists(f"{os.environ.get('PEERS_ROOT', '/tmp/sid')}/usr/bin/docker"):
            subprocess.run([self.tool, "make"], check=True, env=self.env)
        subprocess.run([self.tool, "dockerd"], check=True, env=self.env, cwd=work)

    def __call__(self, *words, check=True):
        r = subprocess.run([self.tool, "run", "env", f"DOCKER_HOST={self.sock}", "DOCKER_BUILDKIT=1",
                            "docker", *words], env=self.env, cwd="/tmp", stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
        if check and r.returncode:
            raise SystemExit(f"docker {' '.join(words)}: {r.stdout}")
        return r

    def stop(self):
        subprocess.run([self.tool, "stop"], env=self.env)

    def files(self, image, tar):
        box = self("create", image, "/x").stdout.strip().split("\n")[-1]
        self("export", "-o", tar, box)
        self("rm", box)
        return tree(tar)

    def config(self, image):
        return json.loads(self("image", "inspect", image).stdout)[0]


OLD = 1700000000  # what builds make is younger, what the cases' files are is older. Directories are left
# out: in dockerd's copy of a context their times depend on what was asked of it before.
EPOCHS = {1600000000, 1500000001}  # SOURCE_DATE_EPOCH in the cases: docker rewrites times only when asked


def tree(path):
    out = {}
    with tarfile.open(path) as t:
        for m in t:
            name = m.name.rstrip("/")
            if name in OWN or name.split("/")[0] in ("dev", "proc", "sys"):
                continue
            data = hashlib.sha256(t.extractfile(m).read()).hexdigest()[:16] if m.isreg() else ""
            xattrs = {k: v for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr")}
            out[name] = (m.type.decode(), oct(m.mode), m.uid, m.gid, m.linkname, data, xattrs,
                         int(m.mtime) if m.mtime < OLD and m.mtime not in EPOCHS and not m.isdir() else "now")
    return out


def history(docker, image):
    lines = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", image).stdout
    return [wording(line) for line in lines.strip().split("\n")]


def wording(line):
    if line.startswith("HEALTHCHECK"):  # BuildKit 0.30 began to word this one as we do
        return "HEALTHCHECK"
    if line.startswith("EXPOSE ["):  # of several ports in an order that differs from run to run
        ports, rest = line[8:].split("]", 1)
        return f"EXPOSE {sorted(ports.split())}{rest}"
    return line


def compare(name, got, want):
    lines = [f"  only in berth's: {k} {got[k]}" for k in sorted(got.keys() - want.keys())]
    lines += [f"  only in docker's: {k} {want[k]}" for k in sorted(want.keys() - got.keys())]
    lines += [f"  {k}: berth {got[k]} docker {want[k]}" for k in sorted(got.keys() & want.keys())
              if got[k] != want[k]]
    return [f"{name}:"] + lines[:12] if lines else []


def settings(inspect):
    config = {k: v for k, v in inspect["Config"].items() if v not in (None, "", [], {}, False)}
    for k in ("Hostname", "Image", "ArgsEscaped"):  # the classic store's own
        config.pop(k, None)
    return dict(config, Architecture=inspect["Architecture"], Os=inspect["Os"],
                Author=inspect.get("Author", ""), Layers=len(inspect["RootFS"].get("Layers") or []))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def web(directory):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def fill(text, work, served):
    """{web}, {ctx}, {wild} and {sum:FILE} of a Dockerfile or an option."""
    for word, value in (("{web}", f"{served}/ctx"), ("{wweb}", f"{served}/wild"), ("{ctx}", f"{work}/ctx"),
                        ("{wild}", f"{work}/wild")):
        text = text.replace(word, value)
    while "{sum:" in text:
        name = text.split("{sum:")[1].split("}")[0]
        with open(f"{work}/ctx/{name}", "rb") as f:
            text = text.replace("{sum:%s}" % name, hashlib.sha256(f.read()).hexdigest())
    return text


def one(berth, docker, work, name, text, options=(), ignore=None, where="ctx"):
    dockerfile = f"{work}/Dockerfile.{name}"
    with open(dockerfile, "w", newline="") as f:
        f.write(text)
    if ignore:
        with open(f"{dockerfile}.dockerignore", "w") as f:
            f.write(ignore)
    r = docker("build", "-q", "-t", f"d-{name}", "-f", dockerfile, *options, f"{work}/{where}", check=False)
    if r.returncode:
        return [f"{name}: docker cannot build it: {r.stdout[-300:]}"]
    b = subprocess.run([berth, "build", "-q", "-t", f"b-{name}", "-f", dockerfile, *options, f"{work}/{where}"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if b.returncode:
        return [f"{name}: berth cannot build it: {b.stdout[-600:]}"]
    subprocess.run([berth, "save", "-o", f"{work}/b.tar", f"b-{name}"], check=True)
    docker("load", "-q", "-i", f"{work}/b.tar")
    bad = compare(f"{name}: files", docker.files(f"b-{name}", f"{work}/b.x"),
                  docker.files(f"d-{name}", f"{work}/d.x"))
    bad += compare(f"{name}: configuration", settings(docker.config(f"b-{name}")),
                   settings(docker.config(f"d-{name}")))
    bh, dh = history(docker, f"b-{name}"), history(docker, f"d-{name}")
    if bh != dh:
        bad.append(f"{name}: history\n  berth  {bh}\n  docker {dh}")
    return bad


def project(berth, docker, work, name, text, options=(), ignore=None):
    return one(berth, docker, work, name, text, options, ignore, "projects")


def wild(berth, docker, work, name, text, options=(), ignore=None):
    return one(berth, docker, work, name, text, options, ignore, "wild")


def wild_refused(berth, docker, work, name, text):
    return refused(berth, docker, work, name, text, "wild")


def project_bases(berth, docker, work):
    """What the projects' Dockerfiles build on, in both stores."""
    def make(name, text):
        with open(f"{work}/Dockerfile.base", "w") as f:
            f.write(text)
        subprocess.run([berth, "build", "-q", "-t", name, "-f", f"{work}/Dockerfile.base", f"{work}/projects"],
                       check=True, stdout=subprocess.DEVNULL)

    context_of_projects(f"{work}/projects")
    make("base-of-all", BASE)
    for name in NAMES:
        subprocess.run([berth, "tag", "base-of-all", name], check=True)
    make("onbuild-node", ONBUILD)
    subprocess.run([berth, "save", "-o", f"{work}/b.tar", "onbuild-node", *NAMES], check=True)
    docker("load", "-q", "-i", f"{work}/b.tar")


def refused(berth, docker, work, name, text, where="ctx"):
    dockerfile = f"{work}/Dockerfile.{name}"
    with open(dockerfile, "w") as f:
        f.write(text)
    d = docker("build", "-q", "-f", dockerfile, f"{work}/{where}", check=False)
    b = subprocess.run([berth, "build", "-q", "-f", dockerfile, f"{work}/{where}"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if (d.returncode == 0) == (b.returncode == 0):
        return []
    return [f"{name}: berth {b.returncode} {b.stdout[-300:]}, docker {d.returncode} {d.stdout[-300:]}"]


def agree(berth, docker, work, name, text):
    bad = refused(berth, docker, work, name, text)
    d = docker("build", "-q", "-f", f"{work}/Dockerfile.{name}", f"{work}/ctx", check=False)
    return bad if bad or d.returncode else one(berth, docker, work, name, text)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a docker is to be stopped
    berth, work, only = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), sys.argv[3:]
    only = SHORT if only == ["--short"] else only
    if not os.environ.get("DIFF_INSIDE"):  # one network for docker, berth and the servers
        os.environ["DIFF_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "-",
                              sys.executable, *sys.argv])
    for sub in ("ctx", "projects", "wild", "root", "run"):
        shutil.rmtree(f"{work}/{sub}", ignore_errors=True)
    os.makedirs(f"{work}/ctx")
    os.umask(0o022)
    context(f"{work}/ctx")
    os.environ.setdefault("BERTH_ROOT", f"{work}/root")
    os.environ.setdefault("BERTH_RUN", f"{work}/run")
    context_of_the_wild(f"{work}/wild")
    served = web(work)
    docker = Docker(work)
    cases = [(c[0], one, c[1:]) for c in CASES + MORE] + [(c[0], refused, c[1:]) for c in REFUSED + MORE_REFUSED]
    cases += [(c[0], agree, c[1:]) for c in WORDS] + [(c[0], project, c[1:]) for c in REAL]
    cases += [(c[0], wild, c[1:]) for c in WILD]
    cases += [(c[0], wild_refused, c[1:]) for c in WILD_REFUSED]
    good, bad = 0, 0
    try:
        subprocess.run([f"{ROOT}/tests/images/busybox", "busybox:latest", f"{work}/bb.tar"], check=True)
        subprocess.run([berth, "load", "-q", "-i", f"{work}/bb.tar"], check=True)
        docker("load", "-q", "-i", f"{work}/bb.tar")
        if not only or any(name.startswith(("real-", "wild-")) for name in only):
            project_bases(berth, docker, work)
        for name, do, (text, *more) in cases:
            if only and name not in only:
                continue
            if more:
                more[0] = [fill(o, work, served) for o in more[0]]
            complaints = do(berth, docker, work, name, fill(text, work, served), *more)
            good, bad = good + (not complaints), bad + bool(complaints)
            print("\n".join(complaints) if complaints else f"same {name}", flush=True)
    finally:
        docker.stop()
    print(f"{good} the same, {bad} different, {len(cases) - good - bad} not asked")
    sys.exit(1 if bad else 0)


main()
