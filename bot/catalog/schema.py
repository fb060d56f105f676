"""The JSON Schema of a catalogue file, and the tables of fields in the operators' guide; both made from the model."""

from __future__ import annotations

import json
import re
from typing import Any

from bot.catalog.model import CatalogFile, Confirmation, Service, Source, vocabulary

SCHEMA_FILE = "docs/operators/catalog.schema.json"
GUIDE_FILE = "docs/operators/catalogue.md"
_GROUPS = {"needs": "Bisogni", "kinds": "Tipi", "audiences": "A chi è rivolto", "booking": "Appuntamento"}
_GROUPS |= {"costs": "Costo", "documents": "Che cosa portare"}


def json_schema() -> str:
    """The schema, for editors that complete and check while one types."""
    schema = CatalogFile.model_json_schema()
    _plain(schema)
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Un file del catalogo di Ponte"}
    return json.dumps({**schema, **head}, ensure_ascii=False, indent=2) + "\n"


def _plain(node: Any) -> None:
    """Only what an editor shows: no titles made from field names, no English docstrings."""
    if isinstance(node, dict):
        for definition in (node.get("$defs") or {}).values():
            definition.pop("description", None)
        if isinstance(node.get("title"), str):
            node.pop("title")
        for value in node.values():
            _plain(value)
    elif isinstance(node, list):
        for value in node:
            _plain(value)


def field_table(model: Any) -> str:
    """A table of the fields of a model: name, whether it is needed, what to write."""
    rows = ["| campo | serve | che cosa si scrive |", "|---|---|---|"]
    for name, info in model.model_fields.items():
        rows.append(f"| `{name}` | {'sì' if info.is_required() else 'no'} | {info.description} |")
    return "\n".join(rows)


def code_table(group: str) -> str:
    """A table of the codes of a group with their label in English, the source text of the translations."""
    rows = ["| codice | vuol dire |", "|---|---|"]
    return "\n".join(
        rows + [f"| `{code}` | {entry['label']} |" for code, entry in getattr(vocabulary(), group).items()]
    )


def tables() -> dict[str, str]:
    """Every generated part of the guide, by the name in its markers."""
    models = {"service": Service, "source": Source, "confirmed": Confirmation}
    return {name: field_table(model) for name, model in models.items()} | {name: code_table(name) for name in _GROUPS}


def with_tables(guide: str) -> str:
    """The guide with the parts between its markers made anew."""
    for name, table in tables().items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        pattern = re.compile(rf"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        guide = pattern.sub(lambda _, text=f"{begin}\n{table}\n{end}": text, guide)  # type: ignore[misc]
    return guide
