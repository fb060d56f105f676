"""The operators' console over HTTP: who may do what, saving, conflicts, and nothing typed lost."""

from __future__ import annotations

import html
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from bot.catalog.loader import catalog, read_file
from bot.catalog.schools import schools
from bot.console import accounts, files, pages, save
from bot.console.commands import run as console_command
from bot.database.leases import Leases
from bot.database.migrate import migrate
from bot.database.tables import ConsoleAudit, ConsoleSession, SignInAttempt, sessions, utc_now
from bot.gateway.gateway import Gateway
from bot.gateway.rasa import Rasa
from bot.settings import settings
from bot.web.app import WebChannel, create_app
from tests.conftest import ROOT
from tests.mediation import environment

PASSWORD = "quattro parole messe insieme"
DESK = "/console/ambiti/sondrio/anagrafe-sondrio"
FIELD = re.compile(
    r"<(input|textarea|select)\b([^>]*)>(?:([^<]*)</textarea>|((?:\s*<option[^>]*>[^<]*</option>)*)\s*</select>)?"
)


@pytest.fixture
def catalog_dir(tmp_path):
    """A catalogue of two ambiti, free to be changed, and a database of its own."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    for name in ("sondrio.yml", "lodi.yml", "vocabulary.yml"):
        shutil.copy(ROOT / "services_catalog" / name, folder)
    shutil.copytree(ROOT / "services_catalog" / "places", folder / "places")
    with environment(
        {"BOT_CATALOG_DIR": str(folder), "BOT_STATE_DIR": str(tmp_path / "state"), "BOT_DATABASE_URL": ""}
    ):
        catalog.cache_clear()
        schools.cache_clear()
        migrate()
        yield folder
        catalog.cache_clear()
        schools.cache_clear()


@pytest.fixture
def app(catalog_dir):
    """The gateway's own application; nothing of it is started."""
    web = WebChannel()
    rasa = Rasa("http://127.0.0.1:1", "http://127.0.0.1:1")
    return create_app(Gateway(rasa, {"web": web}, Leases()), web, rasa.is_ready, None, "", None)


@pytest.fixture
def make_account(catalog_dir):
    def make(name="Anna", role="operator", ambiti=("sondrio",)):
        with sessions().begin() as session:
            token = accounts.invite(session, name, role, list(ambiti), utc_now())
            account = accounts.invited(session, token, utc_now())
            assert accounts.accept_invitation(session, account, token, PASSWORD)

    return make


class Browser(TestClient):
    """Fills in and sends forms as a browser does."""

    def form(self, page, **typed):
        """The fields of the page's last form that has a button to save, or of its only one, with what is typed."""
        source = page.text if hasattr(page, "text") else self.get(page).text
        forms = re.findall(r"<form\b[^>]*method=\"post\"[^>]*>.*?</form>", source, re.DOTALL)
        [wanted] = [f for f in forms if 'id="form"' in f] or [
            f for f in forms if "sign-out" not in f and "/language" not in f
        ]
        fields: dict[str, list[str]] = {}
        for _, attributes, text, options in FIELD.findall(wanted):
            name = re.search(r'name="([^"]+)"', attributes)
            given = re.search(r'value="([^"]*)"', attributes)
            if not name or ("checkbox" in attributes and "checked" not in attributes):
                continue
            if options:
                chosen = re.search(r'value="([^"]*)" selected', options)
                value = chosen[1] if chosen else re.search(r'value="([^"]*)"', options)[1]
            else:
                value = given[1] if given else text
            fields.setdefault(name[1], []).append(html.unescape(value))
        for name, value in typed.items():
            fields[name.replace("__", ".")] = value if isinstance(value, list) else [value]
        return fields

    def sign_in(self, name="Anna", password=PASSWORD):
        fields = self.form("/console/sign-in", name=name, password=password)
        return self.post("/console/sign-in", data=fields)


@pytest.fixture
def anna(app, make_account):
    make_account()
    browser = Browser(app)
    assert browser.sign_in().url.path == "/console/services"
    return browser


def entry(folder, service="anagrafe-sondrio", ambito="sondrio"):
    return save.read_entry(folder / f"{ambito}.yml", service)


def audited(action):
    with sessions()() as session:
        return list(session.scalars(sa.select(ConsoleAudit).where(ConsoleAudit.action == action)))


# Signing in


def test_an_invitation_works_once(app, catalog_dir, capsys, cli):
    assert cli("invite", "Anna", "--role", "operator", "--ambito", "sondrio") == 0
    link = capsys.readouterr().out.split()[-1].split(settings().web_url)[1]
    browser = Browser(app)

    short = browser.post(link, data=browser.form(link, password="breve", repeated="breve"))
    chosen = browser.post(link, data=browser.form(link, password=PASSWORD, repeated=PASSWORD))

    assert short.status_code == 422
    assert chosen.url.path == "/console/sign-in"
    assert browser.get(link).status_code == 404
    assert browser.sign_in().url.path == "/console/services"


@pytest.fixture
def cli(catalog_dir):
    import argparse

    from bot.console.commands import add_commands

    def run(*words):
        parser = argparse.ArgumentParser()
        add_commands(parser.add_subparsers(dest="command"))
        return console_command(parser.parse_args(["console", *words]))

    return run


@pytest.mark.parametrize(
    "words", [("--ambito", "nowhere"), (), ("--role", "coordinator", "--ambito", "sondrio")], ids=str
)
def test_a_wrong_invitation_is_refused(cli, words):
    assert cli("invite", "Anna", "--role", "operator", *words) == 1


def test_removing_an_account_ends_its_sessions(anna, cli):
    assert cli("remove", "Anna") == 0

    assert anna.get("/console/services").url.path == "/console/sign-in"


def test_an_old_invitation_does_not_work(catalog_dir):
    with sessions().begin() as session:
        token = accounts.invite(session, "Anna", "operator", ["sondrio"], utc_now() - timedelta(days=8))
        assert accounts.invited(session, token, utc_now()) is None


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(app, make_account):
    make_account()
    browser = Browser(app)

    answers = [browser.sign_in("Anna", "sbagliata"), browser.sign_in("Nessuno", "sbagliata")]

    assert [a.status_code for a in answers] == [401, 401]
    assert len({re.search(r'role="alert">([^<]+)', a.text)[1] for a in answers}) == 1


def test_too_many_attempts_close_the_account_even_to_the_right_password_for_a_while(app, make_account):
    make_account()
    browser = Browser(app)
    for _ in range(accounts.MOST_ATTEMPTS_PER_ACCOUNT):
        browser.sign_in("Anna", "sbagliata")

    assert browser.sign_in().status_code == 429
    with sessions().begin() as session:
        session.execute(sa.update(SignInAttempt).values(at=utc_now() - accounts.ATTEMPTS_LAST - timedelta(seconds=1)))
    assert browser.sign_in().status_code == 200


def test_the_session_cookie_is_out_of_reach(app, make_account):
    make_account()
    browser = Browser(app, base_url="https://testserver", follow_redirects=False)

    cookie = browser.sign_in().headers["set-cookie"]

    assert cookie.startswith("__Host-ponte_console=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))


def test_the_table_keeps_no_token(anna):
    with sessions()() as session:
        [kept] = session.scalars(sa.select(ConsoleSession.token_hash))
    assert kept not in anna.cookies.values()


def test_every_page_forbids_scripts_frames_and_keeping(anna):
    for address in ("/console/sign-in", "/console/services", DESK, "/console/ambiti/lodi/questura-lodi"):
        headers = anna.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"


def test_the_chat_page_keeps_its_own_policy(app):
    assert "default-src 'self'" in Browser(app).get("/").headers["content-security-policy"]


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil.example", "/console/../x"])
def test_signing_in_leads_nowhere_else(app, make_account, address):
    make_account()
    browser = Browser(app, follow_redirects=False)
    fields = browser.form("/console/sign-in", name="Anna", password=PASSWORD, next=address)

    assert browser.post("/console/sign-in", data=fields).headers["location"].startswith("/console/")


# Who may do what

FOREIGN = "/console/ambiti/lodi/questura-lodi"


@pytest.mark.parametrize("address", [FOREIGN, f"{FOREIGN}/still-true", f"{FOREIGN}/retire", "/console/ambiti/lodi/new"])
def test_another_ambito_is_refused_on_the_server(anna, catalog_dir, address):
    before = (catalog_dir / "lodi.yml").read_bytes()
    foreign = entry(catalog_dir, "questura-lodi", "lodi")
    fields = anna.form(DESK, act="save", id="nuovo", digest=foreign.digest, says="source", last_day="2026-01-01")

    assert anna.post(address, data=fields).status_code == 403
    assert (catalog_dir / "lodi.yml").read_bytes() == before
    assert audited("refused")


def test_another_ambito_is_not_listed_or_shown(anna):
    assert anna.get(FOREIGN).status_code == 403
    assert "/ambiti/lodi" not in anna.get("/console/services?ambito=lodi&state=").text


def test_a_coordinator_reads_all_and_changes_nothing(app, make_account, catalog_dir):
    make_account("Carla", "coordinator", [])
    browser = Browser(app)
    browser.sign_in("Carla")

    assert browser.get(FOREIGN).status_code == 200
    assert browser.post(DESK, data=browser.form(DESK, act="save", name="Altro")).status_code == 403
    assert browser.get("/console/ambiti/sondrio/new").status_code == 403


@pytest.mark.parametrize("csrf", ["", "0" * 64, None])
@pytest.mark.parametrize("address", [DESK, f"{DESK}/still-true", f"{DESK}/retire", "/console/ambiti/sondrio/new"])
def test_a_forged_form_changes_nothing(anna, catalog_dir, address, csrf):
    before = (catalog_dir / "sondrio.yml").read_bytes()
    fields = anna.form(DESK, act="save", name="Falso", id="falso", last_day="2026-01-01", csrf=csrf or "")
    if csrf is None:
        del fields["csrf"]

    assert anna.post(address, data=fields).status_code == 403
    assert (catalog_dir / "sondrio.yml").read_bytes() == before


def test_a_form_of_another_browser_is_refused(anna, app):
    stranger = Browser(app).form("/console/sign-in")

    assert anna.post(DESK, data=anna.form(DESK, csrf=stranger["csrf"])).status_code == 403


def test_a_form_that_another_site_sends_is_refused(anna):
    sent = anna.post(DESK, data=anna.form(DESK), headers={"sec-fetch-site": "cross-site"})
    assert sent.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x"])
def test_only_short_forms_are_read(anna, kind):
    assert anna.post(DESK, content=b"x", headers={"content-type": kind}).status_code == 413
    assert anna.post(DESK, data={"name": "x" * 300_000}).status_code == 413


@pytest.mark.parametrize("address", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "vocabulary", "sondrio.yml"])
def test_only_ambiti_of_the_catalogue_have_files(app, make_account, address):
    make_account("Ada", "administrator", [])
    browser = Browser(app)
    browser.sign_in("Ada")

    assert browser.get(f"/console/ambiti/{address}/anagrafe-sondrio").status_code == 404


@pytest.mark.parametrize("what", ["created_at", "seen_at"])
def test_what_was_typed_survives_a_session_that_ended(anna, catalog_dir, what):
    fields = anna.form(DESK, act="save", name="Anagrafe <nuova>", needs=["civil_registry", "tax_code"])
    with sessions().begin() as session:
        session.execute(sa.update(ConsoleSession).values({what: utc_now() - timedelta(hours=13)}))

    ended = anna.post(DESK, data=fields)
    assert ended.status_code == 401
    assert entry(catalog_dir).data["name"] != "Anagrafe <nuova>"
    signed_in = anna.post("/console/sign-in", data=anna.form(ended, name="Anna", password=PASSWORD))
    shown = anna.post(DESK, data=anna.form(signed_in, act="preview"))
    saved = anna.post(DESK, data=anna.form(shown, act="save"))

    assert saved.status_code == 200
    assert entry(catalog_dir).data["name"] == "Anagrafe <nuova>"
    assert entry(catalog_dir).data["needs"] == ["civil_registry", "tax_code"]


def test_a_nul_is_no_error_of_the_server(app, make_account, postgresql_url):
    addresses = ["/console/ambiti/%00/x", "/console/ambiti/sondrio/%00/history", "/console/demand?ambito=%00"]
    with environment({"BOT_DATABASE_URL": postgresql_url}):
        migrate()
        make_account()
        anna = Browser(app)
        anna.sign_in("An\0na")

        assert [anna.get(address).status_code for address in addresses] == [403, 404, 200]


def test_a_mediators_account_without_its_mediator_is_told_so(app, make_account):
    make_account("Amina", "mediator", ())

    signed_in = Browser(app).sign_in("Amina")

    assert signed_in.status_code == 403 and "Telegram" in signed_in.text


@pytest.mark.parametrize(
    ("button", "page"),
    [
        ("/console/mediators/1/remove", "/console/mediators"),
        ("/console/mediators/1/account", "/console/mediators"),
        ("/console/profile/password", "/console/profile"),
        ("/console/profile/second-factor/off", "/console/profile"),
        (f"{DESK}/retire", DESK),
        ("/console/ambiti/a%3Fb/c%23d/still-true", "/console/ambiti/a%3Fb/c%23d"),
    ],
)
def test_a_button_of_a_session_that_ended_leads_to_its_page_and_carries_nothing(anna, button, page):
    csrf = anna.form(DESK)["csrf"]
    with sessions().begin() as session:
        session.execute(sa.delete(ConsoleSession))

    ended = anna.post(button, data={"csrf": csrf, "sure": "yes", "current": PASSWORD, "says": "source"})

    assert ended.status_code == 401
    assert f'name="next" value="{page}"' in ended.text
    assert "kept." not in ended.text and PASSWORD not in ended.text


def test_a_button_of_a_session_that_ended_changes_nothing(anna, catalog_dir):
    before = (catalog_dir / "sondrio.yml").read_bytes()
    fields = {**anna.form(DESK), "says": "source"}
    with sessions().begin() as session:
        session.execute(sa.delete(ConsoleSession))

    ended = anna.post(f"{DESK}/still-true", data=fields)
    signed_in = anna.post("/console/sign-in", data=anna.form(ended, name="Anna", password=PASSWORD))

    assert ended.status_code == 401
    assert signed_in.url.path == DESK
    assert (catalog_dir / "sondrio.yml").read_bytes() == before


def test_without_the_npm_packages_the_pages_are_plain(anna, monkeypatch, tmp_path):
    assert "bootstrap-italia" in anna.get(DESK).text or not pages.LOOK.is_dir()
    monkeypatch.setattr(pages, "LOOK", tmp_path / "none")

    assert pages.routes()
    assert "bootstrap-italia" not in anna.get(DESK).text


# The catalogue


def test_hours_typed_in_italian_are_saved_as_notation_and_the_rest_of_the_file_stays(anna, catalog_dir):
    path = catalog_dir / "sondrio.yml"
    before = path.read_text(encoding="utf-8").splitlines()

    anna.post(DESK, data=anna.form(DESK, act="save", hours="lun-ven 9-12.30, mer anche 14-17, festivi chiuso"))

    after = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in after if line not in before] == [
        "  hours: Mo,Tu,Th,Fr 09:00-12:30; We 09:00-12:30,14:00-17:00; PH off"
    ]
    assert len(after) - len(before) in (0, 1)
    [change] = audited("change")
    assert change.actor == "Anna" and change.after["hours"] != change.before.get("hours")


def test_saving_what_was_not_changed_changes_no_byte(anna, catalog_dir):
    path = catalog_dir / "sondrio.yml"
    before = path.read_bytes()
    for service in read_file(path).content.services:
        address = f"/console/ambiti/sondrio/{service.id}"
        assert anna.post(address, data=anna.form(address, act="save")).status_code == 200

    assert path.read_bytes() == before
    assert audited("change") == []


def test_a_preview_saves_nothing_and_speaks_arabic_at_another_hour(anna, catalog_dir):
    before = (catalog_dir / "sondrio.yml").read_bytes()
    typed = {"hours": "lun-ven 9-12, festivi chiuso", "preview_language": "ar", "preview_date": "2026-12-25"}

    page = anna.post(DESK, data=anna.form(DESK, act="preview", preview_time="10:00", **typed)).text

    assert 'lang="ar" dir="rtl"' in page
    assert "مغلق" in page
    assert (catalog_dir / "sondrio.yml").read_bytes() == before


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("phone", "0342 123456", "prefisso internazionale"),
        ("hours", "quando capita", ""),
        ("hours", "Mo-Fr 09:00+", "ora di chiusura"),
        ("comune", "Roma", "Roma"),
        ("email", "x", "forma giusta"),
        ("latitude", "91", "Lombardia"),
        ("kind", "", "Scegli|manca|Aggiungilo"),
        ("confirmed__by", "responsabile", "manca"),
        ("source__url", "", "manca"),
        ("summary__xx", "ciao", "lingua"),
        ("valid_to", "domani", "data"),
    ],
)
def test_a_problem_is_told_at_its_field_and_keeps_the_rest(anna, catalog_dir, field, typed, said):
    before = (catalog_dir / "sondrio.yml").read_bytes()

    page = anna.post(DESK, data=anna.form(DESK, act="save", provider="Resta scritto", **{field: typed}))

    assert page.status_code == 422
    name = {"summary__xx": "summary", "confirmed__by": "confirmed.on"}.get(field, field.replace("__", "."))
    [problem] = re.findall(rf'<p class="problem" id="{name}-error">(.*?)</p>', page.text)
    assert re.search(said, problem)
    assert 'value="Resta scritto"' in page.text
    assert (catalog_dir / "sondrio.yml").read_bytes() == before


NASTY = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "=HYPERLINK(1)",
    "a: b # c",
    "{{ 7*7 }}",
    "- [x",
    "\x00\x07é",
]


@pytest.mark.parametrize("text", NASTY)
def test_whatever_is_typed_comes_back_as_text(anna, catalog_dir, text):
    saved = anna.post(DESK, data=anna.form(DESK, act="save", name=f"N {text}", provider=text, summary__it=text))

    kept = text.replace("\x00", "").replace("\x07", "")
    assert saved.status_code == 200
    assert entry(catalog_dir).data["provider"] == kept
    assert "<script>alert" not in saved.text and "<img src=x" not in saved.text
    assert html.escape(kept).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in saved.text


def test_two_who_save_at_once_do_not_lose_each_others_work(anna, app, make_account, catalog_dir):
    make_account("Bruno")
    bruno = Browser(app)
    bruno.sign_in("Bruno")
    hers, his = anna.form(DESK, act="save", provider="Di Anna"), bruno.form(DESK, act="save", address="Via di Bruno 1")

    anna.post(DESK, data=hers)
    conflict = bruno.post(DESK, data=his)

    assert conflict.status_code == 409
    assert "Di Anna" in conflict.text and 'value="Via di Bruno 1"' in conflict.text
    assert entry(catalog_dir).data["provider"] == "Di Anna"
    bruno.post(DESK, data=bruno.form(conflict, act="save", provider="Di Anna"))
    assert (entry(catalog_dir).data["provider"], entry(catalog_dir).data["address"]) == ("Di Anna", "Via di Bruno 1")


def test_many_saves_at_the_same_instant_leave_one_winner_and_a_sound_file(catalog_dir):
    path, found = catalog_dir / "sondrio.yml", entry(catalog_dir)

    def change(number):
        try:
            save.change_entry(path, "anagrafe-sondrio", found.digest, {**found.data, "provider": f"Numero {number}"})
        except save.Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change, range(16))) == 1
    assert read_file(path).content


def test_an_edit_by_hand_meanwhile_is_a_conflict(anna, catalog_dir):
    path = catalog_dir / "sondrio.yml"
    fields = anna.form(DESK, act="save", provider="Dal modulo")
    name = entry(catalog_dir).data["name"]
    path.write_text(
        path.read_text(encoding="utf-8").replace(f"name: {name}", f"name: {name} (a mano)"), encoding="utf-8"
    )

    assert anna.post(DESK, data=fields).status_code == 409
    assert entry(catalog_dir).data["name"].endswith("(a mano)")


def test_an_edit_of_another_entry_meanwhile_is_none(anna, catalog_dir):
    path = catalog_dir / "sondrio.yml"
    fields = anna.form(DESK, act="save", provider="Dal modulo")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("services:\n", "services:\n# a mano\n", 1), encoding="utf-8")

    assert anna.post(DESK, data=fields).status_code == 200
    assert "# a mano" in path.read_text(encoding="utf-8")


BREAKS = {
    "syntax": lambda text: text + "  - oops: [",
    "another entry": lambda text: text + "- id: senza-tutto\n",
    "this entry": lambda text: text.replace("- id: anagrafe-sondrio\n", "- id: anagrafe-sondrio\n  summary_: x\n"),
    "no list": lambda text: "ambito: {id: sondrio, name: Sondrio}\nservices: niente\n",
    "nothing": lambda text: "",
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_file_broken_by_hand_is_told_and_not_written(anna, catalog_dir, how):
    path = catalog_dir / "sondrio.yml"
    fields = anna.form(DESK, act="save", provider="Dal modulo")
    path.write_text(BREAKS[how](path.read_text(encoding="utf-8")), encoding="utf-8")
    broken = path.read_bytes()

    answer = anna.post(DESK, data=fields)

    assert answer.status_code == 409
    assert "sondrio.yml:" in answer.text and 'value="Dal modulo"' in answer.text
    assert path.read_bytes() == broken


def test_a_file_that_vanishes_keeps_what_was_typed(anna, catalog_dir):
    fields = anna.form(DESK, act="save", provider="Resta scritto")
    (catalog_dir / "sondrio.yml").unlink()

    answer = anna.post(DESK, data=fields)

    assert answer.status_code == 507
    assert 'value="Resta scritto"' in answer.text


def test_a_disk_that_is_full_changes_nothing_and_keeps_what_was_typed(anna, catalog_dir, monkeypatch):
    before = (catalog_dir / "sondrio.yml").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    answer = anna.post(DESK, data=anna.form(DESK, act="save", provider="Resta scritto"))

    assert answer.status_code == 507
    assert 'value="Resta scritto"' in answer.text
    assert (catalog_dir / "sondrio.yml").read_bytes() == before
    assert list(catalog_dir.glob(".*")) == []


def test_still_true_renews_the_reading_of_the_source_or_the_desks_word(anna, catalog_dir):
    [reread, _] = re.findall(r"<form[^>]*still-true.*?</form>", anna.get(DESK).text, re.DOTALL)
    fields = dict(re.findall(r'name="(csrf|digest)" value="([^"]*)"', reread))

    anna.post(f"{DESK}/still-true", data={**fields, "says": "source"})

    assert entry(catalog_dir).data["checked"] == date.today()
    assert "confirmed" not in entry(catalog_dir).data
    fields["digest"] = entry(catalog_dir).digest
    anna.post(f"{DESK}/still-true", data={**fields, "says": "desk", "by": "responsabile dell'ufficio"})
    assert entry(catalog_dir).data["confirmed"] == {"by": "responsabile dell'ufficio", "on": date.today()}
    assert len(audited("still true")) == 2


def test_a_retired_service_leaves_the_list_and_stays_in_the_file(anna, catalog_dir):
    digest = entry(catalog_dir).digest
    csrf = anna.form(DESK)["csrf"]

    anna.post(f"{DESK}/retire", data={"csrf": csrf, "digest": digest, "last_day": "2026-01-31"})

    assert entry(catalog_dir).data["valid_to"] == date(2026, 1, 31)
    catalog().__dict__["_looked_at"] = float("-inf")
    assert DESK not in anna.get("/console/services?q=anagrafe").text
    assert DESK in anna.get("/console/services?q=anagrafe&state=retired").text


def test_a_copy_becomes_a_service_of_its_own_unconfirmed(anna, catalog_dir):
    address = "/console/ambiti/sondrio/new"
    copied = anna.form(f"{address}?from=anagrafe-sondrio", act="save", id="anagrafe-due")

    assert anna.post(address, data=copied).status_code == 200
    made, old = entry(catalog_dir, "anagrafe-due").data, entry(catalog_dir).data
    assert {**made, "id": old["id"], "scope": "local"} == {k: v for k, v in old.items() if k != "checked"}
    assert "confirmed" not in made
    taken = anna.post(address, data=anna.form(f"{address}?from=anagrafe-sondrio", act="save", id="anagrafe-sondrio"))
    assert taken.status_code == 422


def test_the_first_service_of_an_empty_ambito(catalog_dir):
    path = catalog_dir / "vuoto.yml"
    path.write_text("ambito: {id: vuoto, name: Vuoto}\nservices: []\n# fine\n", encoding="utf-8")

    save.add_entry(path, {**entry(catalog_dir).data, "id": "primo"})

    assert [s.id for s in read_file(path).content.services] == ["primo"]
    assert "# fine" in path.read_text(encoding="utf-8")


def test_comments_stay_where_they_are(catalog_dir):
    path = catalog_dir / "vuoto.yml"
    path.write_text(
        "# in testa\nambito: {id: vuoto, name: Vuoto}\nservices:\n"
        "- id: uno # l'id\n  name: Uno # il nome\n  kind: office\n  needs: [housing]\n"
        "  # da dove\n  source: {url: 'pagina', date: null}\n\n# del secondo\n"
        "- id: due\n  name: Due\n  kind: office\n  needs: [housing]\n  source: {url: 'pagina', date: null}\n"
        "# in fondo\n",
        encoding="utf-8",
    )
    uno = save.read_entry(path, "uno")

    save.change_entry(path, "uno", uno.digest, {**uno.data, "name": "Nuovo", "checked": date(2026, 11, 1)})

    text = path.read_text(encoding="utf-8")
    assert all(f"# {c}" in text for c in ("in testa", "l'id", "il nome", "da dove", "del secondo", "in fondo"))
    assert text.index("# del secondo") > text.index("pagina") and "name: Nuovo # il nome" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        *[("q=anagrafe", True), ("q=ANAGRAFE+sondrio", True), ("q=nulla", False)],
        *[("need=civil_registry", True), ("need=housing", False)],
        *[("comune=014061", True), ("comune=014045", False), ("page=99999", True), ("page=x", True)],
    ],
)
def test_the_list_can_be_searched(anna, query, found):
    assert (DESK in anna.get(f"/console/services?{query}").text) == found


def test_ends_of_line_and_a_missing_last_one_stay(catalog_dir):
    path = catalog_dir / "vuoto.yml"
    rest = "    kind: office\n    needs: [housing]\n    source: {url: 'pagina', date: null}"
    text = "ambito: {id: vuoto, name: Vuoto}\nservices:\n"
    text += f"  - id: uno\n    name: Uno\n{rest}\n\n  # del secondo\n  - id: due\n    name: Due\n{rest}"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    due = save.read_entry(path, "due")

    save.change_entry(path, "due", due.digest, {**due.data, "name": "Nuovo"})
    save.add_entry(path, {**due.data, "id": "tre"})

    written = path.read_bytes().decode()
    assert written.startswith(text.replace("\n", "\r\n").partition("    name: Due")[0])
    assert written.count("\r\n") == written.count("\n")
    assert [(s.id, s.name) for s in read_file(path).content.services] == [
        ("uno", "Uno"),
        ("due", "Nuovo"),
        ("tre", "Due"),
    ]
