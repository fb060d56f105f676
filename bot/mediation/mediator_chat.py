"""A mediator's chat with the bot: what they write goes to people, commands and buttons are for the bot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.catalog.card import card as service_card
from bot.catalog.hours import checked_hours
from bot.catalog.loader import catalog
from bot.catalog.model import vocabulary
from bot.catalog.search import Found, search
from bot.database.tables import Inbound, Mediator, Note, Person, Referral
from bot.gateway.model import Reply
from bot.i18n import Translations, languages, translations
from bot.mediation import cases, menu, relay, states, topics, words
from bot.mediation.codes import CHOSEN_OUTCOMES, codes
from bot.mediation.mail import Mail
from bot.mediation.mediators import remove, set_duty
from bot.mediation.person_chat import delete
from bot.mediation.referrals import by_number, of_mediator, person_of, waiting
from bot.mediation.routing import active, circle_of, colleagues, may_look
from bot.places import gazetteer

SERVICES_SHOWN = 8


@dataclass
class Desk:
    """Who does something, and what they do it with."""

    mail: Mail
    mediator: Mediator
    reader: Person
    message: Inbound
    now: datetime

    @property
    def actor(self) -> str:
        """For the audit."""
        return f"mediator:{self.mediator.id}"

    @property
    def tr(self) -> Translations:
        """The mediator's words."""
        return translations(self.reader.language)

    @property
    def topic(self) -> str | None:
        """In the staff group: the number of the referral whose topic this is."""
        return self.reader.address if self.reader.channel == topics.CHANNEL else None

    def say(self, reply: Reply) -> None:
        """To the mediator."""
        self.mail.say(self.reader.id, reply)

    def show(self, reply: Reply) -> None:
        """A menu: in the place of the one whose button was pressed."""
        if self.message.kind == "payload" and self.message.message_id:
            self.mail.replace(self.reader.id, self.message.message_id, reply)
        else:
            self.say(reply)

    def referral(self, number: str) -> Referral | None:
        """A referral that this mediator has now, or None, having said so. A coordinator may act on any open one."""
        found = by_number(self.mail.session, number, lock=True)
        if found and found.state == states.TAKEN and found.mediator_id == self.mediator.id:
            return found
        if found and found.state != states.CLOSED and self.mediator.is_coordinator:
            states.audit(self.mail.session, self.actor, "open", found.id, now=self.now)
            return found
        self.say(words.too_late(found, self.reader.language))
        return None


def handle(mail: Mail, mediator: Mediator, reader: Person, message: Inbound, now: datetime) -> None:
    """One message or button of a mediator."""
    desk = Desk(mail, mediator, reader, message, now)
    if message.kind == "edit":
        relay.edited(mail, reader, message)
    elif message.kind == "payload" and message.body.startswith("m:"):
        _, verb, *given = message.body.split(":")
        button = BUTTONS.get(verb)
        if button:
            button(desk, *[*given, "", ""][:2])
    elif desk.topic and not _holds(desk):
        return  # what others write in a topic stays among mediators
    elif message.kind == "payload" and message.body == "/delete":
        delete(mail, reader, message)
    elif message.kind == "payload":
        desk.say(menu.home(mediator, _counts(desk), reader.language))
    elif message.kind == "text" and message.body.startswith("/"):
        _command(desk, message)
    else:
        _write(desk, message)


def _holds(desk: Desk) -> bool:
    return any(str(one.id) == desk.topic for one in of_mediator(desk.mail.session, desk.mediator.id))


def _counts(desk: Desk) -> menu.Counts:
    session = desk.mail.session
    query = sa.select(sa.func.count()).select_from(Referral)
    waits = session.scalar(query.where(Referral.state == states.WAITING)) or 0
    everything = session.scalar(query.where(Referral.state != states.CLOSED)) or 0
    return menu.Counts(of_mediator(session, desk.mediator.id), waits, everything)


# Writing to people


def _write(desk: Desk, message: Inbound) -> None:
    """To the person whose message is answered, else to the current one."""
    session = desk.mail.session
    mine = of_mediator(session, desk.mediator.id)
    answered = relay.answered_copy(session, desk.reader.id, message.reply_to)
    referral: Referral | None
    if desk.topic:
        referral = next(one for one in mine if str(one.id) == desk.topic)
    elif answered:
        referral = next((one for one in mine if one.id == answered.referral_id), None)
        if referral is None:
            desk.say(words.too_late(session.get(Referral, answered.referral_id), desk.reader.language))
            return
    elif message.reply_to:
        # The id of a message is not known when the gateway died as it was sent; the name over it tells whose it is.
        referral = next((one for one in mine if one.pseudonym == message.reply_name), None)
    else:
        referral = next((one for one in mine if one.id == desk.mediator.current_id), None)
        if referral is None and len(mine) == 1:
            referral = mine[0]
    if referral is None:
        desk.say(words.to_whom(mine, desk.reader.language) if mine else words.nobody_to_write_to(desk.reader.language))
        return
    desk.mediator.current_id = referral.id
    person = person_of(session, referral)
    if person:
        relay.from_mediator(desk.mail, referral, desk.mediator, desk.reader, message, person, desk.now)


def _command(desk: Desk, message: Inbound) -> None:
    name, _, rest = message.body.partition(" ")
    rest = rest.strip()
    if name == "/note" and rest:
        _note(desk, message, rest)
    elif name == "/hours":
        _hours(desk, rest)
    elif name == "/on":
        _duty(desk, "on", "")
    elif name == "/off":
        _duty(desk, "off", "")
    elif name == "/leave":
        remove(desk.mail, desk.mediator, desk.actor, desk.now)
    else:
        desk.show(menu.home(desk.mediator, _counts(desk), desk.reader.language))


def _note(desk: Desk, message: Inbound, text: str) -> None:
    session = desk.mail.session
    answered = relay.answered_copy(session, desk.reader.id, message.reply_to)
    number = answered.referral_id if answered else desk.mediator.current_id
    if referral := desk.referral(desk.topic or str(number or "")):
        session.add(Note(referral_id=referral.id, mediator_id=desk.mediator.id, text=text))
        desk.say(words.note_kept(referral, desk.reader.language))


# Taking, switching, passing on, closing


def _take(desk: Desk, number: str, _: str) -> None:
    found = by_number(desk.mail.session, number)
    if found is None or (desk.topic is None and circle_of(desk.mediator, found) is None):
        desk.say(words.too_late(None, desk.reader.language))
    elif found.mediator_id != desk.mediator.id and not cases.take(desk.mail, found.id, desk.mediator, desk.now):
        desk.say(words.too_late(found, desk.reader.language))


def _to(desk: Desk, number: str, _: str) -> None:
    if referral := _mine(desk, number):
        desk.mediator.current_id = referral.id
        desk.say(words.now_writing_to(referral, desk.reader.language))


def _mine(desk: Desk, number: str) -> Referral | None:
    """Only what the mediator has themself: a coordinator takes a referral over before writing to the person."""
    found = desk.referral(number)
    if found and found.mediator_id != desk.mediator.id:
        desk.say(words.too_late(found, desk.reader.language))
        return None
    return found


def _pass(desk: Desk, number: str, _: str) -> None:
    if referral := desk.referral(number):
        desk.say(words.choose_mediator(referral, colleagues(desk.mail.session, referral), desk.reader.language))


def _give(desk: Desk, number: str, to: str) -> None:
    referral = desk.referral(number)
    if referral is None:
        return
    if to == "any":
        cases.hand_back(desk.mail, referral, desk.actor, desk.now)
        return
    other = next((m for m in active(desk.mail.session) if str(m.id) == to), None)
    if other is None:
        return
    cases.give(desk.mail, referral, other, desk.actor, desk.now)


def _over(desk: Desk, number: str, _: str) -> None:
    """A coordinator takes a referral over."""
    if desk.mediator.is_coordinator:
        _give(desk, number, str(desk.mediator.id))


def _close(desk: Desk, number: str, _: str) -> None:
    if referral := desk.referral(number):
        desk.say(words.choose_outcome(referral, desk.reader.language))


def _end(desk: Desk, number: str, outcome: str) -> None:
    referral = desk.referral(number)
    if referral and outcome in CHOSEN_OUTCOMES:
        cases.close(desk.mail, referral, outcome, desk.actor, desk.now)


# Phrases, and services from the catalogue


def _phrases(desk: Desk, number: str, _: str) -> None:
    if referral := _mine(desk, number):
        desk.say(words.choose_phrase(referral, desk.reader.language))


def _say_phrase(desk: Desk, number: str, code: str) -> None:
    referral, label = _mine(desk, number), codes()["phrases"].get(code)
    if referral and label:
        _send(desk, referral, lambda tr: Reply(tr(label), language=tr.code))


def _send(desk: Desk, referral: Referral, write: Callable[[Translations], Reply]) -> None:
    if person := person_of(desk.mail.session, referral):
        relay.coded(desk.mail, referral, desk.mediator, desk.reader, write, person, desk.now)
        desk.mediator.current_id = referral.id


def _ask(desk: Desk, number: str, need: str) -> None:
    """Services for the need of the referral, or for another one that the mediator chose."""
    referral = _mine(desk, number)
    if referral is None:
        return
    need = need if need in vocabulary().needs else referral.need or ""
    if not need:
        desk.show(menu.choose_topic(referral, desk.reader.language))
        return
    found = search(catalog(), need, gazetteer().place(referral.comune or ""), referral.language, desk.now)
    names = [(f.service.id, f.service.name) for f in found[:SERVICES_SHOWN]]
    desk.show(menu.choose_service(referral, need, names, desk.reader.language))


def _topic(desk: Desk, number: str, topic: str) -> None:
    if referral := _mine(desk, number):
        if topic in vocabulary().topics:
            desk.show(menu.choose_need(referral, topic, desk.reader.language))
        else:
            desk.show(menu.choose_topic(referral, desk.reader.language))


def _service(desk: Desk, number: str, service_id: str) -> None:
    referral, service = _mine(desk, number), catalog().services.get(service_id)
    if referral is None or service is None:
        return

    def write(tr: Translations) -> Reply:
        title, text = service_card(Found(service, None, service.latitude is not None), desk.now, tr)
        return Reply(text, title=title, language=tr.code)

    _send(desk, referral, write)


# The mediator's own settings


def _home(desk: Desk, *_: str) -> None:
    desk.show(menu.home(desk.mediator, _counts(desk), desk.reader.language))


def _duty(desk: Desk, wanted: str, _: str) -> None:
    set_duty(desk.mediator, wanted == "on", desk.now)
    states.audit(desk.mail.session, desk.actor, f"duty_{'on' if wanted == 'on' else 'off'}", now=desk.now)
    _home(desk)


def _hours(desk: Desk, text: str, _: str = "") -> None:
    if text in ("", "-"):
        desk.mediator.duty_hours = None if text == "-" else desk.mediator.duty_hours
        desk.show(menu.hours(desk.mediator, desk.reader.language))
        return
    try:
        desk.mediator.duty_hours = checked_hours(menu.PRESET_HOURS.get(text, text))[:256]
    except ValueError:
        desk.show(menu.hours(desk.mediator, desk.reader.language, wrong=True))
        return
    set_duty(desk.mediator, desk.mediator.on_duty, desk.now)
    desk.show(menu.hours(desk.mediator, desk.reader.language))


def _toggled(values: list[str], value: str) -> list[str]:
    """A new list, since SQLAlchemy sees only a new value."""
    return [one for one in values if one != value] if value in values else [*values, value]


def _languages(desk: Desk, code: str, _: str) -> None:
    if code in languages():
        desk.mediator.languages = _toggled(desk.mediator.languages, code)
    desk.show(menu.choose_languages(desk.mediator, desk.reader.language))


def _skills(desk: Desk, code: str, _: str) -> None:
    if code in codes()["skills"]:
        desk.mediator.skills = _toggled(desk.mediator.skills, code)
    desk.show(menu.choose_skills(desk.mediator, desk.reader.language))


def _ambiti(desk: Desk, province: str, index: str) -> None:
    names = menu.ambiti().get(province, [])
    if index.isdecimal() and int(index) < len(names):
        desk.mediator.ambiti = _toggled(desk.mediator.ambiti, names[int(index)])
    desk.show(menu.choose_ambiti(desk.mediator, province if names else None, desk.reader.language))


def _speak(desk: Desk, code: str, _: str) -> None:
    if code in languages():
        desk.reader.language, desk.reader.language_chosen = code, True
    _home(desk)


# Lists


def _cases(desk: Desk, *_: str) -> None:
    desk.show(menu.list_of(of_mediator(desk.mail.session, desk.mediator.id), "to", desk.reader.language))


def _waiting(desk: Desk, *_: str) -> None:
    """What waits and was offered to this mediator; all that waits, for a coordinator."""
    found = [r for r in waiting(desk.mail.session) if circle_of(desk.mediator, r) is not None]
    desk.show(menu.list_of(found, "look", desk.reader.language))


def _all(desk: Desk, *_: str) -> None:
    if desk.mediator.is_coordinator:
        query = sa.select(Referral).where(Referral.state != states.CLOSED).order_by(Referral.id)
        desk.show(menu.list_of(list(desk.mail.session.scalars(query)), "look", desk.reader.language))


def _look(desk: Desk, number: str, _: str) -> None:
    """One referral from a list: its card, with what this mediator may do."""
    found = by_number(desk.mail.session, number)
    may_see = found and may_look(desk.mediator, found)
    if not found or not may_see or found.state == states.CLOSED:
        desk.say(words.too_late(found if may_see else None, desk.reader.language))
        return
    states.audit(desk.mail.session, desk.actor, "look", found.id, now=desk.now)
    holder = desk.mail.session.get(Mediator, found.mediator_id) if found.mediator_id else None
    desk.show(menu.look(found, holder, desk.mediator, desk.reader.language))


BUTTONS: dict[str, Callable[..., None]] = {
    "take": _take,
    "to": _to,
    "pass": _pass,
    "give": _give,
    "over": _over,
    "close": _close,
    "end": _end,
    "phrases": _phrases,
    "say": _say_phrase,
    "ask": _ask,
    "topic": _topic,
    "service": _service,
    "home": _home,
    "duty": _duty,
    "hours": _hours,
    "languages": _languages,
    "skills": _skills,
    "ambiti": _ambiti,
    "speak": _speak,
    "cases": _cases,
    "waiting": _waiting,
    "all": _all,
    "look": _look,
}
