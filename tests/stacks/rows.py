#!/usr/bin/env python3
"""rows.py [NAME...]: the table of requirements in stacks/README.md against the names of the tests.

Each id of the five documents stands in the table once. What the table calls tested has a test in
tests/stacks/ with that id in its name, and no test names an id that the table does not call tested.
Prints for each system how many of the rows that are not waiting for another feature are tested.
With NAMEs: which rows the last run of these stacks (build/test-logs) has seen pass, and which not.
"""
import collections
import pathlib
import re
import sys

# Rows in the requirement list of each document.
ROWS = {"OPTY": 38, "CAAS": 41, "FTR": 71, "SRV": 52,
        "OCTO": 42, "OCTO-BKP": 17, "OCTO-MON": 6, "OCTO-SEC": 10}
TESTED = ("test", "differently", "partly")
STATES = TESTED + ("elsewhere", "no check", "waiting")
ID = r"\b(?:OPTY|CAAS|FTR|SRV|OCTO(?:-[A-Z]+)?)-\d\d\b"
here = pathlib.Path(__file__).resolve().parent
wrong = []


def ids(text):
    """The ids in "SRV-01–10, 12": a number belongs to the prefix before it."""
    prefix = None
    for name, first, last in re.findall(r"(?:([A-Z]+(?:-[A-Z]+)?)-)?(\d\d)(?:–(\d\d))?", text):
        prefix = name or prefix
        for n in range(int(first), int(last or first) + 1):
            yield f"{prefix}-{n:02}"


def table():
    state = {}
    for line in (here / "../../stacks/README.md").read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if not re.match(r"\| *[A-Z]+-[A-Z0-9]", line) or len(cells) != 2:
            continue
        kind = next((s for s in STATES if cells[1].startswith(s)), None)
        if not kind:
            wrong.append(f"{cells[0]}: the state begins with one of {', '.join(STATES)}")
        for i in ids(cells[0]):
            if i in state:
                wrong.append(f"{i} stands in the table twice")
            state[i] = kind
    return state


def rows_of(file):
    titles = re.findall(r'^@test "(.*)" \{', file.read_text(), re.M)
    return set(re.findall(ID, "\n".join(titles)))


def last_run(name):
    """One line: the rows that passed, and by name those that failed, were skipped or not reached."""
    log = here / f"../../build/test-logs/e2e-{name}.tap"
    named = rows_of(here / f"{name}.bats")
    bad, ran = {}, set()
    for verdict, title in re.findall(r"^(ok|not ok) \d+ (.*)", log.read_text() if log.exists() else "", re.M):
        for i in re.findall(ID, title):
            ran.add(i)
            if verdict != "ok" or " # skip" in title:
                bad[i] = "skipped" if verdict == "ok" else "failed"
    bad.update({i: "not run" for i in named - ran})
    print(f"{name}: {len(named - set(bad))} of {len(named)} rows passed" +
          "".join(f"; {why}: {' '.join(sorted(i for i in bad if bad[i] == why))}"
                  for why in sorted(set(bad.values()))))


def lint():
    state = table()
    named = set().union(*map(rows_of, here.glob("*.bats")))
    every = {f"{p}-{n:02}" for p, count in ROWS.items() for n in range(1, count + 1)}
    wrong.extend(f"{i} is not in the table" for i in sorted(every - set(state)))
    wrong.extend(f"{i} is in no document" for i in sorted((set(state) | named) - every))
    for i in sorted(every & set(state)):
        if (state[i] in TESTED) != (i in named):
            wrong.append(f"{i} is \"{state[i]}\" in the table, and " +
                         ("a test names it" if i in named else "no test names it"))
    for system in ("OPTY", "CAAS", "FTR", "SRV", "OCTO"):
        of = collections.Counter(s for i, s in state.items() if i.split("-")[0] == system)
        tested, due = of["test"] + of["differently"], sum(of.values()) - of["waiting"]
        print(f"{system:4} {tested:3} of {due} rows tested ({100 * tested // due} %), "
              f"{of['differently']} of them differently; {of['partly']} partly; "
              f"{of['waiting']} wait for another feature")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


for stack in sys.argv[1:]:
    last_run(stack)
sys.exit(0 if sys.argv[1:] else lint())
