"""Links on a desk's door that open the bot right there."""

from __future__ import annotations

from bot.catalog.loader import catalog
from bot.places import gazetteer


def deep_link(argument: str) -> str | None:
    """The payload behind a link on a desk's door: a service's id, or an ambito's."""
    if argument in catalog().services:
        return f'/ask_details{{"service":"{argument}"}}'
    comuni = [c for c in gazetteer().comuni.values() if c.ambito and c.ambito in catalog().names_of_ambito(argument)]
    if comuni:
        seat = max(comuni, key=lambda c: c.population)
        return f'/inform_place{{"place":"{seat.code}"}}'
    return None
