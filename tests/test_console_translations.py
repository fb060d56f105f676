"""The console's translations over HTTP: taken away, brought back, checked, and spoken at once."""

from __future__ import annotations

import io
import shutil
import sys

import pytest
import sqlalchemy as sa
from babel.messages.pofile import read_po, write_po

from bot.console import files, po_files
from bot.database.tables import ConsoleAudit, sessions
from bot.i18n import languages, translations
from bot.i18n.check import as_list
from bot.i18n.translations import babel_code, catalog_files
from tests.conftest import ROOT
from tests.test_console import Browser, app, catalog_dir, make_account  # noqa: F401

ARABIC = "/console/translations/ar/messages"
SENTENCE = "In which town do you live? Write its name or share your location."
words_module = sys.modules["bot.i18n.translations"]


@pytest.fixture
def locales(tmp_path, monkeypatch):
    """A copy of the translations, free to be changed."""
    folder = tmp_path / "locales"
    shutil.copytree(ROOT / "locales", folder)
    monkeypatch.setattr(words_module, "LOCALES", folder)
    monkeypatch.setattr(words_module, "LOOK_AGAIN_SECONDS", 0.0)
    words_module._live.cache_clear()
    yield folder
    words_module._live.cache_clear()


@pytest.fixture
def ada(app, make_account, locales):  # noqa: F811
    make_account("Ada", "administrator", [])
    browser = Browser(app)
    browser.sign_in("Ada")
    return browser


def path_of(locales, code="ar"):
    return locales / code / "LC_MESSAGES" / "messages.po"


def edited(raw, changes, code="ar"):
    """The file with other words, as Poedit would save it."""
    catalog = read_po(io.BytesIO(raw), locale=babel_code(code))
    for message in catalog:
        if as_list(message.id)[0] in changes:
            message.string = changes[as_list(message.id)[0]]
    out = io.BytesIO()
    write_po(out, catalog)
    mark = [line for line in raw.splitlines(keepends=True) if line.startswith(b'"X-Ponte-File')]
    return out.getvalue().replace(b'"Language: ', b"".join(mark) + b'"Language: ', 1)


def bring(browser, raw, address=ARABIC, page=None, **typed):
    fields = {"csrf": "", "seen": "", "over": ""}
    fields |= {name: values[-1] for name, values in browser.form(page or address).items() if name in fields}
    return browser.post(address, data={**fields, **typed}, files={"file": ("ar.po", raw)} if raw is not None else {})


def taken(browser, address=ARABIC):
    return browser.get(f"{address}/download").content


def test_new_words_are_spoken_at_once_and_the_rest_of_the_file_stays(ada, locales):
    before = path_of(locales).read_text(encoding="utf-8").splitlines()
    assert translations("ar")(SENTENCE) != "أين تسكن؟"

    answer = bring(ada, edited(taken(ada), {SENTENCE: "أين تسكن؟"}))

    assert answer.status_code == 200 and "saved=1" in str(answer.url)
    assert translations("ar")(SENTENCE) == "أين تسكن؟"
    after = path_of(locales).read_text(encoding="utf-8").splitlines()
    assert [line for line in after if line not in before] == ['msgstr "أين تسكن؟"']
    with sessions()() as session:
        [noted] = session.scalars(sa.select(ConsoleAudit).where(ConsoleAudit.action == "translate"))
    assert (noted.actor, noted.service, noted.after) == ("Ada", "ar messages", {SENTENCE: "أين تسكن؟"})
    assert list(noted.before) == [SENTENCE]


def test_a_file_that_names_a_million_plural_forms_is_refused_before_it_is_read(ada, locales):
    header = taken(ada).replace(b"nplurals=6", b"nplurals=1000000")
    assert b"nplurals=1000000" in header

    answer = bring(ada, header)

    assert answer.status_code == 422 and "forme del plurale" in answer.text


@pytest.mark.parametrize("code", [code for code in languages() if code != "en"])
def test_writing_a_file_in_which_nothing_changed_changes_no_byte(code):
    for path in catalog_files(code):
        raw = path.read_bytes()
        assert po_files.changed(raw, {}, code) == raw


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"%(mediator)s has taken it.": "أخذه."}, "%(mediator)s"),
        ({"%(mediator)s has taken it.": "%(mediator)s %(other)s"}, "%(mediator)s"),
        ({"%(mediator)s has taken it.": "%(mediator)d"}, "%(mediator)s"),
        ({"%(mediator)s has taken it.": "%(mediator)s 100% "}, "%(mediator)s"),
        ({"Residence permit": "شيء آخر"}, "residence permit"),
    ],
    ids=["missing", "invented", "of another kind", "a bare percent", "glossary"],
)
def test_what_is_wrong_is_told_at_each_message_and_nothing_is_changed(ada, locales, changes, said):
    before = path_of(locales).read_bytes()

    answer = bring(ada, edited(taken(ada), {**changes, SENTENCE: "أين تسكن؟"}))

    assert answer.status_code == 422
    problems = answer.text.split('class="problem">')[1:]
    assert len(problems) == 1 and said in problems[0].split("</p>")[0]
    assert path_of(locales).read_bytes() == before


def test_a_missing_plural_form_is_told(ada, locales):
    raw = taken(ada)
    lines = raw.decode().split("\n")
    plural = next(n for n, line in enumerate(lines) if line.startswith("msgstr[5]"))
    answer = bring(ada, "\n".join([*lines[:plural], 'msgstr[5] ""', *_after(lines, plural)]).encode())

    assert answer.status_code == 422 and 'class="problem"' in answer.text


def _after(lines, index):
    index += 1
    while lines[index].startswith('"'):
        index += 1
    return lines[index:]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe nonsense",
        b'msgid "a\nmsgstr "b"\n',
        b"<html><script>alert(1)</script></html>",
        b'msgid ""\nmsgstr "Content-Type: text/plain; charset=klingon\\n"\n\nmsgid "a"\nmsgstr "b"\n',
        b'msgid ""\nmsgstr "Language: ar\\nPlural-Forms: nplurals=__import__; plural=x\\n"\n\nmsgid "a"\nmsgstr "b"\n',
        b'msgid "a"\nmsgstr "b"\n',
    ],
    ids=["empty", "bytes", "broken", "html", "charset", "plural", "no header"],
)
def test_what_is_no_po_file_of_this_language_is_refused(ada, locales, raw):
    before = path_of(locales).read_bytes()

    assert bring(ada, raw).status_code == 422
    assert path_of(locales).read_bytes() == before


def test_another_languages_file_is_refused_even_under_a_changed_header(ada, locales):
    before = path_of(locales).read_bytes()
    urdu = taken(ada, "/console/translations/ur/messages")

    assert "ur" in bring(ada, urdu).text.split('role="alert"')[1].split("</div>")[0]
    renamed = urdu.replace(b"Language: ur", b"Language: ar").replace(b"nplurals=2", b"nplurals=6")
    assert bring(ada, renamed).status_code == 422
    assert path_of(locales).read_bytes() == before


def test_what_is_left_empty_or_uncertain_or_out_stays(ada, locales):
    before = path_of(locales).read_bytes()
    empty = edited(taken(ada), {SENTENCE: ""})
    catalog = read_po(io.BytesIO(before), locale="ar")
    del catalog[SENTENCE]
    without = io.BytesIO()
    write_po(without, catalog)

    for raw in (empty, without.getvalue()):
        assert bring(ada, raw).status_code == 200
        assert path_of(locales).read_bytes() == before


def test_two_translators_do_not_lose_each_others_work(ada, locales):
    first, second = taken(ada), taken(ada)
    bring(ada, edited(first, {"Menu": "القائمة كلها"}))
    mine = edited(second, {SENTENCE: "أين تسكن؟"})

    late = bring(ada, mine)

    assert late.status_code == 409
    assert "القائمة كلها" in late.text and translations("ar")("Menu") == "القائمة كلها"
    assert bring(ada, mine, page=late).status_code == 200
    assert translations("ar")(SENTENCE) == "أين تسكن؟"


@pytest.mark.parametrize(("role", "sees", "brings"), [("coordinator", 200, 403), ("operator", 403, 403)])
def test_only_an_administrator_brings_a_file(app, make_account, locales, role, sees, brings):  # noqa: F811
    make_account(role, role, ["sondrio"] if role == "operator" else [])
    browser = Browser(app)
    browser.sign_in(role)
    before = path_of(locales).read_bytes()
    csrf = browser.get("/console/services").text.split('name="csrf" value="')[1].split('"')[0]

    assert browser.get("/console/translations").status_code == sees
    assert browser.get(f"{ARABIC}/download").status_code == sees
    changed = edited(before, {SENTENCE: "أين تسكن؟"})
    assert browser.post(ARABIC, data={"csrf": csrf}, files={"file": ("a.po", changed)}).status_code == brings
    assert path_of(locales).read_bytes() == before


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_a_forged_file_is_refused(ada, locales, csrf):
    before = path_of(locales).read_bytes()

    assert bring(ada, edited(before, {SENTENCE: "أين تسكن؟"}), csrf=csrf).status_code == 403
    assert path_of(locales).read_bytes() == before


def test_a_file_that_is_too_large_is_not_read(ada):
    assert bring(ada, b"#" * 1_100_000).status_code == 413


@pytest.mark.parametrize(
    "address", ["ar/nothing", "xx/messages", "..%2f..%2fetc/passwd", "en/messages", "ar/..%2fglossary", "ar/console"]
)
def test_only_translations_can_be_asked_for(ada, address):
    assert ada.get(f"/console/translations/{address}").status_code == 404
    assert ada.get(f"/console/translations/{address}/download").status_code == 404


def test_a_full_disk_changes_nothing_and_is_told(ada, locales, monkeypatch):
    raw, before = edited(taken(ada), {SENTENCE: "أين تسكن؟"}), path_of(locales).read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)

    answer = bring(ada, raw)

    assert answer.status_code == 507 and "No space left" in answer.text
    assert path_of(locales).read_bytes() == before
    assert [one.name for one in path_of(locales).parent.iterdir() if one.name.endswith(".part")] == []


def test_the_overview_says_how_far_every_language_is(ada, locales):
    page = ada.get("/console/translations").text
    assert all(f"/console/translations/{code}/messages" in page for code in languages() if code != "en")
    assert "Guide" in page and page.count("Non riletta") >= 17

    path = path_of(locales)
    path.write_bytes(edited(path.read_bytes(), {SENTENCE: ""}))
    state = po_files.states(path, "ar")
    assert sum(one.messages - one.translated for one in state.values()) == 1
    assert {"Guides", "Mediation", "Conversation", "Cards and hours", "Chat"} <= set(state)


def test_every_message_is_in_a_part():
    assert po_files.OTHER not in po_files.states(ROOT / "locales/it/LC_MESSAGES/messages.po", "it")


def test_a_file_that_cannot_be_read_leaves_the_words_as_they_were(locales):
    told = translations("ar")(SENTENCE)
    path_of(locales).write_bytes(b"\xff\xfe\x00")

    assert translations("ar")(SENTENCE) == told
