"""A comune, a point on the map, and the distance between two points."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True)
class Point:
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class Comune:
    """A municipality; `code` is ISTAT's, `ambito` the name of its social district where a source states it."""

    code: str
    name: str
    province: str
    point: Point
    population: int
    ambito: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a person is: a comune, and the exact point when they shared one."""

    comune: Comune
    point: Point

    @property
    def code(self) -> str:
        """What the `place` slot holds: an ISTAT code, with the rounded point behind it when one was shared."""
        if self.point == self.comune.point:
            return self.comune.code
        return f"{self.comune.code}@{self.point.latitude:.3f},{self.point.longitude:.3f}"


def distance_km(a: Point, b: Point) -> float:
    """Great-circle distance in kilometres."""
    lat1, lat2 = radians(a.latitude), radians(b.latitude)
    half = sin((lat2 - lat1) / 2) ** 2
    half += cos(lat1) * cos(lat2) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half))
