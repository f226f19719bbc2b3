"""The page: takes votes into Redis, shows what PostgreSQL has."""
import html
import json
import os
import signal
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

QUESTION = os.environ["QUESTION"]
CHOICES = os.environ["CHOICES"].split(",")
queue = redis.Redis(os.environ["REDIS_HOST"])

PAGE = """<!doctype html>
<title>{question}</title>
<style>body {{ font: 1.2em sans-serif; max-width: 30em; margin: 3em auto }}
button {{ font: inherit; padding: .5em 1em; margin-right: 1em }}</style>
<h1>{question}</h1>
<form method="post" action="/vote">{buttons}</form>
<ul>{results}</ul>
"""


def results():
    with psycopg2.connect("") as database, database.cursor() as cursor:
        cursor.execute("SELECT choice, count(*) FROM votes GROUP BY choice")
        counted = dict(cursor.fetchall())
    return {choice: counted.get(choice, 0) for choice in CHOICES}


def page():
    return PAGE.format(
        question=html.escape(QUESTION),
        buttons="".join(f'<button name="choice" value="{html.escape(c)}">{html.escape(c)}</button>'
                        for c in CHOICES),
        results="".join(f"<li>{html.escape(c)}: {n}</li>" for c, n in results().items()))


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, kind, text, **headers):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/":
            self.answer(200, "text/html; charset=utf-8", page())
        elif self.path == "/results.json":
            self.answer(200, "application/json", json.dumps(results()) + "\n")
        elif self.path == "/health":
            queue.ping()
            results()
            self.answer(200, "text/plain", "ok\n")
        else:
            self.answer(404, "text/plain", "no such page\n")

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        form = urllib.parse.parse_qs(self.rfile.read(length).decode())
        choice = form.get("choice", [""])[0]
        if self.path != "/vote" or choice not in CHOICES:
            self.answer(400, "text/plain", "no such choice\n")
            return
        queue.lpush("votes", json.dumps({"id": str(uuid.uuid4()), "choice": choice}))
        self.answer(303, "text/plain", "thank you\n", Location="/")

    def log_message(self, form, *args):
        print(self.address_string(), form % args, flush=True)


server = ThreadingHTTPServer(("", 8000), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening on 8000", flush=True)
server.serve_forever()
