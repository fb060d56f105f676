"""A gateway of its own for mediation: the real process, a Bot API server, and the core in the test's own process."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bot.database.migrate import migrate
from bot.database.tables import Mediator, Person, Referral, sessions
from bot.gateway.people import pseudonym
from bot.mediation.referrals import record_referral
from bot.settings import settings
from tests.bot_api import BotApiServer
from tests.conftest import ROOT, free_port

NUMBERS = count(5000)
QUICK = {"BOT_CLOCK_SECONDS": "0.3", "BOT_QUIET_SECONDS": "0.1", "BOT_MESSAGES_PER_MINUTE": "100000"}


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """These settings in this process too, and the database that they name."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    _forget_settings()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _forget_settings()


def _forget_settings() -> None:
    if sessions.cache_info().currsize:
        sessions().kw["bind"].dispose()
    sessions.cache_clear()
    settings.cache_clear()


@dataclass
class MediationBot:
    """One or more gateway processes on one database; Rasa is not there, since mediation must not need it."""

    telegram: BotApiServer
    state: Path
    variables: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def start(self, index: int = 0) -> None:
        """Start one gateway, or start it again."""
        while len(self.ports) <= index:
            self.ports.append(free_port())
        variables = {**os.environ, **self.variables, "BOT_WEB_PORT": str(self.ports[index])}
        with (self.state / "log").open("ab") as log:
            command = [sys.executable, "-m", "bot.cli", "gateway"]
            process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
        self.processes[index : index + 1] = [process]

    def wait_until_serving(self, index: int = 0, timeout: float = 30) -> None:
        """Until it takes connections, which it does once its database is up to date and its work has begun."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.ports[index])) == 0:
                    return
            time.sleep(0.05)

    def kill(self, index: int = 0) -> None:
        """As `kill -9` does it."""
        self.processes[index].send_signal(signal.SIGKILL)
        self.processes[index].wait()

    def stop(self) -> None:
        """End them all."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # People

    def cli(self, *arguments: str) -> str:
        """Run `bot ...`; what it printed."""
        command = [sys.executable, "-m", "bot.cli", *arguments]
        run = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **self.variables}, capture_output=True, text=True, timeout=60
        )
        return run.stdout + run.stderr

    def mediator(self, name: str = "Amina", languages: str = "ar,it", *options: str) -> Chat:
        """Somebody who opened their invitation, on duty."""
        link = self.cli("mediators", "invite", name, "--languages", languages, *options)
        start = re.search(r"start=(\S+)", link)
        assert start, link
        chat = Chat(self, next(NUMBERS), "en")
        chat.says(f"/start {start[1]}")
        chat.hears("You are off duty")
        chat.presses("m:duty:on")
        chat.hears("You are on duty")
        return chat

    def person(self, language: str = "ar", need: str | None = "residence_permit", refer: bool = True) -> Chat:
        """Somebody who wrote to the bot, and agreed to a referral."""
        chat = Chat(self, next(NUMBERS), language)
        chat.says("/start")
        chat.hears(".")
        if refer:
            chat.refer(need)
        return chat


@dataclass
class Chat:
    """One side of the mediation, as it looks in Telegram."""

    bot: MediationBot
    id: int
    language: str
    referral: int = 0

    def refer(self, need: str | None = "residence_permit", **more: object) -> int:
        """What the action server does after the consent."""
        key = pseudonym("telegram", str(self.id))
        self.referral = record_referral(key, need, self.language, "098031", "Lodi", **more)  # type: ignore[arg-type]
        return self.referral

    def mark(self) -> None:
        """From here on is what `hears` looks at."""
        if self.bot.telegram.messages(self.id):
            self.bot.telegram.mark(self.id)

    def says(self, text: str, **more: object) -> int:
        """Write; the id of the message."""
        self.mark()
        self.bot.telegram.send_text(self.id, text, language_code=self.language, **more)  # type: ignore[arg-type]
        return self.bot.telegram.last_from(self.id)

    def presses(self, data: str) -> None:
        """Press a button."""
        self.mark()
        self.bot.telegram.press(self.id, data)

    def hears(self, pattern: str, timeout: float = 20) -> dict:
        """The first message since the last act that fits."""
        return self.bot.telegram.wait_for(
            self.id, lambda m: bool(re.search(pattern, m.get("text") or m.get("caption") or "")), timeout=timeout
        )

    def gets(self, kind: str, timeout: float = 20) -> dict:
        """The first message of a kind since the last act."""
        return self.bot.telegram.wait_for(self.id, lambda m: kind in m, timeout=timeout)

    def is_offered(self, number: int) -> None:
        """Wait until the card of a referral is there, also from before the last act."""
        take = f"m:take:{number}"
        eventually(lambda: any(take in str(m.get("reply_markup")) for m in self.bot.telegram.messages(self.id)))

    def takes(self, person: Chat) -> None:
        """Take the referral of a person."""
        self.is_offered(person.referral)
        person.mark()
        self.presses(f"m:take:{person.referral}")
        self.hears("What you write now goes to this person")
        person.hears("/stop")
        person.mark()
        self.mark()


@contextmanager
def mediation_bot(state: Path, gateways: int = 1, **variables: str) -> Iterator[MediationBot]:
    """Running gateways on an empty database."""
    with BotApiServer() as telegram:
        shared = {
            "BOT_STATE_DIR": str(state),
            "BOT_TELEGRAM_TOKEN": telegram.token,
            "BOT_TELEGRAM_API_URL": telegram.url,
            "BOT_RASA_PORT": str(free_port()),
            "BOT_ACTIONS_PORT": str(free_port()),
            **QUICK,
            **variables,
        }
        with environment(shared):
            migrate()
            bot = MediationBot(telegram, state, shared)
            for index in range(gateways):
                bot.start(index)
            try:
                yield bot
            finally:
                bot.stop()


def referral(number: int) -> Referral:
    """As it stands in the database."""
    with sessions()() as session:
        return session.get_one(Referral, number)


def eventually(condition, timeout: float = 15) -> None:
    """Wait until something is true."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not become true")
        time.sleep(0.05)


__all__ = ["Chat", "MediationBot", "Mediator", "Person", "environment", "eventually", "mediation_bot", "referral"]
