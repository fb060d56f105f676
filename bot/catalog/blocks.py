"""A catalogue file cut into the texts of its entries, so that a change to one of thousands costs only that one."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LIST = re.compile(r"(?:\A|\n)services:[ \t]*(?:#[^\n]*)?\r?\n")
_OF_A_DOCUMENT = ("---", "...", "%")
_FIRST = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*( *)- ")
_AFTERWARDS = re.compile(r"(?<=\n)(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:[ \t]*(?:#[^\n]*)?)\Z")


@dataclass(frozen=True)
class Blocks:
    """Where the entries of a file begin and end, and the indent of their list."""

    text: str
    spans: list[tuple[int, int]]
    indent: str

    @property
    def entries(self) -> list[str]:
        """The text of each entry, up to the next one."""
        return [self.text[begin:end] for begin, end in self.spans]

    @property
    def frame(self) -> str:
        """The file with the list left empty."""
        return self.text[: self.spans[0][0]] + self.text[self.spans[-1][1] :]

    def without_comments_behind(self, begin: int, end: int) -> int:
        """The end of an entry without the blank lines and comments that lead to the next."""
        return begin + len(_AFTERWARDS.sub("", self.text[begin:end], count=1))


def blocks(text: str) -> Blocks | None:
    """Cut a file where its entries begin; None for a file of another form than `services:` and its list of entries.

    A line may only look like the beginning of an entry, inside a quotation or brackets. These are then open at the end
    of a piece, which YAML does not allow: whoever parses the pieces finds out.
    """
    found = list(_LIST.finditer(text))
    if len(found) != 1 or any(text.startswith(mark) or f"\n{mark}" in text for mark in _OF_A_DOCUMENT):
        return None
    first = _FIRST.match(text, found[0].end())
    if not first:
        return None
    indent = first[1]
    after = re.compile(rf"\n {{0,{len(indent)}}}(?!- )[^\s#]").search(text, first.end())
    end = after.start() + 1 if after else len(text)
    item = re.compile(rf"\n{indent}- ")
    begins = [one.start() + 1 for one in item.finditer(text, found[0].end() - 1, end)]
    return Blocks(text, list(zip(begins, [*begins[1:], end], strict=True)), indent)
