"""The shape of a catalogue file. Codes are checked against services_catalog/vocabulary.yml."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from ruamel.yaml import YAML

from bot.catalog.hours import checked_hours
from bot.places import gazetteer
from bot.settings import settings

ID_LENGTH = 36  # a button carries the id, and Telegram allows 64 bytes to a button


class Vocabulary(BaseModel):
    """The codes that a catalogue may use, each with its English label."""

    topics: dict[str, dict]
    needs: dict[str, dict]
    kinds: dict[str, dict]
    documents: dict[str, dict]
    audiences: dict[str, dict]
    costs: dict[str, dict]
    booking: dict[str, dict]

    def label(self, group: str, code: str) -> str:
        """The source text of a code."""
        return getattr(self, group)[code]["label"]

    @property
    def urgent_needs(self) -> list[str]:
        """Needs that are answered at once, before any question."""
        return [code for code, need in self.needs.items() if need.get("urgent")]


@lru_cache
def vocabulary() -> Vocabulary:
    """The codes in use."""
    path = settings().catalog_dir / "vocabulary.yml"
    return Vocabulary.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))


def code_of(group: str) -> AfterValidator:
    """A validator: the value is one of the codes of that group."""

    def check(value: str) -> str:
        known = getattr(vocabulary(), group)
        if value not in known:
            raise ValueError(f'"{value}" is not a code. Use one of: {", ".join(known)}.')
        return value

    return AfterValidator(check)


def _phone(value: str) -> str:
    digits = "".join(c for c in value if c.isdigit())
    if value.startswith("+") and len(digits) >= 8:
        return value
    if value.isdigit() and 3 <= len(value) <= 6:
        return value
    raise ValueError(f'"{value}" has no country code. Write it like "+39 02 5550 123".')


def _date(value: str) -> str:
    parts = value.split("-")
    try:
        date(int(parts[0]), int(parts[1]) if len(parts) > 1 else 1, int(parts[2]) if len(parts) > 2 else 1)
    except (ValueError, IndexError):
        raise ValueError(f'"{value}" is not a date. Write 2024, 2024-03 or 2024-03-15.') from None
    return value


def _comune(value: str) -> str:
    if value not in gazetteer().comuni:
        raise ValueError(f'"{value}" is not an ISTAT code of a municipality of Lombardy.')
    return value


Need = Annotated[str, code_of("needs")]
Phone = Annotated[str, AfterValidator(_phone)]
Hours = Annotated[str, AfterValidator(checked_hours)]
PartialDate = Annotated[str, AfterValidator(_date)]
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where a fact was read, and the date that the source bears (None when it bears none)."""

    url: Annotated[str, Field(min_length=3)]
    date: PartialDate | None


class Confirmation(_Strict):
    """Who at the desk said that the entry is right, and when."""

    by: str
    on: date


class Service(_Strict):
    """One thing that a person can obtain at one place or by one telephone line."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=ID_LENGTH)]
    name: Annotated[str, Field(min_length=2)]
    provider: str | None = None
    kind: Annotated[str, code_of("kinds")]
    needs: Annotated[list[Need], Field(min_length=1)]
    audience: list[Annotated[str, code_of("audiences")]] = []
    scope: Literal["local", "region"] = "local"
    serves: Literal["anyone", "comune", "ambito", "province"] = "anyone"
    address: str | None = None
    postcode: str | None = None
    comune: Annotated[str, AfterValidator(_comune)] | None = None
    latitude: float | None = None
    longitude: float | None = None
    phone: list[Phone] = []
    phone_unconfirmed: list[str] = []
    email: Email | None = None
    web: WebAddress | None = None
    hours: Hours | None = None
    hours_unconfirmed: str | None = None
    booking: Annotated[str, code_of("booking")] | None = None
    languages: list[str] = []
    cost: Annotated[str, code_of("costs")] | None = None
    bring: list[Annotated[str, code_of("documents")]] = []
    summary: dict[str, str] = {}
    valid_to: date | None = None
    source: Source
    confirmed: Confirmation | None = None


class Sentence(_Strict):
    """A plain English sentence of a guide, its source, and the year of the amount or deadline that it states."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=160)]
    source: str
    year: Annotated[int, Field(ge=1990)] | None = None


class Bring(_Strict):
    """The documents that a guide asks for."""

    documents: Annotated[list[Annotated[str, code_of("documents")]], Field(min_length=1)]
    source: str


def _three_to_six(steps: list[Sentence]) -> list[Sentence]:
    if not 3 <= len(steps) <= 6:
        raise ValueError(f"{len(steps)} steps: write 3 to 6.")
    return steps


def _one_or_two(sentences: list[Sentence]) -> list[Sentence]:
    if not 1 <= len(sentences) <= 2:
        raise ValueError(f"{len(sentences)} sentences: write one or two.")
    return sentences


class Guide(_Strict):
    """What holds everywhere in the region for one need; `sources` gives each source a short name."""

    sources: dict[str, Source]
    what: Annotated[list[Sentence], AfterValidator(_one_or_two)]
    who: list[Sentence] = []
    steps: Annotated[list[Sentence], AfterValidator(_three_to_six)]
    bring: Bring | None = None
    cost: list[Sentence] = []
    time: list[Sentence] = []
    beware: Annotated[list[Sentence], AfterValidator(_one_or_two)] = []
    next: list[Need] = []

    def sentences(self) -> Iterator[tuple[tuple[str, int], Sentence]]:
        """Every sentence, with the part it belongs to and its place there."""
        for part in SENTENCES:
            for index, sentence in enumerate(getattr(self, part)):
                yield (part, index), sentence


SENTENCES = ("what", "who", "steps", "cost", "time", "beware")


class Ambito(_Strict):
    """A social district; `names` are the names it has in services_catalog/places/ambiti.csv."""

    id: str
    name: str
    lead: str | None = None
    names: list[str] = []


class CatalogFile(_Strict):
    """One YAML file."""

    ambito: Ambito
    services: list[Service]
