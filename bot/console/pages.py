"""The console's pages: who may ask for them, and what they show."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from bot.catalog.card import card, comune_name
from bot.catalog.freshness import due_on, is_due
from bot.catalog.hours import ROME
from bot.catalog.loader import catalog
from bot.catalog.model import Service
from bot.catalog.search import Found
from bot.console import accounts, forms, save
from bot.console import sessions as browser_sessions
from bot.database.tables import Account, sessions, utc_now
from bot.i18n import Translations, languages, translations
from bot.settings import ROOT

HERE = Path(__file__).parent
LOOK = ROOT / "node_modules" / "bootstrap-italia" / "dist"
SESSION, VISIT, LANGUAGE = "ponte_console", "ponte_visit", "ponte_console_language"
CONSOLE_LANGUAGES = ("it", "en")
LONGEST_FORM, PAGE_LENGTH, YEAR = 200_000, 50, 365 * 24 * 3600
#: Fields of a form that are about the form, not about the service.
FORM_ONLY = {"csrf", "act", "digest", "next", "preview_language", "preview_date", "preview_time"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self' data:; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}
SCRIPTS = "; script-src 'self'; connect-src 'self'"
log = logging.getLogger(__name__)
templates = Jinja2Templates(directory=HERE / "templates")


class Refused(Exception):
    """A request that ends in a page that says why; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Asked:
    """One request: who asks, in which language, with which form."""

    request: Request
    form: ImmutableMultiDict[str, Any]
    tr: Translations
    now: datetime
    visit: str
    account: Account | None = None
    cookies: dict[str, str | None] = field(default_factory=dict)
    script: str | None = None  # one of ours, for a page that has one

    @property
    def session(self) -> str:
        """The token of the browser's session, which may have ended."""
        return self.request.cookies.get(cookie_name(self.request, SESSION), "")

    @property
    def who(self) -> Account:
        """The account; only for pages that need one."""
        assert self.account
        return self.account

    @property
    def path(self) -> dict[str, str]:
        return dict(self.request.path_params)

    def said(self, name: str) -> str:
        """One field of the form."""
        return str(self.form.get(name, ""))

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page of the console."""
        context = {
            "tr": self.tr,
            "plural": self.tr.plural,  # by a name that gettext finds in the templates
            "account": self.account,
            "csrf": browser_sessions.form_token(self.session if self.account else self.visit),
            "has_look": LOOK.is_dir(),
            "console_languages": {code: languages()[code].name for code in CONSOLE_LANGUAGES},
            "here": here(self.request),
            "sections": accounts.sections(self.account) if self.account else {},
            "script": self.script,
            **values,
        }
        return templates.TemplateResponse(self.request, template, context, status)


Does = Callable[[Asked], Response]


def cookie_name(request: Request, name: str) -> str:
    """Browsers give a cookie called __Host- to this host alone, and over https only."""
    return f"__Host-{name}" if request.url.scheme == "https" else name


def here(request: Request) -> str:
    """The page's own address, to come back to."""
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path, safe="/%") + query


def inside(address: str) -> str:
    """An address of the console, or its first page."""
    parts = urlsplit(address)
    is_inside = not parts.scheme and not parts.netloc and parts.path.startswith("/console/") and "\\" not in address
    return address if is_inside else "/console/"


def endpoint(does: Does, public: bool = False) -> Callable[[Request], Any]:
    """A page that only signed-in people see (unless it is public), every form of it sent from this site."""

    async def answer(request: Request) -> Response:
        form: ImmutableMultiDict[str, Any] = ImmutableMultiDict()
        if request.method == "POST" and _is_short_form(request):
            form = await request.form()
        return await run_in_threadpool(_answer, does, public, request, form)

    return answer


def _is_short_form(request: Request) -> bool:
    kind, length = request.headers.get("content-type", ""), request.headers.get("content-length", "")
    is_form = kind.split(";")[0] == "application/x-www-form-urlencoded"
    return is_form and length.isdecimal() and int(length) <= LONGEST_FORM


def _answer(does: Does, public: bool, request: Request, form: ImmutableMultiDict[str, Any]) -> Response:
    language = request.cookies.get(LANGUAGE, "")
    tr = translations(language if language in CONSOLE_LANGUAGES else "it")
    visit = request.cookies.get(cookie_name(request, VISIT), "")
    asked = Asked(request, form, tr, utc_now(), visit or secrets.token_urlsafe(32))
    if not visit:
        asked.cookies[VISIT] = asked.visit
    with sessions().begin() as session:
        is_active = "refresh" not in request.query_params
        asked.account = browser_sessions.account_of(session, asked.session, asked.now, is_active)
    try:
        response = _allowed(asked, does, public)
    except Refused as refused:
        log.warning("console: refused with %d: %s", refused.status, request.scope["route"].path)
        response = asked.page("message.html", refused.status, message=refused.message)
    _finish(asked, response)
    return response


def _allowed(asked: Asked, does: Does, public: bool) -> Response:
    request = asked.request
    if request.method == "POST" and not _is_short_form(request):
        raise Refused(413, asked.tr("This form is too long."))
    if request.method == "POST" and not _is_own_form(asked):
        raise Refused(403, asked.tr("This form did not come from this site, or it is too old. Open the page again."))
    if public or asked.account:
        return does(asked)
    if request.method == "POST":
        return _session_ended(asked)
    return RedirectResponse(f"/console/sign-in?{urlencode({'next': here(request)})}", 303)


def _session_ended(asked: Asked) -> Response:
    """Sign in again; what was typed in a form goes along, and a mere button is pressed again afterwards."""
    address = here(asked.request)
    page = address.removesuffix("/still-true").removesuffix("/retire")
    kept = [(name, value) for name, value in asked.form.multi_items() if name not in ("csrf", "act", "next")]
    return asked.page("sign_in.html", 401, next=page, kept=kept if page == address else [], expired=True)


def _is_own_form(asked: Asked) -> bool:
    comes_from = asked.request.headers.get("sec-fetch-site", "same-origin")
    own = browser_sessions.is_own_form(asked.said("csrf"), [asked.session, asked.visit])
    return own and comes_from in ("same-origin", "none")


def _finish(asked: Asked, response: Response) -> None:
    response.headers.update(HEADERS)
    if asked.script:
        response.headers["Content-Security-Policy"] += SCRIPTS
    is_safe = asked.request.url.scheme == "https"
    for name, value in asked.cookies.items():
        full = name if name == LANGUAGE else cookie_name(asked.request, name)
        if value is None:
            response.delete_cookie(full, secure=is_safe, httponly=True, samesite="strict")
        else:
            age = YEAR if name == LANGUAGE else None
            response.set_cookie(full, value, max_age=age, secure=is_safe, httponly=True, samesite="strict")


# The list


@dataclass(frozen=True)
class Row:
    """One service of the list."""

    ambito: str
    service: Service
    comune: str
    is_due: bool
    is_retired: bool
    unknown: tuple[str, ...]


def _readable(account: Account) -> list[str]:
    return [ambito for ambito in catalog().refresh().files if accounts.may_read(account, ambito)]


def _rows(ambiti: Iterable[str], now: datetime) -> list[Row]:
    today, files = now.astimezone(ROME).date(), catalog().files
    return [
        Row(
            ambito,
            service,
            comune_name(service),
            is_due(service, today),
            bool(service.valid_to and service.valid_to < today),
            Found(service, None, False).unknown,
        )
        for ambito in ambiti
        for service in files[ambito].services
    ]


def _is_wanted(row: Row, wanted: dict[str, str]) -> bool:
    service, words = row.service, wanted["q"].casefold().split()
    text = " ".join(filter(None, [service.id, service.name, service.provider, service.address, row.comune])).casefold()
    state = wanted["state"]
    return (
        all(word in text for word in words)
        and wanted["need"] in ("", *service.needs)
        and wanted["comune"] in ("", service.comune or "-")
        and row.is_retired == (state == "retired")
        and (state != "due" or row.is_due)
        and (state != "incomplete" or bool(row.unknown))
    )


def services(asked: Asked) -> Response:
    """The services of the account's ambiti, those to look at first on top."""
    query = asked.request.query_params
    wanted = {name: query.get(name, "").strip() for name in ("q", "need", "comune", "state", "ambito")}
    readable = _readable(asked.who)
    all_rows = _rows([a for a in readable if wanted["ambito"] in ("", a)], asked.now)
    rows = sorted((row for row in all_rows if _is_wanted(row, wanted)), key=_urgency)
    pages = max(1, -(-len(rows) // PAGE_LENGTH))
    number = min(max(1, int(p) if (p := query.get("page", "1")).isdecimal() and len(p) < 6 else 1), pages)
    comuni = {row.service.comune: row.comune for row in all_rows if row.service.comune}
    return asked.page(
        "services.html",
        rows=rows[(number - 1) * PAGE_LENGTH : number * PAGE_LENGTH],
        count=len(rows),
        number=number,
        pages=pages,
        page_links=lambda n: "?" + urlencode({**{k: v for k, v in wanted.items() if v}, "page": n}),
        wanted=wanted,
        ambiti={ambito: catalog().files[ambito].ambito.name for ambito in readable},
        editable=[ambito for ambito in readable if accounts.may_edit(asked.who, ambito)],
        needs=forms.choices("needs", asked.tr),
        comuni=dict(sorted(comuni.items(), key=lambda pair: pair[1])),
        kinds=forms.choices("kinds", asked.tr),
    )


def _urgency(row: Row) -> tuple[Any, ...]:
    return (row.is_retired, not row.is_due, due_on(row.service), row.service.name.casefold())


# One service


def _file(asked: Asked) -> Path:
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


def _entry(asked: Asked, path: Path) -> save.Entry:
    try:
        entry = save.read_entry(path, asked.path["service"])
    except save.NotSaved as reason:
        raise Refused(409, _why(reason, asked.tr)) from reason
    if entry is None:
        raise Refused(404, asked.tr("There is no such service in this ambito. It may have been taken out meanwhile."))
    return entry


def _why(reason: save.NotSaved, tr: Translations) -> str:
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
    """The form of one service, with its card."""
    entry = _entry(asked, _file(asked))
    typed = forms.typed_from(entry.data)
    checked = forms.check(typed, entry.data, asked.now, asked.tr)
    return _form(asked, checked, digest=entry.digest, saved="saved" in asked.request.query_params)


def editing(asked: Asked) -> Response:
    """Preview or save what was typed."""
    path = _file(asked)
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
        return _form(asked, checked, digest=asked.said("digest"))
    if checked.service is None:
        return _form(asked, checked, 422, digest=asked.said("digest"))
    return _change(asked, path, checked, "change")


def _change(asked: Asked, path: Path, checked: forms.Checked, action: str) -> Response:
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
        plain = [_as_json(data) for data in (before, after)]
        accounts.audit(session, asked.who.name, action, ambito, service, *plain)


def _as_json(data: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if data is None else dict(json.loads(save.as_json(data)))


def _not_saved(asked: Asked, checked: forms.Checked, reason: save.NotSaved) -> Response:
    """The form as it was typed, with why it was not saved; after a conflict, saving again is a decision."""
    tr = asked.tr
    if isinstance(reason, save.Conflict) and reason.entry:
        differs = _differences(reason.entry.data, checked.data, tr)
        return _form(asked, checked, 409, digest=reason.entry.digest, conflict=differs)
    status = 507 if isinstance(reason, save.CannotWrite) else 409
    digest = "" if isinstance(reason, save.Conflict) else asked.said("digest")
    return _form(asked, checked, status, digest=digest, message=_why(reason, tr))


def _differences(theirs: dict[str, Any], mine: dict[str, Any], tr: Translations) -> list[tuple[str, str, str]]:
    """Field, what the file has now, and what was typed here, where they differ."""
    now, typed = forms.typed_from(theirs), forms.typed_from(mine)
    names = [name for name in {**now, **typed} if now.get(name) != typed.get(name)]
    return [(name, ", ".join(now.get(name, [])), ", ".join(typed.get(name, []))) for name in names]


def _form(asked: Asked, checked: forms.Checked, status: int = 200, **values: Any) -> Response:
    tr, ambito = asked.tr, asked.path["ambito"]
    ticked = {*checked.typed.get("languages", []), *languages()} - {"it"}
    summaries = ["it", *(code for code in languages() if code != "it")]
    summaries += [
        n.split(".")[1] for n in checked.typed if n.startswith("summary.") and n.split(".")[1] not in summaries
    ]
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
    path = _file(asked)
    entry = _entry(asked, path)
    today = asked.now.astimezone(ROME).date()
    by = " ".join(asked.said("by").split())
    data = {**entry.data}
    if asked.said("says") == "desk" and by:
        data["confirmed"] = {"by": by, "on": today}
    else:
        data["checked"] = today
    checked = forms.check(forms.typed_from(data), data, asked.now, asked.tr)
    if checked.service is None:
        return _form(asked, checked, 422, digest=entry.digest)
    return _change(asked, path, checked, "still true")


def retiring(asked: Asked) -> Response:
    """Set the last day on which the service exists; it stays in the file, and nobody is sent there after it."""
    path = _file(asked)
    entry = _entry(asked, path)
    typed = {**forms.typed_from(entry.data), "valid_to": [asked.said("last_day")]}
    checked = forms.check(typed, entry.data, asked.now, asked.tr)
    if not asked.said("last_day"):
        checked.errors["valid_to"] = [asked.tr("Choose the last day on which the service exists.")]
    if checked.service is None or checked.errors:
        return _form(asked, checked, 422, digest=entry.digest)
    return _change(asked, path, checked, "retire")


# A new service


def new(asked: Asked) -> Response:
    """An empty form, or a copy of another service of the same ambito without what is only its own."""
    path = _file(asked)
    if not accounts.may_edit(asked.who, asked.path["ambito"]):
        raise Refused(403, asked.tr("This ambito is not one of yours."))
    typed: forms.Typed = {"scope": ["local"], "serves": ["anyone"]}
    if copied := asked.request.query_params.get("from"):
        asked.request.path_params["service"] = copied
        data = _entry(asked, path).data
        typed = forms.typed_from({k: v for k, v in data.items() if k not in ("id", "confirmed", "checked")})
        del asked.request.path_params["service"]
    return _form(asked, forms.Checked(typed, {}, None), digest="")


def adding(asked: Asked) -> Response:
    """Preview or add what was typed."""
    path, ambito = _file(asked), asked.path["ambito"]
    typed = {name: value for name, value in forms.typed_in(asked.form).items() if name not in FORM_ONLY}
    checked = forms.check(typed, {}, asked.now, asked.tr)
    service_id = str(checked.data.get("id", ""))
    if service_id in catalog().services or service_id == "new":
        checked.errors["id"] = [asked.tr("Another service has this name already. Choose another one.")]
        checked.service = None
    if asked.said("act") != "save":
        return _form(asked, checked, digest="")
    if checked.service is None:
        return _form(asked, checked, 422, digest="")
    try:
        save.add_entry(path, checked.data)
    except save.NotSaved as reason:
        return _not_saved(asked, checked, reason)
    _note(asked, "add", ambito, service_id, None, checked.data)
    catalog().refresh()
    return RedirectResponse(f"/console/ambiti/{ambito}/{service_id}?saved", 303)


def routes() -> list[Route | Mount]:
    """The catalogue, and what all pages look like."""
    service = "/ambiti/{ambito}/{service}"
    made: list[Route | Mount] = [
        Route("/services", endpoint(services), methods=["GET"]),
        Route("/ambiti/{ambito}/new", endpoint(new), methods=["GET"]),
        Route("/ambiti/{ambito}/new", endpoint(adding), methods=["POST"]),
        Route(service, endpoint(edit), methods=["GET"]),
        Route(service, endpoint(editing), methods=["POST"]),
        Route(f"{service}/still-true", endpoint(still_true), methods=["POST"]),
        Route(f"{service}/retire", endpoint(retiring), methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    if LOOK.is_dir():
        made.append(Mount("/look", StaticFiles(directory=LOOK)))
    return made
