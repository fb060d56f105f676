"""What is wrong with the training sentences: too few, or so alike that they cannot tell two meanings apart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz, process
from ruamel.yaml import YAML

from bot.catalog.model import vocabulary
from bot.i18n import languages
from bot.places.text import key
from bot.settings import ROOT

SENTENCES = ROOT / "data" / "nlu"
QUESTIONS = [ROOT / "tests" / "challenge", ROOT / "tests" / "development"]
PER_NEED, PER_TURN = 40, 15
#: Percent of equal letters from which two sentences count as one, and the letters below which likeness says nothing.
ALIKE, LONG_ENOUGH = 92, 18


def sentences(language: str) -> dict[str, list[str]]:
    """Intent to its sentences, in one language."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((SENTENCES / language).glob("*.yml")):
        for block in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["nlu"]:
            found[block["intent"]] += re.findall(r"^- (.+)$", block["examples"], re.MULTILINE)
    return dict(found)


def questions(path: Path) -> list[dict[str, str]]:
    """[{text, intent, style}] of one file of challenge or development questions."""
    listed: list[dict[str, str]] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))["questions"]
    return listed


def problems() -> Iterator[str]:
    """Everything that is wrong, language by language."""
    for language in languages():
        found = sentences(language)
        yield from _too_few(language, found)
        meaning: dict[str, str] = {}
        for intent, texts in found.items():
            for text in texts:
                if meaning.setdefault(key(text), intent) != intent:
                    yield f'{language}: "{text}" stands under {meaning[key(text)]} and {intent}.'
        yield from _alike(language, meaning)
        for folder in QUESTIONS:
            if (path := folder / f"{language}.yml").exists():
                yield from _known(language, list(meaning), [key(q["text"]) for q in questions(path)], folder.name)


def _too_few(language: str, found: dict[str, list[str]]) -> Iterator[str]:
    wanted = dict.fromkeys(vocabulary().needs, PER_NEED) | {
        turn: PER_TURN for turn in found if turn not in vocabulary().needs
    }
    for intent, least in wanted.items():
        if (count := len(found.get(intent, []))) < least:
            yield f"{language}: {intent} has {count} sentences; write at least {least}."


def _alike(language: str, meaning: dict[str, str]) -> Iterator[str]:
    texts = [text for text in meaning if len(text) >= LONG_ENOUGH]
    for one, other in _pairs(texts, texts):
        if one < other and meaning[texts[one]] != meaning[texts[other]]:
            yield (
                f'{language}: "{texts[one]}" ({meaning[texts[one]]}) and "{texts[other]}" ({meaning[texts[other]]}) '
                "are nearly the same."
            )


def _known(language: str, trained: list[str], asked: list[str], where: str) -> Iterator[str]:
    asked = [text for text in asked if len(text) >= LONG_ENOUGH]
    for one, other in _pairs(asked, trained):
        yield f'{language}: the {where} question "{asked[one]}" is nearly the training sentence "{trained[other]}".'


def _pairs(some: list[str], others: list[str]) -> Iterator[tuple[int, int]]:
    for start in range(0, len(some), 500):
        part = some[start : start + 500]
        scores = process.cdist(part, others, scorer=fuzz.ratio, score_cutoff=ALIKE, dtype=np.uint8, workers=-1)
        for one, other in zip(*np.nonzero(scores), strict=True):
            yield start + int(one), int(other)
