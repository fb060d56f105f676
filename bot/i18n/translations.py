"""gettext for one language, and Babel's dates, times, lists and names in it."""

from __future__ import annotations

import gettext as stdlib_gettext
import io
import logging
import re
import time
from datetime import date, datetime
from datetime import time as clock_time
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, dates, lists
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot.i18n.languages import DEFAULT_LANGUAGE, LOCALES, SOURCE_LANGUAGE, languages

FIRST_STRONG_ISOLATE, LEFT_TO_RIGHT_ISOLATE, POP_ISOLATE = "\u2068", "\u2066", "\u2069"
LOOK_AGAIN_SECONDS = 2.0
log = logging.getLogger(__name__)

_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LATIN_RUN = re.compile(r"[A-Za-zÀ-ɏ0-9](?:[A-Za-zÀ-ɏ0-9 .,:'’/@&+-]*[A-Za-zÀ-ɏ0-9])?")


#: Our code to Babel's, where they differ; for dates, Europe's English, which puts the day before the month.
FILIPINO = {"tl": "fil"}
IN_BABEL = FILIPINO | {"en": "en_GB"}


def N_(message: str) -> str:
    """Marks a message for extraction where it is not yet translated."""
    return message


class Translations:
    """Everything that depends on the language of the person who reads."""

    def __init__(self, code: str, catalog: stdlib_gettext.NullTranslations) -> None:
        self.code = code
        self.direction = languages()[code].direction
        self._catalog = catalog
        self._locale = Locale.parse(IN_BABEL.get(code, code))

    def __call__(self, message: str, **values: Any) -> str:
        """The message in this language, its %(named)s placeholders filled."""
        text = self._catalog.gettext(message)
        return text % values if values else text

    def plural(self, one: str, many: str, count: int, **values: Any) -> str:
        """The plural form that this language uses for `count`."""
        return self._catalog.ngettext(one, many, count) % {"count": count, **values}

    def isolate(self, text: str) -> str:
        """Latin names, numbers and links, kept in order inside a right-to-left sentence."""
        return f"{LEFT_TO_RIGHT_ISOLATE}{text}{POP_ISOLATE}" if self.direction == "rtl" else text

    def isolate_latin(self, text: str) -> str:
        """A sentence in which every Latin name and number is isolated; one not translated is isolated as a whole."""
        if self.direction != "rtl":
            return text
        if not _RIGHT_TO_LEFT.search(text):
            return self.isolate(text)
        return _LATIN_RUN.sub(lambda run: self.isolate(run[0]), text)

    def join(self, items: list[str]) -> str:
        """ "a, b and c"."""
        return lists.format_list(items, locale=self._locale) if items else ""

    def clock(self, moment: clock_time | datetime) -> str:
        """24-hour time, as on the doors of Italian offices."""
        return self.isolate(dates.format_time(moment, "H:mm", locale=Locale("en")))

    def weekday(self, day: date) -> str:
        """The name of the day, as used inside a sentence."""
        return dates.format_date(day, "EEEE", locale=self._locale)

    def day(self, day: date) -> str:
        """Day and month, with the weekday."""
        return f"{self.weekday(day)} {dates.format_skeleton('MMMMd', day, locale=self._locale)}"

    def month(self, day: date) -> str:
        """Month and year."""
        return dates.format_skeleton("yMMMM", day, locale=self._locale)

    def full_date(self, day: date) -> str:
        """Day, month and year."""
        return dates.format_date(day, "long", locale=self._locale)

    def language_name(self, code: str) -> str:
        """The name of a language, in this language."""
        name = self._locale.languages.get(babel_code(code))
        return name or (languages()[code].name if code in languages() else code)


def catalog_files(code: str) -> list[Path]:
    """locales/<code>/LC_MESSAGES/*.po; messages.po is for everybody, console.po for what operators read."""
    return sorted((LOCALES / code / "LC_MESSAGES").glob("*.po")) if code != SOURCE_LANGUAGE else []


def babel_code(code: str) -> str:
    """The code by which Babel knows the language."""
    return FILIPINO.get(code, code)


def read_catalog(code: str) -> stdlib_gettext.NullTranslations:
    """Compile the .po files in memory, so that an edited file needs no build step."""
    catalog = stdlib_gettext.NullTranslations()
    for path in catalog_files(code):
        with path.open("rb") as source:
            messages = read_po(source, locale=babel_code(code))
        compiled = io.BytesIO()
        write_mo(compiled, messages)
        compiled.seek(0)
        read = stdlib_gettext.GNUTranslations(compiled)
        read.add_fallback(catalog)
        catalog = read
    return catalog


class _Live:
    """One language, read again when its files change; a file that cannot be read leaves the words as they were."""

    def __init__(self, code: str) -> None:
        self._code, self._looked_at = code, time.monotonic()
        self._stamp = self._stamps()
        self._words = Translations(code, read_catalog(code))

    def words(self) -> Translations:
        if time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
            self._looked_at = time.monotonic()
            self._look_again()
        return self._words

    def _look_again(self) -> None:
        try:
            if (stamp := self._stamps()) != self._stamp:
                self._stamp = stamp
                self._words = Translations(self._code, read_catalog(self._code))
        except (OSError, ValueError) as error:
            log.error("words of %s not read again, the last good ones stay: %s", self._code, error)

    def _stamps(self) -> list[tuple[Path, int, int]]:
        return [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in catalog_files(self._code)]


@lru_cache
def _live(code: str) -> _Live:
    return _Live(code)


def translations(code: str | None) -> Translations:
    """The words of a language on offer, as its files now are; the default language for any other code."""
    return _live(code if code is not None and code in languages() else DEFAULT_LANGUAGE).words()
