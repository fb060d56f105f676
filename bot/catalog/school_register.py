"""Takes in the Ministry of Education's open register of state schools, once a school year.

Columns as the Ministry publishes them (SCUANAGRAFESTAT, dati.istruzione.it), or the same in English and already cut
to Lombardy. Rows of other regions are left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

from bot.catalog.schools import FILE, SOURCE, School
from bot.places import gazetteer
from bot.settings import settings

REGISTER_PAGE = "https://dati.istruzione.it/opendata/opendata/catalogo/elements1/?area=Scuole"
_MINISTRY = {
    "code": "CODICESCUOLA",
    "name": "DENOMINAZIONESCUOLA",
    "kind": "DESCRIZIONETIPOLOGIAGRADOISTRUZIONESCUOLA",
    "institute_code": "CODICEISTITUTORIFERIMENTO",
    "institute": "DENOMINAZIONEISTITUTORIFERIMENTO",
    "address": "INDIRIZZOSCUOLA",
    "postcode": "CAPSCUOLA",
    "cadastral_code": "CODICECOMUNESCUOLA",
    "email": "INDIRIZZOEMAILSCUOLA",
    "web": "SITOWEBSCUOLA",
    "character": "DESCRIZIONECARATTERISTICASCUOLA",
    "region": "REGIONE",
}
_CPIA = re.compile(r"\bC\.?\s?P\.?\s?I\.?\s?A\b")
_EVENING = re.compile(r"SERALE|SERALI\b|\bSER\.")
_CONFINED = re.compile(r"CARCER|CIRCONDARIALE|RECLUSIONE|PENALE MINORILE")
_HOSPITAL = re.compile(r"\bOSP(ED\w*|\.|\b)|CLINICA|NEUROLOGICO|NAZIONALE TUMORI")
_ROMAN = re.compile(r"\b(?=[IVX]{2,})(X{0,2}(?:IX|IV|V?I{0,3}))\b", re.IGNORECASE)


class RegisterNotUnderstood(ValueError):
    """The file is not the register; the message is in Italian."""


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    schools: int
    unknown_comuni: list[str]


def import_schools(path: Path, folder: Path, date: str) -> Imported:
    """Write the schools of Lombardy into `folder`; `date` is that of the register's file."""
    schools, unknown = [], []
    for row in _rows(path):
        comune = row.get("istat_code") or _istat_codes().get(row["cadastral_code"], "")
        if comune not in gazetteer().comuni:
            unknown.append(f"{row['code']}: {row['cadastral_code']}")
            continue
        schools.append(_school(row, comune))
    if not schools:
        raise RegisterNotUnderstood(f"{path.name}: nessuna scuola della Lombardia.")
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / FILE, sorted(schools, key=lambda school: (school.comune, school.code)))
    source = {"url": REGISTER_PAGE, "date": date, "licence": "IODL 2.0"}
    with (folder / SOURCE).open("w", encoding="utf-8") as out:
        out.write("# The register of state schools that lombardia.csv was made from by `bot catalog import-schools`.\n")
        YAML(typ="safe").dump(source, out)
    return Imported(len(schools), unknown)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        columns = set(reader.fieldnames or [])
        if {"code", "kind", "institute_code", "istat_code"} <= columns:
            yield from reader
        elif set(_MINISTRY.values()) - {"DESCRIZIONECARATTERISTICASCUOLA"} <= columns:
            for row in reader:
                if row["REGIONE"].strip().upper() == "LOMBARDIA":
                    yield {ours: _known(row.get(theirs)) for ours, theirs in _MINISTRY.items()}
        else:
            missing = ", ".join(sorted(set(_MINISTRY.values()) - columns))
            raise RegisterNotUnderstood(
                f"{path.name} non è l'anagrafe delle scuole statali: mancano le colonne {missing}."
            )


def _known(value: str | None) -> str:
    value = (value or "").strip()
    return "" if value.casefold() == "non disponibile" else value


@lru_cache
def _istat_codes() -> dict[str, str]:
    """Cadastral code, which the Ministry uses, to ISTAT's."""
    with (settings().catalog_dir / "places" / "comuni.csv").open(encoding="utf-8", newline="") as lines:
        return {row["cadastral_code"]: row["istat_code"] for row in csv.DictReader(lines)}


def _school(row: dict[str, str], comune: str) -> School:
    kind = _kind(row)
    return School(
        code=row["code"],
        name=row["name"],
        kind=kind,
        type=row["kind"].capitalize(),
        institute=row["institute_code"],
        address=_street(row["address"]),
        postcode=row["postcode"].removesuffix(".0").zfill(5) if row["postcode"] else "",
        comune=comune,
        email=row["email"].lower() if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", row["email"]) else "",
        web=_web(row["web"]),
        open_to_all=_is_open_to_all(row, kind),
    )


def _kind(row: dict[str, str]) -> str:
    if _CPIA.search(f"{row['name']} {row['institute']}".upper()) or row["kind"] == "CENTRO TERRITORIALE":
        return "cpia"
    kinds = {"SCUOLA INFANZIA": "infanzia", "SCUOLA PRIMARIA": "primaria", "SCUOLA PRIMO GRADO": "secondaria1"}
    offices = ("ISTITUTO COMPRENSIVO", "ISTITUTO SUPERIORE", "CONVITTO ANNESSO", "CONVITTO NAZIONALE", "EDUCANDATO")
    return kinds.get(row["kind"]) or ("office" if row["kind"] in offices else "secondaria2")


def _is_open_to_all(row: dict[str, str], kind: str) -> bool:
    name = row["name"].upper()
    if row.get("character", "").upper() in ("OSPEDALIERA", "CARCERARIA") or _CONFINED.search(name):
        return False
    if kind == "secondaria2":  # "osp." is hospitality there
        return not _EVENING.search(name)
    return kind == "cpia" or not _HOSPITAL.search(name)


def _street(text: str) -> str:
    return _ROMAN.sub(lambda m: m.group().upper(), text.title().replace("'S ", "'s ")) if text.isupper() else text


def _web(text: str) -> str:
    """A web address that opens; the register has half schemes, and gov.it ones that schools had to give up."""
    bare = re.sub(r"^https?:?/+", "", text.strip())
    host, slash, rest = bare.partition("/")
    if not re.fullmatch(r"[\w.-]+\.[a-z]{2,}", host, re.IGNORECASE) or host.lower().endswith(".gov.it") or " " in rest:
        return ""
    return f"https://{host.lower()}{slash}{rest}"


def _write(path: Path, schools: list[School]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, [f.name for f in fields(School)], lineterminator="\n")
        writer.writeheader()
        for school in schools:
            writer.writerow({**asdict(school), "open_to_all": "yes" if school.open_to_all else "no"})
