"""Which language a text is written in: script first, then lingua, and no guess on a text too short to tell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from bot.i18n.languages import languages

MIN_LETTERS = 12
MIN_WORDS = 3
MIN_CONFIDENCE = 0.75
_SCRIPTS = {"ar": re.compile(r"[\u0600-\u06ff]")}
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
# What Arabic speakers write with Latin letters and digits, and nobody else does.
_ARABIZI = re.compile(r"\b\w*[a-z][379][a-z]\w*\b|\b[379][a-z]{2,}\b|\b[a-z]{2,}[379]\b", re.IGNORECASE)
_ITALIAN_LOANS = re.compile(
    r"\b(permesso|soggiorno|questura|comune|codice|fiscale|kit|residenza|tessera|sanitaria|anagrafe|prefettura|patronato"
    r"|caf|isee|spid|sportello|posta|ospedale|medico|scuola|patente|badante|contratto|affitto|ricevuta)\b",
    re.IGNORECASE,
)


@lru_cache
def _detector() -> Any:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in languages()]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()


def identify(text: str) -> str | None:
    """The language on offer that the text is plainly written in, or None when one cannot be sure."""
    letters = sum(c.isalpha() for c in text)
    for code, script in _SCRIPTS.items():
        if len(script.findall(text)) * 2 > letters > 1:
            return code
    if len(_ARABIZI.findall(text)) >= 2:
        return "ar"
    own_words = _ITALIAN_LOANS.sub(" ", text)
    if len(_LATIN.findall(own_words)) < MIN_LETTERS or len(own_words.split()) < MIN_WORDS:
        return None
    [best, *_] = _detector().compute_language_confidence_values(own_words)
    return best.language.iso_code_639_1.name.lower() if best.value >= MIN_CONFIDENCE else None
