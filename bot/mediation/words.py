"""What people and mediators read; each in the language of the reader."""

from __future__ import annotations

from datetime import datetime

from bot.catalog.hours import ROME
from bot.catalog.loader import catalog
from bot.catalog.model import vocabulary
from bot.database.tables import Mediator, Note, Referral
from bot.gateway.model import Reply
from bot.i18n import Translations, translations
from bot.mediation.codes import CHOSEN_OUTCOMES, codes
from bot.places import gazetteer

Button = dict[str, str]
STOP, LEAVE, WITHDRAW = "c:stop", "c:leave", "c:withdraw"


def _button(title: str, payload: str) -> Button:
    return {"title": title, "payload": payload}


def _reply(tr: Translations, text: str, *buttons: Button, title: str | None = None) -> Reply:
    return Reply(text, title=title, buttons=list(buttons), language=tr.code)


# To the person


def when_back(on_duty: bool, back_at: datetime | None, now: datetime, tr: Translations) -> str:
    """The truth about waiting."""
    if on_duty:
        return tr("Mediators for your language are on duty now. I tell you here when one takes your request.")
    if back_at is None:
        return tr(
            "No mediator for your language is on duty now, and I do not know when one will be."
            " I tell you here when one takes your request."
        )
    back, today = back_at.astimezone(ROME), now.astimezone(ROME).date()
    clock, days = tr.clock(back), (back.date() - today).days
    if days == 0:
        return tr("Mediators for your language are back today at %(time)s.", time=clock)
    if days == 1:
        return tr("Mediators for your language are back tomorrow at %(time)s.", time=clock)
    return tr("Mediators for your language are back on %(day)s at %(time)s.", day=tr.day(back.date()), time=clock)


def leave_button(tr: Translations) -> Button:
    """To leave a message while nobody has taken the request."""
    return _button("✉️ " + tr("Leave a message"), LEAVE)


def withdraw_button(tr: Translations) -> Button:
    """To take the request back."""
    return _button("✖️ " + tr("Withdraw my request"), WITHDRAW)


def stop_button(tr: Translations) -> Button:
    """To end the conversation with a mediator."""
    return _button("⏹️ " + tr("End the conversation"), STOP)


def write_your_message(language: str) -> Reply:
    """After "Leave a message"."""
    tr = translations(language)
    return _reply(
        tr,
        tr(
            "Write your message now, or send a voice message or a photo."
            " I keep it and give it to the mediator who takes your request."
        ),
    )


def message_kept(language: str) -> Reply:
    """What was left is stored."""
    tr = translations(language)
    text = tr("Kept for the mediator. If you ask something else now, I, the bot, answer.")
    return _reply(tr, "✅ " + text, leave_button(tr), withdraw_button(tr))


def taken(mediator: Mediator, referral: Referral, language: str) -> Reply:
    """Who answers from now on, in which language, and that the bot is silent."""
    tr = translations(language)
    lines = ["🙋 " + tr("%(name)s, a human mediator, has your request.", name=tr.isolate(mediator.name))]
    if referral.language not in mediator.languages and mediator.languages:
        spoken = tr.join([tr.language_name(code) for code in mediator.languages])
        lines.append(
            tr("The mediator does not speak your language. The mediator speaks: %(languages)s.", languages=spoken)
        )
    lines.append(tr("Write here: the mediator reads it. I, the bot, am silent until the conversation ends."))
    lines.append(tr("To end it, press the button or write /stop."))
    return _reply(tr, "\n".join(lines), stop_button(tr))


def asking_more(language: str) -> Reply:
    """Nobody took it in time."""
    tr = translations(language)
    return _reply(tr, tr("No mediator has taken your request yet. I am asking more mediators now."))


def handed_back(language: str) -> Reply:
    """The mediator cannot go on."""
    tr = translations(language)
    text = tr("The mediator cannot go on. I am looking for another one, and tell you here when one takes your request.")
    return _reply(tr, text, leave_button(tr), withdraw_button(tr))


def mediator_is_silent(language: str) -> Reply:
    """The person waits for an answer."""
    tr = translations(language)
    return _reply(tr, tr("The mediator has not answered yet. I have reminded them."), stop_button(tr))


def are_you_there(hours: int, language: str) -> Reply:
    """Before a silent conversation is ended."""
    tr = translations(language)
    text = tr.plural(
        "Do you still need the mediator? If you do not write within %(count)d hour, I end the conversation.",
        "Do you still need the mediator? If you do not write within %(count)d hours, I end the conversation.",
        hours,
    )
    return _reply(tr, text, stop_button(tr))


def ended(referral: Referral, language: str) -> list[Reply]:
    """The end, and how it was."""
    tr = translations(language)
    over = tr("The conversation with the mediator is over. From now on I, the bot, answer you again.")
    buttons = [
        _button("👍 " + tr("Yes"), f"c:rate:{referral.id}:yes"),
        _button("🤏 " + tr("A little"), f"c:rate:{referral.id}:little"),
        _button("👎 " + tr("No"), f"c:rate:{referral.id}:no"),
    ]
    return [_reply(tr, over), _reply(tr, tr("Did the mediator help you?"), *buttons)]


def withdrawn(language: str) -> Reply:
    """The person took the request back."""
    tr = translations(language)
    return _reply(tr, tr("Your request is withdrawn. No mediator sees it any more."))


def unclaimed(language: str) -> Reply:
    """Nobody took it for days."""
    tr = translations(language)
    text = tr("I am sorry: no mediator could take your request. Contact a desk yourself, or ask for a mediator again.")
    return _reply(tr, text, _button("🙋 " + tr("A person"), "/talk_to_human"))


def thank_you(language: str) -> Reply:
    """For an answer about the mediation."""
    tr = translations(language)
    return _reply(tr, tr("Thank you. Your answer helps us to do better."))


def were_you_received(referral: Referral, language: str) -> Reply:
    """Some days after the end."""
    tr = translations(language)
    buttons = [
        _button("✅ " + tr("Yes"), f"c:received:{referral.id}:yes"),
        _button("⏳ " + tr("Not yet"), f"c:received:{referral.id}:not_yet"),
        _button("❌ " + tr("No"), f"c:received:{referral.id}:no"),
    ]
    text = tr("Some days ago you wrote with a mediator. Did the office or the help desk receive you?")
    return _reply(tr, text, *buttons)


def not_received(language: str) -> Reply:
    """The office did not receive them."""
    tr = translations(language)
    text = tr("I am sorry. You can ask for a mediator again.")
    return _reply(tr, text, _button("🙋 " + tr("A person"), "/talk_to_human"))


def with_a_mediator(language: str) -> Reply:
    """A button of the bot was pressed while it is silent."""
    tr = translations(language)
    text = tr(
        "You are writing with a mediator now, so I, the bot, am silent. To come back to me, end the conversation first."
    )
    return _reply(tr, text, stop_button(tr))


def no_conversation(language: str) -> Reply:
    """/stop, and nothing to stop."""
    tr = translations(language)
    return _reply(tr, tr("You have no conversation with a mediator now."))


def not_passed_on(language: str) -> Reply:
    """A message of a kind that cannot be relayed."""
    tr = translations(language)
    return _reply(tr, tr("This message could not be passed on. Send it in another way, please."))


def how_to_delete(language: str) -> Reply:
    """/delete without a message to delete."""
    tr = translations(language)
    return _reply(tr, tr("To delete a message on the other side too, reply to it with /delete."))


def deleted(language: str) -> Reply:
    """The copy of a message is taken back."""
    tr = translations(language)
    return _reply(tr, tr("Deleted on the other side."))


def language_changed(language: str) -> Reply:
    """The person chose a language while a mediator has the request."""
    tr = translations(language)
    return _reply(tr, tr("From now on I write in English."), stop_button(tr))


# To the mediator


def summary(referral: Referral, tr: Translations) -> list[str]:
    """What the person agreed to show."""
    lines = ["🌐 " + tr("Language: %(language)s", language=tr.language_name(referral.language))]
    if referral.need:
        lines.append("❓ " + tr("Need: %(need)s", need=tr(vocabulary().label("needs", referral.need))))
    comune = gazetteer().comuni.get(referral.comune or "")
    if comune:
        ambito = f" ({referral.ambito})" if referral.ambito else ""
        lines.append("📍 " + tr("Town: %(place)s", place=tr.isolate(comune.name + ambito)))
    names = [catalog().services[code].name for code in referral.shown or [] if code in catalog().services]
    if names:
        lines.append("🗂️ " + tr("The bot has already shown: %(services)s", services="; ".join(map(tr.isolate, names))))
    if referral.own_words:
        lines.append("💬 " + tr("In their own words: %(words)s", words=f"“{referral.own_words}”"))
    return lines


TITLE = "👤 "


def title(referral: Referral) -> str:
    """How a referral is called in mediators' chats."""
    return f"{TITLE}{referral.pseudonym}"


def card(referral: Referral, language: str, offered: bool = False, notes: list[Note] = []) -> Reply:  # noqa: B006
    """The card of a referral; offered ones can be taken."""
    tr = translations(language)
    lines = summary(referral, tr) + ["📝 " + note.text for note in notes]
    buttons = (
        [_button("🙋 " + tr("I take it"), f"m:take:{referral.id}")] if offered else case_buttons(referral, language)
    )
    heading = tr("New request: %(name)s", name=title(referral)) if offered else title(referral)
    return _reply(tr, "\n".join(lines), *buttons, title=heading)


def case_buttons(referral: Referral, language: str) -> list[Button]:
    """What a mediator can do with a referral that they have."""
    tr, number = translations(language), referral.id
    return [
        _button("⚡ " + tr("Phrases"), f"m:phrases:{number}"),
        _button("🔎 " + tr("Ask the bot"), f"m:ask:{number}"),
        _button("➡️ " + tr("Pass on"), f"m:pass:{number}"),
        _button("✅ " + tr("Close"), f"m:close:{number}"),
    ]


def card_gone(referral: Referral, language: str, mediator: Mediator | None) -> Reply:
    """What an offered card turns into."""
    tr = translations(language)
    if mediator:
        text = tr("%(mediator)s has taken it.", mediator=tr.isolate(mediator.name))
    else:
        text = tr("It is no longer needed.")
    return _reply(tr, text, title=title(referral))


def you_have_it(referral: Referral, language: str, notes: list[Note], in_group: Mediator | None = None) -> Reply:
    """The card, as the mediator who took it sees it; in a topic everybody sees who it is."""
    tr = translations(language)
    reply = card(referral, language, notes=notes)
    if in_group:
        text = tr(
            "%(mediator)s has this request: what %(mediator)s writes here goes to the person."
            " What others write stays among mediators.",
            mediator=in_group.name,
        )
        return Reply(**{**reply.as_dict(), "text": f"{reply.text}\n\n{text}"})
    how = tr("What you write now goes to this person. Reply to a message to answer another person.")
    hint = tr("/note adds a note that only mediators see. /delete, as a reply, takes a message back.")
    return Reply(**{**reply.as_dict(), "text": f"{reply.text}\n\n{how}\n{hint}"})


def too_late(referral: Referral | None, language: str) -> Reply:
    """The referral is not there to be taken, or not theirs any more."""
    tr = translations(language)
    text = tr("This request is no longer yours to answer: it was taken, passed on or closed.")
    return _reply(tr, text, title=title(referral) if referral and referral.pseudonym else None)


def nobody_to_write_to(language: str) -> Reply:
    """A mediator wrote, but to whom?"""
    tr = translations(language)
    text = tr("You have no conversation now, so nobody reads this. /menu shows what is waiting.")
    return _reply(tr, text)


def to_whom(cases: list[Referral], language: str) -> Reply:
    """A mediator of several people wrote, and none of them is the current one."""
    tr = translations(language)
    text = tr("To whom? This message was not sent. Choose a person, then write it again.")
    return _reply(tr, text, *[switch_button(one) for one in cases])


def switch_button(referral: Referral) -> Button:
    """To write to another person from now on."""
    return _button(f"↪️ {referral.pseudonym}", f"m:to:{referral.id}")


def now_writing_to(referral: Referral, language: str) -> Reply:
    """After a switch."""
    tr = translations(language)
    text = tr("What you write now goes to this person.")
    return _reply(tr, text, *case_buttons(referral, language), title=title(referral))


def choose_phrase(referral: Referral, language: str) -> Reply:
    """The ready-made sentences."""
    tr = translations(language)
    buttons = [_button(tr(label), f"m:say:{referral.id}:{code}") for code, label in codes()["phrases"].items()]
    return _reply(tr, tr("Choose what to say; the person reads it in their language:"), *buttons, title=title(referral))


def choose_outcome(referral: Referral, language: str) -> Reply:
    """How it ended."""
    tr = translations(language)
    labels = codes()["outcomes"]
    buttons = [_button(tr(labels[code]), f"m:end:{referral.id}:{code}") for code in CHOSEN_OUTCOMES]
    return _reply(tr, tr("How did it end?"), *buttons, title=title(referral))


def closed(referral: Referral, language: str) -> Reply:
    """To the mediator, whoever closed it."""
    tr = translations(language)
    label = codes()["outcomes"].get(referral.outcome or "", "")
    text = tr("Closed: %(outcome)s.", outcome=tr(label))
    return _reply(tr, text, title=title(referral))


def choose_mediator(referral: Referral, others: list[Mediator], language: str) -> Reply:
    """To whom to pass a referral."""
    tr = translations(language)
    buttons = [_button(("🟢 " if m.on_duty else "⚪ ") + m.name, f"m:give:{referral.id}:{m.id}") for m in others[:40]]
    buttons.append(_button("↩️ " + tr("Whoever is free"), f"m:give:{referral.id}:any"))
    return _reply(tr, tr("Who goes on?"), *buttons, title=title(referral))


def passed_on(referral: Referral, language: str) -> Reply:
    """It is somebody else's now."""
    tr = translations(language)
    return _reply(tr, tr("Passed on. You no longer read this person."), title=title(referral))


def answer_them(referral: Referral, language: str) -> Reply:
    """The mediator's reminder."""
    tr = translations(language)
    text = tr("This person is waiting for your answer. If you cannot answer, pass it on.")
    return _reply(tr, text, *case_buttons(referral, language), title=title(referral))


def taken_from_you(referral: Referral, language: str) -> Reply:
    """After the time limit, or by the coordinator."""
    tr = translations(language)
    return _reply(tr, tr("This request has gone to somebody else."), title=title(referral))


def erased(name: str | None, language: str) -> Reply:
    """The person wrote /forget."""
    tr = translations(language)
    text = tr("This person has deleted everything. The conversation is over.")
    return _reply(tr, text, title=f"👤 {name}")


def not_for_the_web(referral: Referral, language: str) -> Reply:
    """Media cannot be shown on the web page."""
    tr = translations(language)
    text = tr("Not sent: this person uses the web page, where only text and places can be shown. Write it as text.")
    return _reply(tr, text, title=title(referral))


def note_kept(referral: Referral, language: str) -> Reply:
    """An internal note is stored."""
    tr = translations(language)
    return _reply(tr, "📝 " + tr("Noted. Only mediators see it."), title=title(referral))


def invited(name: str, language: str) -> Reply:
    """The first message to a new mediator."""
    tr = translations(language)
    text = tr(
        "Welcome, %(name)s. You are a mediator now. Choose your languages, ambiti, skills and hours,"
        " then go on duty. /menu brings you back here.",
        name=name,
    )
    return _reply(tr, text)


def invitation_invalid(language: str) -> Reply:
    """A link that was used, is too old, or was never one."""
    tr = translations(language)
    return _reply(tr, tr("This invitation cannot be used any more. Ask for a new one."))


def removed(language: str) -> Reply:
    """Access is gone."""
    tr = translations(language)
    return _reply(tr, tr("You are no longer a mediator. From now on the bot answers you like everybody."))


def duty_begins(language: str) -> Reply:
    """At the start of the hours that the mediator set."""
    tr = translations(language)
    return _reply(tr, tr("Your hours begin. Are you there?"), _button("🟢 " + tr("I am on duty"), "m:duty:on"))


def duty_ended(language: str) -> Reply:
    """At the end of them."""
    tr = translations(language)
    text = tr("Your hours are over: you are off duty. Your conversations stay open.")
    return _reply(tr, text, _button("🟢 " + tr("I am still on duty"), "m:duty:on"))
