"""One spelling for the many ways in which a name is typed."""

from __future__ import annotations

import re
import unicodedata

_SAME_LETTER = str.maketrans(
    {"ي": "ی", "ى": "ی", "ك": "ک", "ه": "ہ", "ة": "ہ", "أ": "ا", "إ": "ا", "آ": "ا", "ـ": None}
)

_NUKTAS = "\u093c\u09bc\u0a3c"


def _is_optional_mark(c: str) -> bool:
    """Accents, short vowels of Arabic and joiners, which people leave out; vowel signs of Indic scripts are letters."""
    return unicodedata.category(c) == "Cf" or (unicodedata.category(c) == "Mn" and (c < "\u0900" or c in _NUKTAS))


def fold(text: str) -> str:
    """Lower case, no accents or short vowels, one letter where Arabic and Urdu write two, digits as 0 to 9."""
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    kept = (c for c in decomposed if not _is_optional_mark(c))
    letters = "".join(kept).translate(_SAME_LETTER)
    return "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in letters)


def words(text: str) -> list[tuple[str, int, int]]:
    """(folded word, start, end) for every word; apostrophes split as they do in Italian ("l'aquila", "d'adda")."""
    found = []
    # Combining vowel signs (Hindi, Bengali) are not \w: a run of letters and marks is one word.
    # Chinese has no spaces: a Latin name in the middle of it is a word of its own.
    for match in re.finditer(r"[\u4e00-\u9fff]+|[^\s.,;:!?()\"/\\\-–'’،؛؟।|。，？！、\u4e00-\u9fff]+", text):
        folded = fold(match.group())
        if folded:
            found.append((folded, match.start(), match.end()))
    return found


def key(name: str) -> str:
    """The form under which a name is looked up."""
    return " ".join(word for word, _, _ in words(name))
