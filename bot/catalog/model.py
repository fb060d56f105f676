"""The shape of a catalogue file. Codes are checked against services_catalog/vocabulary.yml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

from babel import Locale
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, core_schema
from ruamel.yaml import YAML

from bot.catalog.hours import checked_hours, timetable
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


@dataclass(frozen=True)
class _CodeOf:
    """Checks a value against the codes of a group, and lists them in the JSON Schema."""

    group: str

    def _checked(self, value: str) -> str:
        known = getattr(vocabulary(), self.group)
        if value not in known:
            near = get_close_matches(value, known, n=1)
            guess = f' Volevi dire "{near[0]}"?' if near else ""
            raise ValueError(f'"{value}" non è un codice.{guess} I codici sono: {", ".join(known)}.')
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(getattr(vocabulary(), self.group))}


def code_of(group: str) -> _CodeOf:
    """An annotation: the value is one of the codes of that group of the vocabulary."""
    return _CodeOf(group)


def _phone(value: str) -> str:
    digits = "".join(c for c in value if c.isdigit())
    if value.startswith("+") and len(digits) >= 8:
        return value
    if value.isdigit() and 3 <= len(value) <= 6:
        return value
    raise ValueError(f'"{value}" non ha il prefisso internazionale. Scrivilo come "+39 02 5550 123".')


def _date(value: str) -> str:
    parts = value.split("-")
    try:
        date(int(parts[0]), int(parts[1]) if len(parts) > 1 else 1, int(parts[2]) if len(parts) > 2 else 1)
    except (ValueError, IndexError):
        raise ValueError(f"\"{value}\" non è una data. Scrivi '2024', '2024-03' o '2024-03-15'.") from None
    return value


def _comune(value: str) -> str:
    if value not in gazetteer().comuni:
        named = [c.code for c in gazetteer().comuni.values() if c.name.casefold() == value.casefold()]
        hint = f"Scrivi '{named[0]}'." if named else "Cercalo in services_catalog/places/comuni.csv."
        raise ValueError(f'"{value}" non è il codice ISTAT di un comune della Lombardia. {hint}')
    return value


def _languages(values: dict[str, str]) -> dict[str, str]:
    for code in values:
        if not is_language(code):
            raise ValueError(f'"{code}" non è il codice di una lingua, come it, ar, bn.')
    return values


def _language(value: str) -> str:
    if not is_language(value):
        raise ValueError(f'"{value}" non è il codice di una lingua, come it, ar, bn.')
    return value


def is_language(code: str) -> bool:
    """Whether Babel knows a language by this code."""
    return re.fullmatch(r"[a-z]{2,3}", code) is not None and code in Locale("en").languages


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

    url: Annotated[str, Field(min_length=3, description="Indirizzo della pagina, o nome del documento.")]
    date: Annotated[
        PartialDate | None, Field(description="Data della fonte: '2026', '2026-03', '2026-03-15'; null se non c'è.")
    ]


class Confirmation(_Strict):
    """Who at the desk said that the entry is right, and when."""

    by: Annotated[str, Field(description="Chi allo sportello ha confermato: il ruolo, non il nome.")]
    on: Annotated[date, Field(description="Il giorno della conferma.")]


class Service(_Strict):
    """One thing that a person can obtain at one place or by one telephone line."""

    id: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=ID_LENGTH),
        Field(description="Nome interno, unico e per sempre: minuscole, cifre e trattini, al massimo 36."),
    ]
    name: Annotated[str, Field(min_length=2, description="Il nome ufficiale, quello scritto sulla porta.")]
    provider: Annotated[str | None, Field(description="L'ente che offre il servizio.")] = None
    kind: Annotated[str, code_of("kinds"), Field(description="Che cos'è: sportello, ufficio, scuola...")]
    needs: Annotated[list[Need], Field(min_length=1, description="I bisogni a cui risponde; per primo il principale.")]
    audience: Annotated[
        list[Annotated[str, code_of("audiences")]], Field(description="A chi è rivolto; vuoto se la fonte non lo dice.")
    ] = []
    scope: Annotated[
        Literal["local", "region"], Field(description="local: una sede; region: risponde a tutta la Lombardia.")
    ] = "local"
    serves: Annotated[
        Literal["anyone", "comune", "ambito", "province"],
        Field(description="Chi può rivolgersi: chiunque o solo i residenti del comune, dell'ambito, della provincia."),
    ] = "anyone"
    address: Annotated[str | None, Field(description="Via e numero.")] = None
    postcode: Annotated[str | None, Field(description="CAP, tra apici.")] = None
    comune: Annotated[
        Annotated[str, AfterValidator(_comune)] | None,
        Field(description="Codice ISTAT del comune, tra apici (services_catalog/places/comuni.csv)."),
    ] = None
    latitude: Annotated[float | None, Field(ge=44.5, le=47, description="Latitudine, se nota.")] = None
    longitude: Annotated[float | None, Field(ge=8, le=12, description="Longitudine, se nota.")] = None
    phone: Annotated[list[Phone], Field(description="Telefoni con il prefisso internazionale.")] = []
    phone_unconfirmed: Annotated[
        list[str], Field(description="Telefoni vecchi o dubbi: restano per chi li verifica, non si dicono a nessuno.")
    ] = []
    email: Annotated[Email | None, Field(description="Posta elettronica.")] = None
    web: Annotated[WebAddress | None, Field(description="Pagina del servizio.")] = None
    hours: Annotated[
        Hours | None, Field(description="Orari nella notazione di OpenStreetMap; `bot catalog hours` li scrive per te.")
    ] = None
    hours_unconfirmed: Annotated[
        str | None, Field(description="Orari vecchi o dubbi: restano per chi li verifica, non si dicono a nessuno.")
    ] = None
    booking: Annotated[
        Annotated[str, code_of("booking")] | None, Field(description="Se serve l'appuntamento; assente se non si sa.")
    ] = None
    languages: Annotated[
        list[Annotated[str, AfterValidator(_language)]],
        Field(description="Lingue parlate allo sportello oltre all'italiano (codici: ar, bn, en...)."),
    ] = []
    cost: Annotated[Annotated[str, code_of("costs")] | None, Field(description="Quanto costa.")] = None
    bring: Annotated[list[Annotated[str, code_of("documents")]], Field(description="Che cosa portare.")] = []
    summary: Annotated[
        dict[str, str],
        AfterValidator(_languages),
        Field(description="Che cosa fa, in una frase per lingua (it, en...)."),
    ] = {}
    valid_to: Annotated[date | None, Field(description="Ultimo giorno in cui il servizio esiste.")] = None
    checked: Annotated[
        date | None, Field(description="Quando un operatore ha riletto la fonte e trovato tutto uguale.")
    ] = None
    source: Annotated[Source, Field(description="Da dove viene la notizia. Senza fonte il servizio non si carica.")]
    confirmed: Annotated[
        Confirmation | None,
        Field(description="Chi allo sportello ha confermato, e quando. Solo se è successo davvero."),
    ] = None

    @cached_property
    def timetable(self) -> str | None:
        """The hours with the holidays of its town in them."""
        return timetable(self.hours, self.comune) if self.hours else None


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
        raise ValueError(f"{len(steps)} passi: scrivine da 3 a 6.")
    return steps


def _one_or_two(sentences: list[Sentence]) -> list[Sentence]:
    if not 1 <= len(sentences) <= 2:
        raise ValueError(f"{len(sentences)} frasi: scrivine una o due.")
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

    id: Annotated[str, Field(description="Il nome del file, senza .yml.")]
    name: Annotated[str, Field(description="Il nome ufficiale dell'ambito.")]
    lead: Annotated[str | None, Field(description="L'ente capofila.")] = None
    names: Annotated[list[str], Field(description="I nomi che l'ambito ha in places/ambiti.csv.")] = []


class CatalogFile(_Strict):
    """One YAML file."""

    ambito: Annotated[Ambito, Field(description="L'ambito a cui appartiene il file.")]
    services: Annotated[list[Service], Field(description="I servizi, uno per voce.")]
