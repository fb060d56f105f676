"""Scores the challenge questions: sentences whose authors never saw the training sentences."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

from rasa.utils.log_utils import configure_structlog
from ruamel.yaml import YAML

from bot.catalog.model import vocabulary
from bot.i18n.identify import identify
from bot.nlu.decision import FALLBACK
from bot.places import gazetteer
from bot.settings import ROOT
from bot.supervisor import newest_model

CHALLENGE = ROOT / "tests" / "challenge"
STYLES = ["plain", "indirect", "noisy", "conversation", "out_of_scope"]


def questions(path: Path) -> list[dict[str, str]]:
    """[{text, intent, style}] of one language."""
    listed: list[dict[str, str]] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))["questions"]
    return listed


async def _understood(texts: list[str]) -> list[dict[str, Any]]:
    from rasa.core.agent import Agent

    agent = Agent.load(str(newest_model()))
    return [await agent.parse_message(text) for text in texts]


def is_right(question: dict[str, str], parsed: dict[str, Any]) -> bool:
    """Right at the first answer; for what is out of scope, not answered as a need."""
    got = parsed["intent"]["name"]
    if question["intent"] == "out_of_scope":
        return got in ("out_of_scope", FALLBACK)
    return bool(got == question["intent"])


def in_three(question: dict[str, str], parsed: dict[str, Any]) -> bool:
    """Right at once, or among the three needs offered as buttons."""
    if is_right(question, parsed):
        return True
    offered = [r["name"] for r in parsed["intent_ranking"] if r["name"] in vocabulary().needs][:3]
    return parsed["intent"]["name"] == FALLBACK and question["intent"] in offered


def main(show_errors: bool = False) -> int:
    """Print a table: per language and style the share understood at once, in brackets with one tap more."""
    configure_structlog(logging.WARNING)
    logging.disable(logging.WARNING)
    asked = [(path.stem, q) for path in sorted(CHALLENGE.glob("*.yml")) for q in questions(path)]
    parsed = asyncio.run(_understood([q["text"] for _, q in asked]))
    score: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    spoken: dict[str, list[bool]] = defaultdict(list)
    urgent = set(vocabulary().urgent_needs)
    for (language, question), got in zip(asked, parsed, strict=True):
        result = (is_right(question, got), in_three(question, got))
        score[language, question["style"]].append(result)
        score["all", question["style"]].append(result)
        if question["intent"] in urgent:
            score[language, "danger"].append(result)
            score["all", "danger"].append(result)
        if guessed := identify(gazetteer().without_places(question["text"])):
            spoken[language].append(guessed == language)
        if show_errors and not result[0]:
            best = got["intent_ranking"][0]
            print(
                f"{language} {question['style']}: {question['text']!r} is {question['intent']}, "
                f"got {got['intent']['name']} ({best['name']} {best['confidence']:.2f})"
            )
    print("language  " + "  ".join(f"{style:>14}" for style in [*STYLES, "danger"]) + "   language told right")
    for language in [*sorted({language for language, _ in asked}), "all"]:
        cells = [_cell(score[language, style]) for style in [*STYLES, "danger"]]
        told = spoken.get(language)
        print(
            f"{language:<10}"
            + "  ".join(f"{cell:>14}" for cell in cells)
            + (f"   {100 * sum(told) / len(told):.0f} % of {len(told)} identified" if told else "")
        )
    return 0


def _cell(results: list[tuple[bool, bool]]) -> str:
    if not results:
        return "-"
    first, three = (100 * sum(r[i] for r in results) / len(results) for i in (0, 1))
    return f"{first:.0f} ({three:.0f}) %"
