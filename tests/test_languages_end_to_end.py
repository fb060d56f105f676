"""A person in each language, over Telegram's API and the three real processes."""

from itertools import count

import pytest
from ruamel.yaml import YAML

from bot.i18n import languages, translations
from bot.settings import ROOT
from tests.test_end_to_end import Chat, payloads

SAID = YAML(typ="safe").load((ROOT / "tests" / "languages.yml").read_text(encoding="utf-8"))
CHATS = count(50_000)
LANGUAGES = [code for code in languages() if code in SAID]


def test_every_language_on_offer_has_its_conversation():
    assert set(SAID) == set(languages())


@pytest.fixture(params=LANGUAGES)
def person(request, running_bot):
    """Somebody whose Telegram speaks their language."""
    chat = Chat(running_bot, next(CHATS))
    chat.code = request.param
    return chat


def test_a_need_with_a_place_and_then_a_question_about_the_answer(person):
    tr, said = translations(person.code), SAID[person.code]
    person.says(said["need"], person.code)
    card = person.hears("Questura di Sondrio")
    assert tr("The desk has not confirmed this: call or write before you go.") in card["text"]
    person.telegram.wait_for(person.id, lambda message: "/ask_another" in payloads(message))

    person.says(said["follow_up"], person.code)
    assert "Questura di Sondrio" in person.hears(".")["text"]


def test_a_danger_is_answered_with_the_numbers_to_call(person):
    person.says(SAID[person.code]["danger"], person.code)

    assert "112" in person.hears("1522")["text"]


def test_a_question_as_it_comes_from_a_thumb(person):
    person.says(SAID[person.code]["thumb"], person.code)

    person.hears("Questura di Sondrio")


def test_another_language_is_one_tap_away(person):
    other = "fr" if person.code == "en" else "en"
    person.says("/language", person.code)
    person.hears("🌐")
    person.presses(f'/set_language{{"language":"{other}"}}')

    person.hears(translations(other)("From now on I write in English. What do you need?")[:30])
