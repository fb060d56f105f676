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
from bot.places.text import key, words
from bot.settings import settings

LONGEST_NAME = 6  # words
FUZZY_CUTOFF = 84
FUZZY_MIN_LENGTH = 6
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
    ]
)
_ARABIC = re.compile(r"^[\u0600-\u06ff]+$")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Match:
    """A stretch of text that names one comune, or several of which the person must choose one."""

    start: int
    end: int
    codes: tuple[str, ...]


def _without_prefix(word: str) -> Iterable[str]:
    """An Arabic word, and the same without the preposition that is written onto it (in, to, from, and)."""
    yield word
    if _ARABIC.match(word) and len(word) > 4 and word[0] in "بفلوک":
        yield word[1:]


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
        self._fuzzy = [n for n in self._index if len(n) >= FUZZY_MIN_LENGTH and n not in self._everyday and n.isascii()]

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
        return None, 1

    def _is_place(self, name: str, tokens: list[tuple[str, int, int]], at: int) -> bool:
        if name not in self._everyday:
            return True
        return len(tokens) == 1 or (at > 0 and tokens[at - 1][0] in ANNOUNCES)

    def _han_names(self, text: str) -> list[Match]:
        for name in self._han:
            if (start := text.find(name)) >= 0:
                return [Match(start, start + len(name), self._index[name])]
        return []

    def _misspelt(self, tokens: list[tuple[str, int, int]]) -> list[Match]:
        for at, (word, start, _) in enumerate(tokens):
            if len(tokens) > 2 and not (at and tokens[at - 1][0] in ANNOUNCES):
                continue
            for length in (3, 2, 1):
                run = tokens[at : at + length]
                name = " ".join(w for w, _, _ in run)
                if len(run) < length or len(name) < FUZZY_MIN_LENGTH or not word.isascii():
                    continue
                best = process.extractOne(name, self._fuzzy, scorer=fuzz.ratio, score_cutoff=FUZZY_CUTOFF)
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
