"""One way to open the database, for the gateway, the actions and Rasa's tracker store."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

BUSY_SECONDS = 30


def make_engine(url: str) -> sa.Engine:
    """An engine; SQLite waits for a lock, writes ahead, and enforces foreign keys."""
    engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if url.startswith("sqlite"):

        @sa.event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _: Any) -> None:
            for pragma in (
                f"busy_timeout={BUSY_SECONDS * 1000}",
                "journal_mode=WAL",
                "synchronous=NORMAL",
                "foreign_keys=ON",
            ):
                connection.execute(f"PRAGMA {pragma}")

    return engine
