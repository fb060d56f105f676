"""Opening hours: the traps of the notation, and the words."""

from datetime import datetime

import pytest

from bot.catalog.hours import ROME, checked_hours, in_words, week
from bot.i18n import languages, translations


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Lun-Ven 9:00", "Mo-Fr"),
        ("Mo-Fr 09:00-12:30; We 14:00-17:00", "We 09:00-12:30,14:00-17:00"),
        ("Mo-Fr 09:00-25:00", "midnight"),
        ('Mo-Fr 09:00-12:00; "su appuntamento"', "always open"),
        ("Mo-Fr 09:00-12:00; SH off", "no effect"),
        ("quando capita", "cannot be read"),
    ],
)
def test_each_trap_is_refused_and_says_what_to_type(text, said):
    with pytest.raises(ValueError, match=r"opening hours|weekdays|Join|24:00|comment|effect") as refused:
        checked_hours(text)

    assert said in str(refused.value)


def at(day: int, hour: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, 0, tzinfo=ROME)


@pytest.mark.parametrize(
    ("hours", "now", "words"),
    [
        ("Mo-Fr 09:00-12:30; PH off", at(24, 10), "Open now, until 12:30."),
        ("Mo-Fr 09:00-12:30; PH off", at(24, 13), "Closed now. Opens tomorrow at 9:00."),
        ("Mo-Fr 09:00-12:30; PH off", at(24, 7), "Closed now. Opens today at 9:00."),
        ("Th 14:00-16:00; PH off", at(24, 10), "Closed now. Opens on Thursday at 14:00."),
        ("Mo-Fr 09:00-12:30; PH off", at(8, 10, 12), "Closed today: public holiday. Opens tomorrow at 9:00."),
        ("24/7", at(24, 3), "Always open, day and night."),
    ],
)
def test_hours_are_said_with_what_comes_next(hours, now, words):
    assert in_words(hours, now, translations("en")) == words


@pytest.mark.parametrize("language", list(languages()))
def test_a_week_has_seven_lines_in_every_language(language):
    assert len(week("Mo-Fr 09:00-12:30,14:00-17:00; PH off", at(24, 10), translations(language))) == 7
