"""Opening hours in OpenStreetMap's notation: from an operator's Italian, checked for traps, and said in words."""

from bot.catalog.hours.calendar import ROME, holiday_on, is_public_holiday, school_break_until, timetable
from bot.catalog.hours.checks import checked_hours, doubts
from bot.catalog.hours.italian import from_italian, read_italian
from bot.catalog.hours.words import Opening, in_words, opening, week

__all__ = [
    "ROME",
    "Opening",
    "checked_hours",
    "doubts",
    "from_italian",
    "holiday_on",
    "in_words",
    "is_public_holiday",
    "opening",
    "read_italian",
    "school_break_until",
    "timetable",
    "week",
]
