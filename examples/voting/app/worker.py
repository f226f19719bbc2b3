"""Carries votes from Redis to PostgreSQL. A vote leaves Redis only when it is in the database, and
its id makes a second try harmless."""
import json
import os
import signal
import sys

import psycopg2
import redis

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
queue = redis.Redis(os.environ["REDIS_HOST"])
database = psycopg2.connect("")  # the PG* variables
database.autocommit = True


def store(vote):
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO votes (id, choice) VALUES (%(id)s, %(choice)s) ON CONFLICT DO NOTHING", vote)


def main():
    while queue.rpoplpush("working", "votes"):
        pass
    print("waiting for votes", flush=True)
    while True:
        raw = queue.brpoplpush("votes", "working", 0)
        vote = json.loads(raw)
        store(vote)
        queue.lrem("working", 1, raw)
        print("stored a vote for", vote["choice"], flush=True)


main()
