"""GeoJSON (RFC 7946), for maps."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bot.catalog.card import address, comune_name
from bot.catalog.model import Service
from bot.catalog.search import point_of


def to_geojson(services: Iterable[Service]) -> str:
    """A FeatureCollection; `exact` is false where the point is the centre of the municipality."""
    features = []
    for service in services:
        point = point_of(service)
        where = {"type": "Point", "coordinates": [point.longitude, point.latitude]} if point else None
        known = {
            "name": service.name,
            "kind": service.kind,
            "needs": service.needs,
            "address": address(service),
            "comune": comune_name(service) or None,
            "phone": service.phone,
            "email": service.email,
            "web": service.web,
            "opening_hours": service.hours,
            "languages": service.languages,
            "source": service.source.url,
            "exact": service.latitude is not None,
        }
        properties = {name: value for name, value in known.items() if value not in (None, [])}
        features.append({"type": "Feature", "id": service.id, "geometry": where, "properties": properties})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=2)
