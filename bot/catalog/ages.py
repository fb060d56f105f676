"""The age of a child, read from a sentence in any language that writes it in digits, and from words in some."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ruamel.yaml import YAML

from bot.places.text import key, words
from bot.settings import settings

OLDEST = 99


@dataclass(frozen=True)
class _Words:
    years: frozenset[str]
    months: frozenset[str]
    is_: frozenset[str]
    not_: frozenset[str]
    numbers: dict[str, int]


@lru_cache
def _words() -> _Words:
    path = settings().catalog_dir / "schools" / "ages.yml"
    listed = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    folded = {name: frozenset(key(word) for word in listed[name]) for name in ("years", "months", "is", "not")}
    numbers = {key(word): age for named in listed["numbers"].values() for age, word in enumerate(named)}
    # Arabic counts masculine nouns with another ending: ثلاث and ثلاثة.
    numbers |= {word + key("ة"): age for word, age in list(numbers.items()) if 3 <= age <= 10 and not word.isascii()}
    return _Words(folded["years"], folded["months"], folded["is"], folded["not"], numbers)


def _number(word: str) -> int | None:
    """A number of one or two digits in any script, or one of the words."""
    if re.fullmatch(r"\d{1,2}", word):
        return int("".join(str(unicodedata.digit(digit)) for digit in word))
    return _words().numbers.get(word)


def _tokens(text: str) -> list[str]:
    """Folded words, a number apart from the letters that touch it ("6anni", "6岁")."""
    spaced = re.sub(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)", " ", text)
    tokens = [word for word, _, _ in words(spaced)]
    joined: list[str] = []
    for token in tokens:  # "احد عشر", "dix-huit": two words, one number
        if joined and f"{joined[-1]} {token}" in _words().numbers:
            joined[-1] += f" {token}"
        else:
            joined.append(token)
    return joined


def age_in(text: str) -> int | None:
    """The age that the text states; None when it states none, or more than one."""
    tokens = _tokens(text)
    known = _words()
    ages: set[int] = set()
    bare: set[int] = set()
    for at, token in enumerate(tokens):
        number = _number(token)
        after = tokens[at + 1] if at + 1 < len(tokens) else ""
        before = tokens[at - 1] if at else ""
        if number is None or number > OLDEST or after in known.not_:
            continue
        if after in known.months:
            ages.add(number // 12)
        elif after in known.years or before in known.years or (before in known.is_ and (token.isdigit() or number > 1)):
            ages.add(number)  # but not "there is one school"
        else:
            bare.add(number)
    if not ages and len(tokens) == 1:  # the answer to "How old is the child?"
        ages = bare
    return ages.pop() if len(ages) == 1 else None


def is_only_an_age(text: str) -> bool:
    """Whether the message is an age and nothing else: the answer to "How old is the child?"."""
    known = _words()
    around = known.years | known.months | known.is_
    return age_in(text) is not None and all(_number(word) is not None or word in around for word in _tokens(text))
