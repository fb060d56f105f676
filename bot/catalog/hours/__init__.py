"""Opening hours in OpenStreetMap's notation: from an operator's Italian, checked for traps, and said in words."""

from bot.catalog.hours.calendar import ROME, holiday_on, is_public_holiday, school_break_until, timetable
from bot.catalog.hours.checks import checked_hours, doubts
from bot.catalog.hours.closures import Closure, closures, with_closure, without_closure
from bot.catalog.hours.grid import MOST_SPANS, Grid, grid_of
from bot.catalog.hours.italian import from_italian, read_italian
from bot.catalog.hours.words import Opening, in_words, opening, week

__all__ = [
    "MOST_SPANS",
    "ROME",
    "Closure",
    "Grid",
    "Opening",
    "checked_hours",
    "closures",
    "doubts",
    "from_italian",
    "grid_of",
    "holiday_on",
    "in_words",
    "is_public_holiday",
    "opening",
    "read_italian",
    "school_break_until",
    "timetable",
    "week",
    "with_closure",
    "without_closure",
]
