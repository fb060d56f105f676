"""Signing in and out, invitations, and the language of the pages."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from bot.console import accounts, second_factor
from bot.console import sessions as browser_sessions
from bot.console.pages import CONSOLE_LANGUAGES, LANGUAGE, SESSION, Asked, Refused, endpoint, inside
from bot.database.tables import Account, sessions


def sign_in(asked: Asked) -> Response:
    """The form for name and password."""
    return asked.page("sign_in.html", next=inside(asked.request.query_params.get("next", "")), kept=[])


def signing_in(asked: Asked) -> Response:
    """Look at name and password; what was typed in a form before goes along."""
    name, where = " ".join(asked.said("name").split())[:64], inside(asked.said("next"))
    kept = _kept(asked)

    def again(status: int, message: str) -> Response:
        return asked.page("sign_in.html", status, next=where, kept=kept, message=message, name=name)

    with sessions().begin() as session:
        allowed = accounts.count_attempt(session, name, _address(asked), asked.now)
    if not allowed:
        return again(429, asked.tr("Too many attempts. Wait a quarter of an hour, then try again."))
    with sessions().begin() as session:
        try:
            account = accounts.with_password(session, name, asked.said("password"))
        except accounts.SignInRefused:
            return again(401, asked.tr("The name or the password is wrong."))
    if account.totp_since:
        ticket = second_factor.ticket(account, asked.visit, asked.now)
        return asked.page("code.html", next=where, kept=kept, ticket=ticket)
    return _come_in(asked, account, where, kept, "sign in")


def giving_code(asked: Asked) -> Response:
    """After the password, the code of the authenticator or a recovery code."""
    where, kept = inside(asked.said("next")), _kept(asked)
    with sessions().begin() as session:
        account = second_factor.of_ticket(session, asked.said("ticket"), asked.visit, asked.now)
        if account is None:
            message = asked.tr("That took too long. Sign in again.")
            return asked.page("sign_in.html", 401, next=where, kept=kept, message=message)
        allowed = accounts.count_attempt(
            session, account.name, _address(asked), asked.now, "second factor", second_factor.MOST_ATTEMPTS
        )
    message, status = asked.tr("Too many attempts. Wait a quarter of an hour, then try again."), 429
    if allowed:
        with sessions().begin() as session:
            spent = second_factor.spend(session, session.get_one(Account, account.id), asked.said("code"), asked.now)
        if spent:
            return _come_in(asked, account, where, kept, f"sign in, {spent}")
        message, status = asked.tr("This code is wrong, or was used already. Wait for the next one."), 401
    return asked.page("code.html", status, next=where, kept=kept, ticket=asked.said("ticket"), message=message)


def _come_in(asked: Asked, account: Account, where: str, kept: list[tuple[str, str]], action: str) -> Response:
    """A new session; what was typed before the last one ended goes on."""
    with sessions().begin() as session:
        accounts.forget_attempts(session, account.name)
        accounts.forget_attempts(session, account.name, "second factor")
        browser_sessions.end(session, asked.session)
        token = browser_sessions.start(session, account, asked.now)
        accounts.audit(session, account.name, action)
    asked.cookies[SESSION] = token
    if kept:
        asked.account = account
        csrf = browser_sessions.form_token(token)
        return asked.page("kept.html", next=where, kept=kept, csrf=csrf)
    return RedirectResponse(where, 303)


def _kept(asked: Asked) -> list[tuple[str, str]]:
    return [(k.removeprefix("kept."), str(v)) for k, v in asked.form.multi_items() if k.startswith("kept.")]


def _address(asked: Asked) -> str:
    return asked.request.client.host if asked.request.client else ""


def signing_out(asked: Asked) -> Response:
    """End the session here and on the server."""
    with sessions().begin() as session:
        browser_sessions.end(session, asked.session)
    asked.cookies[SESSION] = None
    return RedirectResponse("/console/sign-in", 303)


def invitation(asked: Asked) -> Response:
    """Choose a password, once."""
    token, message, status = asked.path["token"], "", 200
    with sessions().begin() as session:
        account = accounts.invited(session, token, asked.now)
        if account is None:
            raise Refused(404, asked.tr("This link was used already or is too old. Ask for a new one."))
        name = account.name
        if asked.request.method == "POST":
            password = asked.said("password")
            try:
                if password != asked.said("repeated"):
                    status, message = 422, asked.tr("The two passwords are not the same.")
                elif accounts.accept_invitation(session, account, token, password):
                    accounts.audit(session, name, "password set")
                    return RedirectResponse("/console/sign-in", 303)
                else:
                    raise Refused(404, asked.tr("This link was used already or is too old. Ask for a new one."))
            except accounts.WrongLength:
                status, message = 422, asked.tr("Choose a password of 12 to 128 characters.")
    return asked.page("invitation.html", status, name=name, message=message, shortest=accounts.SHORTEST_PASSWORD)


def choosing_language(asked: Asked) -> Response:
    """Italian or English, for this browser."""
    if (code := asked.said("language")) in CONSOLE_LANGUAGES:
        asked.cookies[LANGUAGE] = code
    return RedirectResponse(inside(asked.said("next")), 303)


def first(asked: Asked) -> Response:
    """Where somebody's work begins."""
    return RedirectResponse(next(iter(accounts.sections(asked.who))), 303)


def routes() -> list[Route | Mount]:
    """Coming in and going out."""
    return [
        Route("/", endpoint(first)),
        Route("/sign-in", endpoint(sign_in, public=True), methods=["GET"]),
        Route("/sign-in", endpoint(signing_in, public=True), methods=["POST"]),
        Route("/sign-in/code", endpoint(giving_code, public=True), methods=["POST"]),
        Route("/sign-out", endpoint(signing_out, public=True), methods=["POST"]),
        Route("/language", endpoint(choosing_language, public=True), methods=["POST"]),
        Route("/invitation/{token}", endpoint(invitation, public=True), methods=["GET", "POST"]),
    ]
