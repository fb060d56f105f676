"""The exports: valid in the formats' own terms, faithful, and harmless to a spreadsheet."""

import csv
import io
import json
import shutil
import subprocess
from copy import deepcopy
from datetime import date
from uuid import UUID

import jsonschema
import pytest

from bot.catalog.exports import FORMATS
from bot.catalog.exports.cpsv import CONTEXT, to_cpsv
from bot.catalog.exports.geojson import to_geojson
from bot.catalog.exports.hsds import hsds_service, to_hsds
from bot.catalog.exports.tables import to_csv
from bot.catalog.loader import Catalog
from bot.fonts import FontMissing, font_for
from bot.i18n import languages
from bot.settings import ROOT, settings

SCHEMA = json.loads((ROOT / "tests" / "hsds-3.0" / "service_with_definitions.json").read_text())
PROFILE = json.loads((ROOT / "docs" / "hsds-profile" / "service.json").read_text())


@pytest.fixture(scope="module")
def shipped():
    return Catalog(settings().catalog_dir).refresh().current(date(2026, 11, 24))


def merged(target, patch):
    """JSON Merge Patch, RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def validator(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def closed(schema):
    """The schema with every object closed, so that a misspelt field is found."""
    node = deepcopy(schema)
    for one in [node, *node["definitions"].values()]:
        if "properties" in one:
            one["additionalProperties"] = False
    return node


@pytest.mark.parametrize("schema", [SCHEMA, closed(merged(SCHEMA, PROFILE))], ids=["published", "profile"])
def test_every_shipped_service_is_valid_hsds(shipped, schema):
    services = json.loads(to_hsds(shipped))

    assert len(services) == len(shipped)
    check = validator(schema)
    assert [error.message for service in services for error in check.iter_errors(service)] == []


def full(make_service):
    return make_service(
        provider="Comune di Esempio",
        postcode="23100",
        latitude=46.17,
        longitude=9.87,
        email="a@example.org",
        web="https://example.org/",
        hours="Mo-Fr 09:00-12:30, We 14:00-17:00; PH off",
        booking="required",
        languages=["ar", "bn"],
        cost="free",
        bring=["passport"],
        audience=["foreign_citizens"],
        serves="province",
        summary={"it": "Aiuto.", "ar": "مساعدة"},
        confirmed={"by": "sportello", "on": "2026-11-20"},
    )


def test_hsds_says_all_that_the_catalogue_knows(make_service):
    one = hsds_service(full(make_service))

    assert validator(SCHEMA).is_valid(one)
    assert one["assured_date"] == "2026-11-20"
    assert one["descriptions"] == [
        {"language": "it", "description": "Aiuto."},
        {"language": "ar", "description": "مساعدة"},
    ]
    assert {(s["byday"], s["opens_at"], s["closes_at"]) for s in one["schedules"]} == {
        ("MO,TU,WE,TH,FR", "09:00", "12:30"),
        ("WE", "14:00", "17:00"),
    }
    assert one["service_at_locations"][0]["location"]["addresses"][0]["postal_code"] == "23100"
    assert {a["taxonomy_term"]["code"] for a in one["attributes"]} == {
        "residence_permit",
        "sportello",
        "foreign_citizens",
    }


def test_hsds_ids_are_uuid5_unique_and_the_same_every_time(shipped):
    services, again = json.loads(to_hsds(shipped)), json.loads(to_hsds(shipped))

    ids = [service["id"] for service in services]
    assert all(UUID(one).version == 5 for one in ids)
    assert len(set(ids)) == len(ids)
    assert services == again
    assert ids[0] != ids[1]


def test_an_id_does_not_change_when_the_code_does(make_service):
    assert hsds_service(make_service())["id"] == "ddaa75b5-a8cc-5ae3-8baa-8da756a64606"


#: Terms of CPSV-AP_IT and of the ontologies that it imports (https://w3id.org/italia/onto/, CC BY 4.0).
CPSV_TERMS = {
    "CPSV": "Service PublicService PhoneChannel EmailChannel WebSiteChannel Input Cost serviceKeyword hasPhoneCh "
    "hasEmailCh hasWebSiteCh hasInput hasCost isPhysicallyAvailableAt",
    "CLV": "Feature Address City Geometry hasAddress hasCity hasGeometry fullAddress postCode lat long",
    "SM": "telephoneNumber emailAddress URL",
    "Language": "Language hasLanguage",
    "l0": "identifier name description",
    "dct": "source",
}


def terms_of(node):
    if isinstance(node, dict):
        for name, value in node.items():
            if ":" in name:
                yield name
            if name == "@type":
                yield value
            yield from terms_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from terms_of(value)


def test_cpsv_uses_only_terms_of_the_vocabulary(shipped, make_service):
    known = {f"{prefix}:{term}" for prefix, terms in CPSV_TERMS.items() for term in terms.split()}
    document = json.loads(to_cpsv([*shipped, full(make_service)]))

    assert document["@context"] == CONTEXT
    assert set(terms_of(document["@graph"])) == known
    assert len({node["@id"] for node in document["@graph"]}) == len(shipped) + 1


def test_geojson_has_a_point_for_every_service_with_a_town_in_lombardy(shipped):
    features = json.loads(to_geojson(shipped))["features"]

    assert [f["id"] for f in features] == [s.id for s in shipped]
    for feature, service in zip(features, shipped, strict=True):
        assert (feature["geometry"] is None) == (service.comune is None)
        if feature["geometry"]:
            longitude, latitude = feature["geometry"]["coordinates"]
            assert 8 < longitude < 12
            assert 44.5 < latitude < 47


def test_csv_reads_back_and_no_cell_is_a_formula(make_service):
    text = to_csv([make_service(name='=HYPERLINK("http://x")', provider="@SUM(A1)"), make_service(id="due")])

    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == ["esempio-sportello", "due"]
    assert rows[0]["name"] == '\'=HYPERLINK("http://x")'
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


def test_every_format_writes_the_shipped_catalogue(shipped):
    assert all(len(write(shipped)) > 10_000 for write in FORMATS.values())


@pytest.mark.parametrize("code", [code for code in languages() if code != "zh"])
def test_every_language_has_a_font_without_installing_any(code, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))

    assert font_for(code).exists()


def words_in(pdf, tmp_path):
    """The text of a PDF, by Poppler where it is installed."""
    if not shutil.which("pdftotext"):
        pytest.skip("THE TEXT OF SHEETS IS NOT TESTED: no pdftotext here (apt install poppler-utils)")
    (tmp_path / "sheet.pdf").write_bytes(pdf)
    told = subprocess.run(["pdftotext", tmp_path / "sheet.pdf", "-"], capture_output=True, text=True, check=True)
    return " ".join(told.stdout.split())


def test_a_sheet_has_the_name_the_hours_and_the_link(make_service, tmp_path):
    from bot.catalog.exports.sheet import service_sheet

    pdf = service_sheet(full(make_service), ["it", "ar"], "https://t.me/esempio_bot?start=esempio-sportello")

    assert pdf.startswith(b"%PDF")
    text = words_in(pdf, tmp_path)
    for expected in ("Sportello di esempio", "9:00-12:30", "https://t.me/esempio_bot?start=esempio-sportello"):
        assert expected in text


def test_a_language_without_a_font_is_named_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))

    with pytest.raises(FontMissing, match=r"zh.*fonts-droid-fallback"):
        font_for("zh")


def test_the_qr_code_holds_the_link_at_a_size_that_phones_read():
    segno = pytest.importorskip("segno", reason="QR CODES ARE NOT TESTED: segno is not installed")

    longest = segno.make("https://t.me/" + "b" * 32 + "?start=" + "i" * 36, error="m")

    assert longest.version <= 6
