"""What eighteen languages cost against the first four: both are trained and asked the same questions in one run.

Prints seconds of training from nothing, megabytes of model and of memory, milliseconds to understand a message, each
with the ratio to the four languages.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.run import p95, show
from bot.i18n import languages
from bot.nlu.check import QUESTIONS, SENTENCES, questions, sentences
from bot.settings import ROOT, settings
from bot.supervisor import QUIET

FOUR = ["it", "en", "fr", "ar"]
ROUNDS = 3


@dataclass(frozen=True)
class Cost:
    """What one set of languages costs; sizes in megabytes, times of understanding in milliseconds."""

    sentences: int
    training_seconds: float
    model_mb: float
    memory_mb: float
    median: float
    p95: float


def train(codes: list[str], folder: Path) -> dict[str, float]:
    """Rasa's own NLU training on the sentences of these languages; seconds."""
    from rasa.model_training import train_nlu

    data = folder / "data"
    for code in codes:
        shutil.copytree(SENTENCES / code, data / code)
    start = time.perf_counter()
    train_nlu(str(ROOT / "config.yml"), str(data), str(folder), fixed_model_name="model")
    return {"seconds": time.perf_counter() - start}


async def understand(model: Path, texts: list[str]) -> list[float]:
    """Milliseconds for each text, after one round to warm up."""
    from rasa.core.agent import Agent

    agent = Agent.load(str(model))
    took = []
    for number in range(ROUNDS + 1):
        for text in texts:
            start = time.perf_counter()
            await agent.parse_message(text)
            if number:
                took.append((time.perf_counter() - start) * 1000)
    return took


def in_own_process(act: str, argument: str, state: Path) -> dict[str, float]:
    """One part of this file in a new process, so that memory and caches are its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.languages", act, argument],
        env={**os.environ, **QUIET, "BOT_STATE_DIR": str(state)},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    said: dict[str, float] = json.loads(done.stdout.decode().splitlines()[-1])
    return said


def cost(codes: list[str]) -> Cost:
    """Train on these languages, then ask in the four that both sets know."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = sum(len(texts) for code in codes for texts in sentences(code).values())
        model = folder / "model.tar.gz"
        training = in_own_process("train", ",".join(codes), folder)
        asked = in_own_process("ask", str(model), folder)
        return Cost(written, training["seconds"], model.stat().st_size / 2**20, **asked)


def ask(model: Path) -> dict[str, float]:
    """Memory and times of a process that only understands."""
    texts = [question["text"] for code in FOUR for question in questions(QUESTIONS[1] / f"{code}.yml")[::10]]
    took = asyncio.run(understand(model, texts))
    memory = psutil.Process().memory_info().rss / 2**20
    return {"memory_mb": memory, "median": statistics.median(took), "p95": p95(took)}


def main() -> None:
    """The table; with arguments, one part of it."""
    logging.disable(logging.WARNING)
    match sys.argv[1:]:
        case ["train", codes]:
            print(json.dumps(train(codes.split(","), settings().state_dir)))
        case ["ask", model]:
            print(json.dumps(ask(Path(model))))
        case _:
            few, every = cost(FOUR), cost([*languages()])
            print(f"{'languages':<46}{len(languages()):>10}{len(FOUR):>10} {'':<9}{'ratio':>6}")
            show("sentences", every.sentences, few.sentences, "")
            show("training", every.training_seconds, few.training_seconds, "s")
            show("model", every.model_mb, few.model_mb, "MB")
            show("memory", every.memory_mb, few.memory_mb, "MB")
            show("understanding a message, median", every.median, few.median, "ms")
            show("understanding a message, p95", every.p95, few.p95, "ms")


if __name__ == "__main__":
    main()
