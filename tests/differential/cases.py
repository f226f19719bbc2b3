"""The projects that run.py asks about. Values are YAML as a person would write them, so that `010`,
`yes` and `1_000` reach both programs as such."""
import collections, itertools, os, random, zlib
import forms
import texts

HERE = os.path.dirname(os.path.abspath(__file__))
Case = collections.namedtuple("Case", "name files args env cwd last", defaults=([], {}, ".", []))

# every kind of thing that somebody may write behind a colon
SHAPES = """'' a '1' '-1' '0' 'true' '10s' '1m' 1gb a=b a:b a/b /a ./a a,b A-B '1.5' '0755' '99999' 0 1 -1 1.5 1e3 true null
yes 0x10 010 0o10 1_000 99999 2024-01-01 .inf [] {} [a] [a,b] [a,a] [''] [1] [1.5] [true] [null] [a=b] [a:b] [a=b,a=c] ['1'] [[a]]
[{}] [{a:\\ b}] {a:\\ b} {a:\\ ''} {a:\\ 1} {a:\\ 1.5} {a:\\ true} {a:\\ null} {a:\\ [b]} {a:\\ {}} {a:\\ {b:\\ c}} {x-a:\\ b}
'${UNSET}' '${EMPTY:-}' '${ONE:-1}' '${TRUE:-true}' '${WORD:-word}' ['${EMPTY:-}'] ['${ONE:-1}'] {a:\\ '${ONE:-1}'} '$$a' '"a\\ b"' 'a\\ \\ b'"""


def shapes():
    out, word = [], ""
    for part in SHAPES.split():
        word += part
        if word.endswith("\\"):
            word = word[:-1] + " "
            continue
        out.append(word)
        word = ""
    return out


# what an entry needs beside the attribute that is asked about
LISTS = {"ports": "target: 80", "volumes": "type: volume, source: vol, target: /v", "secrets": "source: s",
         "configs": "source: c", "devices": "source: /dev/a, target: /dev/b", "gpus": "count: 1", "env_file": "path: e.env",
         "post_start": "command: [a]", "pre_stop": "command: [a]", "pre_start": "command: [a]",
         "watch": "path: ., action: rebuild", "device_read_bps": "path: /dev/a, rate: 1", "device_write_bps": "path: /dev/a, rate: 1",
         "device_read_iops": "path: /dev/a, rate: 1", "device_write_iops": "path: /dev/a, rate: 1",
         "weight_device": "path: /dev/a, weight: 10", "preferences": "spread: a", "generic_resources": "",
         "include": "path: inc.yaml", "config": "subnet: 10.0.0.0/8", "deploy.resources.reservations.devices": "capabilities: [gpu]"}
MAPS = {"depends_on": ("b", "condition: service_started"), "ulimits": ("nofile", "soft: 1, hard: 2"), "networks": ("n", ""),
        "models": ("m", ""), "services.models": ("m", ""), "configs": ("c", "file: ./f"), "secrets": ("s", "file: ./f"),
        "volumes": ("vol", ""), "services": ("a", "image: x")}
BESIDE = {"build": "context: .", "exec": "command: [a]", "extends": "service: b", "provider": "type: t",
          "models.*": "model: m", "discrete_resource_spec": "kind: k, value: 1", "bind": "", "credential_spec": ""}
TAIL = {"services": "  b: {image: y}", "networks": "  n: {}", "volumes": "  vol: {}", "secrets": "  s: {file: ./f}",
        "configs": "  c: {file: ./f}", "models": "  m: {model: m}"}
FILES = {"e.env": "A=1\nB=two\n", "f": "text\n", "inc.yaml": "services: {c: {image: z}}\n", "l.env": "a=b\n"}

# in the specification, but unknown to docker compose 2.40
NEWER = {"pre_start", "no_cache_filter", "pull_refresh_after"}


def paths():
    with open(HERE + "/../compose/attributes.txt") as f:
        return [l.split()[0] for l in f if l.strip() and l[0] != "#"]


def flow(fields, value):
    """{a: b, last: value} in one line; a field that is asked about is not given twice"""
    kept = [f for f in fields.split(", ") if f and f.split(":")[0] != value.split(":")[0]]
    return "{" + ", ".join(kept + [value]) + "}"


def document(path, value):
    """a whole compose file in which `path` has this value"""
    parts = path.split(".")
    text = f"{parts[-1]}: {value}"
    for i in range(len(parts) - 2, -1, -1):
        name = parts[i]
        if name != "*":
            if not (i + 1 < len(parts) and parts[i + 1] == "*"):
                text = name + ": " + flow(BESIDE.get(name, ""), text)
            elif name in LISTS and (i > 0 or name == "include") or ".".join(parts[2:i + 1]) in LISTS:
                text = name + ": [" + flow(LISTS.get(".".join(parts[2:i + 1]), LISTS.get(name)), text) + "]"
            else:
                key, fields = MAPS[name]
                if i == 0 and name == "models":
                    fields = "model: m"
                text = "%s: {%s: %s}" % (name, key, flow(fields, text))
    return text


def whole(path, value):
    """the same with all that it may refer to"""
    top, _, rest = document(path, value).partition(": ")
    lines = []
    for name in ("services", "networks", "volumes", "secrets", "configs", "models"):
        body = TAIL[name]
        if name == top and "." not in path:
            lines.append(f"{name}: {rest}")
            continue
        if name == top:
            body = {"services": body + "\n", "": ""}.get(name, "") + "  " + rest[1:-1]
        elif name == "services":
            body += "\n  a: {image: x, networks: [n], volumes: ['vol:/v'], secrets: [s], configs: [c]}"
        lines.append(f"{name}:\n{body}")
    if top not in TAIL:
        lines.append(f"{top}: {rest}")
    return "\n".join(lines) + "\n"


def attribute_cases():
    for path in paths():
        if set(path.split(".")) & NEWER:
            continue
        for value in shapes():
            name = f"attr/{path.replace('*', '_')}/s{zlib.crc32(value.encode()):08x}"
            yield Case(name, {**FILES, "compose.yaml": whole(path, value)})


# everything that a form in forms.py may name
AROUND = """services:
  b: {image: y, healthcheck: {test: a}}
  c: {image: z}
networks: {n: {}, n2: {}}
volumes: {vol: {}, vol2: {}}
secrets: {s: {file: ./f}, s2: {environment: SECRET}}
configs: {c: {file: ./f}, c2: {content: text}}
models: {m: {model: ai/m}}
"""
MORE_FILES = {**FILES, "e2.env": "B=three\nC=${B}${A}\nQ='$A'\n", "raw.env": "R='$A' # no comment\n",
              "l2.env": "a=c\nlab.el=x y\n", "sub/Dockerfile": "FROM x\n", "sub/s.env": "S=${WORD:-s}\n"}


def service(name, fields):
    return f"services:\n  {name}:\n" + "".join(f"    {k}: {v}\n" for k, v in fields)


def pieces(attr, form):
    """the image that a service needs, where `form` does not forbid it"""
    return [("image", "x")] * (attr not in ("provider",)) + [(attr, form)]


def form_cases():
    for attr, forms_of in forms.SERVICE.items():
        for n, form in enumerate(forms_of):
            yield Case(f"form/{attr}/f{n}", {**MORE_FILES, "compose.yaml": AROUND.replace("services:\n", service("a", pieces(attr, form)))})
    for attr, forms_of in forms.TOP.items():
        for n, form in enumerate(forms_of):
            yield Case(f"form/top-{attr}/f{n}", {**MORE_FILES, "compose.yaml": around(attr) + f"{attr}: {form}\n"})


def around(without):
    body = AROUND.replace("services:\n", "services:\n  a: {image: x, networks: [n], volumes: ['vol:/v'], secrets: [s], configs: [c], models: [m]}\n")
    return "".join(l + "\n" for l in body.splitlines() if not l.startswith(without + ":"))


def pairs(forms_of):
    return ((i, j) for i in range(len(forms_of)) for j in range(len(forms_of)))


def merge_cases():
    for attr, f in forms.SERVICE.items():
        for i, j in pairs(f):
            yield Case(f"merge/{attr}/m{i}-{j}", {**MORE_FILES, "1.yaml": AROUND.replace("services:\n", service("a", pieces(attr, f[i]))),
                       "2.yaml": service("a", [(attr, f[j])])}, ["-f", "1.yaml", "-f", "2.yaml"])
        for tag in ("!reset null", "!reset " + f[0], "!override " + f[-1]):
            yield Case(f"merge/{attr}/{slug(tag)}", {**MORE_FILES, "1.yaml": AROUND.replace("services:\n", service("a", pieces(attr, f[0]))),
                       "2.yaml": service("a", [(attr, tag)])}, ["-f", "1.yaml", "-f", "2.yaml"])
    for attr, f in forms.TOP.items():
        for i, j in pairs(f):
            yield Case(f"merge/top-{attr}/m{i}-{j}", {**MORE_FILES, "1.yaml": around(attr) + f"{attr}: {f[i]}\n",
                       "2.yaml": f"{attr}: {f[j]}\n"}, ["-f", "1.yaml", "-f", "2.yaml"])


def extends_cases():
    for attr, f in forms.SERVICE.items():
        for i, j in pairs(f):
            if (i + 2 * j) % 3 == 0:
                yield Case(f"extends/{attr}/same{i}-{j}", {**MORE_FILES, "compose.yaml": AROUND.replace("services:\n",
                           service("base", pieces(attr, f[i])) + f"  a:\n    extends: base\n    {attr}: {f[j]}\n")})
            if (i + 2 * j) % 3 == 1:
                yield Case(f"extends/{attr}/other{i}-{j}", {**MORE_FILES, "compose.yaml": AROUND.replace("services:\n",
                           f"services:\n  a:\n    extends: {{file: sub/base.yaml, service: base}}\n    {attr}: {f[j]}\n"),
                           "sub/base.yaml": service("base", pieces(attr, f[i])), "sub/e.env": "A=sub\n", "sub/e2.env": "", "sub/raw.env": "",
                           "sub/l.env": "a=sub\n", "sub/l2.env": ""})
        yield Case(f"include/{attr}", {**MORE_FILES, "compose.yaml": "include: [sub/inc.yaml]\n" + AROUND, "sub/e.env": "A=sub\n",
                   "sub/l.env": "a=sub\n", "sub/.env": "WORD=sub\n",
                   "sub/inc.yaml": service("a", pieces(attr, f[0])) + "  d:\n    image: d\n" + f"    {attr}: {f[-1]}\n" * (attr != "container_name")})


def random_cases(count=400):
    """projects as people have them: a few services, each with several attributes, perhaps an override"""
    common = [a for a in forms.SERVICE if a not in ("provider", "credential_spec", "use_api_socket", "models", "gpus")]
    for seed in range(count):
        r = random.Random(seed)

        def fields(n):
            picked = r.sample(common, n)
            if "network_mode" in picked and "networks" in picked:
                picked.remove("networks")
            return [(k, r.choice(forms.SERVICE[k])) for k in picked]
        text = AROUND.replace("services:\n", service("a", [("image", r.choice(["x", "'x:${TAG:-1}'", "r.io/x/y:2"]))] + fields(r.randint(3, 12))) +
                              service("w", [("image", "w")] + fields(r.randint(2, 8))).partition("\n")[2])
        files, args = {**MORE_FILES, "compose.yaml": text, ".env": r.choice(["", "TAG=7\nWORD=env\n", "SECRET=x\nNAME=n # c\n"])}, []
        if r.random() < 0.4:
            files["compose.override.yaml"] = service("a", fields(r.randint(1, 6)))
        if r.random() < 0.3:
            args = ["--profile", r.choice(["p", "q", "*"])]
        yield Case(f"random/r{seed}", files, args, r.choice([{}, {"TAG": "9"}, {"A": "shell", "COMPOSE_PROJECT_NAME": "pn"}]))


def slug(text):
    return f"s{zlib.crc32(text.encode()):08x}"


def words(text):
    """split at blanks, but neither inside quotes nor inside brackets"""
    out, word, open_, depth = [], "", "", 0
    for c in text + " ":
        if c.isspace() and not open_ and not depth:
            out += [word] if word else []
            word = ""
            continue
        word += c
        if open_ or c in "'\"":
            open_ = "" if c == open_ else open_ or c
        elif c in "[{" and (depth or word == c):
            depth += 1
        elif c in "]}" and depth:
            depth -= 1
    return out


def variable_cases():
    for text in (t for l in texts.VARIABLES.strip().splitlines() for t in l.split(" | ")):
        body = "services:\n  a:\n    image: x\n    environment:\n      K: |-\n        " + text + "\n"
        yield Case(f"variable/{slug(text)}", {"compose.yaml": body}, [], texts.ENVIRONMENT)
        yield Case(f"variable-dotenv/{slug(text)}", {"compose.yaml": "services: {a: {image: x, environment: [A, B, U, K]}}\n",
                   ".env": f"A=va\nE=\nD=$A\nK={text}\n"}, [], {"A": "shell"})


def dotenv_cases():
    names = "A, B, C, U, A.B, A-B, 1A, export, exportA, def, 'A[0]', é, '', HOME"
    for text in texts.DOTENV:
        plain = f"services: {{a: {{image: 'x${{A-unset}}', environment: [{names}]}}}}\n"
        yield Case(f"dotenv/{slug(text)}", {"compose.yaml": plain, "other.yaml": plain, ".env": text}, [], {"SHELL_SET": "shell"})
        yield Case(f"env-file/{slug(text)}", {"compose.yaml": "services: {a: {image: x, env_file: e.env, environment: {C: own}}}\n", "e.env": text}, [], {"SHELL_SET": "shell", "U": "u"})
        yield Case(f"env-raw/{slug(text)}", {"compose.yaml": "services: {a: {image: x, env_file: [{path: e.env, format: raw}]}}\n", "e.env": text}, [], {"SHELL_SET": "shell"})
        yield Case(f"env-flag/{slug(text)}", {"compose.yaml": plain, "other.yaml": plain, ".env": "A=dot\nB=dot\n", "e.env": text}, ["--env-file", "e.env"], {"SHELL_SET": "shell"})
        yield Case(f"label-file/{slug(text)}", {"compose.yaml": "services: {a: {image: x, label_file: e.env, labels: {B: own}}}\n", "e.env": text}, [], {"SHELL_SET": "shell"})


def yaml_cases():
    for text in texts.YAML:
        yield Case(f"yaml/{slug(text)}", {**texts.FILES, "compose.yaml": text})


def short_cases():
    body = AROUND.replace("services:\n", "services:\n  a: {image: x, %s}\n").replace("networks: {n: {}, n2: {}}", "networks: {n: {}, default: {}}")
    for attr, text in texts.SHORTS.items():
        for word in words(text):
            value = word if word[0] in "'\"" else '"' + word.replace("\\", "\\\\") + '"'
            yield Case(f"short/{attr}/{slug(word)}", {**MORE_FILES, "compose.yaml": body.replace("%s", f"{attr}: [{value}]")})
    for attr, text in texts.SCALARS.items():
        for word in words(text):
            value = "'" + word + "'" if word.startswith("$") or " " in word and word[0] not in "'[" else word
            yield Case(f"scalar/{attr}/{slug(word)}", {**MORE_FILES, "compose.yaml": body.replace("image: x, ", "" if attr in ("image", "build") else "image: x, ", 1)
                                                       .replace("%s", f"{attr}: {value}")})


def all_cases():
    yield from form_cases()
    yield from variable_cases()
    yield from dotenv_cases()
    yield from yaml_cases()
    yield from short_cases()
    yield from merge_cases()
    yield from extends_cases()
    yield from random_cases()
    yield from attribute_cases()
