"""Opening hours as an operator types them in Italian, turned into the notation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.catalog.hours.calendar import MONTHS
from bot.places.text import fold

WEEK = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
_STEMS = ["lun", "mar", "mer", "gio", "ven", "sab", "dom"]
_MONTH_STEMS = ["gen", "feb", "marz", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"]
_ORDINALS = {"primo": 1, "prima": 1, "secondo": 2, "seconda": 2, "terzo": 3, "terza": 3, "quarto": 4, "quarta": 4}
_ORDINALS |= {"ultimo": -1, "ultima": -1}
_DAY = r"(?:lun(?:edi)?|mar(?:tedi)?|mer(?:coledi)?|gio(?:vedi)?|ven(?:erdi)?|sab(?:ato)?|dom(?:enica|eniche)?)"
_MONTH = (
    r"(?:gen(?:naio)?|feb(?:braio)?|marzo|apr(?:ile)?|mag(?:gio)?|giu(?:gno)?|lug(?:lio)?|ago(?:sto)?|set(?:tembre)?"
    r"|ott(?:obre)?|nov(?:embre)?|dic(?:embre)?)"
)
_CLOCK = r"(?:ore\s*|h\s*)?(\d{1,2})(?:[.:](\d{2}))?"
#: An Italian weekday in the text. "Mar" is March in the notation, unless the hours follow at once.
DAY_WORD = re.compile(
    r"\b(?:(?i:lun|mer|gio|ven|sab|dom)(?i:ed[iì]|coled[iì]|ved[iì]|erd[iì]|ato|enica)?|(?i:marted[iì])|mar|Mar(?=\s+\d+[:.]))(?!\w)"
)

_EVERY = r"(?:il |la |ogni |di )?"
_CLOSED = r"chius[oaie]"
#: The pieces of a sentence, tried in this order; the folded text has no accents.
_PIECES = {
    "always": r"24 ?h?(?: ore)? ?(?:/|su) ?(?:24|7)(?: ore)?|sempre aperto",
    "booking": r"(?:solo |previo |su )+ ?appuntamento",
    "closed_between": rf"{_CLOSED} dal? (?P<d1>\d{{1,2}})(?: (?P<m1>{_MONTH}))? al? (?P<d2>\d{{1,2}}) (?P<m2>{_MONTH})",
    "closed_in": rf"{_CLOSED} (?:ad?|in|nel mese di|tutto) (?P<month>{_MONTH})",
    "month_closed": rf"(?P<month_first>{_MONTH})\s*:?\s*{_CLOSED}",
    "season": rf"da (?P<s1>{_MONTH}) ad? (?P<s2>{_MONTH})",
    "holidays_off": rf"(?:{_CLOSED} |esclus[oi] |tranne )?(?:i |nei )?(?:giorni )?festivi(?: esclusi| chius[oi])?",
    "nth": rf"{_EVERY}(?P<ordinal>{'|'.join(_ORDINALS)}) (?P<nth_day>{_DAY})(?: del mese| di ogni mese)?",
    "days": rf"(?:dal? )?(?P<first>{_DAY})(?: ?- ?| ?/ ?(?={_DAY})| al? )(?P<last>{_DAY})\b",
    "day": rf"{_EVERY}(?P<one>{_DAY})\b",
    "every": r"tutti i giorni|ogni giorno|tutta la settimana",
    "workdays": r"(?:giorni )?(?:feriali|lavorativi)",
    "span": rf"(?:dalle |dall')?(?:ore )?{_CLOCK}\s*(?:-|/|alle|all'|a)\s*{_CLOCK}",
    "lonely_clock": r"\d{1,2}[.:]\d{2}",
    "closed": _CLOSED,
    "only": r"solo|solamente|invece",
    "also": r"anche|pure",
    "filler": r"orario?|apert[oaie]|apertura|mattin[ao]|pomeriggio|sera|dalle|alle|ore|ed?|poi|[-,;:.()]",
}
_TOKENS = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PIECES.items()))
_EXAMPLE = 'Esempio: "lun-ven 9-12.30, mer anche 14-17".'


class HoursNotUnderstood(ValueError):
    """What the operator typed cannot be turned into hours; the message is in Italian."""


@dataclass(frozen=True)
class ItalianHours:
    """The notation, and what the operator should look at."""

    notation: str
    warnings: list[str]


@dataclass
class _Reading:
    """What has been read so far."""

    spans: dict[str, list[str]] = field(default_factory=dict)
    off: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    season: str = ""
    days: list[str] = field(default_factory=list)  # of the group being read
    has_hours: bool = False  # whether that group has its hours yet, so that the next day begins a new one
    only: bool = False
    also: bool = False
    before: set[str] = field(default_factory=set)  # days that an earlier group spoke of


def from_italian(text: str) -> str:
    """The notation for hours typed in Italian, like "lun-ven 9-12.30, mer anche 14-17"; raises HoursNotUnderstood."""
    return read_italian(text).notation


def read_italian(text: str) -> ItalianHours:
    """The same with the warnings that an operator should see."""
    folded = " ".join(fold(text.replace("–", "-").replace("—", "-")).replace("\u2019", "'").split())
    reading, at = _Reading(), 0
    while at < len(folded):
        if folded[at].isspace():
            at += 1
            continue
        match = _TOKENS.match(folded, at)
        if not match or _ends_inside_a_word(folded, match.end()):
            raise HoursNotUnderstood(f'non capisco "{folded[at:].split()[0]}". {_EXAMPLE}')
        if match.group("always"):
            return ItalianHours("24/7", [])
        _take(match, reading)
        at = match.end()
    return _written(reading)


def _ends_inside_a_word(text: str, end: int) -> bool:
    return end < len(text) and text[end - 1].isalpha() and text[end].isalpha()


def _take(match: re.Match[str], reading: _Reading) -> None:
    """One piece of the sentence."""
    get = match.group
    if get("booking"):
        reading.warnings.append("«su appuntamento» non sta negli orari: scrivi booking: required.")
    elif get("closed_between"):
        first = _month(get("m1") or get("m2"))
        reading.off.append(f"{first} {int(get('d1')):02}-{_month(get('m2'))} {int(get('d2')):02} off")
    elif get("closed_in") or get("month_closed"):
        reading.off.append(f"{_month(get('month') or get('month_first'))} off")
    elif get("season"):
        reading.season = f"{_month(get('s1'))}-{_month(get('s2'))} "
    elif get("holidays_off"):
        reading.off.append("PH off")
    elif get("nth"):
        _begin(reading, [f"{_day(get('nth_day'))}[{_ORDINALS[get('ordinal')]}]"])
    elif get("days"):
        begin, end = WEEK.index(_day(get("first"))), WEEK.index(_day(get("last")))
        _begin(reading, WEEK[begin : end + 1] if begin <= end else WEEK[begin:] + WEEK[: end + 1])
    elif get("day"):
        _begin(reading, [_day(get("one"))])
    elif get("every"):
        _begin(reading, WEEK)
    elif get("workdays"):
        reading.warnings.append("«feriali» può voler dire fino a venerdì o fino a sabato: ho scritto lun-ven.")
        _begin(reading, WEEK[:5])
    elif get("span"):
        _add_span(match, reading)
    elif get("lonely_clock"):
        raise HoursNotUnderstood(f'"{match.group()}": manca l\'ora di chiusura. Scrivi per esempio "9-12.30".')
    elif get("closed"):
        for day in reading.days:
            reading.spans[day] = []
        reading.has_hours = True
    elif get("only"):
        reading.only = True
    elif get("also"):
        reading.also = True


def _begin(reading: _Reading, days: list[str]) -> None:
    """More days of this group, or the first of a new one."""
    if reading.has_hours or not reading.days:
        reading.before = set(reading.spans)
        reading.days, reading.has_hours, reading.only, reading.also = (
            [],
            False,
            reading.only and not reading.has_hours,
            False,
        )
    reading.days = [*reading.days, *(day for day in days if day not in reading.days)]


def _add_span(match: re.Match[str], reading: _Reading) -> None:
    hours = [int(part) if part else 0 for part in _clock_parts(match)]
    begin, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if begin > 24 * 60 or end > 24 * 60 or hours[1] > 59 or hours[3] > 59:
        raise HoursNotUnderstood(f'"{match.group()}" non è un orario: le ore vanno da 0 a 24.')
    if not reading.days:
        raise HoursNotUnderstood(f'"{match.group()}": manca il giorno. Esempio: "lun-ven 9-12.30".')
    if end <= begin:
        reading.warnings.append(f'"{match.group()}" passa la mezzanotte: è giusto?')
    span = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    for day in reading.days:
        if reading.only and not reading.has_hours:
            reading.spans[day] = []
        elif day in reading.before and not reading.also and not reading.has_hours:
            reading.warnings.append(_joined(day, span))
        reading.spans.setdefault(day, []).append(span)
    reading.has_hours = True


def _joined(day: str, span: str) -> str:
    name = _STEMS[WEEK.index(day)] if day in WEEK else day
    return f"{name}: ho aggiunto {span} alle ore già dette. Se vale al loro posto scrivi «{name} solo ...»."


def _clock_parts(match: re.Match[str]) -> tuple[str | None, ...]:
    found = re.fullmatch(_PIECES["span"], match.group("span"))
    assert found  # the same pattern matched as a token
    return found.groups()


def _day(word: str) -> str:
    return WEEK[_STEMS.index(word[:3])]


def _month(word: str) -> str:
    return MONTHS[next(i for i, stem in enumerate(_MONTH_STEMS) if word.startswith(stem[:3]))]


def weekly_rules(spans_of: dict[str, list[str]]) -> list[str]:
    """A rule for the days of the same hours, in the order of the week."""
    groups: dict[str, list[str]] = {}
    for day in [*WEEK, *(d for d in spans_of if d not in WEEK)]:
        if spans := spans_of.get(day):
            groups.setdefault(",".join(sorted(spans)), []).append(day)
    return [f"{_ranges(days)} {spans}" for spans, days in groups.items()]


def _written(reading: _Reading) -> ItalianHours:
    rules = [f"{reading.season}{rule}" for rule in weekly_rules(reading.spans)]
    if not rules:
        raise HoursNotUnderstood(f"mancano giorni e ore. {_EXAMPLE}")
    off = list(dict.fromkeys(reading.off))
    if "PH off" not in off:
        reading.warnings.append("e nei giorni festivi? Se è chiuso aggiungi «festivi chiuso».")
    return ItalianHours("; ".join(rules + off), list(dict.fromkeys(reading.warnings)))


def _ranges(days: list[str]) -> str:
    """Days as the notation groups them: Mo-We,Fr."""
    parts: list[list[str]] = []
    for day in days:
        if parts and day in WEEK and parts[-1][-1] in WEEK and WEEK.index(day) == WEEK.index(parts[-1][-1]) + 1:
            parts[-1].append(day)
        else:
            parts.append([day])
    return ",".join(p[0] if len(p) == 1 else f"{p[0]}-{p[-1]}" if len(p) > 2 else ",".join(p) for p in parts)
