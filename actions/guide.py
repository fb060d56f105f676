"""The guide to a need: what it is, the steps, what to bring, cost and time, what to be careful about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Button, button, doors, intent_of, need_button, need_of, topic_buttons, words_for
from bot.catalog import guide_card
from bot.catalog.guides import guides
from bot.catalog.model import Guide, vocabulary
from bot.i18n import Translations

PARTS: dict[str, Callable[[Guide, Translations], str]] = {
    "ask_documents": guide_card.bring,
    "ask_cost": guide_card.cost_and_time,
    "ask_beware": guide_card.beware,
    "ask_how": guide_card.how,
}
NEXT_AT_MOST = 2


class ActionExplainNeed(Action):
    """The steps of the need last spoken of, or what its button asks: what to be careful about, how it works."""

    def name(self) -> str:
        return "action_explain_need"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr, need = words_for(tracker), need_of(tracker)
        if need and explain(need, intent_of(tracker), dispatcher, tr):
            return [SlotSet("need", need)]
        text = tr("Tell me first what you need.") if need is None else tr("I do not know this. Ask the desk.")
        dispatcher.utter_message(text=text, buttons=topic_buttons(tr) + doors(tr)[1:] if need is None else doors(tr))
        return []


def introduce(need: str, dispatcher: CollectingDispatcher, tr: Translations) -> None:
    """The first message about a need, before its desks."""
    if guide := guides().by_need.get(need):
        text = f"**{_title(need, tr)}**\n{guide_card.opening(guide, tr)}"
        dispatcher.utter_message(text=text, buttons=_parts(need, guide, tr))


def explain(need: str, asked: str, dispatcher: CollectingDispatcher, tr: Translations) -> bool:
    """Answer one question from the guide; False when there is no such guide."""
    guide = guides().by_need.get(need)
    if guide is None or (asked == "ask_beware" and not guide.beware):
        return False
    buttons = [one for one in _parts(need, guide, tr) if not one["payload"].startswith(f"/{asked}{{")]
    buttons += [need_button(code, tr) for code in guide.next[:NEXT_AT_MOST]]
    text = f"**{_title(need, tr)}**\n{PARTS[asked](guide, tr)}"
    dispatcher.utter_message(text=text, buttons=buttons + doors(tr))
    return True


def _title(need: str, tr: Translations) -> str:
    return f"{vocabulary().needs[need]['icon']} {tr(vocabulary().label('needs', need))}"


def _parts(need: str, guide: Guide, tr: Translations) -> list[Button]:
    """A button for each part that the guide has and its opening does not tell."""
    titles = {
        "ask_how": "🪜 " + tr("How it works") if guide.who or guide.time or not guide_card.steps_are_few(guide) else "",
        "ask_documents": "🎒 " + tr("What to bring") if guide.bring else "",
        "ask_cost": "💶 " + tr("Cost and time") if guide.cost or guide.time else "",
        "ask_beware": "⚠️ " + tr("Be careful") if guide.beware else "",
    }
    return [button(title, f'/{asked}{{"need":"{need}"}}') for asked, title in titles.items() if title]
