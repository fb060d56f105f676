"""The staff group: one forum topic for each referral, written to like any other recipient."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.catalog.model import vocabulary
from bot.database.tables import Person, Referral, sessions
from bot.i18n import translations
from bot.i18n.languages import DEFAULT_LANGUAGE

CHANNEL = "topic"
LONGEST_NAME = 128


def topic_of(session: Session, referral: Referral) -> Person:
    """The topic of a referral, as somebody to write to; Telegram makes it at the first message."""
    address = str(referral.id)
    found = session.scalar(sa.select(Person).where(Person.channel == CHANNEL, Person.address == address))
    if found is None:
        found = Person(channel=CHANNEL, address=address, key=f"topic:{address}", language=DEFAULT_LANGUAGE)
        session.add(found)
        session.flush()
    return found


def thread_of(referral_id: int) -> tuple[int | None, str]:
    """Telegram's id of the topic, None when it is still to be made, and what the topic is called."""
    tr = translations(DEFAULT_LANGUAGE)
    with sessions()() as session:
        referral = session.get(Referral, referral_id)
        if referral is None:
            return None, str(referral_id)
        need = tr(vocabulary().label("needs", referral.need)) if referral.need else None
        parts = [referral.pseudonym or str(referral.id), tr.language_name(referral.language), need]
        return referral.topic_id, " · ".join(filter(None, parts))[:LONGEST_NAME]


def remember_thread(referral_id: int, thread_id: int | None) -> None:
    """Which topic of Telegram it is; None when it is gone."""
    with sessions().begin() as session:
        session.execute(sa.update(Referral).where(Referral.id == referral_id).values(topic_id=thread_id))


def address_of(thread_id: int) -> str | None:
    """The address behind a topic in the group; None for one that is not a referral's."""
    with sessions()() as session:
        number = session.scalar(sa.select(Referral.id).where(Referral.topic_id == thread_id))
    return str(number) if number else None
