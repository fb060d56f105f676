"""What happens to a referral, with everything that those concerned are told."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.database.tables import Copy, Mediator, Note, Offer, Person, Referral
from bot.mediation import relay, states, words
from bot.mediation.mail import Mail
from bot.mediation.referrals import of_mediator, person_of
from bot.settings import settings


def reader_of(mail: Mail, mediator: Mediator | None) -> Person | None:
    """The mediator as somebody who can be written to."""
    return mail.session.get(Person, mediator.person_id) if mediator and mediator.person_id else None


def take(mail: Mail, referral_id: int, mediator: Mediator, now: datetime) -> bool:
    """First come, first served; everybody concerned hears of it."""
    if not states.take(mail.session, referral_id, mediator.id, now):
        return False
    referral = mail.session.get_one(Referral, referral_id)
    _cards_gone(mail, referral, mediator)
    _begin(mail, referral, mediator)
    return True


def hand_over(mail: Mail, referral: Referral, to: Mediator, actor: str, now: datetime) -> bool:
    """From the mediator who has it to another one."""
    before = mail.session.get(Mediator, referral.mediator_id)
    if before is None or before.id == to.id:
        return False
    if not states.hand_over(mail.session, referral.id, before.id, to.id, actor, now):
        return False
    _leave(mail, referral, before)
    if before.person_id:
        relay.hold_undelivered(mail, referral, before.person_id)
    if (reader := reader_of(mail, before)) and actor == f"mediator:{before.id}":
        mail.say(reader.id, words.passed_on(referral, reader.language))
    elif reader:
        mail.say(reader.id, words.taken_from_you(referral, reader.language))
    _begin(mail, referral, to)
    return True


def hand_back(mail: Mail, referral: Referral, actor: str, now: datetime) -> bool:
    """It waits again, and the person knows."""
    before = mail.session.get(Mediator, referral.mediator_id)
    if before is None or not states.hand_back(mail.session, referral.id, before.id, actor, now):
        return False
    _leave(mail, referral, before)
    if before.person_id:
        relay.hold_undelivered(mail, referral, before.person_id)
    if (reader := reader_of(mail, before)) and actor == f"mediator:{before.id}":
        mail.say(reader.id, words.passed_on(referral, reader.language))
    elif reader:
        mail.say(reader.id, words.taken_from_you(referral, reader.language))
    if person := person_of(mail.session, referral):
        mail.say(person.id, words.handed_back(person.language))
    return True


def close(mail: Mail, referral: Referral, outcome: str, actor: str, now: datetime) -> bool:
    """The end: the bot is back for the person, and asks how it was."""
    was_taken = referral.state == states.TAKEN
    mediator = mail.session.get(Mediator, referral.mediator_id) if referral.mediator_id else None
    if not states.close(mail.session, referral.id, outcome, actor, now):
        return False
    _cards_gone(mail, referral, mediator)
    if mediator:
        _leave(mail, referral, mediator)
        if reader := reader_of(mail, mediator):
            mail.say(reader.id, words.closed(referral, reader.language))
    if person := person_of(mail.session, referral):
        if outcome == "abuse":
            person.no_mediator_until = now + timedelta(days=settings().block_days)
        for reply in _farewell(referral, outcome, was_taken, person):
            mail.say(person.id, reply)
    return True


def erase(mail: Mail, referral: Referral, now: datetime) -> None:
    """Take out whatever leads to the person; the codes and times stay for the report."""
    mediator = mail.session.get(Mediator, referral.mediator_id) if referral.mediator_id else None
    if states.close(mail.session, referral.id, "ended_by_person", "person", now):
        _cards_gone(mail, referral, None)
        if reader := reader_of(mail, mediator):
            mail.say(reader.id, words.erased(referral.pseudonym, reader.language))
    if mediator:
        _leave(mail, referral, mediator)
    for copy in mail.session.scalars(sa.select(Copy).where(Copy.referral_id == referral.id)).all():
        mail.delete(copy)
    mail.session.execute(sa.delete(Offer).where(Offer.referral_id == referral.id))
    mail.session.execute(sa.delete(Copy).where(Copy.referral_id == referral.id))
    mail.session.execute(sa.delete(Note).where(Note.referral_id == referral.id))
    referral.person_key = referral.pseudonym = referral.own_words = None
    referral.shown, referral.comune = [], None
    states.audit(mail.session, "person", "erase", referral.id, now=now)


def _farewell(referral: Referral, outcome: str, was_taken: bool, person: Person) -> list[words.Reply]:
    if was_taken:
        return words.ended(referral, person.language)
    if outcome == "ended_by_person":
        return [words.withdrawn(person.language)]
    return [words.unclaimed(person.language)]


def _begin(mail: Mail, referral: Referral, mediator: Mediator) -> None:
    """A mediator has it: they get the card, the notes and what was left for them; the person hears who it is."""
    reader, person = reader_of(mail, mediator), person_of(mail.session, referral)
    assert reader
    mediator.current_id = referral.id
    notes = mail.session.scalars(sa.select(Note).where(Note.referral_id == referral.id).order_by(Note.id)).all()
    card = words.you_have_it(referral, reader.language, list(notes))
    mail.carry(referral.id, None, None, reader.id, card, "card")
    relay.deliver_held(mail, referral, reader)
    if person:
        mail.say(person.id, words.taken(mediator, referral, person.language))


def _leave(mail: Mail, referral: Referral, mediator: Mediator) -> None:
    """A mediator no longer has it; when one is left, that is the one they write to."""
    if mediator.current_id == referral.id:
        rest = [one for one in of_mediator(mail.session, mediator.id) if one.id != referral.id]
        mediator.current_id = rest[0].id if len(rest) == 1 else None


def _cards_gone(mail: Mail, referral: Referral, taker: Mediator | None) -> None:
    """Everyone who was offered it sees that it is gone."""
    query = sa.select(Offer, Mediator).join(Mediator, Mediator.id == Offer.mediator_id)
    for offer, mediator in mail.session.execute(query.where(Offer.referral_id == referral.id)).all():
        copy, reader = mail.session.get(Copy, offer.copy_id or 0), reader_of(mail, mediator)
        if copy and reader:
            mail.edit(copy, words.card_gone(referral, reader.language, taker))
            offer.copy_id = None
