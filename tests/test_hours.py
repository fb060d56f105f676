"""Opening hours: the traps of the notation, operators' Italian, holidays, and the words."""

import random
from datetime import UTC, date, datetime, time, timedelta

import pytest
from opening_hours import OpeningHours, State

from bot.catalog.hours import (
    ROME,
    checked_hours,
    doubts,
    from_italian,
    in_words,
    opening,
    read_italian,
    school_break_until,
    timetable,
    week,
)
from bot.catalog.hours.calendar import patron_days
from bot.catalog.loader import Catalog
from bot.i18n import languages, translations
from bot.places import gazetteer
from bot.settings import settings

SAMPLES = 20_000  # sentences in all, shared among notations and languages


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Lun-Ven 9:00-12:00", 'Scrivi "Mo-Fr 09:00-12:00"'),
        ("Mar 09:00-12:00", "i giorni si scrivono"),
        ("Mo-Fr 09:00-12:30; We 14:00-17:00", 'Scrivi "Mo-Tu,Th-Fr 09:00-12:30; We 09:00-12:30,14:00-17:00"'),
        ("Mo-Fr 09:00-12:30; We 14:00-17:00; PH off", "We 09:00-12:30,14:00-17:00; PH off"),
        ("Mo-Fr 09:00-25:00", "mezzanotte"),
        ('Mo-Fr 09:00-12:00; "su appuntamento"', "booking"),
        ('"su appuntamento"', "sempre aperto"),
        ('Mo-Fr 09:00-12:00 || "su appuntamento"', "non si usa"),
        ("Mo-Fr 09:00-12:00 SH off", "inizio di una regola"),
        ("Mo-Fr 09:00-12:00; Mo SH 10:00-12:00", "inizio di una regola"),
        ("Mo-Fr", "aperto giorno e notte"),
        ("Mo-Fr 09:00+", "ora di chiusura"),
        ("Mo-Fr 9-12.30", "non si legge"),
        ("quando capita", "Esempio"),
    ],
)
def test_each_trap_is_refused_in_italian_and_says_what_to_type(text, said):
    with pytest.raises(ValueError) as refused:
        checked_hours(text)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "24/7",
        "Mo-Fr 09:00-12:30; PH off",
        "Mar 10-Mar 20 Mo 09:00-10:00; PH off",
        "Mo-Fr 09:00-12:30; SH off; PH off",
        "Sep-Jun Mo-Fr 09:00-12:00; 2026 Dec 28 off; PH off",
        "Mo[1] 09:00-12:00; PH off",
    ],
)
def test_sound_hours_pass_as_they_are(text):
    assert checked_hours(text) == text
    assert doubts(text, date(2026, 11, 24)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mo-Fr 09:00-12:30", "giorni festivi"),
        ("mo-fr 09:00-12:30; PH off", 'Scrivi "Mo-Fr 09:00-12:30; PH off"'),
        ("Mo-Su 20:00-08:00; PH 20:00-08:00", "mezzanotte"),
        ("Mo-Fr 09:00-12:30; 2025 Aug 10-20 off; PH off", "2025"),
    ],
)
def test_what_is_allowed_but_odd_is_a_doubt(text, said):
    [doubt] = doubts(text, date(2026, 11, 24))

    assert said in doubt


@pytest.mark.parametrize(
    ("typed", "notation"),
    [
        ("lun-ven 9-12.30, mer anche 14-17", "Mo,Tu,Th,Fr 09:00-12:30; We 09:00-12:30,14:00-17:00"),
        ("Dal lunedì al venerdì dalle 9 alle 12.30, festivi chiuso", "Mo-Fr 09:00-12:30; PH off"),
        ("lunedì, mercoledì e venerdì 9.00/12.00 - martedì 14.30-17.30", "Mo,We,Fr 09:00-12:00; Tu 14:30-17:30"),
        ("lun-ven 9-12, mer solo 14-17", "Mo,Tu,Th,Fr 09:00-12:00; We 14:00-17:00"),
        ("lun e gio ore 9-12 e 14-16, sab chiuso", "Mo,Th 09:00-12:00,14:00-16:00"),
        ("il primo lunedì del mese 9-12", "Mo[1] 09:00-12:00"),
        ("tutti i giorni 8–20, chiuso ad agosto", "Mo-Su 08:00-20:00; Aug off"),
        ("lun-ven 9-12 chiuso dal 24 dicembre al 6 gennaio", "Mo-Fr 09:00-12:00; Dec 24-Jan 06 off"),
        ("da settembre a giugno mar 9-12", "Sep-Jun Tu 09:00-12:00"),
        ("24 ore su 24", "24/7"),
    ],
)
def test_operators_italian_becomes_the_notation(typed, notation):
    assert from_italian(typed) == notation
    assert checked_hours(notation) == notation


@pytest.mark.parametrize("typed", ["quando capita", "lun-ven 9.00", "9-12", "lun 9-32", "lun-ven solo su appuntamento"])
def test_what_is_not_understood_is_never_guessed(typed):
    with pytest.raises(ValueError, match=r"capisco|manca|orario"):
        from_italian(typed)


def test_hours_added_to_a_day_without_saying_so_are_asked_about():
    assert any("mer solo" in warning for warning in read_italian("lun-ven 9-12, mer 14-17; festivi chiuso").warnings)
    assert read_italian("lun-ven 9-12, mer anche 14-17; festivi chiuso").warnings == []


def at(day: int, hour: int, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, 0, tzinfo=ROME)


MILANO = "015146"
OFFICE = "Mo-Fr 09:00-12:30; PH off"


@pytest.mark.parametrize(
    ("hours", "now", "words"),
    [
        (OFFICE, at(24, 10), "Open now, until 12:30."),
        (OFFICE, at(24, 13), "Closed now. Opens tomorrow at 9:00."),
        (OFFICE, at(24, 7), "Closed now. Opens today at 9:00."),
        ("Th 14:00-16:00; PH off", at(24, 10), "Closed now. Opens on Thursday at 14:00."),
        (OFFICE, at(8, 10, 12), "Closed today: public holiday. Opens tomorrow at 9:00."),
        ("24/7", at(24, 3), "Always open, day and night."),
        (timetable(OFFICE, MILANO), at(7, 10, 12), "Closed today: local holiday. Opens on Wednesday at 9:00."),
        (
            timetable("Mo-Fr 09:00-12:30; PH off; SH off"),
            at(28, 10, 12),
            "Closed today: school holidays. Opens on Thursday 7 January at 9:00.",
        ),
        (
            "Mo-Fr 09:00-12:30",
            at(8, 10, 12),
            "Open now, until 12:30. That day is a public holiday: it may be closed. Call before you go.",
        ),
        ("Mo-Fr 09:00-12:30; Aug off; PH off", at(10, 10, 8), "Closed now. Opens on Tuesday 1 September at 9:00."),
    ],
)
def test_hours_are_said_with_what_comes_next(hours, now, words):
    assert in_words(hours, now, translations("en")) == words.replace(
        "Thursday 7 January", translations("en").day(date(2027, 1, 7))
    )


@pytest.mark.parametrize("language", list(languages()))
def test_a_week_has_seven_lines_in_every_language(language):
    assert len(week("Mo-Fr 09:00-12:30,14:00-17:00; PH off", at(24, 10), translations(language))) == 7


def test_the_patrons_day_is_closed_only_in_that_town_and_only_where_holidays_are():
    assert not opening(timetable(OFFICE, MILANO), at(7, 10, 12)).is_open
    assert opening(timetable(OFFICE, "014061"), at(7, 10, 12)).is_open
    assert timetable("24/7", MILANO) == "24/7"
    assert timetable("Mo-Fr 09:00-12:30", MILANO) == "Mo-Fr 09:00-12:30"


def test_a_desk_that_opens_on_the_patrons_day_says_so_itself():
    hours = "Mo-Fr 09:00-12:30; PH off; Dec 07 10:00-12:00"

    assert timetable(hours, MILANO) == hours


def test_every_patrons_day_is_of_a_comune_and_a_real_date():
    assert len(patron_days()) >= 12
    assert patron_days().keys() <= gazetteer().comuni.keys()


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2026, 12, 28), date(2027, 1, 6)),
        (date(2027, 3, 26), date(2027, 3, 30)),
        (date(2027, 7, 1), date(2027, 9, 11)),
        (date(2026, 11, 24), None),
        (date(2027, 6, 8), None),
    ],
)
def test_lombardys_school_calendar_of_2026_27(day, last):
    assert school_break_until(day) == last


def shipped_timetables() -> list[str]:
    services = Catalog(settings().catalog_dir).refresh().services.values()
    return sorted({timetable(s.hours, s.comune) for s in services if s.hours})


@pytest.mark.parametrize("language", list(languages()))
def test_over_a_whole_year_the_words_agree_with_the_library(language):
    """At random minutes of a year: open or closed, the clock time and the weekday said are the library's own."""
    tr, minute = translations(language), timedelta(minutes=1)
    chosen = random.Random(language)
    notations = shipped_timetables()
    for text in notations:
        hours = OpeningHours(text, timezone=ROME, country="IT")
        for _ in range(max(1, SAMPLES // len(notations) // len(languages()))):
            now = (datetime(2026, 7, 1, tzinfo=UTC) + minute * chosen.randrange(365 * 24 * 60)).astimezone(ROME)
            said = in_words(text, now, tr)
            if text == "24/7":
                assert said == tr("Always open, day and night.")
                continue
            is_open = hours.is_open(now)
            change = next(
                (
                    begin.astimezone(ROME)
                    for begin, _, state, _ in hours.intervals(
                        now, datetime.combine(now.date() + timedelta(days=120), time(), ROME)
                    )
                    if (state == State.OPEN) != is_open
                ),
                None,
            )
            if change is None:
                continue
            assert tr.clock(change) in said, (text, now, said)
            if is_open:
                assert said.startswith(tr("Open now, until %(time)s.", time=tr.clock(change))), (text, now, said)
            else:
                days = (change.date() - now.astimezone(ROME).date()).days
                expected = {0: "Opens today at %(time)s.", 1: "Opens tomorrow at %(time)s."}.get(days)
                if expected:
                    assert tr(expected, time=tr.clock(change)) in said, (text, now, said)
                else:
                    assert tr.weekday(change.date()) in said, (text, now, said)
