"""The languages on offer, read from locales/languages.yml, the only list of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ruamel.yaml import YAML

from bot.settings import ROOT

LOCALES = ROOT / "locales"
SOURCE_LANGUAGE = "en"
DEFAULT_LANGUAGE = "it"


@dataclass(frozen=True)
class Language:
    """A language as its speakers name it; `reviewed_by` is None until a native speaker has read every message."""

    code: str
    name: str
    direction: str
    reviewed_by: str | None


@lru_cache
def languages() -> dict[str, Language]:
    """Code to language, in the order of the menu."""
    listed = YAML(typ="safe").load((LOCALES / "languages.yml").read_text(encoding="utf-8"))["languages"]
    return {code: Language(code=code, **fields) for code, fields in listed.items()}


def offered(code: str | None) -> str | None:
    """The language on offer for a BCP 47 code such as Telegram's `language_code`, or None."""
    base = (code or "").replace("_", "-").split("-")[0].lower()
    base = {"fil": "tl"}.get(base, base)
    return base if base in languages() else None
