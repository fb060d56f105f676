"""Hours picked on a week grid: between the fields of the form and the notation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bot.catalog.hours import MOST_SPANS, Grid, grid_of
from bot.catalog.hours.italian import WEEK
from bot.i18n import Translations

if TYPE_CHECKING:
    from bot.console.forms import Checked, Typed

_MONDAY = date(2026, 11, 23)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True)
class Day:
    """One row: the weekday, and from and to of each opening as they are typed."""

    code: str
    name: str
    spans: list[tuple[str, str]]


def is_shown(typed: Typed) -> bool:
    """Whether the form has the grid in place of the text."""
    return typed.get("hours_as") == ["grid"]


def hours_picked(typed: Typed, tr: Translations) -> tuple[str, str]:
    """The hours in the notation, and what is wrong with the grid (then the hours are those from before)."""
    before = (typed.get("hours") or [""])[0]
    old = grid_of(before)
    if old is None or not any(name.startswith("grid.") for name in typed):
        return before, ""
    days = {}
    for day in _days(typed, tr):
        spans = [span for span in day.spans if any(span)]
        if any(not all(map(_CLOCK.fullmatch, span)) for span in spans):
            return before, tr("%(day)s: an hour is missing. Fill in both “from” and “to”.", day=day.name)
        if any(end <= begin for begin, end in spans):
            return before, tr("%(day)s: it closes before it opens. Correct the hours.", day=day.name)
        days[day.code] = sorted(spans)
        if any(later[0] <= earlier[1] for earlier, later in zip(days[day.code], days[day.code][1:], strict=False)):
            return before, tr("%(day)s: the two openings overlap. Correct the hours.", day=day.name)
    picked = Grid({day: spans for day, spans in days.items() if spans}, "grid.holidays" in typed, old.rest)
    if picked == old:
        return before, ""
    if not picked.days and old.rest:
        return before, tr("Fill in at least one day; there are other ways to close for a period or for good.")
    return picked.notation, ""


def rows(checked: Checked, grid: Grid, tr: Translations) -> list[Day]:
    """The week as it was typed, or as the hours have it."""
    if any(name.startswith("grid.") for name in checked.typed):
        return _days(checked.typed, tr)
    empty = [("", "")] * MOST_SPANS
    return [Day(code, _name(code, tr), [*grid.days.get(code, []), *empty][:MOST_SPANS]) for code in WEEK]


def closed_on_holidays(checked: Checked, grid: Grid) -> bool:
    """The box as it was ticked, or as the hours have it."""
    if any(name.startswith("grid.") for name in checked.typed):
        return "grid.holidays" in checked.typed
    return grid.closed_on_holidays


def _days(typed: Typed, tr: Translations) -> list[Day]:
    def one(code: str, index: int, end: str) -> str:
        return (typed.get(f"grid.{code}.{index}.{end}") or [""])[0].strip()[:5]

    return [
        Day(code, _name(code, tr), [(one(code, index, "from"), one(code, index, "to")) for index in range(MOST_SPANS)])
        for code in WEEK
    ]


def _name(code: str, tr: Translations) -> str:
    name = tr.weekday(_MONDAY + timedelta(days=WEEK.index(code)))
    return name[0].upper() + name[1:]
