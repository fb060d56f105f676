"""Finds the municipalities that a text names, in any script, with typos."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rapidfuzz import fuzz, process

from bot.places.model import Comune, Place, Point, distance_km
from bot.places.text import fold, key, words
from bot.settings import settings

LONGEST_NAME = 6  # words
#: Letters that a name must have, and percent of them that must be right; other scripts decline names (в Милане).
FUZZY_LATIN, FUZZY_OTHER = (6, 84), (5, 80)
#: Names that are also everyday words: only after a word that announces a place, or alone.
EVERYDAY = set(
    [
        "agra",
        "angolo",
        "arena",
        "asola",
        "bema",
        "branzi",
        "brunello",
        "calco",
        "canzo",
        "casale",
        "cene",
        "cerro",
        "chiesa",
        "cino",
        "civo",
        "cologne",
        "come",
        "como",
        "corte",
        "costa",
        "crema",
        "dazio",
        "dorio",
        "ello",
        "erba",
        "erve",
        "fino",
        "gera",
        "incudine",
        "leno",
        "limone",
        "lodi",
        "lovero",
        "lozza",
        "magenta",
        "mantello",
        "mariana",
        "marone",
        "meda",
        "mede",
        "mello",
        "merlino",
        "mese",
        "monte",
        "mozzo",
        "mura",
        "musso",
        "nave",
        "nova",
        "ome",
        "opera",
        "parre",
        "pero",
        "pieve",
        "pigra",
        "ponte",
        "premana",
        "ranco",
        "rea",
        "rho",
        "romano",
        "rota",
        "sala",
        "sale",
        "sesto",
        "sonico",
        "stazzona",
        "suardi",
        "tirano",
        "torre",
        "trovo",
        "valle",
        "villa",
        "volta",
        "zeme",
        "zone",
    ]
)
ANNOUNCES = set(
    [
        "a",
        "ad",
        "di",
        "da",
        "in",
        "del",
        "comune",
        "zona",
        "vicino",
        "presso",
        "abito",
        "vivo",
        "sto",
        "sono",
        "abbiamo",
        "citta",
        "paese",
        "at",
        "from",
        "near",
        "to",
        "live",
        "living",
        "around",
        "de",
        "en",
        "vers",
        "habite",
        "vis",
        "ville",
        "commune",
        "près",
        "pres",
        "f",
        "fi",
        "fe",
        "b",
        "men",
        "mn",
        "فی",
        "من",
        "ب",
        "حدا",
        "قرب",
        "مدینہ",
        "بلدیہ",
        "ساکن",
        "عایش",
        "کنسکن",
        "no",
        "tra",
        "via",
        "verso",
        # Spanish, Portuguese, Romanian, Albanian, Filipino
        "vivo",
        "moro",
        "em",
        "cerca",
        "perto",
        "desde",
        "din",
        "la",
        "langa",
        "locuiesc",
        "ne",
        "nga",
        "jetoj",
        "sa",
        "taga",
        # Russian, Ukrainian, also in Latin letters
        "в",
        "во",
        "із",
        "из",
        "з",
        "у",
        "біля",
        "под",
        "возле",
        "v",
        "vo",
        "iz",
        "z",
        "u",
        "zhivu",
        "zhyvu",
    ]
)
#: Words and endings that stand behind the name of a place (Hindi, Punjabi, Urdu, Bengali, Sinhala, Turkish).
FOLLOWS = {
    fold(word)
    for word in [
        "में", "मे", "से", "me", "mein", "mai", "se", "ਵਿੱਚ", "ਵਿਚ", "ਤੋਂ", "vich", "vch", "ch", "میں", "سے", "ch",
        "তে", "এ", "থেকে", "e", "te", "theke", "වල", "වලින්", "wala", "eke", "da", "de", "dan", "den",
    ]
}  # fmt: skip
_ENDINGS = {"da", "de", "ta", "te", "dan", "den", "tan", "ten", "ya", "ye"}
_ARABIC = re.compile(r"^[\u0600-\u06ff]+$")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Match:
    """A stretch of text that names one comune, or several of which the person must choose one."""

    start: int
    end: int
    codes: tuple[str, ...]


def _fuzziness(name: str) -> tuple[int, int]:
    return FUZZY_LATIN if name.isascii() else FUZZY_OTHER


def _without_prefix(word: str) -> Iterable[str]:
    """An Arabic word, and the same without the preposition that is written onto it (in, to, from, and)."""
    yield word
    if _ARABIC.match(word) and len(word) > 4 and word[0] in "بفلوک":
        yield word[1:]


def _without_ending(word: str) -> Iterable[str]:
    """A word, and the same without a Turkish case ending that was typed without its apostrophe (milanoda)."""
    for length in (2, 3):
        if len(word) - length >= 5 and word[-length:] in _ENDINGS:
            yield word[:-length]


class Gazetteer:
    """All comuni of Lombardy with their names in every script."""

    def __init__(self, comuni: Iterable[Comune], names: Iterable[tuple[str, str, bool]]) -> None:
        """`names` are (ISTAT code, other name, is an everyday word)."""
        self.comuni = {comune.code: comune for comune in comuni}
        index: dict[str, list[str]] = defaultdict(list)
        self._everyday = set(EVERYDAY)
        for comune in self.comuni.values():
            index[key(comune.name)].append(comune.code)
        for code, name, everyday in names:
            if code not in index[key(name)]:
                index[key(name)].append(code)
            if everyday:
                self._everyday.add(key(name))
        self._index = {name: tuple(codes) for name, codes in index.items() if name}
        self._han = sorted((n for n in self._index if _HAN.search(n)), key=len, reverse=True)
        self._fuzzy = [n for n in self._index if len(n) >= _fuzziness(n)[0] and n not in self._everyday]

    def place(self, value: str) -> Place | None:
        """The place behind a `place` slot (see Place.code), or None when it is not one."""
        code, _, shared = value.partition("@")
        comune = self.comuni.get(code)
        if comune is None:
            return None
        if not shared:
            return Place(comune, comune.point)
        latitude, longitude = (float(number) for number in shared.split(","))
        return Place(comune, Point(latitude, longitude))

    def nearest(self, point: Point) -> Place:
        """The comune whose centre is nearest to a shared location."""
        comune = min(self.comuni.values(), key=lambda c: distance_km(c.point, point))
        return Place(comune, Point(round(point.latitude, 3), round(point.longitude, 3)))

    def find(self, text: str) -> list[Match]:
        """Every place that the text names, in order; exact names first, then one with typos."""
        text = text[:2000]
        tokens = words(text)
        found = self._exact(tokens) or self._han_names(text)
        return found or self._misspelt(tokens)

    def without_places(self, text: str) -> str:
        """The text without the names of places, which belong to no language."""
        for match in reversed(self.find(text)):
            text = text[: match.start] + text[match.end :]
        return text

    def _exact(self, tokens: list[tuple[str, int, int]]) -> list[Match]:
        found: list[Match] = []
        at = 0
        while at < len(tokens):
            match, used = self._longest_at(tokens, at)
            if match:
                found.append(match)
            at += used
        return found

    def _longest_at(self, tokens: list[tuple[str, int, int]], at: int) -> tuple[Match | None, int]:
        for length in range(min(LONGEST_NAME, len(tokens) - at), 0, -1):
            run = tokens[at : at + length]
            for first in _without_prefix(run[0][0]):
                name = " ".join([first, *(word for word, _, _ in run[1:])])
                codes = self._index.get(name)
                if codes and (first != run[0][0] or self._is_place(name, tokens, at)):
                    return Match(run[0][1], run[-1][2], codes), length
        word, start, end = tokens[at]
        for name in _without_ending(word):
            if name in self._index and name not in self._everyday:
                return Match(start, end, self._index[name]), 1
        return None, 1

    def _is_place(self, name: str, tokens: list[tuple[str, int, int]], at: int) -> bool:
        return name not in self._everyday or len(tokens) == 1 or self._is_marked(tokens, at, name.count(" ") + 1)

    @staticmethod
    def _is_marked(tokens: list[tuple[str, int, int]], at: int, length: int) -> bool:
        """Whether a word before or behind says that this is a place."""
        before = tokens[at - 1][0] if at else ""
        behind = tokens[at + length][0] if at + length < len(tokens) else ""
        return before in ANNOUNCES or behind in FOLLOWS

    def _han_names(self, text: str) -> list[Match]:
        for name in self._han:
            if (start := text.find(name)) >= 0:
                return [Match(start, start + len(name), self._index[name])]
        return []

    def _misspelt(self, tokens: list[tuple[str, int, int]]) -> list[Match]:
        for at, (_, start, _) in enumerate(tokens):
            if len(tokens) > 2 and not self._is_marked(tokens, at, 1):
                continue
            for length in (3, 2, 1):
                run = tokens[at : at + length]
                name = " ".join(w for w, _, _ in run)
                least, cutoff = _fuzziness(name)
                if len(run) < length or len(name) < least:
                    continue
                best = process.extractOne(name, self._fuzzy, scorer=fuzz.ratio, score_cutoff=cutoff)
                if best and best[0][0] == name[0]:
                    return [Match(start, run[-1][2], self._index[best[0]])]
        return []


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def load(folder: Path) -> Gazetteer:
    """Read comuni.csv, ambiti.csv and names.csv; their sources are named in each row."""
    ambiti = {row["istat_code"]: row["ambito"] for row in _rows(folder / "ambiti.csv")}
    comuni = [
        Comune(
            code=row["istat_code"],
            name=row["name"],
            province=row["province_code"],
            point=Point(float(row["latitude"]), float(row["longitude"])),
            population=int(row["population"] or 0),
            ambito=ambiti.get(row["istat_code"]),
        )
        for row in _rows(folder / "comuni.csv")
    ]
    names = [
        (row["istat_code"], row["altname"], "COMMON WORD" in row["source"] or len(key(row["altname"])) < 3)
        for row in _rows(folder / "names.csv")
    ]
    return Gazetteer(comuni, names)


@lru_cache
def gazetteer() -> Gazetteer:
    """The gazetteer of this process."""
    return load(settings().catalog_dir / "places")
