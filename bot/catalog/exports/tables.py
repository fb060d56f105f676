"""CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from bot.catalog.card import comune_name
from bot.catalog.freshness import due_on, verified_on
from bot.catalog.model import Service

COLUMNS = ["id", "name", "provider", "kind", "needs", "address", "postcode", "comune", "istat", "latitude", "longitude"]
COLUMNS += ["phone", "email", "web", "hours", "booking", "languages", "cost", "bring", "audience", "scope", "serves"]
COLUMNS += ["summary_it", "summary_en", "valid_to", "source", "source_date", "verified_on", "due_on"]


def to_csv(services: Iterable[Service]) -> str:
    """A row for each service, lists joined by spaces, with the dates that say how fresh it is."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for service in services:
        writer.writerow({name: cell(value) for name, value in _row(service).items()})
    return out.getvalue()


def _row(service: Service) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(service, name, None) for name in COLUMNS}
    due = due_on(service)
    return row | {
        "comune": comune_name(service),
        "istat": service.comune,
        "phone": ", ".join(service.phone),
        "summary_it": service.summary.get("it"),
        "summary_en": service.summary.get("en"),
        "source": service.source.url,
        "source_date": service.source.date,
        "verified_on": verified_on(service),
        "due_on": due if due.year > 1 else None,
    }


def cell(value: object) -> str:
    """The text of a cell; one that a spreadsheet would run as a formula is quoted by an apostrophe."""
    text = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text
