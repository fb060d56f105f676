"""Which services fit a need near a place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.catalog.hours import ROME, opening
from bot.catalog.loader import Catalog
from bot.catalog.model import Service
from bot.places import Place, Point, distance_km, gazetteer

#: Kilometres by which each advantage lets a desk be farther away and still come first.
OWN_AMBITO, SPEAKS_LANGUAGE, OPEN_NOW = 8.0, 5.0, 2.0
HAS_ADDRESS, HAS_CONTACT, HAS_HOURS, PUBLIC_DESK, SPECIALISED = 5.0, 5.0, 2.0, 4.0, 4.0
TOO_FAR_KM = 60.0


@dataclass(frozen=True)
class Found:
    """A service and how far it is; `distance` is None for what answers by telephone or on the web."""

    service: Service
    distance: float | None
    exact: bool  # False where only the municipality is known, so the distance is to its centre


def point_of(service: Service) -> Point | None:
    """The service's own coordinates, or those of its municipality."""
    if service.latitude is not None and service.longitude is not None:
        return Point(service.latitude, service.longitude)
    comune = gazetteer().comuni.get(service.comune or "")
    return comune.point if comune else None


def search(catalog: Catalog, need: str, place: Place | None, language: str, now: datetime) -> list[Found]:
    """All services for the need, best first: near ones, then those that answer for the whole region."""
    found = [
        Found(service, _distance(service, place), service.latitude is not None)
        for service in catalog.current(now.astimezone(ROME).date())
        if need in service.needs and _is_for_people(service) and not _for_others(catalog, service, place)
    ]
    near = [f for f in found if f.distance is not None and f.distance <= TOO_FAR_KM]
    region = [f for f in found if f.service.scope == "region"]
    far = [f for f in found if f.service.scope == "local" and f.distance is not None and f.distance > TOO_FAR_KM]
    near.sort(key=lambda f: _cost(catalog, f, need, place, language, now))
    region.sort(key=lambda f: _merit(f.service, need, language))
    far.sort(key=lambda f: f.distance or 0.0)
    return [*near, *region, *(far[:2] if place and not near else [])]


def _distance(service: Service, place: Place | None) -> float | None:
    point = point_of(service)
    if service.scope == "region" or place is None or point is None:
        return None
    return distance_km(place.point, point)


def _is_for_people(service: Service) -> bool:
    """False for what serves only schools and other services."""
    return service.audience != ["schools_and_services"]


def _in_own_ambito(catalog: Catalog, service: Service, place: Place | None) -> bool:
    return bool(place and place.comune.ambito in catalog.ambito_of[service.id])


def _for_others(catalog: Catalog, service: Service, place: Place | None) -> bool:
    """A desk that serves the residents of an area, when the person lives elsewhere."""
    if place is None or service.comune is None or service.serves == "anyone" or service.comune == place.comune.code:
        return False
    if service.serves == "province":
        return gazetteer().comuni[service.comune].province != place.comune.province
    return service.serves == "comune" or not _in_own_ambito(catalog, service, place)


def _merit(service: Service, need: str, language: str) -> float:
    """Lower is better: minus the kilometres that its advantages are worth."""
    worth = SPECIALISED * (4 - min(service.needs.index(need), 3))
    worth += SPEAKS_LANGUAGE if language != "it" and language in service.languages else 0
    worth += HAS_ADDRESS if service.address or service.scope == "region" else 0
    worth += HAS_CONTACT if service.phone or service.web or service.email else 0
    worth += HAS_HOURS if service.hours else 0
    worth += PUBLIC_DESK if service.kind in ("sportello", "office", "helpline") else 0
    return -worth


def _cost(catalog: Catalog, f: Found, need: str, place: Place | None, language: str, now: datetime) -> float:
    cost = (f.distance or 0.0) + _merit(f.service, need, language)
    cost -= OWN_AMBITO if _in_own_ambito(catalog, f.service, place) else 0
    cost -= OPEN_NOW if f.service.hours and opening(f.service.hours, now).is_open else 0
    return cost
