"""How counts of people are published: no number leads to a small one, alone or beside one other.

Every number, total or part, is rounded down to a multiple of the smallest number that may be told (5), and what is
below that, nothing at all included, is "<5". Each published number then stands for five possible ones, so that a
difference of two of them, of whatever tables, filters or months, does not give away a small one. Hiding more cells of
the same table would not do that: the next filter shows what they hide. It is no perfect guard: a total beside several
parts that all happen to be the greatest, or the smallest, that their numbers stand for can still pin them down.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from bot.settings import settings

Item = TypeVar("Item")


def rounded(count: int) -> int:
    """The number to tell; 0 is any number that is too small."""
    return count - count % settings().smallest_number


def told(count: int) -> str:
    """The same as text."""
    return str(rounded(count)) if rounded(count) else f"<{settings().smallest_number}"


def listed(items: Iterable[tuple[Item, int]]) -> list[Item]:
    """Those with a number to tell, the greatest first; which of two equal ones is greater must not show either."""
    return [item for item, count in sorted(items, key=lambda pair: (-rounded(pair[1]), str(pair[0]))) if rounded(count)]
