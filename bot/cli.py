"""The `bot` command."""

from __future__ import annotations

import argparse
import sys

from bot.catalog.commands import add_commands as add_catalog_commands
from bot.mediation import commands as mediation


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(prog="bot", description="Ponte, a multilingual information chatbot")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start Rasa, the actions and the gateway")
    commands.add_parser("gateway", help="start the gateway alone")
    train = commands.add_parser("train", help="train the model")
    train.add_argument("--if-needed", action="store_true", help="only when something newer than the model changed")
    evaluate = commands.add_parser("evaluate", help="score the challenge questions")
    evaluate.add_argument("--errors", action="store_true", help="print what was misunderstood")
    add_catalog_commands(commands.add_parser("catalog", help="work on the catalogue"))
    mediation.add_commands(commands)
    given = parser.parse_args()

    if given.command in mediation.COMMANDS:
        sys.exit(mediation.run(given))
    if given.command == "catalog":
        sys.exit(given.does(given))
    if given.command == "gateway":
        from bot.server import serve

        serve()
    elif given.command == "evaluate":
        from bot.nlu.evaluate import main as score

        sys.exit(score(show_errors=given.errors))
    else:
        from bot import supervisor

        if given.command == "train":
            sys.exit(supervisor.train() if not given.if_needed or supervisor.needs_training() else 0)
        sys.exit(supervisor.run())


if __name__ == "__main__":
    main()
