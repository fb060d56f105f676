"""Runs Rasa, the action server and the gateway under one command, and starts again what dies."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from bot.settings import ROOT, Settings, settings

log = logging.getLogger("bot.run")
QUIET = {
    # On a busy machine the encoder's threads, which wait for each other by spinning, took 40 times as long.
    "GOMP_SPINCOUNT": "20000",
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONWARNINGS": "ignore",
    "SANIC_ACCESS_LOG": "false",
    "TQDM_DISABLE": "1",
}


def newest_model() -> Path | None:
    """The model trained last, or None."""
    return max((ROOT / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime, default=None)


def needs_training() -> bool:
    """Whether there is no model, or something that it is trained from is newer."""
    model = newest_model()
    if model is None:
        return True
    sources = [
        ROOT / "config.yml",
        ROOT / "domain.yml",
        *(ROOT / "data").rglob("*.yml"),
        *(ROOT / "bot" / "nlu").glob("*.py"),
        ROOT / "bot" / "i18n" / "identify.py",
    ]
    return max(path.stat().st_mtime for path in sources) > model.stat().st_mtime


def train() -> int:
    """`rasa train`, quietly, after the model that tells languages; returns its exit code."""
    from bot.i18n.identify import train as train_languages

    train_languages()
    command = [sys.executable, "-m", "rasa", "train", "--skip-validation", "--fixed-model-name", "ponte"]
    return subprocess.call(command, cwd=ROOT, env={**os.environ, **QUIET})


def endpoints(config: Settings) -> Path:
    """endpoints.yml with the configured port of the action server."""
    path = config.state_dir / "endpoints.yml"
    source = (ROOT / "endpoints.yml").read_text(encoding="utf-8")
    path.write_text(source.replace("127.0.0.1:5055", f"127.0.0.1:{config.actions_port}"), encoding="utf-8")
    return path


def commands(config: Settings) -> dict[str, list[str]]:
    """The three processes. Rasa and the actions listen on loopback only."""
    python = [sys.executable, "-m"]
    rasa = [*python, "bot.rasa_hooks.serve", "--model", str(newest_model()), "--endpoints", str(endpoints(config))]
    return {
        "actions": [*python, "bot.actions_server", str(config.actions_port)],
        "rasa": [*rasa, "--port", str(config.rasa_port)],
        "gateway": [*python, "bot.cli", "gateway"],
    }


def run() -> int:
    """Start all three, restart what dies, end all on a signal."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from bot.database.migrate import migrate

    migrate()
    config = settings()
    started: dict[str, subprocess.Popen[bytes]] = {}
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    told = False
    while not stopping:
        for name, command in commands(config).items():
            process = started.get(name)
            if process is None or process.poll() is not None:
                if process is not None:
                    log.warning("%s ended with code %s; starting it again", name, process.returncode)
                started[name] = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **QUIET}, start_new_session=True)
        if not told and _is_ready(config):
            told = True
            log.info("Ponte is ready: web chat on http://%s:%s/", config.web_host, config.web_port)
        time.sleep(1)
    for process in reversed(started.values()):
        process.terminate()
    for process in started.values():
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    return 0


def _is_ready(config: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{config.web_port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
