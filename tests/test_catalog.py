"""The catalogue: what is refused, what stays live, who comes first."""

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from datetime import date

import pytest
from ruamel.yaml import YAML

from bot.catalog import loader
from bot.catalog.card import card
from bot.catalog.freshness import due_on, is_due
from bot.catalog.loader import Catalog, check_file, read_file
from bot.catalog.search import Found, search
from bot.i18n import translations
from bot.places import gazetteer
from bot.settings import settings
from tests.conftest import ROOT, TUESDAY_MORNING

SOUND = """\
ambito: {id: esempio, name: Ambito di esempio, names: [Sondrio]}
services:
- id: esempio-uno
  name: Sportello uno
  kind: sportello
  needs: [residence_permit]
  address: Via Roma 1
  comune: '014061'
  phone: ['+39 0342 123456']
  source: {url: 'https://example.org/', date: '2026-01'}
"""


def place(name):
    [match] = gazetteer().find(name)
    return gazetteer().place(match.codes[0])


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("kind: sportello", "kind: sportelo", 5, '"sportelo" non è un codice. Volevi dire "sportello"?'),
        ("[residence_permit]", "[residence_permitt]", 6, "residence_permit"),
        ("'+39 0342 123456'", "'0342 123456'", 9, "prefisso internazionale"),
        ("comune: '014061'", "comune: '999999'", 8, "codice ISTAT"),
        ("  address: Via Roma 1", "  adress: Via Roma 1", 7, "non è un campo"),
        ("  source: {url: 'https://example.org/', date: '2026-01'}", "", 3, "manca"),
        ("date: '2026-01'", "date: '2026-13'", 10, "non è una data"),
        ("  name: Sportello uno", "  name: [Sportello", 5, "non si legge come YAML"),
        ("comune: '014061'", "comune: 016198", 8, "tra apici"),
        ("comune: '014061'", "comune: sondrio", 8, "Scrivi '014061'"),
        ("  address: Via Roma 1", "  serves: tutti", 7, "anyone"),
        ("  address: Via Roma 1", "  latitude: 9.87", 7, "fuori dalla Lombardia"),
        ("  address: Via Roma 1", "  languages: [arabo]", 7, "codice di una lingua"),
        ("  address: Via Roma 1", "  valid_to: domani", 7, "2026-11-20"),
        ("  name: Sportello uno", "  name: Sportello uno\n  name: Sportello due", 5, "non si legge come YAML"),
        ("  address: Via Roma 1", "  hours: Lun-Ven 9-12", 7, "i giorni si scrivono"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(tmp_path, old, new, line, said):
    path = tmp_path / "esempio.yml"
    path.write_text(SOUND.replace(old, new))

    loaded = read_file(path)

    assert loaded.content is None
    [problem] = [p for p in loaded.problems if p.level == "error"]
    assert problem.line == line
    assert said in problem.message


def test_all_problems_are_told_at_once(tmp_path):
    path = tmp_path / "esempio.yml"
    path.write_text(
        SOUND.replace("sportello\n", "sportelo\n").replace("'+39 0342 123456'", "'0342 1'").replace("014061", "1")
    )

    assert {p.line for p in read_file(path).problems} == {5, 8, 9}


def test_two_services_with_one_id_are_refused(tmp_path):
    path = tmp_path / "esempio.yml"
    path.write_text(SOUND + SOUND.split("services:\n")[1])

    [problem] = read_file(path).problems

    assert "usato due volte" in problem.message


def test_a_broken_file_leaves_the_last_good_version_live_even_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "LOOK_AGAIN_SECONDS", 0)
    path = tmp_path / "esempio.yml"
    path.write_text(SOUND)
    live = Catalog(tmp_path, tmp_path / "good").refresh()
    path.write_text("services: [")

    assert "esempio-uno" in live.refresh().services
    assert live.problems[path]
    assert "esempio-uno" in Catalog(tmp_path, tmp_path / "good").refresh().services


def test_a_saved_file_is_live_at_the_next_look(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "LOOK_AGAIN_SECONDS", 0)
    path = tmp_path / "esempio.yml"
    path.write_text(SOUND)
    live = Catalog(tmp_path).refresh()
    time.sleep(0.01)
    path.write_text(SOUND.replace("Via Roma 1", "Via Milano 22"))

    assert live.refresh().services["esempio-uno"].address == "Via Milano 22"


READER = """
import logging, sys, time
logging.basicConfig(stream=sys.stdout, format="LOG %(message)s")
from bot.catalog.loader import catalog
while True:
    print(catalog().services["esempio-uno"].address, flush=True)
    time.sleep(0.2)
"""


def lines_of(process):
    """What the process prints, put in a queue by a thread so that a test can wait with a time limit."""
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line.strip()) for line in process.stdout], daemon=True).start()
    return lines


def wait_for(lines, text, seconds=5.0):
    end = time.monotonic() + seconds
    while True:
        line = lines.get(timeout=max(0.01, end - time.monotonic()))
        if text in line:
            return line


def test_every_process_has_a_saved_file_within_five_seconds_and_says_in_its_log_that_one_is_broken(tmp_path):
    """Two real processes, as the gateway and the action server are, on the same folder."""
    folder = tmp_path / "catalog"
    shutil.copytree(settings().catalog_dir / "places", folder / "places")
    shutil.copy(settings().catalog_dir / "vocabulary.yml", folder)
    path = folder / "esempio.yml"
    path.write_text(SOUND)
    environment = {
        **os.environ,
        "BOT_CATALOG_DIR": str(folder),
        "BOT_STATE_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    readers = [
        subprocess.Popen([sys.executable, "-c", READER], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        outputs = [lines_of(reader) for reader in readers]
        for output in outputs:
            wait_for(output, "Via Roma 1", seconds=30)
        path.write_text(SOUND.replace("Via Roma 1", "Via Milano 22"))
        for output in outputs:
            wait_for(output, "Via Milano 22")
        path.write_text(SOUND.replace("kind: sportello", "kind: sportelo"))
        for output in outputs:
            assert "esempio.yml:5" in wait_for(output, "LOG")
            wait_for(output, "Via Milano 22")
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
            reader.stdout.close()


def test_an_id_in_two_files_is_an_error_with_its_line_until_it_is_mended(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "LOOK_AGAIN_SECONDS", 0)
    (tmp_path / "esempio.yml").write_text(SOUND)
    (tmp_path / "secondo.yml").write_text(SOUND.replace("id: esempio,", "id: secondo,"))
    live = Catalog(tmp_path).refresh()

    [problem] = live.problems[tmp_path / "secondo.yml"]
    assert problem.line == 3
    (tmp_path / "secondo.yml").write_text(SOUND.replace("esempio-uno", "secondo-uno"))
    assert live.refresh().problems[tmp_path / "secondo.yml"] == []
    assert live.services.keys() == {"esempio-uno", "secondo-uno"}


def test_only_the_changed_file_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "LOOK_AGAIN_SECONDS", 0)
    (tmp_path / "esempio.yml").write_text(SOUND)
    (tmp_path / "secondo.yml").write_text(SOUND.replace("esempio", "secondo"))
    live = Catalog(tmp_path).refresh()
    read = []
    monkeypatch.setattr(loader, "read_file", lambda path: read.append(path.name) or read_file(path))
    (tmp_path / "secondo.yml").write_text(SOUND.replace("esempio", "secondo").replace("Via Roma 1", "Via Milano 22"))

    live.refresh().refresh()

    assert read == ["secondo.yml"]


def test_the_fast_and_the_careful_reading_agree_on_every_shipped_file():
    for path in sorted(settings().catalog_dir.glob("*.yml")):
        if path.name != "vocabulary.yml":
            assert read_file(path).content == check_file(path).content


def test_the_shipped_catalogue_has_no_error():
    live = Catalog(settings().catalog_dir).refresh()

    assert [p for found in live.problems.values() for p in found if p.level == "error"] == []
    assert len(live.services) > 100


def test_every_shipped_service_has_a_source_and_none_claims_to_be_confirmed():
    for service in Catalog(settings().catalog_dir).refresh().services.values():
        assert service.source.url
        assert service.confirmed is None


@pytest.mark.parametrize("town", ["Sondrio", "Lodi", "Milano"])
@pytest.mark.parametrize("need", ["residence_permit", "italian_course", "violence_help"])
def test_the_nearest_services_come_first(town, need):
    live = Catalog(settings().catalog_dir).refresh()

    found = search(live, need, place(town), "en", TUESDAY_MORNING)

    assert found[0].distance is not None
    assert found[0].distance < 20


def test_the_police_office_of_another_province_is_not_offered():
    live = Catalog(settings().catalog_dir).refresh()

    found = search(live, "residence_permit", place("Sondrio"), "ar", TUESDAY_MORNING)

    assert found[0].service.id.startswith("questura-sondrio")
    assert not any(f.service.id.startswith("questura-lecco") for f in found)


def test_an_expired_service_is_not_served(tmp_path):
    (tmp_path / "esempio.yml").write_text(SOUND + "  valid_to: 2023-06-30\n")

    assert search(Catalog(tmp_path).refresh(), "residence_permit", place("Sondrio"), "it", TUESDAY_MORNING) == []


def test_an_unconfirmed_card_says_its_source_and_asks_to_call(make_service):
    _, text = card(Found(make_service(), 12.3, False), TUESDAY_MORNING, translations("en"))

    assert "example.org, January 2026" in text
    assert "call or write before you go" in text
    assert "about 12 km away" in text


TODAY = TUESDAY_MORNING.date()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"confirmed": {"by": "sportello", "on": "2026-11-24"}}, "Confirmed by the desk today."),
        ({"confirmed": {"by": "sportello", "on": "2026-11-23"}}, "Confirmed by the desk 1 day ago."),
        ({"confirmed": {"by": "sportello", "on": "2026-03-01"}}, "Confirmed by the desk 8 months ago. This should be"),
        ({"checked": "2026-11-12"}, "Source: example.org, checked 12 days ago. The desk has not confirmed"),
        ({"confirmed": {"by": "sportello", "on": "2025-01-01"}, "checked": "2026-11-12"}, "checked 12 days ago."),
        (
            {"source": {"url": "https://example.org/", "date": "2022"}},
            "2022. This is 3 years old and may have changed.",
        ),
        ({"source": {"url": "https://example.org/", "date": None}}, "date unknown"),
    ],
)
def test_a_card_says_how_long_ago_it_was_verified(make_service, changes, said):
    _, text = card(Found(make_service(**changes), 12.3, False), TUESDAY_MORNING, translations("en"))

    assert said in text


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"checked": "2026-06-01"}, date(2026, 12, 1)),
        ({"checked": "2026-05-01"}, date(2026, 10, 31)),
        ({"kind": "office", "checked": "2026-05-01"}, date(2027, 5, 1)),
        ({"source": {"url": "https://example.org/", "date": "2026-01"}}, date(2026, 8, 2)),
        ({"checked": "9999-12-31"}, date.max),
        ({"source": {"url": "https://example.org/", "date": None}}, date.min),
    ],
)
def test_an_entry_is_due_when_the_review_interval_of_its_kind_has_passed(make_service, changes, due):
    service = make_service(**changes)

    assert due_on(service) == due
    assert is_due(service, TODAY) == (due <= TODAY)


def test_a_card_says_why_it_was_chosen_and_what_is_not_known(make_service):
    found = Found(make_service(), 12.3, False, ("in_town", "language"))

    _, text = card(found, TUESDAY_MORNING, translations("en"))

    assert "Chosen because: it is in your town and they speak your language." in text
    assert "Not known: opening hours and whether to book." in text


def made(tmp_path, *services):
    """A catalogue with these services in a file of their own."""
    content = [s.model_dump(mode="json", exclude_defaults=True) for s in services]
    with (tmp_path / "uno.yml").open("w") as file:
        YAML(typ="safe").dump({"ambito": {"id": "uno", "name": "Uno"}, "services": content}, file)
    return Catalog(tmp_path).refresh()


SONDRIO = "014061"
#: Two towns of one ambito 11 km apart, and one of the next ambito, 3 km from the first.
LISSONE, BESANA, DESIO = "108028", "108008", "108023"


def first_for(live, town, language="it", now=TUESDAY_MORNING):
    return search(live, "residence_permit", gazetteer().place(town), language, now)[0]


def test_a_near_desk_of_the_next_ambito_beats_a_far_one_of_ones_own(tmp_path, make_service):
    own, near = make_service(id="own", comune=BESANA), make_service(id="near", comune=DESIO)

    assert first_for(made(tmp_path, own, near), LISSONE).service.id == "near"


def test_a_near_desk_for_the_residents_of_another_ambito_is_not_offered(tmp_path, make_service):
    own, near = make_service(id="own", comune=BESANA), make_service(id="near", comune=DESIO, serves="ambito")

    assert first_for(made(tmp_path, own, near), LISSONE).service.id == "own"
    assert first_for(made(tmp_path, own, near), DESIO).service.id == "near"


def test_a_desk_far_away_does_not_come_before_what_answers_for_the_whole_region(tmp_path, make_service):
    far = make_service(id="far", comune="017029")  # Brescia, 45 km from Bergamo
    line = make_service(id="line", kind="helpline", scope="region", comune=None, address=None)

    assert first_for(made(tmp_path, far, line), "016024").service.id == "line"
    assert first_for(made(tmp_path, far, line), "017029").service.id == "far"


def test_an_office_for_the_whole_province_counts_as_ones_own(tmp_path, make_service):
    own = make_service(id="own", comune="108033", serves="province")  # Monza
    other = make_service(id="other", comune="108033")

    assert "own_ambito" in first_for(made(tmp_path, other, own), LISSONE).reasons


@pytest.mark.parametrize(
    ("advantage", "reason"),
    [
        ({"languages": ["ar"]}, "language"),
        ({"booking": "not_needed"}, "walk_in"),
        ({"hours": "Mo-Fr 09:00-12:30; PH off"}, "open_now"),
        ({"hours": "Mo-Fr 14:00-16:00; PH off"}, "opens_today"),
        ({"confirmed": {"by": "sportello", "on": "2026-11-20"}}, "confirmed"),
    ],
)
def test_of_two_desks_in_town_the_one_with_the_advantage_comes_first_and_says_so(
    tmp_path, make_service, advantage, reason
):
    old = {"url": "https://example.org/", "date": "2020"}
    live = made(tmp_path, make_service(id="a", source=old), make_service(id="b", source=old, **advantage))
    found = first_for(live, SONDRIO, "ar")

    assert found.service.id == "b"
    assert found.reasons[:1] == ("in_town",)
    assert reason in found.reasons


def right_desks():
    pairs = YAML(typ="safe").load((ROOT / "tests" / "right_desk.yml").read_text(encoding="utf-8"))
    codes = {comune.name: code for code, comune in gazetteer().comuni.items()}
    return [(codes[p["town"]], p["need"], p.get("language", "it"), p["best"]) for p in pairs]


def test_the_right_desk_comes_first():
    """For nearly all questions with a known best answer, among those whose answer is in the catalogue."""
    live = Catalog(settings().catalog_dir).refresh()
    asked = [pair for pair in right_desks() if live.services.keys() & set(pair[3])]

    first = [
        search(live, need, gazetteer().place(town), language, TUESDAY_MORNING)[0].service.id in best
        for town, need, language, best in asked
    ]

    assert len(asked) >= 60
    assert sum(first) / len(first) >= 0.92


def test_latin_runs_are_isolated_in_arabic(make_service):
    title, text = card(Found(make_service(), 12.3, False), TUESDAY_MORNING, translations("ar"))

    assert title == "\u2066Sportello di esempio\u2069"
    assert "\u2066+39 02 5550 123\u2069" in text


def test_a_catalogue_without_the_codes_file_is_not_an_ambito(tmp_path):
    shutil.copy(settings().catalog_dir / "vocabulary.yml", tmp_path)

    assert Catalog(tmp_path).refresh().problems == {}
