"""One service of the catalogue: its form, its card, and what may be done with it."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.catalog.card import card
from bot.catalog.hours import ROME, grid_of
from bot.catalog.links import NOT_PUBLIC, look_now
from bot.catalog.loader import catalog
from bot.catalog.search import Found
from bot.console import accounts, forms, save, week_grid
from bot.console.differences import differences
from bot.console.pages import Asked, Refused, endpoint
from bot.database.tables import sessions
from bot.i18n import Translations, languages, translations

#: Fields of a form that are about the form, not about the service.
FORM_ONLY = {"csrf", "act", "digest", "next", "preview_language", "preview_date", "preview_time"}
SERVICE = "/ambiti/{ambito}/{service}"
log = logging.getLogger(__name__)


def file_of(asked: Asked) -> Path:
    """The file of the ambito in the address, when this account may change it (or, to read, see it)."""
    ambito = asked.path["ambito"]
    allowed = accounts.may_edit if asked.request.method == "POST" else accounts.may_read
    if not allowed(asked.who, ambito):
        with sessions().begin() as session:
            accounts.audit(session, asked.who.name, "refused", ambito[:64], asked.path.get("service", "")[:64])
        raise Refused(403, asked.tr("This ambito is not one of yours."))
    path = catalog().refresh().path_of(ambito)
    if path is None:
        raise Refused(404, asked.tr("There is no such ambito."))
    return path


def entry_of(asked: Asked, path: Path) -> save.Entry:
    """The service in the address as the file now has it."""
    try:
        entry = save.read_entry(path, asked.path["service"])
    except save.NotSaved as reason:
        raise Refused(409, why(reason, asked.tr)) from reason
    if entry is None:
        raise Refused(404, asked.tr("There is no such service in this ambito. It may have been taken out meanwhile."))
    return entry


def why(reason: save.NotSaved, tr: Translations) -> str:
    """Why nothing was saved, in a sentence."""
    if isinstance(reason, save.FileHasErrors):
        told = " ".join(str(problem) for problem in reason.problems)
        return tr(
            "The file of this ambito has errors and cannot be changed until they are mended: %(errors)s", errors=told
        )
    if isinstance(reason, save.Conflict):
        return tr("This service was taken out of the file meanwhile. Nothing was saved; copy what you need from here.")
    log.error("console: a file could not be read or written: %s", reason)
    return tr("The file could not be written (%(reason)s). Nothing was changed; try again later.", reason=str(reason))


def edit(asked: Asked) -> Response:
    """The form of one service, with its card; or, not saved yet, as the service was before."""
    from bot.console.history import earlier  # which is made of what stands here

    entry = entry_of(asked, file_of(asked))
    wanted, which = earlier(asked, as_json(entry.data) or {}) or (entry.data, "")
    checked = forms.check({**forms.typed_from(wanted), "id": [entry.data["id"]]}, entry.data, asked.now, asked.tr)
    differs = differences(entry.data, checked.data, asked.tr) if which else []
    saved = "saved" in asked.request.query_params
    return form_page(asked, checked, digest=entry.digest, saved=saved, which=which, differs=differs)


def editing(asked: Asked) -> Response:
    """Preview or save what was typed."""
    path = file_of(asked)
    typed = {name: value for name, value in forms.typed_in(asked.form).items() if name not in FORM_ONLY}
    try:
        entry = save.read_entry(path, asked.path["service"])
    except save.NotSaved as reason:
        return _not_saved(asked, forms.check(typed, {}, asked.now, asked.tr), reason)
    if entry is None:
        checked = forms.check(typed, {}, asked.now, asked.tr)
        return _not_saved(asked, checked, save.Conflict(None))
    typed["id"] = [entry.data["id"]]
    checked = forms.check(typed, entry.data, asked.now, asked.tr)
    if asked.said("act") != "save":
        return form_page(asked, _acted(asked, checked), digest=asked.said("digest"))
    if checked.service is None:
        return form_page(asked, checked, 422, digest=asked.said("digest"))
    return change(asked, path, checked, "change")


def _acted(asked: Asked, checked: forms.Checked) -> forms.Checked:
    """What a button of the form does that saves nothing."""
    tr, act = asked.tr, asked.said("act")
    if act == "grid" and "hours" not in checked.errors:
        if grid_of(str(checked.data.get("hours") or "")):
            checked.typed["hours_as"] = ["grid"]
        else:
            cannot = tr("A week grid cannot show these hours: it has two openings a day, none of them over midnight.")
            checked.warnings.setdefault("hours", []).append(cannot)
    elif act == "text" and "hours" not in checked.errors:
        checked.typed = {name: v for name, v in checked.typed.items() if not name.startswith(("hours_as", "grid."))}
    elif act == "links":
        _check_links(checked, tr)
    return checked


def _check_links(checked: forms.Checked, tr: Translations) -> None:
    urls = {name: checked.typed.get(name, [""])[0] for name in ("web", "source.url") if name not in checked.errors}
    named = {name: url for name, url in urls.items() if url.startswith(("http://", "https://"))}
    for name, problem in zip(named, look_now(list(named.values())), strict=True):
        if not problem:
            checked.fine[name] = tr("The page answers.")
        elif problem == NOT_PUBLIC:
            checked.warnings.setdefault(name, []).append(tr("This address is not on the public internet."))
        else:
            told = tr("The page does not answer (%(reason)s). Look at it before you save.", reason=problem)
            checked.warnings.setdefault(name, []).append(told)


def change(asked: Asked, path: Path, checked: forms.Checked, action: str) -> Response:
    """Write it, note it, and show it as it now is."""
    ambito, service_id = asked.path["ambito"], checked.data["id"]
    try:
        before = save.change_entry(path, service_id, asked.said("digest"), checked.data)
    except save.NotSaved as reason:
        return _not_saved(asked, checked, reason)
    if before != checked.data:
        _note(asked, action, ambito, service_id, before, checked.data)
    catalog().refresh()
    return RedirectResponse(f"/console/ambiti/{ambito}/{service_id}?saved", 303)


def _note(asked: Asked, action: str, ambito: str, service: str, before: Any, after: Any) -> None:
    with sessions().begin() as session:
        plain = [as_json(data) for data in (before, after)]
        accounts.audit(session, asked.who.name, action, ambito, service, *plain)


def as_json(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """The content as the audit keeps it, dates as text."""
    return None if data is None else dict(json.loads(save.as_json(data)))


def _not_saved(asked: Asked, checked: forms.Checked, reason: save.NotSaved) -> Response:
    """The form as it was typed, with why it was not saved; after a conflict, saving again is a decision."""
    tr = asked.tr
    if isinstance(reason, save.Conflict) and reason.entry:
        differs = differences(reason.entry.data, checked.data, tr)
        return form_page(asked, checked, 409, digest=reason.entry.digest, conflict=differs)
    status = 507 if isinstance(reason, save.CannotWrite) else 409
    digest = "" if isinstance(reason, save.Conflict) else asked.said("digest")
    return form_page(asked, checked, status, digest=digest, message=why(reason, tr))


def form_page(asked: Asked, checked: forms.Checked, status: int = 200, **values: Any) -> Response:
    """The form as it was typed, with what is wrong at its field."""
    tr, ambito = asked.tr, asked.path["ambito"]
    ticked = {*checked.typed.get("languages", []), *languages()} - {"it"}
    summaries = ["it", *(code for code in languages() if code != "it")]
    summaries += [
        n.split(".")[1] for n in checked.typed if n.startswith("summary.") and n.split(".")[1] not in summaries
    ]
    grid = grid_of((checked.typed.get("hours") or [""])[0]) if week_grid.is_shown(checked.typed) else None
    return asked.page(
        "service.html",
        status,
        **{
            "checked": checked,
            "labels": {name: tr(label) for name, label in forms.LABELS.items()},
            "ambito": ambito,
            "ambito_name": catalog().files[ambito].ambito.name if ambito in catalog().files else ambito,
            "service_id": asked.path.get("service", ""),
            "may_edit": accounts.may_edit(asked.who, ambito),
            "needs": forms.choices("needs", tr),
            "need_count": max(forms.FEWEST_NEEDS, len(checked.typed.get("needs", [])) + 1),
            "groups": {g: forms.choices(g, tr) for g in ("kinds", "audiences", "costs", "booking", "documents")},
            "scopes": {code: tr(label) for code, label in forms.SCOPES.items()},
            "serves": {code: tr(label) for code, label in forms.SERVES.items()},
            "speaks": dict(sorted(((code, tr.language_name(code)) for code in ticked), key=lambda pair: pair[1])),
            "summaries": {code: tr.language_name(code) for code in summaries},
            "comuni": forms.comune_labels(),
            "preview": _preview(asked, checked),
            "grid": grid,
            "grid_rows": week_grid.rows(checked, grid, tr) if grid else [],
            "grid_holidays": grid is not None and week_grid.closed_on_holidays(checked, grid),
            "which": "",
            "differs": [],
            "message": "",
            "conflict": None,
            "saved": False,
            **values,
        },
    )


def _preview(asked: Asked, checked: forms.Checked) -> dict[str, Any]:
    """The card of what is in the form, in the language and at the moment chosen beside it."""
    code = asked.said("preview_language") or asked.tr.code
    code = code if code in languages() else "it"
    now, tr = asked.now.astimezone(ROME), translations(code)
    day, clock = asked.said("preview_date") or f"{now:%Y-%m-%d}", asked.said("preview_time") or f"{now:%H:%M}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ROME)
        moment + timedelta(days=366)  # the hours look ahead
    except (ValueError, OverflowError):
        day, clock, moment = f"{now:%Y-%m-%d}", f"{now:%H:%M}", now
    shown = card(Found(checked.service, None, False), moment, tr) if checked.service else None
    return {
        "language": code,
        "direction": tr.direction,
        "date": day,
        "time": clock,
        "card": shown,
        "languages": {one.code: one.name for one in languages().values()},
    }


def still_true(asked: Asked) -> Response:
    """Renew today's date: on the desk's word if the desk confirmed it before or now, else on the source's."""
    path = file_of(asked)
    entry = entry_of(asked, path)
    today = asked.now.astimezone(ROME).date()
    by = " ".join(asked.said("by").split())
    data = {**entry.data}
    if asked.said("says") == "desk" and by:
        data["confirmed"] = {"by": by, "on": today}
    else:
        data["checked"] = today
    checked = forms.check(forms.typed_from(data), data, asked.now, asked.tr)
    if checked.service is None:
        return form_page(asked, checked, 422, digest=entry.digest)
    return change(asked, path, checked, "still true")


def retiring(asked: Asked) -> Response:
    """Set the last day on which the service exists; it stays in the file, and nobody is sent there after it."""
    path = file_of(asked)
    entry = entry_of(asked, path)
    typed = {**forms.typed_from(entry.data), "valid_to": [asked.said("last_day")]}
    checked = forms.check(typed, entry.data, asked.now, asked.tr)
    if not asked.said("last_day"):
        checked.errors["valid_to"] = [asked.tr("Choose the last day on which the service exists.")]
    if checked.service is None or checked.errors:
        return form_page(asked, checked, 422, digest=entry.digest)
    return change(asked, path, checked, "retire")


# A new service


def new(asked: Asked) -> Response:
    """An empty form, or a copy of another service of the same ambito without what is only its own."""
    path = file_of(asked)
    if not accounts.may_edit(asked.who, asked.path["ambito"]):
        raise Refused(403, asked.tr("This ambito is not one of yours."))
    typed: forms.Typed = {"scope": ["local"], "serves": ["anyone"]}
    if copied := asked.request.query_params.get("from"):
        asked.request.path_params["service"] = copied
        data = entry_of(asked, path).data
        typed = forms.typed_from({k: v for k, v in data.items() if k not in ("id", "confirmed", "checked")})
        del asked.request.path_params["service"]
    return form_page(asked, forms.Checked(typed, {}, None), digest="")


def adding(asked: Asked) -> Response:
    """Preview or add what was typed."""
    path, ambito = file_of(asked), asked.path["ambito"]
    typed = {name: value for name, value in forms.typed_in(asked.form).items() if name not in FORM_ONLY}
    checked = forms.check(typed, {}, asked.now, asked.tr)
    service_id = str(checked.data.get("id", ""))
    if service_id in catalog().services or service_id == "new":
        checked.errors["id"] = [asked.tr("Another service has this name already. Choose another one.")]
        checked.service = None
    if asked.said("act") != "save":
        return form_page(asked, _acted(asked, checked), digest="")
    if checked.service is None:
        return form_page(asked, checked, 422, digest="")
    try:
        save.add_entry(path, checked.data)
    except save.NotSaved as reason:
        return _not_saved(asked, checked, reason)
    _note(asked, "add", ambito, service_id, None, checked.data)
    catalog().refresh()
    return RedirectResponse(f"/console/ambiti/{ambito}/{service_id}?saved", 303)


def routes() -> list[Route]:
    """The pages of one service, and of a new one."""
    return [
        Route("/ambiti/{ambito}/new", endpoint(new), methods=["GET"]),
        Route("/ambiti/{ambito}/new", endpoint(adding), methods=["POST"]),
        Route(SERVICE, endpoint(edit), methods=["GET"]),
        Route(SERVICE, endpoint(editing), methods=["POST"]),
        Route(f"{SERVICE}/still-true", endpoint(still_true), methods=["POST"]),
        Route(f"{SERVICE}/retire", endpoint(retiring), methods=["POST"]),
    ]
