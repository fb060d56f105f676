"""Mediators: invited by a personal link that works once, removed at once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import httpx
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.catalog.hours import opening
from bot.database.tables import Account, Copy, Mediator, Outbound, Person
from bot.mediation import cases, states, words
from bot.mediation.mail import Mail
from bot.mediation.referrals import of_mediator
from bot.settings import settings

LINK_PREFIX = "m-"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invite(
    session: Session, name: str, languages: list[str], is_coordinator: bool, now: datetime, actor: str = "operator"
) -> tuple[int, str]:
    """A new mediator's number and what stands behind `?start=` in their link; only its hash is stored."""
    token = secrets.token_urlsafe(24)
    mediator = Mediator(
        name=name,
        languages=languages,
        is_coordinator=is_coordinator,
        token_hash=_hash(token),
        token_until=now + timedelta(days=settings().invitation_days),
    )
    session.add(mediator)
    session.flush()
    states.audit(session, actor, "invite", mediator_id=mediator.id, now=now)
    return mediator.id, LINK_PREFIX + token


def start_link(start: str) -> str:
    """The link that opens an invitation in Telegram; a word in the place of the bot's name while Telegram is away."""
    config = settings()
    try:
        address = f"{config.telegram_api_url}/bot{config.telegram_token}/getMe"
        name = str(httpx.get(address, timeout=5, trust_env=False).json()["result"]["username"])
    except (httpx.HTTPError, ValueError, KeyError):
        name = "YOUR_BOT"
    return f"https://t.me/{name}?start={start}"


def join(mail: Mail, person: Person, start: str, now: datetime) -> Mediator | None:
    """Open an invitation: it works once, and only for a while."""
    if of_person(mail.session, person.id):
        return None
    unused = sa.update(Mediator).where(
        Mediator.token_hash == _hash(start.removeprefix(LINK_PREFIX)),
        Mediator.token_until > now,
        Mediator.removed_at.is_(None),
    )
    values = {"person_id": person.id, "token_hash": None, "token_until": None, "joined_at": now}
    mediator_id = mail.session.scalar(unused.values(**values).returning(Mediator.id))
    if mediator_id is None:
        return None
    states.audit(mail.session, f"mediator:{mediator_id}", "join", mediator_id=mediator_id, now=now)
    return mail.session.get(Mediator, mediator_id, populate_existing=True)


def of_person(session: Session, person_id: int) -> Mediator | None:
    """The mediator who writes from this address."""
    return session.scalar(sa.select(Mediator).where(Mediator.person_id == person_id, Mediator.removed_at.is_(None)))


def of_telegram(session: Session, address: str | None) -> Mediator | None:
    """The mediator with this Telegram id, who writes in the staff group."""
    query = sa.select(Mediator).join(Person, Person.id == Mediator.person_id)
    query = query.where(Person.channel == "telegram", Person.address == address, Mediator.removed_at.is_(None))
    return session.scalar(query)


def remove(mail: Mail, mediator: Mediator, actor: str, now: datetime) -> None:
    """No access from this moment: what they had waits for others, and its messages go from their chat."""
    reader = cases.reader_of(mail, mediator)
    for referral in of_mediator(mail.session, mediator.id):
        cases.hand_back(mail, referral, actor, now)
    if reader:
        for copy in mail.session.scalars(sa.select(Copy).where(Copy.recipient_id == reader.id)).all():
            mail.delete(copy)
        mail.session.execute(sa.delete(Outbound).where(Outbound.person_id == reader.id, Outbound.act != "delete"))
        mail.say(reader.id, words.removed(reader.language))
    mediator.removed_at, mediator.on_duty, mediator.current_id = now, False, None
    mediator.person_id = mediator.token_hash = None
    _leave_the_console(mail.session, mediator.id)
    states.audit(mail.session, actor, "remove", mediator_id=mediator.id, now=now)


def _leave_the_console(session: Session, mediator_id: int) -> None:
    """An account that was only theirs as a mediator goes, and with it their sessions; a coordinator's stays."""
    of_theirs = Account.mediator_id == mediator_id
    session.execute(sa.delete(Account).where(of_theirs, Account.role == "mediator"))
    session.execute(sa.update(Account).where(of_theirs).values(mediator_id=None))


def set_duty(mediator: Mediator, on_duty: bool, now: datetime) -> None:
    """A tap. Within the mediator's own hours it lasts until they end, outside them until the next tap."""
    mediator.on_duty = on_duty
    within = bool(mediator.duty_hours and opening(mediator.duty_hours, now).is_open)
    mediator.asked_on_duty_at = now if within else None


def follow_hours(mail: Mail, mediator: Mediator, now: datetime) -> None:
    """Ask at the start of the hours that a mediator set, and end the duty with them."""
    if not mediator.duty_hours or not mediator.person_id:
        return
    reader = cases.reader_of(mail, mediator)
    assert reader
    within = opening(mediator.duty_hours, now).is_open
    if within and mediator.asked_on_duty_at is None:
        mediator.asked_on_duty_at = now
        if not mediator.on_duty:
            mail.say(reader.id, words.duty_begins(reader.language))
    elif not within and mediator.asked_on_duty_at is not None:
        mediator.asked_on_duty_at = None
        if mediator.on_duty:
            mediator.on_duty = False
            mail.say(reader.id, words.duty_ended(reader.language))
