"""What one side writes becomes a message to the other: same order, same kind, by Telegram's file id."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.database.tables import Account, Copy, Inbound, Mediator, Outbound, Person, Referral
from bot.gateway.model import MEDIA, Reply
from bot.i18n import Translations, translations
from bot.mediation import topics, words
from bot.mediation.mail import Mail
from bot.settings import settings

WEB = "web"


def content(message: Inbound, recipient: Person, title: str | None = None) -> Reply | None:
    """The message as the other side gets it, under a title or none; None when their channel cannot show it."""
    kind, body = message.kind, message.body
    if kind == "text":
        return Reply(body, title=title, language=recipient.language)
    if kind == "location":
        latitude, longitude = (float(number) for number in body.split(","))
        if recipient.channel == WEB:
            link = f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}"
            return Reply("📍 " + link, language=recipient.language)
        return Reply("", title=title, location={"latitude": latitude, "longitude": longitude})
    if kind == "contact":
        return Reply("📇 " + body, title=title, language=recipient.language)
    if kind in MEDIA and recipient.channel != WEB:
        given = json.loads(body)
        media = {"kind": kind, "file_id": given["file_id"]}
        return Reply(given.get("caption") or "", title=title, media=media, language=recipient.language)
    return None


def text_for_desk(session: Session, mediator: Mediator, message: Inbound) -> str | None:
    """What the console shows of a message; kept only where the mediator works there, and while they have the case."""
    if not works_at_desk(session, mediator):
        return None
    if message.kind in MEDIA:
        return json.loads(message.body).get("caption") or ""
    return message.body


def works_at_desk(session: Session, mediator: Mediator) -> bool:
    """Whether the mediator has an account at the console."""
    return session.scalar(sa.select(Account.id).where(Account.mediator_id == mediator.id)) is not None


def from_person(mail: Mail, referral: Referral, person: Person, message: Inbound, now: datetime) -> None:
    """Pass a person's message on to the mediator who has their referral."""
    mediator = mail.session.get(Mediator, referral.mediator_id)
    assert mediator
    if settings().staff_group:
        reader: Person | None = topics.topic_of(mail.session, referral)
    else:
        reader = mail.session.get(Person, mediator.person_id) if mediator.person_id else None
    assert reader
    reply = content(message, reader, words.title(referral))
    if reply is None:
        mail.say(person.id, words.not_passed_on(person.language))
        return
    if reader.channel == topics.CHANNEL:
        pass  # a topic holds one person
    elif mediator.current_id is None:
        mediator.current_id = referral.id
    elif mediator.current_id != referral.id:
        reply = Reply(**{**reply.as_dict(), "buttons": [words.switch_button(referral)]})
    answers = answered_copy(mail.session, person.id, message.reply_to)
    text = text_for_desk(mail.session, mediator, message)
    mail.carry(referral.id, person.id, message.message_id, reader.id, reply, message.kind, answers, text)
    if referral.person_wrote_at is None or (
        referral.mediator_wrote_at and referral.mediator_wrote_at >= referral.person_wrote_at
    ):
        referral.person_wrote_at = now  # from here on the person waits for an answer
    referral.warned_at = None


def from_mediator(
    mail: Mail, referral: Referral, mediator: Mediator, author: Person, message: Inbound, person: Person, now: datetime
) -> None:
    """Pass a mediator's message on to the person."""
    reply = content(message, person)
    if reply is None:
        if message.kind in MEDIA:
            mail.say(author.id, words.not_for_the_web(referral, author.language))
        else:
            mail.say(author.id, words.not_passed_on(author.language))
        return
    answers = answered_copy(mail.session, author.id, message.reply_to)
    text = text_for_desk(mail.session, mediator, message)
    mail.carry(referral.id, author.id, message.message_id, person.id, reply, message.kind, answers, text)
    mediator_wrote(referral, now)


def from_desk(
    mail: Mail, referral: Referral, mediator: Mediator, author: Person, text: str, person: Person, now: datetime
) -> None:
    """Pass on what a mediator wrote at the console; their own chat shows it too."""
    from_mediator(mail, referral, mediator, author, Inbound(kind="text", body=text), person, now)
    _mirror(mail, referral, author, text)


def coded(
    mail: Mail,
    referral: Referral,
    mediator: Mediator,
    author: Person,
    write: Callable[[Translations], Reply],
    person: Person,
    now: datetime,
) -> None:
    """Something coded: to the person in their language, and the same to the mediator in theirs."""
    shown = write(translations(author.language))
    text = "\n".join(filter(None, [shown.title, shown.text]))
    kept = text if works_at_desk(mail.session, mediator) else None
    reply = write(translations(person.language))
    mail.carry(referral.id, author.id, None, person.id, reply, "phrase", text=kept)
    mediator_wrote(referral, now)
    _mirror(mail, referral, author, text)


def _mirror(mail: Mail, referral: Referral, author: Person, text: str) -> None:
    """A mediator's chat shows what they sent to a person by other means than writing it there."""
    reply = Reply(text, title=f"➡️ {referral.pseudonym}", language=author.language)
    mail.carry(referral.id, None, None, author.id, reply, "note")


def mediator_wrote(referral: Referral, now: datetime) -> None:
    """For the limits and the report."""
    referral.first_reply_at = referral.first_reply_at or now
    referral.mediator_wrote_at = now
    referral.warned_at = None


def edited(mail: Mail, author: Person, message: Inbound) -> None:
    """Change the copies of a message that its author changed."""
    for copy in copies_of(mail.session, author.id, message.message_id):
        if copy.body:
            copy.body = {**copy.body, "text": message.body}
            continue
        if copy.text is not None:
            copy.text = message.body
        recipient = mail.session.get(Person, copy.recipient_id)
        referral = mail.session.get(Referral, copy.referral_id)
        if recipient and referral:
            title = words.title(referral) if referral.person_key == author.key else None
            media = {"kind": copy.kind, "file_id": ""} if copy.kind in MEDIA else None
            reply = Reply(message.body, title=title, media=media, language=recipient.language)
            mail.edit(copy, reply)


def copies_of(session: Session, sender_id: int, message_id: int | None) -> list[Copy]:
    """Where a message of this sender was carried to."""
    if message_id is None:
        return []
    query = sa.select(Copy).where(Copy.sender_id == sender_id, Copy.source_message_id == message_id)
    return list(session.scalars(query.order_by(Copy.id)))


def answered_copy(session: Session, person_id: int, message_id: int | None) -> Copy | None:
    """What a message replies to: something that was carried to its author, or that they sent themselves."""
    if message_id is None:
        return None
    carried = sa.select(Copy).where(Copy.recipient_id == person_id, Copy.message_id == message_id)
    found = session.scalar(carried.order_by(Copy.id.desc()).limit(1))
    return found or next(iter(copies_of(session, person_id, message_id)), None)


def keep(mail: Mail, referral: Referral, person: Person, message: Inbound) -> bool:
    """Hold a message for the mediator who will take the referral; False when it cannot be passed on."""
    any_mediator = Person(channel="telegram", language=person.language)
    reply = content(message, any_mediator, words.title(referral))
    if reply is None:
        return False
    copy = Copy(
        referral_id=referral.id,
        sender_id=person.id,
        source_message_id=message.message_id,
        kind=message.kind,
        body=reply.as_dict(),
    )
    mail.session.add(copy)
    return True


def hold_undelivered(mail: Mail, referral: Referral, mediator_person_id: int) -> None:
    """What the person wrote and this mediator did not get yet is for the next one."""
    carried = sa.select(Copy.id).where(
        Copy.referral_id == referral.id, Copy.recipient_id == mediator_person_id, Copy.sender_id.is_not(None)
    )
    query = sa.select(Outbound).where(
        ~Outbound.sent,
        Outbound.copy_id.in_(carried) | (Outbound.target_id.in_(carried) & (Outbound.act == "edit")),
    )
    for message in mail.session.scalars(query.order_by(Outbound.id)).all():
        copy = mail.session.get(Copy, message.copy_id or message.target_id)
        if copy and message.act == "say":
            copy.body, copy.recipient_id = {**message.body, "buttons": []}, None
            mail.session.delete(message)
        elif copy and copy.body:
            copy.body = {**copy.body, "text": message.body["text"]}
            mail.session.delete(message)


def deliver_held(mail: Mail, referral: Referral, mediator: Mediator, reader: Person) -> None:
    """Give the mediator who took the referral what was left for them."""
    at_desk = works_at_desk(mail.session, mediator)
    query = sa.select(Copy).where(Copy.referral_id == referral.id, Copy.body.is_not(None)).order_by(Copy.id)
    for copy in mail.session.scalars(query).all():
        reply = Reply(**(copy.body or {}))
        copy.recipient_id, copy.body = reader.id, None
        if at_desk:
            copy.text = ",".join(map(str, reply.location.values())) if reply.location else reply.text
        mail.say(reader.id, reply, copy)
