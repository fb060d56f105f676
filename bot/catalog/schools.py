"""The state schools of Lombardy, found by municipality, kind and distance."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.catalog.model import Service
from bot.places import Place, distance_km, gazetteer
from bot.settings import settings

FILE, SOURCE = "lombardia.csv", "source.yml"
#: Kind of school to the ages that it teaches; "cpia" is for adults, "nido" is no school and not in the register.
AGES = {"nido": (0, 2), "infanzia": (3, 5), "primaria": (6, 10), "secondaria1": (11, 13), "secondaria2": (14, 18)}
_ID = "scuola-"


@dataclass(frozen=True)
class School:
    """One row of the register; `open_to_all` is False in hospitals, prisons and evening courses."""

    code: str
    name: str
    kind: str
    type: str
    institute: str  # code of the school that keeps its office and takes its enrolments
    address: str
    postcode: str
    comune: str
    email: str
    web: str
    open_to_all: bool


def kind_for_age(age: int) -> str:
    """The kind of school for a child, or for an adult."""
    return next((kind for kind, (first, last) in AGES.items() if first <= age <= last), "cpia")


class Schools:
    """All schools, by code and by kind and municipality."""

    def __init__(self, schools: Iterable[School], source: dict[str, Any]) -> None:
        self.by_code = {school.code: school for school in schools}
        self.source = source
        self._where: dict[str, dict[str, list[School]]] = defaultdict(lambda: defaultdict(list))
        for school in self.by_code.values():
            if school.open_to_all:
                self._where[school.kind][school.comune].append(school)

    def in_comune(self, kind: str, comune: str) -> list[School]:
        """The schools of a kind in a municipality, by name."""
        return sorted(self._where[kind].get(comune, []), key=lambda school: school.name)

    def nearest(self, kind: str, place: Place) -> list[School]:
        """Those of the nearest municipality that has any: the register has no coordinates."""
        comuni = gazetteer().comuni
        with_schools = [code for code in self._where[kind] if code in comuni]
        if not with_schools:
            return []
        best = min(with_schools, key=lambda code: distance_km(place.point, comuni[code].point))
        return self.in_comune(kind, best)

    def institute(self, school: School) -> School | None:
        """The institute that takes the enrolments; None when it is the school itself."""
        return self.by_code.get(school.institute) if school.institute != school.code else None

    def service(self, service_id: str) -> Service | None:
        """The school with this service id, as a service of the catalogue."""
        school = self.by_code.get(service_id.removeprefix(_ID).upper())
        return self.as_service(school) if school and service_id.startswith(_ID) else None

    def as_service(self, school: School) -> Service:
        """A school as a card shows it; the source is the register."""
        return Service.model_validate(
            {
                "id": _ID + school.code.lower(),
                "name": f"{school.type}: {school.name}"
                if school.type.casefold() not in school.name.casefold()
                else school.name,
                "kind": "cpia" if school.kind == "cpia" else "school",
                "needs": ["adult_education", "italian_course"] if school.kind == "cpia" else ["school_enrolment"],
                "address": school.address or None,
                "postcode": school.postcode or None,
                "comune": school.comune,
                "email": school.email or None,
                "web": school.web or None,
                "source": {"url": self.source["url"], "date": self.source["date"]},
            }
        )


def load(folder: Path) -> Schools:
    """Read what `bot catalog import-schools` wrote; no school at all when it never ran."""
    if not (folder / FILE).exists():
        return Schools([], {})
    with (folder / FILE).open(encoding="utf-8", newline="") as lines:
        rows = [School(**{**row, "open_to_all": row["open_to_all"] == "yes"}) for row in csv.DictReader(lines)]  # type: ignore[arg-type]
    return Schools(rows, YAML(typ="safe").load((folder / SOURCE).read_text(encoding="utf-8")))


@lru_cache
def schools() -> Schools:
    """The register of this process; a new school year's file is read at the next start."""
    return load(settings().catalog_dir / "schools")
