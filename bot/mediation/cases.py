"""What happens to a referral, with everything that those concerned are told."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.database.tables import Copy, Mediator, Note, Offer, Outbound, Person, Referral
from bot.gateway.model import Reply
from bot.mediation import relay, states, topics, words
from bot.mediation.mail import Mail
from bot.mediation.referrals import of_mediator, person_of
from bot.settings import settings


def reader_of(mail: Mail, mediator: Mediator | None, referral: Referral | None = None) -> Person | None:
    """Where a mediator reads: their own chat, or the referral's topic where there is a staff group."""
    if referral and mediator and settings().staff_group:
        return topics.topic_of(mail.session, referral)
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
    _pass_on(mail, referral, before, actor)
    _begin(mail, referral, to)
    return True


def give(mail: Mail, referral: Referral, to: Mediator, actor: str, now: datetime) -> bool:
    """To one mediator, whether somebody has it or nobody yet."""
    if referral.state == states.WAITING:
        given = take(mail, referral.id, to, now)
    else:
        given = hand_over(mail, referral, to, actor, now)
    if given:
        states.audit(mail.session, actor, "give", referral.id, to.id, now)
    return given


def hand_back(mail: Mail, referral: Referral, actor: str, now: datetime) -> bool:
    """It waits again, and the person knows."""
    before = mail.session.get(Mediator, referral.mediator_id)
    if before is None or not states.hand_back(mail.session, referral.id, before.id, actor, now):
        return False
    _leave(mail, referral, before)
    _pass_on(mail, referral, before, actor)
    if person := person_of(mail.session, referral):
        mail.say(person.id, words.handed_back(person.language))
    return True


def _pass_on(mail: Mail, referral: Referral, before: Mediator, actor: str) -> None:
    """The mediator who had it is told; what they did not get yet is for the next one."""
    reader = reader_of(mail, before, referral)
    if reader is None:
        return
    relay.hold_undelivered(mail, referral, reader.id)
    if reader.channel == topics.CHANNEL:
        return  # everybody reads on there
    told = words.passed_on if actor == f"mediator:{before.id}" else words.taken_from_you
    mail.say(reader.id, told(referral, reader.language))


def close(mail: Mail, referral: Referral, outcome: str, actor: str, now: datetime) -> bool:
    """The end: the bot is back for the person, and asks how it was."""
    was_taken = referral.state == states.TAKEN
    mediator = mail.session.get(Mediator, referral.mediator_id) if referral.mediator_id else None
    if not states.close(mail.session, referral.id, outcome, actor, now):
        return False
    _cards_gone(mail, referral, mediator)
    if mediator:
        _leave(mail, referral, mediator)
        if reader := reader_of(mail, mediator, referral):
            mail.say(reader.id, words.closed(referral, reader.language))
    if settings().staff_group:
        mail.say(topics.topic_of(mail.session, referral).id, Reply("", topic="close"))
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
        if mediator and (reader := reader_of(mail, mediator)):
            mail.say(reader.id, words.erased(referral.pseudonym, reader.language))
    if mediator:
        _leave(mail, referral, mediator)
    topic = topics.topic_of(mail.session, referral) if settings().staff_group or referral.topic_id else None
    for copy in mail.session.scalars(sa.select(Copy).where(Copy.referral_id == referral.id)).all():
        if topic is None or copy.recipient_id != topic.id:
            mail.delete(copy)
    if topic:  # with all that was written in it
        mail.session.execute(sa.delete(Outbound).where(Outbound.person_id == topic.id))
        mail.say(topic.id, Reply("", topic="delete"))
    mail.session.execute(sa.delete(Offer).where(Offer.referral_id == referral.id))
    mail.session.execute(sa.delete(Copy).where(Copy.referral_id == referral.id))
    mail.session.execute(sa.delete(Note).where(Note.referral_id == referral.id))
    referral.person_key = referral.pseudonym = referral.own_words = None
    referral.shown, referral.comune = [], None
    states.audit(mail.session, "person", "erase", referral.id, now=now)


def _farewell(referral: Referral, outcome: str, was_taken: bool, person: Person) -> list[Reply]:
    if was_taken:
        return words.ended(referral, person.language)
    if outcome == "ended_by_person":
        return [words.withdrawn(person.language)]
    return [words.unclaimed(person.language)]


def _begin(mail: Mail, referral: Referral, mediator: Mediator) -> None:
    """A mediator has it: they get the card, the notes and what was left for them; the person hears who it is."""
    reader, person = reader_of(mail, mediator, referral), person_of(mail.session, referral)
    assert reader
    mediator.current_id = referral.id
    notes = mail.session.scalars(sa.select(Note).where(Note.referral_id == referral.id).order_by(Note.id)).all()
    in_group = mediator if reader.channel == topics.CHANNEL else None
    card = words.you_have_it(referral, reader.language, list(notes), in_group)
    mail.carry(referral.id, None, None, reader.id, card, "card")
    relay.deliver_held(mail, referral, mediator, reader)
    if person:
        mail.say(person.id, words.taken(mediator, referral, person.language))


def _leave(mail: Mail, referral: Referral, mediator: Mediator) -> None:
    """A mediator no longer has it; when one is left, that is the one they write to. What the console shows goes."""
    mail.session.execute(sa.update(Copy).where(Copy.referral_id == referral.id).values(text=None))
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
    if settings().staff_group:
        topic = topics.topic_of(mail.session, referral)
        cards = sa.select(Copy).where(Copy.referral_id == referral.id, Copy.recipient_id == topic.id)
        for copy in mail.session.scalars(cards.where(Copy.kind == "offer")).all():
            mail.edit(copy, words.card_gone(referral, topic.language, taker))
            copy.kind = "card"
