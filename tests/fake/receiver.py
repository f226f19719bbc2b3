#!/usr/bin/env python3
"""receiver KIND ADDRESS FILE: what comes by udp, tcp (a port of loopback), unix or unixgram goes
into FILE. FILE.up is there once it listens."""
import socket
import sys

kind, where, out = sys.argv[1:]
local = kind.startswith("unix")
stream = kind in ("tcp", "unix")
s = socket.socket(socket.AF_UNIX if local else socket.AF_INET,
                  socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(where if local else ("127.0.0.1", int(where)))
if stream:
    s.listen(5)
open(out + ".up", "w").close()
with open(out, "wb", buffering=0) as f:
    while True:
        source = s.accept()[0] if stream else s
        while data := source.recv(65536):
            f.write(data)
