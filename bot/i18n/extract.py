"""Babel extractors for the sentences that stand in YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from ruamel.yaml import YAML

Found = tuple[int, None, str, list[str]]


def responses(source: IO[bytes], keywords: Any, tags: Any, options: Any) -> Iterator[Found]:
    """The texts and button titles of Rasa's domain."""
    for name, variations in YAML(typ="rt").load(source)["responses"].items():
        for variation in variations:
            line = variation.lc.line + 1
            yield line, None, str(variation["text"]), [f"Rasa response {name}"]
            for button in variation.get("buttons", []):
                yield line, None, str(button["title"]), [f"button under {name}"]


def guides(source: IO[bytes], keywords: Any, tags: Any, options: Any) -> Iterator[Found]:
    """The sentences of one guide."""
    parts: dict[str, Any] = YAML(typ="rt").load(source)
    for part, content in parts.items():
        for sentence in content if isinstance(content, list) else []:
            if "text" in sentence:  # not the code of a need
                yield sentence.lc.line + 1, None, str(sentence["text"]), [f"guide: {part}"]


def labels(source: IO[bytes], keywords: Any, tags: Any, options: Any) -> Iterator[Found]:
    """The labels of the catalogue's codes."""
    for group, codes in YAML(typ="rt").load(source).items():
        for code, entry in codes.items():
            yield entry.lc.line + 1, None, str(entry["label"]), [f"{group}: {code}"]
