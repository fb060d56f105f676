"""A file read entry by entry says what the whole file says, for whatever may stand in it."""

from __future__ import annotations

import time

import pytest
import yaml

from bot.catalog import loader
from bot.catalog.blocks import blocks
from bot.catalog.loader import CatalogFile, check_file, read_file
from tests.conftest import ROOT

HEAD = "ambito: {id: prova, name: Prova}\n"


def entry(name, extra="", indent=""):
    lines = f"- id: {name}\n  name: Sportello\n  kind: office\n  needs: [housing]\n"
    lines += "  source: {url: 'pagina', date: null}\n"
    return "".join(indent + line for line in (lines + extra).splitlines(keepends=True))


FILES = {
    "plain": HEAD + "services:\n" + entry("uno") + entry("due"),
    "indented": HEAD + "services: # elenco\n\n  # del primo\n" + entry("uno", indent="  ") + entry("due", indent="  "),
    "list in front": "services:\n" + entry("uno") + "# e poi\n" + HEAD,
    "windows": (HEAD + "services:\n" + entry("uno") + entry("due")).replace("\n", "\r\n"),
    "no end of line": (HEAD + "services:\n" + entry("uno") + entry("due")).rstrip("\n"),
    "quotation over lines": HEAD + "services:\n" + entry("uno", '  provider: "a\n\n- id: due\n  b"\n') + entry("tre"),
    "brackets over lines": HEAD + "services:\n" + entry("uno", "  languages: [ar,\nbn]\n") + entry("due"),
    "literal text": HEAD
    + "services:\n"
    + entry("uno", "  provider: |\n    - id: x\n    # no comment\n")
    + entry("due"),
    "alias": HEAD + "services:\n" + entry("uno", "  bring: &x [passport]\n") + entry("due", "  bring: *x\n"),
    "dash alone": HEAD + "services:\n" + entry("uno").replace("- id", "-\n  id") + entry("due"),
    "document marks": "---\n" + HEAD + "services:\n" + entry("uno") + "...\n",
    "quoted key": HEAD + '"services":\n' + entry("uno"),
    "empty list": HEAD + "services: []\n",
    "line separator": HEAD + "services:\n" + entry("uno", "  provider: 'a\u2028- b'\n") + entry("due"),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_reading_in_pieces_says_what_the_whole_file_says(text, tmp_path):
    path = tmp_path / "prova.yml"
    path.write_bytes(text.encode())
    try:
        whole = CatalogFile.model_validate(yaml.load(text, loader._FastLoader))
    except yaml.YAMLError:
        whole = None

    assert read_file(path).content == whole
    assert whole is None or whole == CatalogFile.model_validate(loader.plain(loader.YAML().load(text)))


BROKEN = {
    "second document": HEAD + "services:\n" + entry("uno") + "---\n" + entry("due"),
    "twice the same list": HEAD + "services:\n" + entry("uno") + "services:\n" + entry("due"),
    "twice the same id": HEAD + "services:\n" + entry("uno") + entry("uno"),
    "no list": HEAD + "services:\nother: 1\n",
    "field unknown": HEAD + "services:\n" + entry("uno") + entry("due", "  colour: red\n") + entry("tre"),
    "source missing": HEAD + "services:\n" + entry("uno") + "- name: senza\n" + entry("tre"),
    "frame": "ambito: {id: prova}\nservices:\n" + entry("uno") + entry("due"),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_as_the_whole_file_tells_it(text, tmp_path):
    path = tmp_path / "prova.yml"
    path.write_text(text, encoding="utf-8")

    read = read_file(path)

    assert read.content is None
    told = [(p.line, p.where, p.message) for p in check_file(path).problems if p.level == "error"]
    found = [(p.line, p.where, p.message) for p in read.problems]
    assert found == told


def test_an_open_quotation_is_told(tmp_path):
    path = tmp_path / "prova.yml"
    path.write_text(HEAD + "services:\n" + entry("uno", "  provider: 'a\n") + entry("due"), encoding="utf-8")

    assert ["non si legge come YAML" in problem.message for problem in read_file(path).problems] == [True]


@pytest.mark.parametrize("path", sorted((ROOT / "services_catalog").glob("*.yml")), ids=lambda p: p.stem)
def test_every_shipped_file_can_be_read_in_pieces(path):
    if path.name not in loader.NOT_AN_AMBITO:
        assert blocks(path.read_text(encoding="utf-8"))


def test_one_error_among_thousands_is_told_soon(tmp_path):
    path = tmp_path / "prova.yml"
    entries = "".join(entry(f"n{number}") for number in range(5000))
    path.write_text(HEAD + "services:\n" + entries + entry("rotto", "  colour: red\n"), encoding="utf-8")

    start = time.perf_counter()
    [problem] = read_file(path).problems

    assert time.perf_counter() - start < 8  # the whole file with lines takes several times as long
    assert (problem.line, problem.where) == (3 + 5000 * 5 + 5, "rotto, colour")
