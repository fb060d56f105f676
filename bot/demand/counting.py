"""Counts each question where its answer is decided: month, need, language, ambito, and what happened.

One number for each kind of question, increased in place: a row for each question would keep their order, by which the
times in other tables could lead to a person.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import Counter
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from bot.catalog.hours import ROME
from bot.database.tables import Demand, sessions
from bot.settings import settings

#: What may happen to a question. UNFINISHED: the bot asked for the town or the age, and was not told.
ANSWERED, FAR, NO_SERVICE, UNFINISHED = "answered", "far", "no_service", "unfinished"
NOT_UNDERSTOOD, OUT_OF_SCOPE = "not_understood", "out_of_scope"
GATHER_SECONDS, RETRY_SECONDS = 1.0, 5.0
log = logging.getLogger(__name__)


class Question(NamedTuple):
    """One kind of question; need and ambito are empty where they are not known."""

    month: str
    need: str
    language: str
    ambito: str
    happened: str


def month_of(day: date) -> str:
    """The month as the table has it."""
    return day.strftime("%Y-%m")


def this_month() -> str:
    """The month at the desks."""
    return month_of(datetime.now(ROME))


class Counting:
    """Writes in a thread of its own: no answer waits for the database, or fails with it."""

    def __init__(self) -> None:
        self._counts: Counter[Question] = Counter()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="demand", daemon=True).start()

    def add(self, counts: Counter[Question]) -> None:
        """Remember, to be written in a moment."""
        with self._lock:
            self._counts.update(counts)
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(GATHER_SECONDS)
            if not self.write():
                time.sleep(RETRY_SECONDS)
                self._wake.set()

    def write(self) -> bool:
        """Write what was remembered; False when the database refused, and it is still to be written."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        try:
            store(taken)
        except SQLAlchemyError as error:
            log.warning("demand: not counted yet: %s", type(error).__name__)
            with self._lock:
                self._counts.update(taken)
            return False
        return True


def store(counts: Counter[Question]) -> None:
    """Add to the table, and forget the months that are too old, in one transaction."""
    with sessions().begin() as session:
        insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[session.get_bind().dialect.name]
        for question, count in sorted(counts.items()):  # in one order, so that two processes cannot block each other
            added = Demand.count + count
            row = insert(Demand).values(**question._asdict(), count=max(count, 0))
            row = row.on_conflict_do_update(
                index_elements=Question._fields, set_={"count": sa.case((added < 0, 0), else_=added)}
            )
            session.execute(row)
        session.execute(sa.delete(Demand).where(Demand.month < oldest_month(this_month())))


def oldest_month(month: str) -> str:
    """The first month that is kept."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 - settings().demand_months, 12)
    return f"{year:04}-{number + 1:02}"


_counting: Counting | None = None


def start() -> None:
    """Count from now on. Only the bot's own processes do: tests, `rasa shell` and `rasa test` are no demand."""
    global _counting
    _counting = Counting()
    atexit.register(_counting.write)


def count(
    need: str | None, language: str, ambito: str | None, happened: str, moved_from: tuple[str | None, str] | None = None
) -> None:
    """Count one question; one that was open in the ambito `moved_from[0]`, as `moved_from[1]`, is no longer so."""
    if _counting is None:
        return
    month = this_month()
    counts = Counter([Question(month, need or "", language, ambito or "", happened)])
    if moved_from:
        counts.subtract([Question(month, need or "", language, moved_from[0] or "", moved_from[1])])
    _counting.add(counts)
