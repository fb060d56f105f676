"""The states of a referral. Each move is one UPDATE that names the state it leaves: of two only one succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.database.tables import Audit, Offer, Referral

WAITING, TAKEN, CLOSED = "waiting", "taken", "closed"


@dataclass(frozen=True)
class Move:
    """A name for the audit, the states it leaves, and the one it leads to."""

    name: str
    leaves: tuple[str, ...]
    leads_to: str


TAKE = Move("take", (WAITING,), TAKEN)
HAND_BACK = Move("hand_back", (TAKEN,), WAITING)
HAND_OVER = Move("hand_over", (TAKEN,), TAKEN)
CLOSE = Move("close", (WAITING, TAKEN), CLOSED)
MOVES = (TAKE, HAND_BACK, HAND_OVER, CLOSE)


def take(session: Session, referral_id: int, mediator_id: int, now: datetime) -> bool:
    """A mediator takes a waiting referral; False when somebody was faster."""
    values: dict[str, Any] = {
        "mediator_id": mediator_id,
        "taken_at": now,
        "person_wrote_at": now,
        "mediator_wrote_at": None,
    }
    return _move(session, TAKE, referral_id, f"mediator:{mediator_id}", now, leaves_message=False, **values)


def hand_back(session: Session, referral_id: int, from_mediator: int, actor: str, now: datetime) -> bool:
    """It waits again, for anybody but the mediator who had it."""
    moved = _move(session, HAND_BACK, referral_id, actor, now, from_mediator, mediator_id=None, circle=None)
    if moved:
        session.execute(sa.delete(Offer).where(Offer.referral_id == referral_id, Offer.mediator_id != from_mediator))
    return moved


def hand_over(
    session: Session, referral_id: int, from_mediator: int, to_mediator: int, actor: str, now: datetime
) -> bool:
    """Another mediator has it from now on."""
    values = {"mediator_id": to_mediator, "person_wrote_at": now, "mediator_wrote_at": None}
    return _move(session, HAND_OVER, referral_id, actor, now, from_mediator, **values)


def close(
    session: Session, referral_id: int, outcome: str, actor: str, now: datetime, mediator_id: int | None = None
) -> bool:
    """The end, with its code; `mediator_id` says who must still have it."""
    values = {"closed_at": now, "outcome": outcome, "leaves_message": False}
    return _move(session, CLOSE, referral_id, actor, now, mediator_id, **values)


def changed(session: Session, statement: sa.Update) -> bool:
    """Whether an UPDATE found its row as it was expected to be."""
    return bool(cast("sa.CursorResult[Any]", session.execute(statement)).rowcount)


def _move(
    session: Session,
    move: Move,
    referral_id: int,
    actor: str,
    now: datetime,
    from_mediator: int | None = None,
    **values: Any,
) -> bool:
    statement = sa.update(Referral).where(Referral.id == referral_id, Referral.state.in_(move.leaves))
    if from_mediator is not None:
        statement = statement.where(Referral.mediator_id == from_mediator)
    statement = statement.values(state=move.leads_to, warned_at=None, **values)
    moved = changed(session, statement.execution_options(synchronize_session="fetch"))
    if moved:
        audit(session, actor, move.name, referral_id, now=now)
    return moved


def audit(
    session: Session,
    actor: str,
    action: str,
    referral_id: int | None = None,
    mediator_id: int | None = None,
    now: datetime | None = None,
) -> None:
    """Remember who did what; never what was written."""
    entry = Audit(actor=actor, action=action, referral_id=referral_id, mediator_id=mediator_id)
    if now:
        entry.at = now
    session.add(entry)
