"""My account: the password, and the second factor."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from bot.console import accounts
from bot.console.pages import Asked, endpoint
from bot.database.tables import Account, sessions

PROFILE = "/console/profile"


def profile(asked: Asked, status: int = 200, **values: Any) -> Response:
    """What somebody may change about their own account."""
    done = asked.request.query_params.get("done", "")
    return asked.page(
        "profile.html",
        status,
        **{"message": "", "done": done, "shortest": accounts.SHORTEST_PASSWORD, **values},
    )


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


def routes() -> list[Route | Mount]:
    """One's own account."""
    return [
        Route("/profile", endpoint(profile), methods=["GET"]),
        Route("/profile/password", endpoint(changing_password), methods=["POST"]),
    ]
