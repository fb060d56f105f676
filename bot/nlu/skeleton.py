"""A text's consonants in Latin letters: what stays the same however a word is spelt, in its script or romanised."""

from __future__ import annotations

import re

from anyascii import anyascii

#: Digits that stand for letters in Arabic typed with Latin letters; those for a glottal stop or an h leave nothing.
_DIGIT_LETTERS = str.maketrans({"2": "", "3": "", "5": "k", "7": "", "8": "g", "9": "k"})
_SAME_SOUND = (
    (re.compile("sch|sh|ch"), "c"),
    (re.compile("ph"), "f"),
    (re.compile("ck|q"), "k"),
    (re.compile("dj"), "j"),
    (re.compile("x"), "ks"),
    (re.compile("z"), "s"),
)
_NOT_A_LETTER = re.compile(r"[^a-z0-9 ]")
_SOFT = re.compile("[aeiouyhw]")
_DOUBLED = re.compile(r"(.)\1+")


def skeleton(text: str) -> str:
    """ "tajdid" and "تجديد" have the same; a word of vowels alone keeps its first letter, a number all its digits."""
    return " ".join(_bones(word) for word in _NOT_A_LETTER.sub("", anyascii(text).lower()).split())


def _bones(word: str) -> str:
    if word.isdecimal():
        return word
    bones = word.translate(_DIGIT_LETTERS)
    for sound, letter in _SAME_SOUND:
        bones = sound.sub(letter, bones)
    return _DOUBLED.sub(r"\1", _SOFT.sub("", bones)) or word[0]
