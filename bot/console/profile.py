"""My account: the password, and the second factor."""

from __future__ import annotations

from typing import Any

import segno
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from bot.console import accounts, second_factor
from bot.console.pages import Asked, endpoint
from bot.database.tables import Account, sessions

PROFILE = "/console/profile"


def profile(asked: Asked, status: int = 200, **values: Any) -> Response:
    """What somebody may change about their own account."""
    with sessions()() as session:
        account = session.get_one(Account, asked.who.id)
        codes_left = second_factor.left(session, account)
    is_beginning = bool(account.totp_secret and not account.totp_since)
    link = second_factor.address(account) if is_beginning else ""
    context = {
        "message": "",
        "done": asked.request.query_params.get("done", ""),
        "shortest": accounts.SHORTEST_PASSWORD,
        "is_on": account.totp_since is not None,
        "secret": account.totp_secret if is_beginning else "",
        "link": link,
        "picture": segno.make(link, error="m").svg_data_uri(scale=5, light="#fff") if link else "",
        "codes_left": codes_left,
        "recovery_codes": [],
    }
    return asked.page("profile.html", status, **{**context, **values})


def _is_me(asked: Asked) -> str:
    """Why the password that was typed is not enough, or nothing when it is; guesses count as at sign-in."""
    address = asked.request.client.host if asked.request.client else ""
    with sessions().begin() as session:
        allowed = accounts.count_attempt(session, asked.who.name, address, asked.now)
    if not allowed:
        return asked.tr("Too many attempts. Wait a quarter of an hour, then try again.")
    with sessions().begin() as session:
        try:
            accounts.with_password(session, asked.who.name, asked.said("current"))
        except accounts.SignInRefused:
            return asked.tr("Your present password is not this one.")
        accounts.forget_attempts(session, asked.who.name)
    return ""


def changing_password(asked: Asked) -> Response:
    """A new one, with the present one; every other browser is signed out."""
    if message := _is_me(asked):
        return profile(asked, 422, message=message)
    if asked.said("password") != asked.said("repeated"):
        return profile(asked, 422, message=asked.tr("The two passwords are not the same."))
    try:
        hashed = accounts.hash_password(asked.said("password"))
    except accounts.WrongLength:
        return profile(asked, 422, message=asked.tr("Choose a password of 12 to 128 characters."))
    with sessions().begin() as session:
        account = session.get_one(Account, asked.who.id)
        account.password_hash = hashed
        accounts.end_other_sessions(session, account, asked.session)
        accounts.audit(session, account.name, "password set")
    return RedirectResponse(f"{PROFILE}?done=password", 303)


def beginning(asked: Asked) -> Response:
    """A secret for the authenticator; with the password, or a browser left open could lock its owner out."""
    if message := _is_me(asked):
        return profile(asked, 422, message=message)
    with sessions().begin() as session:
        second_factor.begin(session.get_one(Account, asked.who.id))
    return RedirectResponse(f"{PROFILE}#second-factor", 303)


def confirming(asked: Asked) -> Response:
    """Turn the second factor on; the recovery codes are on this page only."""
    with sessions().begin() as session:
        account = session.get_one(Account, asked.who.id)
        codes = second_factor.confirm(session, account, asked.said("code"), asked.now)
        if codes:
            accounts.end_other_sessions(session, account, asked.session)
            accounts.audit(session, account.name, "second factor on")
    if not codes:
        message = asked.tr("This code is wrong. Look at the clock of the phone, and type the code that it shows now.")
        return profile(asked, 422, message=message)
    return profile(asked, recovery_codes=codes)


def turning_off(asked: Asked) -> Response:
    """With the password."""
    if message := _is_me(asked):
        return profile(asked, 422, message=message)
    with sessions().begin() as session:
        account = session.get_one(Account, asked.who.id)
        second_factor.turn_off(session, account)
        accounts.audit(session, account.name, "second factor off")
    return RedirectResponse(f"{PROFILE}?done=off", 303)


def routes() -> list[Route | Mount]:
    """One's own account."""
    return [
        Route("/profile", endpoint(profile), methods=["GET"]),
        Route("/profile/password", endpoint(changing_password), methods=["POST"]),
        Route("/profile/second-factor/begin", endpoint(beginning), methods=["POST"]),
        Route("/profile/second-factor/confirm", endpoint(confirming), methods=["POST"]),
        Route("/profile/second-factor/off", endpoint(turning_off), methods=["POST"]),
    ]
