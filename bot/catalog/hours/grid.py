"""The hours as a week with up to two openings a day, beside what such a grid cannot show."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.catalog.hours.calendar import rules
from bot.catalog.hours.italian import WEEK, weekly_rules
from bot.catalog.hours.words import usual_week

MOST_SPANS = 2
HOLIDAYS_OFF = "PH off"
_DAYS = r"(?:Mo|Tu|We|Th|Fr|Sa|Su)(?:[-,](?:Mo|Tu|We|Th|Fr|Sa|Su))*"
_SPANS = r"\d\d:\d\d-\d\d:\d\d(?:,\d\d:\d\d-\d\d:\d\d)*"
_WEEKLY = re.compile(rf"{_DAYS} {_SPANS}(?:, {_DAYS} {_SPANS})*")

Spans = list[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """Weekday to its openings; `rest` are the rules that stand behind the week and stay as they are."""

    days: dict[str, Spans] = field(default_factory=dict)
    closed_on_holidays: bool = False
    rest: list[str] = field(default_factory=list)

    @property
    def says_holidays(self) -> bool:
        """Whether one of the rules that stay speaks of public holidays."""
        return any(rule.startswith("PH") for rule in self.rest)

    @property
    def notation(self) -> str:
        """The hours in the notation; empty where the desk never opens."""
        spans = {day: [f"{begin}-{end}" for begin, end in self.days[day]] for day in WEEK if self.days.get(day)}
        holidays = [HOLIDAYS_OFF] if self.closed_on_holidays and not self.says_holidays else []
        return "; ".join([*weekly_rules(spans), *holidays, *self.rest]) if spans else ""


def grid_of(text: str) -> Grid | None:
    """The grid of hours in the notation; None for hours that are no week of at most two openings a day."""
    listed = rules(text) if text else []
    weekly: list[str] = []
    while listed and _WEEKLY.fullmatch(listed[0]):
        weekly.append(listed.pop(0))
    if any(_WEEKLY.fullmatch(rule) for rule in listed) or (listed and not weekly):
        return None
    spans = re.findall(r"(\d\d:\d\d)-(\d\d:\d\d)", " ".join(weekly))
    days = usual_week("; ".join(weekly)) if weekly else {}
    if any(end <= begin or end >= "24:00" for begin, end in spans) or any(len(d) > MOST_SPANS for d in days.values()):
        return None
    return Grid(days, HOLIDAYS_OFF in listed, [rule for rule in listed if rule != HOLIDAYS_OFF])
