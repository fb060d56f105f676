"""Rasa's own conversation tests, one or more for every rule."""

import os
import subprocess
import sys

from ruamel.yaml import YAML

from bot.settings import ROOT
from bot.supervisor import QUIET

CONVERSATIONS = ROOT / "tests" / "conversations"


def intents_in(folder, kind):
    """The intents that the rules or stories of a folder begin a turn with."""
    found = set()
    for path in folder.glob("*.yml"):
        for story in YAML(typ="safe").load(path.read_text(encoding="utf-8"))[kind]:
            found |= {step["intent"] for step in story["steps"] if "intent" in step}
    return found


def test_every_rule_has_a_conversation_test():
    assert intents_in(ROOT / "data" / "stories", "rules") - intents_in(CONVERSATIONS, "stories") == set()


def test_rasa_test_passes(tmp_path):
    command = [sys.executable, "-m", "rasa", "test", "core", "--stories", str(CONVERSATIONS), "--out", str(tmp_path)]
    ended = subprocess.run(
        [*command, "--fail-on-prediction-errors"],
        cwd=ROOT,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, (tmp_path / "failed_test_stories.yml").read_text(encoding="utf-8")
