"""What goes in and what comes out, whatever the channel."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

SHARE_LOCATION = "/share_location"
MEDIA = ("photo", "voice", "document", "audio", "video", "animation", "video_note", "sticker")


@dataclass(frozen=True)
class Incoming:
    """Something that a person sent.

    `kind`: text, payload (a button), location, contact, one of MEDIA, edit (of message `message_id`), other. The body
    of media is JSON with `file_id` and `caption`; that of an edit is the new text.
    """

    channel: str
    address: str
    external_id: str
    kind: str
    body: str
    language_hint: str | None = None
    message_id: int | None = None
    reply_to: int | None = None
    reply_name: str | None = None  # the pseudonym over the message that is answered
    author: str | None = None  # who of the group wrote, where the address is one of its topics


@dataclass(frozen=True)
class Reply:
    """One message to a person; buttons are {"title", "payload"}, a payload that is a web address opens it.

    `media` is {"kind", "file_id"}, with the text as its caption; `reply_to` is a message in the same chat.
    """

    text: str
    title: str | None = None
    buttons: list[dict[str, str]] = field(default_factory=list)
    venue: dict[str, Any] | None = None
    language: str = "it"
    media: dict[str, str] | None = None
    location: dict[str, float] | None = None
    reply_to: int | None = None
    topic: str | None = None  # "close" or "delete": not a message, but the end of a topic

    def as_dict(self) -> dict[str, Any]:
        """For the database."""
        return asdict(self)


class Blocked(Exception):
    """The person can no longer be reached on this channel."""


class Unacceptable(Exception):
    """The channel will never take this message, however often it is tried."""


class Channel(Protocol):
    """An edge: how replies reach people.

    Raises Blocked when the person left, Unacceptable when trying again is no use, any other exception when it should be
    tried again.
    """

    async def send(self, address: str, reply: Reply) -> int | None:
        """Deliver; returns the id of the message in the person's chat, where the channel has such ids."""

    async def edit(self, address: str, message_id: int, reply: Reply) -> None:
        """Change a message that was delivered; that it is gone or already reads like this is no error."""

    async def delete(self, address: str, message_id: int) -> None:
        """Take a message back; that it is gone or too old is no error."""

    async def tell(self, address: str, reply: Reply) -> None:
        """Say something that is not kept, such as that everything was deleted."""

    async def typing(self, address: str) -> None:
        """Show that an answer is on its way; never raises."""
