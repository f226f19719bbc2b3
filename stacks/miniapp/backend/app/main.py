"""The API: players in PostgreSQL, a cache and matchmaking in Redis.

Matchmaking works over any number of workers: who waits is in a Redis list, and who is found learns
it from a channel of his own.
"""
import asyncio
import contextlib
import json
import os
import time
import uuid

import psycopg2
import psycopg2.errors
import redis
import redis.asyncio
from fastapi import FastAPI, HTTPException, Request, Response, WebSocket, WebSocketDisconnect
from psycopg2.pool import ThreadedConnectionPool
from pydantic import BaseModel, constr

from log import logger

log = logger("backend")
app = FastAPI()
cache = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, socket_connect_timeout=2)
bus = redis.asyncio.from_url(os.environ["REDIS_URL"])
pool = None
requests = {}


class Player(BaseModel):
    name: constr(min_length=1, max_length=40)


@contextlib.contextmanager
def database():
    """A connection out of the pool; a broken one is thrown away, so that the next try reconnects."""
    global pool
    if pool is None:
        pool = ThreadedConnectionPool(0, int(os.environ.get("DB_POOL_SIZE", "5")),
                                      os.environ["DATABASE_URL"], connect_timeout=3)
    connection = pool.getconn()
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        pool.putconn(connection, close=bool(connection.closed))


@app.middleware("http")
async def trace(request: Request, call_next):
    name = request.headers.get("x-request-id") or uuid.uuid4().hex
    started = time.monotonic()
    try:
        response = await call_next(request)
    except psycopg2.OperationalError as error:
        log.error("database: %s", str(error).strip(), extra={"fields": {"request_id": name}})
        response = Response("the database does not answer\n", 503)
    response.headers["X-Request-ID"] = name
    key = request.method, response.status_code
    requests[key] = requests.get(key, 0) + 1
    log.info("%s %s", request.method, request.url.path, extra={"fields": {
        "request_id": name, "status": response.status_code,
        "milliseconds": round((time.monotonic() - started) * 1000, 1)}})
    return response


@app.get("/health")
def health():
    return {"status": "alive"}


@app.get("/ready")
def ready():
    states = {}
    try:
        with database() as cursor:
            cursor.execute("SELECT 1")
        states["database"] = "ok"
    except psycopg2.Error as error:
        states["database"] = str(error).strip()
    try:
        cache.ping()
        states["redis"] = "ok"
    except redis.RedisError as error:
        states["redis"] = str(error)
    if set(states.values()) != {"ok"}:
        raise HTTPException(503, states)
    return states


@app.get("/metrics")
def metrics():
    lines = ["# TYPE http_requests_total counter"]
    lines += [f'http_requests_total{{method="{m}",status="{s}"}} {n}'
              for (m, s), n in sorted(requests.items())]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


@app.get("/api/players")
def players():
    with contextlib.suppress(redis.RedisError):
        cached = cache.get("players")
        if cached:
            return json.loads(cached)
    with database() as cursor:
        cursor.execute("SELECT name FROM players ORDER BY joined")
        names = [name for name, in cursor.fetchall()]
    with contextlib.suppress(redis.RedisError):
        cache.set("players", json.dumps(names), ex=5)
    return names


@app.post("/api/players", status_code=201)
def join(player: Player):
    try:
        with database() as cursor:
            cursor.execute("INSERT INTO players (name) VALUES (%s)", (player.name,))
    except psycopg2.errors.UniqueViolation:
        raise HTTPException(409, "this name is taken")
    with contextlib.suppress(redis.RedisError):
        cache.delete("players")
    return player


def record(first, second):
    with database() as cursor:
        cursor.execute("INSERT INTO matches (first, second) VALUES (%s, %s) RETURNING id",
                       (first, second))
        return cursor.fetchone()[0]


# In one step: two who come at the same time would else both find nobody and wait.
PAIR = """
local other = redis.call('lpop', KEYS[1])
if other and other ~= ARGV[1] then return other end
redis.call('rpush', KEYS[1], ARGV[1])
"""


async def find(name):
    """The match of this player: with who waits, or with who comes."""
    channel = bus.pubsub()
    await channel.subscribe(f"match:{name}")
    try:
        other = await bus.eval(PAIR, 1, "waiting", name)
        if other:
            other = other.decode()
            number = await asyncio.get_running_loop().run_in_executor(None, record, other, name)
            await bus.publish(f"match:{other}", json.dumps({"match": number, "with": name}))
            return {"match": number, "with": other}
        async for message in channel.listen():
            if message["type"] == "message":
                return json.loads(message["data"])
    finally:
        await bus.lrem("waiting", 0, name)
        await channel.close()


@app.websocket("/ws")
async def play(socket: WebSocket, name: str):
    await socket.accept()
    search = asyncio.ensure_future(find(name))
    leave = asyncio.ensure_future(socket.receive())
    await asyncio.wait({search, leave}, return_when=asyncio.FIRST_COMPLETED)
    leave.cancel()
    if not search.done():
        search.cancel()
        return
    with contextlib.suppress(WebSocketDisconnect):
        await socket.send_json(search.result())
        await socket.close()
