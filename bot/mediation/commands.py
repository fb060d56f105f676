"""`bot mediators ...` and `bot mediation report`."""

from __future__ import annotations

import argparse
from typing import Any

COMMANDS = ("mediators", "mediation")


def add_commands(commands: Any) -> None:
    """What the command line offers about mediation."""
    mediators = commands.add_parser("mediators", help="invite, list and remove mediators")
    tasks = mediators.add_subparsers(dest="task", required=True)
    invite = tasks.add_parser("invite", help="print a personal link that works once")
    invite.add_argument("name", help="the name that people and colleagues see")
    invite.add_argument("--languages", default="", help="codes separated by commas, such as it,ar,fr")
    invite.add_argument("--coordinator", action="store_true", help="sees all requests and may reassign them")
    tasks.add_parser("list", help="who they are and what they do")
    remove = tasks.add_parser("remove", help="end somebody's access at once")
    remove.add_argument("number", type=int, help="as printed by `bot mediators list`")
    report = commands.add_parser("mediation", help="measures").add_subparsers(dest="task", required=True)
    report.add_parser("report", help="waiting times, unclaimed requests and outcomes")


def run(given: argparse.Namespace) -> int:
    """Do what was asked on the command line; returns the exit code."""
    from bot.database.migrate import migrate

    migrate()
    if given.command == "mediation":
        from bot.mediation.report import report

        print(report())
        return 0
    return {"invite": _invite, "list": _list, "remove": _remove}[given.task](given)


def _invite(given: argparse.Namespace) -> int:
    from bot.database.tables import sessions, utc_now
    from bot.i18n import languages
    from bot.mediation.mediators import invite, start_link

    spoken = [code.strip() for code in given.languages.split(",") if code.strip()]
    if unknown := [code for code in spoken if code not in languages()]:
        print(f"not a language on offer: {', '.join(unknown)}. On offer: {', '.join(languages())}")
        return 1
    with sessions().begin() as session:
        number, start = invite(session, given.name[:64], spoken, given.coordinator, utc_now())
    print(f"mediator {number}, {given.name}. The link works once; give it to nobody else:")
    print(start_link(start))
    return 0


def _list(given: argparse.Namespace) -> int:
    import sqlalchemy as sa

    from bot.database.tables import Mediator, sessions
    from bot.mediation.referrals import of_mediator

    with sessions()() as session:
        for one in session.scalars(sa.select(Mediator).order_by(Mediator.id)):
            state = "removed" if one.removed_at else "invited" if one.person_id is None else "off duty"
            state = "on duty" if one.on_duty else state
            role = ", coordinator" if one.is_coordinator else ""
            print(f"{one.id}: {one.name}{role}, {state}, languages: {', '.join(one.languages) or '-'}, ", end="")
            print(f"ambiti: {', '.join(one.ambiti) or 'all'}, open: {len(of_mediator(session, one.id))}")
    return 0


def _remove(given: argparse.Namespace) -> int:
    from bot.database.tables import Mediator, utc_now
    from bot.mediation.mail import mail
    from bot.mediation.mediators import remove

    with mail() as post:
        mediator = post.session.get(Mediator, given.number)
        if mediator is None or mediator.removed_at:
            print(f"there is no mediator {given.number}. `bot mediators list` shows them all.")
            return 1
        remove(post, mediator, "operator", utc_now())
    print(f"{mediator.name} has no access any more; what they had is waiting for others.")
    return 0
