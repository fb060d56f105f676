"""From a person's message to the mediator's screen, beside a plain echo bot on the same library, in one run.

Both talk to the same Bot API server on loopback. Once with one referral open, once with 200; people write in turn.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from bot.database.tables import Mediator, Person, sessions, utc_now
from bot.gateway.people import unfinished
from bot.mediation import cases
from bot.mediation.mail import mail
from bot.settings import ROOT
from tests.bot_api import BotApiServer
from tests.mediation import Chat, MediationBot, eventually, mediation_bot

MESSAGES = 300
SECONDS_BETWEEN = 0.1
PEOPLE_PER_MEDIATOR = 5


def timed(telegram: BotApiServer, pairs: list[tuple[int, int]]) -> list[float]:
    """Milliseconds from sending in the first chat of a pair to arriving in the second, for messages in turn."""
    sent, heads = {}, {arrives: len(telegram.messages(arrives)) for _, arrives in pairs}
    for number in range(MESSAGES):
        writes, _ = pairs[number % len(pairs)]
        text = f"[message {number}]"
        sent[text] = time.perf_counter()
        telegram.send_text(writes, text, language_code="ar")
        time.sleep(SECONDS_BETWEEN)
    arrived: dict[str, float] = {}
    end = time.monotonic() + 60
    while len(arrived) < MESSAGES and time.monotonic() < end:
        time.sleep(0.2)
        for chat, head in heads.items():
            for message in telegram.messages(chat)[head:]:
                text = message.get("text", "").split("\n")[-1]
                if text in sent:
                    arrived[text] = message["at"]
    assert len(arrived) == MESSAGES, f"only {len(arrived)} of {MESSAGES} arrived"
    return sorted((arrived[text] - at) * 1000 for text, at in sent.items())


def open_referrals(bot: MediationBot, count: int) -> list[tuple[int, int]]:
    """So many people, each with a mediator; (person's chat, mediator's chat)."""
    mediators = [Chat(bot, 70_000 + number, "en") for number in range(-(-count // PEOPLE_PER_MEDIATOR))]
    people = [Chat(bot, 80_000 + number, "ar") for number in range(count)]
    for chat in (*mediators, *people):
        bot.telegram.send_text(chat.id, "/start", language_code=chat.language)
    for chat in (*mediators, *people):
        chat.hears(".", timeout=60)
    with sessions().begin() as session:
        for chat in mediators:
            person = session.scalar(sa.select(Person).where(Person.address == str(chat.id)))
            session.add(Mediator(person_id=person.id, name=f"M{chat.id}", languages=["ar"], joined_at=utc_now()))
    for number, chat in enumerate(people):
        chat.refer()
        with mail() as post:
            address = str(mediators[number // PEOPLE_PER_MEDIATOR].id)
            query = sa.select(Mediator).join(Person, Person.id == Mediator.person_id).where(Person.address == address)
            assert cases.take(post, chat.referral, post.session.scalars(query).one(), utc_now())
    eventually(lambda: not any(unfinished()), timeout=120)  # Telegram takes 30 messages a second
    return [(chat.id, mediators[number // PEOPLE_PER_MEDIATOR].id) for number, chat in enumerate(people)]


def mediation(count: int) -> list[float]:
    """The real gateway with so many referrals open."""
    with tempfile.TemporaryDirectory() as folder, mediation_bot(Path(folder), BOT_CLOCK_SECONDS="3") as bot:
        return timed(bot.telegram, open_referrals(bot, count))


def echo(count: int) -> list[float]:
    """The echo bot with so many chats."""
    with BotApiServer() as telegram:
        command = [sys.executable, "-m", "benchmarks.echo_bot", telegram.token, telegram.url]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            for chat in range(90_000, 90_000 + count):
                telegram.send_text(chat, "ready?")
                telegram.wait_for(chat, lambda message: True, timeout=60)
            return timed(telegram, [(chat, chat) for chat in range(90_000, 90_000 + count)])
        finally:
            process.terminate()
            process.wait(timeout=20)


def show(name: str, times: list[float]) -> None:
    """One line of the table."""
    print(f"{name:<44}{statistics.median(times):>9.1f}{statistics.quantiles(times, n=20)[-1]:>9.1f} ms", flush=True)


def main() -> None:
    """The table."""
    print(f"{'from message to screen':<44}{'median':>9}{'p95':>9}")
    for count in (1, 200):
        show(f"echo bot, {count} chat(s)", echo(count))
        show(f"mediation, {count} referral(s) open", mediation(count))


if __name__ == "__main__":
    main()
