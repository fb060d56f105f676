"""The operators' guide, the JSON Schema and the commands say what the code does."""

import json
import re
import subprocess
import sys

import jsonschema
import pytest
from ruamel.yaml import YAML

from bot.catalog.loader import check_file
from bot.catalog.model import CatalogFile, Service
from bot.catalog.schema import GUIDE_FILE, SCHEMA_FILE, json_schema, with_tables
from bot.settings import ROOT, settings

GUIDE = (ROOT / GUIDE_FILE).read_text(encoding="utf-8")


def test_the_tables_of_the_guide_and_the_schema_are_current():
    """When this fails run `bot catalog schema`."""
    assert with_tables(GUIDE) == GUIDE
    assert (ROOT / SCHEMA_FILE).read_text(encoding="utf-8") == json_schema()


def objects(schema):
    return [schema, *schema["$defs"].values()]


def test_every_field_has_an_italian_description_in_the_schema():
    for one in objects(json.loads(json_schema())):
        for name, field in one["properties"].items():
            assert len(field.get("description", "")) > 10, name


def test_the_schema_accepts_what_is_shipped_and_refuses_what_the_loader_refuses():
    check = jsonschema.Draft7Validator(json.loads(json_schema()))
    for path in settings().catalog_dir.glob("*.yml"):
        if path.name != "vocabulary.yml":
            data = json.loads(json.dumps(YAML(typ="safe").load(path.read_text(encoding="utf-8")), default=str))
            assert [error.message for error in check.iter_errors(data)] == [], path.name
    data["services"][0]["kind"] = "sportelo"
    assert not check.is_valid(data)


def example():
    [block] = [b for b in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL) if "services:" in b]
    return block


def test_the_example_in_the_guide_is_sound_and_uses_every_field(tmp_path):
    path = tmp_path / "esempio.yml"
    path.write_text(example(), encoding="utf-8")

    loaded = check_file(path)

    assert loaded.problems == []
    used = {name for service in loaded.content.services for name in service.model_fields_set}
    assert used == set(Service.model_fields)


def test_the_example_begins_with_the_line_that_tells_editors_the_schema():
    first = example().splitlines()[0]

    assert first == "# yaml-language-server: $schema=../docs/operators/catalog.schema.json"
    assert (settings().catalog_dir / first.split("=")[1]).resolve() == ROOT / SCHEMA_FILE


def bot(*words):
    command = [sys.executable, "-m", "bot.cli", "catalog", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("task", ["check", "hours", "due", "links", "import-schools", "export", "sheet", "schema"])
def test_every_command_is_in_the_guide_and_explains_itself(task):
    assert f"bot catalog {task}" in GUIDE
    assert bot(task, "--help").returncode == 0


def test_hours_typed_in_italian_are_shown_as_notation_week_and_doubts():
    told = bot("hours", "lun-ven 9-12.30, mer anche 14-17")

    assert told.returncode == 0
    assert told.stdout.splitlines()[0] == "Mo,Tu,Th,Fr 09:00-12:30; We 09:00-12:30,14:00-17:00"
    assert "mercoledì: 9:00-12:30, 14:00-17:00" in told.stdout
    assert "festivi" in told.stdout
    assert bot("hours", "quando capita").returncode == 1


def test_due_lists_an_ambito_and_knows_which_there_are():
    assert "da rivedere:" in bot("due", "sondrio").stdout
    assert "«nessuno» non è un ambito" in bot("due", "nessuno").stdout


def test_a_model_field_cannot_be_added_without_a_description():
    for model in (CatalogFile, Service):
        assert all(info.description for info in model.model_fields.values())
