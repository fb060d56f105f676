"""The form of one service: from the catalogue's data to fields, and from what was typed back to data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import ImmutableMultiDict

from bot.catalog.hours import ROME, checked_hours, read_italian, timetable, week
from bot.catalog.hours.italian import DAY_WORD, HoursNotUnderstood
from bot.catalog.loader import doubts_about, in_plain_words
from bot.catalog.model import Service, vocabulary
from bot.console import week_grid
from bot.i18n import N_, Translations, languages
from bot.places import gazetteer

TEXTS = (
    *("id", "name", "provider", "kind", "scope", "serves", "address", "postcode", "email", "web"),
    *("hours_unconfirmed", "booking", "cost"),
)
NUMBERS, DATES = ("latitude", "longitude"), ("valid_to", "checked")
LINES, CODES = ("phone", "phone_unconfirmed"), ("audience", "languages", "bring")
GROUPS = ("source", "confirmed")
DEFAULTS = {"scope": "local", "serves": "anyone"}
FEWEST_NEEDS = 4
SCOPES = {"local": N_("one place where people go"), "region": N_("answers for the whole of Lombardy")}
SERVES = {
    "anyone": N_("anyone"),
    "comune": N_("only residents of the municipality"),
    "ambito": N_("only residents of the ambito"),
    "province": N_("only residents of the province"),
}
LABELS = {
    "id": N_("Internal name"),
    "name": N_("Official name"),
    "provider": N_("Provider"),
    "kind": N_("Kind"),
    "audience": N_("For whom"),
    "serves": N_("Who may go there"),
    "scope": N_("Where it answers"),
    "address": N_("Street and number"),
    "postcode": N_("Postcode"),
    "comune": N_("Municipality"),
    "latitude": N_("Latitude"),
    "longitude": N_("Longitude"),
    "phone": N_("Telephones"),
    "phone_unconfirmed": N_("Old or doubtful telephones"),
    "email": N_("E-mail"),
    "web": N_("Web page"),
    "hours": N_("Opening hours"),
    "hours_unconfirmed": N_("Old or doubtful hours"),
    "booking": N_("Appointment"),
    "valid_to": N_("Last day on which the service exists"),
    "cost": N_("Cost"),
    "bring": N_("What to bring"),
    "languages": N_("Languages spoken there, besides Italian"),
    "source.url": N_("Source"),
    "source.date": N_("Date of the source"),
    "checked": N_("Source read again on"),
    "confirmed.by": N_("Confirmed by (role at the desk)"),
    "confirmed.on": N_("Confirmed on"),
    "needs": N_("Needs it answers, the main one first"),
    "summary": N_("Summaries"),
}

Typed = dict[str, list[str]]
Problems = dict[str, list[str]]


@dataclass
class Checked:
    """What was typed, as data; `service` is None while something is wrong with it."""

    typed: Typed
    data: dict[str, Any]
    service: Service | None
    errors: Problems = field(default_factory=dict)
    warnings: Problems = field(default_factory=dict)
    fine: dict[str, str] = field(default_factory=dict)
    week: list[str] = field(default_factory=list)


def typed_from(data: Mapping[str, Any]) -> Typed:
    """The fields of the form for an entry of the catalogue."""
    typed: Typed = {}
    for name, value in data.items():
        if name in GROUPS or name == "summary":
            typed |= {f"{name}.{key}": [_text(inner)] for key, inner in value.items()}
        elif name in LINES:
            typed[name] = ["\n".join(map(str, value))]
        elif isinstance(value, list):
            typed[name] = [str(one) for one in value]
        else:
            typed[name] = [_text(value)]
    if comune := gazetteer().comuni.get(data.get("comune") or ""):
        typed["comune"] = [comune_label(comune.code)]
    return typed


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def typed_in(form: ImmutableMultiDict[str, Any]) -> Typed:
    """The fields as the browser sent them, without characters that no text needs."""
    typed: Typed = {}
    for name, value in form.multi_items():
        typed.setdefault(name, []).append(_clean(str(value)))
    return typed


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n")
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))


@lru_cache
def comune_labels() -> dict[str, str]:
    """ISTAT code to "Sondrio (SO)", in the order of the alphabet."""
    named = sorted(gazetteer().comuni.values(), key=lambda comune: comune.name)
    return {comune.code: f"{comune.name} ({comune.province})" for comune in named}


def comune_label(code: str) -> str:
    """A municipality as the form shows it."""
    return comune_labels().get(code, code)


@lru_cache
def _comune_codes() -> dict[str, str]:
    found = {label.casefold(): code for code, label in comune_labels().items()}
    for comune in gazetteer().comuni.values():
        found.setdefault(comune.name.casefold(), comune.code)
        found[comune.code] = comune.code
    return found


def check(typed: Typed, before: Mapping[str, Any], now: datetime, tr: Translations) -> Checked:
    """Turn what was typed into data, and check it as the command line does; `before` is what the file has."""
    problem = ""
    if week_grid.is_shown(typed):
        picked, problem = week_grid.hours_picked(typed, tr)
        typed = {**typed, "hours": [picked]}
    data, errors, warnings = _read(typed, before, tr)
    if problem:
        errors["hours"] = [problem]
    checked = Checked(typed, data, None, errors, warnings)
    try:
        service = Service.model_validate(data)
    except ValidationError as invalid:
        for error in invalid.errors():
            checked.errors.setdefault(_field_of(error["loc"]), []).append(in_plain_words(error))
        _show_week(checked, data.get("hours"), data.get("comune"), now, tr)
        return checked
    for name, doubt in doubts_about(service, now.astimezone(ROME).date()):
        checked.warnings.setdefault(name, []).append(doubt)
    _show_week(checked, service.hours, service.comune, now, tr)
    if not checked.errors:
        checked.service = service
    return checked


def _show_week(checked: Checked, hours: Any, comune: Any, now: datetime, tr: Translations) -> None:
    if not hours or "hours" in checked.errors:
        return
    checked.typed["hours"] = [str(hours)]
    checked.week = week(timetable(str(hours), comune if isinstance(comune, str) else None), now, tr)


def _field_of(loc: tuple[Any, ...]) -> str:
    if loc == ("source",):
        return "source.url"
    return ".".join(map(str, loc[:2])) if loc[0] in GROUPS else str(loc[0])


def _read(typed: Typed, before: Mapping[str, Any], tr: Translations) -> tuple[dict[str, Any], Problems, Problems]:
    """Data in the order of the model, what could not be read, and what to look at."""
    errors: Problems = {}
    warnings: Problems = {}
    given: dict[str, Any] = {name: _line(typed, name) for name in TEXTS}
    given |= {name: _number(_line(typed, name), before.get(name)) for name in NUMBERS}
    given |= {name: _date(_line(typed, name)) for name in DATES}
    given |= {name: [s for line in _raw(typed, name).split("\n") if (s := _one_line(line))] for name in LINES}
    given |= {name: _in_old_order(typed.get(name, []), before.get(name) or []) for name in CODES}
    given["needs"] = list(dict.fromkeys(code for code in typed.get("needs", []) if code))
    given["summary"] = _summaries(typed, before.get("summary") or {})
    given["comune"] = _comune(_line(typed, "comune"), errors, tr)
    given["hours"] = _hours(_line(typed, "hours"), errors, warnings)
    if source := {key: _line(typed, f"source.{key}") for key in ("url", "date") if _line(typed, f"source.{key}")}:
        given["source"] = {"date": None, **source} if "url" in source else source
        given["source"] = {key: given["source"][key] for key in ("url", "date") if key in given["source"]}
    by, on = _line(typed, "confirmed.by"), _date(_line(typed, "confirmed.on"))
    given["confirmed"] = {key: value for key, value in (("by", by), ("on", on)) if value}
    data = {name: given[name] for name in Service.model_fields if _is_said(name, given.get(name), before)}
    return data, errors, warnings


def _is_said(name: str, value: Any, before: Mapping[str, Any]) -> bool:
    """Empty fields and defaults stay out of the file, unless they stand there already."""
    if value in (None, "", [], {}):
        return name in before and before[name] == value
    return value != DEFAULTS.get(name) or name in before


def _raw(typed: Typed, name: str) -> str:
    return (typed.get(name) or [""])[0]


def _one_line(text: str) -> str:
    return re.sub(r"[ \t\n]+", " ", text).strip(" ")  # the no-break spaces of French stay


def _line(typed: Typed, name: str) -> str:
    return _one_line(_raw(typed, name))


def _number(text: str, before: Any) -> Any:
    """The number, or the text itself for the model to refuse."""
    if before is not None and text == str(before):
        return before
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        return text


def _date(text: str) -> Any:
    """The day, or the text itself for the model to refuse."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return text


def _in_old_order(chosen: list[str], before: list[str]) -> list[str]:
    kept = [code for code in before if code in chosen]
    return kept + [code for code in dict.fromkeys(chosen) if code and code not in kept]


def _summaries(typed: Typed, before: Mapping[str, str]) -> dict[str, str]:
    told = {name.removeprefix("summary."): name for name in typed if name.startswith("summary.")}
    order = [*before, *(code for code in languages() if code not in before)]
    known = [code for code in order if code in told] + [code for code in told if code not in order]
    return {code: text for code in known if (text := _line(typed, told[code]))}


def _comune(text: str, errors: Problems, tr: Translations) -> str | None:
    if not text:
        return None
    code = _comune_codes().get(text.casefold())
    if code is None:
        errors["comune"] = [tr("“%(name)s” is not a municipality of Lombardy. Choose one from the list.", name=text)]
    return code


def _hours(text: str, errors: Problems, warnings: Problems) -> str | None:
    """The notation, from itself or from plain Italian."""
    if not text:
        return None
    try:
        return checked_hours(text)
    except ValueError as not_notation:
        refused = not_notation
    try:
        read = read_italian(text)
        notation = checked_hours(read.notation)
    except HoursNotUnderstood as not_italian:
        is_italian = DAY_WORD.search(text) or not any(day in text for day in ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"))
        errors["hours"] = [str(not_italian if is_italian else refused)]
        return None
    except ValueError as trap:
        errors["hours"] = [str(trap)]
        return None
    if read.warnings:
        warnings["hours"] = list(read.warnings)
    return notation


def choices(group: str, tr: Translations) -> dict[str, str]:
    """The codes of a group of the vocabulary with their labels."""
    return {code: tr(vocabulary().label(group, code)) for code in getattr(vocabulary(), group)}
