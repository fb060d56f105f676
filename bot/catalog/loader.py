"""Reads the catalogue's YAML files, says everything that is wrong with them, and keeps the last good version live."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from bot.catalog.model import CatalogFile, Service
from bot.settings import settings

NOT_AN_AMBITO = {"vocabulary.yml"}
LOOK_AGAIN_SECONDS = 2.0

Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field."""

    path: Path
    line: int
    level: Literal["error", "warning"]
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.level}: {self.where}: {self.message}"


@dataclass(frozen=True)
class Loaded(Generic[Content]):
    """What one file holds; `content` is None when it has an error."""

    content: Content | None
    problems: list[Problem] = field(default_factory=list)


Checks = Callable[[Path, Any, Content], Iterator[Problem]]


def read_file(path: Path) -> Loaded[CatalogFile]:
    """Read and check the services of one ambito; never raises for what an operator may have typed."""
    return read_yaml(path, CatalogFile, _cross_checks, 'must begin with "ambito:" and "services:".')


def read_yaml(path: Path, model: type[Content], checks: Checks[Content], beginning: str) -> Loaded[Content]:
    """Read one file into a model and check it; `beginning` says what a file that is none of these lacks."""
    try:
        data = YAML().load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        return Loaded(None, [_syntax_problem(path, error)])
    if not isinstance(data, dict):
        return Loaded(None, [Problem(path, 1, "error", "file", beginning)])
    problems: list[Problem] = []
    content = None
    try:
        content = model.model_validate(_plain(data))
    except ValidationError as error:
        problems = [_problem(path, data, e) for e in error.errors()]
    if content:
        problems = list(checks(path, data, content))
        if any(p.level == "error" for p in problems):
            content = None
    return Loaded(content, sorted(problems, key=lambda p: p.line))


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(k): _plain(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_plain(v) for v in node]
    if isinstance(node, (int, float, bool, date)) or node is None:
        return node
    return str(node)


def _syntax_problem(path: Path, error: Exception) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    line = mark.line + 1 if mark else 1
    said = error.problem if isinstance(error, MarkedYAMLError) and error.problem else "not UTF-8 text"
    return Problem(
        path, line, "error", "file", f"cannot be read as YAML ({said}). Check indentation, quotes and colons here."
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
        name = service.get("id", f"service {loc[1] + 1}") if isinstance(service, dict) else f"service {loc[1] + 1}"
        return f"{name}, {loc[2]}" if len(loc) > 2 else str(name)
    return ".".join(str(step) for step in loc) or "file"


_PLAIN_WORDS = {
    "missing": "is missing. Add it.",
    "extra_forbidden": "is not a field of the catalogue. Check its spelling.",
    "string_pattern_mismatch": '"{input}" does not have the right form.',
    "string_too_long": '"{input}" is too long: at most {max_length} characters.',
    "too_short": "must not be empty.",
    "string_type": "must be text. Put it between quotes.",
    "list_type": "must be a list, like [a, b].",
    "dict_type": "must be a group of fields.",
    "model_type": "must be a group of fields.",
    "bool_type": "must be true or false.",
    "bool_parsing": "must be true or false.",
}


def _problem(path: Path, data: Any, error: Any) -> Problem:
    if error["type"] == "value_error":
        message = str(error["ctx"]["error"])
    elif words := _PLAIN_WORDS.get(error["type"]):
        message = words.format(input=error.get("input"), **error.get("ctx", {}))
    else:
        message = error["msg"]
    return Problem(path, line_of(data, error["loc"]), "error", _where(data, error["loc"]), message)


def _cross_checks(path: Path, data: Any, content: CatalogFile) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, service in enumerate(content.services):

        def problem(level: Any, name: str, message: str, index: int = index) -> Problem:
            loc = ("services", index, name)
            return Problem(path, line_of(data, loc), level, _where(data, loc), message)

        if service.id in seen:
            yield problem("error", "id", f'"{service.id}" is used twice. Give each service its own id.')
        seen.add(service.id)
        if service.scope == "local" and not service.comune:
            yield problem("warning", "comune", "has no municipality, so it cannot be ranked by distance.")
        if service.hours and service.hours != "24/7" and "PH" not in service.hours:
            yield problem("warning", "hours", 'and on public holidays? Add "; PH off" if it is closed.')
        if not (service.address or service.phone or service.web or service.email):
            yield problem("warning", "address", "no address, phone, e-mail or web site: a person cannot reach it.")


class Folder(Generic[Content]):
    """The files of a folder; looks at them again every two seconds and never loses the good version of one."""

    def __init__(self, folder: Path, last_good: Path | None = None) -> None:
        self._folder = folder
        self._last_good = last_good
        self._stamps: dict[Path, tuple[float, int]] = {}
        self._files: dict[Path, Content] = {}
        self._looked_at = float("-inf")
        self.problems: dict[Path, list[Problem]] = {}

    def read(self, path: Path) -> Loaded[Content]:
        """Read and check one file."""
        raise NotImplementedError

    def index(self) -> None:
        """Take in the files as they now are."""
        raise NotImplementedError

    def refresh(self) -> Self:
        """Take in the files that changed since the last look."""
        if time.monotonic() - self._looked_at < LOOK_AGAIN_SECONDS:
            return self
        self._looked_at = time.monotonic()
        stamps = {}
        for path in sorted(self._folder.glob("*.yml")):
            if path.name not in NOT_AN_AMBITO:
                status = path.stat()
                stamps[path] = (status.st_mtime, status.st_size)
        if stamps != self._stamps:
            for path in stamps.keys() - {p for p, s in self._stamps.items() if stamps.get(p) == s}:
                self._read(path)
            for path in self._stamps.keys() - stamps.keys():
                self._files.pop(path, None)
                self.problems.pop(path, None)
            self._stamps = stamps
            self.index()
        return self

    def _read(self, path: Path) -> None:
        loaded = self.read(path)
        self.problems[path] = loaded.problems
        copy = self._last_good / path.name if self._last_good else None
        if loaded.content:
            self._files[path] = loaded.content
            if copy:
                _copy(path, copy)
        elif path not in self._files and copy and copy.exists():
            previous = self.read(copy).content
            if previous:
                self._files[path] = previous


class Catalog(Folder[CatalogFile]):
    """All services that are valid."""

    def __init__(self, folder: Path, last_good: Path | None = None) -> None:
        super().__init__(folder, last_good)
        self.services: dict[str, Service] = {}
        self.ambito_of: dict[str, frozenset[str]] = {}

    def read(self, path: Path) -> Loaded[CatalogFile]:
        """The services of one ambito."""
        return read_file(path)

    def index(self) -> None:
        """The services by id; one whose id another file has is told and left out."""
        self.services, self.ambito_of = {}, {}
        for path, content in sorted(self._files.items()):
            for index, service in enumerate(content.services):
                if service.id in self.services:
                    where = f"{service.id}, id"
                    told = Problem(path, index + 1, "error", where, "is used in another file too. Give it its own id.")
                    self.problems[path] = [*self.problems.get(path, []), told]
                    continue
                self.services[service.id] = service
                self.ambito_of[service.id] = frozenset(content.ambito.names)

    def names_of_ambito(self, ambito_id: str) -> frozenset[str]:
        """The names that the ambito with this id has in ambiti.csv; empty for an unknown id."""
        return frozenset(
            n for content in self._files.values() if content.ambito.id == ambito_id for n in content.ambito.names
        )

    def current(self, today: date) -> list[Service]:
        """The services that are valid today."""
        return [s for s in self.services.values() if s.valid_to is None or s.valid_to >= today]


def _copy(path: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_suffix(f".{id(path)}.part")
    shutil.copyfile(path, partial)
    partial.replace(copy)


@lru_cache
def _catalog() -> Catalog:
    return Catalog(settings().catalog_dir, settings().state_dir / "catalog")


def catalog() -> Catalog:
    """The catalogue of this process, fresh to within two seconds."""
    return _catalog().refresh()
