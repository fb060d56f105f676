"""Signed-in browsers: sessions on the server, and the token that every form carries."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.console.accounts import digest
from bot.database.tables import Account, ConsoleSession
from bot.settings import settings

LONGEST = timedelta(hours=12)


def start(session: Session, account: Account, now: datetime) -> str:
    """A new session's token, for the cookie."""
    session.execute(sa.delete(ConsoleSession).where(ConsoleSession.created_at < now - LONGEST))
    token = secrets.token_urlsafe(32)
    session.add(ConsoleSession(token_hash=digest(token), account_id=account.id, created_at=now, seen_at=now))
    return token


def account_of(session: Session, token: str, now: datetime, is_active: bool = True) -> Account | None:
    """Whose session this is; None when it has ended or expired. A page that refreshes itself does not keep it alive."""
    found = session.get(ConsoleSession, digest(token)) if token else None
    if found is None:
        return None
    idle = timedelta(minutes=settings().console_idle_minutes)
    if found.created_at < now - LONGEST or found.seen_at < now - idle:
        return None
    if is_active:
        found.seen_at = now
    return session.get(Account, found.account_id)


def end(session: Session, token: str) -> None:
    """Sign out."""
    session.execute(sa.delete(ConsoleSession).where(ConsoleSession.token_hash == digest(token)))


def form_token(cookie: str) -> str:
    """What a form must send back: only this site's pages can know it."""
    key = hashlib.sha256(settings().secret + b"console forms").digest()
    return hmac.new(key, cookie.encode(), hashlib.sha256).hexdigest()


def is_own_form(given: str, cookies: list[str]) -> bool:
    """Whether the form came from a page that carried one of the browser's cookies."""
    return any(hmac.compare_digest(given.encode(), form_token(one).encode()) for one in cookies if one)
