"""`bot console ...`: who may work at the console."""

from __future__ import annotations

import argparse
from typing import Any

COMMANDS = ("console",)


def add_commands(commands: Any) -> None:
    """What the command line offers about the console."""
    tasks = commands.add_parser("console", help="who may work at the console").add_subparsers(
        dest="task", required=True
    )
    invite = tasks.add_parser("invite", help="make an account and print a link that works once")
    invite.add_argument("name", help="what the person types to sign in")
    roles = ["operator", "mediator", "coordinator", "administrator"]
    invite.add_argument("--role", choices=roles, required=True)
    invite.add_argument("--ambito", action="append", default=[], help="for operators; may be given several times")
    invite.add_argument("--mediator", type=int, help="for mediators: their number in `bot mediators list`")
    reset = tasks.add_parser("reset", help="print a new link for somebody who forgot their password")
    reset.add_argument("name")
    reset.add_argument("--without-second-factor", action="store_true", help="also ask for no code until it is set anew")
    tasks.add_parser("list", help="who has an account")
    remove = tasks.add_parser("remove", help="end somebody's access at once")
    remove.add_argument("name")


def run(given: argparse.Namespace) -> int:
    """Do what was asked on the command line; returns the exit code."""
    from bot.database.migrate import migrate

    migrate()
    return {"invite": _invite, "reset": _reset, "list": _list, "remove": _remove}[given.task](given)


def _invite(given: argparse.Namespace) -> int:
    import sqlalchemy as sa

    from bot.catalog.loader import Catalog
    from bot.console.accounts import audit, invite
    from bot.database.tables import Account, Mediator, sessions, utc_now
    from bot.settings import settings

    name = " ".join(given.name.split())
    known = Catalog(settings().catalog_dir).refresh().files
    if unknown := [one for one in given.ambito if one not in known]:
        print(f"not an ambito: {', '.join(unknown)}. There are: {', '.join(known)}.")
        return 1
    if (given.role == "operator") != bool(given.ambito):
        print("an operator needs at least one --ambito; the other roles take none.")
        return 1
    if {"mediator": given.mediator is None, "operator": given.mediator is not None}.get(given.role):
        print("a mediator needs --mediator; coordinators and administrators may have it too, operators do not.")
        return 1
    if not 0 < len(name) <= 64:
        print("the name must have 1 to 64 characters.")
        return 1
    with sessions().begin() as session:
        if session.scalar(sa.select(Account).where(Account.name == name)):
            print(f"there is already an account {name}. For a new password: bot console reset.")
            return 1
        if given.mediator is not None:
            mediator = session.get(Mediator, given.mediator)
            if mediator is None or mediator.removed_at:
                print(f"there is no mediator {given.mediator}. `bot mediators list` shows them all.")
                return 1
            if other := session.scalar(sa.select(Account).where(Account.mediator_id == mediator.id)):
                print(f"mediator {given.mediator} has an account already: {other.name}.")
                return 1
        token = invite(session, name, given.role, given.ambito, utc_now(), given.mediator)
        audit(session, "command line", "invite", service=name)
    _print_link(name, token)
    return 0


def _print_link(name: str, token: str) -> None:
    from bot.settings import settings

    print(f"{name}: the link works once; give it to nobody else:")
    print(f"{settings().web_url}/console/invitation/{token}")


def _reset(given: argparse.Namespace) -> int:
    from bot.console.accounts import audit, renew_invitation
    from bot.console.second_factor import turn_off
    from bot.database.tables import sessions, utc_now

    with sessions().begin() as session:
        account = _account(session, given.name)
        if account is None:
            return 1
        token = renew_invitation(account, utc_now())
        audit(session, "command line", "reset", service=account.name)
        if given.without_second_factor:
            turn_off(session, account)
            audit(session, "command line", "second factor off", service=account.name)
    _print_link(given.name, token)
    return 0


def _account(session: Any, name: str) -> Any:
    import sqlalchemy as sa

    from bot.database.tables import Account

    found = session.scalar(sa.select(Account).where(Account.name == name))
    if found is None:
        print(f"there is no account {name}. `bot console list` shows them all.")
    return found


def _list(given: argparse.Namespace) -> int:
    import sqlalchemy as sa

    from bot.database.tables import Account, sessions

    with sessions()() as session:
        for one in session.scalars(sa.select(Account).order_by(Account.name)):
            state = "active" if one.password_hash else "invited"
            mediator = f", mediator {one.mediator_id}" if one.mediator_id else ""
            print(f"{one.name}: {one.role}{mediator}, {state}, ambiti: {', '.join(one.ambiti) or 'all'}")
    return 0


def _remove(given: argparse.Namespace) -> int:
    from bot.console.accounts import audit
    from bot.database.tables import sessions

    with sessions().begin() as session:
        account = _account(session, given.name)
        if account is None:
            return 1
        session.delete(account)  # its sessions go with it; the audit keeps the name
        audit(session, "command line", "remove", service=account.name)
    print(f"{given.name} has no access any more.")
    return 0
