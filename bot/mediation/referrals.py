"""A request for a human mediator, from the consent on."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.database.tables import Person, Referral, sessions, utc_now
from bot.mediation.states import CLOSED, TAKEN, WAITING, audit
from bot.settings import settings

#: Names that mediators can tell apart and that say nothing about anybody.
COLOURS = [
    "Azzurro",
    "Verde",
    "Giallo",
    "Viola",
    "Arancione",
    "Celeste",
    "Indaco",
    "Corallo",
    "Turchese",
    "Ocra",
    "Lilla",
    "Ambra",
    "Cobalto",
    "Menta",
]
LONGEST_OWN_WORDS = 500


class TooMany(Exception):
    """The person started as many referrals in 24 hours as one may."""


class NotNow(Exception):
    """The person may not ask for a mediator until a day."""

    def __init__(self, until: datetime) -> None:
        super().__init__("blocked")
        self.until = until


def record_referral(
    person_key: str,
    need: str | None,
    language: str,
    comune: str | None,
    ambito: str | None,
    own_words: str | None = None,
    shown: list[str] | None = None,
) -> int:
    """Store a request that the person agreed to; returns its number.

    Somebody whose request is still open gets its number again. Raises NotNow and TooMany.
    """
    now = utc_now()
    with sessions().begin() as session:
        person = session.scalar(sa.select(Person).where(Person.key == person_key))
        if person and person.no_mediator_until and person.no_mediator_until > now:
            raise NotNow(person.no_mediator_until)
        if found := open_referral(session, person_key):
            return found.id
        day = sa.select(sa.func.count()).where(
            Referral.person_key == person_key, Referral.consented_at > now - timedelta(days=1)
        )
        if (session.scalar(day) or 0) >= settings().referrals_per_day:
            raise TooMany
        referral = Referral(
            person_key=person_key,
            need=need,
            language=language,
            comune=comune,
            ambito=ambito,
            pseudonym=_pseudonym(session),
            own_words=own_words[:LONGEST_OWN_WORDS] if own_words else None,
            shown=shown or [],
            consented_at=now,
        )
        session.add(referral)
        session.flush()
        audit(session, "person", "ask", referral.id, now=now)
        return referral.id


def open_referral(session: Session, person_key: str, lock: bool = False) -> Referral | None:
    """The person's request that is waiting or taken; `lock` keeps others from moving it until the transaction ends."""
    query = sa.select(Referral).where(Referral.person_key == person_key, Referral.state != CLOSED)
    query = query.order_by(Referral.id).limit(1)
    return session.scalar(query.with_for_update() if lock else query)


def by_number(session: Session, number: str, lock: bool = False) -> Referral | None:
    """The referral behind a button, whatever somebody may have put there."""
    if not re.fullmatch(r"[0-9]{1,9}", number):
        return None
    return session.get(Referral, int(number), with_for_update=lock)


def hold(session: Session, number: str) -> Referral | None:
    """The same, which nobody else moves until the transaction ends; writing does that on SQLite too."""
    if not re.fullmatch(r"[0-9]{1,9}", number):
        return None
    session.execute(sa.update(Referral).where(Referral.id == int(number)).values(state=Referral.state))
    return session.get(Referral, int(number), populate_existing=True)


def waits_since(referral: Referral) -> datetime | None:
    """Since when the person waits for an answer; None while it is theirs to write."""
    if referral.state == CLOSED:
        return None
    if referral.first_reply_at is None:
        return referral.consented_at
    wrote = [moment for moment in (referral.person_wrote_at, referral.mediator_wrote_at) if moment]
    last_word = max(wrote, default=referral.consented_at)
    is_answered = referral.state == TAKEN and last_word == referral.mediator_wrote_at
    return None if is_answered else last_word


def of_mediator(session: Session, mediator_id: int) -> list[Referral]:
    """What a mediator has taken and not closed, oldest first."""
    query = sa.select(Referral).where(Referral.mediator_id == mediator_id, Referral.state == TAKEN)
    return list(session.scalars(query.order_by(Referral.id)))


def waiting(session: Session) -> list[Referral]:
    """What nobody has taken yet, oldest first."""
    return list(session.scalars(sa.select(Referral).where(Referral.state == WAITING).order_by(Referral.id)))


def person_of(session: Session, referral: Referral) -> Person | None:
    """Who asked; None when they were forgotten."""
    if referral.person_key is None:
        return None
    return session.scalar(sa.select(Person).where(Person.key == referral.person_key))


def _pseudonym(session: Session) -> str:
    """A colour and a number that no open request has."""
    used = set(session.scalars(sa.select(Referral.pseudonym).where(Referral.state != CLOSED)))
    while True:
        name = f"{random.choice(COLOURS)} {random.randint(10, 999)}"
        if name not in used:
            return name
