"""Which services fit a need near a place, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from bot.catalog.freshness import source_day, verified_on
from bot.catalog.hours import ROME, opening
from bot.catalog.loader import Catalog
from bot.catalog.model import Service
from bot.places import Place, Point, distance_km, gazetteer

#: Kilometres by which each advantage lets a desk be farther away and still come first;
#: tests/right_desk.yml is what they are tried on.
OWN_AMBITO, SPEAKS_LANGUAGE, OPEN_NOW, OPENS_TODAY, WALK_IN, FRESH = 6.0, 5.0, 2.0, 1.0, 2.0, 2.0
HAS_ADDRESS, HAS_CONTACT, HAS_HOURS, PUBLIC_DESK, SPECIALISED = 5.0, 3.0, 2.0, 4.0, 6.0
#: And those by which it comes later: for one group of people only, or not looked at for years.
FOR_ONE_GROUP, STALE = 4.0, 4.0
TOO_FAR_KM, REGION_KM = 60.0, 25.0
FRESH_DAYS, STALE_DAYS = 365, 5 * 365
ONE_GROUP = {"women", "mothers", "ukrainians", "minors", "young_people", "elderly", "students", "employers", "disabled"}


@dataclass(frozen=True)
class Found:
    """A service, how far it is, and why it was chosen.

    `distance` is None for what answers by telephone or on the web. `reasons` are codes, the weightiest first:
    in_town, nearest, own_ambito, language, open_now, opens_today, walk_in, confirmed.
    """

    service: Service
    distance: float | None
    exact: bool  # False where only the municipality is known, so the distance is to its centre
    reasons: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """What nobody has told us and a person would want to know: street, hours, contact, booking."""
        service = self.service
        missing = {
            "street": not service.address,
            "hours": not service.hours,
            "contact": not (service.phone or service.email or service.web),
            "booking": not service.booking,
        }
        visited = service.scope == "local" and service.kind not in ("helpline", "website")
        return tuple(code for code, is_missing in missing.items() if is_missing) if visited else ()


@dataclass(frozen=True)
class _Asked:
    """The question, as every candidate is measured against it."""

    catalog: Catalog
    need: str
    place: Place | None
    language: str
    now: datetime


def point_of(service: Service) -> Point | None:
    """The service's own coordinates, or those of its municipality."""
    if service.latitude is not None and service.longitude is not None:
        return Point(service.latitude, service.longitude)
    comune = gazetteer().comuni.get(service.comune or "")
    return comune.point if comune else None


def search(catalog: Catalog, need: str, place: Place | None, language: str, now: datetime) -> list[Found]:
    """All services for the need, best first; what answers for the whole region counts as REGION_KM away."""
    asked = _Asked(catalog, need, place, language, now.astimezone(ROME).replace(second=0, microsecond=0))
    found = [
        (service, _distance(service, place))
        for service in catalog.for_need(need, asked.now.date())
        if _is_for_people(service) and not _for_others(catalog, service, place)
    ]
    within_reach = [f for f in found if f[0].scope == "region" or (f[1] is not None and f[1] <= TOO_FAR_KM)]
    far = [f for f in found if f[1] is not None and f[1] > TOO_FAR_KM]
    within_reach.sort(key=lambda f: _cost(asked, *f))
    far.sort(key=lambda f: f[1] or 0.0)
    nearest = min((f[1] for f in within_reach if f[1] is not None), default=None)
    best = [*within_reach, *(far[:2] if nearest is None else [])]
    return [Found(s, km, s.latitude is not None, _reasons(asked, s, km, nearest)) for s, km in best]


def _distance(service: Service, place: Place | None) -> float | None:
    point = point_of(service)
    if service.scope == "region" or place is None or point is None:
        return None
    return distance_km(place.point, point)


def _is_for_people(service: Service) -> bool:
    """False for what serves only schools and other services."""
    return service.audience != ["schools_and_services"]


def _in_own_ambito(catalog: Catalog, service: Service, place: Place | None) -> bool:
    """Whether the person's ambito is the file's or the desk's own; an office for its whole province serves it too."""
    if place is None or service.scope == "region":
        return False
    comune = gazetteer().comuni.get(service.comune or "")
    if service.serves == "province" and comune and comune.province == place.comune.province:
        return True
    ambiti = {*catalog.ambito_of[service.id], comune.ambito if comune else None} - {None}
    return place.comune.ambito in ambiti


def _for_others(catalog: Catalog, service: Service, place: Place | None) -> bool:
    """A desk that serves the residents of an area, when the person lives elsewhere."""
    if place is None or service.comune is None or service.serves == "anyone" or service.comune == place.comune.code:
        return False
    if service.serves == "province":
        return gazetteer().comuni[service.comune].province != place.comune.province
    return service.serves == "comune" or not _in_own_ambito(catalog, service, place)


@lru_cache(maxsize=4096)
def _open_or_soon(timetable: str, now: datetime) -> str | None:
    """The reason code that the hours give; the same minute is asked of many desks with the same hours."""
    state = opening(timetable, now)
    if state.is_open:
        return "open_now"
    return "opens_today" if state.changes_at and state.changes_at.date() == now.date() else None


def _speaks(service: Service, language: str) -> bool:
    return language != "it" and language in service.languages


def _age_worth(service: Service, now: datetime) -> float:
    seen = verified_on(service) or source_day(service)
    if seen is None:
        return 0.0
    days = (now.date() - seen).days
    return FRESH if days <= FRESH_DAYS else -STALE if days > STALE_DAYS else 0.0


def _cost(asked: _Asked, service: Service, km: float | None) -> float:
    """Lower is better: the distance, less the kilometres that its advantages are worth."""
    worth = SPECIALISED * (4 - min(service.needs.index(asked.need), 3))
    worth += SPEAKS_LANGUAGE if _speaks(service, asked.language) else 0
    worth += HAS_ADDRESS if service.address else 0
    worth += HAS_CONTACT if service.phone or service.web or service.email else 0
    worth += HAS_HOURS if service.hours else 0
    worth += PUBLIC_DESK if service.kind in ("sportello", "office", "helpline") else 0
    worth += WALK_IN if service.booking == "not_needed" else 0
    worth += _age_worth(service, asked.now)
    worth -= FOR_ONE_GROUP if service.audience and ONE_GROUP.issuperset(service.audience) else 0
    worth += OWN_AMBITO if _in_own_ambito(asked.catalog, service, asked.place) else 0
    if service.timetable:
        worth += {"open_now": OPEN_NOW, "opens_today": OPENS_TODAY}.get(
            _open_or_soon(service.timetable, asked.now) or "", 0
        )
    return (REGION_KM if km is None else km) - worth


def _reasons(asked: _Asked, service: Service, km: float | None, nearest: float | None) -> tuple[str, ...]:
    given = {
        "in_town": bool(asked.place and service.scope == "local" and service.comune == asked.place.comune.code),
        "nearest": km is not None and km == nearest,
        "own_ambito": _in_own_ambito(asked.catalog, service, asked.place),
        "language": _speaks(service, asked.language),
        "walk_in": service.booking == "not_needed",
        "confirmed": service.confirmed is not None,
    }
    codes = [code for code, is_given in given.items() if is_given]
    if "in_town" in codes:
        codes = [code for code in codes if code not in ("nearest", "own_ambito")]
    if service.timetable and service.timetable != "24/7" and (soon := _open_or_soon(service.timetable, asked.now)):
        codes.append(soon)
    return tuple(codes)
