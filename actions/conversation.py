"""Languages, and asking for a person."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import button, doors, last_question, need_of, now, place_of, words_for
from actions.needs import topic_buttons
from bot.catalog.card import card
from bot.catalog.hours import ROME
from bot.catalog.loader import catalog
from bot.catalog.model import vocabulary
from bot.catalog.search import search
from bot.i18n import languages, translations
from bot.mediation import words
from bot.mediation.referrals import NotNow, TooMany, record_referral
from bot.mediation.routing import availability
from bot.places.model import Comune
from bot.trial import is_trial


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
        seen += [tr("The services that I have shown to you")] if tracker.get_slot("shown") else []
        lines = [tr("I can pass your request to a human mediator. The mediator will see only this:")]
        lines += ["• " + line for line in seen]
        yes = [button("✅ " + tr("Yes, I agree"), "/affirm")]
        if own := last_question(tracker):
            lines.append(tr("If you want, the mediator also sees your question: %(words)s", words=f"“{own}”"))
            yes = [
                button("✅ " + tr("Yes, with my question"), '/affirm{"share":"words"}'),
                button("✅ " + tr("Yes, without my question"), "/affirm"),
            ]
        lines.append(tr("Not your name and not your number: you get a made-up name. Do you agree?"))
        dispatcher.utter_message(text="\n".join(lines), buttons=[*yes, button("❌ " + tr("No"), "/deny")])
        return []


class ActionRefer(Action):
    """Record the referral that was agreed to, and say honestly what happens next."""

    def name(self) -> str:
        return "action_refer"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr, need, place = words_for(tracker), need_of(tracker), place_of(tracker)
        if tracker.get_slot("referral_consent"):
            _refer(dispatcher, tracker, need, place.comune if place else None)
        else:
            text = tr("All right, I pass nothing on. You can also contact a desk yourself.")
            dispatcher.utter_message(text=text, buttons=doors(tr))
        desks = search(catalog(), need or "language_mediation", place, tr.code, now())
        reachable = next((f for f in desks if f.service.phone), None)
        if reachable:
            title, body = card(reachable, now(), tr)
            dispatcher.utter_message(text=f"**{title}**\n{body}")
        return [SlotSet("referral_consent", None), SlotSet("share", None)]


def _refer(dispatcher: CollectingDispatcher, tracker: Tracker, need: str | None, comune: Comune | None) -> None:
    tr = words_for(tracker)
    if is_trial(tracker.sender_id):
        text = tr("All right, I pass nothing on. You can also contact a desk yourself.")
        dispatcher.utter_message(text=text, buttons=doors(tr))
        return
    try:
        number = record_referral(
            person_key=tracker.sender_id,
            need=need,
            language=tr.code,
            comune=comune.code if comune else None,
            ambito=comune.ambito if comune else None,
            own_words=last_question(tracker) if tracker.get_slot("share") == "words" else None,
            shown=tracker.get_slot("shown") or [],
        )
    except NotNow as refused:
        day = tr.full_date(refused.until.astimezone(ROME).date())
        text = tr("You cannot ask for a mediator until %(date)s. You can contact a desk yourself.", date=day)
        dispatcher.utter_message(text=text, buttons=doors(tr))
        return
    except TooMany:
        text = tr("You have asked for a mediator many times today. Try again tomorrow, or contact a desk yourself.")
        dispatcher.utter_message(text=text, buttons=doors(tr))
        return
    waiting = availability(tr.code, now())
    lines = [
        tr("Your request is recorded with number %(number)s.", number=tr.isolate(str(number))),
        words.when_back(waiting.on_duty, waiting.back_at, now(), tr),
        tr("I cannot promise when a mediator will answer. If it is urgent, contact the desk yourself."),
        tr("You can go on asking me, or leave a message for the mediator."),
    ]
    buttons = [words.leave_button(tr), words.withdraw_button(tr), *doors(tr)[::2]]
    dispatcher.utter_message(text="\n".join(lines), buttons=buttons)
