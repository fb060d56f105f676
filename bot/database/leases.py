"""Leases: which gateway process does a piece of work, so that no two do it at once.

SQLite serves one gateway, so there everything is free to it and nothing is written.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bot.database.tables import Lease, sessions, utc_now

LEASE_SECONDS = 15
RENEW_SECONDS = 4


class Leases:
    """The leases that this process holds; `renew` must be called more often than they run out."""

    def __init__(self) -> None:
        self.holder = uuid.uuid4().hex
        self._shared = sessions().kw["bind"].dialect.name != "sqlite"

    def take(self, name: str) -> bool:
        """Whether the lease is ours now."""
        if not self._shared:
            return True
        now = utc_now()
        ours = sa.update(Lease).where(Lease.name == name, (Lease.until < now) | (Lease.holder == self.holder))
        values = {"holder": self.holder, "until": now + timedelta(seconds=LEASE_SECONDS)}
        try:
            with sessions().begin() as session:
                if cast("sa.CursorResult[Any]", session.execute(ours.values(**values))).rowcount:
                    return True
                if session.scalar(sa.select(Lease.name).where(Lease.name == name)):
                    return False
                session.add(Lease(name=name, **values))
            return True
        except IntegrityError:
            return False

    def give_back(self, name: str) -> None:
        """Let others have it at once."""
        if self._shared:
            with sessions().begin() as session:
                session.execute(sa.delete(Lease).where(Lease.name == name, Lease.holder == self.holder))

    def give_all_back(self) -> None:
        """This process ends."""
        if self._shared:
            with sessions().begin() as session:
                session.execute(sa.delete(Lease).where(Lease.holder == self.holder))

    def renew(self) -> None:
        """Keep all that we hold for a while longer."""
        if self._shared:
            until = utc_now() + timedelta(seconds=LEASE_SECONDS)
            with sessions().begin() as session:
                session.execute(sa.update(Lease).where(Lease.holder == self.holder).values(until=until))
