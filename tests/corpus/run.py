#!/usr/bin/env python3
"""Score `berth config` against docker compose's own answers.

  run.py [--modes json,yaml,...|all] [--only SUB] [--list] [BERTH [SHARED]]

The cases are data of other projects and lie outside the repository: $BERTH_SHARED/corpus/cases
or ../shared/corpus/cases beside it. differences.txt names the cases that differ by choice (in the
main mode): they count as passed, and as failed once they do not differ any more. Without them the run says so and exits with 77 (skipped).
Each case is staged at /corpus/<id> in a mount namespace of its own, as when the answers were made.
"""
import argparse, collections, concurrent.futures, json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
JSON_MODES = {"json", "no-interpolate", "no-normalize", "no-path-resolution", "no-env-resolution",
              "no-consistency", "variables", "select"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find_cases(shared):
    for base in (shared, os.environ.get("BERTH_SHARED"), REPO + "/../shared", REPO + "/../../shared"):
        if base and os.path.isdir(base + "/corpus/cases"):
            return os.path.realpath(base + "/corpus/cases")
    return None


def expectations(folder, case):
    """{mode: {args, ok, and one of json | lines | stdout | names}}"""
    out = {}
    main = None
    if os.path.exists(folder + "/expected.json"):
        main = json.load(open(folder + "/expected.json"))
        out["json"] = {"args": ["config", "--format", "json"], "ok": True, "json": main}
    else:
        out["json"] = {"args": ["config", "--format", "json"], "ok": False}
    modes = folder + "/modes.json"
    for name, m in (json.load(open(modes)) if os.path.exists(modes) else {}).items():
        e = {"args": m["args"], "ok": m["rc"] == 0}
        if "same_as" in m:
            e["json"] = main
        for key, to in (("json", "json"), ("lines_unordered", "lines"), ("stdout", "stdout"),
                        ("names_only", "names")):
            if key in m:
                e[to] = m[key]
        out[name] = e
    return out


def differs(want, rc, stdout):
    if (rc == 0) != want["ok"]:
        return "accepted" if rc == 0 else "refused"
    if rc:
        return None
    if "json" in want or "names" in want:
        try:
            have = json.loads(stdout)
        except ValueError:
            return "not JSON"
        if "names" in want:
            return None if sorted(have) == want["names"] else "other names"
        return None if have == want["json"] else "other value"
    if "lines" in want:
        return None if sorted(x for x in stdout.splitlines() if x) == want["lines"] else "other lines"
    if "stdout" in want:
        have = stdout
        if want["args"][-1] == "--environment":
            have = "".join(x + "\n" for x in sorted(have.splitlines()))
        return None if have == want["stdout"] else "other text"
    return None


def worker(berth, stage, jobs):
    """runs in its own mount namespace with the stage at /corpus"""
    script = "mkdir -p /corpus && mount --bind %s /corpus && exec python3 %s --inner %s" % (
        stage, os.path.abspath(__file__), berth)
    p = subprocess.run(["unshare", "-m", "sh", "-c", script], input=json.dumps(jobs).encode(),
                       stdout=subprocess.PIPE)
    if p.returncode:
        sys.exit("cannot set the stage: root and mount namespaces are needed")
    return json.loads(p.stdout)


def inner(berth):
    answers = []
    for cwd, env, args in json.load(sys.stdin):
        try:
            p = subprocess.run([berth] + args, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
            answers.append([p.returncode, p.stdout.decode("utf8", "replace"),
                            p.stderr.decode("utf8", "replace")])
        except subprocess.TimeoutExpired:
            answers.append([-1, "", "timed out"])
    json.dump(answers, sys.stdout)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("berth", nargs="?", default=REPO + "/build/berth")
    p.add_argument("shared", nargs="?")
    p.add_argument("--modes", default="json")
    p.add_argument("--only", default="")
    p.add_argument("--list", action="store_true", help="name the cases that differ")
    p.add_argument("--show", action="store_true", help="and what berth said")
    p.add_argument("--inner", action="store_true")
    o = p.parse_args()
    if o.inner:
        return inner(o.berth)
    cases = find_cases(o.shared)
    if not cases:
        print("SKIP: no corpus: set BERTH_SHARED, or put it at ../shared")
        return 77
    stage = tempfile.mkdtemp(prefix="berth-corpus.")
    jobs, notes = [], []
    for i in sorted(os.listdir(cases)):
        if o.only not in i:
            continue
        c = json.load(open(f"{cases}/{i}/case.json"))
        shutil.copytree(f"{cases}/{i}/files", f"{stage}/{i}", symlinks=True)
        os.makedirs(os.path.join(stage, i, c.get("cwd") or "."), exist_ok=True)
        cwd = os.path.normpath(os.path.join("/corpus", i, c.get("cwd") or "."))
        for mode, want in expectations(f"{cases}/{i}", c).items():
            if o.modes != "all" and mode not in o.modes.split(","):
                continue
            if mode in c.get("unstable_modes", []) and "names" not in want:
                continue
            jobs.append([cwd, {"PATH": PATH, "HOME": "/root", "PWD": cwd, **c.get("env", {})},
                         c.get("args", []) + want["args"]])
            notes.append((i, c["kind"], mode, want))
    half = (len(jobs) + 1) // 2
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as ex:
            parts = list(ex.map(lambda j: worker(os.path.abspath(o.berth), stage, j),
                                [jobs[:half], jobs[half:]]))
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    chosen = {l.split()[0] for l in open(HERE + "/differences.txt") if l.strip() and l[0] != "#"}
    good, every, failed = collections.Counter(), collections.Counter(), 0
    for (i, kind, mode, want), (rc, stdout, stderr) in zip(notes, parts[0] + parts[1]):
        bad = differs(want, rc, stdout)
        key = (mode, "accepted" if want["ok"] else "refused", kind)
        every[key] += 1
        good[key] += not bad
        failed += bool(bad) != (mode == "json" and i in chosen)
        if mode == "json" and i in chosen and not bad:
            print("differs no longer (differences.txt):", i)
        if rc < 0 or rc > 125:
            print("CRASH", i, mode, rc)
        if bad and (o.list or o.show):
            print("differs:", i, mode, bad)
            if o.show and rc:
                print("   ", stderr.replace("\n", "\n    ").rstrip()[-600:])
    for mode in sorted({k[0] for k in every}):
        for side in ("accepted", "refused"):
            rows = [(k, every[k]) for k in sorted(every) if k[0] == mode and k[1] == side]
            n, ok = sum(r[1] for r in rows), sum(good[r[0]] for r in rows)
            if n:
                print("%-20s %-9s %5d of %5d  %5.1f%%   %s" % (mode, side, ok, n, 100 * ok / n,
                      ", ".join("%s %d/%d" % (k[2], good[k], m) for k, m in rows)))
    total = sum(every.values())
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed or not total else 0


sys.exit(main())
