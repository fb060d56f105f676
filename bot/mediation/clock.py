"""What happens by itself: offers and wider circles, reminders and limits, duty hours, follow-ups, erasure."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.database.tables import Audit, Mediator, Referral
from bot.mediation import cases, states, words
from bot.mediation.mail import Mail, mail
from bot.mediation.mediators import follow_hours
from bot.mediation.referrals import person_of, waiting
from bot.mediation.routing import active, route, staff
from bot.settings import settings

CLOCK = "clock"
AUDIT_DAYS = 365


def tick(now: datetime) -> set[int]:
    """One look at everything; returns whom to wake. Each step is a transaction of its own."""
    woken: set[int] = set()
    for step in (_duty, _unclaimed, _offers, _silent_mediators, _silent_people, _follow_ups, _erase):
        with mail() as post:
            step(post, now)
        woken |= post.recipients
    return woken


def _duty(post: Mail, now: datetime) -> None:
    for mediator in active(post.session):
        follow_hours(post, mediator, now)


def _offers(post: Mail, now: datetime) -> None:
    if referrals := waiting(post.session):
        who = staff(post.session)
        for referral in referrals:
            route(post, referral, who, now)


def _unclaimed(post: Mail, now: datetime) -> None:
    limit = now - timedelta(days=settings().unclaimed_days)
    for referral in waiting(post.session):
        if referral.consented_at < limit:
            cases.close(post, referral, "unclaimed", CLOCK, now)


def _taken(post: Mail, *conditions: sa.ColumnElement[bool]) -> list[Referral]:
    query = sa.select(Referral).where(Referral.state == states.TAKEN, *conditions).order_by(Referral.id)
    return list(post.session.scalars(query))


def _person_waits() -> sa.ColumnElement[bool]:
    """The last word is the person's."""
    return Referral.mediator_wrote_at.is_(None) | (Referral.mediator_wrote_at < Referral.person_wrote_at)


def _silent_mediators(post: Mail, now: datetime) -> None:
    """A reminder, then somebody else."""
    patience = timedelta(minutes=settings().mediator_silent_minutes)
    for referral in _taken(post, _person_waits(), Referral.person_wrote_at < now - patience):
        assert referral.person_wrote_at
        if referral.person_wrote_at < now - 2 * patience and referral.warned_at:
            cases.hand_back(post, referral, CLOCK, now)
        elif referral.warned_at is None:
            referral.warned_at = now
            _remind(post, referral)


def _remind(post: Mail, referral: Referral) -> None:
    mediator = post.session.get(Mediator, referral.mediator_id)
    reader, person = cases.reader_of(post, mediator, referral), person_of(post.session, referral)
    if reader:
        post.say(reader.id, words.answer_them(referral, reader.language))
    if person:
        post.say(person.id, words.mediator_is_silent(person.language))


def _silent_people(post: Mail, now: datetime) -> None:
    """A warning, then the end."""
    hours = settings().person_silent_hours
    patience = timedelta(hours=hours)
    for referral in _taken(post, ~_person_waits(), Referral.mediator_wrote_at < now - patience):
        assert referral.mediator_wrote_at
        if referral.warned_at and referral.warned_at < now - patience:
            cases.close(post, referral, "no_answer", CLOCK, now)
        elif referral.warned_at is None:
            referral.warned_at = now
            if person := person_of(post.session, referral):
                post.say(person.id, words.are_you_there(max(round(hours), 1), person.language))


def _follow_ups(post: Mail, now: datetime) -> None:
    limit = now - timedelta(days=settings().follow_up_days)
    useful = Referral.outcome.in_(("answered", "sent_to_desk", "accompanied"))
    due = sa.select(Referral).where(useful, Referral.closed_at < limit, Referral.followed_up_at.is_(None))
    for referral in post.session.scalars(due.where(Referral.person_key.is_not(None))).all():
        referral.followed_up_at = now
        if person := person_of(post.session, referral):
            post.say(person.id, words.were_you_received(referral, person.language))


def _erase(post: Mail, now: datetime) -> None:
    """After the retention only codes and times are left."""
    limit = now - timedelta(days=settings().retention_days)
    old = sa.select(Referral).where(Referral.closed_at < limit, Referral.pseudonym.is_not(None))
    for referral in post.session.scalars(old).all():
        cases.erase(post, referral, now)
    post.session.execute(sa.delete(Audit).where(Audit.at < now - timedelta(days=AUDIT_DAYS)))
