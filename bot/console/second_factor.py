"""The second factor: time-based one-time passwords (RFC 6238), and recovery codes for when the phone is lost."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

import pyotp
import sqlalchemy as sa
from pyotp.exceptions import OTPVerificationError
from sqlalchemy.orm import Session

from bot.console import accounts
from bot.database.tables import Account, RecoveryCode
from bot.settings import settings

ISSUER = "Ponte"
CLOCKS_DIFFER = 1  # steps before and after, since clocks are never quite the same
MOST_ATTEMPTS = 5
RECOVERY_CODES, LETTERS = 8, "abcdefghjkmnpqrstuvwxyz23456789"
CODE_LENGTH, GROUP = 12, 4
TICKET_LASTS = timedelta(minutes=5)
#: Account, until when, seal; an id of more digits may be greater than the database can look up.
_TICKET = re.compile(r"([0-9]{1,9})\.([0-9]{1,11})\.([^.]*)")


def address(account: Account) -> str:
    """The otpauth address that sets up an authenticator."""
    assert account.totp_secret
    return pyotp.TOTP(account.totp_secret).provisioning_uri(name=account.name, issuer_name=ISSUER)


def begin(account: Account) -> None:
    """A secret, which counts once a code of it was typed."""
    if account.totp_since is None:
        account.totp_secret = pyotp.random_base32()


def confirm(session: Session, account: Account, typed: str, now: datetime) -> list[str]:
    """Turn it on with the first code; the recovery codes, to be shown once, or none when the code is wrong."""
    if account.totp_since or _step(account, typed, now) is None:
        return []
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    hashes = [accounts.hash_password(code) for code in codes]  # slow: before the first write, which locks SQLite
    if not _spend_code(session, account, typed, now):
        return []
    account.totp_since = now
    session.add_all(RecoveryCode(account_id=account.id, code_hash=one) for one in hashes)
    return codes


def _recovery_code() -> str:
    return _grouped("".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH)))


def _grouped(letters: str) -> str:
    """A recovery code as it is shown and hashed."""
    return "-".join(letters[start : start + GROUP] for start in range(0, len(letters), GROUP))


def turn_off(session: Session, account: Account) -> None:
    """The password is enough again."""
    account.totp_secret = account.totp_since = account.totp_last_step = None
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.account_id == account.id))


def spend(session: Session, account: Account, typed: str, now: datetime) -> str | None:
    """Use up what was typed; what it was, for the audit, or None when it is not good (any more)."""
    letters = "".join(filter(str.isalnum, typed.lower()))
    if len(letters) == CODE_LENGTH:
        return "recovery code" if _spend_recovery_code(session, account, _grouped(letters)) else None
    return "code" if _spend_code(session, account, letters, now) else None


def _step(account: Account, typed: str, now: datetime) -> int | None:
    """The step of time that a code belongs to, or None when it is wrong."""
    if account.totp_secret is None:
        return None
    totp, typed = pyotp.TOTP(account.totp_secret), "".join(typed.split())
    try:
        return totp.verify_and_get_timecode(typed, for_time=now, valid_window=CLOCKS_DIFFER)
    except OTPVerificationError:
        return None


def _spend_code(session: Session, account: Account, typed: str, now: datetime) -> bool:
    """A code is good once: of two who send it at the same moment one comes in."""
    step = _step(account, typed, now)
    if step is None:
        return False
    unused = Account.totp_last_step.is_(None) | (Account.totp_last_step < step)
    spent = sa.update(Account).where(Account.id == account.id, unused).values(totp_last_step=step)
    return bool(session.execute(spent).rowcount)  # type: ignore[attr-defined]


def _spend_recovery_code(session: Session, account: Account, typed: str) -> bool:
    for one in session.scalars(sa.select(RecoveryCode).where(RecoveryCode.account_id == account.id)).all():
        if accounts.is_right(one.code_hash, typed):
            spent = sa.delete(RecoveryCode).where(RecoveryCode.id == one.id)
            return bool(session.execute(spent).rowcount)  # type: ignore[attr-defined]
    return False


def left(session: Session, account: Account) -> int:
    """How many recovery codes are left."""
    query = sa.select(sa.func.count()).select_from(RecoveryCode).where(RecoveryCode.account_id == account.id)
    return session.scalar(query) or 0


# Between the password and the code


def ticket(account: Account, visit: str, now: datetime) -> str:
    """Says that this browser gave the password a moment ago."""
    until = int((now + TICKET_LASTS).timestamp())
    return f"{account.id}.{until}.{_seal(account, until, visit)}"


def _seal(account: Account, until: int, visit: str) -> str:
    key = hashlib.sha256(settings().secret + b"console second factor").digest()
    return hmac.new(key, f"{account.id}.{until}.{visit}.{account.password_hash}".encode(), hashlib.sha256).hexdigest()


def of_ticket(session: Session, given: str, visit: str, now: datetime) -> Account | None:
    """The account that a ticket is for, while it lasts."""
    parts = _TICKET.fullmatch(given)
    if parts is None:
        return None
    account, until = session.get(Account, int(parts[1])), int(parts[2])
    if account is None or account.totp_since is None or until < now.timestamp():
        return None
    return account if hmac.compare_digest(_seal(account, until, visit).encode(), parts[3].encode()) else None
