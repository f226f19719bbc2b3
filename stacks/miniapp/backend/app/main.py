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
from pydantic import BaseModel, constr

import database
from circuit import Circuit, Open
from log import logger

log = logger("backend")
app = FastAPI()
store = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, socket_connect_timeout=2)
store_circuit = Circuit("redis", redis.RedisError)
bus = redis.asyncio.from_url(os.environ["REDIS_URL"])
requests = {}


class Player(BaseModel):
    name: constr(min_length=1, max_length=40)


def cache(action, *arguments, **options):
    """What Redis answers, or None when it does not: the API goes on without it."""
    with contextlib.suppress(redis.RedisError, Open), store_circuit.guard():
        return action(*arguments, **options)


@app.middleware("http")
async def trace(request: Request, call_next):
    name = request.headers.get("x-request-id") or uuid.uuid4().hex
    started = time.monotonic()
    try:
        response = await call_next(request)
    except (psycopg2.OperationalError, Open) as error:
        log.error("%s", str(error).strip(), extra={"fields": {"request_id": name}})
        response = Response("the database does not answer\n", 503, {"Retry-After": "5"})
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
    states = {"database": "ok", "redis": "ok"}
    try:
        with database.transaction() as cursor:
            cursor.execute("SELECT 1")
    except (psycopg2.Error, Open) as error:
        states["database"] = str(error).strip()
    try:
        with store_circuit.guard():
            store.ping()
    except (redis.RedisError, Open) as error:
        states["redis"] = str(error)
    if set(states.values()) != {"ok"}:
        raise HTTPException(503, states)
    return states


@app.get("/metrics")
def metrics():
    lines = ["# TYPE http_requests_total counter"]
    lines += [f'http_requests_total{{method="{m}",status="{s}"}} {n}'
              for (m, s), n in sorted(requests.items())]
    lines += ["# TYPE circuit_open gauge"]
    lines += [f'circuit_open{{name="{c.name}"}} {int(c.is_open())}'
              for c in (database.circuit, store_circuit)]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


@app.get("/api/players")
def players():
    cached = cache(store.get, "players")
    if cached:
        return json.loads(cached)
    with database.transaction() as cursor:
        cursor.execute("SELECT name FROM players ORDER BY joined")
        names = [name for name, in cursor.fetchall()]
    cache(store.set, "players", json.dumps(names), ex=5)
    return names


@app.post("/api/players", status_code=201)
def join(player: Player):
    try:
        with database.transaction() as cursor:
            cursor.execute("INSERT INTO players (name) VALUES (%s)", (player.name,))
    except psycopg2.errors.UniqueViolation:
        raise HTTPException(409, "this name is taken") from None
    cache(store.delete, "players")
    return player


def is_player(name):
    with database.transaction() as cursor:
        cursor.execute("SELECT 1 FROM players WHERE name = %s", (name,))
        return cursor.fetchone() is not None


def record(first, second):
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO matches (first, second) VALUES (%s, %s) RETURNING id",
                       (first, second))
        return cursor.fetchone()[0]


# In one step: two who come at the same time would else both find nobody and wait.
PAIR = """
local other = redis.call('lpop', KEYS[1])
if other and other ~= ARGV[1] then return other end
redis.call('rpush', KEYS[1], ARGV[1])
"""


async def begin(first, second):
    try:
        number = await asyncio.to_thread(record, first, second)
    except Exception:
        await bus.lpush("waiting", first)  # who had waited goes on waiting
        raise
    await bus.publish(f"match:{first}", json.dumps({"match": number, "with": second}))
    return {"match": number, "with": first}


async def find(name):
    """The match of this player: with who waits, or with who comes."""
    channel = bus.pubsub()
    await channel.subscribe(f"match:{name}")
    try:
        other = await bus.eval(PAIR, 1, "waiting", name)
        if other:
            return await begin(other.decode(), name)
        async for message in channel.listen():
            if message["type"] == "message":
                return json.loads(message["data"])
    finally:
        await bus.lrem("waiting", 0, name)
        await channel.close()


@app.websocket("/ws")
async def play(socket: WebSocket, name: str):
    await socket.accept()
    try:
        if not await asyncio.to_thread(is_player, name):
            return await socket.close(4404, "no player of this name")
        search = asyncio.ensure_future(find(name))
        leave = asyncio.ensure_future(socket.receive())
        await asyncio.wait({search, leave}, return_when=asyncio.FIRST_COMPLETED)
        leave.cancel()
        if not search.done():
            search.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await socket.send_json(await search)
            await socket.close()
    except (WebSocketDisconnect, RuntimeError):  # who asked has gone
        pass
    except (psycopg2.Error, redis.RedisError, Open) as error:
        log.error("%s", str(error).strip(), extra={"fields": {"player": name}})
        await socket.close(1013, "try again later")
