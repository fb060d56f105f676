"""Shows services as cards."""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Button, button, doors, now
from bot.catalog.card import card
from bot.catalog.search import Found
from bot.i18n import Translations

CARDS_AT_ONCE = 2


def show(
    found: list[Found], shown: list[str], dispatcher: CollectingDispatcher, tr: Translations, last: bool = True
) -> list[EventType]:
    """A card for each, and behind the last one the ways on."""
    for index, one in enumerate(found):
        title, text = card(one, now(), tr)
        buttons = _card_buttons(one, tr)
        if last and index == len(found) - 1:
            buttons += [button("➡️ " + tr("Another one"), "/ask_another"), *doors(tr)]
        dispatcher.utter_message(text=f"**{title}**\n{text}", buttons=buttons)
    ids = [one.service.id for one in found]
    return [SlotSet("service", ids[0]), SlotSet("shown", [*shown, *ids][-20:])]


def _card_buttons(found: Found, tr: Translations) -> list[Button]:
    service = found.service
    buttons = []
    if service.address:
        buttons.append(button("🗺️ " + tr("Map"), f'/ask_address{{"service":"{service.id}"}}'))
    if service.hours:
        buttons.append(button("🕘 " + tr("All hours"), f'/ask_hours{{"service":"{service.id}"}}'))
    return buttons
