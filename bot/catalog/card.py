"""One service written for a person, in their language."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import quote_plus

from bot.catalog import hours
from bot.catalog.model import Service, vocabulary
from bot.catalog.search import Found
from bot.i18n import Translations
from bot.places import gazetteer


def comune_name(service: Service) -> str:
    """The municipality's name, or an empty string."""
    comune = gazetteer().comuni.get(service.comune or "")
    return comune.name if comune else ""


def address(service: Service) -> str | None:
    """Street, postcode and municipality, as written on an envelope."""
    town = " ".join(filter(None, [service.postcode, comune_name(service)]))
    return ", ".join(filter(None, [service.address, town])) if service.address else (town or None)


def map_link(service: Service) -> str | None:
    """A map search for the street address; None without a street, since a town's centre would mislead."""
    if not service.address:
        return None
    return "https://www.openstreetmap.org/search?query=" + quote_plus(f"{service.address}, {comune_name(service)}")


def summary(service: Service, tr: Translations) -> str | None:
    """What the desk does, in the person's language, or in Italian and saying so."""
    if text := service.summary.get(tr.code):
        return text
    if text := service.summary.get("it"):
        return tr("%(text)s (in Italian only)", text=tr.isolate(text)) if tr.code != "it" else text
    return None


def phones(service: Service, tr: Translations) -> str:
    """The phone numbers, each in order inside right-to-left text."""
    return ", ".join(tr.isolate(number) for number in service.phone)


def documents(service: Service, tr: Translations) -> str:
    """What to bring, as a list in words."""
    return tr.join([tr(vocabulary().label("documents", code)) for code in service.bring])


def distance(found: Found, tr: Translations) -> str | None:
    """How far it is, rounded as people say it."""
    if found.distance is None or found.distance < 1:
        return None
    return tr("about %(km)s km away", km=tr.isolate(str(round(found.distance))))


def freshness(service: Service, tr: Translations) -> str:
    """Where this comes from, how old it is, and that the desk did not confirm it."""
    if service.confirmed:
        return tr("Confirmed by the desk on %(date)s.", date=tr.full_date(service.confirmed.on))
    site = tr.isolate(service.source.url.split("/")[2] if "://" in service.source.url else service.source.url)
    if service.source.date:
        when = tr.isolate(_source_date(service.source.date, tr))
        told = tr("Source: %(source)s, %(date)s.", source=site, date=when)
    else:
        told = tr("Source: %(source)s, date unknown.", source=site)
    if service.scope == "region" and service.kind in ("helpline", "website"):
        return told
    return told + " " + tr("The desk has not confirmed this: call or write before you go.")


def _source_date(text: str, tr: Translations) -> str:
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 1:
        return text
    if len(parts) == 2:
        return tr.month(date(parts[0], parts[1], 1))
    return tr.full_date(date(*parts))


def opening_lines(service: Service, now: datetime, tr: Translations) -> list[str]:
    """Open now or not, and whether one must book."""
    lines = []
    if service.hours:
        lines.append("🕘 " + hours.in_words(service.hours, now, tr))
    elif service.scope == "local":
        lines.append("🕘 " + tr("Opening hours not known."))
    if service.booking:
        label = tr(vocabulary().label("booking", service.booking))
        lines.append("📅 " + label[0].upper() + label[1:])
    return lines


def card(found: Found, now: datetime, tr: Translations) -> tuple[str, str]:
    """(title, text) of the card: what, where, when, how to reach it, and how sure that is."""
    service = found.service
    lines: list[str | None] = [summary(service, tr)]
    if place := address(service):
        far = distance(found, tr)
        lines.append("📍 " + tr.isolate(place) + (f" ({far})" if far else ""))
        if not service.address:
            lines.append(tr("The street is not known: call or write first."))
    lines += opening_lines(service, now, tr)
    if service.phone:
        lines.append("📞 " + phones(service, tr))
    if service.email and not service.phone:
        lines.append("✉️ " + tr.isolate(service.email))
    if service.web:
        lines.append("🔗 " + tr.isolate(service.web))
    if service.bring:
        lines.append("🎒 " + tr("Bring: %(documents)s.", documents=documents(service, tr)))
    if service.languages:
        names = tr.join([tr.language_name(code) for code in service.languages])
        lines.append("💬 " + tr("Languages: %(languages)s.", languages=names))
    if service.cost:
        lines.append("💶 " + tr("Cost: %(cost)s.", cost=tr(vocabulary().label("costs", service.cost))))
    lines.append("ℹ️ " + freshness(service, tr))
    return tr.isolate(service.name), "\n".join(line for line in lines if line)
