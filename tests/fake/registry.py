#!/usr/bin/python3
"""registry.py DIR: a registry that misbehaves. Prints "host:port" into DIR/address, logs requests
(method, path, Authorization, Range) into DIR/log. What goes wrong is the repository's name:
every one offers the same small image under every tag."""
import gzip
import hashlib
import http.server
import io
import json
import os
import socket
import socketserver
import ssl
import sys
import tarfile
import time

home = sys.argv[1]
counts = {}
INDEX = "application/vnd.oci.image.index.v1+json"
NESTED = {}
stored = set()


def digest(b):
    return "sha256:" + hashlib.sha256(b).hexdigest()


def layer():
    f = io.BytesIO()
    with tarfile.open(fileobj=f, mode="w") as t:
        for name in ("bin/a", "etc/b"):
            data = hashlib.shake_128(name.encode()).digest(600000)
            i = tarfile.TarInfo(name)
            i.size = len(data)
            t.addfile(i, io.BytesIO(data))
    return f.getvalue()


TAR = layer()
LAYER = gzip.compress(TAR, 1, mtime=0)
CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/a"]},
                     "rootfs": {"type": "layers", "diff_ids": [digest(TAR)]}}).encode()
BLOBS = {digest(LAYER): LAYER, digest(CONFIG): CONFIG}
TYPE = "application/vnd.oci.image.manifest.v1+json"


def manifest(size=len(LAYER), layers=None, **more):
    one = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(LAYER), "size": size}
    return json.dumps({"schemaVersion": 2, "mediaType": TYPE,
                       "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)},
                       "layers": layers if layers is not None else [one], **more}).encode()


def with_layer(blob, **more):
    BLOBS[digest(blob)] = blob
    return manifest(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(blob), "size": len(blob), **more}])


MANIFESTS = {
    "wrong-size": manifest(size=len(LAYER) - 10),
    "long-size": manifest(size=len(LAYER) + 10),
    "negative-size": manifest(size=-1),
    "ambiguous": manifest(manifests=[]),
    "many-layers": manifest(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(LAYER), "size": 1}] * 20000),
    "bad-digest": manifest(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:../../x", "size": 1}]),
    "schema-1": b'{"schemaVersion": 1, "name": "x"}',
    "md5-digest": manifest(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "md5:" + "1" * 32, "size": 1}]),
    "upper-digest": manifest(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(LAYER).upper(), "size": 1}]),
    "65-digest": manifest(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(LAYER) + "0", "size": 1}]),
    "wrong-magic": with_layer(b"\0nonsense" * 1000),
    "cut-gzip": with_layer(LAYER[:-3000]),
    "trash-after-gzip": with_layer(LAYER + b"trash" * 100),
    "two-members": with_layer(gzip.compress(TAR[:70000], 1, mtime=0) + gzip.compress(TAR[70000:], 1, mtime=0)),
    "elsewhere": with_layer(LAYER, urls=["http://localhost:1/foreign"]),
    "html": b"<html><body>login</body></html>",
    "deep": b'{"a":' * 200000 + b"1" + b"}" * 200000,
    "cut": manifest()[:-20],
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def note(self):
        with open(f"{home}/log", "a") as f:
            f.write(f"{self.command} {self.path} host={self.headers.get('Host')} auth={self.headers.get('Authorization')} range={self.headers.get('Range')}\n")
        if self.path.startswith("http://"):  # asked as a proxy: it answers itself
            self.path = "/" + self.path.split("/", 3)[3]

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def first(self, n=1, of=None):
        """True for the first n requests of this path, or of what is named."""
        of = of or self.path
        counts[of] = counts.get(of, 0) + 1
        return counts[of] <= n

    def lasts(self):
        """A token that is good for every other request."""
        counts["lasts"] = counts.get("lasts", 0) + 1
        return counts["lasts"] % 2

    def complain(self, status, text, **headers):
        self.say(status, json.dumps({"errors": [{"code": "X", "message": text}]}).encode(), Content_Type="application/json", **headers)

    def authorised(self, mode):
        auth = self.headers.get("Authorization", "")
        if mode == "basic" and auth != "Basic dXNlcjpwYXNz":
            self.complain(401, "no", WWW_Authenticate='Basic realm="test"')
        elif mode == "token" and auth != "Bearer good":
            self.complain(401, "no", WWW_Authenticate=f'Bearer realm="http://{self.headers["Host"]}/token",service="s",scope="repository:token:pull"')
        elif mode == "expires" and (auth != "Bearer good" or not self.lasts()):
            self.complain(401, "expired", WWW_Authenticate=f'Bearer realm="http://{self.headers["Host"]}/token",service="s",scope="repository:expires:pull"')
        elif mode == "token-elsewhere" and not auth.startswith("Bearer"):
            self.complain(401, "no", WWW_Authenticate='Bearer realm="file:///etc/passwd",service="s"')
        elif mode == "locked":
            self.complain(401, "\x1b[31mkeep out")
        else:
            return True
        return False

    def do_HEAD(self):
        self.do_GET()

    def take(self):
        """The body of the request; None where this mode hangs up half way."""
        n = int(self.headers.get("Content-Length") or 0)
        if "push-breaks" in self.path and self.command == "PUT" and n > 1000 and self.first(of="breaks"):
            self.rfile.read(n // 2)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        return self.rfile.read(n)

    def do_POST(self):
        self.note()
        self.take()
        mode = self.path.split("/")[2]
        if mode == "push-busy" and self.first():
            return self.complain(429, "slow down", Retry_After="1")
        return self.say(202, Location=f"/v2/{mode}/blobs/uploads/{len(counts)}?state=1")

    def do_PUT(self):
        self.note()
        body = self.take()
        mode, kind = self.path.split("/")[2:4]
        if body is None:
            return None
        if kind == "manifests":
            if mode == "push-busy" and self.first():
                return self.complain(503, "busy")
            MANIFESTS[mode] = body
            return self.say(201)
        if mode == "push-expires" and self.headers.get("Authorization") != "Bearer good":
            return self.complain(401, "expired", WWW_Authenticate=f'Bearer realm="http://{self.headers["Host"]}/token",service="s",scope="repository:{mode}:pull,push"')
        if mode == "push-500" and self.first(of=mode):
            return self.complain(500, "oops")
        if mode == "push-refused":
            return self.complain(400, "I do not want it")
        if digest(body) != self.path.split("digest=")[1]:
            return self.complain(400, "digest mismatch")
        BLOBS[digest(body)] = body
        stored.add(mode + digest(body))
        return self.say(201)

    def do_GET(self):
        self.note()
        if self.path.startswith("/token"):
            good = self.headers.get("Authorization") == "Basic dXNlcjpwYXNz"
            return self.say(200 if good else 401, b'{"token":"good"}' if good else b"{}")
        parts = self.path.split("/")
        if len(parts) < 5:
            return self.say(200, b"{}")
        mode = parts[2]
        if not self.authorised(mode):
            return None
        return self.manifest(mode) if parts[3] == "manifests" else self.blob(mode, parts[4])

    def drip(self, what, every=1):
        self.close_connection = True
        try:
            while True:
                self.wfile.write(what)
                self.wfile.flush()
                time.sleep(every)
        except OSError:
            pass

    def manifest(self, mode):
        if mode == "busy" and self.first(2):
            return self.complain(429, "slow down", Retry_After="1")
        if mode == "forbidden":
            return self.complain(403, "not yours")
        if mode == "broken":
            return self.complain(500, "oops")
        if mode == "down":
            return self.complain(503, "down", Retry_After="0")
        if mode == "gone":
            return self.complain(404, "manifest unknown\x1b[31m")
        if mode == "loop":
            return self.say(307, Location=self.path)
        if mode == "to-file":
            return self.say(307, Location="file:///etc/passwd")
        if mode == "to-loopback":
            return self.say(307, Location=f"https://127.0.0.1:{server.server_port}{self.path}")
        if mode == "to-http":
            return self.say(307, Location=f"http://{self.headers['Host']}{self.path}")
        if mode == "drips":  # a byte a second, for ever
            self.send_response(200)
            self.send_header("Content-Type", TYPE)
            self.end_headers()
            return self.drip(b" ")
        if mode == "headers":
            self.send_response(200)
            self.flush_headers()
            return self.drip(b"X-More: " + b"a" * 60000 + b"\r\n", 0)
        if mode in ("nested", "self"):  # each index leads to a further one
            inner = {"mediaType": INDEX, "digest": "sha256:" + "1" * 64, "size": 5}
            body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [inner]}).encode()
            for _ in range(30 if mode == "nested" else 0):
                NESTED[digest(body)] = body
                inner = {"mediaType": INDEX, "digest": digest(body), "size": len(body)}
                body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [inner]}).encode()
            body = NESTED.get(self.path.split("/")[4], body)
            return self.say(200, body, Content_Type=INDEX)
        if mode == "long-index":
            one = {"mediaType": TYPE, "digest": "sha256:" + "1" * 64, "size": 5, "platform": {"os": "linux", "architecture": "s390x"}}
            return self.say(200, json.dumps({"schemaVersion": 2, "manifests": [one] * 20000}).encode(), Content_Type=INDEX)
        if mode == "huge":
            self.send_response(200)
            self.send_header("Content-Type", TYPE)
            self.send_header("Content-Length", str(2 << 30))
            self.end_headers()
            try:
                for _ in range(2048):
                    self.wfile.write(b" " * (1 << 20))
            except OSError:
                pass
            self.close_connection = True
            return None
        body = MANIFESTS.get(mode, manifest())
        said = "sha256:" + "0" * 64 if mode == "wrong-header" else digest(body)
        kind = {"html": "text/html", "confused": "application/vnd.oci.image.index.v1+json"}.get(mode, TYPE)
        return self.say(200, body, Content_Type=kind, Docker_Content_Digest=said)

    def blob(self, mode, what):
        if mode.startswith("push-") and mode + what not in stored:
            return self.complain(404, "blob unknown")
        body = BLOBS.get(what)
        if body is None:
            return self.complain(404, "blob unknown")
        if what != digest(LAYER):
            return self.say(200, body)
        if mode == "to-other-host":
            host = self.headers["Host"].replace("127.0.0.1", "localhost")
            if not self.headers["Host"].startswith("localhost"):
                return self.say(307, Location=f"http://{host}{self.path}")
        if mode == "blob-loop":
            return self.say(307, Location=self.path)
        if mode == "blob-to-file":
            return self.say(307, Location="file:///etc/passwd")
        if mode == "blob-busy" and self.first(1):
            return self.complain(429, "slow down", Retry_After="1")
        if mode == "blob-500" and self.first(1):
            return self.complain(500, "oops")
        if mode == "corrupt":
            body = body[:1000] + bytes([body[1000] ^ 1]) + body[1001:]
        start = 0
        if self.headers.get("Range") and mode != "no-range":
            start = int(self.headers["Range"][6:].rstrip("-"))
        cut = len(body)
        if mode in ("breaks", "no-range") and self.first(3):
            cut = start + (len(body) - start) // 2
        if mode == "always-breaks":
            cut = start
        if mode == "short-length":  # more bytes than it says come
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) - 100))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True
            return None
        self.send_response(206 if start else 200)
        if mode != "endless":
            self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        try:
            if mode == "endless":
                while True:
                    self.wfile.write(body)
            if mode in ("holds", "holds2", "holds3") and self.first(1):
                self.wfile.write(body[start:len(body) // 2])
                self.wfile.flush()
                time.sleep(120)
            if mode == "stall" and self.first(1):
                self.wfile.write(body[start:1000])
                self.wfile.flush()
                time.sleep(30)
            self.wfile.write(body[start:cut])
        except OSError:
            pass
        if cut < len(body) or mode in ("stall", "holds", "holds2", "holds3", "endless"):
            self.close_connection = True
        return None


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
server = Server((address, 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(f"{home}/address~", "w") as f:
    f.write(f"{address}:{server.server_port}")
os.rename(f"{home}/address~", f"{home}/address")
server.serve_forever()
