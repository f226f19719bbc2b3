"""Dockerfiles for diff.py: (name, text, options). One context serves all, see context()."""
import io
import os
import tarfile

CASES = [
    ("copy-file", "FROM busybox\nCOPY a.txt /\nCOPY a.txt /new/name\nCOPY a.txt /dir/\n"),
    ("copy-dir", "FROM busybox\nCOPY dir /to\nCOPY dir /into/\nCOPY dir/ /slash\nCOPY dir/. /dot\n"),
    ("copy-onto-existing", "FROM busybox\nCOPY dir /d\nCOPY other /d\nCOPY dir/one /d/sub/deep\n"),
    ("copy-modes", "FROM busybox\nCOPY exec.sh suid ro private /m/\n"),
    ("copy-links", "FROM busybox\nCOPY link /l1\nCOPY dirlink /l2\nCOPY links /l3\nCOPY link dangle* /l4/\n"),
    ("copy-wildcards", "FROM busybox\nCOPY *.txt /w/\nCOPY d?r/o* /x/\nCOPY */*.md /y/\n"),
    ("copy-no-match", "FROM busybox\nCOPY nothing-here*.zip a.txt /n/\n"),
    ("copy-names", 'FROM busybox\nCOPY ["sp ace.txt", "ü.txt", "/s/"]\nCOPY [[]x].txt /s/\n'),
    ("copy-two-to-file", "FROM busybox\nCOPY a.txt b.txt /file\n"),
    ("copy-hardlinks", "FROM busybox\nCOPY hard /h\n"),
    ("copy-root", "FROM busybox\nCOPY . /all\n"),
    ("copy-chown", "FROM busybox\nRUN echo bob:x:1234:1235::/home/bob:/bin/sh >>/etc/passwd && echo crew:x:77: >>/etc/group\n"
     "COPY --chown=bob a.txt /c/1\nCOPY --chown=bob:crew dir /c/2\nCOPY --chown=55 a.txt /c/3\n"
     "COPY --chown=5:6 dir /c/4/\nCOPY --chown=:crew a.txt /c/5\n"),
    ("copy-chmod", "FROM busybox\nCOPY --chmod=0640 a.txt exec.sh /c/\nCOPY --chmod=711 dir /d\n"
     "COPY --chmod=4755 a.txt /s\n"),
    ("copy-chmod-parents", "FROM busybox\nCOPY --chmod=750 a.txt /n1/n2/n3/x\nCOPY --chmod=700 --chown=1:2 dir /m1/m2/\n"),
    ("copy-chmod-words", "FROM busybox\nCOPY --chmod=u+x,go-r a.txt dir /c/\n"),
    ("copy-link", "FROM busybox\nCOPY --link dir /l\nCOPY --link --chown=3:4 a.txt /m/n/\n"),
    ("copy-from-stage", "FROM busybox AS s\nRUN mkdir -p /o/p && echo 1 >/o/f && ln -s f /o/l && "
     "chmod 700 /o/p && chown 9:9 /o/f\nFROM busybox\nCOPY --from=s /o /o\nCOPY --from=0 /o/l /x\n"
     "COPY --from=s /o/p /q/\n"),
    ("copy-from-image", "FROM scratch\nCOPY --from=busybox /bin/busybox /bin/\nCOPY --from=busybox /etc /etc\n"),
    ("copy-workdir", "FROM busybox\nWORKDIR /w/x\nCOPY a.txt .\nCOPY dir sub\nCOPY b.txt ./\nWORKDIR ../y\nCOPY a.txt b\n"),
    ("copy-through-link", "FROM busybox\nRUN mkdir /real && ln -s /real /alias && ln -s /not/yet /dang\n"
     "COPY a.txt /alias/\nCOPY dir /alias/d\nCOPY a.txt /dang/\n"),
    ("copy-over-link", "FROM busybox\nRUN echo t >/target && ln -s /target /l\nCOPY a.txt /l\n"),
    ("copy-heredoc", "FROM busybox\nARG X=7\nCOPY <<E1 <<'E2' /h/\nv=${X}\nE1\nv=${X}\nE2\n"
     "COPY --chmod=755 <<-S /run.sh\n\t#!/bin/sh\n\techo $X\nS\n"),
    ("copy-exclude", "FROM busybox\nCOPY --exclude=*.md --exclude=sub dir /d1\n"
     "COPY --exclude=b.txt *.txt /d2/\nCOPY --exclude=**/three.txt . /d3\n"),
    ("add-file", "FROM busybox\nADD a.txt dir /add/\nADD notar.gz /add/\n"),
    ("add-tar", "FROM busybox\nADD t.tar /t1\nADD t.tar.gz /t2/\nADD t.tar.bz2 /t3/\n"),
    ("add-tar-chown", "FROM busybox\nADD --chown=42:43 t.tar.gz /t\n"),
    ("run-forms", 'FROM busybox\nRUN echo a >/a\nRUN ["sh", "-c", "echo b >/b"]\nSHELL ["/bin/sh", "-ec"]\n'
     "RUN false || echo c >/c\nRUN <<E\necho d >/d\necho e >/e\nE\nRUN <<'X'\n#!/bin/sh\necho f >/f\nX\n"),
    ("run-remove", "FROM busybox\nCOPY dir /d\nRUN rm -r /d/sub && rm /d/one && mkdir /d/sub && echo n >/d/sub/new\n"
     "RUN rm -r /d && mkdir /d\n"),
    ("run-env", "FROM busybox\nARG A=1\nENV B=2 C=${A}x\nARG B=3\nRUN env | grep -v HOSTNAME | sort >/env; pwd >/pwd; id >/id\n"),
    ("run-user", "FROM busybox\nRUN echo bob:x:1234:1235::/home/bob:/bin/sh >>/etc/passwd; mkdir -p /home/bob; chown 1234 /home/bob\nUSER bob\nWORKDIR /home/bob/w\nRUN id >/home/bob/id; "
     "touch mine\nUSER 77:78\nRUN id >/tmp/id; echo $HOME >/tmp/home\nWORKDIR /wd77\n"),
    ("run-mounts", "FROM busybox AS s\nRUN echo s >/s\nFROM busybox\n"
     "RUN --mount=type=bind,target=/ctx ls -1 /ctx | grep -v Dockerfile >/l\n"
     "RUN --mount=type=bind,from=s,source=/s,target=/s cat /s >/got\n"
     "RUN --mount=type=cache,target=/cache,uid=5,gid=6,mode=0711 stat -c '%u %g %a' /cache >/st\n"
     "RUN --mount=type=tmpfs,target=/tm touch /tm/x && mount | grep -c ' /tm ' >/tm-count\n"
     "WORKDIR /w\nRUN --mount=target=.,rw touch new-in-ctx\n"),
    ("run-bind-rw", "FROM busybox\nWORKDIR /src\nRUN --mount=target=.,rw echo x >made && cp made /made && ls >/list\nRUN ls -A >/after\n"),
    ("run-secret-env", "FROM busybox\nRUN --mount=type=secret,id=nope ls /run/secrets >/ls 2>&1; true\n"),
    ("run-network-none", "FROM busybox\nRUN --network=none ip -o link | wc -l >/n\n"),
    ("env-forms", 'FROM busybox\nENV A b c\nENV B="x y" C=\\$HOME D=\'$HOME\' E=a\\ b\nENV F=${B:-no} G=${ZZ:-yes} H=${B:+set} I=${B%y}\n'
     "RUN echo \"$A|$B|$C|$D|$E|$F|$G|$H|$I\" >/out\n"),
    ("arg-scope", "ARG BASE=busybox\nARG V=1\nFROM ${BASE} AS one\nARG V\nARG W=${V}2\nRUN echo $V $W >/v\n"
     "FROM one\nRUN echo \"[$V]\" >/v2\nFROM busybox\nARG V=9\nCOPY --from=1 /v /v2 /\nLABEL v=$V\n"),
    ("arg-build-args", "FROM busybox\nARG A\nARG B=b\nARG TARGETARCH\nARG TARGETPLATFORM\nRUN echo $A $B $TARGETARCH $TARGETPLATFORM >/o\nLABEL a=$A\n",
     ["--build-arg", "A=aa", "--build-arg", "B=bb"]),
    ("label-forms", 'FROM busybox\nLABEL one=1 "two words"="a b"\nLABEL multi="a\\\nb"\nLABEL old style\nLABEL q=\\"x\\"\n'),
    ("expose", "FROM busybox\nEXPOSE 80 443/tcp 53/udp\nEXPOSE 8000-8003\nARG P=99\nEXPOSE $P/udp\n"),
    ("volume", 'FROM busybox\nVOLUME /v1 /v2\nVOLUME ["/v3", "/with space"]\n'),
    ("user-stop", "FROM busybox\nUSER nobody:nogroup\nSTOPSIGNAL SIGQUIT\nMAINTAINER me <a@b>\n"),
    ("entrypoint-cmd", 'FROM busybox\nENTRYPOINT ["a", "b"]\nCMD ["c"]\n'),
    ("entrypoint-shell", "FROM busybox\nCMD first\nENTRYPOINT exec top -b\n"),
    ("cmd-shell", 'FROM busybox\nSHELL ["/bin/ash", "-c"]\nCMD echo "hi"\n'),
    ("cmd-then-entrypoint", 'FROM busybox AS a\nCMD ["x"]\nFROM a\nENTRYPOINT ["y"]\n'),
    ("healthcheck", "FROM busybox\nHEALTHCHECK --interval=5s --timeout=3s --start-period=1m --retries=4 CMD wget -q localhost\n"),
    ("healthcheck-none", 'FROM busybox AS a\nHEALTHCHECK CMD ["true"]\nFROM a\nHEALTHCHECK NONE\n'),
    ("onbuild", "FROM busybox\nONBUILD RUN echo later >/later\nONBUILD COPY a.txt /ob\nONBUILD ENV X=y\n"),
    ("shell-bash", 'FROM busybox\nSHELL ["/bin/sh", "-x", "-c"]\nRUN echo 1 >/one\n'),
    ("workdir", "FROM busybox\nWORKDIR /a\nWORKDIR b\nWORKDIR ../c\nENV D=/e/f\nWORKDIR $D/g\nRUN pwd >/pwd\n"),
    ("scratch", "FROM scratch\nCOPY a.txt /\nENV A=b\nCMD [\"/a.txt\"]\n"),
    ("escape", "# escape=`\nFROM busybox\nRUN echo a ` \n  b >/o\nENV X=a`$b\nCOPY dir `\n  /d\n"),
    ("continuations", "FROM busybox\nRUN echo a && \\\n# comment\n  echo b && \\\n\n  echo c >/c\n"),
    ("target", "FROM busybox AS a\nRUN echo a >/a\nFROM busybox AS b\nRUN exit 1\n", ["--target", "a"]),
    ("labels-given", "FROM busybox\nLABEL a=1 b=2\n", ["--label", "b=3", "--label", "c=4"]),
    ("multi-stage", "FROM busybox AS x\nRUN echo x >/x\nFROM busybox AS y\nRUN echo y >/y\nFROM busybox\n"
     "COPY --from=x /x /\nCOPY --from=y /y /\nRUN cat /x /y >/z\n"),
    ("dockerignored", "FROM busybox\nCOPY . /c/\n"),
    ("add-tar-chmod", "FROM busybox\nADD --chmod=711 t.tar.gz /gz/\nADD --chmod=711 --chown=3:4 --link t.tar /new/t/\n"),
    ("run-secret", "FROM busybox\nRUN --mount=type=secret,id=k,target=/deep/er/key,mode=0440,uid=3,gid=4 "
     "stat -c '%a %u %g' /deep/er/key >/st && cat /deep/er/key | wc -c >>/st\n"
     "RUN --mount=type=secret,id=k,env=KEY echo ${#KEY} >/len\nRUN ls / >/after\n",
     ["--secret", "id=k,src={ctx}/a.txt"]),
    ("run-own-files", "FROM busybox\nRUN true\nRUN rm -f /etc/nothing; touch /etc/made\n"
     "RUN --mount=type=cache,target=/var/cache/x --mount=type=tmpfs,target=/opt/t --mount=target=/m,from=busybox "
     "ls -a / /etc >/listed; grep -c ' / ' /proc/mounts >/roots; stat -c '%n %a %u %g' / /etc /opt /var >/modes; echo >/var/cache/x/y; echo >/opt/t/z\n"),
    ("run-pipe-shell", 'FROM busybox\nSHELL ["/bin/ash", "-eo", "pipefail", "-c"]\nRUN echo a | tr a b >/x\n'
     'CMD ["x"]\nENTRYPOINT y\n'),
    ("run-hosts", "FROM busybox\nRUN grep -c 10.9.8.7 /etc/hosts >/h; hostname >/n; ulimit -n >/u\n",
     ["--add-host", "there:10.9.8.7", "--ulimit", "nofile=123:456"]),
    ("from-platform", "FROM --platform=$BUILDPLATFORM busybox AS b\nARG BUILDARCH TARGETOS\n"
     "RUN echo $BUILDARCH $TARGETOS >/p\nFROM --platform=$TARGETPLATFORM busybox\nCOPY --from=b /p /p\n"),
    ("xattrs", "FROM busybox\nRUN touch /c && chmod 6711 /c && mkfifo /fifo && mkdir -m 1777 /sticky && ln /c /hard && ln -s /c /soft\n"
     "RUN mv /sticky /moved && chown -h 5:6 /soft && rm /hard\n"),
    ("epoch", "FROM busybox\nARG SOURCE_DATE_EPOCH\nRUN echo $SOURCE_DATE_EPOCH >/e\n",
     ["--build-arg", "SOURCE_DATE_EPOCH=1600000000"]),
    ("named-context", "FROM busybox\nCOPY --from=lib /one /x\nRUN --mount=from=lib,target=/l ls /l >/list\n",
     ["--build-context", "lib={ctx}/dir"]),
    ("named-base", "FROM base\nRUN echo x >/x\n", ["--build-context", "base=docker-image://busybox"]),
    ("onbuild-used", "FROM busybox AS p\nRUN echo p >/p\nONBUILD RUN echo fired >/fired\nONBUILD ENV F=1\n"
     "FROM p\nRUN echo own >/own\n"),
]

# The short form: every instruction and what is most often got wrong.
SHORT = ["copy-links", "copy-chown", "copy-chmod-parents", "copy-from-stage", "copy-heredoc", "add-tar-chmod",
         "run-forms", "run-mounts", "run-secret", "run-own-files", "run-user", "arg-scope", "healthcheck", "onbuild-used",
         "xattrs", "dir-over-file"]

# Refused by both.
REFUSED = [
    ("bad-instruction", "FROM busybox\nFOO bar\n"),
    ("bad-flag", "FROM busybox\nCOPY --nope a b\n"),
    ("no-from", "RUN true\n"),
    ("missing-file", "FROM busybox\nCOPY not-there /x\n"),
    ("ignored-file", "FROM busybox\nCOPY ignored/x /x\n"),
    ("failing-run", "FROM busybox\nRUN exit 7\n"),
    ("unknown-stage", "FROM busybox\nCOPY --from=nowhere.invalid/x:y /a /b\n"),
    ("dir-over-file", "FROM busybox\nCOPY dir /bin/busybox\n"),
    ("outside", "FROM busybox\nCOPY ../../etc/shadow /x\n"),
]


def put(path, text="", mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def archive(path, mode):
    with tarfile.open(path, mode) as t:
        for name, uid, kind in (("d", 7, tarfile.DIRTYPE), ("d/f", 8, tarfile.REGTYPE),
                                ("d/l", 9, tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.uid, info.gid, info.mtime = kind, uid, uid + 1, 1600000000
            info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o640
            info.linkname = "f" if kind == tarfile.SYMTYPE else ""
            info.size = 3 if kind == tarfile.REGTYPE else 0
            t.addfile(info, io.BytesIO(b"abc") if info.size else None)


def context(top):
    """The files that COPY and ADD of the cases take."""
    def at(name):
        return os.path.join(top, name)
    for name in ("a.txt", "b.txt", "sp ace.txt", "ü.txt", "[x].txt", "dir/one", "dir/two.md",
                 "dir/sub/deep", "dir/sub/three.txt", "other/sub/deep", "other/late", "ignored/x",
                 "kept/ignored/x", "links/real"):
        put(at(name), f"content of {name}\n")
    put(at("exec.sh"), "#!/bin/sh\n", 0o755)
    put(at("suid"), "s", 0o4755)
    put(at("ro"), "r", 0o444)
    put(at("private"), "p", 0o600)
    os.chmod(at("dir/sub"), 0o700)
    os.makedirs(at("links/empty"))
    os.symlink("a.txt", at("link"))
    os.symlink("dir", at("dirlink"))
    os.symlink("../a.txt", at("links/up"))
    os.symlink("/etc/passwd", at("links/out"))
    os.symlink("real", at("links/near"))
    put(at("hard/1"), "hard")
    os.link(at("hard/1"), at("hard/2"))
    archive(at("t.tar"), "w")
    archive(at("t.tar.gz"), "w:gz")
    archive(at("t.tar.bz2"), "w:bz2")
    archive(at("t.tar.xz"), "w:xz")
    import gzip
    with gzip.open(at("notar.gz"), "w") as f:
        f.write(b"no archive\n")
    put(at(".dockerignore"), "# comment\nignored\n!kept/ignored\n*.log\n")
    for where, dirs, files in os.walk(top):  # older than any build, so that kept times show
        for name in dirs + files:
            os.utime(os.path.join(where, name), (1500000000, 1500000000), follow_symlinks=False)
