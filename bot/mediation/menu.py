"""The mediators' menu: duty, languages, ambiti, skills, hours, and lists of referrals."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from bot.catalog.model import vocabulary
from bot.database.tables import Mediator, Referral
from bot.gateway.model import Reply
from bot.i18n import Translations, languages, translations
from bot.mediation import words
from bot.mediation.codes import codes
from bot.mediation.states import TAKEN, WAITING
from bot.places import gazetteer

#: Short names for the buttons, whose payload may have 64 bytes.
PRESET_HOURS = {
    "morning": "Mo-Fr 09:00-13:00; PH off",
    "afternoon": "Mo-Fr 14:00-18:00; PH off",
    "day": "Mo-Fr 09:00-18:00; PH off",
}
Button = dict[str, str]


@dataclass(frozen=True)
class Counts:
    """What the menu counts: the mediator's own referrals, those that wait, and all that are open."""

    mine: list[Referral]
    waiting: int
    everything: int


def _button(title: str, payload: str) -> Button:
    return {"title": title, "payload": payload}


def _reply(tr: Translations, text: str, buttons: list[Button], title: str | None = None) -> Reply:
    return Reply(text, title=title, buttons=buttons, language=tr.code)


def _back(tr: Translations) -> Button:
    return _button("↩️ " + tr("Menu"), "m:home")


@lru_cache
def ambiti() -> dict[str, list[str]]:
    """Province and its ambiti, in the order that the buttons count."""
    found: dict[str, set[str]] = defaultdict(set)
    for comune in gazetteer().comuni.values():
        if comune.ambito:
            found[comune.province].add(comune.ambito)
    return {province: sorted(found[province]) for province in sorted(found)}


def home(mediator: Mediator, counts: Counts, language: str) -> Reply:
    """Everything at a glance."""
    tr = translations(language)
    spoken = tr.join([tr.language_name(code) for code in mediator.languages])
    labels = codes()["skills"]
    skills = tr.join([tr(labels[code]) for code in mediator.skills if code in labels])
    lines = [
        "🟢 " + tr("You are on duty.") if mediator.on_duty else "⚪ " + tr("You are off duty."),
        tr("Languages: %(languages)s.", languages=spoken or "-"),
        tr("Ambiti: %(names)s", names=", ".join(mediator.ambiti) or tr("everywhere")),
        tr("Skills: %(names)s", names=skills or "-"),
        tr("Hours: %(hours)s", hours=mediator.duty_hours or "-"),
    ]
    current = next((one for one in counts.mine if one.id == mediator.current_id), None)
    if current:
        lines.append(tr("You are writing to: %(name)s", name=words.title(current)))
    duty = ("⚪ " + tr("Go off duty"), "m:duty:off") if mediator.on_duty else ("🟢 " + tr("Go on duty"), "m:duty:on")
    buttons = [
        _button(*duty),
        _button("💬 " + tr("My conversations") + f" ({len(counts.mine)})", "m:cases"),
        _button("⏳ " + tr("Waiting") + f" ({counts.waiting})", "m:waiting"),
        _button("🌐 " + tr("Languages"), "m:languages"),
        _button("📍 " + tr("Ambiti"), "m:ambiti"),
        _button("🎓 " + tr("Skills"), "m:skills"),
        _button("🕘 " + tr("Hours"), "m:hours"),
        _button("🇮🇹 Italiano", "m:speak:it") if language != "it" else _button("🇬🇧 English", "m:speak:en"),
    ]
    if mediator.is_coordinator:
        buttons.append(_button("🗂️ " + tr("All requests") + f" ({counts.everything})", "m:all"))
    return _reply(tr, "\n".join(lines), buttons, title=mediator.name)


def _ticked(chosen: bool, title: str) -> str:
    return ("✅ " if chosen else "▫️ ") + title


def choose_languages(mediator: Mediator, language: str) -> Reply:
    """Tap to add or to take out."""
    tr = translations(language)
    buttons = [
        _button(_ticked(code in mediator.languages, one.name), f"m:languages:{code}")
        for code, one in languages().items()
    ]
    return _reply(tr, tr("In which languages do you answer?"), [*buttons, _back(tr)])


def choose_skills(mediator: Mediator, language: str) -> Reply:
    """Tap to add or to take out."""
    tr = translations(language)
    buttons = [
        _button(_ticked(code in mediator.skills, tr(label)), f"m:skills:{code}")
        for code, label in codes()["skills"].items()
    ]
    return _reply(tr, tr("What do you know best?"), [*buttons, _back(tr)])


def choose_ambiti(mediator: Mediator, province: str | None, language: str) -> Reply:
    """First the province, then its ambiti."""
    tr = translations(language)
    if province is None:
        buttons = [_button(one, f"m:ambiti:{one}") for one in ambiti()]
        text = tr("Where do you work? With no ambito chosen you are asked from everywhere.")
        return _reply(tr, text, [*buttons, _back(tr)])
    buttons = [
        _button(_ticked(name in mediator.ambiti, name), f"m:ambiti:{province}:{index}")
        for index, name in enumerate(ambiti()[province])
    ]
    buttons.append(_button("↩️ " + tr("Other provinces"), "m:ambiti"))
    return _reply(tr, tr("Choose your ambiti:"), [*buttons, _back(tr)], title=province)


def hours(mediator: Mediator, language: str, wrong: bool = False) -> Reply:
    """Hours in OpenStreetMap's notation, by button or by command."""
    tr = translations(language)
    lines = [tr("Hours: %(hours)s", hours=mediator.duty_hours or "-")]
    if wrong:
        lines.insert(0, "⚠️ " + tr("I could not read these hours."))
    lines.append(tr("People are told when you are back by these hours. Choose, or write for example:"))
    lines.append("/hours Mo-We 09:00-12:30; Fr 14:00-18:00; PH off")
    buttons = [
        _button(tr("Mornings"), "m:hours:morning"),
        _button(tr("Afternoons"), "m:hours:afternoon"),
        _button(tr("All day"), "m:hours:day"),
        _button(tr("No fixed hours"), "m:hours:-"),
        _back(tr),
    ]
    return _reply(tr, "\n".join(lines), buttons)


def list_of(referrals: list[Referral], verb: str, language: str) -> Reply:
    """A button for each, with its need and place."""
    tr = translations(language)
    if not referrals:
        return _reply(tr, tr("There is nothing here now."), [_back(tr)])
    buttons = [_button(_line(one, tr), f"m:{verb}:{one.id}") for one in referrals[:40]]
    return _reply(tr, tr("Choose one:"), [*buttons, _back(tr)])


def _line(referral: Referral, tr: Translations) -> str:
    mark = "⏳" if referral.state == WAITING else "💬"
    need = tr(vocabulary().label("needs", referral.need)) if referral.need else ""
    comune = gazetteer().comuni.get(referral.comune or "")
    parts = [referral.pseudonym or "", referral.language, need, comune.name if comune else ""]
    return f"{mark} " + " · ".join(filter(None, parts))


def look(referral: Referral, holder: Mediator | None, reader: Mediator, language: str) -> Reply:
    """One referral from a list, with what the reader may do."""
    tr = translations(language)
    lines = words.summary(referral, tr)
    if holder:
        lines.append(tr("With: %(name)s", name=holder.name))
    if referral.state == WAITING:
        buttons = [_button("🙋 " + tr("I take it"), f"m:take:{referral.id}")]
    elif holder and holder.id == reader.id:
        buttons = [_button("✏️ " + tr("Write"), f"m:to:{referral.id}"), *words.case_buttons(referral, language)]
    else:
        buttons = []
    if reader.is_coordinator and not (holder and holder.id == reader.id):
        if referral.state == TAKEN:
            buttons.append(_button("🙋 " + tr("Take over"), f"m:over:{referral.id}"))
        buttons.append(_button("➡️ " + tr("Pass on"), f"m:pass:{referral.id}"))
        buttons.append(_button("✅ " + tr("Close"), f"m:close:{referral.id}"))
    return _reply(tr, "\n".join(lines), [*buttons, _back(tr)], title=words.title(referral))


def choose_service(referral: Referral, need: str, services: list[tuple[str, str]], language: str) -> Reply:
    """What the catalogue has for a need near the person."""
    tr = translations(language)
    buttons = [_button(name, f"m:service:{referral.id}:{code}") for code, name in services]
    buttons.append(_button("🔎 " + tr("Another need"), f"m:topic:{referral.id}"))
    label = tr(vocabulary().label("needs", need))
    text = tr("Choose a service: the person gets its card in their language.")
    if not services:
        text = tr("I know no service for this near the person.")
    return _reply(tr, f"{label}\n{text}", buttons, title=words.title(referral))


def choose_topic(referral: Referral, language: str) -> Reply:
    """The topics of the catalogue."""
    tr = translations(language)
    buttons = [
        _button(f"{topic['icon']} {tr(topic['label'])}", f"m:topic:{referral.id}:{code}")
        for code, topic in vocabulary().topics.items()
    ]
    return _reply(tr, tr("About what?"), buttons, title=words.title(referral))


def choose_need(referral: Referral, topic: str, language: str) -> Reply:
    """The needs of a topic."""
    tr = translations(language)
    buttons = [
        _button(f"{need['icon']} {tr(need['label'])}", f"m:ask:{referral.id}:{code}")
        for code, need in vocabulary().needs.items()
        if need["topic"] == topic
    ]
    return _reply(tr, tr("About what?"), buttons, title=words.title(referral))
