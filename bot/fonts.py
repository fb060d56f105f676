"""Fonts that can write every language on offer: Noto's, from an installed package; for Chinese the system's."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

FOLDER = Path(str(files("manimgx_fonts")))
_LATIN_AND_CYRILLIC = "NotoSans[wght].ttf"
_FILES = {
    "ar": "NotoSansArabic[wght].ttf",
    "ur": "NotoSansArabic[wght].ttf",
    "bn": "NotoSansBengali[wght].ttf",
    "pa": "NotoSansGurmukhi[wght].ttf",
    "hi": "NotoSansDevanagari[wght].ttf",
    "si": "NotoSansSinhala[wght].ttf",
}
_OF_THE_SYSTEM = {"zh": ("DroidSansFallbackFull.ttf", "fonts-droid-fallback")}


class FontMissing(LookupError):
    """No font on this machine can write a language; the message is in Italian and says what to install."""


def _folders() -> list[Path]:
    """Where the XDG base directory specification puts fonts."""
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [Path(folder) / "fonts" for folder in [home, *shared.split(":")]]


def font_for(language: str) -> Path:
    """The file of a font that can write the language; raises FontMissing."""
    if language not in _OF_THE_SYSTEM:
        return FOLDER / _FILES.get(language, _LATIN_AND_CYRILLIC)
    name, package = _OF_THE_SYSTEM[language]
    for folder in _folders():
        if found := next(folder.rglob(name), None):
            return found
    raise FontMissing(f"Manca un carattere per la lingua «{language}» ({name}). Su Debian: apt install {package}")
