#!/usr/bin/env python3
"""Ask berth and docker compose the same questions and name every answer that differs.

  run.py [--only SUB,SUB] [--about N] [--modes json,yaml,hash,...] [--show] [BERTH]

cases.py makes the projects: every attribute with every shape of value, pairs of files to merge,
extends, include, interpolation, env files. docker compose's `config` needs no daemon; it runs in
the root that PEERS_ROOT names (a folder with usr/libexec/docker/cli-plugins/docker-compose). Without
it the run says so and exits with 77 (skipped). Answers are kept in --cache, so that only new
questions cost time. differences.txt names what differs by choice.
"""
import argparse, concurrent.futures, fnmatch, hashlib, itertools, json, os, shutil, sqlite3, subprocess, sys, tempfile
import cases

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
STAGE = "/tmp/berth-differential"
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-compose"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MODES = {
    "json": ["--format", "json"], "yaml": [], "hash": ["--hash", "*"],
    "no-interpolate": ["--format", "json", "--no-interpolate"],
    "no-interpolate-yaml": ["--no-interpolate"],
    "no-normalize": ["--format", "json", "--no-normalize"],
    "no-path-resolution": ["--format", "json", "--no-path-resolution"],
    "no-env-resolution": ["--format", "json", "--no-env-resolution"],
    "no-consistency": ["--format", "json", "--no-consistency"],
    "variables": ["--variables", "--format", "json"], "variables-text": ["--variables"],
    "services": ["--services"], "volumes": ["--volumes"], "networks": ["--networks"],
    "profiles": ["--profiles"], "images": ["--images"], "environment": ["--environment"],
    "lock-image-digests": ["--lock-image-digests"], "quiet": ["-q"],
}
LINES = {"hash", "services", "volumes", "networks", "profiles", "images", "environment", "variables-text"}
# the only calls into the other root: everything it needs lies under /tmp, which both see
ENTER = ("R=$1; shift; mount --bind $R $R && for d in proc dev tmp; do mount --rbind /$d $R/$d || exit 9; done;"
         "exec chroot $R sh $1")


def write(case):
    top = f"{STAGE}/{case.name}"
    for path, text in {**case.files, ".keep": ""}.items():
        os.makedirs(os.path.dirname(f"{top}/{path}"), exist_ok=True)
        with open(f"{top}/{path}", "w", newline="", encoding="utf8") as f:
            f.write(text)


def environment(case):
    here = os.path.normpath(f"{STAGE}/{case.name}/{case.cwd}")
    return here, {"PATH": PATH, "HOME": "/root", "PWD": here, **case.env}


def ask_berth(berth, questions):
    def one(q):
        case, mode = q
        here, env = environment(case)
        try:
            p = subprocess.run([berth] + case.args + ["config"] + MODES[mode] + case.last, cwd=here, env=env,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
            return p.returncode, p.stdout.decode("utf8", "replace"), p.stderr.decode("utf8", "replace")
        except subprocess.TimeoutExpired:
            return -1, "", "timed out"
    with concurrent.futures.ThreadPoolExecutor(2) as ex:
        return list(ex.map(one, questions))


def ask_peer(root, questions):
    """one shell script answers a hundred questions"""
    def quote(s):
        return "'" + s.replace("'", "'\\''") + "'"

    def some(part):
        out = tempfile.mkdtemp(prefix="berth-peer.", dir="/tmp")
        lines = []
        for i, (case, mode) in enumerate(part):
            here, env = environment(case)
            words = [f"{k}={v}" for k, v in env.items()] + [PLUGIN] + case.args + ["config"] + MODES[mode] + case.last
            lines.append(f"(cd {here} && exec env -i {' '.join(map(quote, words))}) </dev/null "
                         f">{out}/{i}.out 2>{out}/{i}.err; echo $? >{out}/{i}.rc")
        with open(out + "/sh", "w") as f:
            f.write("\n".join(lines) + "\n")
        subprocess.run(["unshare", "-m", "--propagation", "slave", "sh", "-c", ENTER, "sh", root, out + "/sh"],
                       check=True, stdin=subprocess.DEVNULL)
        read = lambda i, s: open(f"{out}/{i}.{s}", "rb").read().decode("utf8", "replace")
        answers = [(int(read(i, "rc")), read(i, "out"), read(i, "err")) for i in range(len(part))]
        shutil.rmtree(out)
        return answers
    parts = [questions[i:i + 100] for i in range(0, len(questions), 100)]
    with concurrent.futures.ThreadPoolExecutor(2) as ex:
        for part, answers in zip(parts, ex.map(some, parts)):
            yield from zip(part, answers)


def key(q):
    case, mode = q
    return hashlib.sha256(json.dumps([case.name, case.files, case.cwd, case.args, case.last, case.env,
                                      MODES[mode]], sort_keys=True).encode()).hexdigest()


def peer_answers(root, questions, cache):
    db = sqlite3.connect(cache)
    db.execute("create table if not exists answers (key text primary key, rc int, out text, err text)")
    known = {k: (rc, out, err) for k, rc, out, err in db.execute("select * from answers")}
    new = [q for q in questions if key(q) not in known]
    for n, (q, answer) in enumerate(ask_peer(root, new)):
        known[key(q)] = answer
        db.execute("insert or replace into answers values (?, ?, ?, ?)", (key(q), *answer))
        if n % 500 == 499:
            db.commit()
    db.commit()
    return [known[key(q)] for q in questions]


def known(questions, cache):
    keys = {k for k, in sqlite3.connect(cache).execute("select key from answers")}
    return [q for q in questions if key(q) in keys]


def differs(mode, want, have):
    if (want[0] == 0) != (have[0] == 0):
        return "accepted" if have[0] == 0 else "refused"
    if want[0]:
        return None
    if "json" in MODES[mode]:
        try:
            w = json.loads(want[1])
        except ValueError:
            return None if want[1] == have[1] else "no JSON there"
        try:
            return None if w == json.loads(have[1]) else "other value"
        except ValueError:
            return "not JSON"
    if mode in LINES:
        return None if sorted(want[1].splitlines()) == sorted(have[1].splitlines()) else "other lines"
    return None if want[1] == have[1] else "other text"


def show(want, have):
    def leaves(v, at=""):
        if isinstance(v, dict) and v:
            return {k: x for n, y in v.items() for k, x in leaves(y, f"{at}.{n}").items()}
        if isinstance(v, list) and v:
            return {k: x for n, y in enumerate(v) for k, x in leaves(y, f"{at}.{n}").items()}
        return {at: v}
    if want[0] or have[0]:
        print("    docker:", (want[2].strip().splitlines() or [want[1][:300]])[-1][:300] if want[0] else "accepts")
        print("    berth: ", (have[2].strip() or "accepts")[:300].replace("\n", "\n           ") if have[0] else "accepts")
        return
    try:
        w, h = leaves(json.loads(want[1])), leaves(json.loads(have[1]))
    except ValueError:
        w, h = dict(enumerate(want[1].splitlines())), dict(enumerate(have[1].splitlines()))
    for k in sorted(set(w) | set(h), key=str):
        if w.get(k, "-absent-") != h.get(k, "-absent-"):
            print(f"    {k}: docker {w.get(k, '-absent-')!r}, berth {h.get(k, '-absent-')!r}"[:300])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("berth", nargs="?", default=REPO + "/build/berth")
    p.add_argument("--modes", default="json")
    p.add_argument("--only", default="", help="cases whose names contain one of these (comma)")
    p.add_argument("--about", type=int, default=0, help="about so many cases, from all kinds")
    p.add_argument("--show", action="store_true", help="what differs, not only which")
    p.add_argument("--known", action="store_true", help="only questions that the cache answers")
    p.add_argument("--cache", default="/tmp/berth-differential.db")
    o = p.parse_args()
    root = os.environ.get("PEERS_ROOT", "/tmp/sid")
    if not os.path.exists(root + PLUGIN):
        print(f"SKIP: no docker compose in {root} (PEERS_ROOT)")
        return 77
    chosen = [l.strip() for l in open(HERE + "/differences.txt") if l.strip() and l[0] != "#"]
    every = [c for c in cases.all_cases() if any(x in c.name for x in o.only.split(","))]
    if o.about:
        kinds = [list(g) for _, g in itertools.groupby(every, lambda c: c.name.split("/")[0])]
        every = [c for k in kinds for c in k[::max(1, len(k) * len(kinds) // o.about)]]
    questions = [(c, m) for c in every for m in o.modes.split(",")]
    if o.known:
        questions = known(questions, o.cache)
        every = list({c.name: c for c, _ in questions}.values())
    for c in every:
        write(c)
    wants = peer_answers(root, questions, o.cache)
    haves = ask_berth(os.path.abspath(o.berth), questions)
    same = failed = 0
    for (case, mode), want, have in zip(questions, wants, haves):
        bad = differs(mode, want, have)
        if have[0] < 0 or have[0] > 125:
            bad = f"CRASH {have[0]}"
        if bad and any(fnmatch.fnmatch(f"{case.name}@{mode}", c) or fnmatch.fnmatch(case.name, c) for c in chosen):
            bad = None
        if bad:
            print("differs:", case.name, mode, bad, flush=True)
            if o.show:
                show(want, have)
        failed += bool(bad)
        same += not bad
    for c in every:
        shutil.rmtree(f"{STAGE}/{c.name}", ignore_errors=True)
    print(f"{len(every)} projects, {sum(w[0] == 0 for w in wants)} questions that docker compose accepts, "
          f"{sum(w[0] != 0 for w in wants)} that it refuses")
    print(f"{same} passed, {failed} failed")
    return 1 if failed or not same else 0


if __name__ == "__main__":
    sys.exit(main())
