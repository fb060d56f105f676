"""Open Referral's Human Services Data Specification 3.0, with the small profile that docs/hsds-profile describes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from babel import Locale

from bot.catalog.freshness import verified_on
from bot.catalog.hours.words import is_simple, usual_week
from bot.catalog.model import Service, vocabulary
from bot.places import gazetteer

#: Root of all ids. It must never change: the same service keeps its id from one export to the next.
NAMESPACE = uuid5(NAMESPACE_URL, "https://ponte.example/catalog")
_ENGLISH = Locale("en")


def stable_id(*parts: str) -> str:
    """The UUIDv5 of a thing that the catalogue names."""
    return str(uuid5(NAMESPACE, "/".join(parts)))


def to_hsds(services: Iterable[Service]) -> str:
    """A JSON array of services."""
    return json.dumps([hsds_service(service) for service in services], ensure_ascii=False, indent=2)


def hsds_service(service: Service) -> dict[str, Any]:
    """One service with all that belongs to it; what is not known is left out."""
    own = stable_id("service", service.id)
    provider = service.provider or service.name
    verified = verified_on(service)
    texts = [{"language": code, "description": text} for code, text in service.summary.items()]
    return _known(
        id=own,
        organization_id=stable_id("organization", provider),
        name=service.name,
        description=texts[0]["description"] if texts else None,
        descriptions=texts,
        url=service.web,
        email=service.email,
        status="active",
        application_process=vocabulary().label("booking", service.booking) if service.booking else None,
        fees_description=vocabulary().label("costs", service.cost) if service.cost else None,
        eligibility_description=", ".join(vocabulary().label("audiences", code) for code in service.audience),
        assured_date=verified.isoformat() if verified else None,
        opening_hours=service.hours,
        source={"url": service.source.url, "date": service.source.date},
        organization={"id": stable_id("organization", provider), "name": provider, "description": provider},
        phones=[
            {"id": stable_id("phone", service.id, number), "service_id": own, "number": number}
            for number in service.phone
        ],
        languages=[_language(service, code) for code in service.languages],
        schedules=_schedules(service),
        service_areas=_service_areas(service),
        service_at_locations=_locations(service),
        cost_options=[_known(id=stable_id("cost", service.id), service_id=own, option=service.cost)]
        if service.cost
        else [],
        required_documents=[
            {
                "id": stable_id("document", service.id, code),
                "service_id": own,
                "document": vocabulary().label("documents", code),
            }
            for code in service.bring
        ],
        attributes=[_attribute(service, group, code) for group, codes in _codes(service).items() for code in codes],
    )


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _codes(service: Service) -> dict[str, list[str]]:
    return {"needs": service.needs, "kinds": [service.kind], "audiences": service.audience}


def _attribute(service: Service, group: str, code: str) -> dict[str, Any]:
    label = vocabulary().label(group, code)
    return {
        "id": stable_id("attribute", service.id, group, code),
        "link_id": stable_id("service", service.id),
        "link_entity": "service",
        "taxonomy_term_id": stable_id("term", group, code),
        "taxonomy_term": {
            "id": stable_id("term", group, code),
            "code": code,
            "name": label,
            "description": label,
            "taxonomy": group,
            "language": "en",
        },
    }


def _language(service: Service, code: str) -> dict[str, Any]:
    return {
        "id": stable_id("language", service.id, code),
        "service_id": stable_id("service", service.id),
        "code": code,
        "name": _ENGLISH.languages.get(code, code),
    }


def _schedules(service: Service) -> list[dict[str, Any]]:
    """The ordinary week, one schedule for each span and the days that share it."""
    if not service.hours:
        return []
    days: dict[tuple[str, str], list[str]] = {}
    for day, spans in usual_week(service.timetable or service.hours).items():
        for span in spans:
            days.setdefault(span, []).append(day.upper())
    notes = None if is_simple(service.hours) else "Seasons or dates change this week: read opening_hours."
    return [
        _known(
            id=stable_id("schedule", service.id, opens, closes),
            service_id=stable_id("service", service.id),
            freq="WEEKLY",
            wkst="MO",
            byday=",".join(weekdays),
            opens_at=opens,
            closes_at=closes,
            notes=notes,
        )
        for (opens, closes), weekdays in days.items()
    ]


def _service_areas(service: Service) -> list[dict[str, Any]]:
    if service.scope == "region":
        name = "Lombardia"
    elif service.serves == "anyone" or service.comune is None:
        return []
    else:
        comune = gazetteer().comuni[service.comune]
        areas = {"comune": comune.name, "province": f"Provincia di {comune.province}", "ambito": comune.ambito}
        name = areas[service.serves] or comune.name
    area = {"id": stable_id("area", service.id), "service_id": stable_id("service", service.id), "name": name}
    return [area]


def _locations(service: Service) -> list[dict[str, Any]]:
    comune = gazetteer().comuni.get(service.comune or "")
    if comune is None:
        return []
    where = ", ".join(filter(None, [service.address, comune.name]))
    location = _known(
        id=stable_id("location", service.id),
        location_type="physical",
        name=service.name,
        latitude=service.latitude,
        longitude=service.longitude,
        external_identifier=comune.code,
        external_identifier_type="ISTAT",
        description=where if not (service.address and service.postcode) else None,
    )
    if service.address and service.postcode:
        location["addresses"] = [
            {
                "id": stable_id("address", service.id),
                "location_id": stable_id("location", service.id),
                "address_1": service.address,
                "city": comune.name,
                "state_province": comune.province,
                "postal_code": service.postcode,
                "country": "IT",
                "address_type": "physical",
            }
        ]
    return [
        {
            "id": stable_id("service_at_location", service.id),
            "service_id": stable_id("service", service.id),
            "location_id": location["id"],
            "location": location,
        }
    ]
