"""How long ago an entry was verified, and when it is due again."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from bot.catalog.model import Service, vocabulary

SOON = timedelta(days=30)


def verified_on(service: Service) -> date | None:
    """The desk's confirmation, or the operator's reading of the source, whichever is newer."""
    days = [day for day in (service.confirmed.on if service.confirmed else None, service.checked) if day]
    return max(days, default=None)


def source_day(service: Service) -> date | None:
    """The last day that the date of the source can mean; None where it bears none."""
    if not service.source.date:
        return None
    parts = [int(part) for part in service.source.date.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    return date(year, month, parts[2] if len(parts) > 2 else calendar.monthrange(year, month)[1])


def due_on(service: Service) -> date:
    """When somebody should look at the entry again; long past when nobody knows how old it is."""
    seen = verified_on(service) or source_day(service)
    months: int = vocabulary().kinds[service.kind]["review_months"]
    try:
        return seen + timedelta(days=round(months * 30.44)) if seen else date.min
    except OverflowError:  # somebody typed the year 9999
        return date.max


def is_due(service: Service, today: date) -> bool:
    """Whether the review interval has passed."""
    return due_on(service) <= today
