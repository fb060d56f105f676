"""CPSV-AP_IT, the Italian administrations' vocabulary of public services, as JSON-LD."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from bot.catalog.card import address
from bot.catalog.model import Service, vocabulary
from bot.places import gazetteer

ONTOLOGIES = "https://w3id.org/italia/onto/"
CONTEXT = {
    **{prefix: f"{ONTOLOGIES}{prefix}/" for prefix in ("CPSV", "CLV", "SM", "Language", "l0")},
    "dct": "http://purl.org/dc/terms/",
}
_BASE = "urn:ponte:"
PUBLIC_KINDS = ("office", "health", "cpia", "school")


def to_cpsv(services: Iterable[Service]) -> str:
    """A JSON-LD document with all services."""
    graph = [cpsv_service(service) for service in services]
    return json.dumps({"@context": CONTEXT, "@graph": graph}, ensure_ascii=False, indent=2)


def cpsv_service(service: Service) -> dict[str, Any]:
    """One service; only bodies that are public by their kind are said to give a public service."""
    node: dict[str, Any] = {
        "@id": f"{_BASE}service:{service.id}",
        "@type": "CPSV:PublicService" if service.kind in PUBLIC_KINDS else "CPSV:Service",
        "l0:identifier": service.id,
        "l0:name": {"@value": service.name, "@language": "it"},
        "l0:description": [{"@value": text, "@language": code} for code, text in service.summary.items()],
        "CPSV:serviceKeyword": [
            {"@value": vocabulary().label("needs", code), "@language": "en"} for code in service.needs
        ],
        "CPSV:hasPhoneCh": [{"@type": "CPSV:PhoneChannel", "SM:telephoneNumber": number} for number in service.phone],
        "CPSV:hasEmailCh": [{"@type": "CPSV:EmailChannel", "SM:emailAddress": service.email}] if service.email else [],
        "CPSV:hasWebSiteCh": [{"@type": "CPSV:WebSiteChannel", "SM:URL": service.web}] if service.web else [],
        "CPSV:hasInput": [_input(code) for code in service.bring],
        "CPSV:hasCost": [_cost(service.cost)] if service.cost else [],
        "CPSV:isPhysicallyAvailableAt": _feature(service),
        "Language:hasLanguage": [{"@type": "Language:Language", "l0:identifier": code} for code in service.languages],
        "dct:source": service.source.url,
    }
    return {name: value for name, value in node.items() if value}


def _text(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "en"}


def _input(code: str) -> dict[str, Any]:
    label = vocabulary().label("documents", code)
    return {"@type": "CPSV:Input", "l0:identifier": code, "l0:name": _text(label)}


def _cost(code: str) -> dict[str, Any]:
    return {"@type": "CPSV:Cost", "l0:description": _text(vocabulary().label("costs", code))}


def _feature(service: Service) -> list[dict[str, Any]]:
    comune = gazetteer().comuni.get(service.comune or "")
    if comune is None:
        return []
    where: dict[str, Any] = {
        "@type": "CLV:Address",
        "CLV:fullAddress": address(service),
        "CLV:hasCity": {"@type": "CLV:City", "l0:identifier": comune.code, "l0:name": comune.name},
    }
    if service.postcode:
        where["CLV:postCode"] = service.postcode
    feature: dict[str, Any] = {"@type": "CLV:Feature", "CLV:hasAddress": where}
    if service.latitude is not None and service.longitude is not None:
        point = {"@type": "CLV:Geometry", "CLV:lat": service.latitude, "CLV:long": service.longitude}
        feature["CLV:hasGeometry"] = point
    return [feature]
