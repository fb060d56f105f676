"""The training sentences: every need in every language, no sentence twice, none of the challenge's."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from ruamel.yaml import YAML

from bot.catalog.model import vocabulary
from bot.i18n import languages
from bot.nlu.evaluate import CHALLENGE, questions
from bot.places.text import key
from bot.settings import ROOT

PER_NEED, PER_TURN = 40, 15


def sentences(language):
    """Intent to its sentences, in one language."""
    found = defaultdict(list)
    for path in sorted((ROOT / "data" / "nlu" / language).glob("*.yml")):
        for block in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["nlu"]:
            found[block["intent"]] += re.findall(r"^- (.+)$", block["examples"], re.MULTILINE)
    return found


@pytest.mark.parametrize("language", list(languages()))
def test_every_need_has_enough_sentences(language):
    counted = {intent: len(found) for intent, found in sentences(language).items()}
    few = {need: counted.get(need, 0) for need in vocabulary().needs if counted.get(need, 0) < PER_NEED}
    few |= {turn: number for turn, number in counted.items() if number < PER_TURN}

    assert few == {}


def test_no_sentence_has_two_meanings():
    meanings = defaultdict(set)
    for language in languages():
        for intent, found in sentences(language).items():
            for sentence in found:
                meanings[key(sentence)].add(intent)

    assert {sentence: intents for sentence, intents in meanings.items() if len(intents) > 1} == {}


def test_no_challenge_question_is_in_the_training_data():
    trained = {key(s) for language in languages() for found in sentences(language).values() for s in found}
    asked = {
        key(q["text"])
        for language in languages()
        for q in questions(CHALLENGE / f"{language}.yml")
        if len(q["text"].split()) > 3
    }

    assert asked & trained == set()
