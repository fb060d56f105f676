"""Reads the catalogue's YAML files, says everything that is wrong with them, and keeps the last good version live."""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar
from weakref import WeakValueDictionary

import yaml
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from bot.catalog.blocks import blocks
from bot.catalog.hours import doubts
from bot.catalog.model import CatalogFile, Service
from bot.settings import settings

NOT_AN_AMBITO = {"vocabulary.yml"}
LOOK_AGAIN_SECONDS = 2.0
log = logging.getLogger(__name__)
Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field, told to the operator in Italian."""

    path: Path
    line: int
    level: Literal["error", "warning"]
    where: str
    message: str

    def __str__(self) -> str:
        level = {"error": "errore", "warning": "avviso"}[self.level]
        return f"{self.path.name}:{self.line}: {level}: {self.where}: {self.message}"


@dataclass(frozen=True)
class Loaded(Generic[Content]):
    """What one file holds; `content` is None when it has an error."""

    content: Content | None
    problems: list[Problem] = field(default_factory=list)


Checks = Callable[[Path, Any, Content], Iterator[Problem]]


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml, ten times faster than the loader that knows lines, reading words and numbers as YAML 1.2 does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value)
        if len(keys) < len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "the same key twice", node.start_mark)
        return dict(super().construct_mapping(node, deep))


for _tag, _pattern, _first in [
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", list("0123456789")),
]:
    _FastLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)
_FastLoader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


#: The text of an entry to its service, for as long as somebody holds that service.
_known: WeakValueDictionary[str, Service] = WeakValueDictionary()


def read_file(path: Path) -> Loaded[CatalogFile]:
    """Read one file; never raises for what an operator may have typed. Only errors are told: see check_file()."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return check_file(path)
    try:
        content = _in_pieces(text) or CatalogFile.model_validate(yaml.load(text, _FastLoader))
        if len({service.id for service in content.services}) == len(content.services):
            return Loaded(content)
    except (yaml.YAMLError, ValidationError):
        if problems := _problems_in_pieces(path, text):
            return Loaded(None, problems)
    loaded = check_file(path)
    return Loaded(loaded.content, [p for p in loaded.problems if p.level == "error"])


def _in_pieces(text: str) -> CatalogFile | None:
    """Each entry by itself, so that those read before are not read again; None when this text must be read whole."""
    cut = blocks(text)
    try:
        frame = yaml.load(cut.frame, _FastLoader) if cut else None
        if cut is None or not isinstance(frame, dict) or frame.get("services", "") is not None:
            return None
        return CatalogFile.model_validate({**frame, "services": [_service(entry) for entry in cut.entries]})
    except (yaml.YAMLError, ValidationError, ValueError):
        return None


def _service(entry: str) -> Service:
    known = _known.get(entry)
    if known is None:
        [data] = yaml.load(entry, _FastLoader)
        known = _known[entry] = Service.model_validate(data)
    return known


def _problems_in_pieces(path: Path, text: str) -> list[Problem]:
    """The errors of the entries that have some, at their lines; empty when they are elsewhere."""
    cut = blocks(text)
    if cut is None:
        return []
    sound = [_is_sound(entry) for entry in cut.entries]
    pieces = [_placeholder(entry, cut.indent) if ok else entry for entry, ok in zip(cut.entries, sound, strict=True)]
    begin, end = cut.spans[0][0], cut.spans[-1][1]
    loaded = _read(path, text[:begin] + "".join(pieces) + text[end:], CatalogFile, lambda *_: iter(()), "")
    line = text.count("\n", 0, begin) + 1
    lines_of_sound: set[int] = set()
    for entry, ok in zip(cut.entries, sound, strict=True):
        lines = range(line, line + entry.count("\n"))
        line = lines.stop
        if ok:
            lines_of_sound.update(lines)
    return [problem for problem in loaded.problems if problem.line not in lines_of_sound]


def _is_sound(entry: str) -> bool:
    try:
        _service(entry)
    except (yaml.YAMLError, ValidationError, ValueError):
        return False
    return True


def _placeholder(entry: str, indent: str) -> str:
    """As many lines, which cost nothing to read."""
    return f"{indent}- {{}}" + "\n" * entry.count("\n")


def check_file(path: Path, today: date | None = None) -> Loaded[CatalogFile]:
    """Read the services of one ambito with the line of every error and warning."""
    day = today or date.today()
    return read_yaml(
        path,
        CatalogFile,
        lambda path, data, content: _cross_checks(path, data, content, day),
        'deve cominciare con "ambito:" e "services:".',
    )


def read_yaml(path: Path, model: type[Content], checks: Checks[Content], beginning: str) -> Loaded[Content]:
    """Read one file into a model and check it; `beginning` says what a file that is none of these lacks."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return Loaded(None, [_syntax_problem(path, error)])
    return _read(path, text, model, checks, beginning)


def _read(path: Path, text: str, model: type[Content], checks: Checks[Content], beginning: str) -> Loaded[Content]:
    try:
        data = YAML().load(text)
    except YAMLError as error:
        return Loaded(None, [_syntax_problem(path, error)])
    if not isinstance(data, dict):
        return Loaded(None, [Problem(path, 1, "error", "file", beginning)])
    problems: list[Problem] = []
    content = None
    try:
        content = model.model_validate(plain(data))
    except ValidationError as error:
        problems = [_problem(path, data, e) for e in error.errors()]
    if content:
        problems = list(checks(path, data, content))
        if any(p.level == "error" for p in problems):
            content = None
    return Loaded(content, sorted(problems, key=lambda p: p.line))


def plain(node: Any) -> Any:
    """The content of a YAML node without ruamel's own types."""
    if isinstance(node, dict):
        return {str(k): plain(v) for k, v in node.items()}
    if isinstance(node, list):
        return [plain(v) for v in node]
    if isinstance(node, (int, float, bool, date)) or node is None:
        return node
    return str(node)


def _syntax_problem(path: Path, error: Exception) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    line = mark.line + 1 if mark else 1
    said = error.problem if isinstance(error, MarkedYAMLError) and error.problem else "non è testo UTF-8"
    return Problem(
        path, line, "error", "file", f"non si legge come YAML ({said}). Controlla qui rientri, apici e due punti."
    )


def line_of(data: Any, loc: tuple[Any, ...]) -> int:
    """The line of the innermost key on the way to `loc` that stands in the file."""
    line = 1
    node: Any = data
    for step in loc:
        try:
            marks = node.lc  # ruamel's own lists and mappings carry it
            position = marks.item(step) if isinstance(step, int) else marks.key(step)
            line, node = position[0] + 1, node[step]
        except (KeyError, IndexError, AttributeError, TypeError):
            break
    return line


def _where(data: Any, loc: tuple[Any, ...]) -> str:
    """The service's id, if it has one, and the field."""
    if len(loc) >= 2 and loc[0] == "services":
        service = data["services"][loc[1]]
        unnamed = f"servizio {loc[1] + 1}"
        name = service.get("id", unnamed) if isinstance(service, dict) else unnamed
        return f"{name}, {loc[2]}" if len(loc) > 2 else str(name)
    return ".".join(str(step) for step in loc) or "file"


_PLAIN_WORDS = {
    "missing": "manca. Aggiungilo.",
    "extra_forbidden": "non è un campo del catalogo. Controlla come è scritto.",
    "string_pattern_mismatch": '"{input}" non ha la forma giusta.',
    "string_too_long": '"{input}" è troppo lungo: al massimo {max_length} caratteri.',
    "string_too_short": '"{input}" è troppo corto.',
    "too_short": "non può essere vuoto.",
    "string_type": "deve essere un testo. Mettilo tra apici.",
    "list_type": "deve essere un elenco, come [a, b].",
    "dict_type": "deve essere un gruppo di campi.",
    "model_type": "deve essere un gruppo di campi.",
    "bool_type": "deve essere true o false.",
    "bool_parsing": "deve essere true o false.",
    "float_parsing": '"{input}" non è un numero. Scrivilo come 45.46.',
    "float_type": '"{input}" non è un numero. Scrivilo come 45.46.',
    "greater_than_equal": "{input} è fuori dalla Lombardia: latitudine da 44.5 a 47, longitudine da 8 a 12.",
    "less_than_equal": "{input} è fuori dalla Lombardia: latitudine da 44.5 a 47, longitudine da 8 a 12.",
    "literal_error": '"{input}" non va bene. Scrivi {expected}.',
    "date_from_datetime_parsing": '"{input}" non è una data. Scrivila come 2026-11-20.',
    "date_parsing": '"{input}" non è una data. Scrivila come 2026-11-20.',
    "date_type": '"{input}" non è una data. Scrivila come 2026-11-20.',
}


def in_plain_words(error: Any) -> str:
    """What pydantic found wrong, told in Italian with what to type."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if words := _PLAIN_WORDS.get(error["type"]):
        return words.format(input=error.get("input"), **error.get("ctx", {}))
    return str(error["msg"])


def _problem(path: Path, data: Any, error: Any) -> Problem:
    return Problem(path, line_of(data, error["loc"]), "error", _where(data, error["loc"]), in_plain_words(error))


def _cross_checks(path: Path, data: Any, content: CatalogFile, today: date) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, service in enumerate(content.services):

        def problem(level: Any, name: str, message: str, index: int = index) -> Problem:
            loc = ("services", index, name)
            return Problem(path, line_of(data, loc), level, _where(data, loc), message)

        if service.id in seen:
            yield problem("error", "id", f'"{service.id}" è usato due volte. Dai a ogni servizio un id suo.')
        seen.add(service.id)
        if service.valid_to and service.valid_to < today:
            continue
        for name, message in doubts_about(service, today):
            yield problem("warning", name, message)


def doubts_about(service: Service, today: date) -> Iterator[tuple[str, str]]:
    """What is probably not meant, though it is valid: the field and the reason."""
    if service.scope == "local" and not service.comune:
        yield "comune", "manca il comune: non si può ordinare per distanza."
    for doubt in doubts(service.hours, today) if service.hours else []:
        yield "hours", doubt
    if not (service.address or service.phone or service.web or service.email):
        yield "address", "mancano indirizzo, telefono, e-mail e sito: nessuno può raggiungerlo."
    for name in ("confirmed", "checked"):
        day = service.confirmed.on if name == "confirmed" and service.confirmed else service.checked
        if day and day > today and getattr(service, name):
            yield name, f"il {day:%d/%m/%Y} deve ancora venire. Correggi la data."


@dataclass(frozen=True)
class _Index:
    """All services of the valid files, found by id and by need; replaced as a whole, never changed."""

    services: dict[str, Service] = field(default_factory=dict)
    ambito_of: dict[str, frozenset[str]] = field(default_factory=dict)
    by_need: dict[str, list[Service]] = field(default_factory=dict)


class Folder(Generic[Content]):
    """The files of a folder; sees those that change, and never loses the good version of one."""

    def __init__(self, folder: Path, last_good: Path | None = None) -> None:
        self._folder = folder
        self._last_good = last_good
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._files: dict[Path, Content] = {}
        self._in_file: dict[Path, list[Problem]] = {}
        self._looked_at = float("-inf")
        self._looking = threading.Lock()

    def read(self, path: Path) -> Loaded[Content]:
        """Read one file."""
        raise NotImplementedError

    def index(self) -> None:
        """Take in the files as they now are."""
        raise NotImplementedError

    @property
    def problems(self) -> dict[Path, list[Problem]]:
        """What is wrong with each file that was read."""
        return dict(self._in_file)

    def refresh(self) -> Self:
        """Take in the files that changed since the last look; at most every two seconds."""
        if time.monotonic() - self._looked_at >= LOOK_AGAIN_SECONDS:
            with self._looking:
                self._looked_at = time.monotonic()
                self._look()
        return self

    def _look(self) -> None:
        stamps = {}
        for path in sorted(self._folder.glob("*.yml")):
            if path.name not in NOT_AN_AMBITO:
                status = path.stat()
                stamps[path] = (status.st_mtime_ns, status.st_size)
        if stamps == self._stamps:
            return
        for path in [p for p, stamp in stamps.items() if self._stamps.get(p) != stamp]:
            self._read(path)
        for path in self._stamps.keys() - stamps.keys():
            self._files.pop(path, None)
            self._in_file.pop(path, None)
        self._stamps = stamps
        self.index()

    def _read(self, path: Path) -> None:
        loaded = self.read(path)
        self._in_file[path] = loaded.problems
        copy = self._last_good / path.name if self._last_good else None
        if loaded.content:
            self._files[path] = loaded.content
            if copy:
                _copy(path, copy)
            return
        for problem in loaded.problems:
            log.error("file of the catalogue not taken in, its last good version stays: %s", problem)
        if path not in self._files and copy and copy.exists():
            previous = self.read(copy).content
            if previous:
                self._files[path] = previous


class Catalog(Folder[CatalogFile]):
    """All services that are valid."""

    def __init__(self, folder: Path, last_good: Path | None = None) -> None:
        super().__init__(folder, last_good)
        self._index = _Index()
        self._between_files: dict[Path, list[Problem]] = {}

    @property
    def services(self) -> dict[str, Service]:
        """Every service by its id, also those no longer valid."""
        return self._index.services

    @property
    def ambito_of(self) -> dict[str, frozenset[str]]:
        """Service id to the names of its ambito in ambiti.csv."""
        return self._index.ambito_of

    @property
    def files(self) -> dict[str, CatalogFile]:
        """What is live, by the id of the ambito."""
        return {content.ambito.id: content for _, content in sorted(self._files.items())}

    @property
    def problems(self) -> dict[Path, list[Problem]]:
        """What is wrong with each file, and between files."""
        return {path: found + self._between_files.get(path, []) for path, found in self._in_file.items()}

    def read(self, path: Path) -> Loaded[CatalogFile]:
        """The services of one ambito."""
        return read_file(path)

    def index(self) -> None:
        """The services by id and need; one whose id another file has is told and left out."""
        index = _Index()
        twice: dict[Path, list[Problem]] = {}
        for path, content in sorted(self._files.items()):
            for service in content.services:
                if service.id in index.services:
                    twice.setdefault(path, []).append(_used_twice(path, service.id))
                    continue
                index.services[service.id] = service
                index.ambito_of[service.id] = frozenset(content.ambito.names)
                for need in service.needs:
                    index.by_need.setdefault(need, []).append(service)
        for path, found in twice.items():
            for problem in found:
                if problem not in self._between_files.get(path, []):
                    log.error("service of the catalogue left out: %s", problem)
        self._index, self._between_files = index, twice

    def path_of(self, ambito_id: str) -> Path | None:
        """The file of an ambito; None for an unknown id."""
        return next((path for path, content in self._files.items() if content.ambito.id == ambito_id), None)

    def names_of_ambito(self, ambito_id: str) -> frozenset[str]:
        """The names that the ambito with this id has in ambiti.csv; empty for an unknown id."""
        content = self.files.get(ambito_id)
        return frozenset(content.ambito.names) if content else frozenset()

    def current(self, today: date) -> list[Service]:
        """The services that are valid today."""
        return [s for s in self._index.services.values() if _is_valid(s, today)]

    def for_need(self, need: str, today: date) -> list[Service]:
        """The services for a need that are valid today."""
        return [s for s in self._index.by_need.get(need, []) if _is_valid(s, today)]


def _used_twice(path: Path, service_id: str) -> Problem:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    line = next((n for n, text in enumerate(lines, 1) if text.strip() == f"- id: {service_id}"), 1)
    return Problem(path, line, "error", f"{service_id}, id", "c'è già in un altro file. Dagli un id suo.")


def _is_valid(service: Service, today: date) -> bool:
    return service.valid_to is None or service.valid_to >= today


def _copy(path: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_suffix(f".{os.getpid()}.part")
    shutil.copyfile(path, partial)
    partial.replace(copy)


def _keep_fresh(live: Catalog) -> None:
    while True:
        time.sleep(LOOK_AGAIN_SECONDS)
        try:
            live.refresh()
        except OSError:  # a file vanished between the listing and the reading
            log.warning("catalogue folder changed while it was read; looking again", exc_info=True)


@lru_cache
def catalog() -> Catalog:
    """The catalogue of this process; a thread keeps it fresh, so that no answer waits while a file is read."""
    live = Catalog(settings().catalog_dir, settings().state_dir / "catalog").refresh()
    threading.Thread(target=_keep_fresh, args=(live,), name="catalogue", daemon=True).start()
    return live
