"""What coordinators measure: waiting, unclaimed, outcomes; codes and counts only, small cells suppressed."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import sqlalchemy as sa

from bot.database.tables import Referral, sessions
from bot.mediation.states import CLOSED, WAITING

SMALLEST_CELL = 5


def report() -> str:
    """The whole report, as tables in plain text."""
    with sessions()() as session:
        referrals = list(session.scalars(sa.select(Referral)))
    parts = [
        f"referrals: {_cell(len(referrals))}",
        _table("by language", referrals, lambda one: one.language),
        _table("by ambito", referrals, lambda one: one.ambito or "not known"),
        _table("by language and ambito", referrals, lambda one: f"{one.language}, {one.ambito or 'not known'}"),
        _counts("outcomes", (one.outcome or "-" for one in referrals if one.state == CLOSED)),
        _counts("did the mediator help", (one.satisfaction for one in referrals if one.satisfaction)),
        _counts("were they received", (one.follow_up for one in referrals if one.follow_up)),
        f"Cells below {SMALLEST_CELL} are not shown.",
    ]
    return "\n\n".join(parts)


def _cell(count: int) -> str:
    return str(count) if count >= SMALLEST_CELL or count == 0 else f"<{SMALLEST_CELL}"


def _minutes(referrals: list[Referral]) -> str:
    """Median and 90th percentile from the request to the mediator's first words."""
    waits = [(one.first_reply_at - one.consented_at).total_seconds() / 60 for one in referrals if one.first_reply_at]
    if len(waits) < SMALLEST_CELL:
        return "-"
    return f"{statistics.median(waits):.0f} / {statistics.quantiles(waits, n=10)[-1]:.0f}"


def _table(title: str, referrals: list[Referral], key: Callable[[Referral], str]) -> str:
    groups: dict[str, list[Referral]] = defaultdict(list)
    for one in referrals:
        groups[key(one)].append(one)
    lines = [f"{title:<40}{'asked':>7}{'waiting':>9}{'unclaimed':>11}{'first reply, min (median / p90)':>33}"]
    for name, members in sorted(groups.items()):
        waiting = sum(one.state == WAITING for one in members)
        unclaimed = sum(one.outcome == "unclaimed" for one in members)
        counts = f"{_cell(len(members)):>7}{_cell(waiting):>9}{_cell(unclaimed):>11}"
        lines.append(f"{name:<40}{counts}{_minutes(members):>33}")
    return "\n".join(lines)


def _counts(title: str, codes: Iterable[str]) -> str:
    counted = sorted(Counter(codes).items(), key=lambda item: -item[1])
    return "\n".join([f"{title:<40}{'count':>7}", *(f"{code:<40}{_cell(count):>7}" for code, count in counted)])
