"""The traps of the notation, each told to the operator in Italian with what to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from opening_hours import OpeningHours

from bot.catalog.hours.calendar import timetable
from bot.catalog.hours.italian import DAY_WORD, WEEK, HoursNotUnderstood, read_italian

_RULE_DAYS = re.compile(r"^([A-Z][a-z](?:[-,][A-Z][a-z])*)\s+\d")
_DAY_NAMES = dict(
    zip(WEEK, ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"], strict=True)
)
_EXAMPLE = 'Esempio: "Mo-Fr 09:00-12:30; PH off".'


def _without_comments(text: str) -> str:
    return re.sub(r'"[^"]*"', '""', text)


def _days(rule: str) -> set[str]:
    """The weekdays that a rule of the simple form "Mo-Fr,Su 9:00-..." speaks of."""
    match = _RULE_DAYS.match(rule.strip())
    days: set[str] = set()
    for part in match.group(1).split(",") if match else []:
        first, _, last = part.partition("-")
        if first in WEEK and (last or first) in WEEK:
            days.update(WEEK[WEEK.index(first) : WEEK.index(last or first) + 1])
    return days


def _overridden_days(rules: list[str]) -> list[str]:
    """Days that a later ";" rule sets anew, which silently drops their earlier hours."""
    seen: set[str] = set()
    lost: set[str] = set()
    for rule in rules:
        days = _days(rule)
        lost |= seen & days
        seen |= days
    return sorted(lost, key=WEEK.index)


def _parse(text: str) -> OpeningHours:
    try:
        return OpeningHours(text)
    except Exception as error:  # the library's ParserError derives from Exception alone
        raise ValueError(f'"{text}" non si legge come orario. {_suggestion(text)}') from error


def _suggestion(text: str) -> str:
    """The notation of what was probably meant, or an example."""
    try:
        return f'Scrivi "{read_italian(text).notation}".'
    except HoursNotUnderstood:
        return _EXAMPLE


def checked_hours(text: str) -> str:
    """The text itself, if it is sound and free of the notation's traps; raises ValueError that says what to type."""
    bare = _without_comments(text)
    rules = [rule.strip() for rule in bare.split(";")]
    if DAY_WORD.search(bare):
        raise ValueError(f'"{text}": i giorni si scrivono Mo Tu We Th Fr Sa Su. {_suggestion(text)}')
    if re.search(r"\bSH\b", bare):
        if any("SH" in rule and not re.match(r"(PH,)?SH\b", rule) for rule in rules):
            raise ValueError(f'"{text}": SH (vacanze scolastiche) va all\'inizio di una regola, come "SH off".')
        _parse(timetable(text))
    _parse(text)
    for reason in _traps(text, bare, rules):
        raise ValueError(f'"{text}": {reason}')
    return text


def _traps(text: str, bare: str, rules: list[str]) -> Iterator[str]:
    if "||" in bare:
        yield 'il segno "||" qui non si usa. Separa le regole con ";".'
    if any(rule in ('""', "") for rule in rules):
        yield (
            'un commento da solo (o una regola vuota) vale come "sempre aperto". '
            "Mettilo dopo un orario; se si va solo su appuntamento usa il campo booking."
        )
    for hour, minute in re.findall(r"-(\d\d):(\d\d)", bare):
        if int(hour) * 60 + int(minute) > 24 * 60:
            yield f'chiude dopo mezzanotte ("{hour}:{minute}"). Scrivi un\'ora di chiusura fino a 24:00.'
    if re.search(r"\d\+", bare):
        yield 'manca l\'ora di chiusura: invece di "09:00+" scrivi "09:00-12:00".'
    for rule in rules:
        if rule not in ("24/7", "") and not re.search(r"\d:\d\d|\boff\b|\bclosed\b", rule):
            yield f'"{rule}" senza ore vale come "aperto giorno e notte". Aggiungile, come "{rule} 09:00-12:30".'
    if lost := _overridden_days(rules):
        names = ", ".join(_DAY_NAMES[day] for day in lost)
        yield f'dopo ";" le ore precedenti di {names} si perdono. Scrivi "{_joined(text)}".'


def _joined(text: str) -> str:
    """The same hours with those of one day added up instead of replaced."""
    rules = [rule.strip() for rule in text.split(";")]
    weekly = _normal(", ".join(rule for rule in rules if _days(rule)))
    return "; ".join([weekly, *(rule for rule in rules if not _days(rule))])


def _normal(text: str) -> str:
    return str(OpeningHours(text).normalize()).replace(" closed", " off")


def doubts(text: str, today: date) -> list[str]:
    """What is probably not what was meant, though the notation allows it."""
    bare = _without_comments(text)
    found = []
    if OpeningHours(text).warnings:
        found.append(f'maiuscole o forma insolite. Scrivi "{_normal(text)}".')
    for begin, end in sorted(set(re.findall(r"(\d\d:\d\d)-(\d\d:\d\d)", bare))):
        if end <= begin:
            found.append(
                f'"{begin}-{end}" passa la mezzanotte. È giusto per un dormitorio; altrimenti correggi le ore.'
            )
    if text.strip() != "24/7" and "PH" not in bare:
        found.append(
            'e nei giorni festivi? Se è chiuso aggiungi "; PH off", se è aperto le ore, come "; PH 09:00-12:00".'
        )
    for year in sorted({int(y) for y in re.findall(r"\b(20\d\d)\b", bare)}):
        if year < today.year:
            found.append(f"parla del {year}, che è passato. Togli quella regola.")
    return found
