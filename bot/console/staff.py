"""The mediators, for coordinators: who they are, invitations, and the end of their access."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from anyio import from_thread
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from bot.console import accounts
from bot.console.pages import Asked, Refused, endpoint
from bot.database.tables import Account, Mediator, Referral, sessions
from bot.gateway.model import Reply
from bot.i18n import languages
from bot.mediation import mediators, states
from bot.mediation.codes import codes
from bot.mediation.mail import Mail, mail
from bot.settings import settings

LONGEST_NAME = 64


def _only_overseers(asked: Asked) -> None:
    if asked.who.role not in accounts.OVERSEERS:
        with sessions().begin() as session:
            accounts.audit(session, asked.who.name, "refused", service="mediators")
        raise Refused(403, asked.tr("The mediators are for coordinators."))


def listing(asked: Asked, status: int = 200, **values: Any) -> Response:
    """Everybody who was not removed, with what they do now."""
    _only_overseers(asked)
    tr = asked.tr
    with sessions()() as session:
        everybody = session.scalars(sa.select(Mediator).where(Mediator.removed_at.is_(None)).order_by(Mediator.name))
        taken = sa.select(Referral.mediator_id, sa.func.count()).where(Referral.state == states.TAKEN)
        loads = {number: load for number, load in session.execute(taken.group_by(Referral.mediator_id)).all()}
        with_account = {one.mediator_id: one for one in session.scalars(sa.select(Account)) if one.mediator_id}
        skills = codes()["skills"]
        return asked.page(
            "mediators.html",
            status,
            **{
                "mediators": list(everybody),
                "loads": loads,
                "with_account": with_account,
                "spoken": lambda one: tr.join([tr.language_name(code) for code in one.languages]),
                "skilled": lambda one: tr.join([tr(skills[code]) for code in one.skills if code in skills]),
                "languages": dict(sorted(((c, tr.language_name(c)) for c in languages()), key=lambda pair: pair[1])),
                "link": "",
                "name": "",
                "chosen": [],
                "is_coordinator": False,
                "message": "",
                "done": "",
                **values,
            },
        )


def inviting(asked: Asked) -> Response:
    """A personal Telegram link that works once, shown on this page only."""
    _only_overseers(asked)
    name = " ".join(asked.said("name").split())
    spoken = [str(code) for code in asked.form.getlist("languages") if code in languages()]
    is_coordinator = asked.said("coordinator") == "yes" and asked.who.role == "administrator"
    typed: dict[str, Any] = {"name": name, "chosen": spoken, "is_coordinator": is_coordinator}
    if asked.said("act") == "preview":  # what was typed before the session ended
        return listing(asked, **typed)
    if not 0 < len(name) <= LONGEST_NAME:
        return listing(asked, 422, message=asked.tr("Write a name of at most 64 characters."), **typed)
    with sessions().begin() as session:
        _, start = mediators.invite(session, name, spoken, is_coordinator, asked.now, _actor(asked))
        accounts.audit(session, asked.who.name, "invite mediator", service=name)
    return listing(asked, link=mediators.start_link(start), name=name)


def _actor(asked: Asked) -> str:
    return f"console:{asked.who.name}"


def _mediator(asked: Asked, session: Session) -> Mediator:
    number = asked.path["number"]
    found = session.get(Mediator, int(number)) if number.isdecimal() and len(number) < 10 else None
    if found is None or found.removed_at:
        raise Refused(404, asked.tr("There is no such mediator. They may have been removed meanwhile."))
    return found


def removing(asked: Asked) -> Response:
    """No access from this moment, in Telegram and here; what they had waits for others."""
    _only_overseers(asked)
    if asked.said("sure") != "yes":
        return listing(asked, 422, message=asked.tr("Tick the box to remove somebody."))
    with mail() as post:
        mediator = _mediator(asked, post.session)
        name = mediator.name
        mediators.remove(post, mediator, _actor(asked), asked.now)
        accounts.audit(post.session, asked.who.name, "remove mediator", service=name)
    from_thread.run_sync(asked.request.app.state.gateway.wake, post.recipients)
    return RedirectResponse(accounts.STAFF, 303)


def giving_account(asked: Asked) -> Response:
    """An account of the console, or a new password for it: the link goes to the mediator's own chat, to nobody else."""
    _only_overseers(asked)
    with mail() as post:
        mediator = _mediator(asked, post.session)
        if mediator.person_id is None:
            raise Refused(409, asked.tr("This mediator has not opened the invitation in Telegram yet."))
        token = _account_token(asked, post.session, mediator)
        _send_link(post, mediator.person_id, token)
        accounts.audit(post.session, asked.who.name, "invite to console", service=mediator.name)
    from_thread.run_sync(asked.request.app.state.gateway.wake, post.recipients)
    done = asked.tr("The link is on its way to the Telegram chat of %(name)s.", name=mediator.name)
    return listing(asked, done=done)


def _account_token(asked: Asked, session: Session, mediator: Mediator) -> str:
    account = session.scalar(sa.select(Account).where(Account.mediator_id == mediator.id))
    if account is None:
        name, number = mediator.name, 1
        while session.scalar(sa.select(Account.id).where(Account.name == name)):
            number += 1
            name = f"{mediator.name[: LONGEST_NAME - 4]} {number}"
        return accounts.invite(session, name, "mediator", [], asked.now, mediator.id)
    return accounts.renew_invitation(account, asked.now)


def _send_link(post: Mail, person_id: int, token: str) -> None:
    link = f"{settings().web_url}/console/invitation/{token}"
    post.say(person_id, Reply(link, title="Ponte 🖥️"))


def routes() -> list[Route | Mount]:
    """The mediators."""
    return [
        Route("/mediators", endpoint(listing), methods=["GET"]),
        Route("/mediators", endpoint(inviting), methods=["POST"]),
        Route("/mediators/{number}/remove", endpoint(removing), methods=["POST"]),
        Route("/mediators/{number}/account", endpoint(giving_account), methods=["POST"]),
    ]
