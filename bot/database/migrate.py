"""Brings the database up to date."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from bot.settings import settings


def alembic_config() -> Config:
    """Alembic's configuration, without an ini file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", settings().database_url.replace("%", "%%"))
    return config


def migrate() -> None:
    """Run the migrations that are missing; safe to call at every start."""
    command.upgrade(alembic_config(), "head")
