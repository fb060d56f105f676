"""What the tests share: a free port, the running bot, a browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import httpx
import psutil
import pytest

from bot.catalog.hours import ROME
from bot.catalog.model import Service
from tests.bot_api import BotApiServer

ROOT = Path(__file__).resolve().parent.parent
NO_NETWORK = ROOT / "tests" / "no_network"
DATABASES = count(1)
TUESDAY_MORNING = datetime(2026, 11, 24, 10, 0, tzinfo=ROME)


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def make_service() -> Callable[..., Service]:
    """A factory of sound services; a test changes only what it is about."""

    def make(**changes: object) -> Service:
        sound: dict[str, object] = {
            "id": "esempio-sportello",
            "name": "Sportello di esempio",
            "kind": "sportello",
            "needs": ["residence_permit"],
            "address": "Via Roma 1",
            "comune": "014061",
            "phone": ["+39 02 5550 123"],
            "source": {"url": "https://example.org/pagina", "date": "2026-01"},
        }
        return Service.model_validate({**sound, **changes})

    return make


@dataclass
class RunningBot:
    """The three real processes and the Bot API server that they talk to."""

    process: subprocess.Popen[bytes]
    telegram: BotApiServer
    url: str
    state: Path

    @property
    def refused(self) -> list[str]:
        """Addresses off this machine that any of the processes tried to reach."""
        noted = self.state / "refused"
        return noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []

    def children(self, name: str) -> list[int]:
        """The process ids of one of the three: "actions_server", "rasa_hooks.serve" or "gateway"."""
        started = psutil.Process(self.process.pid).children()
        return [child.pid for child in started if any(name in part for part in child.cmdline())]

    def wait_until_ready(self, timeout: float = 120) -> None:
        """Until all three answer."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/health", timeout=3, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.5)
        raise TimeoutError("the bot did not become ready")


@pytest.fixture(scope="session")
def running_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBot]:
    """One bot for all end-to-end tests, on a database of its own and a Bot API server on loopback."""
    state = tmp_path_factory.mktemp("state")
    with BotApiServer() as telegram:
        ports = [free_port() for _ in range(3)]
        environment = {
            **os.environ,
            "BOT_STATE_DIR": str(state),
            "BOT_WEB_PORT": str(ports[0]),
            "BOT_RASA_PORT": str(ports[1]),
            "BOT_ACTIONS_PORT": str(ports[2]),
            "BOT_TELEGRAM_TOKEN": telegram.token,
            "BOT_TELEGRAM_API_URL": telegram.url,
            "BOT_QUIET_SECONDS": "0.5",
            "PYTHONPATH": os.pathsep.join([str(NO_NETWORK), str(ROOT)]),
            "PONTE_REFUSED": str(state / "refused"),
        }
        with (state / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "run"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        bot = RunningBot(process, telegram, f"http://127.0.0.1:{ports[0]}", state)
        try:
            bot.wait_until_ready()
            yield bot
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def chromium() -> str | None:
    """Debian's Chromium, or another one on the path."""
    return next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a PostgreSQL server and how to restart it; skips, aloud, where none is installed."""
    from tests import postgresql

    if postgresql.binaries() is None:
        pytest.skip("NO POSTGRESQL FOUND: its tests did not run (apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="NO PSYCOPG FOUND: the PostgreSQL tests did not run")
    with postgresql.server() as running:
        yield running


@pytest.fixture
def postgresql_url(postgresql_server: tuple[str, Callable[[], None]]) -> str:
    """An empty database on that server."""
    import psycopg

    server, _ = postgresql_server
    name = f"test_{next(DATABASES)}"
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"
