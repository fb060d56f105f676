"""What every action needs to know of the conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rasa_sdk import Tracker

from bot.catalog.hours import ROME
from bot.catalog.model import vocabulary
from bot.i18n import Translations, translations
from bot.places import Place, gazetteer
from bot.rasa_hooks.language import language_of

Button = dict[str, str]
LONGEST_QUOTE = 300


def words_for(tracker: Tracker) -> Translations:
    """The words of the language to answer in."""
    latest = tracker.latest_message or {}
    return translations(language_of(latest.get("metadata"), tracker.get_slot("language"), latest))


def now() -> datetime:
    """The time at the desks."""
    return datetime.now(ROME)


def intent_of(tracker: Tracker) -> str:
    """The intent of the latest message."""
    return (tracker.latest_message or {}).get("intent", {}).get("name") or ""


def pressed_need(tracker: Tracker) -> str | None:
    """The need that a button of its guide carries."""
    need = next(tracker.get_latest_entity_values("need"), None)
    return need if need in vocabulary().needs else None


def need_of(tracker: Tracker) -> str | None:
    """The need that the latest message names, or the one named before."""
    intent = intent_of(tracker)
    return intent if intent in vocabulary().needs else pressed_need(tracker) or tracker.get_slot("need")


def place_of(tracker: Tracker) -> Place | None:
    """Where the person is; None when it was not said, or when the name fits several comuni."""
    return gazetteer().place(tracker.get_slot("place") or "")


def possible_places(tracker: Tracker) -> list[Place]:
    """The comuni to choose from when the name that was said fits several."""
    codes = (tracker.get_slot("place") or "").split("|")
    return [place for place in map(gazetteer().place, codes) if place] if len(codes) > 1 else []


def slots_before(tracker: Tracker) -> dict[str, Any]:
    """What the slots held when the latest message came."""
    slots: dict[str, Any] = {}
    before: dict[str, Any] = {}
    for event in tracker.events:
        if event.get("event") == "slot":
            slots[event["name"]] = event.get("value")
        elif event.get("event") == "restart":
            slots = {}
        elif event.get("event") == "user":
            before = dict(slots)
    return before


NOT_A_QUESTION = {"talk_to_human", "affirm", "deny", "greet", "thank", "goodbye", "complaint", "bot_challenge"}


def last_question(tracker: Tracker) -> str | None:
    """What the person last asked in their own words; not buttons, and not the wish for a mediator itself."""
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            text = (event.get("text") or "").strip()
            intent = ((event.get("parse_data") or {}).get("intent") or {}).get("name")
            if text and not text.startswith("/") and intent not in NOT_A_QUESTION:
                return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…"
    return None


def misunderstood_in_a_row(tracker: Tracker) -> int:
    """How many of the person's last messages, this one included, were not understood."""
    count = 0
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            intent = ((event.get("parse_data") or {}).get("intent") or {}).get("name")
            if intent not in ("nlu_fallback", "out_of_scope", "complaint"):
                break
            count += 1
    return count


def button(title: str, payload: str) -> Button:
    """A button; a payload that is a web address opens it."""
    return {"title": title, "payload": payload}


def doors(tr: Translations) -> list[Button]:
    """The three ways on that every answer ends with: menu, a person, language."""
    return [
        button("📋 " + tr("Menu"), "/help"),
        button("🙋 " + tr("A person"), "/talk_to_human"),
        button("🌐 " + tr("Language"), "/change_language"),
    ]


def topic_buttons(tr: Translations) -> list[Button]:
    """The menu's first page."""
    return [
        button(f"{topic['icon']} {tr(topic['label'])}", f'/menu{{"topic":"{code}"}}')
        for code, topic in vocabulary().topics.items()
    ]


def need_button(code: str, tr: Translations) -> Button:
    """A button that says a need."""
    need: dict[str, Any] = vocabulary().needs[code]
    return button(f"{need['icon']} {tr(need['label'])}", f"/{code}")
