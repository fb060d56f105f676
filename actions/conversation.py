"""Languages, and asking for a person."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import button, doors, need_of, now, place_of, words_for
from actions.needs import topic_buttons
from bot.catalog.card import card
from bot.catalog.loader import catalog
from bot.catalog.model import vocabulary
from bot.catalog.search import search
from bot.i18n import languages, translations
from bot.mediation.referrals import record_referral


class ActionChooseLanguage(Action):
    """Every language by its own name, in its own script."""

    def name(self) -> str:
        return "action_choose_language"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr = words_for(tracker)
        buttons = [button(one.name, f'/set_language{{"language":"{one.code}"}}') for one in languages().values()]
        dispatcher.utter_message(text="🌐 " + tr("Choose your language:"), buttons=buttons)
        return []


class ActionLanguageChanged(Action):
    """Say in the new language that it is spoken from now on."""

    def name(self) -> str:
        return "action_language_changed"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr = translations(tracker.get_slot("language"))
        text = tr("From now on I write in English. What do you need?")
        dispatcher.utter_message(text=text, buttons=topic_buttons(tr) + doors(tr)[1:])
        return []


class ActionAskReferralConsent(Action):
    """Before a referral: exactly what a mediator will see."""

    def name(self) -> str:
        return "action_ask_referral_consent"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr, need, place = words_for(tracker), need_of(tracker), place_of(tracker)
        seen = [tr("Language: %(language)s", language=tr.language_name(tr.code))]
        seen += [tr("Need: %(need)s", need=tr(vocabulary().label("needs", need)))] if need else []
        seen += [tr("Town: %(place)s", place=tr.isolate(place.comune.name))] if place else []
        text = tr("I can pass your request to a human mediator. The mediator will see only this:")
        ask = tr("Not your name and not your number. Do you agree?")
        lines = "\n".join("• " + line for line in seen)
        buttons = [button("✅ " + tr("Yes, I agree"), "/affirm"), button("❌ " + tr("No"), "/deny")]
        dispatcher.utter_message(text=f"{text}\n{lines}\n{ask}", buttons=buttons)
        return []


class ActionRefer(Action):
    """Record the referral that was agreed to, and say honestly what happens next."""

    def name(self) -> str:
        return "action_refer"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr, need, place = words_for(tracker), need_of(tracker), place_of(tracker)
        if tracker.get_slot("referral_consent"):
            comune = place.comune if place else None
            number = record_referral(
                person_key=tracker.sender_id,
                need=need,
                language=tr.code,
                comune=comune.code if comune else None,
                ambito=comune.ambito if comune else None,
            )
            text = tr("Your request is recorded with number %(number)s.", number=tr.isolate(str(number)))
            text += "\n" + tr(
                "I cannot promise when a mediator will answer. If it is urgent, contact the desk yourself."
            )
        else:
            text = tr("All right, I pass nothing on. You can also contact a desk yourself.")
        dispatcher.utter_message(text=text, buttons=doors(tr))
        desks = search(catalog(), need or "language_mediation", place, tr.code, now())
        reachable = next((f for f in desks if f.service.phone), None)
        if reachable:
            title, body = card(reachable, now(), tr)
            dispatcher.utter_message(text=f"**{title}**\n{body}")
        return [SlotSet("referral_consent", None)]
