"""A request for a human mediator."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.tables import Referral, sessions


def record_referral(person_key: str, need: str | None, language: str, comune: str | None, ambito: str | None) -> int:
    """Store a request that the person agreed to; returns its number.

    The same person asking again for the same need gets the number of the request that is still waiting.
    """
    with sessions().begin() as session:
        waiting = session.scalar(
            sa.select(Referral).where(
                Referral.person_key == person_key, Referral.need == need, Referral.state == "waiting"
            )
        )
        if waiting is None:
            waiting = Referral(person_key=person_key, need=need, language=language, comune=comune, ambito=ambito)
            session.add(waiting)
            session.flush()
        return waiting.id
