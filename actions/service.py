"""Questions about the service just shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import (
    Button,
    button,
    doors,
    intent_of,
    need_of,
    now,
    place_of,
    pressed_need,
    topic_buttons,
    words_for,
)
from actions.guide import explain
from bot.catalog import card as written
from bot.catalog import guide_card, hours
from bot.catalog.loader import catalog
from bot.catalog.model import Service, vocabulary
from bot.catalog.schools import schools
from bot.catalog.search import Found, point_of
from bot.i18n import Translations
from bot.places import distance_km

Answer = Callable[[Service, Translations], str]


def _hours(service: Service, tr: Translations) -> str:
    if not service.hours:
        return tr("I do not know the opening hours. Call or write before you go.")
    assert service.timetable
    return "\n".join([written.opening_words(service, now(), tr), *hours.week(service.timetable, now(), tr)])


def _open_now(service: Service, tr: Translations) -> str:
    return written.opening_words(service, now(), tr) if service.hours else _hours(service, tr)


def _address(service: Service, tr: Translations) -> str:
    place = written.address(service)
    if place is None:
        return tr("I do not know the address. Call or write to ask.")
    unknown = "" if service.address else "\n" + tr("The street is not known: call or write first.")
    return "📍 " + tr.isolate(place) + unknown


def _phone(service: Service, tr: Translations) -> str:
    lines = ["📞 " + written.phones(service, tr)] if service.phone else []
    lines += ["✉️ " + tr.isolate(service.email)] if service.email else []
    lines += ["🔗 " + tr.isolate(service.web)] if service.web else []
    return "\n".join(lines) or tr("I know no phone number, e-mail or web site of this desk.")


def _documents(service: Service, tr: Translations) -> str:
    if not service.bring:
        return guide_card.bring_unknown(tr)
    return tr("Bring: %(documents)s.", documents=written.documents(service, tr))


def _cost(service: Service, tr: Translations) -> str:
    if not service.cost:
        return guide_card.cost_unknown(tr)
    return tr("Cost: %(cost)s.", cost=tr(vocabulary().label("costs", service.cost)))


def _appointment(service: Service, tr: Translations) -> str:
    if not service.booking:
        return tr("I do not know whether you need an appointment. Call or write before you go.")
    told = tr(vocabulary().label("booking", service.booking))
    return "\n".join(
        filter(None, [told[0].upper() + told[1:], _phone(service, tr) if service.booking != "not_needed" else ""])
    )


def _languages(service: Service, tr: Translations) -> str:
    if not service.languages:
        return tr("I do not know which languages they speak there. Ask them, or ask for an interpreter.")
    return tr("Languages: %(languages)s.", languages=tr.join([tr.language_name(code) for code in service.languages]))


ANSWERS: dict[str, Answer] = {
    "ask_hours": _hours,
    "ask_open_now": _open_now,
    "ask_address": _address,
    "ask_phone": _phone,
    "ask_documents": _documents,
    "ask_cost": _cost,
    "ask_appointment": _appointment,
    "ask_languages": _languages,
}


# What the guide to the need answers when the service does not say.
SAYS: dict[str, Callable[[Service], object]] = {"ask_documents": lambda s: s.bring, "ask_cost": lambda s: s.cost}


class ActionAnswerAboutService(Action):
    """Hours, address, phone, cost and so on of the service last shown, or of the card whose button was pressed."""

    def name(self) -> str:
        return "action_answer_about_service"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        tr, asked = words_for(tracker), intent_of(tracker)
        chosen = tracker.get_slot("service") or ""
        service = catalog().services.get(chosen) or schools().service(chosen)
        need = _need_to_explain(tracker, service, asked)
        if need and explain(need, asked, dispatcher, tr):
            return [SlotSet("need", need)]
        if service is None:
            dispatcher.utter_message(text=tr("Tell me first what you need."), buttons=topic_buttons(tr) + doors(tr)[1:])
            return []
        if asked == "ask_details":
            place, point = place_of(tracker), point_of(service)
            km = distance_km(place.point, point) if place and point and service.scope == "local" else None
            title, text = written.card(Found(service, km, service.latitude is not None), now(), tr)
        else:
            title, text = tr.isolate(service.name), ANSWERS[asked](service, tr)
        dispatcher.utter_message(text=f"**{title}**\n{text}", buttons=_buttons(service, asked, tr))
        if asked == "ask_address" and service.latitude is not None:
            dispatcher.utter_message(json_message={"venue": venue(service)})
        return []


def _need_to_explain(tracker: Tracker, service: Service | None, asked: str) -> str | None:
    """The need whose guide answers: a button's, or the service's when the service itself does not say."""
    if asked not in SAYS:
        return None
    if need := pressed_need(tracker):
        return need
    if service is None:
        return need_of(tracker)
    if SAYS[asked](service):
        return None
    need = need_of(tracker)
    return need if need in service.needs else service.needs[0]


def venue(service: Service) -> dict[str, Any]:
    """What Telegram's sendVenue takes."""
    return {
        "latitude": service.latitude,
        "longitude": service.longitude,
        "title": service.name,
        "address": written.address(service) or "",
    }


def _buttons(service: Service, asked: str, tr: Translations) -> list[Button]:
    link = written.map_link(service)
    first = [button("🗺️ " + tr("Open the map"), link)] if asked == "ask_address" and link else []
    return [*first, button("➡️ " + tr("Another one"), "/ask_another"), *doors(tr)]
