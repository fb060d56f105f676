"""What one step of mediation says to whom: written in the same transaction as the step, delivered afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.database.tables import Copy, Outbound, Person, sessions
from bot.gateway.model import Reply

DELETED = "deleted"  # the kind of a copy that was taken back


class Mail:
    """Messages to people and mediators; `recipients` are those to wake once the transaction is committed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.recipients: set[int] = set()

    def say(self, person_id: int, reply: Reply, copy: Copy | None = None, answers: Copy | None = None) -> None:
        """A new message; `copy` remembers where it ended up, `answers` is what it replies to."""
        self._post(person_id, reply, "say", copy, answers)

    def carry(
        self,
        referral_id: int,
        sender_id: int | None,
        source_message_id: int | None,
        recipient_id: int,
        reply: Reply,
        kind: str,
        answers: Copy | None = None,
        text: str | None = None,
    ) -> Copy:
        """A message that belongs to a referral, so that replies, edits and deletions find it.

        `text` is what the console shows of it.
        """
        copy = Copy(
            referral_id=referral_id,
            sender_id=sender_id,
            source_message_id=source_message_id,
            recipient_id=recipient_id,
            kind=kind,
            text=text,
        )
        self.session.add(copy)
        self.session.flush()
        self.say(recipient_id, reply, copy, answers)
        return copy

    def edit(self, copy: Copy, reply: Reply) -> None:
        """Change a copy, also one that is still on its way; the web page gets the new text as a new message."""
        assert copy.recipient_id
        recipient = self.session.get(Person, copy.recipient_id)
        if recipient and recipient.channel == "web":
            self.say(copy.recipient_id, Reply(**{**reply.as_dict(), "text": "✏️ " + reply.text}))
            return
        self._post(copy.recipient_id, reply, "edit", None, copy)

    def replace(self, person_id: int, message_id: int, reply: Reply) -> None:
        """Change one of the bot's own messages, such as the menu under which a button was pressed."""
        self._post(person_id, Reply(**{**reply.as_dict(), "reply_to": message_id}), "edit", None, None)

    def delete(self, copy: Copy) -> None:
        """Take a copy back, or do not deliver it at all."""
        self.session.execute(sa.delete(Outbound).where(Outbound.copy_id == copy.id))
        copy.kind, copy.body, copy.text = DELETED, None, None
        if copy.message_id and copy.recipient_id:
            self._post(copy.recipient_id, Reply("", reply_to=copy.message_id), "delete", None, None)

    def _post(self, person_id: int, reply: Reply, act: str, copy: Copy | None, target: Copy | None) -> None:
        self.session.add(
            Outbound(
                person_id=person_id,
                body=reply.as_dict(),
                act=act,
                copy_id=copy.id if copy else None,
                target_id=target.id if target else None,
            )
        )
        self.recipients.add(person_id)


@contextmanager
def mail() -> Iterator[Mail]:
    """One transaction."""
    with sessions().begin() as session:
        yield Mail(session)
