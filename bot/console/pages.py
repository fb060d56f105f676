"""The console's pages: who may ask for them, and what they show."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
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

from bot.catalog.card import comune_name
from bot.catalog.freshness import due_on, is_due
from bot.catalog.hours import ROME
from bot.catalog.loader import catalog
from bot.catalog.model import Service
from bot.catalog.search import Found
from bot.console import accounts, forms
from bot.console import sessions as browser_sessions
from bot.database.tables import Account, sessions, utc_now
from bot.i18n import Translations, languages, translations
from bot.settings import ROOT

HERE = Path(__file__).parent
LOOK = ROOT / "node_modules" / "bootstrap-italia" / "dist"
SESSION, VISIT, LANGUAGE = "ponte_console", "ponte_visit", "ponte_console_language"
CONSOLE_LANGUAGES = ("it", "en")
LONGEST_FORM, PAGE_LENGTH, YEAR = 200_000, 50, 365 * 24 * 3600
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self' data:; img-src 'self' data:; frame-src 'self'; "
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


def is_signed_in(request: Request) -> bool:
    """Whether somebody of the console asks; for what is not one of its pages."""
    token = request.cookies.get(cookie_name(request, SESSION), "")
    with sessions().begin() as session:
        return browser_sessions.account_of(session, token, utc_now(), request.method == "POST") is not None


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


def endpoint(does: Does, public: bool = False, longest_upload: int = 0) -> Callable[[Request], Any]:
    """A page that only signed-in people see (unless it is public), every form of it sent from this site."""

    async def answer(request: Request) -> Response:
        _drop_nul(request)
        form: ImmutableMultiDict[str, Any] | None = ImmutableMultiDict()
        if request.method == "POST":
            form = await _form(request) if _is_taken(request, longest_upload) else None
        return await run_in_threadpool(_answer, does, public, request, form)

    return answer


def _drop_nul(request: Request) -> None:
    """No browser sends this character in an address, and PostgreSQL keeps no text with it."""
    request.scope["path_params"] = {name: text.replace("\0", "") for name, text in request.path_params.items()}
    request.scope["query_string"] = request.scope["query_string"].replace(b"%00", b"")


async def _form(request: Request) -> ImmutableMultiDict[str, Any]:
    form = await request.form(max_files=1)
    return ImmutableMultiDict(
        [(name, value.replace("\0", "") if isinstance(value, str) else value) for name, value in form.multi_items()]
    )


def _is_taken(request: Request, longest_upload: int) -> bool:
    """A short form; where a page takes a file, a form that brings one of at most so many bytes."""
    kind, length = request.headers.get("content-type", "").split(";")[0], request.headers.get("content-length", "")
    longest = {"application/x-www-form-urlencoded": LONGEST_FORM, "multipart/form-data": longest_upload}.get(kind, 0)
    return length.isdecimal() and len(length) < 10 and int(length) <= longest


def _answer(does: Does, public: bool, request: Request, form: ImmutableMultiDict[str, Any] | None) -> Response:
    language = request.cookies.get(LANGUAGE, "")
    tr = translations(language if language in CONSOLE_LANGUAGES else "it")
    visit = request.cookies.get(cookie_name(request, VISIT), "")
    asked = Asked(request, form or ImmutableMultiDict(), tr, utc_now(), visit or secrets.token_urlsafe(32))
    if not visit:
        asked.cookies[VISIT] = asked.visit
    with sessions().begin() as session:
        is_active = "refresh" not in request.query_params
        asked.account = browser_sessions.account_of(session, asked.session, asked.now, is_active)
    try:
        if form is None:
            raise Refused(413, asked.tr("This form is too long."))
        response = _allowed(asked, does, public)
    except Refused as refused:
        log.warning("console: refused with %d: %s", refused.status, request.scope["route"].path)
        response = asked.page("message.html", refused.status, message=refused.message)
    _finish(asked, response)
    return response


def _allowed(asked: Asked, does: Does, public: bool) -> Response:
    request = asked.request
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
    page = _page_of(asked.request, address)
    kept = [(name, value) for name, value in asked.form.multi_items() if name not in ("csrf", "act", "next")]
    kept = kept if all(isinstance(value, str) for _, value in kept) else []  # a file is chosen again
    is_form = page == address and not asked.said("reopen")
    return asked.page("sign_in.html", 401, next=page, kept=kept if is_form else [], expired=True)


def _page_of(request: Request, address: str) -> str:
    """The page at this address; for one that a mere button is sent to, the nearest page above it."""
    [console] = [one for one in request.app.routes if isinstance(one, Mount) and one.path == "/console"]
    pages = [one for one in console.routes if isinstance(one, Route) and "GET" in (one.methods or ())]
    path = urlsplit(address).path
    while path and not any(one.path_regex.match(path.removeprefix(console.path)) for one in pages):
        path, address = path.rpartition("/")[0], path.rpartition("/")[0]
    return address or "/console/"


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


def routes() -> list[Route | Mount]:
    """The list of services, and what all pages look like."""
    made: list[Route | Mount] = [
        Route("/services", endpoint(services), methods=["GET"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    if LOOK.is_dir():
        made.append(Mount("/look", StaticFiles(directory=LOOK)))
    return made
