"""Looks whether the web pages that the catalogue rests on are still there and still say the same.

One page at a time, a pause between pages of one host, and a state file from which an interrupted run goes on. The bot
never needs it.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bot.catalog.model import Service
from bot.settings import settings

PAUSE_SECONDS = 2.0
TIMEOUT_SECONDS = 20.0
AT_MOST_BYTES = 2_000_000
AGAIN_AFTER = timedelta(days=30)
SECONDS_NOW, REDIRECTS_NOW = 10.0, 3  # while somebody waits for the answer
PORTS = {"http": 80, "https": 443}
NOT_PUBLIC = "not public"
#: Nobody's pages, though ipaddress takes them for public.
NOBODYS = [ipaddress.ip_network(one) for one in ("192.0.0.0/24", "::/96", "64:ff9b:1::/48", "fec0::/10")]
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address stands in the last 32 bits
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


class NotPublic(httpx.RequestError):
    """The address leads into a private network."""


class PublicOnly(httpx.AsyncHTTPTransport):
    """Connects to public addresses only: what somebody types must not make this machine ask its own neighbours.

    The name is looked up once, and the connection goes to what was found, so that a second look-up cannot say another
    thing. Every redirect comes through here too.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, if the host is a public one."""
        host, port = request.url.host, request.url.port or PORTS.get(request.url.scheme)
        if not host or port is None:
            raise httpx.UnsupportedProtocol(f"not a page: {request.url}", request=request)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error), request=request) from error
        addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        if not settings().private_links and not all(map(_is_public, addresses)):
            raise NotPublic(host, request=request)
        asked = httpx.Request(
            request.method,
            request.url.copy_with(host=str(addresses[0])),
            headers=request.headers,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await super().handle_async_request(asked)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    embedded = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if address in NAT64:
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    is_public = address.is_global and not address.is_multicast and not any(address in one for one in NOBODYS)
    return is_public and (embedded is None or _is_public(embedded))


def look_now(urls: list[str]) -> list[str]:
    """Ask each page once, at the same time: empty where it answers, NOT_PUBLIC, or what went wrong."""
    return asyncio.run(_look_now(urls)) if urls else []


async def _look_now(urls: list[str]) -> list[str]:
    async with httpx.AsyncClient(
        transport=PublicOnly(),
        follow_redirects=True,
        max_redirects=REDIRECTS_NOW,
        timeout=SECONDS_NOW / 2,
        trust_env=False,
        headers={"User-Agent": USER_AGENT},
    ) as client:
        return list(await asyncio.gather(*(_answer_of(client, url) for url in urls)))


async def _answer_of(client: httpx.AsyncClient, url: str) -> str:
    try:
        async with asyncio.timeout(SECONDS_NOW), client.stream("GET", url) as answer:
            return f"HTTP {answer.status_code}" if answer.status_code >= 400 else ""
    except NotPublic:
        return NOT_PUBLIC
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
        return type(error).__name__
