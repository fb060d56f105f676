"""People, what they sent and what they are to be told, in the database."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.database.tables import Inbound, Outbound, Person, Referral, sessions, utc_now
from bot.gateway.model import Incoming, Reply
from bot.i18n.languages import DEFAULT_LANGUAGE, offered
from bot.settings import settings

_EVENTS = sa.table("events", sa.column("sender_id"), sa.column("timestamp"))


def pseudonym(channel: str, address: str) -> str:
    """The name under which Rasa knows a person: a keyed hash, so that nobody can go back to the Telegram id."""
    return hmac.new(settings().secret, f"{channel}:{address}".encode(), hashlib.sha256).hexdigest()[:32]


def store(incoming: Incoming) -> int | None:
    """Keep what was sent; returns the person's id, or None when this very message is already there."""
    with sessions().begin() as session:
        person = _person(session, incoming)
        known = sa.select(Inbound.id).where(Inbound.person_id == person.id, Inbound.external_id == incoming.external_id)
        if session.scalar(known):
            return None
        session.add(
            Inbound(person_id=person.id, external_id=incoming.external_id, kind=incoming.kind, body=incoming.body)
        )
        return person.id


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


def answered(person_id: int, inbound_ids: list[int], replies: list[Reply]) -> None:
    """In one transaction: these messages are done, and this is to be said."""
    with sessions().begin() as session:
        if session.get(Person, person_id) is None:
            return
        session.execute(sa.update(Inbound).where(Inbound.id.in_(inbound_ids)).values(done=True, body=""))
        session.add_all(Outbound(person_id=person_id, body=reply.as_dict()) for reply in replies)


def unsent(person_id: int) -> list[Outbound]:
    """What is still to be said, in order."""
    with sessions()() as session:
        query = sa.select(Outbound).where(Outbound.person_id == person_id, ~Outbound.sent).order_by(Outbound.id)
        return list(session.scalars(query))


def said_after(person_id: int, last_id: int) -> list[Outbound]:
    """For the web page: what was said after the last message that it has."""
    with sessions()() as session:
        query = sa.select(Outbound).where(Outbound.person_id == person_id, Outbound.id > last_id).order_by(Outbound.id)
        return list(session.scalars(query))


def mark_sent(outbound_id: int, keep: bool) -> None:
    """It was delivered; the web page may ask for it again, other channels keep their own copy."""
    with sessions().begin() as session:
        if keep:
            session.execute(sa.update(Outbound).where(Outbound.id == outbound_id).values(sent=True))
        else:
            session.execute(sa.delete(Outbound).where(Outbound.id == outbound_id))


def unfinished() -> list[int]:
    """People with something unanswered or unsent, for the start after a crash."""
    with sessions()() as session:
        asked = sa.select(Inbound.person_id).where(~Inbound.done)
        return list(session.scalars(asked.union(sa.select(Outbound.person_id).where(~Outbound.sent))))


def forget(person_id: int) -> None:
    """Erase everything about a person: their messages, referrals and Rasa's tracker."""
    with sessions().begin() as session:
        found = session.get(Person, person_id)
        if found is None:
            return
        session.execute(sa.delete(Referral).where(Referral.person_key == found.key))
        if sa.inspect(session.connection()).has_table("events"):
            session.execute(sa.delete(_EVENTS).where(_EVENTS.c.sender_id == found.key))
        session.execute(sa.delete(Inbound).where(Inbound.person_id == person_id))
        session.execute(sa.delete(Outbound).where(Outbound.person_id == person_id))
        session.delete(found)


def expire() -> int:
    """Forget everybody who has been silent for longer than the retention setting; returns how many."""
    limit = utc_now() - timedelta(days=settings().retention_days)
    with sessions()() as session:
        silent = list(session.scalars(sa.select(Person.id).where(Person.last_seen < limit)))
    for person_id in silent:
        forget(person_id)
    return len(silent)
