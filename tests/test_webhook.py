"""Telegram's webhook: the gateway as a process of its own, and updates posted to it as Telegram posts them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time

import httpx
import pytest

from tests.bot_api import BotApiServer
from tests.conftest import ROOT, free_port

KEY = "a key for this test only"
SECRET = hashlib.sha256(KEY.encode() + b"telegram webhook").hexdigest()


def update(number, text):
    chat = {"id": 77, "type": "private", "first_name": "Test"}
    sender = {"id": 77, "is_bot": False, "first_name": "Test", "language_code": "en"}
    message = {"message_id": number, "date": int(time.time()), "chat": chat, "from": sender, "text": text}
    return {"update_id": number, "message": message}


@pytest.fixture
def gateway(tmp_path):
    """(a client of the gateway's address, the Bot API server); Rasa is away, so people hear that they must wait."""
    port = free_port()
    with BotApiServer() as telegram:
        environment = {
            **os.environ,
            "BOT_STATE_DIR": str(tmp_path),
            "BOT_SECRET_KEY": KEY,
            "BOT_WEB_PORT": str(port),
            "BOT_RASA_PORT": str(free_port()),
            "BOT_ACTIONS_PORT": str(free_port()),
            "BOT_TELEGRAM_TOKEN": telegram.token,
            "BOT_TELEGRAM_API_URL": telegram.url,
            "BOT_TELEGRAM_WEBHOOK_URL": "https://ponte.example.org/telegram",
            "BOT_QUIET_SECONDS": "0.1",
        }
        telegram.send_text(77, "/start")  # the person has begun: Telegram lets the bot write to them
        process = subprocess.Popen([sys.executable, "-m", "bot.cli", "gateway"], cwd=ROOT, env=environment)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:
                wait_until_it_listens(client)
                yield client, telegram
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait_until_it_listens(client):
    for _ in range(300):
        try:
            client.get("/health")
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError("the gateway does not listen")


def post(client, body, secret=SECRET):
    return client.post("/telegram", json=body, headers={"X-Telegram-Bot-Api-Secret-Token": secret})


def test_an_update_is_taken_once_and_the_person_is_told(gateway):
    client, telegram = gateway

    assert [post(client, update(5, "hello")).status_code for _ in range(2)] == [200, 200]

    telegram.wait_for(77, lambda message: "your message is kept" in message.get("text", ""))
    assert telegram.errors == []


def test_an_update_without_the_secret_is_refused(gateway):
    client, _ = gateway

    assert post(client, update(6, "hello"), secret="guessed").status_code == 404
