"""What goes in and what comes out, whatever the channel."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

SHARE_LOCATION = "/share_location"


@dataclass(frozen=True)
class Incoming:
    """Something that a person sent. `kind`: text, payload (a button), location, other (voice, photo, sticker...)."""

    channel: str
    address: str
    external_id: str
    kind: str
    body: str
    language_hint: str | None = None


@dataclass(frozen=True)
class Reply:
    """One message to a person; buttons are {"title", "payload"}, a payload that is a web address opens it."""

    text: str
    title: str | None = None
    buttons: list[dict[str, str]] = field(default_factory=list)
    venue: dict[str, Any] | None = None
    language: str = "it"

    def as_dict(self) -> dict[str, Any]:
        """For the database."""
        return asdict(self)


class Blocked(Exception):
    """The person can no longer be reached on this channel."""


class Channel(Protocol):
    """An edge: how replies reach people."""

    async def send(self, address: str, reply: Reply) -> None:
        """Deliver; raises Blocked when the person left, any other exception when it should be tried again."""

    async def tell(self, address: str, reply: Reply) -> None:
        """Say something that is not kept, such as that everything was deleted."""

    async def typing(self, address: str) -> None:
        """Show that an answer is on its way; never raises."""
