"""Fonts on this machine that can write a language; none is shipped."""

from __future__ import annotations

import os
from pathlib import Path

_LATIN = ["NotoSans-Regular.ttf", "DejaVuSans.ttf"]
#: Language to the files that can write it, the best first; every other language is written with the first of all.
_FILES = {
    "ar": ["NotoNaskhArabic-Regular.ttf", "NotoSansArabic-Regular.ttf"],
    "ur": ["NotoNaskhArabic-Regular.ttf", "NotoSansArabic-Regular.ttf"],
    "fa": ["NotoNaskhArabic-Regular.ttf", "NotoSansArabic-Regular.ttf"],
    "ps": ["NotoNaskhArabic-Regular.ttf", "NotoSansArabic-Regular.ttf"],
    "bn": ["NotoSansBengali-Regular.ttf"],
    "pa": ["NotoSansGurmukhi-Regular.ttf"],
    "hi": ["NotoSansDevanagari-Regular.ttf"],
    "si": ["NotoSansSinhala-Regular.ttf"],
    "ta": ["NotoSansTamil-Regular.ttf"],
    "am": ["NotoSansEthiopic-Regular.ttf"],
    "ti": ["NotoSansEthiopic-Regular.ttf"],
    "zh": ["DroidSansFallbackFull.ttf"],
}
_PACKAGES = {"zh": "fonts-droid-fallback"}


class FontMissing(LookupError):
    """No font on this machine can write a language; the message is in Italian and says what to install."""


def _folders() -> list[Path]:
    """Where the XDG base directory specification puts fonts."""
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [Path(folder) / "fonts" for folder in [home, *shared.split(":")]]


def font_for(language: str) -> Path:
    """The file of a font that can write the language; raises FontMissing."""
    names = _FILES.get(language, _LATIN)
    for name in names:
        for folder in _folders():
            if found := next(folder.rglob(name), None):
                return found
    package = _PACKAGES.get(language, "fonts-noto-core")
    raise FontMissing(f"Manca un carattere per la lingua «{language}» ({names[0]}). Su Debian: apt install {package}")
