"""The bot's own tables. Rasa's tracker store keeps its events in the same database."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from bot.database.engine import make_engine
from bot.settings import settings


class Moment(sa.TypeDecorator[datetime]):
    """A time with its zone, stored as UTC; SQLite would drop the zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


def utc_now() -> datetime:
    """Now, with its zone."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The bot's tables."""


class Person(Base):
    """Somebody who writes to the bot: an address on a channel, and the pseudonym under which Rasa knows them."""

    __tablename__ = "people"
    __table_args__ = (sa.UniqueConstraint("channel", "address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(16))
    address: Mapped[str] = mapped_column(sa.String(64))
    key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    language: Mapped[str] = mapped_column(sa.String(8))
    language_chosen: Mapped[bool] = mapped_column(default=False)
    first_seen: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    last_seen: Mapped[datetime] = mapped_column(Moment, default=utc_now, index=True)


class Inbound(Base):
    """What a person sent, stored before it is acknowledged and deleted once it is answered."""

    __tablename__ = "inbound"
    __table_args__ = (sa.UniqueConstraint("person_id", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id", ondelete="CASCADE"), index=True)
    external_id: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(16))
    body: Mapped[str] = mapped_column(sa.Text)
    received_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    done: Mapped[bool] = mapped_column(default=False, index=True)


class Outbound(Base):
    """What is to be said to a person, in order."""

    __tablename__ = "outbound"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id", ondelete="CASCADE"), index=True)
    body: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    sent: Mapped[bool] = mapped_column(default=False, index=True)


class Referral(Base):
    """A request for a human mediator, with what the person agreed to show."""

    __tablename__ = "referrals"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_key: Mapped[str] = mapped_column(sa.String(64), index=True)
    need: Mapped[str | None] = mapped_column(sa.String(64))
    language: Mapped[str] = mapped_column(sa.String(8))
    comune: Mapped[str | None] = mapped_column(sa.String(6))
    ambito: Mapped[str | None] = mapped_column(sa.String(128))
    consented_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    state: Mapped[str] = mapped_column(sa.String(16), default="waiting")


@lru_cache
def sessions() -> sessionmaker[Session]:
    """Sessions on the configured database."""
    return sessionmaker(make_engine(settings().database_url), expire_on_commit=False)
