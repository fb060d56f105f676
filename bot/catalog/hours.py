"""Opening hours in OpenStreetMap's notation: checked for its traps, and said in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours

from bot.i18n import Translations

ROME = ZoneInfo("Europe/Rome")
_DAYS = {"lun": "Mo", "mar": "Tu", "mer": "We", "gio": "Th", "ven": "Fr", "sab": "Sa", "dom": "Su"}
_ITALIAN_DAY = re.compile(r"\b(lun|mar|mer|gio|ven|sab|dom)[a-zì]*\b", re.IGNORECASE)
_RULE_DAYS = re.compile(r"^([A-Z][a-z](?:[-,][A-Z][a-z])*)\s+\d")
_WEEK = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]


def _days(rule: str) -> set[str]:
    """The weekdays that a rule of the simple form "Mo-Fr,Su 9:00-..." speaks of."""
    match = _RULE_DAYS.match(rule.strip())
    days: set[str] = set()
    for part in match.group(1).split(",") if match else []:
        first, _, last = part.partition("-")
        if first in _WEEK and (last or first) in _WEEK:
            days.update(_WEEK[_WEEK.index(first) : _WEEK.index(last or first) + 1])
    return days


def _overridden_days(text: str) -> list[str]:
    """Days that a later ";" rule sets anew, which silently drops their earlier hours."""
    seen: set[str] = set()
    lost: set[str] = set()
    for rule in text.split(";"):
        days = _days(rule)
        lost |= seen & days
        seen |= days
    return sorted(lost, key=_WEEK.index)


def checked_hours(text: str) -> str:
    """The text itself, if it is sound and free of the notation's traps; raises ValueError that says what to type."""
    if _ITALIAN_DAY.search(text):
        fixed = _ITALIAN_DAY.sub(lambda m: _DAYS[m.group(1).lower()], text)
        raise ValueError(f'"{text}": weekdays are written Mo Tu We Th Fr Sa Su. Did you mean "{fixed}"?')
    try:
        OpeningHours(text)
    except Exception as error:  # the library's ParserError derives from Exception alone
        raise ValueError(
            f'"{text}" cannot be read as opening hours. Write them like "Mo-Fr 09:00-12:30; PH off".'
        ) from error
    for hour in re.findall(r"-(\d\d):\d\d", text):
        if int(hour) > 24:
            raise ValueError(f'"{text}" closes after midnight. Write a closing hour of 24:00 or earlier.')
    if re.search(r"\bSH\b", text):
        raise ValueError(f'"{text}": SH (school holidays) has no effect. Write the closed dates, like "Jul-Aug off".')
    if re.fullmatch(r'\s*"[^"]*"\s*', text.split(";")[-1]):
        raise ValueError(
            f'"{text}": a comment alone reads as "always open". Put it behind hours, or use the booking field.'
        )
    if lost := _overridden_days(text):
        raise ValueError(
            f'"{text}": after ";" the earlier hours of {", ".join(lost)} are lost. '
            'Join the hours of one day with a comma, like "We 09:00-12:30,14:00-17:00".'
        )
    return text


@lru_cache(maxsize=4096)
def _parsed(text: str) -> OpeningHours:
    return OpeningHours(text, timezone=ROME, country="IT")


@dataclass(frozen=True)
class Opening:
    """Open or closed at a moment, and when that changes (None when it does not within a month)."""

    is_open: bool
    changes_at: datetime | None
    is_holiday: bool


@lru_cache(maxsize=512)
def is_public_holiday(day: str) -> bool:
    """Whether an ISO day is a national holiday in Italy."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ROME)
    return bool(OpeningHours("PH 00:00-24:00", timezone=ROME, country="IT").is_open(noon))


def opening(text: str, now: datetime) -> Opening:
    """What the hours say at `now` (any time zone; the desks are in Rome's)."""
    now = now.astimezone(ROME)
    hours = _parsed(text)
    change = hours.next_change(now)
    if change is not None:
        change = change.replace(tzinfo=ROME) if change.tzinfo is None else change.astimezone(ROME)
        if change - now > timedelta(days=31):
            change = None
    return Opening(bool(hours.is_open(now)), change, is_public_holiday(now.date().isoformat()))


def in_words(text: str, now: datetime, tr: Translations) -> str:
    """One sentence: open or closed now, and when that changes."""
    now = now.astimezone(ROME)
    state = opening(text, now)
    if text.strip() == "24/7":
        return tr("Always open, day and night.")
    if state.is_open:
        if state.changes_at is None:
            return tr("Open now.")
        return tr("Open now, until %(time)s.", time=tr.clock(state.changes_at))
    if state.changes_at is None:
        return tr("Closed now.")
    opens = _next_opening(state.changes_at, now, tr)
    if state.is_holiday:
        return tr("Closed today: public holiday.") + " " + opens
    return tr("Closed now.") + " " + opens


def _next_opening(at: datetime, now: datetime, tr: Translations) -> str:
    days = (at.date() - now.date()).days
    clock = tr.clock(at)
    if days == 0:
        return tr("Opens today at %(time)s.", time=clock)
    if days == 1:
        return tr("Opens tomorrow at %(time)s.", time=clock)
    if days < 7:
        return tr("Opens on %(weekday)s at %(time)s.", weekday=tr.weekday(at.date()), time=clock)
    return tr("Opens on %(day)s at %(time)s.", day=tr.day(at.date()), time=clock)


def week(text: str, now: datetime, tr: Translations) -> list[str]:
    """The next seven days, a line each: weekday and hours."""
    start = now.astimezone(ROME).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = []
    for offset in range(7):
        day = start + timedelta(days=offset)
        spans = [
            f"{tr.clock(max(_local(i[0]), day))}-{_closing(_local(i[1]), day, tr)}"
            for i in _parsed(text).intervals(day, day + timedelta(days=1))
            if _parsed(text).is_open(max(_local(i[0]), day))
        ]
        # Translators: one line of a weekly timetable, such as "Monday: 9:00-12:30".
        hours = ", ".join(spans) or tr("closed")
        lines.append(tr("%(weekday)s: %(hours)s", weekday=tr.weekday(day.date()), hours=hours))
    return lines


def _local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=ROME) if moment.tzinfo is None else moment.astimezone(ROME)


def _closing(end: datetime, day: datetime, tr: Translations) -> str:
    midnight = day + timedelta(days=1)
    return tr.isolate("24:00") if end >= midnight else tr.clock(end)
