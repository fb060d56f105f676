"""What a person sends that concerns a referral: relayed, kept, or a button about it."""

from __future__ import annotations

import json
from datetime import datetime

from bot.database.tables import Inbound, Person, Referral
from bot.i18n import languages
from bot.mediation import cases, relay, states, words
from bot.mediation.mail import Mail
from bot.mediation.referrals import by_number, open_referral

STOP_WORDS = {"/stop", words.STOP}
TYPED = {"/stop", "/delete"}  # the web page has no commands, so these are also taken as text


def handle(mail: Mail, person: Person, message: Inbound, now: datetime) -> bool:
    """True when the message is dealt with; False when it is one for the bot."""
    referral = open_referral(mail.session, person.key, lock=True)
    if message.kind == "edit":
        relay.edited(mail, person, message)
        return True
    payload = message.body.strip()
    if message.kind == "payload" or (message.kind == "text" and payload in TYPED):
        return _press(mail, person, message, payload, referral, now)
    if referral is None:
        return False
    if referral.state == states.TAKEN:
        relay.from_person(mail, referral, person, message, now)
        return True
    if referral.leaves_message:
        kept = relay.keep(mail, referral, person, message)
        referral.leaves_message = not kept
        mail.say(person.id, words.message_kept(person.language) if kept else words.not_passed_on(person.language))
        return True
    return False


def _press(
    mail: Mail, person: Person, message: Inbound, payload: str, referral: Referral | None, now: datetime
) -> bool:
    if payload in STOP_WORDS:
        if referral:
            cases.close(mail, referral, "ended_by_person", "person", now)
        else:
            mail.say(person.id, words.no_conversation(person.language))
        return True
    if payload == "/delete":
        return delete(mail, person, message)
    if payload.startswith(("c:rate:", "c:received:")):
        return _feedback(mail, person, payload, now)
    if payload == words.LEAVE:
        if referral and referral.state == states.WAITING:
            referral.leaves_message = True
            mail.say(person.id, words.write_your_message(person.language))
        elif referral:
            mail.say(person.id, words.with_a_mediator(person.language))
        else:
            mail.say(person.id, words.no_conversation(person.language))
        return True
    if payload == words.WITHDRAW:
        if referral and referral.state == states.WAITING:
            cases.close(mail, referral, "ended_by_person", "person", now)
        else:
            mail.say(person.id, words.no_conversation(person.language))
        return True
    if referral is None or referral.state != states.TAKEN:
        return False
    if payload.startswith("/set_language"):
        code = _language_in(payload)
        if code:
            person.language, person.language_chosen = code, True
            mail.say(person.id, words.language_changed(code))
            return True
    mail.say(person.id, words.with_a_mediator(person.language))
    return True


def _language_in(payload: str) -> str | None:
    try:
        code = json.loads(payload.removeprefix("/set_language")).get("language")
    except (ValueError, AttributeError):
        return None
    return code if code in languages() else None


def _feedback(mail: Mail, person: Person, payload: str, now: datetime) -> bool:
    _, what, number, answer = [*payload.split(":"), "", ""][:4]
    referral = by_number(mail.session, number)
    if referral is None or referral.person_key != person.key or referral.state != states.CLOSED:
        return True
    if what == "rate" and answer in ("yes", "little", "no"):
        referral.satisfaction = answer
        mail.say(person.id, words.thank_you(person.language))
    elif what == "received" and answer in ("yes", "not_yet", "no"):
        referral.follow_up = answer
        thanks = words.not_received if answer == "no" else words.thank_you
        mail.say(person.id, thanks(person.language))
    states.audit(mail.session, "person", what, referral.id, now=now)
    return True


def delete(mail: Mail, author: Person, message: Inbound) -> bool:
    """/delete as a reply: take the copies of that message back."""
    copies = relay.copies_of(mail.session, author.id, message.reply_to)
    for copy in copies:
        mail.delete(copy)
    mail.say(author.id, words.deleted(author.language) if copies else words.how_to_delete(author.language))
    return True
