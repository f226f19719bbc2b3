"""A third set for diff.py: shapes from the wild on a context of unpleasant files. See context_of_the_wild().

(name, text, options, ignore) as in more_cases.py; the base images are those of real_cases.py.
"""
import io
import os
import socket
import tarfile

WILD = [
    ("wild-go-variants", '''ARG GO_VERSION=1.24
ARG VARIANT
ARG BASE=golang:${GO_VERSION}${VARIANT:+-}${VARIANT}
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${BASE} AS base
ARG GO_VERSION
ENV GOFLAGS="-mod=readonly -trimpath" GOTOOLCHAIN=go${GO_VERSION}.0 \\
    # a comment between
    CGO_ENABLED=0
FROM base AS deps
WORKDIR /src
RUN --mount=type=secret,id=netrc,target=/root/.netrc,mode=0400 \\
    --mount=type=cache,id=gomod-$GO_VERSION,target=/go/pkg/mod,sharing=locked <<'SH'
set -eu
test -s /root/.netrc && stat -c %a /root/.netrc >/mode
go mod download
SH
FROM deps AS build
ARG LDFLAGS="-s -w"
ARG LDFLAGS="${LDFLAGS} -X main.v=${GO_VERSION#*.}"
COPY --exclude=long --exclude=special . .
RUN go build -ldflags "$LDFLAGS" -o /out/app . && echo "$LDFLAGS|$GOFLAGS|$GOTOOLCHAIN" >/out/flags
FROM scratch
COPY --link --from=build --chmod=0555 /out/ /mode* /
ENTRYPOINT ["/app"]
''', ["--secret", "id=netrc,src={wild}/plain.txt", "--build-arg", "VARIANT=alpine"]),
    ("wild-node-lines", 'FROM node:22-alpine\nENV NODE_OPTIONS="--max-old-space-size=512 \\\n  --enable-source-maps" \\\n\n\n    A=b\n'
     "RUN set -ex; \\\n\\\n  # why\n\t# tabbed\n  for x in a b; do \\\n     echo $x; \\\n  done \\\n  > /out\nCMD [ \"node\", \\\n  # in json\n  \"x.js\" \\\n ]\n"),
    ("wild-python-args", 'ARG PY=3.13\nFROM python:${PY%.*}.${PY#*.}-slim AS b\nARG PY\nARG REQ=${PY/./}\nENV P=python$PY Q=${REQ:?need} R="${P/python/py}"\n'
     'LABEL py="${PY}" req=$REQ "odd key.$PY"="x"\nWORKDIR /opt/$P\nWORKDIR ./lib/../${R}\nRUN pwd >p; env | grep -E "^[PQR]=" | sort >>p\n'
     "FROM b\nARG PY\nARG REQ\nRUN echo \"$PY/$REQ/$P\" >p2\n", ["--build-arg", "PY=3.13"]),
    ("wild-java-shell", 'FROM maven:3-eclipse-temurin-21 AS b\nSHELL ["/bin/sh", "-o", "errexit", "-c"]\nRUN false || true; echo $0 >/0\n'
     'ENTRYPOINT java $OPTS -jar "/a b.jar"\nSHELL ["/bin/ash", "-c"]\nCMD exec x --server.port=${PORT:-80}\nHEALTHCHECK --interval=1h2m3s --start-interval=100ms CMD curl -f "localhost" || exit 1\n'
     "FROM b\nSHELL [\"/bin/sh\",\"-c\"]\nRUN echo x >/x\nONBUILD SHELL [\"/bin/ash\", \"-c\"]\n"),
    ("wild-rust-heredocs", '''FROM rust:1-slim
WORKDIR /w
COPY <<Cargo.toml <<"main.rs" <<-build.rs ./files/
[package]
name = "$HOME"
Cargo.toml
fn main() { println!("{}", $x); }
main.rs
	// tabs
		${PATH:+p}
build.rs
RUN <<ONE cat > one && cat <<TWO > two
first $PWD
ONE
second
TWO
RUN cat <<'A' - <<B >three
quoted $X
A
not $PWD
B
''', [], None),
    ("wild-heredoc-odd", "FROM busybox\nRUN <<EOF\nEOF\nRUN <<-EOF\n\techo tab >/t\n\tEOF\nRUN echo '<<EOF' >/lit; echo 1 <<< x >/no || true\n"
     "RUN <<EOF cat\nx\nEOF\nRUN 3<<EOF cat <&3 >/three\nfd $((1+1))\nEOF\nRUN <<\"E O\" cat >/sp\na\nE O\n"
     "COPY <<\\EOF /esc\n$A \\$B \\\\\nEOF\nRUN <<E1 sh; echo after >/after\necho in >/in\nE1\n"),
    ("wild-heredoc-crlf", "FROM busybox\r\nCOPY <<EOF /f\r\nline $HOME\r\nEOF\r\nRUN <<EOF\r\necho a >/a\r\nEOF\r\n"),
    ("wild-heredoc-dest", "FROM busybox\nCOPY <<a <<b plain.txt /d/\n1\na\n2\nb\nCOPY --chown=3:4 --chmod=0604 <<f /new/deep/file\nx\nf\n"
     "ADD --chmod=u=rwx <<g /h\n\ng\nCOPY <<e /empty\ne\n"),
    ("wild-onbuild-chain", "FROM node:22-alpine AS a\nONBUILD ARG X=1\nONBUILD ENV Y=${X}y\nONBUILD COPY --chown=$X plain.txt /a/$Y\nONBUILD RUN echo $X$Y >/a/run\n"
     "ONBUILD WORKDIR /ob\nONBUILD WORKDIR rel\nONBUILD EXPOSE 8$X\nONBUILD VOLUME /vol$X\nONBUILD HEALTHCHECK CMD true\nONBUILD STOPSIGNAL SIGTERM\nONBUILD LABEL l=$X\n"
     "FROM a AS b\nONBUILD RUN echo second >/second\nRUN pwd >/pwd\nFROM b AS c\nRUN ls / | sort >/ls\n", ["--build-arg", "X=7"]),
    ("wild-names", "FROM busybox\nCOPY names/ /n/\nCOPY [\"names/-rf\", \"names/end \", \"names/two  spaces\", \"names/#hash\", \"/m/\"]\n"
     "COPY names/com,ma names/colon:x names/!bang names/tilde~ /o/\nCOPY names/$dollar* names/quote* /p/\nCOPY names/\\$dollar /q/\n"),
    ("wild-glob-escapes", "FROM busybox\nCOPY names/star\\* /1/\nCOPY names/q\\? /2/\nCOPY names/[[]br]* /3/\nCOPY [\"names/back\\\\\\\\slash\", \"/4/\"]\nCOPY names/*[*?]* /5/\nCOPY names/[!a-z]* /6/\nCOPY names/[^a-z]* /7/\n"),
    ("wild-long-names", "FROM busybox\nCOPY long /l\nCOPY long/* /m/\nRUN cd /l && ls | wc -c >/n && n=$(ls | tail -1) && mv $n/$n ${n}2 2>/dev/null; true\n"),
    ("wild-deep-path", "FROM busybox\nCOPY deep /d\nCOPY --link deep/ /e/\nCOPY **/bottom /f/\n"),
    ("wild-sparse", "FROM busybox\nCOPY sparse.bin /s\nRUN cp /s /t && truncate -s 3M /u && sha256sum /s /t /u >/sums\nFROM busybox\nCOPY --from=0 /s /u /sums /x/\n"),
    ("wild-attributes", "FROM busybox\nCOPY attr /a\nCOPY --link attr/ /b/\nCOPY attr/note attr/cap /c/\nCOPY --chown=5 attr /d\nCOPY --chmod=700 attr /e\nADD attr/note /f/\nRUN cp -a /a /g\nFROM busybox\nCOPY --from=0 /a /a\nCOPY --from=0 --chown=7:8 /a /h\n"),
    ("wild-modes", "FROM busybox\nCOPY modes /m\nCOPY modes/ /n/\nCOPY --link modes /l\nADD modes /a\nCOPY --chown=9 modes /c\nRUN cp -a /m /r && chmod 0 /r/000\n"),
    ("wild-links", "FROM busybox\nCOPY links /l\nCOPY links/l1 /1\nCOPY links/todir /2\nCOPY links/todir/ /3/\nCOPY links/todir/file /4\nCOPY links/l[123] /6/\nCOPY --link links/l1 links/todir /7/\n"),
    ("wild-hard-links", "FROM busybox AS s\nCOPY hard /h\nRUN ln /h/a /h/sub/c && ln /h/a /top && cp -a /h /k\nRUN ln /h/a /late && chmod 600 /h/a\nRUN rm /top; echo new >/h/b\n"
     "FROM busybox\nCOPY --from=s /h /late /all/\nCOPY --from=s /k /k\nCOPY --from=s / /everything/\n"),
    ("wild-special", "FROM busybox\nCOPY special /s\nCOPY --link special/ /t/\nRUN mknod /null c 1 3 && mknod /blk c 7 0 && mkfifo /p\nFROM busybox\nCOPY --from=0 /null /blk /p /dev2/\n"),
    ("wild-times", "FROM busybox\nCOPY times /t\nADD times/epoch times/future /u/\nCOPY --link times /v\nRUN touch -d '1999-12-31 23:59:59' /w && cp -a /t/old /x\n"),
    ("wild-dest-links", "FROM busybox\nRUN mkdir -p /real/d /other && ln -s real/d /a && ln -s a /b && ln -s ../../other /real/d/up && ln -s /nowhere/yet /gone && ln -s self /self\n"
     "COPY plain.txt /b/\nCOPY plain.txt /b/up/x\nCOPY hard /b/up\nCOPY plain.txt /gone/in/\nCOPY hard/ /a\nADD plain.txt /b/up/\nWORKDIR /b/up\nCOPY plain.txt y\nRUN ls -l /other >/dev/null\n"),
    ("wild-dest-replace", "FROM busybox\nRUN mkdir -p /d/hard /e && ln -s /e /d/hard/sub2 && mkdir /d/hard/x && echo k >/d/hard/a && ln -s /e/none /d/hard/b\nCOPY hard /d/hard\n"),
    ("wild-workdirs", "FROM busybox\nWORKDIR a\nWORKDIR ./b/.\nWORKDIR //c//d/\nWORKDIR ..\nENV W=x/y V=\nWORKDIR $W\nWORKDIR ${V:-z}${V}\nWORKDIR \"quo ted\"\nWORKDIR sp ace\nRUN pwd >/p\nWORKDIR /\nCOPY plain.txt .\n"),
    ("wild-users", "FROM node:22-alpine\nRUN echo 'grp:x:444:node' >>/etc/group; echo 'Num:x:77:78::/h:/bin/sh' >>/etc/passwd; echo '500:x:501:502::/x:/bin/sh' >>/etc/passwd\n"
     "USER node:grp\nRUN id >/tmp/1; echo $HOME >>/tmp/1\nUSER Num\nRUN id >/tmp/2; echo $HOME >>/tmp/2\nUSER 77:grp\nRUN id >/tmp/3; echo $HOME >>/tmp/3\nUSER 500\nRUN id >/tmp/4; echo $HOME >>/tmp/4\n"
     "USER node:0\nRUN id >/tmp/5\nARG U=node G\nUSER ${U}${G:+:$G}\nRUN id >/tmp/6\nCOPY --chown=500 plain.txt /5\nCOPY --chown=Num:grp plain.txt /6\nCOPY --chown=77 plain.txt /7\n"),
    ("wild-user-home", "FROM busybox\nENV HOME=/custom\nUSER 12\nRUN echo $HOME >/tmp/h\nENV HOME=\nRUN echo \"[$HOME]\" >/tmp/i\nUSER root\nRUN echo \"[$HOME]\" >/tmp/j; echo \"$USER $LOGNAME $PWD $OLDPWD\" >/tmp/k; env | sort | grep -v HOSTNAME >/tmp/l\n"),
    ("wild-volume-run", "FROM busybox\nRUN mkdir /v && echo 1 >/v/1\nVOLUME /v /w\nRUN echo 2 >/v/2; echo 3 >/w/3 2>/dev/null; mkdir -p /w && echo 4 >/w/4\nCOPY plain.txt /v/\nWORKDIR /v/sub\nRUN chown 5:5 /v\n"),
    ("wild-cache-perms", "FROM busybox\nRUN --mount=type=cache,target=/c,id=wp,uid=11,gid=12,mode=0750 stat -c '%u:%g %a' /c >/1; touch /c/f\n"
     "USER 11:12\nRUN --mount=type=cache,target=/c,id=wp,uid=11,gid=12,mode=0750 stat -c '%u:%g %a' /c /c/f >/tmp/2; echo >/c/g; ls /c | xargs >>/tmp/2\n"
     "RUN --mount=type=cache,target=/c/d/e,id=wq --mount=type=cache,target=/c2,id=wp stat -c '%u:%g %a' /c /c/d /c/d/e /c2 >/tmp/3; ls -A /c2 | xargs >>/tmp/3\nUSER root\nRUN ls -lnd /c /c2 2>&1 | cut -c1-10 >/4; true\n"),
    ("wild-secrets", "FROM node:22-alpine\nARG ID=tok\nRUN --mount=type=secret,id=$ID,env=A --mount=type=secret,id=tok,target=a/b,uid=1000,gid=101,mode=440 "
     "--mount=type=secret,id=opt,required=false sh -c 'echo ${#A}; stat -c \"%n %u %g %a %s\" a/b; ls /run/secrets' >/o 2>&1; ls -la /a >>/o 2>&1; true\n"
     "RUN --mount=type=secret,id=tok,dst=/etc/tok cat /etc/tok | wc -c >/p\nRUN ls -la /etc/tok >/q 2>&1; true\n", ["--secret", "id=tok,src={wild}/plain.txt"]),
    ("wild-binds", "FROM busybox AS s\nRUN mkdir -p /s/t && echo 1 >/s/t/1 && ln -s t /s/l\nFROM busybox\nWORKDIR /w\n"
     "RUN --mount=from=s,source=/s/l,target=/m ls /m >/1\nRUN --mount=type=bind,from=s,src=s,dst=x,rw echo y >x/y && ls x | xargs >/2\nRUN --mount=from=s,source=s/t/1,target=in/deep/file cat in/deep/file >/3\n"
     "RUN --mount=source=hard,target=. ls | sort >/4\nRUN --mount=type=bind,from=busybox,target=/bb ls /bb | sort >/5\nRUN --mount=source=links/todir,target=/tt ls /tt >/6\nRUN ls -A /w >/7; ls / >/8\n"),
    ("wild-run-root", "FROM busybox\nRUN chmod 0711 / && touch -d 2001-01-01 /etc && chmod 700 /tmp && rm -rf /var/spool /home\nRUN mkdir /home && chmod 1777 /tmp && chown 3 /\nCOPY plain.txt /home/\n"),
    ("wild-whiteouts", "FROM busybox\nCOPY hard /d\nRUN rm -r /d/sub && ln -s x /d/sub\nRUN rm /d/sub && mkdir /d/sub && echo 1 >/d/sub/1\nRUN rm -r /d && echo file >/d\nRUN rm /d && mkdir -p /d/sub/n\nRUN mv /d /e && mkdir /d\n"),
    ("wild-rename-dirs", "FROM busybox\nCOPY hard /d\nRUN mv /d /e\nRUN mv /e/sub /s2 && mv /e /d && mv /d/a /d/z\nRUN mv /var /var2 && cp -a /var2 /var && rm -r /var2; mv /home /h2\n"),
    ("wild-ignore-neg", "FROM busybox\nCOPY . /c/\n", [], "*\n!hard\nhard/*\n!hard/sub/\n!links/l?\n!modes/**\nmodes/*5*\n!plain.txt\n"),
    ("wild-ignore-deep", "FROM busybox\nCOPY . /c/\nCOPY deep /d/\n", [], "**/bottom\n!deep/**/bottom\n**/*[*?]*\nnames/-*\n/names/\\#hash\nlinks/\n!links/todir\nlong/**\nspecial\n"),
    ("wild-ignore-links", "FROM busybox\nCOPY . /c/\n", [], "links/todir/file\nlinks/real*\n!links/realdir/file\nspecial/*\n!**/fifo\nattr/./note\n../x\nnames/../plain.txt\n"),
    ("wild-ignore-bom", "FROM busybox\nCOPY . /c/\n", [], "\ufeffplain.txt\n\t hard \t\r\n#modes\n \nspecial\nlong/../long\nsparse.bin/\n"),
    ("wild-ignore-parents", "FROM busybox\nCOPY . /c/\nCOPY hard/sub /h/\n", [], "hard\n!hard/sub\nmodes\n!modes/d2775/in\nlinks\n!links/realdir/file\n!links/none\n"),
    ("wild-tar-odd", "FROM busybox\nADD odd.tar /t\nADD odd.tar.zst /z/\n"),
    ("wild-tar-root", "FROM busybox\nRUN mkdir -m 711 /have && chown 3:3 /have\nADD root.tar /have\nADD root.tar /new/deep/\nADD --chown=5:5 root.tar /own/\n"),
    ("wild-tar-over", "FROM busybox\nRUN mkdir -p /t/d/keep /t/f && ln -s /etc /t/l && echo x >/t/h\nADD over.tar /t\n"),
    ("wild-tar-concat", "FROM busybox\nADD concat.tar /a/\nADD trail.tar /b/\nADD empty.tar /c/\nADD two.tar.gz /d/\nADD fake.tar /e/\nADD null.bin /f/\n"),
    ("wild-tar-pax", "FROM busybox\nADD pax.tar /p/\nADD gnu.tar /g/\nADD v7.tar /v/\nFROM scratch\nCOPY --from=0 /p /p\nCOPY --from=0 /g /g\n"),
    ("wild-tar-workdir", "FROM busybox\nWORKDIR /w\nADD root.tar .\nADD root.tar sub\nUSER 5\nADD root.tar plain.txt ./two/\nADD --unpack=false root.tar ./\n"),
    ("wild-add-url", "FROM busybox\nADD {wweb}/plain.txt /u\nADD {wweb}/plain.txt {wweb}/root.tar /d/\nADD --chmod=4711 --chown=6 {wweb}/plain.txt /e/f\nADD {wweb}/plain.txt?x=1 /q/\nADD {wweb}/names/%23hash /h/\n"),
    ("wild-copy-overlap", "FROM busybox AS a\nCOPY hard /x\nFROM busybox\nCOPY --from=a /x/a /x/sub /x/a /y/\nCOPY hard/a hard/b hard/a /z/\nCOPY hard/* /w/\nCOPY --from=a /x /x/\nCOPY --from=a /x/ /x\nCOPY --from=a x/sub /r/\nCOPY --from=a ./x/../x/a /s\n"),
    ("wild-copy-globdirs", "FROM busybox\nCOPY hard/s* /1/\nCOPY h*d m*s /2/\nCOPY */sub /3/\nCOPY links/real* /4/\nCOPY --exclude=a --exclude=sub h*d /5/\nCOPY --exclude=hard . /6/\nCOPY --exclude=**/* hard /7/\nCOPY --exclude=* --exclude=!plain.txt . /8/\n"),
    ("wild-env-nested", 'FROM busybox\nENV A=one.two.three B=A\nENV C=${X:-${Y:-${A%%.*}}} D=${A:+${B:+"$A $B"}} E=${X-${A//./_}} F=${A/${B}/x} G="${X:-q u}" H=${X:-$\\{A\\}}\n'
     "ENV I=\"a'b\" J='a\"b' K=a\\'b L=\\${A} M=\"\\$A\" N='\\$A' O=${A}${B}$A-$B.$C P=$A_ Q=${A}_ R=\"\\\\\" S=\\\"x\\\" T=x\\\\y\nRUN env | grep -E '^[A-T]=' | sort >/e\n"),
    ("wild-env-unicode", "FROM busybox\nENV Ä=ö N=日本 E=\"é ü\"\nLABEL 日=本\nRUN env | sort | grep -v HOSTNAME >/e; echo \"$N\" >/日本\nCOPY plain.txt /ñ/é\nWORKDIR /ü\n"),
    ("wild-arg-stages", "ARG A=g\nARG B=${A}b\nFROM busybox AS one\nARG A=local\nARG B\nENV E=$A$B\nRUN echo $A $B $E >/1\nFROM one AS two\nRUN echo [$A] [$B] [$E] >/2\nARG A\nRUN echo [$A] >/3\n"
     "FROM busybox AS three\nARG B=x A\nARG C=$B$A\nRUN echo $A $B $C >/4\nFROM ${A:+two} AS four\nCOPY --from=three /4 /\nARG C=${C:-unset}\nENV C=env ARGV=$C\nARG C=after\nRUN echo $C $ARGV >/5\n"),
    ("wild-arg-env", "FROM busybox\nENV X=env\nARG X=arg\nARG Y=arg\nENV Y=env\nARG Z\nENV Z=${Z:-d}\nARG PATH\nARG HOME=/h\nRUN echo $X $Y $Z $HOME >/o; echo $PATH >>/o\n", ["--build-arg", "X=given", "--build-arg", "Y=given", "--build-arg", "Z=given"]),
    ("wild-config-all", 'FROM nginx:1.29-alpine\nEXPOSE 8080/tcp 53/UDP\nLABEL a="b \\\n c" d=\'e f\' g=h\\ i j=""\nENV EMPTY= Q="" W=\'\'\nVOLUME ["/a b", "/c"] \nVOLUME /d  /e\nSTOPSIGNAL RTMIN+3\nUSER nginx\nCMD ["nginx", "-g", "daemon off; # é \\"q\\" <&>"]\n'),
    ("wild-cmd-reset", "FROM busybox AS a\nCMD [\"x\"]\nENTRYPOINT [\"e\"]\nHEALTHCHECK --retries=5 CMD a\nUSER 5\nFROM a AS b\nENTRYPOINT f $X\nFROM b AS c\nCMD y\nENTRYPOINT []\nHEALTHCHECK CMD [\"b\"]\nFROM c\nCMD []\nENTRYPOINT [\"\"]\n"),
    ("wild-tabs", "FROM\tbusybox\tAS\tx\nENV\tA=b\tC=d\nRUN\techo\t\"$A\t$C\" \\\n\t&&\techo x\t>/x\nCOPY\tplain.txt\t/p\nLABEL\ta=b\t\nEXPOSE\t80\t90\nWORKDIR\t/w\t\nARG\tQ=1\tR=2\nCMD\t[\"a\"]\n"),
    ("wild-formfeed", "FROM busybox\n   \t \nRUN echo a >/a\n  ENV X=y\n\t\tRUN echo b >/b\n"),
    ("wild-trailing", "FROM busybox\nRUN echo a >/a \\\n\n\n\nRUN echo b >/b \\"),
    ("wild-continued-comment", "FROM busybox\nENV A=1 \\\n# B=2 \\\n  C=3\n# x \\\nENV D=4\nRUN echo a \\# no \\\n  # yes\n  b >/o; \\\n  echo '#' >>/o\nLABEL x=\"1\\\n# gone\n2\"\n"),
    ("wild-case-flags", "from busybox as aA\nrun --mount=TYPE=cache,Target=/c,ID=q echo 1 >/1\nfrom Aa\n"),
    ("wild-flag-quotes", "FROM busybox\nARG M=type=cache\nRUN --mount=type=tmpfs,\"target=/a b\",size=1m ls -d '/a b' >/1\nRUN --mount=type=cache,target=/c,id=a/b:c ls -d /c >/2\n"),
    ("wild-stdin-json", "FROM busybox\nCOPY [ \"plain.txt\" , \"hard/a\" , \"/j k/\" ]\nADD [\"plain.txt\",\"/l\"]\nVOLUME [\"/v\"]\nRUN [\"sh\",\"-c\",\"echo \\\"$0 $1\\\" >/args\",\"x\",\"y\\tz\"]\nRUN [\"/bin/ls\"]\nSHELL [\"sh\",\"-ce\"]\nRUN [ 1 = 1 ] && echo t >/t\n"),
    ("wild-stage-reuse", "FROM busybox AS base\nRUN echo 1 >/1\nFROM base AS base2\nFROM busybox AS dev\nCOPY --from=base /1 /d\nFROM base2 AS busybox\nRUN echo shadow >/shadow\nFROM busybox\nCOPY --from=dev /d /\nCOPY --from=busybox /shadow /s2\nCOPY --from=1 /1 /one\nCOPY --from=0 /1 /zero\n"),
    ("wild-big-run", "FROM busybox\nRUN i=0; while [ $i -lt 700 ]; do mkdir -p /many/d$((i%7)); echo $i >/many/d$((i%7))/f$i; i=$((i+1)); done\nRUN rm -r /many/d3 && chmod -R go-rx /many/d4 && touch /many/d5/f5\nRUN mv /many/d1 /many/d8 && ln -s d8 /many/d1\n"),
    ("wild-dns", "FROM busybox\nRUN test -s /etc/resolv.conf && test -s /etc/hosts; ls -l /etc | awk '{print $1,$NF}' | sort >/l; cat /etc/hostname >/dev/null 2>&1; cat /proc/self/status | grep -E '^(Cap|NoNewPrivs|Seccomp:)' >/caps; ulimit -a >/u; umask >>/u\n"),
    ("wild-stdio", "FROM busybox\nRUN cat >/in; ls -l /proc/self/fd | awk '{print $9}' | sort | xargs >/fds; tty >/tty; test -t 0; echo $? >>/tty; (echo err >&2); exit 0\n"),
    ("wild-background", "FROM busybox\nRUN (sleep 1000 &) ; echo a >/a\nRUN nohup sleep 1000 >/dev/null 2>&1 & echo b >/b\nRUN ps | grep -c 'sleep 100[0]' >/n; true\n"),
]


WILD_REFUSED = [
    ("wild-r-cmd-flag", "FROM busybox\nCMD --server.port=80\n"),
    ("wild-r-heredoc-tab", "FROM busybox\nRUN <<-\tEOF\n\techo\n\tEOF\n"),
    ("wild-r-heredoc-words", "FROM busybox\nCOPY <<\"x y\" /z/\nq\nx y\n"),
    ("wild-r-heredoc-indent", "FROM busybox\nRUN <<EOF\necho x\n  EOF\n"),
    ("wild-r-heredoc-workdir", "FROM busybox\nWORKDIR <<EOF\n/x\nEOF\n"),
    ("wild-r-heredoc-add-dir", "FROM busybox\nCOPY <<a <<b /one\n1\na\n2\nb\n"),
    ("wild-r-dest-link", "FROM busybox\nRUN mkdir -p /d/hard && ln -s /etc /d/hard/sub\nCOPY hard /d/hard\n"),
    ("wild-r-env-quote", "FROM busybox\nENV G=\"${X:-\"q u\"}\"\n"),
    ("wild-r-env-space", "FROM busybox\nENV A = b\n"),
    ("wild-r-env-first", "FROM busybox\nENV A=b c\n"),
    ("wild-r-env-empty", "FROM busybox\nENV =b\n"),
    ("wild-r-label-empty", "FROM busybox\nLABEL =b\n"),
    ("wild-r-label-half", "FROM busybox\nLABEL a=b c\n"),
    ("wild-r-arg-equals", "FROM busybox\nARG =x\n"),
    ("wild-r-arg-dash", "FROM busybox\nARG A B=c \"\"\n"),
    ("wild-r-from-empty-tag", "FROM busybox:\n"),
    ("wild-r-from-upper", "FROM BusyBox\n"),
    ("wild-r-from-digest", "FROM busybox@sha256:12\n"),
    ("wild-r-from-space", "FROM busy box\n"),
    ("wild-r-from-as-none", "FROM busybox AS\n"),
    ("wild-r-from-as-odd", "FROM busybox AS a/b\n"),
    ("wild-r-from-as-dup", "FROM busybox AS a\nFROM busybox AS a\nFROM a\nRUN false\n"),
    ("wild-r-from-platform", "FROM --platform=nope/what/ever/x busybox\n"),
    ("wild-r-from-platform-empty", "FROM --platform=$NOPE busybox\n"),
    ("wild-r-from-self", "FROM a AS a\n"),
    ("wild-r-copy-one", "FROM busybox\nCOPY plain.txt\n"),
    ("wild-r-copy-none", "FROM busybox\nCOPY\n"),
    ("wild-r-copy-empty-json", "FROM busybox\nCOPY []\n"),
    ("wild-r-copy-dots", "FROM busybox\nCOPY ../plain.txt/../../wild/none /x\n"),
    ("wild-r-copy-dir-glob", "FROM busybox\nCOPY hard/* /file\n"),
    ("wild-r-copy-class", "FROM busybox\nCOPY [z-a].txt /x/\n"),
    ("wild-r-copy-class-open", "FROM busybox\nCOPY [a /x/\n"),
    ("wild-r-copy-from-number", "FROM busybox\nCOPY --from=7 /a /b\n"),
    ("wild-r-copy-from-self-number", "FROM busybox\nCOPY --from=0 /bin/sh /b\n"),
    ("wild-r-copy-from-empty", "FROM busybox\nCOPY --from= /bin/sh /b\n"),
    ("wild-r-copy-chown-group", "FROM busybox\nCOPY --chown=1:2:3 plain.txt /x\n"),
    ("wild-r-copy-chmod-empty", "FROM busybox\nCOPY --chmod= plain.txt /x\n"),
    ("wild-r-copy-flag-late", "FROM busybox\nCOPY plain.txt --chown=1 /x\n"),
    ("wild-r-copy-dangling", "FROM busybox\nCOPY links/dangling /x\n"),
    ("wild-r-copy-loop", "FROM busybox\nCOPY links/loop /x\n"),
    ("wild-r-copy-abs", "FROM busybox\nCOPY links/abs /x\n"),
    ("wild-r-copy-slash-file", "FROM busybox\nCOPY plain.txt/ /x\n"),
    ("wild-r-copy-below-file", "FROM busybox\nCOPY plain.txt/x /x\n"),
    ("wild-r-copy-on-proc", "FROM busybox\nCOPY plain.txt /bin/sh/x\n"),
    ("wild-r-add-sum-local", "FROM busybox\nADD --checksum=sha256:00 plain.txt /x\n"),
    ("wild-r-add-404", "FROM busybox\nADD {wweb}/none /x\n"),
    ("wild-r-add-scheme", "FROM busybox\nADD ftp://127.0.0.1/x /x\n"),
    ("wild-r-add-tar-on-file", "FROM busybox\nRUN touch /f\nADD root.tar /f\n"),
    ("wild-r-run-empty", "FROM busybox\nRUN\n"),
    ("wild-r-run-json-empty", "FROM busybox\nRUN []\n"),
    ("wild-r-run-json-missing", "FROM busybox\nRUN [\"/no/such\"]\n"),
    ("wild-r-run-cd", "FROM busybox\nRUN cd /none && true\n"),
    ("wild-r-run-signal", "FROM busybox\nRUN kill -9 $$\n"),
    ("wild-r-run-user", "FROM busybox\nUSER nobody-here\nRUN true\n"),
    ("wild-r-run-group", "FROM busybox\nUSER root:nogroup-here\nRUN true\n"),
    ("wild-r-run-userfile", "FROM scratch\nRUN true\n"),
    ("wild-r-run-mount-none", "FROM busybox\nRUN --mount=type=bind true\n"),
    ("wild-r-run-mount-stage", "FROM busybox\nRUN --mount=from=later,target=/x true\nFROM busybox AS later\nFROM 0\n"),
    ("wild-r-run-mount-mode", "FROM busybox\nRUN --mount=type=cache,target=/c,mode=rwx true\n"),
    ("wild-r-run-mount-uid", "FROM busybox\nRUN --mount=type=cache,target=/c,uid=root true\n"),
    ("wild-r-run-mount-root", "FROM busybox\nRUN --mount=type=cache,target=/ true\n"),
    ("wild-r-run-mount-key", "FROM busybox\nRUN --mount=type=tmpfs,target=/t,source=x true\n"),
    ("wild-r-run-mount-bare", "FROM busybox\nRUN --mount true\n"),
    ("wild-r-run-mount-size", "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=lots true\n"),
    ("wild-r-run-security", "FROM busybox\nRUN --security=nope true\n"),
    ("wild-r-run-insecure", "FROM busybox\nRUN --security=insecure true\n"),
    ("wild-r-run-network-host", "FROM busybox\nRUN --network=host true\n"),
    ("wild-r-secret-both", "FROM busybox\nRUN --mount=type=secret true\n"),
    ("wild-r-expose-word", "FROM busybox\nEXPOSE http\n"),
    ("wild-r-expose-proto", "FROM busybox\nEXPOSE 80/quic\n"),
    ("wild-r-expose-back", "FROM busybox\nEXPOSE 90-80\n"),
    ("wild-r-expose-host", "FROM busybox\nEXPOSE 8080:80\n"),
    ("wild-r-expose-none", "FROM busybox\nEXPOSE\n"),
    ("wild-r-health-none-words", "FROM busybox\nHEALTHCHECK NONE please\n"),
    ("wild-r-health-retries", "FROM busybox\nHEALTHCHECK --retries=-1 CMD x\n"),
    ("wild-r-health-dup", "FROM busybox\nHEALTHCHECK --interval=1s --interval=2s CMD x\n"),
    ("wild-r-health-empty", "FROM busybox\nHEALTHCHECK CMD\n"),
    ("wild-r-shell-json", "FROM busybox\nSHELL [\"sh\", -c]\n"),
    ("wild-r-shell-empty", "FROM busybox\nSHELL []\n"),
    ("wild-r-stopsignal-zero", "FROM busybox\nSTOPSIGNAL 0\n"),
    ("wild-r-stopsignal-two", "FROM busybox\nSTOPSIGNAL SIGTERM SIGINT\n"),
    ("wild-r-user-none", "FROM busybox\nUSER\n"),
    ("wild-r-user-unset", "FROM busybox\nUSER $NOPE\nRUN id\n"),
    ("wild-r-workdir-unset", "FROM busybox\nWORKDIR $NOPE\nRUN pwd\n"),
    ("wild-r-workdir-file", "FROM busybox\nWORKDIR /bin/sh/x\nRUN pwd\n"),
    ("wild-r-onbuild-none", "FROM busybox\nONBUILD\n"),
    ("wild-r-onbuild-word", "FROM busybox\nONBUILD NOPE x\n"),
    ("wild-r-onbuild-maintainer", "FROM busybox\nONBUILD MAINTAINER x\n"),
    ("wild-r-onbuild-bad", "FROM busybox AS a\nONBUILD COPY nothing /x\nFROM a\n"),
    ("wild-r-volume-none", "FROM busybox\nVOLUME\n"),
    ("wild-r-maintainer", "FROM busybox\nMAINTAINER\n"),
    ("wild-r-only-arg", "ARG A=1\n"),
    ("wild-r-only-comment", "# nothing\n"),
    ("wild-r-empty", ""),
    ("wild-r-nul", "FROM busybox\nRUN echo \0 x\n"),
    ("wild-r-before-from", "ENV A=b\nFROM busybox\n"),
    ("wild-r-json-trailing", "FROM busybox\nVOLUME [\"/a\",]\n"),
    ("wild-r-var-deep", "FROM busybox\nENV A=${B:-${C:-${D}\n"),
    ("wild-r-var-bad", "FROM busybox\nENV A=${B!c}\n"),
    ("wild-r-var-space", "FROM busybox\nENV A=${B C}\n"),
    ("wild-r-var-required", "FROM busybox\nARG X\nLABEL a=${X:?set X}\n"),
    ("wild-r-escape-last", "# escape=`\nFROM busybox\nRUN echo a \\\n  b\n"),
    ("wild-r-continued-end", "FROM busybox\nCOPY plain.txt \\\n"),
    ("wild-r-gibberish", "FROM busybox\n{\n\"a\": 1\n}\n"),
    ("wild-r-merge", "<<<<<<< HEAD\nFROM busybox\n=======\n"),
]

def names(top):
    os.makedirs(f"{top}/names")
    for n in ("-rf", "end ", "two  spaces", "#hash", "com,ma", "colon:x", "!bang", "tilde~", "$dollar", "quote'\"", "star*", "q?", "[br]acket",
              "back\\slash", "Upper", "9nine", "new\nline", "tab\t", ".hidden", "..twodots", "%41", "a=b"):
        with open(f"{top}/names/{n}", "w") as f:
            f.write(n)


def member(t, name, kind=tarfile.REGTYPE, data=b"", mode=0o644, link="", **more):
    i = tarfile.TarInfo(name)
    i.type, i.mode, i.linkname, i.size, i.mtime = kind, mode, link, len(data), 1400000000
    for k, v in more.items():
        setattr(i, k, v)
    t.addfile(i, io.BytesIO(data) if data else None)


def tars(top):
    D, S, L = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    with tarfile.open(f"{top}/odd.tar", "w") as t:
        member(t, "late/file", data=b"1", uid=3)
        member(t, "late", D, mode=0o2750, uid=4, gid=5)
        member(t, "/abs/file", data=b"2")
        member(t, "./dot/./file", data=b"3", mode=0o4755)
        member(t, "dup", data=b"first")
        member(t, "dup", data=b"second", mode=0o600)
        member(t, "link", S, link="late")
        member(t, "hard", L, link="late/file", uid=3)
        member(t, "fifo", tarfile.FIFOTYPE)
        member(t, "dev", tarfile.CHRTYPE, devmajor=1, devminor=3)
        member(t, "out", S, link="../../../etc/passwd")
        member(t, "ro", D, mode=0o555)
        member(t, "ro/in", data=b"4", mode=0)
        member(t, "ünï", data=b"5")
        member(t, "wh", data=b"6")
    os.system(f"cd '{top}' && zstd -q -k odd.tar")
    with tarfile.open(f"{top}/root.tar", "w") as t:
        member(t, ".", D, mode=0o700, uid=8, gid=9)
        member(t, "./x", data=b"x", uid=8, gid=9)
        member(t, "./d", D, mode=0o1777, uid=1, gid=2)
    with tarfile.open(f"{top}/over.tar", "w") as t:
        member(t, "d", D, mode=0o711)
        member(t, "d/new", data=b"n")
        member(t, "f", D)
        member(t, "l", D, mode=0o750)
        member(t, "l/in", data=b"i")
        member(t, "h", S, link="d/new")
    with tarfile.open(f"{top}/empty.tar", "w"):
        pass
    for name, form in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("v7", tarfile.USTAR_FORMAT)):
        with tarfile.open(f"{top}/{name}.tar", "w", format=form) as t:
            long = "x" * 90 + "/" + "y" * 90
            member(t, long, data=b"long")
            member(t, "s", S, link="t" * 95)
            more = {"pax_headers": {"SCHILY.xattr.user.k": "v", "mtime": "1400000000.5"}} if form == tarfile.PAX_FORMAT else {}
            member(t, "big-uid", data=b"u", uid=2000000, gid=70000, uname="nobody", gname="daemon", **more)
    with open(f"{top}/concat.tar", "wb") as f:
        for name in ("empty.tar", "root.tar", "over.tar"):
            f.write(open(f"{top}/{name}", "rb").read())
    with open(f"{top}/trail.tar", "wb") as f:
        f.write(open(f"{top}/root.tar", "rb").read() + b"garbage" * 100)
    os.system(f"cd '{top}' && gzip -nc root.tar >two.tar.gz && gzip -nc over.tar >>two.tar.gz")
    with open(f"{top}/fake.tar", "w") as f:
        f.write("no tar at all\n" * 100)
    with open(f"{top}/null.bin", "wb") as f:
        f.write(b"\0" * 10240)


def special(top):
    for d in ("special", "modes", "times", "attr", "hard/sub", "links/realdir", "long", "deep"):
        os.makedirs(f"{top}/{d}")
    os.mkfifo(f"{top}/special/fifo")
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(f"{top}/special")
    s.bind("sock")
    os.chdir(here)
    s.close()
    os.mknod(f"{top}/special/null", 0o20666, os.makedev(1, 3))
    for m in (0, 0o200, 0o111, 0o1644, 0o2755, 0o4755, 0o6777):
        open(f"{top}/modes/{m:03o}", "w").write(f"{m}")
        os.chmod(f"{top}/modes/{m:03o}", m)
    for m in (0o555, 0o2775, 0o1777, 0o700):
        os.makedirs(f"{top}/modes/d{m:o}")
        open(f"{top}/modes/d{m:o}/in", "w").write("in")
        os.chmod(f"{top}/modes/d{m:o}", m)
        os.chown(f"{top}/modes/d{m:o}/in", 12, 13)
    for n in ("note", "cap", "dir"):
        os.makedirs(f"{top}/attr/{n}") if n == "dir" else open(f"{top}/attr/{n}", "w").write(n)
    os.setxattr(f"{top}/attr/note", "user.note", b"hi\0there")
    os.setxattr(f"{top}/attr/dir", "user.dir", b"d")
    os.setxattr(f"{top}/attr/cap", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    open(f"{top}/hard/a", "w").write("hard")
    os.link(f"{top}/hard/a", f"{top}/hard/b")
    os.link(f"{top}/hard/a", f"{top}/hard/sub/c1")
    for link, to in (("l1", "l2"), ("l2", "l3"), ("l3", "realdir/file"), ("todir", "realdir"), ("abs", "/realdir"), ("up", "../plain.txt"),
                     ("out", "../../outside"), ("dangling", "none"), ("loop", "loop")):
        os.symlink(to, f"{top}/links/{link}")
    open(f"{top}/links/realdir/file", "w").write("f")
    for i in range(3):
        open(f"{top}/long/{chr(97 + i) * 255}", "w").write("l")
    os.makedirs(f"{top}/deep/" + "/".join(["d" * 60] * 30))
    open(f"{top}/deep/" + "/".join(["d" * 60] * 30) + "/bottom", "w").write("b")
    with open(f"{top}/sparse.bin", "wb") as f:
        f.truncate(5 << 20)
        f.seek(2 << 20)
        f.write(b"middle")


def context_of_the_wild(top):
    os.makedirs(top)
    open(f"{top}/plain.txt", "w").write("plain\n")
    names(top)
    tars(top)
    special(top)
    for at, dirs, files in os.walk(top, topdown=False):
        for n in files + dirs:
            os.utime(f"{at}/{n}", (1500000000, 1500000000), follow_symlinks=False)
    for n, when in (("epoch", 0), ("old", 86400), ("future", 4102444800), ("frac", 1500000000.123456789)):
        open(f"{top}/times/{n}", "w").write(n)
        os.utime(f"{top}/times/{n}", ns=(int(when * 10**9), int(when * 10**9)))
