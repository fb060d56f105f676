"""The `bot` command."""

from __future__ import annotations

import argparse
import sys

from bot.catalog.commands import add_commands as add_catalog_commands
from bot.console import commands as console
from bot.mediation import commands as mediation


def check_sentences() -> int:
    """Print every problem of the training sentences; exit code 1 when there is one."""
    from bot.nlu.check import problems

    found = list(problems())
    for problem in found:
        print(problem)
    print(f"sentences: {len(found)} problems")
    return 1 if found else 0


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
    evaluate.add_argument("--set", choices=["challenge", "development"], default="challenge")
    commands.add_parser("sentences", help="say what is wrong with the training sentences")
    commands.add_parser("languages", help="say per language what is translated, reviewed and understood")
    add_catalog_commands(commands.add_parser("catalog", help="work on the catalogue"))
    mediation.add_commands(commands)
    console.add_commands(commands)
    given = parser.parse_args()

    if given.command in mediation.COMMANDS:
        sys.exit(mediation.run(given))
    if given.command in console.COMMANDS:
        sys.exit(console.run(given))
    if given.command == "catalog":
        sys.exit(given.does(given))
    if given.command == "gateway":
        from bot.server import serve

        serve()
    elif given.command == "evaluate":
        from bot.nlu.evaluate import evaluate as score

        sys.exit(score(given.set, show_errors=given.errors))
    elif given.command == "languages":
        from bot.nlu.evaluate import print_languages

        sys.exit(print_languages())
    elif given.command == "sentences":
        sys.exit(check_sentences())
    else:
        from bot import supervisor

        if given.command == "train":
            sys.exit(supervisor.train() if not given.if_needed or supervisor.needs_training() else 0)
        sys.exit(supervisor.run())


if __name__ == "__main__":
    main()
