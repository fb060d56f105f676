"""What coordinators measure: waiting, unclaimed, outcomes; codes and counts only, small numbers kept back."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from bot.database.tables import Referral, sessions
from bot.demand.small_numbers import listed, told
from bot.mediation.states import CLOSED, WAITING
from bot.settings import settings

Key = Callable[[Referral], tuple[str, ...]]
BY: dict[str, Key] = {
    "language": lambda one: (one.language,),
    "ambito": lambda one: (one.ambito or "",),
    "language and ambito": lambda one: (one.language, one.ambito or ""),
}


@dataclass(frozen=True)
class Measure:
    """One group of requests; `key` is its language, its ambito or both."""

    key: tuple[str, ...]
    asked: int
    waiting: int
    unclaimed: int
    minutes: tuple[int, int] | None  # median and 90th percentile to the mediator's first words; None: too few


def measures(referrals: Iterable[Referral], key: Key) -> list[Measure]:
    """The groups that are large enough to be told."""
    groups: dict[tuple[str, ...], list[Referral]] = defaultdict(list)
    for one in referrals:
        groups[key(one)].append(one)
    return [_measure(name, groups[name]) for name in listed((name, len(members)) for name, members in groups.items())]


def _measure(key: tuple[str, ...], members: list[Referral]) -> Measure:
    waiting = sum(one.state == WAITING for one in members)
    unclaimed = sum(one.outcome == "unclaimed" for one in members)
    return Measure(key, len(members), waiting, unclaimed, _minutes(members))


def _minutes(referrals: list[Referral]) -> tuple[int, int] | None:
    waits = [(one.first_reply_at - one.consented_at).total_seconds() / 60 for one in referrals if one.first_reply_at]
    if len(waits) < max(settings().smallest_number, 2):
        return None
    return round(statistics.median(waits)), round(statistics.quantiles(waits, n=10, method="inclusive")[-1])


def counts(codes: Iterable[str | None]) -> list[tuple[str, int]]:
    """How often each code occurs, those that are large enough."""
    counted = Counter(code for code in codes if code)
    return [(code, counted[code]) for code in listed(counted.items())]


def outcomes(referrals: Iterable[Referral]) -> dict[str, list[tuple[str, int]]]:
    """How requests ended, and what people said of it."""
    found = list(referrals)
    return {
        "outcomes": counts(one.outcome for one in found if one.state == CLOSED),
        "did the mediator help": counts(one.satisfaction for one in found),
        "were they received": counts(one.follow_up for one in found),
    }


def report() -> str:
    """The whole report, as tables in plain text."""
    with sessions()() as session:
        referrals = list(session.scalars(sa.select(Referral)))
    smallest = settings().smallest_number
    parts = [
        f"referrals: {told(len(referrals))}",
        *(_table(f"by {name}", measures(referrals, key)) for name, key in BY.items()),
        *(_counts(title, found) for title, found in outcomes(referrals).items()),
        f"Every number is rounded down to a multiple of {smallest}. What is not listed: fewer than {smallest} each.",
    ]
    return "\n\n".join(parts)


def _table(title: str, rows: list[Measure]) -> str:
    lines = [f"{title:<40}{'asked':>7}{'waiting':>9}{'unclaimed':>11}{'first reply, min (median / p90)':>33}"]
    for row in rows:
        name = ", ".join(part or "not known" for part in row.key)
        minutes = f"{row.minutes[0]} / {row.minutes[1]}" if row.minutes else "-"
        lines.append(f"{name:<40}{told(row.asked):>7}{told(row.waiting):>9}{told(row.unclaimed):>11}{minutes:>33}")
    return "\n".join(lines)


def _counts(title: str, counted: list[tuple[str, int]]) -> str:
    return "\n".join([f"{title:<40}{'count':>7}", *(f"{code:<40}{told(count):>7}" for code, count in counted)])
