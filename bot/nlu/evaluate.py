"""Scores questions whose authors never saw the training sentences, and says per language how complete everything is."""

from __future__ import annotations

import asyncio
import logging
import statistics
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from babel.messages.pofile import read_po
from rasa.utils.log_utils import configure_structlog

from bot.catalog.model import vocabulary
from bot.i18n import SOURCE_LANGUAGE, languages
from bot.i18n.identify import identify
from bot.i18n.languages import LOCALES
from bot.nlu.check import questions, sentences
from bot.nlu.decision import FALLBACK
from bot.places import gazetteer
from bot.settings import ROOT
from bot.supervisor import newest_model

SETS = {"challenge": ROOT / "tests" / "challenge", "development": ROOT / "tests" / "development"}
STYLES = ["plain", "indirect", "noisy", "conversation", "out_of_scope"]


@dataclass(frozen=True)
class Asked:
    """One question of a set and what became of it."""

    language: str
    question: dict[str, str]
    parsed: dict[str, Any]

    @property
    def is_right(self) -> bool:
        """Right at the first answer; for what is out of scope, not answered as a need."""
        got = self.parsed["intent"]["name"]
        if self.question["intent"] == "out_of_scope":
            return got in ("out_of_scope", FALLBACK)
        return bool(got == self.question["intent"])

    @property
    def is_near(self) -> bool:
        """Right at once, or among the three needs offered as buttons."""
        if self.is_right:
            return True
        offered = [r["name"] for r in self.parsed["intent_ranking"] if r["name"] in vocabulary().needs][:3]
        return self.parsed["intent"]["name"] == FALLBACK and self.question["intent"] in offered


async def _parse(texts: list[str]) -> list[dict[str, Any]]:
    from rasa.core.agent import Agent

    agent = Agent.load(str(newest_model()))
    return [await agent.parse_message(text) for text in texts]


@lru_cache
def ask(name: str) -> list[Asked]:
    """Every question of a set, understood by the newest model."""
    configure_structlog(logging.WARNING)
    logging.disable(logging.WARNING)
    files = sorted(path for path in SETS[name].glob("*.yml") if path.stem in languages())
    listed = [(path.stem, question) for path in files for question in questions(path)]
    parsed = asyncio.run(_parse([question["text"] for _, question in listed]))
    return [Asked(language, question, got) for (language, question), got in zip(listed, parsed, strict=True)]


def evaluate(name: str, show_errors: bool = False) -> int:
    """Print a table: per language and style the share understood at once, in brackets with one tap more."""
    asked = ask(name)
    urgent = set(vocabulary().urgent_needs)
    groups: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for one in asked:
        for language in (one.language, "all"):
            groups[language, one.question["style"]].append(one)
            if one.question["intent"] in urgent:
                groups[language, "danger"].append(one)
            groups[language, "any"].append(one)
        if show_errors and not one.is_right:
            best = one.parsed["intent_ranking"][0]
            print(
                f"{one.language} {one.question['style']}: {one.question['text']!r} is {one.question['intent']}, "
                f"got {one.parsed['intent']['name']} ({best['name']} {best['confidence']:.2f})"
            )
    columns = [*STYLES, "danger"]
    print(
        f"{name:<12}" + "".join(f"{column:>14}" for column in columns) + "   out of scope: recall, precision   language"
    )
    for language in [*dict.fromkeys(one.language for one in asked), "all"]:
        cells = "".join(f"{_cell(groups[language, column]):>14}" for column in columns)
        print(
            f"{language:<12}{cells}   {_out_of_scope(groups[language, 'any']):>31}   {_told(groups[language, 'any'])}"
        )
    return 0


def _percent(hits: int, of: int) -> str:
    return f"{100 * hits / of:.0f}" if of else "-"


def _cell(group: list[Asked]) -> str:
    right, near = (sum(getattr(one, name) for one in group) for name in ("is_right", "is_near"))
    return f"{_percent(right, len(group))} ({_percent(near, len(group))}) %"


def _out_of_scope(group: list[Asked]) -> str:
    """Of what is out of scope how much is recognised; of what is called out of scope how much is."""
    outside = [one for one in group if one.question["intent"] == "out_of_scope"]
    called = [one for one in group if one.parsed["intent"]["name"] == "out_of_scope"]
    caught = sum(one.parsed["intent"]["name"] == "out_of_scope" for one in outside)
    unsure = sum(one.is_right for one in outside)
    return f"{_percent(caught, len(outside))} ({_percent(unsure, len(outside))}) %, {_percent(caught, len(called))} %"


def _told(group: list[Asked]) -> str:
    told = [(identify(gazetteer().without_places(one.question["text"])), one.language) for one in group]
    sure = [got == wanted for got, wanted in told if got]
    return f"{_percent(sum(sure), len(sure))} % right of {_percent(len(sure), len(told))} % told"


def print_languages() -> int:
    """A table: per language the strings translated and reviewed, the examples per need, the challenge score."""
    print(f"{'language':<22}{'translated':>12}{'reviewed by':>16}{'per need, least':>17}{'median':>8}{'challenge':>11}")
    asked = ask("challenge") if newest_model() else []
    for code, language in languages().items():
        found = sentences(code)
        counts = [len(found.get(need, [])) for need in vocabulary().needs]
        mine = [one for one in asked if one.language == code]
        score = f"{_percent(sum(one.is_right for one in mine), len(mine))} %"
        print(
            f"{code} {language.name:<19}{_translated(code):>12}{language.reviewed_by or 'nobody yet':>16}"
            f"{min(counts):>17}{statistics.median(counts):>8.0f}{score:>11}"
        )
    return 0


def _translated(code: str) -> str:
    if code == SOURCE_LANGUAGE:
        return "source"
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    done = sum(all(m.string) if isinstance(m.string, (list, tuple)) else bool(m.string) for m in messages)
    return f"{done} of {len(messages)}"
