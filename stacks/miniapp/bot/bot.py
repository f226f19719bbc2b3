"""Telegram's updates come to /webhook; answers go to the Bot API at TELEGRAM_API_URL.

    /start      says who you are and remembers the chat (a session in Redis)
    /play NAME  joins the game and reports the opponent when the backend has found one
"""
import asyncio
import hmac
import json
import os
import urllib.error
import urllib.parse
import urllib.request

import redis.asyncio
import websockets
from fastapi import FastAPI, Header, HTTPException, Request, Response

from log import logger

log = logger("bot")
app = FastAPI()
store = redis.asyncio.from_url(os.environ["REDIS_URL"], socket_timeout=10, decode_responses=True)
backend = os.environ["BACKEND_URL"]
telegram = f"{os.environ['TELEGRAM_API_URL']}/bot{os.environ['BOT_TOKEN']}"
secret = os.environ["WEBHOOK_SECRET"].encode()
timeout = int(os.environ["SESSION_TIMEOUT"])
limit = int(os.environ["RATE_LIMIT_PER_MINUTE"])
games = set()


def post(url, what):
    request = urllib.request.Request(url, json.dumps(what).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        response.read()


async def say(chat, text):
    try:
        await asyncio.to_thread(post, f"{telegram}/sendMessage", {"chat_id": chat, "text": text})
    except OSError as error:
        log.error("Telegram does not answer: %s", error)


async def match(name):
    try:
        await asyncio.to_thread(post, f"{backend}/api/players", {"name": name})
    except urllib.error.HTTPError as error:
        if error.code != 409:  # who has played before is a player already
            raise
    address = backend.replace("http", "ws", 1) + "/ws?name=" + urllib.parse.quote(name, safe="")
    async with websockets.connect(address) as socket:
        return json.loads(await socket.recv())


async def play(chat, name):
    try:
        found = await match(name)
        await say(chat, f"match {found['match']}: you play {found['with']}")
    except (OSError, websockets.WebSocketException) as error:
        log.error("no match for %s: %s", name, error)
        await say(chat, "no match; try again later")


async def admit(chat):
    """Counts the update; who has sent too many this minute is refused."""
    key = f"rate:{chat}"
    await store.set(key, 0, ex=60, nx=True)
    if await store.incr(key) > limit:
        raise HTTPException(429, "slower, please")


@app.exception_handler(redis.RedisError)
async def unavailable(_, error):
    log.error("redis: %s", error)
    return Response("the sessions are out of reach\n", 503)  # Telegram will ask again


@app.get("/health")
async def health():
    try:
        await store.ping()
        await asyncio.to_thread(urllib.request.urlopen, f"{backend}/health", timeout=3)
    except (redis.RedisError, OSError) as error:
        raise HTTPException(503, str(error)) from None
    return {"status": "ok"}


@app.post("/webhook")
async def update(request: Request, x_telegram_bot_api_secret_token: str = Header("")):
    if not hmac.compare_digest(x_telegram_bot_api_secret_token.encode(), secret):
        raise HTTPException(403, "not from Telegram")
    try:
        message = (await request.json()).get("message") or {}
    except ValueError:
        raise HTTPException(400, "not JSON") from None
    chat, words = message.get("chat", {}).get("id"), message.get("text", "").split(maxsplit=1)
    if chat is None or not words:
        return {}
    await admit(chat)
    await store.set(f"session:{chat}", json.dumps({"last": words[0]}), ex=timeout)
    if words[0] == "/start":
        await say(chat, "welcome; /play NAME")
    elif words[0] == "/play" and len(words) == 2:
        game = asyncio.ensure_future(play(chat, words[1]))
        games.add(game)
        game.add_done_callback(games.discard)
    return {}
