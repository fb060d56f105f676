"""The gateway's door to mediation: each message is looked at here before the bot is asked."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.database.tables import Copy, Inbound, Mediator, Outbound, Person, Referral, utc_now
from bot.mediation import cases, mediator_chat, mediators, menu, person_chat, states, topics, words
from bot.mediation.mail import Mail, mail
from bot.mediation.referrals import of_mediator, open_referral

JOIN = "/join "


@dataclass(frozen=True)
class Looked:
    """Whether the oldest message was one of mediation, and then whom to wake; else it is a question for the bot."""

    is_done: bool
    recipients: frozenset[int] = frozenset()


def handle_next(person_id: int) -> Looked | None:
    """Deal with the oldest message of somebody if it concerns mediation; None when nothing waits.

    The message is done in the same transaction in which its copy is on its way.
    """
    with mail() as post:
        query = sa.select(Inbound).where(Inbound.person_id == person_id, ~Inbound.done).order_by(Inbound.id).limit(1)
        message, person = post.session.scalar(query), post.session.get(Person, person_id)
        if message is None or person is None:
            return None
        if message.kind == "payload" and message.body == "/forget":
            return Looked(False)
        # The message is read before it is emptied; on SQLite this write also begins the transaction.
        parts = ("kind", "body", "message_id", "reply_to", "reply_name", "author")
        copy = Inbound(**{part: getattr(message, part) for part in parts})
        done = sa.update(Inbound).where(Inbound.id == message.id, ~Inbound.done).values(done=True, body="")
        if not states.changed(post.session, done):
            return Looked(True)
        if not _handle(post, person, copy):
            post.session.rollback()
            return Looked(False)
    return Looked(True, frozenset(post.recipients))


def _handle(post: Mail, person: Person, message: Inbound) -> bool:
    now = utc_now()
    if person.channel == "telegram" and message.kind == "payload" and message.body.startswith(JOIN):
        _join(post, person, message.body.removeprefix(JOIN))
        return True
    if person.channel == topics.CHANNEL:
        if mediator := mediators.of_telegram(post.session, message.author):
            mediator_chat.handle(post, mediator, person, message, now)
        return True
    if mediator := mediators.of_person(post.session, person.id):
        mediator_chat.handle(post, mediator, person, message, now)
        return True
    if message.kind == "payload" and message.body.startswith("m:"):
        return True  # the button of somebody who is not a mediator any more
    return person_chat.handle(post, person, message, now)


def _join(post: Mail, person: Person, start: str) -> None:
    mediator = mediators.join(post, person, start, utc_now())
    if mediator is None:
        post.say(person.id, words.invitation_invalid(person.language))
        return
    post.say(person.id, words.invited(mediator.name, person.language))
    post.say(person.id, menu.home(mediator, menu.Counts([], 0, 0), person.language))


def forget(post: Mail, person: Person) -> None:
    """Before a person is erased: both sides of what was relayed, and their place among the mediators."""
    now = utc_now()
    mediator = mediators.of_person(post.session, person.id)
    if mediator:
        mediators.remove(post, mediator, f"mediator:{mediator.id}", now)
        mediator.name = "-"
    query = sa.select(Referral).where(Referral.person_key == person.key)
    for referral in post.session.scalars(query).all():
        cases.erase(post, referral, now)


def has_mediator(session: Session, person: Person) -> bool:
    """Whether a mediator answers this person now, so that the bot is silent."""
    referral = open_referral(session, person.key, lock=True)
    return referral is not None and referral.state == states.TAKEN


def is_staff(session: Session, person_id: int) -> bool:
    """A mediator, or a topic of the staff group: not forgotten for being silent."""
    staff = sa.select(Mediator.person_id).where(Mediator.person_id.is_not(None))
    topic = Person.channel == topics.CHANNEL
    query = sa.select(Person.id).where(Person.id == person_id, topic | Person.id.in_(staff))
    return session.scalar(query) is not None


def delivered(session: Session, message: Outbound, message_id: int | None) -> bool:
    """Remember where a copy ended up; False when it was taken back while it was on its way."""
    copy_id = session.scalar(sa.select(Outbound.copy_id).where(Outbound.id == message.id))
    if message.copy_id is None:
        return True
    if copy_id is None:
        return False
    values = {"message_id": message_id, "sent_at": utc_now()}
    session.execute(sa.update(Copy).where(Copy.id == copy_id).values(**values))
    return True


def target_of(session: Session, message: Outbound) -> int | None:
    """The id, in the recipient's chat, of the message that this one answers or changes."""
    copy = session.get(Copy, message.target_id) if message.target_id else None
    if copy is None:
        return message.body.get("reply_to")
    return copy.message_id if copy.recipient_id == message.person_id else copy.source_message_id


def could_not_pass(post: Mail, message: Outbound) -> None:
    """A channel refused a copy for good: its sender is told, so that nothing is lost unseen."""
    copy = post.session.get(Copy, message.copy_id) if message.copy_id else None
    sender = post.session.get(Person, copy.sender_id) if copy and copy.sender_id else None
    if sender:
        post.say(sender.id, words.not_passed_on(sender.language))


def gone(post: Mail, person: Person) -> bool:
    """Somebody blocked the bot. A mediator goes off duty and what they have waits for others; True for a mediator."""
    mediator = mediators.of_person(post.session, person.id)
    if mediator is None:
        return False
    now = utc_now()
    mediator.on_duty = False
    for referral in of_mediator(post.session, mediator.id):
        cases.hand_back(post, referral, "clock", now)
    post.session.execute(sa.delete(Outbound).where(Outbound.person_id == person.id))
    return True
