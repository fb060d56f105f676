"""Conversations in flight while everything around them fails: what is lost, said twice, or out of order?

`python -m tests.faults --kills 200 --database postgresql --gateways 2` prints the counts; the suite has a short run.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa

from bot.database.tables import Mediator, Person, sessions, utc_now
from bot.mediation import cases
from bot.mediation.mail import mail
from tests.mediation import Chat, MediationBot, mediation_bot

PEOPLE_PER_MEDIATOR = 3
SETTLE_SECONDS = 60
FEWEST_MESSAGES = 100
_MARK = re.compile(r"\[(\d+)>(\d+) (\d+)\]")  # [sender>recipient number]


@dataclass
class Outcome:
    """What was sent and what arrived."""

    messages: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    misdelivered: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        counts = f"messages {self.messages}, lost {self.lost}, duplicated {self.duplicated}"
        return f"{counts}, reordered {self.reordered}, to the wrong chat {self.misdelivered}; faults: {faults}"


class Conversations:
    """People and mediators who write all the time; each message says from whom, to whom, and its number."""

    def __init__(self, bot: MediationBot, mediators: int, pause: float) -> None:
        self.bot, self._pause = bot, pause
        self.sent: dict[tuple[int, int], int] = defaultdict(int)
        self._stop = threading.Event()
        self.mediators = [Chat(bot, 70_000 + number, "en") for number in range(mediators)]
        self.people = [Chat(bot, 80_000 + number, "ar") for number in range(mediators * PEOPLE_PER_MEDIATOR)]
        self._threads: list[threading.Thread] = []

    def mediator_of(self, person: Chat) -> Chat:
        """Who has this person's referral."""
        return self.mediators[(person.id - 80_000) // PEOPLE_PER_MEDIATOR]

    def begin(self) -> None:
        """Everybody is there, and every referral is taken."""
        for chat in (*self.mediators, *self.people):
            chat.says("/start")
            chat.hears(".")
        for chat in self.mediators:
            with sessions().begin() as session:
                person = session.scalar(sa.select(Person).where(Person.address == str(chat.id)))
                session.add(Mediator(person_id=person.id, name=f"M{chat.id}", languages=["ar"], joined_at=utc_now()))
        for chat in self.people:
            chat.refer()
            with mail() as post:
                address = str(self.mediator_of(chat).id)
                query = sa.select(Mediator).join(Person, Person.id == Mediator.person_id)
                mediator = post.session.scalar(query.where(Person.address == address))
                assert cases.take(post, chat.referral, mediator, utc_now())
            chat.hears("/stop")
        for work in (*((self._person, chat) for chat in self.people), *((self._mediator, m) for m in self.mediators)):
            thread = threading.Thread(target=work[0], args=(work[1],), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _next(self, sender: Chat, recipient: Chat) -> str:
        self.sent[sender.id, recipient.id] += 1
        return f"[{sender.id}>{recipient.id} {self.sent[sender.id, recipient.id]}]"

    def _person(self, chat: Chat) -> None:
        dice = random.Random(chat.id)
        while not self._stop.wait(dice.uniform(0, 2 * self._pause)):
            mark = self._next(chat, self.mediator_of(chat))
            if dice.random() < 0.15:
                self.bot.telegram.send_file(chat.id, dice.choice(["photo", "voice", "document"]), caption=mark)
            else:
                self.bot.telegram.send_text(chat.id, mark, language_code="ar")

    def _mediator(self, chat: Chat) -> None:
        """Answers somebody who wrote, as a reply to their message, so that people are never mixed up."""
        dice = random.Random(chat.id)
        newest: dict[int, int] = {}
        seen = 0
        while not self._stop.wait(dice.uniform(0, 2 * self._pause / PEOPLE_PER_MEDIATOR)):
            messages = self.bot.telegram.messages(chat.id)
            for message in messages[seen:]:
                if found := _MARK.search(message.get("text") or message.get("caption") or ""):
                    newest[int(found[1])] = message["message_id"]
            seen = len(messages)
            if newest:
                person = self.people[dice.choice(list(newest)) - 80_000]
                mark = self._next(chat, person)
                self.bot.telegram.send_text(chat.id, mark, language_code="en", reply_to=newest[person.id])

    def wait_for(self, messages: int) -> None:
        """Until so many were written: on a fast machine a few kills are soon over."""
        while sum(self.sent.values()) < messages:
            time.sleep(0.1)

    def stop(self) -> None:
        """Nobody writes any more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def arrived(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """For each sender and recipient, the chat and number of everything that arrived, in order."""
        found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for chat in (*self.mediators, *self.people):
            for message in self.bot.telegram.messages(chat.id):
                if match := _MARK.search(message.get("text") or message.get("caption") or ""):
                    found[int(match[1]), int(match[2])].append((chat.id, int(match[3])))
        return found

    def all_there(self) -> bool:
        """Whether nothing is missing."""
        arrived = self.arrived()
        return all(len({number for _, number in arrived[pair]}) == count for pair, count in self.sent.items())

    def settle(self) -> None:
        """Until everything has arrived, or nothing has for a long time; Telegram takes 30 messages a second."""
        count, since = 0, time.monotonic()
        while not self.all_there() and time.monotonic() - since < SETTLE_SECONDS:
            time.sleep(0.5)
            arrived = sum(map(len, self.arrived().values()))
            if arrived != count:
                count, since = arrived, time.monotonic()
        time.sleep(1)  # for duplicates still under way

    def count(self, faults: Counter[str]) -> Outcome:
        """Compare what was written with what arrived."""
        outcome, arrived = Outcome(faults=faults), self.arrived()
        for (sender, recipient), count in self.sent.items():
            outcome.misdelivered += sum(chat != recipient for chat, _ in arrived[sender, recipient])
            numbers = [number for chat, number in arrived[sender, recipient] if chat == recipient]
            outcome.messages += count
            outcome.lost += count - len(set(numbers))
            outcome.duplicated += len(numbers) - len(set(numbers))
            outcome.reordered += sum(later < earlier for earlier, later in pairwise(numbers))
        return outcome


class Faults:
    """What goes wrong, at random instants."""

    def __init__(self, bot: MediationBot, dice: random.Random, restart_database: Callable[[], None] | None) -> None:
        self._bot, self._dice, self._restart_database = bot, dice, restart_database
        self.counted: Counter[str] = Counter()
        self._quiet_kinds = [self._outage, self._too_many, self._server_error, self._lost_answer, self._database]

    def run(self, kills: int) -> None:
        """Kill so many gateways; between the kills something else may fail."""
        for _ in range(kills):
            index = self._dice.randrange(len(self._bot.processes))
            if self._dice.random() < 0.85:  # the others die while they start
                self._bot.wait_until_serving(index)
            if self._dice.random() < 0.6:
                self._dice.choice(self._quiet_kinds)()
            time.sleep(self._dice.uniform(0, 1.2))
            self._bot.kill(index)
            self.counted["kill -9"] += 1
            self._bot.start(index)

    def _outage(self) -> None:
        self._bot.telegram.pause()
        time.sleep(self._dice.uniform(0.1, 1.0))
        self._bot.telegram.resume()
        self.counted["outage"] += 1

    def _too_many(self) -> None:
        self._bot.telegram.fail_next(429, times=self._dice.randint(1, 3), retry_after=1)
        self.counted["429"] += 1

    def _server_error(self) -> None:
        self._bot.telegram.fail_next(self._dice.choice([500, 502]), times=self._dice.randint(1, 4))
        self.counted["5xx"] += 1

    def _lost_answer(self) -> None:
        times = self._dice.randint(1, 3)
        self._bot.telegram.lose_next(times)
        self.counted["answer lost"] += times

    def _database(self) -> None:
        if self._restart_database:
            self._restart_database()
            self.counted["database restarted"] += 1
            return
        assert self._bot.variables.get("BOT_DATABASE_URL") is None, "only SQLite is locked through its file"
        with contextlib.closing(sqlite3.connect(self._bot.state / "ponte.db", timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(self._dice.uniform(0.1, 1.0))
            other.rollback()
        self.counted["database locked"] += 1


def inject(
    state: Path,
    kills: int,
    mediators: int = 4,
    pause: float = 0.4,
    seed: int = 1,
    gateways: int = 1,
    database_url: str | None = None,
    restart_database: Callable[[], None] | None = None,
) -> Outcome:
    """One run: conversations, faults, then peace until everything has arrived or cannot arrive any more."""
    more = {"BOT_DATABASE_URL": database_url} if database_url else {}
    with mediation_bot(state, gateways, **more) as bot:
        conversations = Conversations(bot, mediators, pause)
        conversations.begin()
        faults = Faults(bot, random.Random(seed), restart_database)
        faults.run(kills)
        conversations.wait_for(FEWEST_MESSAGES)
        conversations.stop()
        conversations.settle()
        return conversations.count(faults.counted)


@contextlib.contextmanager
def _database(kind: str) -> Iterator[tuple[str | None, Callable[[], None] | None]]:
    if kind == "sqlite":
        yield None, None
        return
    from tests import postgresql

    with postgresql.server() as (address, restart):
        yield f"{address}/postgres", restart


def main() -> None:
    """The long run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--mediators", type=int, default=4)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between the messages of one person")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _database(given.database) as (url, restart):
        outcome = inject(
            Path(folder),
            given.kills,
            given.mediators,
            given.pause,
            seed=given.seed,
            gateways=given.gateways,
            database_url=url,
            restart_database=restart,
        )
    print(f"{given.database}, {given.gateways} gateway(s): {outcome}")
    sys.exit(1 if outcome.lost or outcome.reordered or outcome.misdelivered else 0)


if __name__ == "__main__":
    main()
