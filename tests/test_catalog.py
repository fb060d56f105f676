"""The catalogue: what is refused, what stays live, who comes first."""

import shutil
import time

import pytest

from bot.catalog import loader
from bot.catalog.card import card
from bot.catalog.loader import Catalog, read_file
from bot.catalog.search import Found, search
from bot.i18n import translations
from bot.places import gazetteer
from bot.settings import settings
from tests.conftest import TUESDAY_MORNING

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
        ("kind: sportello", "kind: sportelo", 5, '"sportelo" is not a code'),
        ("[residence_permit]", "[residence_permitt]", 6, "not a code"),
        ("'+39 0342 123456'", "'0342 123456'", 9, "no country code"),
        ("comune: '014061'", "comune: '999999'", 8, "not an ISTAT code"),
        ("  address: Via Roma 1", "  adress: Via Roma 1", 7, "not a field"),
        ("  source: {url: 'https://example.org/', date: '2026-01'}", "", 3, "is missing"),
        ("date: '2026-01'", "date: '2026-13'", 10, "not a date"),
        ("  name: Sportello uno", "  name: [Sportello", 5, "cannot be read as YAML"),
        ("  address: Via Roma 1", "  hours: Lun-Ven 9-12", 7, "weekdays are written"),
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

    assert "used twice" in problem.message


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


def test_latin_runs_are_isolated_in_arabic(make_service):
    title, text = card(Found(make_service(), 12.3, False), TUESDAY_MORNING, translations("ar"))

    assert title == "\u2066Sportello di esempio\u2069"
    assert "\u2066+39 02 5550 123\u2069" in text


def test_a_catalogue_without_the_codes_file_is_not_an_ambito(tmp_path):
    shutil.copy(settings().catalog_dir / "vocabulary.yml", tmp_path)

    assert Catalog(tmp_path).refresh().problems == {}
