"""The `bot` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bot.mediation import commands as mediation


def check_catalog(paths: list[Path]) -> int:
    """Print every problem of the catalogue; exit code 1 when one is an error."""
    from bot.catalog.loader import Catalog, Problem, read_file
    from bot.settings import settings

    problems: list[Problem] = []
    if paths:
        for path in paths:
            problems += read_file(path).problems
    else:
        checked = Catalog(settings().catalog_dir).refresh()
        problems = [p for found in checked.problems.values() for p in found]
        print(f"services: {len(checked.services)}")
    for problem in problems:
        print(problem)
    errors = sum(p.level == "error" for p in problems)
    print(f"errors: {errors}, warnings: {len(problems) - errors}")
    return 1 if errors else 0


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
    catalog = commands.add_parser("catalog", help="work on the catalogue").add_subparsers(dest="task", required=True)
    check = catalog.add_parser("check", help="say everything that is wrong with the files")
    check.add_argument("files", nargs="*", type=Path)
    mediation.add_commands(commands)
    given = parser.parse_args()

    if given.command in mediation.COMMANDS:
        sys.exit(mediation.run(given))
    if given.command == "catalog":
        sys.exit(check_catalog(given.files))
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
