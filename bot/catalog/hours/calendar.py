"""Days on which desks are closed that no desk writes on its door: public holidays, patron saints, school holidays."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours
from ruamel.yaml import YAML

from bot.settings import settings

ROME = ZoneInfo("Europe/Rome")
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
#: Comments that timetable() puts behind the closings it adds, so that words.py can say the reason.
PATRON, SCHOOL = "patron", "school"
_CLOSED_ON_HOLIDAYS = re.compile(r"\bPH(?:,SH)? (?:off|closed)\b")


@lru_cache
def patron_days() -> dict[str, date]:
    """ISTAT code to the day of the patron saint, in a leap year that stands for every year."""
    path = settings().catalog_dir / "places" / "patron_days.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["istat_code"]: date.fromisoformat(f"2000-{row['day']}") for row in csv.DictReader(lines)}


@lru_cache
def school_holidays() -> str:
    """The days without lessons in Lombardy's state schools, as a list of days in the notation."""
    path = settings().catalog_dir / "places" / "school_calendar.yml"
    breaks = YAML(typ="safe").load(path.read_text(encoding="utf-8"))["closed"]
    return ",".join(one["days"] for one in breaks)


def rules(text: str) -> list[str]:
    """The rules of hours in the notation; a ";" inside a comment separates none."""
    return [rule.strip() for rule in re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', text)]


def timetable(text: str, comune: str | None = None) -> str:
    """The hours with what the notation cannot know: school holidays for SH, and the patron saint's day.

    The patron's day is added where the desk closes on public holidays, unless the hours speak of that day themselves.
    """
    text = "; ".join(_without_sh(rule) for rule in rules(text))
    day = patron_days().get(comune or "")
    if day and _CLOSED_ON_HOLIDAYS.search(text):
        month = MONTHS[day.month - 1]
        if not re.search(rf"(?<!\d{{4}} )\b{month} 0?{day.day}\b", text):
            text += f'; {month} {day.day:02} off "{PATRON}"'
    return text


def _without_sh(rule: str) -> str:
    if re.fullmatch(r"PH,SH (off|closed)", rule):
        return f'PH off; {school_holidays()} off "{SCHOOL}"'
    if re.fullmatch(r"SH (off|closed)", rule):
        return f'{school_holidays()} off "{SCHOOL}"'
    return re.sub(r"^SH\b", school_holidays(), rule)


@lru_cache(maxsize=1024)
def is_public_holiday(day: date) -> bool:
    """Whether a day is a national holiday in Italy."""
    noon = datetime.combine(day, time(12), ROME)
    return bool(_holidays().is_open(noon))


@lru_cache
def _holidays() -> OpeningHours:
    return OpeningHours("PH 00:00-24:00", timezone=ROME, country="IT")


def holiday_on(day: date, comune: str | None = None) -> bool:
    """Whether a day is a national holiday, or the patron saint's day of the municipality."""
    patron = patron_days().get(comune or "")
    return is_public_holiday(day) or bool(patron and (patron.month, patron.day) == (day.month, day.day))


@lru_cache
def _lessons() -> OpeningHours:
    return OpeningHours(f"Mo-Su 00:00-24:00; {school_holidays()} off", timezone=ROME, country="IT")


def school_break_until(day: date) -> date | None:
    """The last day of the school holidays that `day` lies in; None on days of lessons."""
    if _lessons().is_open(datetime.combine(day, time(12), ROME)):
        return None
    last = day
    while not _lessons().is_open(datetime.combine(last + timedelta(days=1), time(12), ROME)):
        last += timedelta(days=1)
    return last
