"""Close a service for a period, and open it again."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from bot.catalog.card import opening_words
from bot.catalog.hours import ROME, closures, with_closure, without_closure
from bot.catalog.model import Service
from bot.console import accounts, forms, save
from bot.console.pages import Asked, Refused, endpoint
from bot.console.service import SERVICE, change, entry_of, file_of
from bot.i18n import languages, translations

LONGEST = timedelta(days=731)


def closing(asked: Asked) -> Response:
    """The closings of a service, and the form for one more."""
    path = file_of(asked)
    if not accounts.may_edit(asked.who, asked.path["ambito"]):
        raise Refused(403, asked.tr("This ambito is not one of yours."))
    return _page(asked, entry_of(asked, path))


def closing_or_opening(asked: Asked) -> Response:
    """Show what the bot will say, or save it."""
    path = file_of(asked)
    entry = entry_of(asked, path)
    hours, rule = str(entry.data.get("hours") or ""), asked.said("reopen")
    if rule:
        checked = _checked(asked, entry, without_closure(hours, rule))
        if checked.service is None:
            return _page(asked, entry, 422, problem=" ".join(chain(*checked.errors.values())))
        return change(asked, path, checked, "reopen")
    first, last, problem = _period(asked, hours)
    if problem or first is None or last is None:
        return _page(asked, entry, 422, problem=problem)
    checked = _checked(asked, entry, with_closure(hours, first, last, asked.said("reason")))
    if checked.service is None:
        return _page(asked, entry, 422, problem=" ".join(chain(*checked.errors.values())))
    if asked.said("act") == "save":
        return change(asked, path, checked, "close for a period")
    return _page(asked, entry, told=_told(checked.service, first, last))


def _checked(asked: Asked, entry: save.Entry, hours: str) -> forms.Checked:
    return forms.check({**forms.typed_from(entry.data), "hours": [hours]}, entry.data, asked.now, asked.tr)


def _period(asked: Asked, hours: str) -> tuple[date | None, date | None, str]:
    """First day, last day, and what is wrong with them."""
    tr, today = asked.tr, asked.now.astimezone(ROME).date()
    try:
        first, last = date.fromisoformat(asked.said("first")), date.fromisoformat(asked.said("last"))
    except ValueError:
        return None, None, tr("Choose the first and the last day.")
    if not hours:
        return None, None, tr("This service has no hours yet: write them first.")
    if last < first:
        return None, None, tr("The last day is before the first one.")
    if last < today:
        return None, None, tr("These days have passed already.")
    if last - first > LONGEST:
        return None, None, tr("That is more than two years: retire the service instead.")
    if first - today > LONGEST:
        return None, None, tr("That is more than two years from now: look at the year.")
    if any(one.first <= first and last <= one.last for one in closures(hours)):
        return None, None, tr("It is closed on these days already.")
    return first, last, ""


def _told(service: Service, first: date, last: date) -> list[dict[str, Any]]:
    """What the bot says on the first day and on the day after, in every language."""
    days = (first, last + timedelta(days=1))
    return [
        {
            "code": one.code,
            "name": one.name,
            "direction": translations(one.code).direction,
            "said": [
                opening_words(service, datetime.combine(day, time(9), ROME), translations(one.code)) for day in days
            ],
        }
        for one in sorted(languages().values(), key=lambda one: one.code != "it")
    ]


def _page(asked: Asked, entry: save.Entry, status: int = 200, problem: str = "", told: Any = None) -> Response:
    hours = str(entry.data.get("hours") or "")
    today = asked.now.astimezone(ROME).date()
    return asked.page(
        "closing.html",
        status,
        name=entry.data["name"],
        ambito=asked.path["ambito"],
        service_id=asked.path["service"],
        digest=entry.digest if not asked.said("digest") else asked.said("digest"),
        hours=hours,
        closures=closures(hours),
        today=today,
        typed={name: asked.said(name) for name in ("first", "last", "reason")},
        problem=problem,
        told=told,
    )


def routes() -> list[Route]:
    """The page that closes one service for a period."""
    return [
        Route(f"{SERVICE}/close", endpoint(closing), methods=["GET"]),
        Route(f"{SERVICE}/close", endpoint(closing_or_opening), methods=["POST"]),
    ]
