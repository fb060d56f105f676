"""Closings for a period, as the notation has them: `2026 Dec 24-2027 Jan 06 off "ferie"`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from bot.catalog.hours.calendar import MONTHS, PATRON, SCHOOL, rules

LONGEST_REASON = 60
_MONTH = "|".join(MONTHS)
_FIRST = rf"(\d{{4}}) ({_MONTH}) 0?(\d{{1,2}})"
_LAST = rf"(?:(\d{{4}}) )?(?:({_MONTH}) )?0?(\d{{1,2}})"
_CLOSURE = re.compile(rf'{_FIRST}(?:-{_LAST})? (?:off|closed)(?: "(.*)")?')


@dataclass(frozen=True)
class Closure:
    """Closed from the first to the last day; `rule` is how the hours say it."""

    first: date
    last: date
    reason: str
    rule: str


def closures(text: str) -> list[Closure]:
    """The closings for a period that stand in the hours."""
    return [found for rule in rules(text) if (found := _closure(rule))]


def _closure(rule: str) -> Closure | None:
    match = _CLOSURE.fullmatch(rule)
    if not match:
        return None
    year, month, day, last_year, last_month, last_day, reason = match.groups()
    try:
        first = date(int(year), MONTHS.index(month) + 1, int(day))
        end = MONTHS.index(last_month or month) + 1
        last = date(int(last_year or year), end, int(last_day)) if last_day else first
    except ValueError:
        return None
    return Closure(first, last, reason or "", rule)


def with_closure(text: str, first: date, last: date, reason: str = "") -> str:
    """The hours with one more closing, which goes before everything else that they say of these days."""
    days = _written(first) if first == last else f"{_written(first)}-{_written(last)}"
    why = " ".join(re.sub(r'[";\x00-\x1f]', " ", reason).split())[:LONGEST_REASON]
    if why in (PATRON, SCHOOL):  # these words mean the calendar's own closings
        why = why.capitalize()
    return f"{text}; {days} off" + (f' "{why}"' if why else "")


def without_closure(text: str, rule: str) -> str:
    """The hours without that closing."""
    return "; ".join(one for one in rules(text) if one != rule)


def _written(day: date) -> str:
    return f"{day.year} {MONTHS[day.month - 1]} {day.day:02}"
