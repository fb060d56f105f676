"""People, what they sent and what they are to be told, in the database."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot import trial
from bot.database.tables import Copy, Inbound, Outbound, Person, sessions, utc_now
from bot.gateway.model import Incoming, Reply
from bot.i18n.languages import DEFAULT_LANGUAGE, offered
from bot.mediation import desk
from bot.mediation.mail import Mail
from bot.settings import settings

UPDATE_DAYS = 2
_EVENTS = sa.table("events", sa.column("sender_id"), sa.column("timestamp"))


def pseudonym(channel: str, address: str) -> str:
    """The name under which Rasa knows a person: a keyed hash, so that nobody can go back to the Telegram id."""
    hashed = hmac.new(settings().secret, f"{channel}:{address}".encode(), hashlib.sha256).hexdigest()[:32]
    return trial.key_of(hashed) if channel == trial.CHANNEL else hashed


def store(incoming: Incoming) -> int | None:
    """Keep what was sent; returns the person's id, or None when this very message is already there."""
    try:
        return _store(incoming)
    except IntegrityError:  # another process stored the person, or the message, at the same moment
        return _store(incoming)


def _store(incoming: Incoming) -> int | None:
    with sessions().begin() as session:
        if incoming.kind == "edit" and not _relayed(session, incoming):
            return None  # an edited question was answered as it was; the person can ask again
        person = _person(session, incoming)
        known = sa.select(Inbound.id).where(Inbound.person_id == person.id, Inbound.external_id == incoming.external_id)
        if session.scalar(known):
            return None
        session.add(
            Inbound(
                person_id=person.id,
                external_id=incoming.external_id,
                kind=incoming.kind,
                body=incoming.body if desk.is_staff(session, person.id) else rounded(incoming),
                message_id=incoming.message_id,
                reply_to=incoming.reply_to,
                reply_name=incoming.reply_name,
                author=incoming.author,
            )
        )
        return person.id


def rounded(incoming: Incoming) -> str:
    """Where a person is, to about a hundred metres; anything else as it came."""
    if incoming.kind != "location":
        return incoming.body
    return ",".join(f"{float(number):.3f}" for number in incoming.body.split(","))


def _relayed(session: Session, incoming: Incoming) -> bool:
    """Whether the message that was edited went to a mediator, or to a person."""
    author = sa.select(Person.id).where(Person.channel == incoming.channel, Person.address == incoming.address)
    waits = sa.select(Inbound.id).where(
        Inbound.person_id.in_(author), Inbound.message_id == incoming.message_id, ~Inbound.done
    )
    carried = sa.select(Copy.id).where(Copy.sender_id.in_(author), Copy.source_message_id == incoming.message_id)
    return session.scalar(carried.limit(1)) is not None or session.scalar(waits.limit(1)) is not None


def _person(session: Session, incoming: Incoming) -> Person:
    found = session.scalar(
        sa.select(Person).where(Person.channel == incoming.channel, Person.address == incoming.address)
    )
    if found is None:
        found = Person(
            channel=incoming.channel,
            address=incoming.address,
            key=pseudonym(incoming.channel, incoming.address),
            language=offered(incoming.language_hint) or DEFAULT_LANGUAGE,
        )
        session.add(found)
        session.flush()
    found.last_seen = utc_now()
    return found


def person(person_id: int) -> Person | None:
    """The person, or None when they were forgotten meanwhile."""
    with sessions()() as session:
        return session.get(Person, person_id)


def person_at(channel: str, address: str) -> Person | None:
    """The person who writes from this address."""
    with sessions()() as session:
        return session.scalar(sa.select(Person).where(Person.channel == channel, Person.address == address))


def set_language(person_id: int, code: str, chosen: bool) -> None:
    """Remember the language to answer in; `chosen` says that the person picked it."""
    with sessions().begin() as session:
        values = {"language": code, "language_chosen": True} if chosen else {"language": code}
        session.execute(sa.update(Person).where(Person.id == person_id).values(**values))


def waiting(person_id: int) -> list[Inbound]:
    """What the person sent and was not answered, in order."""
    with sessions()() as session:
        query = sa.select(Inbound).where(Inbound.person_id == person_id, ~Inbound.done).order_by(Inbound.id)
        return list(session.scalars(query))


def answered(person_id: int, inbound_ids: list[int], replies: list[Reply]) -> bool:
    """In one transaction: these messages are done, and this is to be said.

    False when a mediator took the person's referral meanwhile: the bot is silent, and the messages are the mediator's.
    """
    with sessions().begin() as session:
        done = sa.update(Inbound).where(Inbound.id.in_(inbound_ids)).values(done=True, body="")
        session.execute(done)
        found = session.get(Person, person_id)
        if found is None or desk.has_mediator(session, found):
            session.rollback()
            return False
        session.add_all(Outbound(person_id=person_id, body=reply.as_dict()) for reply in replies)
        return True


def next_unsent(person_id: int) -> tuple[Outbound, Person, int | None] | None:
    """The next thing to be said, to whom, and the message in their chat that it answers or changes."""
    with sessions()() as session:
        query = sa.select(Outbound).where(Outbound.person_id == person_id, ~Outbound.sent).order_by(Outbound.id)
        message, person = session.scalar(query.limit(1)), session.get(Person, person_id)
        if message is None or person is None:
            return None
        return message, person, desk.target_of(session, message)


def said_after(person_id: int, last_id: int) -> list[Outbound]:
    """For the web page: what was said after the last message that it has."""
    with sessions()() as session:
        query = sa.select(Outbound).where(Outbound.person_id == person_id, Outbound.id > last_id).order_by(Outbound.id)
        return list(session.scalars(query))


def mark_sent(message: Outbound, message_id: int | None, keep: bool) -> bool:
    """It was delivered; the web page may ask for it again, other channels keep their own copy.

    False when it was taken back while it was on its way.
    """
    with sessions().begin() as session:
        wanted = desk.delivered(session, message, message_id)
        if keep:
            session.execute(sa.update(Outbound).where(Outbound.id == message.id).values(sent=True))
        else:
            session.execute(sa.delete(Outbound).where(Outbound.id == message.id))
        return wanted


def refused(message: Outbound) -> set[int]:
    """The channel will never take it: whoever wrote it is told. Returns whom to wake."""
    with sessions().begin() as session:
        post = Mail(session)
        session.execute(sa.delete(Outbound).where(Outbound.id == message.id))
        desk.could_not_pass(post, message)
    return post.recipients


def left(person_id: int) -> set[int]:
    """They blocked the bot or closed their account: mediators are removed, people forgotten. Returns whom to wake."""
    with sessions().begin() as session:
        post = Mail(session)
        found = session.get(Person, person_id)
        if found and desk.gone(post, found):
            return post.recipients
    return forget(person_id)


def unfinished() -> tuple[set[int], set[int]]:
    """People with something unsent, and people with something unanswered: after a crash, or by another process."""
    with sessions()() as session:
        asked = session.scalars(sa.select(Inbound.person_id).where(~Inbound.done).distinct())
        told = session.scalars(sa.select(Outbound.person_id).where(~Outbound.sent).distinct())
        return set(told), set(asked)


def forget(person_id: int) -> set[int]:
    """Erase everything about a person: messages, copies in mediators' chats, Rasa's tracker. Returns whom to wake."""
    with sessions().begin() as session:
        found = session.get(Person, person_id)
        if found is None:
            return set()
        post = Mail(session)
        desk.forget(post, found)
        if sa.inspect(session.connection()).has_table("events"):
            session.execute(sa.delete(_EVENTS).where(_EVENTS.c.sender_id == found.key))
        session.execute(sa.delete(Inbound).where(Inbound.person_id == person_id))
        session.execute(sa.delete(Outbound).where(Outbound.person_id == person_id))
        session.delete(found)
    return post.recipients - {person_id}


def expire() -> set[int]:
    """Forget everybody who has been silent for longer than the retention setting; returns whom to wake."""
    now = utc_now()
    limit = now - timedelta(days=settings().retention_days)
    with sessions().begin() as session:
        # Telegram sends an update again for a day at most; until then the row tells that it is known.
        known = sa.delete(Inbound).where(Inbound.done, Inbound.received_at < now - timedelta(days=UPDATE_DAYS))
        session.execute(known)
        silent = session.scalars(sa.select(Person.id).where(Person.last_seen < limit)).all()
        silent = [person_id for person_id in silent if not desk.is_staff(session, person_id)]
    return set().union(*(forget(person_id) for person_id in silent))
