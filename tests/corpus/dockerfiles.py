#!/usr/bin/env python3
"""Every case of ../shared/dockerfiles against berth's own reading of it.

usage: dockerfiles.py PATH-TO-dockerfiles-program [CASE...]
Needs the corpus (BERTH_DOCKERFILES, or ../shared/dockerfiles beside the repository); says so
aloud where it is absent and exits 77, which meson reports as a skip.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))


def corpus():
    candidates = [os.environ.get("BERTH_DOCKERFILES", ""), "../shared/dockerfiles",
                  "../../shared/dockerfiles"]
    for c in filter(None, candidates):
        path = os.path.join(ROOT, c)
        if os.path.isdir(os.path.join(path, "cases")):
            return path
    print("SKIP: the Dockerfile corpus (../shared/dockerfiles) is absent", flush=True)
    sys.exit(77)


class Program:
    def __init__(self, path):
        self.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self.p.stdin.write(json.dumps(question).encode() + b"\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if not line:
            raise SystemExit(f"the program died on {question!r:.500}")
        return json.loads(line)


class Tally:
    def __init__(self):
        self.good, self.bad = 0, 0

    def check(self, what, got, want):
        if got == want:
            self.good += 1
            return
        self.bad += 1
        print(f"FAIL {what}\n  want {json.dumps(want, ensure_ascii=False)[:1500]}"
              f"\n  got  {json.dumps(got, ensure_ascii=False)[:1500]}")


def words(ask, root, tally):
    for c in json.load(open(f"{root}/tables/shell-words.json"))["cases"]:
        got = ask(do="words", text=c["text"], env=c["env"], escape=c.get("escape", "\\"))
        failed = "word_error" in c or "words_error" in c
        want = ["error"] if failed else {k: c[k] or [] if k == "words" else c[k]
                                        for k in ("word", "words") if k in c}
        tally.check(f"words {c['text']!r} {c['env']}",
                    sorted(got) if failed else {k: got.get(k) for k in want}, want)


def patterns(ask, root, tally):
    for c in json.load(open(f"{root}/tables/patternmatcher.json"))["cases"]:
        got = ask(do="match", patterns=c["patterns"], paths=[c["path"]])
        want = ["error"] if c.get("error") else {"excluded": [c["excluded"]]}
        tally.check(f"pattern {c['patterns']} {c['path']}", sorted(got) if c.get("error") else got, want)
    for c in json.load(open(f"{root}/tables/dockerignore-parse.json"))["cases"]:
        tally.check(f"ignore file {c['text']!r}", ask(do="ignore", text=c["text"])["patterns"],
                    c["patterns"] or [])
    for c in json.load(open(f"{root}/tables/dockerignore-real.json"))["cases"]:
        got = ask(do="ignore", text=c["text"])["patterns"]
        tally.check(f"ignore file {c['text'][:60]!r}", got, c["patterns"] or [])
        got = ask(do="match", patterns=got, paths=c["paths"])
        out = [p in c["excluded"] for p in c["paths"]]
        tally.check(f"ignored by {c['text'][:60]!r}", got.get("excluded"), out)


def stages_of(want):
    return [{"name": s["name"], "base": s["base"], "platform": s["platform"],
             "commands": [{"name": c["name"], "line": c["line"]} for c in s["commands"] or []]}
            for s in want["stages"] or []]


def image_of(image):
    image = json.loads(json.dumps(image))
    for key in ("rootfs", "created"):
        image.pop(key, None)
    for h in image.get("history", []):
        h.pop("comment", None)
        h["empty_layer"] = bool(h.get("empty_layer"))
    return image


def canon(items):
    return sorted(json.dumps(i, sort_keys=True) for i in items)


def execs_of_llb(llb):
    out = []
    for op in llb or []:
        x = op["op"].get("exec")
        if not x:
            continue
        mounts = sorted(m["dest"] for m in x["mounts"] if m["dest"] not in ("/", "/dev/pipes/"))
        network = {1: "host", 2: "none"}.get(x.get("network"), None)
        out.append({"args": x["meta"]["args"], "env": sorted(x["meta"]["env"]), "cwd": x["meta"]["cwd"],
                    "user": x["meta"].get("user"), "mounts": mounts, "network": network,
                    "insecure": bool(x.get("security"))})
    return canon(out)


def execs_of_steps(steps):
    out = []
    for s in steps:
        if s["kind"] == "exec":
            out.append({"args": s["args"], "env": sorted(s["env"]), "cwd": s["cwd"],
                        "user": s["user"] or None, "network": None if s["network"] == "default" else s["network"],
                        "mounts": sorted(m["dest"] for m in s["mounts"] if m["dest"]),
                        "insecure": s["insecure"]})
    return canon(set_of(out))


def set_of(items):
    """Equal executions are one vertex in LLB."""
    return [json.loads(i) for i in sorted({json.dumps(i, sort_keys=True) for i in items})]


def same_graph(tally, name, got, want):
    if "convert_error" in want:
        tally.check(f"{name}: convert_error {want['convert_error']}", "error" in got, True)
        return
    if "image" not in want:
        return
    if "error" in got:
        tally.check(f"{name}: no error", got["error"], None)
        return
    tally.check(f"{name}: image", image_of(got["image"]), image_of(want["image"]))
    if "llb" in want:
        tally.check(f"{name}: executions", execs_of_steps(got["steps"]),
                    canon(set_of(json.loads(i) for i in execs_of_llb(want["llb"]))))


def graph(ask, tally, name, text, want):
    got = ask(do="graph", text=text)
    same_graph(tally, name, got, want)
    tally.check(f"{name}: lint", canon(got.get("lint", [])), canon(want.get("lint") or []))
    for v in want.get("variants", []):
        got = ask(do="graph", text=text, args=v.get("args", {}), target=v.get("target"))
        same_graph(tally, f"{name} {v.get('args')} {v.get('target')}", got, v)


def parse(ask, root, tally, only):
    for name in sorted(os.listdir(f"{root}/cases")):
        if only and name not in only:
            continue
        d = f"{root}/cases/{name}"
        want = json.load(open(f"{d}/expected.json"))
        text = open(f"{d}/Dockerfile", "rb").read().decode("utf-8", "surrogateescape")
        got = ask(text=text)
        for kind in ("parse_error", "instructions_error"):
            tally.check(f"{name}: {kind} {want.get(kind)} {got.get(kind)}", kind in got, kind in want)
        if "parse_error" not in want:
            ast = open(f"{d}/expected.ast").read().rstrip("\n")
            tally.check(f"{name}: ast", got.get("ast", "").rstrip("\n").split("\n"), ast.split("\n"))
            tally.check(f"{name}: escape", got.get("escape"), want["escape"])
        if "stages" in want:
            tally.check(f"{name}: stages", got.get("stages"), stages_of(want))
            graph(ask, tally, name, text, want)


def main():
    root = corpus()
    ask = Program(sys.argv[1]).ask
    tally = Tally()
    only = sys.argv[2:]
    if not only:
        words(ask, root, tally)
        patterns(ask, root, tally)
    parse(ask, root, tally, only)
    print(f"{tally.good} checks passed, {tally.bad} failed")
    sys.exit(1 if tally.bad else 0)


main()
