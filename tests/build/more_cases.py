"""More Dockerfiles for diff.py: rarer flags and words, written without looking at what comes out.

(name, text, options, ignore): ignore is the text of DOCKERFILE.dockerignore. {web} is a web
server of the context. Not asked: --parents, which docker 28 has in its labs channel alone, and git
repositories, which the peers' docker has no program for.
"""

MORE = [
    ("chown-unknown", "FROM busybox\nCOPY --chown=no-such a.txt /1\nCOPY --chown=no:group a.txt /2\nCOPY --chown=7:group a.txt /3\nCOPY --chown=root:no a.txt /4\n"),
    ("dir-modes", "FROM busybox\nCOPY dir/sub /1\nCOPY --exclude=deep dir/sub /2\nCOPY --exclude=sub/deep dir /3/\nCOPY --chmod=777 dir/sub /4/5/\nCOPY --chmod=0 a.txt /6/7\nCOPY --chown=5 dir/sub /8/\n"),
    ("chmod-more", "FROM busybox\nCOPY --chmod=g=u,o=g a.txt exec.sh /1/\nCOPY --chmod=+t,u=s exec.sh /2\nCOPY --chmod=o+s,o+t,a-x exec.sh /3\nCOPY --chmod=u=rw,go=r-w,+X exec.sh a.txt /4/\nCOPY --chmod==r a.txt /5\nCOPY --chmod=a+s dir /6\n"),
    ("copy-exclude-deep", "FROM busybox\nCOPY --exclude=**/deep --exclude=!other/sub/deep . /a/\n"
     "COPY --exclude=sub/* dir /b\nCOPY --exclude=one --exclude=two.md dir/ /c/\nCOPY --exclude=*.txt a.txt b.txt link /d/\n"),
    ("copy-exclude-from", "FROM busybox AS s\nRUN mkdir -p /o/x /o/y && touch /o/x/1.log /o/y/2.log /o/keep\n"
     "FROM busybox\nCOPY --from=s --exclude=**/*.log /o /o\nCOPY --from=s --exclude=x /o/ /p/\n"),
    ("add-checksum", "FROM busybox\nADD --checksum=sha256:{sum:a.txt} {web}/a.txt /u/\nADD {web}/exec.sh /u/named\n"
     "ADD --chmod=751 --chown=5:6 {web}/b.txt /u/owned/\n"),
    ("add-unpack", "FROM busybox\nADD --unpack=false t.tar /raw/\nADD --unpack=true t.tar.gz /un/\nADD --unpack=false t.tar.gz /asfile\n"),
    ("add-unpack-url", "FROM busybox\nADD --unpack=true {web}/t.tar.gz /un/\nADD {web}/t.tar.gz /un2/\n"),
    ("run-cache-opts", "FROM busybox\nRUN --mount=type=cache,target=/c,id=one,sharing=locked,uid=3,gid=4,mode=0700 stat -c '%u %g %a' /c >/s1; echo x >/c/x\n"
     "RUN --mount=type=cache,target=/d,id=one,sharing=shared ls -A /d >/s2\nRUN --mount=type=cache,target=/e ls -A /e >/s3\n"
     "RUN --mount=type=cache,target=/f,id=priv,sharing=private echo y >/f/y\n"),
    ("run-cache-from", "FROM busybox AS seed\nRUN mkdir /seed && echo s >/seed/s && chown 5:5 /seed/s\nFROM busybox\n"
     "RUN --mount=type=cache,target=/c,from=seed,source=/seed,id=seeded ls -ln /c | awk '{print $1,$3,$4,$9}' >/o\n"),
    ("run-cache-ro", "FROM busybox\nRUN --mount=type=cache,target=/c,ro touch /c/x 2>/dev/null || echo ro >/o\n"
     "RUN --mount=type=bind,target=/m touch /m/x 2>/dev/null || echo ro >>/o\n"),
    ("run-mount-env", "FROM busybox\nARG T=/tgt\nENV S=dir\nRUN --mount=type=bind,source=$S,target=${T}/x ls $T/x >/l\n"),
    ("run-mount-wd", "FROM busybox\nWORKDIR /w\nRUN --mount=type=bind,source=dir,target=sub ls sub >/l\nRUN ls -A /w >/m\n"),
    ("run-tmpfs-size", "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m df -k /t | tail -1 | awk '{print $2}' >/o\n"),
    ("run-secret-paths", "FROM busybox\nWORKDIR /w\nRUN --mount=type=secret,id=k,dst=rel/key cat rel/key >/a; ls -A /w >/b\n"
     "RUN --mount=type=secret,id=k cat /run/secrets/k >/c; stat -c '%a %u' /run/secrets/k >/d; ls -ld /run/secrets | cut -c1-10 >/e\n"
     "RUN --mount=type=secret,id=k,env=V,target=/both sh -c 'echo $V; cat /both' >/f\n", ["--secret", "id=k,src={ctx}/a.txt"]),
    ("heredoc-many", "FROM busybox\nRUN <<A cat >/1 && <<B cat >/2\na\nA\nb\nB\nRUN cat <<-X >/3\n\ttabs\n\t  and\n\tX\n"
     "RUN <<'Q' sh\necho \"$HOME\" '${x}' >/4\nQ\nRUN <<\"D\"\necho \\$HOME >/5\nD\n"),
    ("heredoc-expand", "FROM busybox\nARG N=v\nENV E=e\nCOPY <<A <<\"B\" <<-'C' /h/\n$N ${E} \\$N ${N:-x} ${Z:-z} \\\\ \\a \"q\"\nA\n$N\nB\n\t$N\nC\n"
     "ADD <<one /h/two\nadded $E\none\n"),
    ("heredoc-python", "FROM busybox\nRUN <<EOF\n#!/bin/sh -e\nset | grep -c . >/dev/null\necho $0 | sed 's/[^/]*$//' >/dev/null\necho ok >/ok\nEOF\n"
     "SHELL [\"/bin/sh\", \"-xc\"]\nRUN <<EOF\necho a; echo b >/b\nEOF\n"),
    ("onbuild-chain", "FROM busybox AS a\nONBUILD RUN echo a >/a\nONBUILD ENV A=1\nONBUILD LABEL x=y\nFROM a AS b\nONBUILD COPY a.txt /ob/\n"
     "FROM b AS c\nRUN ls / >/l\n"),
    ("onbuild-args", "FROM busybox AS a\nONBUILD ARG V=1\nONBUILD RUN echo $V >/v\nONBUILD WORKDIR /ow\nONBUILD USER 5\nFROM a\nRUN id -u >/tmp/u; pwd >/tmp/p\n",
     ["--build-arg", "V=2"]),
    ("arg-scopes", "ARG G=g\nARG H=${G}h\nFROM busybox AS one\nARG G\nARG L=${G}l\nENV L=env$L\nRUN echo $G $H $L >/1\nARG G=again\nRUN echo $G >/2\n"
     "FROM one\nRUN echo [$G][$L] >/3\nARG H\nRUN echo $H >/4\n", ["--build-arg", "L=given"]),
    ("arg-many", "FROM busybox\nARG A=1 B=2 C\nARG D=\"x y\" E='p q'\nRUN echo \"$A|$B|$C|$D|$E\" >/o\nENV B=env\nRUN echo $B >/p\n",
     ["--build-arg", "C=cc", "--build-arg", "B=bb"]),
    ("arg-predefined", "FROM busybox\nRUN echo $HTTP_PROXY$no_proxy >/o\nARG TARGETOS\nARG TARGETVARIANT\nARG BUILDPLATFORM\nARG TARGETSTAGE\n"
     "RUN echo $TARGETOS/$TARGETVARIANT/$BUILDPLATFORM/$TARGETSTAGE >/p\n", ["--build-arg", "HTTP_PROXY=http://p:1", "--build-arg", "no_proxy=x"]),
    ("modifiers", "FROM busybox\nENV V=/usr/local/lib/x.tar.gz E=\nENV A=${V#*/} B=${V##*/} C=${V%.*} D=${V%%.*} F=${V/l/L} G=${V//l/L}\n"
     "ENV H=${E:-d} I=${E-d} J=${E:+p} K=${E+p} L=${U:-d} M=${U-d} N=${U+p} O=${V/#\\/usr/X} P=${V:+$A}\n"
     "ENV Q=${U:-${V##*/}} R=\"${V%gz}zip\" S='${V}' T=${V//\\//_}\nRUN env | grep -E '^[A-T]=' | sort >/e\n"),
    ("modifiers-words", "FROM busybox\nENV X=abcabc S=dir\nWORKDIR /${X%bc}/w\nCOPY ${S:-none} ./${X/b/_}/\nLABEL l=${X##*b} m=${NO:-\"a b\"}\nEXPOSE ${P:-80}/tcp\nUSER ${U:-7}:${G:-8}\nVOLUME /v${X#a}\nSTOPSIGNAL ${SIG:-9}\n"),
    ("escape-backtick", "# escape=`\nFROM busybox\nENV A=a`$b B=\"q`\"q\" C=c:\\x D=e`\\\nRUN echo \"$A $B $C\" `\n  >/o\nCOPY [\"a.txt\", \"/w\\\\x/\"]\n"),
    ("directives", "# escape=\\\n# check=skip=all\n\nFROM busybox\nRUN echo a \\\n  b >/o\n"),
    ("ignore-named", "FROM busybox\nCOPY . /c/\n", [], "**\n!dir\ndir/sub/*\n!dir/sub/deep\n!a.t?t\n"),
    ("ignore-odd", "FROM busybox\nCOPY . /c/\n", [], "# c\n\n  links  \n/dir/one\n*/sub\n!other/sub\n[a-b].txt\n*.t*r*\n./kept\n"),
    ("ignore-dotdot", "FROM busybox\nCOPY . /c/\n", [], "dir/../other\n**/*.md\n!**/two.md\nh?rd\n"),
    ("ignore-all-but", "FROM busybox\nCOPY . /c/\nCOPY dir/sub /d/\n", [], "*\n!dir/**/deep\n!link*\n"),
    ("links-src", "FROM busybox\nCOPY dirlink/ /a/\nCOPY dirlink /b\nCOPY link /c/\nCOPY links/up /d\nCOPY links /e/\nCOPY dirlink/sub/deep /f\n"),
    ("links-dest", "FROM busybox\nRUN mkdir -p /r/s && ln -s r /rel && ln -s /r/s /abs && ln -s ../r/s /r/up && ln -s loop /loop\n"
     "COPY a.txt /rel\nCOPY b.txt /abs/\nCOPY dir /r/up\nCOPY dir/sub /rel/new\nWORKDIR /abs\nCOPY exec.sh .\nRUN pwd >/pwd\n"),
    ("links-dest-file", "FROM busybox\nRUN echo o >/f && ln -s f /l && mkdir /d && ln -s /d /dl\nCOPY a.txt /l\nCOPY dir /dl\nCOPY --from=busybox /bin/busybox /dl/bb\n"
     "ADD t.tar /dl\n"),
    ("dest-slash", "FROM busybox\nCOPY a.txt /x\nCOPY a.txt /y/\nCOPY dir /z\nCOPY dir /z/\nCOPY dir/one dir/two.md /m/\nCOPY a.txt /z/sub\nCOPY a.txt /z/sub/.\nCOPY a.txt //q//r\n"),
    ("dest-dots", "FROM busybox\nWORKDIR /a/b/c\nCOPY a.txt ..\nCOPY a.txt ../../n\nCOPY dir ./\nCOPY dir ../../../../top/\nCOPY . ../all\n"),
    ("chown-names", "FROM busybox\nRUN echo 'bob:x:1234:1235::/home/bob:/bin/sh' >>/etc/passwd && echo 'crew:x:77:bob' >>/etc/group\n"
     "COPY --chown=bob:77 a.txt /1\nCOPY --chown=1234:crew a.txt /2\nCOPY --chown=bob: a.txt /3\nADD --chown=bob t.tar /4/\nCOPY --link --chown=9:crew a.txt /5/\n"
     "ARG W=bob\nCOPY --chown=${W} dir /6\n"),
    ("chown-stage-from", "FROM busybox AS s\nRUN mkdir /o && touch /o/f && chown 4:5 /o/f && chmod 4711 /o/f && ln /o/f /o/g && ln -s f /o/l && chown -h 6:6 /o/l && mkfifo /o/p\n"
     "FROM busybox\nCOPY --from=s /o /kept\nCOPY --from=s --chown=8:9 /o /given\nCOPY --from=s --chmod=0604 /o/f /o/g /modes/\nCOPY --link --from=s /o /linked\n"),
    ("chmod-symbolic", "FROM busybox\nCOPY --chmod=a=r,u+w a.txt /1\nCOPY --chmod=go= dir /2\nCOPY --chmod=+x a.txt /3\nCOPY --chmod=u=rwX,go=rX dir exec.sh a.txt /4/\n"
     "COPY --chmod=u+s,g+s,o+t exec.sh /5\nCOPY --chmod=g=u private /6\n"),
    ("chmod-octal", "FROM busybox\nCOPY --chmod=0 a.txt /1\nCOPY --chmod=07777 exec.sh /2\nCOPY --chmod=1777 dir /3\nARG M=640\nCOPY --chmod=$M a.txt /4/5\nADD --chmod=600 t.tar /6\n"),
    ("link-many", "FROM busybox\nRUN mkdir /d\nCOPY --link dir /d\nCOPY --link --chmod=700 dir /new/deep/\nCOPY --link <<E /h/e\nx\nE\nADD --link t.tar /t\n"),
    ("user-workdir", "FROM busybox\nRUN echo joe:x:50:50::/home/joe:/bin/sh >>/etc/passwd && mkdir -p /home/joe && chown 50:50 /home/joe\nUSER joe\nWORKDIR /home/joe/a/b\nRUN touch f; id -un >g; echo $HOME >h\nCOPY a.txt .\nUSER 1234\nWORKDIR /new/one\nUSER :9\nWORKDIR two\n"
     "USER root\nWORKDIR /home/joe\nRUN ls -ln / | grep new | awk '{print $3,$4}' >/o\n"),
    ("user-group-run", "FROM busybox\nRUN echo u:x:60:70::/home/u:/bin/sh >>/etc/passwd && printf 'g1:x:70:\\ng2:x:71:u,x\\n' >>/etc/group\nUSER u\nRUN id >/tmp/1\nUSER u:g2\nRUN id >/tmp/2\nUSER 60\nRUN id >/tmp/3; env | sort | grep -E '^(HOME|PATH|USER)' >/tmp/4\n"),
    ("epoch-env", "FROM busybox\nARG SOURCE_DATE_EPOCH=1500000001\nWORKDIR /w\nCOPY a.txt .\nRUN echo $SOURCE_DATE_EPOCH >e\n"),
    ("shell-forms", "FROM busybox\nSHELL [\"/bin/sh\", \"-uec\"]\nRUN echo $0 >/0\nCMD run me\nENTRYPOINT [\"e\"]\nHEALTHCHECK CMD check it\nSHELL [\"ash\", \"-c\"]\nRUN echo x >/1\nHEALTHCHECK --start-interval=2s CMD other one\n"),
    ("env-quoting", "FROM busybox\nENV A='single $X' B=\"double \\\"q\\\" $X\" C=un\\ quoted D= E=\"\" F='it'\"'\"'s'\nENV G=a\\\n  H=b I=\"x\\ny\" J='x\\ny' K=\\\\\nENV old style  with   spaces\n"
     "ENV quoted \"a b\"\nRUN env | grep -E '^([A-K]|old|quoted)=' | sort >/e\n"),
    ("label-quoting", "FROM busybox\nENV X=y\nLABEL a=$X b='$X' c=\"$X\" \"k $X\"=v com.x-y/z=1 e= \\\n  f=g\nLABEL multi=\"line one \\\nline two\"\nLABEL dup=1 dup=2\n"),
    ("json-forms", "FROM busybox\nCMD [ \"a\" , \"b c\", \"\\u0041\\n\" ]\nENTRYPOINT []\nRUN [ \"/bin/sh\", \"-c\", \"echo \\\"x\\\" >/q\" ]\nCMD [\"unclosed\", 'x']\n"),
    ("json-not", "FROM busybox\nCMD ['single']\nENTRYPOINT [ \"a\" \"b\" ]\nRUN [ -d /bin ] && echo yes >/y\nCOPY [\"a.txt\", \"b.txt\", \"/j/\"]\n"),
    ("expose-forms", "FROM busybox\nEXPOSE 80/TCP 53/udp 90-92/udp 80 7000/sctp\nENV P=10 Q=11\nEXPOSE $P $P-$Q/tcp\n"),
    ("healthcheck-forms", "FROM busybox\nHEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0s --retries=0 CMD [\"a\", \"b c\"]\n"),
    ("healthcheck-over", "FROM busybox AS a\nHEALTHCHECK --interval=3s CMD x\nFROM a\nHEALTHCHECK --timeout=4s CMD y $HOME\n"),
    ("stop-user-empty", "FROM busybox\nSTOPSIGNAL 15\nUSER 0:0\nWORKDIR /\nCMD\n"),
    ("case-mixed", "from busybox as Base\nrun echo 1 >/1\nFrOm base\nCoPy --from=BASE /1 /2\nenv a=b\n"),
    ("comments", "# a\nFROM busybox # not a comment?\n" if False else "# a\nFROM busybox\n   # indented\nRUN echo a # kept \\\n  # dropped\n  && echo no\nRUN echo '# in' >/h\n\n\n# last"),
    ("continuation-odd", "FROM busybox\nRUN echo one \\  \n two >/1\nENV A=1 \\\n# c\n    B=2 \\\n\n    C=3\nRUN echo \"a\\\nb\" >/2\nRUN echo 'x \\\n  y' >/3\n"),
    ("crlf", "FROM busybox\r\nENV A=b \\\r\n  C=d\r\nRUN echo x >/x\r\nCOPY a.txt /a\r\n"),
    ("stage-numbers", "FROM busybox\nRUN echo 0 >/0\nFROM busybox AS b\nCOPY --from=0 /0 /1\nFROM b\nCOPY --from=b /1 /2\nCOPY --from=1 /1 /3\n"),
    ("stage-unneeded", "FROM busybox AS used\nRUN echo u >/u\nFROM nowhere.invalid/none AS never\nRUN false\nFROM used\nRUN cat /u >/v\n"),
    ("target-case", "FROM busybox AS Build\nRUN echo a >/a\nFROM busybox\nRUN false\n", ["--target", "build"]),
    ("run-flags", "FROM busybox\nRUN --network=default echo d >/d\nRUN --network=none --mount=type=tmpfs,target=/t ip link | grep -c mtu >/n\n"),
    ("run-etc", "FROM busybox\nRUN cp /etc/hosts /h; head -c3 /etc/hostname >/dev/null; cat /proc/1/comm >/comm; ls /dev | sort >/dev-list; stat -c '%a' /tmp /dev/shm /proc /sys >/modes\nRUN echo x >>/etc/hosts; touch /etc/resolv.conf; rm -f /etc/x\n"),
    ("run-dirs", "FROM busybox\nRUN mkdir -p /a/b && touch /a/b/c && chmod 1770 /a/b && chown 3:4 /a\nRUN rmdir /nothing 2>/dev/null; mv /a/b/c /a/b/d\nRUN rm -rf /a && mkdir /a && touch /a/new\nRUN ln -s /a /b && ln /a/new /a/hard\n"),
    ("run-truncate", "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1k count=300 2>/dev/null && truncate -s 1M /sparse\nRUN truncate -s 10 /big && chmod 600 /sparse\nRUN touch -d '2001-02-03 04:05:06' /old\n"),
    ("copy-overwrites", "FROM busybox\nRUN mkdir /d && echo x >/d/one && chmod 777 /d && chown 5 /d /d/one && echo k >/d/kept\nCOPY dir /d\nCOPY --chown=6 dir/one /d/one\nCOPY --chmod=400 a.txt /d/kept\n"),
    ("copy-dir-mode", "FROM busybox\nRUN mkdir -m 700 /ex && chown 5:6 /ex\nCOPY dir/ /ex/\nCOPY dir/sub /ex/sub\nADD t.tar /ex\nCOPY --from=busybox /etc /ex\n"),
    ("copy-glob-more", "FROM busybox\nCOPY [ab].txt /1/\nCOPY d*/s?b /2/\nCOPY */sub/* /3/\nCOPY l* /4/\nCOPY ?.txt exec.* /5/\nCOPY dir/[^o]* /6/\n"),
    ("add-mixed", "FROM busybox\nADD t.tar.gz a.txt dir /m/\nADD t.tar t.tar.bz2 /n/\nADD dirlink /o\nADD *.tar /p/\n"),
    ("maintainer-meta", "FROM busybox\nMAINTAINER A B <a@b.c>\nLABEL x=1\nENV PATH=/own:$PATH\nWORKDIR rel\n"),
    ("scratch-all", "FROM scratch AS s\nCOPY --from=busybox / /\nWORKDIR /w\nRUN [\"/bin/busybox\", \"touch\", \"f\"]\nUSER 5\nFROM s\nENV X=y\nRUN [\"busybox\", \"env\"]\n"),
    ("named-contexts", "FROM base AS b\nCOPY --from=dirs . /d/\nRUN --mount=from=dirs,source=sub,target=/m ls /m >/l\nFROM b\nCOPY --from=base /bin/busybox /bb\n",
     ["--build-context", "base=docker-image://busybox", "--build-context", "dirs={ctx}/dir"]),
    ("global-flags", "FROM busybox\nARG A\nRUN echo $A >/a; grep -c there /etc/hosts >/h\nCMD x\n",
     ["--build-arg", "A=v w", "--add-host", "there=10.1.2.3", "--label", "x.y=z", "--label", "q=", "--shm-size", "8m", "--no-cache"]),
    ("network-none-build", "FROM busybox\nRUN ip -o link | wc -l >/n\n", ["--network", "none"]),
]

MORE_REFUSED = [
    ("r-checksum", "FROM busybox\nADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 {web}/a.txt /u\n"),
    ("r-volume-none", "FROM busybox\nVOLUME [ ]\n"),
    ("r-chmod-bad", "FROM busybox\nCOPY --chmod=9z a.txt /x\n"),
    ("r-chmod-far", "FROM busybox\nCOPY --chmod=77777 a.txt /x\n"),
    ("r-many-to-file", "FROM busybox\nRUN touch /f\nCOPY a.txt b.txt /f\n"),
    ("r-copy-dir-on-file", "FROM busybox\nCOPY a.txt /f\nCOPY dir /f\n"),
    ("r-file-parent", "FROM busybox\nCOPY a.txt /f\nCOPY b.txt /f/x\n"),
    ("r-empty-from", "ARG X\nFROM $X\nRUN true\n"),
    ("r-env-odd", "FROM busybox\nENV A\n"),
    ("r-label-odd", "FROM busybox\nLABEL\n"),
    ("r-modifier", "FROM busybox\nENV A=${B:?must be set}\n"),
    ("r-modifier-bad", "FROM busybox\nENV A=${B:z}\n"),
    ("r-unclosed", "FROM busybox\nENV A=${B\n"),
    ("r-health-unit", "FROM busybox\nHEALTHCHECK --interval=5 CMD x\n"),
    ("r-health-short", "FROM busybox\nHEALTHCHECK --interval=1ns CMD x\n"),
    ("r-health-verb", "FROM busybox\nHEALTHCHECK RUN x\n"),
    ("r-onbuild-from", "FROM busybox\nONBUILD FROM x\n"),
    ("r-onbuild-onbuild", "FROM busybox\nONBUILD ONBUILD RUN x\n"),
    ("r-shell-form", "FROM busybox\nSHELL /bin/sh\n"),
    ("r-expose-bad", "FROM busybox\nEXPOSE 80/tcp/x\n"),
    ("r-expose-range", "FROM busybox\nEXPOSE 99999\n"),
    ("r-stopsignal", "FROM busybox\nSTOPSIGNAL SIGNOPE\n"),
    ("r-workdir-none", "FROM busybox\nWORKDIR\n"),
    ("r-mount-type", "FROM busybox\nRUN --mount=type=nope,target=/x true\n"),
    ("r-mount-target", "FROM busybox\nRUN --mount=type=bind,source=dir true\n"),
    ("r-mount-key", "FROM busybox\nRUN --mount=type=cache,target=/c,nope=1 true\n"),
    ("r-mount-source", "FROM busybox\nRUN --mount=type=bind,source=not-there,target=/m true\n"),
    ("r-mount-sharing", "FROM busybox\nRUN --mount=type=cache,target=/c,sharing=sometimes true\n"),
    ("r-secret-required", "FROM busybox\nRUN --mount=type=secret,id=zz,required true\n"),
    ("r-heredoc-open", "FROM busybox\nRUN <<E\necho x\n"),
    ("r-from-flag", "FROM --nope=x busybox\n"),
    ("r-from-four", "FROM busybox AS a b\n"),
    ("r-stage-name", "FROM busybox AS 1x\n"),
    ("r-stage-later", "FROM busybox AS a\nCOPY --from=b /x /x\nFROM busybox AS b\nFROM a\n"),
    ("r-stage-self", "FROM busybox AS a\nCOPY --from=a /x /x\n"),
    ("r-arg-none", "FROM busybox\nARG\n"),
    ("r-target", "FROM busybox AS a\n"),
    ("r-cmd-flag", "FROM busybox\nCMD --x=y z\nENTRYPOINT\nVOLUME\n"),
    ("r-network", "FROM busybox\nRUN --network=nope true\n"),
    ("r-add-from", "FROM busybox\nADD --from=busybox /bin/sh /x\n"),
    ("r-flag-twice", "FROM busybox\nCOPY --chown=1 --chown=2 a.txt /x\n"),
    ("r-json-bytes", "FROM busybox\nCOPY [\"a.txt\"]\n"),
    ("r-parents-dots", "FROM busybox\nCOPY nothing*.x /y/\n"),
    ("r-ignored-glob", "FROM busybox\nCOPY ignored/* /y/\n"),
]
