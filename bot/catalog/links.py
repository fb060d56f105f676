"""Looks whether the web pages that the catalogue rests on are still there and still say the same.

One page at a time, a pause between pages of one host, and a state file from which an interrupted run goes on. The bot
never needs it.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bot.catalog.model import Service

PAUSE_SECONDS = 2.0
TIMEOUT_SECONDS = 20.0
AT_MOST_BYTES = 2_000_000
AGAIN_AFTER = timedelta(days=30)
USER_AGENT = "Ponte-catalogue-links (one page at a time; checks that public services' pages are still there)"


@dataclass(frozen=True)
class Seen:
    """What a page was when it was last looked at; `digest` is of its words, `error` is empty when it answered well."""

    url: str
    on: str
    error: str
    digest: str
    changed: bool


def pages(services: Iterable[Service]) -> dict[str, list[str]]:
    """Web address to the ids of the services that name it."""
    found: dict[str, list[str]] = {}
    for service in services:
        for url in dict.fromkeys([service.web, service.source.url]):
            if url and url.startswith(("http://", "https://")):
                found.setdefault(url, []).append(service.id)
    return found


def read_state(path: Path) -> dict[str, Seen]:
    """What earlier runs saw, the newest look at each page."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {seen.url: seen for seen in (Seen(**json.loads(line)) for line in lines if line.endswith("}"))}


def look_at_pages(
    urls: Iterable[str],
    state_file: Path,
    today: date,
    pause: float = PAUSE_SECONDS,
    progress: Callable[[list[str]], Iterable[str]] = iter,
) -> dict[str, Seen]:
    """Look at the pages not seen lately, and write each answer down at once, so that a stopped run can go on."""
    state = read_state(state_file)
    due = _alternating([url for url in urls if url not in state or _is_old(state[url], today)])
    state_file.parent.mkdir(parents=True, exist_ok=True)
    asked: dict[str, float] = {}
    headers = {"User-Agent": USER_AGENT}
    with (
        httpx.Client(follow_redirects=True, timeout=TIMEOUT_SECONDS, headers=headers) as client,
        state_file.open("a", encoding="utf-8") as out,
    ):
        for url in progress(due):
            host = urlsplit(url).netloc
            time.sleep(max(0.0, asked.get(host, float("-inf")) + pause - time.monotonic()))
            asked[host] = time.monotonic()
            state[url] = _look(client, url, state.get(url), today)
            out.write(json.dumps(asdict(state[url]), ensure_ascii=False) + "\n")
            out.flush()
    return state


def _is_old(seen: Seen, today: date) -> bool:
    return date.fromisoformat(seen.on) + AGAIN_AFTER <= today


def _alternating(urls: list[str]) -> list[str]:
    """One page of each host in turn, so that the pauses cost little time."""
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).netloc, []).append(url)
    longest = max(map(len, hosts.values()), default=0)
    return [queue[turn] for turn in range(longest) for queue in hosts.values() if turn < len(queue)]


def _look(client: httpx.Client, url: str, before: Seen | None, today: date) -> Seen:
    old = before.digest if before else ""
    try:
        with client.stream("GET", url) as answer:
            if answer.status_code >= 400:
                return Seen(url, today.isoformat(), f"HTTP {answer.status_code}", old, False)
            content = b"".join(_at_most(answer.iter_bytes(), AT_MOST_BYTES))
            digest = _digest(content.decode(answer.encoding or "utf-8", "replace"))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Seen(url, today.isoformat(), type(error).__name__, old, False)
    return Seen(url, today.isoformat(), "", digest, bool(old) and digest != old)


def _at_most(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


def _digest(page: str) -> str:
    """Of the words that a reader sees, so that scripts, markup and tokens do not count as a change."""
    seen = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<!--.*?-->|<[^>]+>", " ", page)
    return hashlib.sha256(" ".join(seen.split()).encode()).hexdigest()
