"""How fast the console is with 50 and with 5,000 services in one file, and after how long the bot says what was saved.

The pages are asked for through the application itself. The baseline of a save is the same change by ruamel.yaml's round
trip of the whole file, in the same run.

.venv/bin/python -m benchmarks.console
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from ruamel.yaml import YAML

from benchmarks.timing import timed
from bot.settings import ROOT

SIZES = (50, 5000)
PASSWORD = "quattro parole messe insieme"
REPEATS, CHANGES = 5, 6


def make_catalog(source: Path, folder: Path, size: int) -> list[str]:
    """One ambito of so many services, each a shipped one under an id of its own; returns the ids."""
    shutil.copytree(source / "places", folder / "places")
    shutil.copy(source / "vocabulary.yml", folder)
    head, _, body = (source / "sondrio.yml").read_text(encoding="utf-8").partition("\nservices:\n")
    entries = re.split(r"^(?=- id: )", body, flags=re.MULTILINE)[1:]
    made = [
        re.sub(r"^- id: .*", f"- id: servizio-{number}", entries[number % len(entries)], count=1)
        for number in range(size)
    ]
    (folder / "sondrio.yml").write_text(head + "\nservices:\n" + "".join(made), encoding="utf-8")
    return [f"servizio-{number}" for number in range(size)]


def by_round_trip(path: Path, service_id: str, provider: str) -> None:
    """The baseline: read the whole file with its comments, change one field, write the whole file."""
    whole = YAML()
    whole.preserve_quotes = True
    whole.width = 4096
    content = whole.load(path.read_text(encoding="utf-8"))
    next(one for one in content["services"] if one["id"] == service_id)["provider"] = provider
    with path.open("w", encoding="utf-8") as file:
        whole.dump(content, file)


def signed_in() -> Any:
    """A browser of an operator of the ambito."""
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.testclient import TestClient

    from bot.console import accounts
    from bot.console.pages import routes
    from bot.database.migrate import migrate
    from bot.database.tables import sessions, utc_now

    migrate()
    with sessions().begin() as session:
        token = accounts.invite(session, "Anna", "operator", ["sondrio"], utc_now())
        account = accounts.invited(session, token, utc_now())
        assert account and accounts.accept_invitation(session, account, token, PASSWORD)
    browser = TestClient(Starlette(routes=[Mount("/console", routes=routes())]))
    csrf = token_of(browser.get("/console/sign-in").text)
    answer = browser.post("/console/sign-in", data={"name": "Anna", "password": PASSWORD, "csrf": csrf})
    assert answer.status_code == 200
    return browser


def token_of(page: str, name: str = "csrf") -> str:
    """A hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found
    return found[1]


def typed(browser: Any, path: Path, service_id: str, provider: str) -> dict[str, Any]:
    """The form of a service as a browser sends it, with another provider."""
    from bot.console import forms, save

    entry = save.read_entry(path, service_id)
    assert entry
    fields = {**forms.typed_from(entry.data), "provider": [provider]}
    csrf = token_of(browser.get("/console/services").text)
    return {**fields, "csrf": csrf, "digest": entry.digest, "act": "save"}


class Watcher:
    """Another process with a catalogue of its own, as the action server has: it tells when it knows a change."""

    def __init__(self, service_id: str) -> None:
        command = [sys.executable, "-m", "benchmarks.console", "--watch", service_id]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.next()  # what is there at the start

    def next(self) -> tuple[float, str]:
        """When it saw the provider change, and to what."""
        assert self._process.stdout
        moment, _, provider = self._process.stdout.readline().strip().partition(" ")
        return float(moment), provider

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def watch(service_id: str) -> None:
    """Print the provider of a service whenever it changes."""
    from bot.catalog.loader import catalog

    seen: str | None = ""
    while True:
        provider = catalog().services[service_id].provider
        if provider != seen:
            print(time.time(), provider, flush=True)
            seen = provider
        time.sleep(0.005)


def measure(size: int) -> None:
    """Print the figures of one size."""
    from bot.catalog.loader import Catalog, catalog

    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name) / "catalog", ROOT / "services_catalog"
        folder.mkdir()
        ids = make_catalog(source, folder, size)
        os.environ |= {"BOT_CATALOG_DIR": str(folder), "BOT_STATE_DIR": str(Path(name) / "state")}
        for cached in _caches():
            cached.cache_clear()
        first = timed(lambda: Catalog(folder).refresh(), 1)
        browser, path, middle = signed_in(), folder / "sondrio.yml", ids[size // 2]
        catalog()
        pages = {
            "list": "/console/services",
            "list, searched": "/console/services?q=questura",
            "form": f"/console/ambiti/sondrio/{middle}",
        }
        print(f"services: {size} in one file of {path.stat().st_size / 1e6:.1f} MB")
        print(f"  first load                   {first * 1000:8.0f} ms")
        for title, address in pages.items():
            assert browser.get(address).status_code == 200
            print(f"  page: {title:15}        {timed(lambda a=address: browser.get(a), REPEATS) * 1000:8.0f} ms")  # type: ignore[misc]
        watcher, spent, waits = Watcher(middle), [], []
        for number in range(CHANGES):
            form = typed(browser, path, middle, f"Nuovo {number}")
            clicked = time.time()
            answer = browser.post(f"/console/ambiti/sondrio/{middle}", data=form, follow_redirects=False)
            assert answer.status_code == 303
            spent.append(time.time() - clicked)
            known, provider = watcher.next()
            assert provider == f"Nuovo {number}"
            waits.append(known - clicked)
            time.sleep(0.37 * number)  # at another moment of the other process's two seconds
        watcher.close()
        copy = shutil.copy(path, Path(name) / "copy.yml")
        whole = timed(lambda: by_round_trip(copy, middle, "Altro"), 1)
        print(f"  save, from click to answer   {median(spent) * 1000:8.0f} ms")
        print(f"  the same by a round trip     {whole * 1000:8.0f} ms   {whole / median(spent):.1f} times")
        print(f"  from click until known by the action server {max(waits):.1f} s at worst of {CHANGES}")


def _caches() -> list[Any]:
    from bot.catalog.loader import catalog
    from bot.catalog.model import vocabulary
    from bot.database.tables import sessions
    from bot.settings import settings

    return [catalog, vocabulary, sessions, settings]


def main() -> None:
    """Print all figures."""
    if sys.argv[1:2] == ["--watch"]:
        watch(sys.argv[2])
    for size in SIZES:
        measure(size)


if __name__ == "__main__":
    main()
