"""What was asked and what became of it, by need, language, ambito and month, with small numbers kept back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.catalog.hours import ROME
from bot.catalog.loader import catalog
from bot.catalog.schools import schools
from bot.database.tables import Demand, Referral
from bot.demand.counting import (
    ANSWERED,
    FAR,
    NO_SERVICE,
    NOT_UNDERSTOOD,
    OUT_OF_SCOPE,
    UNFINISHED,
    month_of,
)
from bot.demand.small_numbers import listed, rounded

HAPPENED = (ANSWERED, FAR, NO_SERVICE, UNFINISHED, NOT_UNDERSTOOD, OUT_OF_SCOPE)
#: Of these the person did not get an answer with which they could go somewhere near.
UNANSWERED = (FAR, NO_SERVICE, NOT_UNDERSTOOD)
REFERRED = "referred"
MONTHS_SHOWN = 12


@dataclass(frozen=True)
class Wanted:
    """Which questions: months, ambiti by the names that they have in ambiti.csv (None: all), need, language."""

    months: tuple[str, ...]
    ambiti: frozenset[str] | None = None
    need: str = ""
    language: str = ""


@dataclass
class Line:
    """One row of a table; `code` is empty where it is not known."""

    code: str
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        """All questions."""
        return sum(self.counts[one] for one in HAPPENED)

    @property
    def unanswered(self) -> int:
        """Those that ended with nothing near, or were not understood."""
        return sum(self.counts[one] for one in UNANSWERED)


@dataclass(frozen=True)
class Figures:
    """Everything that one page tells."""

    total: Line
    by_need: list[Line]
    by_language: list[Line]
    by_ambito: list[Line]
    by_month: list[Line]
    outcomes: list[tuple[str, int]]
    missing: list[tuple[str, str, int]]  # need, ambito, questions


def months_before(last: str, how_many: int = MONTHS_SHOWN) -> tuple[str, ...]:
    """The month and those before it, oldest first."""
    number = int(last[:4]) * 12 + int(last[5:]) - 1
    return tuple(f"{n // 12:04}-{n % 12 + 1:02}" for n in range(number - how_many + 1, number + 1))


def first_day(month: str) -> date:
    """The first day of a month."""
    return date.fromisoformat(f"{month}-01")


def months_counted(session: Session) -> list[str]:
    """The months of which there is something to tell, latest first."""
    return list(session.scalars(sa.select(Demand.month).distinct().order_by(Demand.month.desc())))


def figures(session: Session, wanted: Wanted, today: date) -> Figures:
    """Count what is wanted."""
    requests = referrals(session, wanted)
    asked = _asked(session, wanted, requests)
    total = Line("")
    by: dict[str, dict[str, Line]] = {name: {} for name in ("need", "language", "ambito", "month")}
    by["month"] = {month: Line(month) for month in wanted.months}
    for codes, happened, count in asked:
        total.counts[happened] += count
        for name, code in codes.items():
            by[name].setdefault(code, Line(code)).counts[happened] += count
    lines = {name: listed((line, line.asked) for line in _by_code(found)) for name, found in by.items()}
    outcomes = Counter(one.outcome or one.state for one in requests)
    return Figures(
        total,
        lines["need"],
        lines["language"],
        lines["ambito"],
        list(by["month"].values()),
        [(outcome, outcomes[outcome]) for outcome in listed(outcomes.items())],
        _missing(asked, today),
    )


def _by_code(lines: dict[str, Line]) -> list[Line]:
    return [lines[code] for code in sorted(lines)]


Asked = tuple[dict[str, str], str, int]


def _asked(session: Session, wanted: Wanted, requests: list[Referral]) -> list[Asked]:
    """Codes, what happened, how many; the ambito as its id in the catalogue, where it has one."""
    ids = ambito_ids()
    query = sa.select(
        Demand.need, Demand.language, Demand.ambito, Demand.month, Demand.happened, sa.func.sum(Demand.count)
    ).where(Demand.month.in_(wanted.months), *_conditions(Demand, wanted))
    query = query.group_by(Demand.need, Demand.language, Demand.ambito, Demand.month, Demand.happened)
    found: list[Asked] = [
        ({"need": need, "language": language, "ambito": ids.get(ambito, ambito), "month": month}, happened, count)
        for need, language, ambito, month, happened, count in session.execute(query)
    ]
    for one in requests:
        codes = {"need": one.need or "", "language": one.language, "month": _month(one.consented_at)}
        found.append((codes | {"ambito": ids.get(one.ambito or "", one.ambito or "")}, REFERRED, 1))
    return found


def _conditions(table: Any, wanted: Wanted) -> list[Any]:
    given = [table.ambito.in_(wanted.ambiti)] if wanted.ambiti is not None else []
    given += [table.need == wanted.need] if wanted.need else []
    return given + ([table.language == wanted.language] if wanted.language else [])


def _month(moment: datetime) -> str:
    return month_of(moment.astimezone(ROME).date())


def referrals(session: Session, wanted: Wanted) -> list[Referral]:
    """The requests for a mediator of those months."""
    first = datetime.combine(first_day(wanted.months[0]), time.min, ROME)
    query = sa.select(Referral).where(Referral.consented_at >= first, *_conditions(Referral, wanted))
    return [one for one in session.scalars(query) if _month(one.consented_at) in wanted.months]


def ambito_ids() -> dict[str, str]:
    """The names of ambiti.csv to the ids of the catalogue's files."""
    return {name: content.ambito.id for content in catalog().files.values() for name in content.ambito.names}


def _missing(asked: Iterable[Asked], today: date) -> list[tuple[str, str, int]]:
    """What is asked for in an ambito whose file has no desk for it; the schools have a register of their own."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for codes, happened, count in asked:
        if codes["need"] and codes["ambito"] and happened in (ANSWERED, FAR, NO_SERVICE):
            counted[codes["need"], codes["ambito"]] += count
    offered = {
        (need, ambito)
        for ambito, content in catalog().files.items()
        for service in content.services
        if service.valid_to is None or service.valid_to >= today
        for need in service.needs
    }
    from_register = {"school_enrolment"} if schools().by_code else set()
    without = {pair: n for pair, n in counted.items() if pair not in offered and pair[0] not in from_register}
    return [(need, ambito, rounded(without[need, ambito])) for need, ambito in listed(without.items())]
