"""The language to answer in: what the gateway says, else what the person chose, else what the text is written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def language_of(
    metadata: Mapping[str, Any] | None, chosen: str | None, parse_data: Mapping[str, Any] | None
) -> str | None:
    """A language code, or None when nothing tells (`rasa shell` has no gateway to say it)."""
    return (metadata or {}).get("language") or chosen or (parse_data or {}).get("language")
