"""From a need and a place to the services that fit."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.cards import CARDS_AT_ONCE, show
from actions.context import (
    button,
    doors,
    intent_of,
    misunderstood_in_a_row,
    need_button,
    need_of,
    now,
    place_of,
    possible_places,
    slots_before,
    topic_buttons,
    words_for,
)
from actions.guide import introduce
from actions.schools import age_was_asked, answer_school, answers_age, ask_age, school_kind
from bot.catalog.loader import catalog
from bot.catalog.model import vocabulary
from bot.catalog.schools import schools
from bot.catalog.search import Found, search
from bot.demand import counting
from bot.i18n import Translations
from bot.mediation.codes import SENSITIVE
from bot.places import Place, gazetteer
from bot.trial import is_trial

SCHOOL_NEEDS = ("school_enrolment", "early_childhood")
NEAR_KM = 25
#: Below this an answer says its doubt; needs from LIKELY on are worth a button, the AT_MOST likeliest of them.
CONFIDENT, LIKELY, AT_MOST = 0.6, 0.06, 3
SHARE_LOCATION = "/share_location"
OFFERED_COMUNI = ["015146", "017029", "016024", "098031", "014061"]  # Milano, Brescia, Bergamo, Lodi, Sondrio


class ActionAnswerNeed(Action):
    """Answer a need with the nearest services; danger first of all with the numbers to call."""

    def name(self) -> str:
        return "action_answer_need"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        need = need_of(tracker)
        if intent_of(tracker) == "inform_age" and need not in SCHOOL_NEEDS:
            need = "school_enrolment"
        return answer(need, dispatcher, tracker, with_guide=not answers_age(tracker)) if need else []


class ActionSetPlace(Action):
    """The person said where they are: answer the need that waits for it, or ask what they need."""

    def name(self) -> str:
        return "action_set_place"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr, place, need = words_for(tracker), place_of(tracker), need_of(tracker)
        if possible_places(tracker) or place is None:
            _ask_place(dispatcher, tracker, tr)
            return []
        if need:
            return answer(need, dispatcher, tracker, with_guide=False)
        text = tr("I will look near %(place)s. What do you need?", place=tr.isolate(place.comune.name))
        dispatcher.utter_message(text=text, buttons=topic_buttons(tr) + doors(tr)[1:])
        return []


class ActionShowAnother(Action):
    """The next best services for the same need; for "nearer", the nearest of those not yet shown."""

    def name(self) -> str:
        return "action_show_another"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr, need, place = words_for(tracker), tracker.get_slot("need"), place_of(tracker)
        if not need:
            dispatcher.utter_message(text=tr("Tell me first what you need."), buttons=topic_buttons(tr))
            return []
        if place is None:
            _ask_place(dispatcher, tracker, tr)
            return []
        shown = tracker.get_slot("shown") or []
        rest = [f for f in search(catalog(), need, place, tr.code, now()) if f.service.id not in shown]
        if intent_of(tracker) == "ask_nearer":
            rest = sorted((f for f in rest if f.distance is not None), key=lambda f: f.distance or 0.0)
        if not rest:
            text = tr("I know no other service for this near you. A mediator may know more.")
            dispatcher.utter_message(text=text, buttons=doors(tr))
            return []
        return show(rest[:CARDS_AT_ONCE], shown, dispatcher, tr)


def answer(need: str, dispatcher: CollectingDispatcher, tracker: Tracker, with_guide: bool = True) -> list[EventType]:
    """Danger's numbers, the guide, the desks; ask for the place when it is not known and matters."""
    tr, place = words_for(tracker), place_of(tracker)
    events: list[EventType] = [SlotSet("need", need)]
    if need in SCHOOL_NEEDS:
        events.append(SlotSet("school", school_kind(tracker)))
    if vocabulary().needs[need].get("urgent"):
        dispatcher.utter_message(text=urgent_text(need, tr))
    if with_guide:  # who answers only "where?" has just read it
        introduce(need, dispatcher, tr)
    if need in SENSITIVE:
        offer = tr("If you prefer, a human mediator can help you with this. You decide what the mediator sees.")
        dispatcher.utter_message(text=offer, buttons=[button("🙋 " + tr("A person"), "/talk_to_human")])
    _doubt(need, dispatcher, tracker, tr)
    found = search(catalog(), need, place, tr.code, now())
    kind = school_kind(tracker) if need in SCHOOL_NEEDS else None
    _count(need, place, found, kind, tracker, asked_before=not with_guide)
    if place is None:
        regional = [f for f in found if f.service.scope == "region"][:1]
        if regional and not vocabulary().needs[need].get("urgent"):
            events += show(regional, [], dispatcher, tr, last=False)
        _ask_place(dispatcher, tracker, tr, need)
        return events
    if need in SCHOOL_NEEDS:
        if kind is None:
            ask_age(need, dispatcher, tr)
            return events
        if kind != "nido":
            return events + answer_school(kind, place, dispatcher, tr)
    return events + _show_desks(found, place, dispatcher, tr)


def _doubt(need: str, dispatcher: CollectingDispatcher, tracker: Tracker, tr: Translations) -> None:
    """An answer that was little more than a guess says so, and offers what else may have been meant."""
    confidence = (tracker.latest_message or {}).get("intent", {}).get("confidence", 1.0)
    others = [code for code in likely_needs(tracker) if code != need]
    if intent_of(tracker) == need and confidence < CONFIDENT and others:
        text = tr("I am not sure that I understood. Is it about one of these?")
        dispatcher.utter_message(text=text, buttons=[need_button(code, tr) for code in others])


def likely_needs(tracker: Tracker) -> list[str]:
    """What the latest message may have meant, likeliest first."""
    ranking = (tracker.latest_message or {}).get("intent_ranking", [])
    return [r["name"] for r in ranking if r["confidence"] >= LIKELY and r["name"] in vocabulary().needs][:AT_MOST]


def _count(
    need: str, place: Place | None, found: list[Found], kind: str | None, tracker: Tracker, asked_before: bool
) -> None:
    """Count the question; one that was open until the town or the age was said is counted once."""
    if is_trial(tracker.sender_id):
        return
    if place is None or (need in SCHOOL_NEEDS and kind is None):
        happened = counting.UNFINISHED
    elif kind and kind != "nido":
        happened = counting.ANSWERED if schools().nearest(kind, place) else counting.NO_SERVICE
    else:
        happened = _how_near(found)
    moved_from, before = None, slots_before(tracker)
    if asked_before and before.get("need") == need:
        place_then = gazetteer().place(before.get("place") or "")
        if place_then is None or (need in SCHOOL_NEEDS and before.get("school") is None):
            moved_from = (place_then.comune.ambito if place_then else None, counting.UNFINISHED)
    ambito = place.comune.ambito if place else None
    counting.count(need, words_for(tracker).code, ambito, happened, moved_from)


def _how_near(found: list[Found]) -> str:
    """Whether there is a desk near, one far away or for the whole region only, or none."""
    if not found:
        return counting.NO_SERVICE
    if found[0].distance is None:
        is_near = any(f.distance is not None and f.distance <= NEAR_KM for f in found)
    else:
        is_near = found[0].distance <= NEAR_KM
    return counting.ANSWERED if is_near else counting.FAR


def _show_desks(
    found: list[Found], place: Place, dispatcher: CollectingDispatcher, tr: Translations
) -> list[EventType]:
    """The best ones, and a word first where none is near."""
    near = _how_near(found)
    if near == counting.NO_SERVICE:
        text = tr(
            "I know no service for this near %(place)s yet. A mediator can help you.",
            place=tr.isolate(place.comune.name),
        )
        dispatcher.utter_message(text=text, buttons=doors(tr))
        return []
    if near == counting.FAR and found[0].distance is None:
        dispatcher.utter_message(text=tr("I know no desk for this near you. These answer for the whole region:"))
    elif near == counting.FAR:
        dispatcher.utter_message(
            text=tr("I know no desk for this in your area yet. This is the nearest one that I know:")
        )
    return show(found[:CARDS_AT_ONCE], [], dispatcher, tr)


def urgent_text(need: str, tr: Translations) -> str:
    """The numbers to call now, before anything else."""
    numbers = vocabulary().needs[need]["numbers"]
    lines = [
        "🆘 " + tr("Are you in danger now? Call %(number)s. It is free, day and night.", number=tr.isolate(numbers[0]))
    ]
    told = {
        "1522": tr(
            "Violence and stalking: call %(number)s. Free, day and night, many languages.", number=tr.isolate("1522")
        ),
        "800 290 290": tr(
            "Against exploitation and trafficking: call %(number)s. Free, day and night.",
            number=tr.isolate("800 290 290"),
        ),
        "114": tr("Children in danger: call %(number)s. Free, day and night.", number=tr.isolate("114")),
    }
    lines += ["📞 " + told[number] for number in numbers[1:]]
    return "\n".join(lines)


def _ask_place(dispatcher: CollectingDispatcher, tracker: Tracker, tr: Translations, need: str | None = None) -> None:
    possible = possible_places(tracker)
    if possible:
        buttons = [
            button(f"{p.comune.name} ({p.comune.province})", f'/inform_place{{"place":"{p.comune.code}"}}')
            for p in possible[:6]
        ]
        dispatcher.utter_message(text=tr("There is more than one place with this name. Which one?"), buttons=buttons)
        return
    buttons = [button("📍 " + tr("Share my location"), SHARE_LOCATION)]
    for code in OFFERED_COMUNI:
        if place := gazetteer().place(code):
            buttons.append(button(place.comune.name, f'/inform_place{{"place":"{code}"}}'))
    subject = tr(vocabulary().label("needs", need)) if need else ""
    text = tr("In which town do you live? Write its name or share your location.")
    dispatcher.utter_message(text=f"**{subject}**\n{text}" if subject else text, buttons=buttons + doors(tr)[1:])


class ActionShowMenu(Action):
    """The topics, or the needs of the topic that was pressed."""

    def name(self) -> str:
        return "action_show_menu"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr = words_for(tracker)
        topic = next(tracker.get_latest_entity_values("topic"), None)
        if topic in vocabulary().topics:
            needs = [code for code, need in vocabulary().needs.items() if need["topic"] == topic]
            title = tr(vocabulary().label("topics", topic))
            dispatcher.utter_message(text=title, buttons=[need_button(code, tr) for code in needs] + doors(tr))
        else:
            text = tr("Write what you need in your own words, with the town where you live. Or choose here:")
            dispatcher.utter_message(text=text, buttons=topic_buttons(tr) + doors(tr)[1:])
        return []


class ActionSuggestNeeds(Action):
    """Not sure what was meant: offer the likeliest needs, then the menu and a person."""

    def name(self) -> str:
        return "action_suggest_needs"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr = words_for(tracker)
        if age_was_asked(tracker) and school_kind(tracker):
            return answer(tracker.get_slot("need"), dispatcher, tracker, with_guide=False)
        likely = likely_needs(tracker)
        place = place_of(tracker)
        if not is_trial(tracker.sender_id):
            counting.count(
                likely[0] if likely else None,
                tr.code,
                place.comune.ambito if place else None,
                counting.NOT_UNDERSTOOD,
            )
        if likely:
            text = tr("I am not sure that I understood. Is it about one of these?")
        else:
            text = tr("I did not understand. Write one full sentence, or choose here:")
        if misunderstood_in_a_row(tracker) > 1:
            text += "\n" + tr("A human mediator may understand you better: press “A person”.")
        choices = [need_button(code, tr) for code in likely] or topic_buttons(tr)
        dispatcher.utter_message(text=text, buttons=choices + doors(tr))
        return []
