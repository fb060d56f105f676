"""Which mediators a referral is offered to: ever wider circles around the person's language, ambito and need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.catalog.hours import opening
from bot.database.tables import Mediator, Offer, Person, Referral, sessions
from bot.mediation import topics, words
from bot.mediation.codes import bridges, skill_for
from bot.mediation.mail import Mail
from bot.mediation.referrals import person_of
from bot.mediation.states import TAKEN, WAITING
from bot.places import Point, distance_km, gazetteer
from bot.settings import settings

#: Each holds the ones before it. The coordinator is asked last, on duty or not.
SKILL, AMBITO, NEIGHBOURS, LANGUAGE, BRIDGE, COORDINATOR = range(6)
NEIGHBOURING_AMBITI = 5


def active(session: Session) -> list[Mediator]:
    """Mediators who joined and were not removed."""
    query = sa.select(Mediator).where(Mediator.person_id.is_not(None), Mediator.removed_at.is_(None))
    return list(session.scalars(query.order_by(Mediator.id)))


def circle_of(mediator: Mediator, referral: Referral) -> int | None:
    """The innermost circle of the referral in which the mediator stands, or None."""
    if referral.language in mediator.languages:
        if referral.ambito is None or not mediator.ambiti or referral.ambito in mediator.ambiti:
            return SKILL if skill_for(referral.need) in mediator.skills else AMBITO
        near = neighbours(referral.ambito)
        return NEIGHBOURS if any(ambito in near for ambito in mediator.ambiti) else LANGUAGE
    if any(code in mediator.languages for code in bridges(referral.language)):
        return BRIDGE
    return COORDINATOR if mediator.is_coordinator else None


def may_look(mediator: Mediator, referral: Referral) -> bool:
    """A mediator sees what they have and what waits for somebody like them, a coordinator everything."""
    is_for_them = referral.state == WAITING and circle_of(mediator, referral) is not None
    return mediator.is_coordinator or referral.mediator_id == mediator.id or is_for_them


def colleagues(session: Session, referral: Referral) -> list[Mediator]:
    """To whom it can be passed, the likeliest first."""
    others = [m for m in active(session) if m.id != referral.mediator_id]
    return sorted(others, key=lambda m: (not m.on_duty, referral.language not in m.languages, m.name))


@lru_cache
def _centres() -> dict[str, Point]:
    """Each ambito's middle, weighted by the people of its comuni."""
    members: dict[str, list[tuple[int, Point]]] = {}
    for comune in gazetteer().comuni.values():
        if comune.ambito:
            members.setdefault(comune.ambito, []).append((max(comune.population, 1), comune.point))
    centres = {}
    for ambito, weighted in members.items():
        total = sum(weight for weight, _ in weighted)
        latitude = sum(weight * point.latitude for weight, point in weighted) / total
        longitude = sum(weight * point.longitude for weight, point in weighted) / total
        centres[ambito] = Point(latitude, longitude)
    return centres


@lru_cache
def neighbours(ambito: str) -> tuple[str, ...]:
    """The nearest other ambiti."""
    centre = _centres().get(ambito)
    if centre is None:
        return ()
    others = sorted((distance_km(centre, point), name) for name, point in _centres().items() if name != ambito)
    return tuple(name for _, name in others[:NEIGHBOURING_AMBITI])


@dataclass(frozen=True)
class Staff:
    """All active mediators, and which of them can take one more referral now."""

    everybody: list[Mediator]
    ready: set[int]


def staff(session: Session) -> Staff:
    """As they are now; read once for all referrals that wait."""
    taken = sa.select(Referral.mediator_id, sa.func.count()).where(Referral.state == TAKEN)
    loads = {number: load for number, load in session.execute(taken.group_by(Referral.mediator_id)).all()}
    everybody = active(session)
    most = settings().most_referrals
    return Staff(everybody, {m.id for m in everybody if m.on_duty and loads.get(m.id, 0) < most})


def route(mail: Mail, referral: Referral, who: Staff, now: datetime) -> None:
    """Offer a waiting referral to those on duty in its circle, and widen the circle when it is time."""
    in_group = settings().staff_group is not None
    if in_group and referral.circle is None:
        _offer_to_group(mail, referral, now)
        return
    circles = {m.id: c for m in who.everybody if (c := circle_of(m, referral)) is not None}
    offers = sa.select(Offer.mediator_id).where(Offer.referral_id == referral.id)
    offered = set(mail.session.scalars(offers))
    first = min((circles[m] for m in circles if m in who.ready), default=COORDINATOR)
    circle = referral.circle if referral.circle is not None else SKILL
    if referral.circle_since and referral.circle is not None and now - referral.circle_since >= _widen_after():
        circle = min(circle + 1, COORDINATOR) if not in_group else COORDINATOR
        if offered and referral.circle <= AMBITO:
            _tell_widened(mail, referral)
    if not in_group:
        circle = max(circle, first)  # where nobody is, there is nobody to wait for
    if circle != referral.circle:
        referral.circle, referral.circle_since = circle, now
    for mediator in who.everybody:
        is_asked = mediator.id in who.ready and circles.get(mediator.id, COORDINATOR + 1) <= circle and not in_group
        is_last_resort = mediator.is_coordinator and circle == COORDINATOR
        if mediator.id not in offered and (is_asked or is_last_resort):
            _offer(mail, referral, mediator, circles.get(mediator.id, COORDINATOR))


def _widen_after() -> timedelta:
    return timedelta(minutes=settings().widen_minutes)


def _offer(mail: Mail, referral: Referral, mediator: Mediator, circle: int) -> None:
    assert mediator.person_id
    reader = mail.session.get(Person, mediator.person_id)
    assert reader
    card = words.card(referral, reader.language, offered=True)
    copy = mail.carry(referral.id, None, None, reader.id, card, "card")
    mail.session.add(Offer(referral_id=referral.id, mediator_id=mediator.id, circle=circle, copy_id=copy.id))


def _offer_to_group(mail: Mail, referral: Referral, now: datetime) -> None:
    topic = topics.topic_of(mail.session, referral)
    mail.carry(referral.id, None, None, topic.id, words.card(referral, topic.language, offered=True), "offer")
    referral.circle, referral.circle_since = SKILL, now


def _tell_widened(mail: Mail, referral: Referral) -> None:
    if person := person_of(mail.session, referral):
        mail.say(person.id, words.asking_more(person.language))


@dataclass(frozen=True)
class Availability:
    """Whether a mediator for a language is on duty now, and else when one will be, as far as that is known."""

    on_duty: bool
    back_at: datetime | None


def availability(language: str, now: datetime) -> Availability:
    """The truth about waiting: from taps on "on duty" and from the hours that mediators promised."""
    with sessions()() as session:
        speakers = [m for m in active(session) if language in m.languages]
    if any(m.on_duty for m in speakers):
        return Availability(True, None)
    starts = []
    for mediator in speakers:
        if mediator.duty_hours:
            state = opening(mediator.duty_hours, now)
            if state.changes_at and not state.is_open:
                starts.append(state.changes_at)
    return Availability(False, min(starts, default=None))
