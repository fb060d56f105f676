"""Opening hours said in a person's language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from opening_hours import OpeningHours, State

from bot.catalog.hours.calendar import PATRON, ROME, SCHOOL, is_public_holiday
from bot.i18n import Translations

HORIZON = timedelta(days=120)  # long enough to see past the summer holidays


@lru_cache(maxsize=8192)
def _parsed(text: str) -> OpeningHours:
    return OpeningHours(text, timezone=ROME, country="IT")


@dataclass(frozen=True)
class Opening:
    """Open or closed at a moment, and when that changes (None when it does not for months)."""

    is_open: bool
    changes_at: datetime | None
    reason: str  # "public", PATRON or SCHOOL where a holiday closes the desk that day; otherwise empty


def opening(text: str, now: datetime) -> Opening:
    """What the hours say at `now` (any time zone; the desks are in Rome's)."""
    now = now.astimezone(ROME)
    hours = _parsed(text)
    is_open = bool(hours.is_open(now))
    return Opening(is_open, _next_change(hours, now, is_open), "" if is_open else _reason(text, now.date()))


def _next_change(hours: OpeningHours, now: datetime, is_open: bool) -> datetime | None:
    """When open turns to closed or back; the library's own next_change() also stops where only a comment changes."""
    end = datetime.combine(now.date() + HORIZON, datetime.min.time(), ROME)  # midnight, which every day has
    for begin, _, state, _ in hours.intervals(now, end):
        if (state == State.OPEN) != is_open:
            return _local(begin)
    return None


def _reason(text: str, day: date) -> str:
    """Why a desk is closed all day, where it is a holiday."""
    _, comment = _parsed(text).state(datetime.combine(day, datetime.min.time(), ROME) + timedelta(hours=12))
    if comment in (PATRON, SCHOOL):
        return str(comment)
    return "public" if is_public_holiday(day) and "PH" in text else ""


def in_words(text: str, now: datetime, tr: Translations) -> str:
    """Open or closed now, why, and when that changes."""
    now = now.astimezone(ROME)
    if text.strip() == "24/7":
        return tr("Always open, day and night.")
    state = opening(text, now)
    day: date | None
    if state.is_open:
        words, day = _open_words(state, tr), now.date()
    else:
        words, day = _closed_words(state, tr), state.changes_at.date() if state.changes_at else None
        if state.changes_at:
            words += " " + _next_opening(state.changes_at, now, tr)
    if day and is_public_holiday(day) and "PH" not in text:
        words += " " + tr("That day is a public holiday: it may be closed. Call before you go.")
    return words


def _open_words(state: Opening, tr: Translations) -> str:
    if state.changes_at is None:
        return tr("Open now.")
    return tr("Open now, until %(time)s.", time=tr.clock(state.changes_at))


def _closed_words(state: Opening, tr: Translations) -> str:
    if state.reason == "public":
        return tr("Closed today: public holiday.")
    if state.reason == PATRON:
        return tr("Closed today: local holiday.")
    if state.reason == SCHOOL:
        return tr("Closed today: school holidays.")
    return tr("Closed now.")


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
    today = now.astimezone(ROME).date()
    days = [today + timedelta(days=offset) for offset in range(7)]
    # Translators: one line of a weekly timetable, such as "Monday: 9:00-12:30".
    return [tr("%(weekday)s: %(hours)s", weekday=tr.weekday(day), hours=_hours_on(text, day, tr)) for day in days]


def _hours_on(text: str, day: date, tr: Translations) -> str:
    start = datetime.combine(day, datetime.min.time(), ROME)
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), ROME)
    spans = [
        f"{tr.clock(max(_local(begin), start))}-{_closing(_local(end), midnight, tr)}"
        for begin, end, state, _ in _parsed(text).intervals(start, midnight)
        if state == State.OPEN
    ]
    if spans:
        return ", ".join(spans)
    return tr("closed (holiday)") if _reason(text, day) else tr("closed")


def _local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=ROME) if moment.tzinfo is None else moment.astimezone(ROME)


def _closing(end: datetime, midnight: datetime, tr: Translations) -> str:
    return tr.isolate("24:00") if end >= midnight else tr.clock(end)


def usual_week(text: str) -> dict[str, list[tuple[str, str]]]:
    """The hours of a week without holidays: weekday in the notation to (from, to), for exports and previews."""
    monday = datetime(2026, 10, 12, tzinfo=ROME)  # a week of lessons with no holiday anywhere in Lombardy
    found: dict[str, list[tuple[str, str]]] = {}
    for offset, name in enumerate(["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]):
        start = monday + timedelta(days=offset)
        for begin, end, state, _ in _parsed(text).intervals(start, start + timedelta(days=1)):
            if state == State.OPEN:
                until = _local(end)
                closes = "24:00" if until >= start + timedelta(days=1) else f"{until:%H:%M}"
                found.setdefault(name, []).append((f"{max(_local(begin), start):%H:%M}", closes))
    return found


def is_simple(text: str) -> bool:
    """Whether a week says all: no season, date or week of the month."""
    months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
    return not re.search(rf"\b({months}|week|easter|SH|\d{{4}})\b|\[", text)
