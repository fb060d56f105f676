"""Who may work at the console: invitations, passwords, and what each role may touch."""

from __future__ import annotations

import hashlib
import secrets
import threading
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from bot.database.tables import Account, ConsoleAudit, ConsoleSession, SignInAttempt
from bot.i18n import N_
from bot.settings import settings

ROLES = ("operator", "mediator", "coordinator", "administrator")
OVERSEERS = ("coordinator", "administrator")
SERVICES, INBOX, STAFF = "/console/services", "/console/inbox", "/console/mediators"
DEMAND, TRANSLATIONS = "/console/demand", "/console/translations"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 128
ATTEMPTS_LAST = timedelta(minutes=15)
MOST_ATTEMPTS_PER_ACCOUNT, MOST_ATTEMPTS_PER_ADDRESS = 10, 50

_hasher = PasswordHasher()
_unknown_account = _hasher.hash(secrets.token_urlsafe())
_hashing = threading.Semaphore(2)  # each takes 64 MB


class WrongLength(ValueError):
    """The password is too short or too long."""


class SignInRefused(Exception):
    """No account of that name has that password."""


class TooManyAttempts(SignInRefused):
    """That account or that address has tried too often."""


def digest(text: str) -> str:
    """What the tables keep in place of a token, a name or an address."""
    return hashlib.sha256(text.encode()).hexdigest()


def may_read(account: Account, ambito: str) -> bool:
    """Coordinators and administrators see every ambito, an operator their own."""
    return account.role in OVERSEERS or ambito in account.ambiti


def may_edit(account: Account, ambito: str) -> bool:
    """A coordinator reads; administrators change everything, an operator their own ambiti."""
    return account.role == "administrator" or (account.role == "operator" and ambito in account.ambiti)


def sections(account: Account) -> dict[str, str]:
    """The pages that somebody works on, by address; the first is where they begin."""
    by_address = {}
    if account.role != "mediator":
        by_address[SERVICES] = N_("Services")
    if account.role != "operator" or account.mediator_id:
        by_address[INBOX] = N_("Requests")
    if account.role in OVERSEERS:
        by_address[STAFF] = N_("Mediators")
    if account.role != "mediator":
        by_address[DEMAND] = N_("Demand")
    if account.role in OVERSEERS:
        by_address[TRANSLATIONS] = N_("Translations")
    return by_address


def invite(
    session: Session, name: str, role: str, ambiti: list[str], now: datetime, mediator_id: int | None = None
) -> str:
    """Make an account and return the token of its invitation."""
    account = Account(name=name, role=role, ambiti=ambiti, mediator_id=mediator_id)
    session.add(account)
    return renew_invitation(account, now)


def renew_invitation(account: Account, now: datetime) -> str:
    """The token of a new invitation, with which a password is chosen once; an older one ends."""
    token = secrets.token_urlsafe(32)
    account.token_hash = digest(token)
    account.token_until = now + timedelta(days=settings().invitation_days)
    return token


def invited(session: Session, token: str, now: datetime) -> Account | None:
    """The account that an invitation is for, while it can be used."""
    return session.scalar(sa.select(Account).where(Account.token_hash == digest(token), Account.token_until > now))


def accept_invitation(session: Session, account: Account, token: str, password: str) -> bool:
    """Set the password and end the account's sessions; False when the invitation was used meanwhile."""
    hashed = hash_password(password)
    taken = session.execute(
        sa.update(Account)
        .where(Account.id == account.id, Account.token_hash == digest(token))
        .values(password_hash=hashed, token_hash=None, token_until=None)
    )
    session.execute(sa.delete(ConsoleSession).where(ConsoleSession.account_id == account.id))
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def hash_password(password: str) -> str:
    """Argon2's hash; raises WrongLength."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WrongLength
    with _hashing:
        return _hasher.hash(password)


def count_attempt(
    session: Session,
    name: str,
    address: str,
    now: datetime,
    kind: str = "account",
    most: int = MOST_ATTEMPTS_PER_ACCOUNT,
) -> bool:
    """Note an attempt, before the password is looked at so that many at once count; False when they are too many."""
    session.execute(sa.delete(SignInAttempt).where(SignInAttempt.at < now - ATTEMPTS_LAST))
    limits = {f"{kind} {name}": most, f"address {address}": MOST_ATTEMPTS_PER_ADDRESS}
    allowed = True
    for key, most in limits.items():
        session.add(SignInAttempt(key=digest(key), at=now))
        session.flush()
        count = session.scalar(sa.select(sa.func.count()).where(SignInAttempt.key == digest(key))) or 0
        allowed = allowed and count <= most
    return allowed


def forget_attempts(session: Session, name: str, kind: str = "account") -> None:
    """A good password gives the account its attempts back."""
    session.execute(sa.delete(SignInAttempt).where(SignInAttempt.key == digest(f"{kind} {name}")))


def with_password(session: Session, name: str, password: str) -> Account:
    """The account of that name and password; takes as long for a name that does not exist. Raises SignInRefused."""
    account = session.scalar(sa.select(Account).where(Account.name == name))
    hashed = (account.password_hash if account else None) or _unknown_account
    if not is_right(hashed, password) or account is None or account.password_hash is None:
        raise SignInRefused
    return account


def is_right(hashed: str, typed: str) -> bool:
    """Whether this was hashed to that."""
    try:
        with _hashing:
            return _hasher.verify(hashed, typed[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


def end_other_sessions(session: Session, account: Account, token: str) -> None:
    """Sign the account out everywhere but in the browser that holds this token."""
    others = ConsoleSession.account_id == account.id, ConsoleSession.token_hash != digest(token)
    session.execute(sa.delete(ConsoleSession).where(*others))


def audit(
    session: Session,
    actor: str,
    action: str,
    ambito: str | None = None,
    service: str | None = None,
    before: dict | None = None,
    after: dict | None = None,
) -> None:
    """Note who did what."""
    session.add(ConsoleAudit(actor=actor, action=action, ambito=ambito, service=service, before=before, after=after))
