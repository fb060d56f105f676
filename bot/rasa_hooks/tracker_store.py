"""A tracker store that loads only the tail of a conversation, so that message 1,000 costs what message 10 did."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.orm import Session, sessionmaker

from bot.database.engine import make_engine
from bot.settings import settings

TAIL_EVENTS = 60
_STORED = "_stored_events"
_Event = SQLTrackerStore.SQLEvent
sa.Index("ix_events_sender_type_id", _Event.sender_id, _Event.type_name, _Event.id)


class TailTrackerStore(SQLTrackerStore):
    """Rasa's SQL store on the bot's own database.

    What is loaded: the events since the last session start or restart; of a long session the last 60 or so, cut at the
    start of a turn and never inside a form, preceded by the last value that each slot had before the cut.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        event_broker: EventBroker | None = None,
        url: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.engine = make_engine(url or settings().database_url)
        self.Base.metadata.create_all(self.engine)
        self.sessionmaker = sessionmaker(bind=self.engine)
        super(SQLTrackerStore, self).__init__(domain or Domain.empty(), event_broker, **kwargs)

    @contextlib.contextmanager
    def session_scope(self) -> Iterator[Session]:
        """A session that is always closed."""
        with self.sessionmaker() as session:
            yield session

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The tail of the conversation."""
        with self.session_scope() as session:
            events = self._tail(session, sender_id)
        return self._tracker(sender_id, events)

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """All events, of all sessions."""
        with self.session_scope() as session:
            rows = session.scalars(
                sa.select(_Event.data).where(_Event.sender_id == conversation_id).order_by(_Event.id)
            ).all()
        return self._tracker(conversation_id, list(rows))

    def _tracker(self, sender_id: str, events: list[str]) -> DialogueStateTracker | None:
        if not events or not self.domain:
            return None
        tracker = DialogueStateTracker.from_dict(sender_id, [json.loads(e) for e in events], self.domain.slots)
        setattr(tracker, _STORED, len(tracker.events))
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Add the events that came since the tracker was loaded."""
        await self.stream_events(tracker)
        stored = getattr(tracker, _STORED, 0)
        new = list(tracker.events)[stored:]
        with self.session_scope() as session:
            session.add_all(self._row(tracker.sender_id, event) for event in new)
            session.commit()
        setattr(tracker, _STORED, len(tracker.events))

    @staticmethod
    def _row(sender_id: str, event: Any) -> Any:
        data = event.as_dict()
        return _Event(
            sender_id=sender_id,
            type_name=event.type_name,
            timestamp=data.get("timestamp"),
            intent_name=data.get("parse_data", {}).get("intent", {}).get("name"),
            action_name=data.get("name"),
            data=json.dumps(data),
        )

    def _tail(self, session: Session, sender_id: str) -> list[str]:
        mine = _Event.sender_id == sender_id
        start = self._last(session, mine, ["session_started", "restart"]) or 0
        rows = self._rows(session, mine, start, limit=TAIL_EVENTS)
        if len(rows) < TAIL_EVENTS:
            return [row.data for row in rows]
        cut = next((r.id for r in rows if r.type_name == "action" and r.action_name == "action_listen"), rows[0].id)
        cut = self._outside_a_form(session, mine, start, cut)
        rows = self._rows(session, mine, cut)
        return self._slots_before(session, mine, start, cut) + [row.data for row in rows]

    @staticmethod
    def _last(session: Session, mine: Any, types: list[str], before: int | None = None) -> int | None:
        found = []
        for type_name in types:
            query = sa.select(sa.func.max(_Event.id)).where(mine, _Event.type_name == type_name)
            found.append(session.scalar(query if before is None else query.where(_Event.id < before)))
        return max((f for f in found if f is not None), default=None)

    @staticmethod
    def _rows(session: Session, mine: Any, start: int, limit: int | None = None) -> list[Any]:
        columns = sa.select(_Event.id, _Event.type_name, _Event.action_name, _Event.data)
        query = columns.where(mine, _Event.id >= start).order_by(_Event.id.desc()).limit(limit)
        return list(session.execute(query).all())[::-1]

    def _outside_a_form(self, session: Session, mine: Any, start: int, cut: int) -> int:
        """Move the cut back to the turn that opened the form which is active there."""
        loop = self._last(session, mine, ["active_loop"], before=cut)
        if loop is None or loop < start:
            return cut
        name = session.scalar(sa.select(_Event.action_name).where(_Event.id == loop))
        if name is None:
            return cut
        listen = session.scalar(
            sa.select(sa.func.max(_Event.id)).where(
                mine, _Event.type_name == "action", _Event.action_name == "action_listen", _Event.id < loop
            )
        )
        return max(listen or start, start)

    def _slots_before(self, session: Session, mine: Any, start: int, cut: int) -> list[str]:
        reset = self._last(session, mine, ["reset_slots"], before=cut) or 0
        newest = (
            sa.select(sa.func.max(_Event.id))
            .where(mine, _Event.type_name == "slot", _Event.id >= max(start, reset), _Event.id < cut)
            .group_by(_Event.action_name)
        )
        query = sa.select(_Event.data).where(_Event.id.in_(newest)).order_by(_Event.id)
        return list(session.scalars(query).all())
