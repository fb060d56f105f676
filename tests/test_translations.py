"""Every sentence in every language, with its placeholders."""

import re
import subprocess
import sys

import pytest
from babel.messages.pofile import read_po

from bot.i18n import languages
from bot.i18n.identify import identify
from bot.i18n.languages import LOCALES, SOURCE_LANGUAGE
from bot.settings import ROOT

EXTRACT = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
EXTRACT += ["-k", "tr", "-k", "N_", "-k", "plural:1,2"]
TRANSLATED = [code for code in languages() if code != SOURCE_LANGUAGE]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def messages(code):
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return [m for m in read_po(file, locale=code) if m.id]


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_is_translated(code):
    assert [m.id for m in messages(code) if not m.string] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_placeholders_are_the_same_in_the_translation(code):
    for message in messages(code):
        assert set(PLACEHOLDER.findall(message.id)) == set(PLACEHOLDER.findall(message.string)), message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_message_was_forgotten_since_the_last_extraction(code, tmp_path):
    template = tmp_path / "messages.pot"
    subprocess.run(
        [*EXTRACT, "-o", str(template), "."],
        cwd=ROOT,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    with template.open("rb") as file:
        wanted = {m.id for m in read_po(file) if m.id}

    assert wanted - {m.id for m in messages(code)} == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("كيف أجدد تصريح الإقامة؟", "ar"),
        ("where can i renew the permesso", "en"),
        ("je veux renouveler mon titre de séjour", "fr"),
        ("kifach njedded lpermesso dyali 3afak wra9", "ar"),
        ("permesso di soggiorno", None),
        ("ok", None),
        ("Sondrio", None),
    ],
)
def test_the_language_is_told_only_where_it_can_be(text, code):
    assert identify(text) == code
