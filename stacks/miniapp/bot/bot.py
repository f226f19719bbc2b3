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

import redis
import websockets
from fastapi import FastAPI, Header, HTTPException, Request

from log import logger

log = logger("bot")
app = FastAPI()
store = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=10, decode_responses=True)
backend = os.environ["BACKEND_URL"]
telegram = f"{os.environ['TELEGRAM_API_URL']}/bot{os.environ['BOT_TOKEN']}"
timeout = int(os.environ["SESSION_TIMEOUT"])
limit = int(os.environ["RATE_LIMIT_PER_MINUTE"])
games = set()


def post(url, what):
    request = urllib.request.Request(url, json.dumps(what).encode(),
                                     {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=20)


def say(chat, text):
    try:
        post(f"{telegram}/sendMessage", {"chat_id": chat, "text": text})
    except OSError as error:
        log.error("Telegram does not answer: %s", error)


async def play(chat, name):
    loop = asyncio.get_running_loop()
    try:
        await loop.run_in_executor(None, post, f"{backend}/api/players", {"name": name})
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
    address = backend.replace("http", "ws", 1) + "/ws?name=" + urllib.parse.quote(name)
    async with websockets.connect(address) as socket:
        match = json.loads(await socket.recv())
    await loop.run_in_executor(None, say, chat, f"match {match['match']}: you play {match['with']}")


@app.get("/health")
def health():
    try:
        store.ping()
        urllib.request.urlopen(f"{backend}/health", timeout=3)
    except (redis.RedisError, OSError) as error:
        raise HTTPException(503, str(error))
    return {"status": "ok"}


@app.post("/webhook")
async def update(request: Request, x_telegram_bot_api_secret_token: str = Header("")):
    if not hmac.compare_digest(x_telegram_bot_api_secret_token, os.environ["WEBHOOK_SECRET"]):
        raise HTTPException(403, "not from Telegram")
    message = (await request.json()).get("message") or {}
    chat, words = message.get("chat", {}).get("id"), message.get("text", "").split(maxsplit=1)
    if chat is None or not words:
        return {}
    count = store.incr(f"rate:{chat}")
    if count == 1:
        store.expire(f"rate:{chat}", 60)
    if count > limit:
        raise HTTPException(429, "slower, please")
    store.set(f"session:{chat}", json.dumps({"last": words[0]}), ex=timeout)
    if words[0] == "/start":
        await asyncio.get_running_loop().run_in_executor(None, say, chat, "welcome; /play NAME")
    elif words[0] == "/play" and len(words) == 2:
        game = asyncio.ensure_future(play(chat, words[1]))
        games.add(game)
        game.add_done_callback(games.discard)
    return {}
