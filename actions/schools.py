"""Schools: the age of the child chooses the kind, the register names those in the town and who takes the enrolment."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.cards import show
from actions.context import button, doors, intent_of, place_of
from bot.catalog.ages import age_in
from bot.catalog.schools import AGES, School, kind_for_age, schools
from bot.catalog.search import Found
from bot.i18n import N_, Translations
from bot.places import Place, distance_km, gazetteer

KINDS = {
    "infanzia": N_("Nursery school (scuola dell'infanzia), 3 to 5 years"),
    "primaria": N_("Primary school (scuola primaria), 6 to 10 years"),
    "secondaria1": N_("Middle school (scuola secondaria di primo grado), 11 to 13 years"),
    "secondaria2": N_("Secondary school (scuola secondaria di secondo grado), 14 to 18 years"),
    "cpia": N_("Public school for adults (CPIA)"),
}
AS_CARDS, AS_LIST = 2, 10  # how many schools of one town are shown as cards, and how many as lines
ALL_SCHOOLS = "https://unica.istruzione.gov.it"


def school_kind(tracker: Tracker) -> str | None:
    """What a button or the age in the message says; a question about enrolling starts anew, other turns remember."""
    pressed = next(tracker.get_latest_entity_values("school"), None)
    if pressed in AGES or pressed == "cpia":
        return str(pressed)
    age = age_in((tracker.latest_message or {}).get("text") or "")
    if age is not None:
        return kind_for_age(age)
    return None if intent_of(tracker) in ("school_enrolment", "early_childhood") else tracker.get_slot("school")


def answers_age(tracker: Tracker) -> bool:
    """Whether the message only says the age: the guide was read before it was asked."""
    return intent_of(tracker) == "inform_age" or any(tracker.get_latest_entity_values("school"))


def age_was_asked(tracker: Tracker) -> bool:
    """Whether a number now would be the answer to "How old is the child?"."""
    return (
        tracker.get_slot("need") in ("school_enrolment", "early_childhood")
        and tracker.get_slot("school") is None
        and place_of(tracker) is not None
    )


def ask_age(need: str, dispatcher: CollectingDispatcher, tr: Translations) -> None:
    """Buttons with the ages of each kind of school."""
    kinds = ["nido", "infanzia"] if need == "early_childhood" else list(AGES)
    buttons = []
    for kind in kinds:
        first, last = AGES[kind]
        title = tr("%(first)s to %(last)s years", first=str(first), last=str(last))
        buttons.append(button(title, f'/{need}{{"school":"{kind}"}}'))
    if need == "school_enrolment":
        buttons.append(button(tr("An adult"), f'/{need}{{"school":"cpia"}}'))
    dispatcher.utter_message(text=tr("How old is the child?"), buttons=buttons + doors(tr)[1:])


def answer_school(kind: str, place: Place, dispatcher: CollectingDispatcher, tr: Translations) -> list[EventType]:
    """The schools of the town or of the nearest one that has any, and the institute that takes the enrolments."""
    found = schools().nearest(kind, place)
    if not found:
        dispatcher.utter_message(text=tr("I have no list of schools. A mediator can help you."), buttons=doors(tr))
        return []
    town = gazetteer().comuni[found[0].comune]
    name = tr.isolate(town.name)
    title = f"**{tr(KINDS[kind])}**"
    if town.code != place.comune.code:
        there = tr(
            "There is none in %(place)s. The nearest are in %(town)s:", place=tr.isolate(place.comune.name), town=name
        )
    else:
        there = tr("In %(town)s:", town=name)
    if len(found) > AS_CARDS:
        return _as_list(title, there, found, town.name, dispatcher, tr)
    dispatcher.utter_message(text=f"{title}\n{there}")
    offices = list(dict.fromkeys(office for school in found if (office := schools().institute(school))))
    events = show([_found(school, place) for school in found], [], dispatcher, tr, last=not offices)
    if offices:
        dispatcher.utter_message(text=tr("The office of this institute takes the enrolments:"))
        show([_found(office, place) for office in offices], [], dispatcher, tr)
    return events


def _as_list(
    title: str, there: str, found: list[School], town: str, dispatcher: CollectingDispatcher, tr: Translations
) -> list[EventType]:
    """Many schools: their names and addresses, since which is nearest cannot be told from the register."""
    if len(found) <= AS_LIST:
        lines = [f"• {tr.isolate(_line(school))}" for school in found]
        last = tr("Ask the one nearest to your home. The institute in brackets takes the enrolments.")
    else:
        there = tr.plural(
            "There is %(count)d in %(town)s.", "There are %(count)d in %(town)s.", len(found), town=tr.isolate(town)
        )
        lines = []
        last = tr('Look for the nearest to your home with "Scuola in Chiaro", the map of the Ministry of Education.')
    note = tr("These are the state schools. The town may have other ones too: ask the municipality.")
    buttons = [button("🔎 Scuola in Chiaro", ALL_SCHOOLS), button("➡️ " + tr("Another one"), "/ask_another"), *doors(tr)]
    dispatcher.utter_message(text="\n".join([title, there, *lines, last, note]), buttons=buttons)
    return []


def _line(school: School) -> str:
    place = ", ".join(filter(None, [school.address, school.postcode]))
    office = schools().institute(school)
    return f"{school.name}, {place}" + (f" ({office.name})" if office else "")


def _found(school: School, place: Place) -> Found:
    km = distance_km(place.point, gazetteer().comuni[school.comune].point)
    return Found(
        schools().as_service(school),
        km,
        exact=False,
        reasons=("in_town",) if school.comune == place.comune.code else (),
    )
