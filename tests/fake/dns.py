#!/usr/bin/env python3
"""dns.py ADDRESS LOG: a DNS server over UDP and TCP whose answers are rows below; each question
becomes a line "udp NAME TYPE" of LOG. Over UDP, long.test says that it is truncated."""
import socket
import struct
import sys
import threading

A, AAAA = 1, 28
V4 = lambda *last: [(A, bytes([198, 51, 100, n])) for n in last]
V6 = [(AAAA, socket.inet_pton(socket.AF_INET6, "2001:db8::7"))]
ROWS = {  # name: (seconds to live, records)
    "v4.test": (300, V4(7)),
    "host.corp.test": (300, V4(8)),
    "brief.test": (1, V4(9)),
    "never.test": (0, V4(10)),
    "both.test": (300, V4(11) + V6),
    "v6.test": (300, V6),
    "long.test": (300, V4(*range(1, 61))),
}
SERVFAIL, NXDOMAIN = 2, 3


def answer(question, protocol, log):
    name, at = [], 12
    while question[at]:
        name.append(question[at + 1 : at + 1 + question[at]].decode())
        at += question[at] + 1
    kind = struct.unpack(">H", question[at + 1 : at + 3])[0]
    name = ".".join(name).lower()
    log.write(f"{protocol} {name} {kind}\n")
    log.flush()
    rows = ROWS.get(name)
    code = SERVFAIL if name == "broken.test" else 0 if rows else NXDOMAIN
    found = [data for k, data in rows[1] if k == kind] if rows else []
    flags = 0x8180 | code
    if protocol == "udp" and len(found) > 30:
        flags, found = flags | 0x0200, []
    head = question[:2] + struct.pack(">5H", flags, 1, len(found), 0, 0)
    record = lambda data: struct.pack(">3HIH", 0xC00C, kind, 1, rows[0], len(data)) + data
    return head + question[12 : at + 5] + b"".join(map(record, found))


def tcp(listener, log):
    while True:
        c, _ = listener.accept()
        with c:
            head = c.recv(2, socket.MSG_WAITALL)
            if len(head) == 2:
                text = answer(c.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL), "tcp", log)
                c.sendall(struct.pack(">H", len(text)) + text)


def main():
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    log = open(sys.argv[2], "a")
    udp = socket.socket(family, socket.SOCK_DGRAM)
    listener = socket.socket(family)
    for s in udp, listener:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((sys.argv[1], 53))
    listener.listen(16)
    threading.Thread(target=tcp, args=(listener, log), daemon=True).start()
    while True:
        question, peer = udp.recvfrom(4096)
        udp.sendto(answer(question, "udp", log), peer)


main()
