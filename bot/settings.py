"""The environment, read once. Every setting is named BOT_... and has a default that works on one machine."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What an operator may configure; see docs/operators/settings.md."""

    database_url: str
    telegram_token: str | None
    telegram_api_url: str
    telegram_webhook_url: str | None
    web_host: str
    web_port: int
    rasa_port: int
    actions_port: int
    state_dir: Path
    catalog_dir: Path
    quiet_seconds: float
    retention_days: int
    messages_per_minute: int
    clock_seconds: float
    widen_minutes: float
    most_referrals: int
    referrals_per_day: int
    mediator_silent_minutes: float
    person_silent_hours: float
    unclaimed_days: float
    follow_up_days: float
    block_days: float
    invitation_days: float
    staff_group: int | None
    web_url: str
    console_idle_minutes: float
    private_links: bool
    demand_months: int
    smallest_number: int

    @property
    def rasa_url(self) -> str:
        return f"http://127.0.0.1:{self.rasa_port}"

    @property
    def secret(self) -> bytes:
        """The key that turns a Telegram id into the pseudonym that Rasa sees; made at the first start."""
        if given := os.environ.get("BOT_SECRET_KEY"):
            return given.encode()
        path = self.state_dir / "secret"
        if not path.exists():
            self.state_dir.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path.read_text().strip().encode()


def _number(name: str, default: float) -> float:
    value = os.environ.get(name, "")
    try:
        return float(value) if value else default
    except ValueError:
        raise SettingsError(f"{name} must be a number, not {value!r}. See docs/operators/settings.md.") from None


@lru_cache
def settings() -> Settings:
    """The settings of this process; raises SettingsError."""
    state = Path(os.environ.get("BOT_STATE_DIR", ROOT / "var")).resolve()
    state.mkdir(parents=True, exist_ok=True)
    host = os.environ.get("BOT_WEB_HOST") or "127.0.0.1"
    port = int(_number("BOT_WEB_PORT", 8000))
    return Settings(
        database_url=os.environ.get("BOT_DATABASE_URL") or f"sqlite:///{state / 'ponte.db'}",
        telegram_token=os.environ.get("BOT_TELEGRAM_TOKEN") or None,
        telegram_api_url=(os.environ.get("BOT_TELEGRAM_API_URL") or "https://api.telegram.org").rstrip("/"),
        telegram_webhook_url=os.environ.get("BOT_TELEGRAM_WEBHOOK_URL") or None,
        web_host=host,
        web_port=port,
        rasa_port=int(_number("BOT_RASA_PORT", 5005)),
        actions_port=int(_number("BOT_ACTIONS_PORT", 5055)),
        state_dir=state,
        catalog_dir=Path(os.environ.get("BOT_CATALOG_DIR") or ROOT / "services_catalog"),
        quiet_seconds=_number("BOT_QUIET_SECONDS", 1.0),
        retention_days=int(_number("BOT_RETENTION_DAYS", 30)),
        messages_per_minute=int(_number("BOT_MESSAGES_PER_MINUTE", 40)),
        clock_seconds=_number("BOT_CLOCK_SECONDS", 3),
        widen_minutes=_number("BOT_WIDEN_MINUTES", 10),
        most_referrals=int(_number("BOT_MOST_REFERRALS", 5)),
        referrals_per_day=int(_number("BOT_REFERRALS_PER_DAY", 3)),
        mediator_silent_minutes=_number("BOT_MEDIATOR_SILENT_MINUTES", 60),
        person_silent_hours=_number("BOT_PERSON_SILENT_HOURS", 24),
        unclaimed_days=_number("BOT_UNCLAIMED_DAYS", 3),
        follow_up_days=_number("BOT_FOLLOW_UP_DAYS", 7),
        block_days=_number("BOT_BLOCK_DAYS", 30),
        invitation_days=_number("BOT_INVITATION_DAYS", 7),
        staff_group=int(_number("BOT_STAFF_GROUP", 0)) or None,
        web_url=(os.environ.get("BOT_WEB_URL") or f"http://{host}:{port}").rstrip("/"),
        console_idle_minutes=_number("BOT_CONSOLE_IDLE_MINUTES", 60),
        private_links=_number("BOT_PRIVATE_LINKS", 0) == 1,
        demand_months=int(_number("BOT_DEMAND_MONTHS", 36)),
        smallest_number=max(int(_number("BOT_SMALLEST_NUMBER", 5)), 1),
    )
