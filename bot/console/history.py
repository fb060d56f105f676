"""What became of a service: every change with its author, also those made elsewhere, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from starlette.responses import Response
from starlette.routing import Route

from bot.catalog.hours import ROME
from bot.console import save
from bot.console.differences import Difference, differences
from bot.console.pages import Asked, Refused, endpoint
from bot.console.service import SERVICE, as_json, file_of, why
from bot.database.tables import ConsoleAudit, sessions
from bot.i18n import N_

MOST_SHOWN = 100
ACTIONS = {
    "add": N_("New service"),
    "change": N_("Change"),
    "still true": N_("Still true"),
    "retire": N_("Retired"),
    "close for a period": N_("Closed for a period"),
    "reopen": N_("Reopened"),
}


@dataclass(frozen=True)
class Step:
    """One change; one made elsewhere has no number, and nobody knows when or by whom."""

    number: int | None
    what: str
    who: str
    at: datetime | None
    fields: list[Difference]
    is_first: bool = False


def history(asked: Asked) -> Response:
    """The changes of a service, the newest first."""
    path = file_of(asked)
    try:
        entry = save.read_entry(path, asked.path["service"])
    except save.NotSaved as reason:
        raise Refused(409, why(reason, asked.tr)) from reason
    noted = _noted(asked)
    if entry is None and not noted:
        raise Refused(404, asked.tr("There is no such service in this ambito. It may have been taken out meanwhile."))
    newest = noted[0].after or {} if noted else {}
    name = str((entry.data if entry else newest).get("name", asked.path["service"]))
    steps = _steps(asked, as_json(entry.data) if entry else None, noted)
    return asked.page(
        "history.html",
        name=name,
        ambito=asked.path["ambito"],
        service_id=asked.path["service"],
        in_file=entry is not None,
        steps=steps[:MOST_SHOWN],
        is_cut=len(steps) > MOST_SHOWN,
    )


def _noted(asked: Asked) -> list[ConsoleAudit]:
    wanted = (
        sa.select(ConsoleAudit)
        .where(ConsoleAudit.service == asked.path["service"], ConsoleAudit.ambito == asked.path["ambito"])
        .where(ConsoleAudit.after.is_not(None))
        .order_by(ConsoleAudit.id.desc())
        .limit(MOST_SHOWN + 1)
    )
    with sessions()() as session:
        return list(session.scalars(wanted))


def _steps(asked: Asked, now: dict[str, Any] | None, noted: list[ConsoleAudit]) -> list[Step]:
    tr, steps, later = asked.tr, [], now
    for one in noted:
        if later is not None and one.after != later:
            elsewhere = tr("Changed elsewhere, in an editor or by git")
            steps.append(Step(None, elsewhere, "", None, differences(one.after or {}, later, tr)))
        told = differences(one.before or {}, one.after or {}, tr)
        what = tr(ACTIONS.get(one.action, one.action))
        steps.append(Step(one.id, what, one.actor, one.at.astimezone(ROME), told, one.before is None))
        later = one.before
    return steps


def earlier(asked: Asked, now: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The service as the address wants it back (`?restore=` a version, `?undo=` one change), and which one that is."""
    query = asked.request.query_params
    undo, restore = query.get("undo"), query.get("restore")
    number = undo or restore
    if number is None:
        return None
    with sessions()() as session:
        found = session.get(ConsoleAudit, int(number)) if number.isdecimal() and len(number) < 10 else None
    if (
        found is None
        or (found.ambito, found.service) != (asked.path["ambito"], asked.path["service"])
        or not found.after
    ):
        raise Refused(404, asked.tr("There is no such version of this service."))
    when = f"{found.at.astimezone(ROME):%d/%m/%Y %H:%M}"
    if not undo:
        return found.after, asked.tr("This is the version of %(when)s, by %(who)s.", when=when, who=found.actor)
    before = found.before or {}
    changed = [name for name in {**before, **found.after} if before.get(name) != found.after.get(name)]
    data = {name: value for name, value in now.items() if name not in changed or found.before is None}
    data |= {name: before[name] for name in changed if name in before}
    return data, asked.tr("This is without the change of %(when)s, by %(who)s.", when=when, who=found.actor)


def routes() -> list[Route]:
    """The page of one service's history."""
    return [Route(f"{SERVICE}/history", endpoint(history), methods=["GET"])]
