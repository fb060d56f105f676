"""The console's editing beyond the form: history, closing for a period, the week grid, links, trying the bot."""

# ruff: noqa: F811 (fixtures of another file)

from __future__ import annotations

import html
import os
import re
import resource
import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.catalog.hours import ROME, closures, grid_of, opening, with_closure, without_closure
from bot.catalog.hours.italian import WEEK
from bot.catalog.loader import read_file
from bot.console import save
from bot.database.tables import ConsoleSession, Person, sessions
from bot.gateway.people import pseudonym
from bot.settings import settings
from bot.trial import is_trial
from tests.conftest import ROOT
from tests.mediation import environment
from tests.test_console import (  # noqa: F401
    DESK,
    NASTY,
    PASSWORD,
    Browser,
    anna,
    app,
    audited,
    catalog_dir,
    cli,
    entry,
    make_account,
)
from tests.test_links import site  # noqa: F401

HISTORY, CLOSE = f"{DESK}/history", f"{DESK}/close"
FOREIGN = "/console/ambiti/lodi/questura-lodi"


def save_as(browser, **typed):
    answer = browser.post(DESK, data=browser.form(DESK, act="save", **typed))
    assert answer.status_code == 200, answer.text
    return answer


def cells(page):
    return [html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", page.text)]


# History


def test_the_history_says_who_changed_what_and_how_it_was(anna, catalog_dir):
    save_as(anna, provider="Comune nuovo", booking="")

    page = anna.get(HISTORY)

    assert "Anna" in page.text and "Modifica" in page.text
    assert {"Comune nuovo", "Appuntamento"} <= set(cells(page))
    assert "required" not in cells(page)


def test_a_change_is_undone_without_losing_later_ones(anna, catalog_dir):
    before = entry(catalog_dir).data.get("provider")
    save_as(anna, provider="Sbagliato")
    save_as(anna, address="Via Nuova 2")
    [first, _] = re.findall(r'href="([^"]*\?undo=\d+)"', anna.get(HISTORY).text)[::-1]

    shown = anna.get(first)
    assert entry(catalog_dir).data["provider"] == "Sbagliato"
    saved = anna.post(DESK, data=anna.form(shown, act="save"))

    assert saved.status_code == 200
    assert entry(catalog_dir).data.get("provider") == before
    assert entry(catalog_dir).data["address"] == "Via Nuova 2"
    assert len(audited("change")) == 3


def test_an_older_version_comes_back_through_the_form(anna, catalog_dir):
    save_as(anna, provider="Uno")
    wanted = entry(catalog_dir).data
    save_as(anna, provider="Due", address="Via Due 2")
    [older] = re.findall(r'href="([^"]*\?restore=\d+)"', anna.get(HISTORY).text)

    anna.post(DESK, data=anna.form(anna.get(older), act="save"))

    assert entry(catalog_dir).data == wanted


def test_undoing_meets_the_same_conflicts_as_typing(anna, catalog_dir):
    save_as(anna, provider="Sbagliato")
    [undo] = re.findall(r'href="([^"]*\?undo=\d+)"', anna.get(HISTORY).text)
    fields = anna.form(anna.get(undo), act="save")
    save_as(anna, address="Via Nuova 2")

    assert anna.post(DESK, data=fields).status_code == 409
    assert entry(catalog_dir).data["provider"] == "Sbagliato"


def test_a_change_made_in_an_editor_stands_in_the_history_without_an_author(anna, catalog_dir):
    save_as(anna, provider="Dalla console")
    path = catalog_dir / "sondrio.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("Dalla console", "A mano"), encoding="utf-8")
    page = anna.get(HISTORY)
    assert page.text.index("Cambiato altrove") < page.text.index("Modifica")
    assert "A mano" in cells(page)

    save_as(anna, address="Via Nuova 2")

    steps = re.findall(r'<h2 class="h5">([^<]+)', anna.get(HISTORY).text)
    assert steps == ["Modifica", "Cambiato altrove, in un editor o con git", "Modifica"]


def test_a_service_taken_out_of_the_file_keeps_its_history(anna, catalog_dir):
    save_as(anna, provider="Ultimo")
    path = catalog_dir / "sondrio.yml"
    found, text = entry(catalog_dir), path.read_text(encoding="utf-8")
    path.write_text(text[: found.begin] + text[found.end :], encoding="utf-8")

    page = anna.get(HISTORY)

    assert page.status_code == 200
    assert "non è più nel file" in page.text and "?undo=" not in page.text


@pytest.mark.parametrize("query", ["undo=99999", "undo=x", "restore=-1", "restore=" + "9" * 30, "undo=1&restore=2"])
def test_a_version_that_is_not_there_is_not_found(anna, query):
    assert anna.get(f"{DESK}?{query}").status_code == 404


def test_another_services_version_is_not_found(anna, catalog_dir):
    save_as(anna, provider="Altro")
    [undo] = re.findall(r"\?(undo=\d+)", anna.get(HISTORY).text)

    assert anna.get(f"/console/ambiti/sondrio/questura-sondrio-immigrazione?{undo}").status_code == 404


@pytest.mark.parametrize("text", NASTY)
def test_whatever_was_typed_stands_in_the_history_as_text(anna, text):
    save_as(anna, provider=text, summary__it=text)

    page = anna.get(HISTORY).text

    assert "<script>alert" not in page and "<img src=x" not in page
    assert (
        html.escape(text.replace("\x00", "").replace("\x07", "")).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
        in page
    )


# Closing for a period


def close(browser, act="save", first="2027-08-09", last="2027-08-22", reason="ferie estive", page=CLOSE):
    return browser.post(CLOSE, data=browser.form(page, act=act, first=first, last=last, reason=reason))


@pytest.fixture
def open_desk(anna):
    save_as(anna, hours="lun-ven 9-12, festivi chiuso")
    return anna


def test_a_desk_closed_for_a_period_says_so_and_opens_again(open_desk, catalog_dir):
    shown = close(open_desk, act="preview")
    assert "2027 Aug" not in (catalog_dir / "sondrio.yml").read_text(encoding="utf-8")
    assert "Adesso è chiuso" in shown.text and 'lang="ar" dir="rtl"' in shown.text

    assert close(open_desk, page=shown).status_code == 200

    hours = entry(catalog_dir).data["hours"]
    assert hours == 'Mo-Fr 09:00-12:00; PH off; 2027 Aug 09-2027 Aug 22 off "ferie estive"'
    state = opening(hours, datetime(2027, 8, 10, 10, tzinfo=ROME))
    assert not state.is_open and state.changes_at == datetime(2027, 8, 23, 9, tzinfo=ROME)
    assert len(audited("close for a period")) == 1
    page = open_desk.get(CLOSE)
    assert "dal 09/08/2027 al 22/08/2027: ferie estive" in page.text

    rule = html.unescape(re.search(r'name="reopen" value="([^"]+)"', page.text)[1])
    open_desk.post(CLOSE, data={**open_desk.form(DESK), "reopen": rule})

    assert entry(catalog_dir).data["hours"] == "Mo-Fr 09:00-12:00; PH off"
    assert len(audited("reopen")) == 1


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2027-08-22", "2027-08-09", "prima del primo"),
        ("2020-08-09", "2020-08-22", "già passati"),
        ("", "2027-08-22", "primo e l&#39;ultimo"),
        ("domani", "2027-08-22", "primo e l&#39;ultimo"),
        ("2027-08-09", "2037-08-09", "due anni"),
        ("2072-08-09", "2072-08-22", "controlla l&#39;anno"),
        ("9999-12-31", "9999-12-31", "controlla l&#39;anno"),
    ],
)
def test_days_that_make_no_sense_are_told_and_kept(open_desk, catalog_dir, first, last, said):
    before = entry(catalog_dir).data

    answer = close(open_desk, first=first, last=last)

    assert answer.status_code == 422
    assert said in answer.text and 'value="ferie estive"' in answer.text
    assert entry(catalog_dir).data == before


def test_the_same_days_are_closed_once(open_desk, catalog_dir):
    close(open_desk)
    assert close(open_desk, first="2027-08-10", last="2027-08-11").status_code == 422


def test_a_service_without_hours_cannot_be_closed_for_a_period(anna, catalog_dir):
    save_as(anna, hours="")

    assert "prima scrivi quelli" in anna.get(CLOSE).text
    fields = anna.form(DESK)
    answer = anna.post(CLOSE, data={**fields, "first": "2027-08-09", "last": "2027-08-22", "act": "save"})
    assert answer.status_code == 422


@pytest.mark.parametrize("text", [*NASTY, "patron", "school", "x" * 300, 'a" ; 24/7 "b'])
def test_a_reason_is_only_a_reason(open_desk, catalog_dir, text):
    assert close(open_desk, reason=text).status_code == 200

    hours = entry(catalog_dir).data["hours"]
    [found] = closures(hours)
    assert (found.first, found.last) == (date(2027, 8, 9), date(2027, 8, 22))
    assert opening(hours, datetime(2027, 8, 10, 10, tzinfo=ROME)).reason == ""
    assert not opening(hours, datetime(2027, 8, 10, 10, tzinfo=ROME)).is_open
    assert opening(hours, datetime(2027, 8, 24, 10, tzinfo=ROME)).is_open


@pytest.mark.parametrize("text", ["Mo-Fr 09:00-12:00; PH off", "24/7", "Mo 08:00-20:00; PH 09:00-10:00; SH off"])
@pytest.mark.parametrize(("first", "days"), [(date(2026, 12, 24), 14), (date(2027, 2, 28), 1), (date(2027, 1, 1), 365)])
def test_a_closing_closes_its_days_and_no_other(text, first, days):
    from bot.catalog.hours import timetable

    last = first + timedelta(days=days - 1)
    closed = timetable(with_closure(text, first, last, "perché"))
    open_as_before = timetable(text)

    for offset in range(-10, days + 10):
        noon = datetime.combine(first + timedelta(days=offset), datetime.min.time(), ROME) + timedelta(hours=9.5)
        expected = opening(open_as_before, noon).is_open and not 0 <= offset < days
        assert opening(closed, noon).is_open == expected
    [found] = closures(with_closure(text, first, last, "perché"))
    assert (found.first, found.last, found.reason) == (first, last, "perché")
    assert without_closure(with_closure(text, first, last), with_closure("x", first, last)[3:]) == text


def test_a_closing_that_begins_on_the_patrons_day_leaves_that_day_closed_in_other_years():
    from bot.catalog.hours import timetable

    hours = timetable(with_closure("Mo-Su 09:00-12:00; PH off", date(2026, 12, 7), date(2026, 12, 20)), "015146")

    assert not opening(hours, datetime(2027, 12, 7, 10, tzinfo=ROME)).is_open


# The week grid


def picked(page):
    return {name: value for name, value in Browser.form(Browser(None), page).items() if name.startswith("grid.")}


def test_hours_are_picked_on_the_grid_and_what_it_cannot_show_stays(anna, catalog_dir):
    save_as(anna, hours="Mo-Fr 09:00-12:30; PH off; Aug off")
    grid = anna.post(DESK, data=anna.form(DESK, act="grid"))
    fields = anna.form(grid)
    assert fields["grid.Fr.0.to"] == ["12:30"] and fields["grid.Sa.0.to"] == [""]
    assert fields["grid.holidays"] == ["off"] and "<code>Aug off</code>" in grid.text

    changes = {"grid.We.1.from": "14:00", "grid.We.1.to": "17:00", "grid.Fr.0.from": "", "grid.Fr.0.to": ""}
    shown = anna.post(DESK, data={**fields, **changes, "act": "preview"})
    assert "14:00" in re.search(r'<ul id="week".*?</ul>', shown.text, re.DOTALL)[0]
    anna.post(DESK, data=anna.form(shown, act="save"))

    assert entry(catalog_dir).data["hours"] == "Mo,Tu,Th 09:00-12:30; We 09:00-12:30,14:00-17:00; PH off; Aug off"


def test_a_grid_left_alone_changes_no_letter_of_the_hours(anna, catalog_dir):
    save_as(anna, hours="Mo-Fr 09:00-12:30, We 14:00-17:00; Aug off; PH off")
    before = (catalog_dir / "sondrio.yml").read_bytes()
    grid = anna.post(DESK, data=anna.form(DESK, act="grid"))

    anna.post(DESK, data=anna.form(grid, act="save"))

    assert (catalog_dir / "sondrio.yml").read_bytes() == before


@pytest.mark.parametrize("hours", ["24/7", "Mo-Su 20:00-08:00", "Mo 08:00-09:00,10:00-11:00,12:00-13:00", "Aug off"])
def test_hours_that_no_grid_can_show_stay_in_words_and_that_is_said(anna, hours):
    answer = anna.post(DESK, data=anna.form(DESK, act="grid", hours=hours))

    assert "La griglia non può mostrare" in answer.text
    assert f'value="{hours}"' in answer.text and "grid.Mo" not in answer.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grid.Mo.0.from": "09:00", "grid.Mo.0.to": ""}, "Lunedì: manca"),
        ({"grid.Tu.0.from": "12:00", "grid.Tu.0.to": "09:00"}, "Martedì: chiude prima"),
        ({"grid.We.1.from": "11:00", "grid.We.1.to": "13:00"}, "Mercoledì: le due"),
        ({"grid.Mo.0.from": "25:00"}, "Lunedì: manca"),
        ({"grid.Mo.0.from": "<b>"}, "Lunedì: manca"),
    ],
)
def test_a_wrong_grid_is_told_and_kept(anna, catalog_dir, changes, said):
    save_as(anna, hours="Mo-Fr 09:00-12:00; PH off")
    grid = anna.post(DESK, data=anna.form(DESK, act="grid"))

    for act in ("save", "preview", "text", "grid"):
        answer = anna.post(DESK, data={**anna.form(grid), **changes, "act": act})

        assert said in answer.text
        kept = anna.form(answer)
        assert {name: kept[name] for name in changes} == {name: [value[:5]] for name, value in changes.items()}
    assert entry(catalog_dir).data["hours"] == "Mo-Fr 09:00-12:00; PH off"


def test_from_the_grid_back_to_words_and_from_nothing_to_a_grid(anna, catalog_dir):
    grid = anna.post(DESK, data=anna.form(DESK, act="grid", hours="", provider="Resta scritto"))
    changed = anna.form(grid, act="text")
    changed |= {"grid.Sa.0.from": "09:00", "grid.Sa.0.to": "12:00", "grid.holidays": "off"}

    words = anna.post(DESK, data=changed)

    assert anna.form(words)["hours"] == ["Sa 09:00-12:00; PH off"]
    assert "grid." not in words.text and 'value="Resta scritto"' in words.text


def test_every_week_of_the_catalogue_survives_the_grid():
    for path in (ROOT / "services_catalog").glob("*.yml"):
        content = read_file(path).content if path.name != "vocabulary.yml" else None
        for service in content.services if content else []:
            grid = grid_of(service.hours) if service.hours else None
            if grid:
                again = grid_of(grid.notation)
                assert again == grid and set(again.days) <= set(WEEK)


# Links


@pytest.fixture
def private_links():
    with environment({"BOT_PRIVATE_LINKS": "1"}):
        yield


def checked_links(browser, web, source):
    page = browser.post(DESK, data=browser.form(DESK, act="links", web=web, source__url=source)).text
    said = {}
    for name in ("web", "source.url"):
        said[name] = html.unescape(re.search(rf'id="{name}".*?</div>', page, re.DOTALL)[0])
    return said


def test_links_are_checked_on_demand_and_told_at_the_field(anna, site, private_links, catalog_dir):
    before = (catalog_dir / "sondrio.yml").read_bytes()

    said = checked_links(anna, site.url("/a"), site.url("/gone"))

    assert "La pagina risponde" in said["web"]
    assert "HTTP 404" in said["source.url"]
    assert (catalog_dir / "sondrio.yml").read_bytes() == before


LOOPBACK = ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_no_request_goes_to_this_machine(anna, site, host):
    said = checked_links(anna, f"http://{host}:{site.server_port}/a", f"http://{host}:{site.server_port}/b")

    assert "La pagina risponde" not in said["web"] + said["source.url"]
    assert site.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[::127.0.0.1]",
        "[fec0::1]",
    ],
)
def test_no_request_goes_into_a_private_network(anna, address):
    said = checked_links(anna, f"http://{address}/", "https://127.0.0.1/")

    assert "non è su internet" in said["web"] and "non è su internet" in said["source.url"]


def test_no_redirect_leads_into_a_private_network(monkeypatch, site):
    from bot.catalog import links

    first = []

    def public_once(address):
        first.append(address)
        return len(first) == 1  # as if the first host were a public one

    monkeypatch.setattr(links, "_is_public", public_once)
    site.pages["/a"] = ("/b", 302)

    assert links.look_now([site.url("/a")]) == [links.NOT_PUBLIC]
    assert [path for path, _, _ in site.asked] == ["/a"]


def test_a_redirect_to_what_is_no_page_is_a_page_that_does_not_answer(anna, site, private_links):
    site.pages["/a"] = ("ftp://example.org/", 302)

    assert "non risponde" in checked_links(anna, site.url("/a"), site.url("/gone"))["web"]


@pytest.mark.parametrize(
    "url",
    ["http://", "http://[", "http://\u2024", "https://a b", "http:///x", "ftp://x", "javascript:x", "http://x:99999/"],
)
def test_an_address_that_is_none_is_no_error_of_the_server(anna, url):
    assert anna.post(DESK, data=anna.form(DESK, act="links", web=url)).status_code == 200


# Trying the bot


def test_operators_try_the_bot_as_a_visitor_of_their_own(anna, app):
    page = anna.get("/console/try/?start=sondrio")
    assert "inform_place" in page.text
    assert page.headers["content-security-policy"].count("frame-ancestors 'self'") == 1
    sent = anna.post("/console/try/chat/messages", json={"id": "1", "text": "ciao"})

    assert sent.status_code == 202
    with sessions()() as session:
        [person] = session.scalars(sa.select(Person))
    assert person.channel == "try" and is_trial(person.key)
    assert not is_trial(pseudonym("web", person.address))


def test_only_operators_try_the_bot_there(app):
    stranger = Browser(app)

    assert stranger.get("/console/try/").url.path == "/console/sign-in"
    assert stranger.post("/console/try/chat/messages", json={"id": "1", "text": "ciao"}).status_code == 403
    assert stranger.get("/console/try/chat/events").status_code == 403


def test_the_console_frames_its_own_pages_only_and_nobody_frames_it(anna):
    policy = anna.get(DESK).headers["content-security-policy"]
    assert "frame-src 'self'" in policy and "frame-ancestors 'none'" in policy


# Who may, and what may go wrong


@pytest.mark.parametrize(
    "address", [f"{FOREIGN}/history", f"{FOREIGN}/close", f"{FOREIGN}?undo=1", f"{FOREIGN}?restore=1"]
)
def test_another_ambitos_pages_are_refused(anna, address):
    assert anna.get(address).status_code == 403
    assert audited("refused")


def test_another_ambito_is_not_closed(anna, catalog_dir):
    before = (catalog_dir / "lodi.yml").read_bytes()
    digest = entry(catalog_dir, "questura-lodi", "lodi").digest
    fields = {**anna.form(DESK), "digest": digest, "first": "2027-08-09", "last": "2027-08-22", "act": "save"}

    assert anna.post(f"{FOREIGN}/close", data=fields).status_code == 403
    assert anna.post(f"{FOREIGN}/close", data={**fields, "reopen": "x"}).status_code == 403
    assert (catalog_dir / "lodi.yml").read_bytes() == before


def test_a_coordinator_reads_the_history_and_closes_nothing(app, make_account, catalog_dir):
    make_account("Carla", "coordinator", [])
    carla = Browser(app)
    carla.sign_in("Carla")

    assert carla.get(HISTORY).status_code == 200
    assert carla.get(CLOSE).status_code == 403
    assert carla.post(CLOSE, data={**carla.form(DESK), "first": "2027-08-09", "last": "2027-08-22"}).status_code == 403


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_a_forged_closing_changes_nothing(open_desk, catalog_dir, csrf):
    before = (catalog_dir / "sondrio.yml").read_bytes()
    fields = open_desk.form(CLOSE, act="save", first="2027-08-09", last="2027-08-22", csrf=csrf)

    assert open_desk.post(CLOSE, data=fields).status_code == 403
    assert (catalog_dir / "sondrio.yml").read_bytes() == before


def test_a_closing_after_somebody_elses_change_is_a_conflict(open_desk, catalog_dir):
    fields = open_desk.form(CLOSE, act="save", first="2027-08-09", last="2027-08-22")
    save_as(open_desk, provider="Intanto")

    answer = open_desk.post(CLOSE, data=fields)

    assert answer.status_code == 409
    assert "2027 Aug" in answer.text and entry(catalog_dir).data["hours"] == "Mo-Fr 09:00-12:00; PH off"
    kept = open_desk.post(DESK, data=open_desk.form(answer, act="save"))
    assert kept.status_code == 200 and "2027 Aug 09" in entry(catalog_dir).data["hours"]


def test_a_closing_survives_a_session_that_ended_and_a_mere_button_is_not_pressed(open_desk, catalog_dir):
    close(open_desk)
    before = entry(catalog_dir).data
    page = open_desk.get(CLOSE)
    rule = html.unescape(re.search(r'name="reopen" value="([^"]+)"', page.text)[1])
    fields = open_desk.form(page, act="save", first="2027-12-24", last="2027-12-31", reason="Natale")
    with sessions().begin() as session:
        session.execute(sa.delete(ConsoleSession))

    ended = open_desk.post(CLOSE, data={**fields, "reopen": rule})
    assert 'name="kept.reopen"' not in ended.text
    ended = open_desk.post(CLOSE, data=fields)
    signed_in = open_desk.post("/console/sign-in", data=open_desk.form(ended, name="Anna", password=PASSWORD))
    shown = open_desk.post(CLOSE, data=open_desk.form(signed_in, act="preview"))

    assert 'value="Natale"' in shown.text
    assert entry(catalog_dir).data == before


def test_a_grid_survives_a_session_that_ended(anna, catalog_dir):
    grid = anna.post(DESK, data=anna.form(DESK, act="grid", hours=""))
    fields = {**anna.form(grid, act="save"), "grid.Sa.0.from": "09:00", "grid.Sa.0.to": "12:00"}
    with sessions().begin() as session:
        session.execute(sa.delete(ConsoleSession))

    ended = anna.post(DESK, data=fields)
    signed_in = anna.post("/console/sign-in", data=anna.form(ended, name="Anna", password=PASSWORD))
    shown = anna.post(DESK, data=anna.form(signed_in, act="preview"))
    anna.post(DESK, data=anna.form(shown, act="save"))

    assert entry(catalog_dir).data["hours"] == "Sa 09:00-12:00"


FULL = """
import resource, signal, sys
from pathlib import Path
from bot.console import save
path = Path(sys.argv[1])
found = save.read_entry(path, "anagrafe-sondrio")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    save.change_entry(path, "anagrafe-sondrio", found.digest, {**found.data, "provider": "Nuovo"})
except save.CannotWrite as reason:
    print("refused:", reason)
"""


@pytest.mark.parametrize("room", [0, 100, 10_000])
def test_a_write_that_the_system_cuts_off_leaves_the_file_whole(catalog_dir, room):
    path = catalog_dir / "sondrio.yml"
    before = path.read_bytes()
    assert resource.RLIM_INFINITY and len(before) > 10_000

    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(room)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )

    assert ran.stdout.startswith("refused: ")
    assert path.read_bytes() == before
    assert [name for name in os.listdir(catalog_dir) if name.endswith(".part")] == []
    assert read_file(path).content and settings().catalog_dir == catalog_dir
    assert save.read_entry(path, "anagrafe-sondrio")
