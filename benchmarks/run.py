"""This assistant beside `rasa init`'s default one, trained in the same environment, in one run.

Prints seconds to ready, resident memory, time per message as one conversation grows, and messages per second with
1 and 16 people writing, each with the ratio to the default assistant.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bot.settings import ROOT
from bot.supervisor import QUIET, newest_model
from tests.conftest import free_port

POINTS = (10, 100, 1000)
DEFAULT_POINTS = (10, 100, 200)
WINDOW = 20


@dataclass
class Measured:
    """What was measured of one assistant; times in milliseconds."""

    ready_seconds: float = 0.0
    memory_mb: float = 0.0
    at: dict[int, list[float]] = field(default_factory=dict)
    per_second: dict[int, float] = field(default_factory=dict)


@contextmanager
def processes(commands: list[list[str]], folder: Path, environment: dict[str, str]) -> Iterator[list[psutil.Process]]:
    """Run the commands; end them with the block."""
    started = [
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield [psutil.Process(process.pid) for process in started]
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(timeout=30)


async def until_ready(url: str) -> None:
    """Until Rasa answers a message."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        while True:
            try:
                answer = await client.post(f"{url}/webhooks/rest/webhook", json={"sender": "first", "message": "hi"})
                if answer.is_success and answer.json():
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)


async def one_conversation(
    client: httpx.AsyncClient, texts: list[str], points: tuple[int, ...]
) -> dict[int, list[float]]:
    """Milliseconds per message around each point of one long conversation."""
    took: dict[int, list[float]] = {point: [] for point in points}
    for number in range(1, points[-1] + WINDOW):
        start = time.perf_counter()
        await say(client, "long", texts[number % len(texts)])
        elapsed = (time.perf_counter() - start) * 1000
        for point in points:
            if point <= number < point + WINDOW:
                took[point].append(elapsed)
    return took


async def say(client: httpx.AsyncClient, sender: str, text: str) -> None:
    """One message to Rasa's REST channel."""
    (await client.post("/webhooks/rest/webhook", json={"sender": sender, "message": text})).raise_for_status()


async def many_people(client: httpx.AsyncClient, people: int, texts: list[str]) -> float:
    """Messages per second with so many people writing at once."""
    each = 20
    start = time.perf_counter()

    async def person(name: int) -> None:
        for number in range(each):
            await say(client, f"person-{people}-{name}", texts[(name + number) % len(texts)])

    await asyncio.gather(*(person(name) for name in range(people)))
    return people * each / (time.perf_counter() - start)


async def measure(
    commands: list[list[str]], folder: Path, port: int, texts: list[str], points: tuple[int, ...], env: dict[str, str]
) -> Measured:
    """Start, wait, talk, weigh."""
    result, url = Measured(), f"http://127.0.0.1:{port}"
    start = time.perf_counter()
    with processes(commands, folder, env) as running:
        await until_ready(url)
        result.ready_seconds = time.perf_counter() - start
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            result.at = await one_conversation(client, texts, points)
            for people in (1, 16):
                result.per_second[people] = await many_people(client, people, texts)
        tree = [p for parent in running for p in [parent, *parent.children(recursive=True)]]
        result.memory_mb = sum(p.memory_info().rss for p in tree) / 2**20
    return result


def ours(port: int, actions_port: int, state: Path) -> tuple[list[list[str]], dict[str, str]]:
    """Rasa with our components, and our action server; on a database of its own."""
    endpoints = state / "endpoints.yml"
    endpoints.write_text((ROOT / "endpoints.yml").read_text().replace(":5055", f":{actions_port}"))
    rasa = [sys.executable, "-m", "bot.rasa_hooks.serve", "--model", str(newest_model()), "--endpoints", str(endpoints)]
    commands = [[sys.executable, "-m", "bot.actions_server", str(actions_port)], [*rasa, "--port", str(port)]]
    return commands, {**os.environ, **QUIET, "BOT_STATE_DIR": str(state)}


def default_assistant(folder: Path) -> None:
    """`rasa init` and its training."""
    environment = {**os.environ, **QUIET}
    subprocess.run(
        [sys.executable, "-m", "rasa", "init", "--no-prompt", "--init-dir", str(folder)],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def p95(times: list[float]) -> float:
    """The time that 95 of 100 messages stay below."""
    return statistics.quantiles(times, n=20)[-1]


def show(name: str, mine: float, default: float, unit: str) -> None:
    """One line of the table."""
    print(f"{name:<46}{mine:>10.1f}{default:>10.1f} {unit:<9}{mine / default:>6.2f}")


async def main() -> None:
    """Both assistants, one after the other, and the table."""
    scratch = Path(tempfile.mkdtemp())
    try:
        folder = scratch / "default"
        folder.mkdir()
        default_assistant(folder)
        port = free_port()
        rasa_run = [sys.executable, "-m", "rasa", "run", "-i", "127.0.0.1", "-p", str(port)]
        texts = ["hello", "I am sad", "are you a bot?", "yes", "bye"]
        default = await measure([rasa_run], folder, port, texts, DEFAULT_POINTS, {**os.environ, **QUIET})
        port = free_port()
        commands, environment = ours(port, free_port(), scratch)
        texts = [
            "hello",
            "how do I renew my permesso in Sondrio?",
            "what is the phone number?",
            "another one",
            "grazie",
        ]
        mine = await measure(commands, ROOT, port, texts, POINTS, environment)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{'':<46}{'Ponte':>10}{'default':>10} {'':<9}{'ratio':>6}")
    show("ready to answer", mine.ready_seconds, default.ready_seconds, "s")
    show("memory, all processes", mine.memory_mb, default.memory_mb, "MB")
    show("time per message, median", statistics.median(mine.at[10]), statistics.median(default.at[10]), "ms")
    show("time per message, p95", p95(mine.at[10]), p95(default.at[10]), "ms")
    for people in (1, 16):
        show(f"messages per second, {people} writing", mine.per_second[people], default.per_second[people], "1/s")
    for label, measured in [("Ponte", mine), ("default", default)]:
        first = statistics.median(measured.at[10])
        for point, took in measured.at.items():
            median = statistics.median(took)
            print(f"{label}: message {point:>4}: {median:7.1f} ms, {median / first:.2f} x")


if __name__ == "__main__":
    asyncio.run(main())
