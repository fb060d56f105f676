"""One service written for a person, in their language."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import quote_plus

from bot.catalog import hours
from bot.catalog.freshness import is_due, source_day, verified_on
from bot.catalog.model import Service, vocabulary
from bot.catalog.search import Found
from bot.i18n import N_, Translations
from bot.places import gazetteer

MONTHS_FROM_DAYS, OLD_YEARS, REASONS_SAID = 60, 2, 3
SCHOOLS = ("school", "cpia")


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


def freshness(service: Service, today: date, tr: Translations) -> str:
    """Where this comes from, how long ago it was verified, and whether to call before going."""
    if service.confirmed and verified_on(service) == service.confirmed.on:
        told = _confirmed(_days_since(service.confirmed.on, today), tr)
    elif service.checked:
        told = _checked(_site(service, tr), _days_since(service.checked, today), tr)
    else:
        told = _as_published(service, today, tr)
    if service.confirmed:
        if is_due(service, today):
            told += " " + tr("This should be checked again: call or write before you go.")
    elif service.scope != "region" or service.kind not in ("helpline", "website"):
        told += " " + tr("The desk has not confirmed this: call or write before you go.")
    return told


def _days_since(day: date, today: date) -> int:
    return max(0, (today - day).days)


def _confirmed(days: int, tr: Translations) -> str:
    if days == 0:
        return tr("Confirmed by the desk today.")
    if days < MONTHS_FROM_DAYS:
        return tr.plural("Confirmed by the desk %(count)d day ago.", "Confirmed by the desk %(count)d days ago.", days)
    months = days // 30
    return tr.plural(
        "Confirmed by the desk %(count)d month ago.", "Confirmed by the desk %(count)d months ago.", months
    )


def _checked(site: str, days: int, tr: Translations) -> str:
    if days == 0:
        return tr("Source: %(source)s, checked today.", source=site)
    if days < MONTHS_FROM_DAYS:
        return tr.plural(
            "Source: %(source)s, checked %(count)d day ago.",
            "Source: %(source)s, checked %(count)d days ago.",
            days,
            source=site,
        )
    return tr.plural(
        "Source: %(source)s, checked %(count)d month ago.",
        "Source: %(source)s, checked %(count)d months ago.",
        days // 30,
        source=site,
    )


def _site(service: Service, tr: Translations) -> str:
    return tr.isolate(service.source.url.split("/")[2] if "://" in service.source.url else service.source.url)


def _as_published(service: Service, today: date, tr: Translations) -> str:
    """The source and its own date, with a warning when that is years ago."""
    day = source_day(service)
    if not service.source.date or day is None:
        return tr("Source: %(source)s, date unknown.", source=_site(service, tr))
    when = tr.isolate(_source_date(service.source.date, tr))
    told = tr("Source: %(source)s, %(date)s.", source=_site(service, tr), date=when)
    years = _days_since(day, today) // 365
    if years >= OLD_YEARS:
        told += " " + tr.plural(
            "This is %(count)d year old and may have changed.",
            "This is %(count)d years old and may have changed.",
            years,
        )
    return told


def _source_date(text: str, tr: Translations) -> str:
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 1:
        return text
    if len(parts) == 2:
        return tr.month(date(parts[0], parts[1], 1))
    return tr.full_date(date(*parts))


def opening_words(service: Service, now: datetime, tr: Translations) -> str:
    """Open or closed, with a word of caution at schools while there are no lessons; needs the service's hours."""
    assert service.timetable
    words = hours.in_words(service.timetable, now, tr)
    last = hours.school_break_until(now.astimezone(hours.ROME).date()) if service.kind in SCHOOLS else None
    if last and "SH" not in (service.hours or ""):
        told = tr("School holidays until %(day)s: the hours may be different.", day=tr.day(last))
        words += " " + told
    return words


def opening_lines(service: Service, now: datetime, tr: Translations) -> list[str]:
    """Open now or not, and whether one must book."""
    lines = []
    if service.hours:
        lines.append("🕘 " + opening_words(service, now, tr))
    if service.booking:
        label = tr(vocabulary().label("booking", service.booking))
        lines.append("📅 " + label[0].upper() + label[1:])
    return lines


REASONS = {
    "in_town": N_("it is in your town"),
    "nearest": N_("it is the nearest"),
    "own_ambito": N_("it serves your area"),
    "language": N_("they speak your language"),
    "open_now": N_("it is open now"),
    "opens_today": N_("it opens today"),
    "walk_in": N_("no appointment needed"),
    "confirmed": N_("the desk confirmed it"),
}
UNKNOWN = {
    "street": N_("street"),
    "hours": N_("opening hours"),
    "contact": N_("phone number"),
    "booking": N_("whether to book"),
}


def why(found: Found, tr: Translations) -> str | None:
    """Why this one was chosen, and what is not known about it; None when there is nothing to say."""
    told = []
    if found.reasons:
        reasons = tr.join([tr(REASONS[code]) for code in found.reasons[:REASONS_SAID]])
        # Translators: why a desk was chosen, such as "Chosen because: it is in your town and they speak your language."
        told.append(tr("Chosen because: %(reasons)s.", reasons=reasons))
    if found.unknown:
        # Translators: what the bot does not know about a desk, such as "Not known: street and opening hours."
        told.append(tr("Not known: %(facts)s.", facts=tr.join([tr(UNKNOWN[code]) for code in found.unknown])))
    return "✔️ " + " ".join(told) if told else None


def card(found: Found, now: datetime, tr: Translations) -> tuple[str, str]:
    """(title, text) of the card: what, where, when, how to reach it, why this one, and how sure that is."""
    service = found.service
    lines: list[str | None] = [summary(service, tr)]
    if place := address(service):
        far = distance(found, tr)
        lines.append("📍 " + tr.isolate(place) + (f" ({far})" if far else ""))
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
    lines.append(why(found, tr))
    lines.append("ℹ️ " + freshness(service, now.date(), tr))
    return tr.isolate(service.name), "\n".join(line for line in lines if line)
