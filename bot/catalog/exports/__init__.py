"""The catalogue in other people's formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.catalog.exports.cpsv import to_cpsv
from bot.catalog.exports.geojson import to_geojson
from bot.catalog.exports.hsds import to_hsds
from bot.catalog.exports.tables import to_csv
from bot.catalog.model import Service

FORMATS: dict[str, Callable[[Iterable[Service]], str]] = {
    "hsds": to_hsds,
    "cpsv": to_cpsv,
    "geojson": to_geojson,
    "csv": to_csv,
}
