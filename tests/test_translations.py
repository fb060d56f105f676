"""Every sentence in every language, with its placeholders."""

import ast
import subprocess
import sys
from datetime import date

import pytest
from babel.messages.pofile import read_po

from bot.i18n import languages, translations
from bot.i18n.check import as_list, glossary, glossary_strays, wrong_placeholders
from bot.i18n.identify import identify
from bot.i18n.languages import LOCALES, SOURCE_LANGUAGE
from bot.settings import ROOT

EXTRACT = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
EXTRACT += ["-k", "tr", "-k", "N_", "-k", "plural:1,2"]
TRANSLATED = [code for code in languages() if code != SOURCE_LANGUAGE]


def messages(code, domain="messages"):
    with (LOCALES / code / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return [m for m in read_po(file, locale=code) if m.id]


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_is_translated(code):
    assert [m.id for m in messages(code) if not all(as_list(m.string))] == []


def test_the_console_speaks_italian():
    with (LOCALES / "console.pot").open("rb") as file:
        wanted = {as_list(m.id)[0] for m in read_po(file) if m.id}
    said = {as_list(m.id)[0]: as_list(m.string) for m in messages("it", "console")}

    assert [message for message in wanted if not all(said.get(message, [""]))] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_placeholders_are_the_same_in_the_translation(code):
    assert [message.id for message in messages(code) if wrong_placeholders(message)] == []


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
        wanted = {as_list(m.id)[0] for m in read_po(file) if m.id}

    assert wanted - {as_list(m.id)[0] for m in messages(code)} == set()


def test_every_message_in_the_code_can_be_extracted():
    """gettext's extractor does not look inside f-strings: what is marked there would stay English for everybody."""
    extracted = set()
    for name in ("messages.pot", "console.pot"):
        with (LOCALES / name).open("rb") as file:
            extracted |= {as_list(m.id)[0] for m in read_po(file) if m.id}
    marked = set()
    for path in [*(ROOT / "bot").rglob("*.py"), *(ROOT / "actions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "attr", None) or getattr(
                getattr(node, "func", None), "id", None
            )
            if name in ("tr", "N_", "plural") and node.args and isinstance(node.args[0], ast.Constant):
                marked.add(node.args[0].value)

    assert {message for message in marked if isinstance(message, str)} - extracted == set()


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_glossary_is_followed(code):
    """One term, one word: each translation of a message with a fixed term has one of the forms fixed for it."""
    strays = [(term, m.id) for m in messages(code) for term, _ in glossary_strays(m, glossary(code))]

    assert strays == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("كيف أجدد تصريح الإقامة؟", "ar"),
        ("پرمیسو کی تجدید کیسے کروں؟", "ur"),
        ("where can i renew the permesso", "en"),
        ("je veux renouveler mon titre de séjour", "fr"),
        ("kifach njedded lpermesso dyali 3afak wra9", "ar"),
        ("kak prodlit permesso, ya v milane", "ru"),
        ("як продовжити дозвіл на проживання?", "uk"),
        ("permesso di soggiorno", None),
        ("codice fiscale questura", None),
        ("ok", None),
        ("qwerty zxcvb asdfg", None),
        ("Sondrio", None),
    ],
)
def test_the_language_is_told_only_where_it_can_be(text, code):
    assert identify(text) == code


def test_hindi_and_urdu_in_latin_letters_do_not_change_each_other():
    written = "mujhe kaam chahiye, kahan jaun bhai"

    assert identify(written, current="hi") == "hi"
    assert identify(written, current="ur") == "ur"
    assert identify("मुझे काम चाहिए, कहाँ जाऊँ भाई", current="ur") == "hi"


@pytest.mark.parametrize(
    ("code", "day", "full", "month"),
    [
        ("en", "Tuesday 24 November", "24 November 2026", "November 2026"),
        ("es", "martes 24 de noviembre", "24 de noviembre de 2026", "noviembre de 2026"),
        ("zh", "星期二 11月24日", "2026年11月24日", "2026年11月"),
        ("tl", "Martes Nobyembre 24", "Nobyembre 24, 2026", "Nobyembre 2026"),
        ("ar", "الثلاثاء 24 نوفمبر", "24 نوفمبر 2026", "نوفمبر 2026"),
    ],
)
def test_dates_are_written_in_the_order_of_the_language(code, day, full, month):
    tr, when = translations(code), date(2026, 11, 24)

    assert (tr.day(when), tr.full_date(when), tr.month(when)) == (day, full, month)
