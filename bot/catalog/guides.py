"""The guides: a file for each need in services_catalog/guides/, checked and kept live like the services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.catalog.loader import Folder, Loaded, Problem, line_of, read_yaml
from bot.catalog.model import Guide, vocabulary
from bot.settings import settings

FOLDER = "guides"

_NUMBER = r"(?:\d+(?:[.,]\d+)*|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATED = re.compile(
    rf"\b{_NUMBER} (?:euros?|working days?|days?|weeks?|months?|years?|hours?)\b|€|\b\d+ (?:{_MONTH})\b", re.IGNORECASE
)
_YEAR = re.compile(r"\b20\d\d\b(?! euro)")


def read_guide(path: Path) -> Loaded[Guide]:
    """Read and check one guide; never raises for what an operator may have typed."""
    return read_yaml(path, Guide, _checks, 'deve cominciare con "sources:" e "what:".')


def _checks(path: Path, data: Any, guide: Guide) -> Iterator[Problem]:
    if path.stem not in vocabulary().needs:
        known = ", ".join(vocabulary().needs)
        yield Problem(
            path, 1, "error", "file", f'"{path.stem}" non è un bisogno. Il file ha il nome di uno di questi: {known}.'
        )
    for loc, sentence in guide.sentences():
        where, line = f"{loc[0]} {loc[1] + 1}", line_of(data, loc)
        if sentence.source not in guide.sources:
            yield Problem(path, line, "error", where, f'"{sentence.source}" non è sotto "sources:". Aggiungilo lì.')
        if _DATED.search(sentence.text) and not (sentence.year or _YEAR.search(sentence.text)):
            yield Problem(
                path, line, "error", where, 'un importo o un termine senza il suo anno. Aggiungi "year: 2026".'
            )
    if guide.bring and guide.bring.source not in guide.sources:
        told = f'"{guide.bring.source}" non è sotto "sources:". Aggiungilo lì.'
        yield Problem(path, line_of(data, ("bring",)), "error", "bring", told)
    used = {sentence.source for _, sentence in guide.sentences()} | ({guide.bring.source} if guide.bring else set())
    for name in guide.sources.keys() - used:
        line = line_of(data, ("sources", name))
        yield Problem(path, line, "warning", f"sources.{name}", "nessuna frase ne viene. Toglila.")


class Guides(Folder[Guide]):
    """The guides that are valid, by need."""

    def __init__(self, folder: Path, last_good: Path | None = None) -> None:
        super().__init__(folder, last_good)
        self.by_need: dict[str, Guide] = {}

    def read(self, path: Path) -> Loaded[Guide]:
        """One guide."""
        return read_guide(path)

    def index(self) -> None:
        """The guides by the need in their file's name."""
        self.by_need = {path.stem: guide for path, guide in self._files.items()}

    def missing(self) -> list[Problem]:
        """A problem for each need that has no file."""
        files = {path.stem for path in self.problems}
        return [
            Problem(self._folder / f"{need}.yml", 1, "error", "file", "manca: ogni bisogno ha una guida.")
            for need in vocabulary().needs
            if need not in files
        ]


@lru_cache
def _guides() -> Guides:
    return Guides(settings().catalog_dir / FOLDER, settings().state_dir / "catalog" / FOLDER)


def guides() -> Guides:
    """The guides of this process, fresh to within two seconds."""
    return _guides().refresh()
