"""The web edge: the chat page, its messages and events, health, and Telegram's webhook."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from bot import trial
from bot.console.pages import is_signed_in
from bot.console.site import routes as console_routes
from bot.fonts import FOLDER as FONTS
from bot.gateway import people
from bot.gateway.deep_links import deep_link
from bot.gateway.gateway import Gateway
from bot.gateway.model import SHARE_LOCATION, Incoming, Reply
from bot.i18n import Translations, languages, translations
from bot.i18n.languages import offered

YEAR = 365 * 24 * 3600
HERE = Path(__file__).parent
LONGEST_BODY = 20_000
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
}


@dataclass(frozen=True)
class Chat:
    """A chat page: its channel, its cookie, where it stands, and who may use it."""

    channel: str
    cookie: str
    base: str
    is_for: Callable[[Request], bool]


PUBLIC = Chat("web", "ponte", "/", lambda request: True)
#: For operators, beside the editor: a visitor of its own, so that nothing of it counts as somebody's question.
TRIAL = Chat(trial.CHANNEL, "ponte_try", "/console/try/", is_signed_in)


class WebChannel:
    """Replies stay in the database; the page's event stream is only told that there is something new."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)

    async def send(self, address: str, reply: Reply) -> None:
        """Wake the page; it reads what was said from the database."""
        self._wake(address, "")

    async def edit(self, address: str, message_id: int, reply: Reply) -> None:
        """Messages on the page have no ids: changes come as new messages."""

    async def delete(self, address: str, message_id: int) -> None:
        """Likewise: what was said stays on the page until the person erases everything."""

    async def tell(self, address: str, reply: Reply) -> None:
        """Show it on the open page only."""
        self._wake(address, message_event(reply.as_dict(), None))

    async def typing(self, address: str) -> None:
        """Show that an answer is on its way."""
        self._wake(address, "event: typing\ndata: {}\n\n")

    def _wake(self, address: str, event: str) -> None:
        for queue in self._listeners.get(address, ()):
            queue.put_nowait(event)

    @contextlib.contextmanager
    def listen(self, address: str) -> Any:
        """A queue of events for the page while it is open; an empty one means "look into the database"."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._listeners[address].add(queue)
        try:
            yield queue
        finally:
            self._listeners[address].discard(queue)


def words(tr: Translations) -> dict[str, str]:
    """What the page itself says."""
    return {
        "title": "Ponte",
        "tagline": tr("Services for migrants in Lombardy"),
        "placeholder": tr("Write here what you need"),
        "send": tr("Send"),
        "share_location": tr("Share my location"),
        "languages": tr("Language"),
        "connection_lost": tr("No connection. Trying again."),
        "you": tr("You"),
        "bot": "Ponte",
        "location_failed": tr("Your location could not be found. Write the name of your town."),
        "new_message": tr("New message"),
        "failed": tr("Not sent."),
        "start": tr("Show me this"),
        "retry": tr("Try again"),
        "typing": tr("Ponte is writing"),
    }


def page_language(request: Request, chat: Chat) -> str:
    """The person's language, or the first of the browser's that is on offer."""
    known = people.person_at(chat.channel, request.cookies.get(chat.cookie, ""))
    if known:
        return known.language
    for part in request.headers.get("accept-language", "").split(","):
        if code := offered(part.split(";")[0].strip()):
            return code
    return "it"


def message_event(body: dict[str, Any], number: int | None) -> str:
    """One server-sent event; without a number it is not resumed from."""
    data = {
        **body,
        "buttons": [_page_button(b) for b in body["buttons"]],
        "id": number,
        "direction": translations(body["language"]).direction,
        "mine": False,
    }
    identified = f"id: {number}\n" if number else ""
    return f"event: message\n{identified}data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _page_button(one: dict[str, str]) -> dict[str, Any]:
    if one["payload"] == SHARE_LOCATION:
        return {"title": one["title"], "request_location": True}
    if one["payload"].startswith("http"):
        return {"title": one["title"], "url": one["payload"]}
    return one


class Security(BaseHTTPMiddleware):
    """The security headers of every answer."""

    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)  # the console's pages bring stricter ones
        return response


def _incoming(body: Any, channel: str, address: str, language: str) -> Incoming | None:
    """What the page posted, or None when it is not of the page's form."""
    if not isinstance(body, dict) or not isinstance(body.get("id"), str) or not 0 < len(body["id"]) <= 64:
        return None
    if isinstance(body.get("text"), str):
        return Incoming(channel, address, body["id"], "text", body["text"], language)
    if isinstance(body.get("payload"), str):
        return Incoming(channel, address, body["id"], "payload", body["payload"], language)
    where = body.get("location") or {}
    try:
        latitude, longitude = float(where["latitude"]), float(where["longitude"])
    except (TypeError, KeyError, ValueError):
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return Incoming(channel, address, body["id"], "location", f"{latitude:.3f},{longitude:.3f}", language)


def chat_routes(chat: Chat, gateway: Gateway, channel: WebChannel) -> list[Route]:
    """The page of a chat, what it posts, and what it is told."""
    templates = Jinja2Templates(directory=HERE / "templates")

    async def page(request: Request) -> Response:
        if not chat.is_for(request):
            return RedirectResponse("/console/sign-in", 303)
        language = page_language(request, chat)
        tr = translations(language)
        context = {
            "language": language,
            "direction": tr.direction,
            "languages": list(languages().values()),
            "words": words(tr),
            "start": deep_link(request.query_params.get("start", "")) or "",
        }
        response = templates.TemplateResponse(request, "chat.html", context)
        if chat.cookie not in request.cookies:
            token = secrets.token_urlsafe(24)
            response.set_cookie(chat.cookie, token, max_age=YEAR, path=chat.base, httponly=True, samesite="strict")
        return response

    async def receive(request: Request) -> Response:
        address = request.cookies.get(chat.cookie, "")
        tr = translations(page_language(request, chat))
        if not 20 <= len(address) <= 64 or not chat.is_for(request):
            return JSONResponse({"error": tr("Open the page again, please.")}, 403)
        raw = await request.body()
        if len(raw) > LONGEST_BODY:
            return JSONResponse({"error": tr("Your message is too long. Write it shorter, please.")}, 413)
        try:
            incoming = _incoming(json.loads(raw), chat.channel, address, tr.code)
        except ValueError:
            incoming = None
        if incoming is None:
            return JSONResponse({"error": tr("This message could not be read.")}, 400)
        if not await gateway.receive(incoming):
            return JSONResponse({"error": tr("You write very fast. Wait a minute, please.")}, 429)
        return JSONResponse({}, 202)

    async def events(request: Request) -> Response:
        if not chat.is_for(request):
            return Response(status_code=403)
        address = request.cookies.get(chat.cookie, "")
        last = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
        return StreamingResponse(
            stream(address, int(last) if last.isdecimal() and len(last) < 10 else 0), media_type="text/event-stream"
        )

    async def stream(address: str, last: int) -> AsyncIterator[str]:
        language = None
        with channel.listen(address) as queue:
            while True:
                person = await asyncio.to_thread(people.person_at, chat.channel, address)
                if person and person.language != language:
                    language = person.language
                    tr = translations(language)
                    data = {"language": language, "direction": tr.direction, "words": words(tr)}
                    yield f"event: page\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
                for said in await asyncio.to_thread(people.said_after, person.id, last) if person else []:
                    last = said.id
                    yield message_event(said.body, said.id)
                try:
                    yield await asyncio.wait_for(queue.get(), timeout=5)
                except TimeoutError:
                    yield ": still here\n\n"

    return [
        Route(chat.base, page),
        Route(f"{chat.base}chat/messages", receive, methods=["POST"]),
        Route(f"{chat.base}chat/events", events),
    ]


def create_app(
    gateway: Gateway,
    channel: WebChannel,
    ready: Callable[[], Awaitable[bool]],
    webhook: Callable[[Any], Awaitable[None]] | None,
    webhook_secret: str,
    lifespan: Any,
) -> Starlette:
    """The ASGI application; `webhook` takes one Telegram update, or is None where the bot polls."""

    async def health(request: Request) -> Response:
        is_ready = await ready()
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def telegram(request: Request) -> Response:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        if webhook is None or not hmac.compare_digest(given, webhook_secret):
            return Response(status_code=404)
        try:
            await webhook(await request.json())
        except Exception:
            return Response(status_code=503)  # Telegram sends it again
        return Response()

    routes = [
        *chat_routes(PUBLIC, gateway, channel),
        *chat_routes(TRIAL, gateway, channel),
        Route("/health", health),
        Route("/telegram", telegram, methods=["POST"]),
        Mount("/console", routes=console_routes()),
        Mount("/static", StaticFiles(directory=HERE / "static")),
        Mount("/fonts", StaticFiles(directory=FONTS)),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.gateway = gateway
    app.add_middleware(Security)
    return app
