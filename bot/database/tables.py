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
    no_mediator_until: Mapped[datetime | None] = mapped_column(Moment)


class Inbound(Base):
    """What a person sent, stored before it is acknowledged and deleted once it is answered."""

    __tablename__ = "inbound"
    __table_args__ = (sa.UniqueConstraint("person_id", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id", ondelete="CASCADE"), index=True)
    external_id: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(16))
    body: Mapped[str] = mapped_column(sa.Text)
    message_id: Mapped[int | None]
    reply_to: Mapped[int | None]
    reply_name: Mapped[str | None] = mapped_column(sa.String(32))
    author: Mapped[str | None] = mapped_column(sa.String(64))
    received_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    done: Mapped[bool] = mapped_column(default=False, index=True)


class Outbound(Base):
    """What is to be said to a person, in order.

    `act` is say, edit or delete; `copy_id` is the copy that this makes, `target_id` the one that it answers or changes.
    """

    __tablename__ = "outbound"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id", ondelete="CASCADE"), index=True)
    body: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    act: Mapped[str] = mapped_column(sa.String(8), default="say", server_default="say")
    copy_id: Mapped[int | None] = mapped_column(sa.ForeignKey("copies.id", ondelete="SET NULL"))
    target_id: Mapped[int | None] = mapped_column(sa.ForeignKey("copies.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    sent: Mapped[bool] = mapped_column(default=False, index=True)


class Mediator(Base):
    """Somebody who answers people. Until they open their invitation `person_id` is empty and `token_hash` is not."""

    __tablename__ = "mediators"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("people.id", ondelete="SET NULL"), unique=True)
    name: Mapped[str] = mapped_column(sa.String(64))
    is_coordinator: Mapped[bool] = mapped_column(default=False)
    languages: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    ambiti: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    skills: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    duty_hours: Mapped[str | None] = mapped_column(sa.String(256))
    on_duty: Mapped[bool] = mapped_column(default=False)
    asked_on_duty_at: Mapped[datetime | None] = mapped_column(Moment)
    current_id: Mapped[int | None]
    token_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    token_until: Mapped[datetime | None] = mapped_column(Moment)
    joined_at: Mapped[datetime | None] = mapped_column(Moment)
    removed_at: Mapped[datetime | None] = mapped_column(Moment)


class Referral(Base):
    """One request handed to a mediator, with what the person agreed to show.

    When it is erased the codes and times stay for the report, and whatever leads to the person goes.
    """

    __tablename__ = "referrals"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_key: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    need: Mapped[str | None] = mapped_column(sa.String(64))
    language: Mapped[str] = mapped_column(sa.String(8))
    comune: Mapped[str | None] = mapped_column(sa.String(6))
    ambito: Mapped[str | None] = mapped_column(sa.String(128))
    pseudonym: Mapped[str | None] = mapped_column(sa.String(32))
    own_words: Mapped[str | None] = mapped_column(sa.Text)
    shown: Mapped[list[str]] = mapped_column(sa.JSON, default=list, server_default="[]")
    consented_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    state: Mapped[str] = mapped_column(sa.String(16), default="waiting", index=True)
    mediator_id: Mapped[int | None] = mapped_column(sa.ForeignKey("mediators.id", ondelete="SET NULL"), index=True)
    circle: Mapped[int | None]
    circle_since: Mapped[datetime | None] = mapped_column(Moment)
    topic_id: Mapped[int | None] = mapped_column(index=True)
    leaves_message: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    taken_at: Mapped[datetime | None] = mapped_column(Moment)
    first_reply_at: Mapped[datetime | None] = mapped_column(Moment)
    person_wrote_at: Mapped[datetime | None] = mapped_column(Moment)
    mediator_wrote_at: Mapped[datetime | None] = mapped_column(Moment)
    warned_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None] = mapped_column(sa.String(32))
    satisfaction: Mapped[str | None] = mapped_column(sa.String(16))
    followed_up_at: Mapped[datetime | None] = mapped_column(Moment)
    follow_up: Mapped[str | None] = mapped_column(sa.String(16))


class Offer(Base):
    """A mediator was shown the card of a referral; `copy_id` is the card in their chat."""

    __tablename__ = "offers"
    __table_args__ = (sa.UniqueConstraint("referral_id", "mediator_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    referral_id: Mapped[int] = mapped_column(sa.ForeignKey("referrals.id", ondelete="CASCADE"))
    mediator_id: Mapped[int] = mapped_column(sa.ForeignKey("mediators.id", ondelete="CASCADE"))
    circle: Mapped[int]
    copy_id: Mapped[int | None] = mapped_column(sa.ForeignKey("copies.id", ondelete="SET NULL"))
    offered_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)


class Copy(Base):
    """A message that the bot carried into somebody's chat, found again by either side's message id.

    `body` holds what a person left for a mediator who is not there yet; it is emptied when it is passed on. `text` is
    what the console shows of the conversation, while the mediator who has the referral also works there.
    """

    __tablename__ = "copies"
    __table_args__ = (
        sa.Index("ix_copies_source", "sender_id", "source_message_id"),
        sa.Index("ix_copies_copy", "recipient_id", "message_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    referral_id: Mapped[int] = mapped_column(sa.ForeignKey("referrals.id", ondelete="CASCADE"), index=True)
    sender_id: Mapped[int | None] = mapped_column(sa.ForeignKey("people.id", ondelete="SET NULL"))
    source_message_id: Mapped[int | None]
    recipient_id: Mapped[int | None] = mapped_column(sa.ForeignKey("people.id", ondelete="CASCADE"))
    message_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(sa.String(16))
    body: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    text: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)


class Note(Base):
    """What mediators write about a referral for each other; the person never sees it."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    referral_id: Mapped[int] = mapped_column(sa.ForeignKey("referrals.id", ondelete="CASCADE"), index=True)
    mediator_id: Mapped[int | None] = mapped_column(sa.ForeignKey("mediators.id", ondelete="SET NULL"))
    text: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)


class Audit(Base):
    """Who did what to a referral or a mediator, and when; never what was written."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=utc_now, index=True)
    actor: Mapped[str] = mapped_column(sa.String(80))
    action: Mapped[str] = mapped_column(sa.String(32))
    referral_id: Mapped[int | None]
    mediator_id: Mapped[int | None]


class Lease(Base):
    """Work that one gateway process does at a time; free again when `until` has passed."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(sa.String(32), index=True)
    until: Mapped[datetime] = mapped_column(Moment)


class Account(Base):
    """Somebody who works at the console. Until they open their invitation `password_hash` is empty.

    `mediator_id` is who they are in the mediation. Once `totp_since` is set a code is asked for at sign-in; those up to
    `totp_last_step` are used up.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(64), unique=True)
    role: Mapped[str] = mapped_column(sa.String(16))
    ambiti: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    mediator_id: Mapped[int | None] = mapped_column(sa.ForeignKey("mediators.id"), unique=True, index=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(256))
    token_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    token_until: Mapped[datetime | None] = mapped_column(Moment)
    totp_secret: Mapped[str | None] = mapped_column(sa.String(64))
    totp_since: Mapped[datetime | None] = mapped_column(Moment)
    totp_last_step: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)


class RecoveryCode(Base):
    """In place of a code from the authenticator, once."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(sa.String(256))


class ConsoleSession(Base):
    """Somebody who is signed in; the browser holds the token, the table its hash."""

    __tablename__ = "console_sessions"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(Moment, default=utc_now)


class SignInAttempt(Base):
    """One attempt to sign in, under the hash of the account's name or of the address that it came from."""

    __tablename__ = "console_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(64), index=True)
    at: Mapped[datetime] = mapped_column(Moment, default=utc_now, index=True)


class ConsoleAudit(Base):
    """Who did what at the console and when; for a change, the entry of the catalogue before and after it."""

    __tablename__ = "console_audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=utc_now, index=True)
    actor: Mapped[str] = mapped_column(sa.String(64))
    action: Mapped[str] = mapped_column(sa.String(32))
    ambito: Mapped[str | None] = mapped_column(sa.String(64))
    service: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))


class Demand(Base):
    """How many questions of one kind were asked in one month; see bot/demand/counting.py."""

    __tablename__ = "demand"

    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    need: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    language: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    ambito: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    happened: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    count: Mapped[int]


@lru_cache
def sessions() -> sessionmaker[Session]:
    """Sessions on the configured database."""
    return sessionmaker(make_engine(settings().database_url), expire_on_commit=False)
