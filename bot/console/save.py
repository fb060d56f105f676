"""Changes one entry of a catalogue file and leaves every other byte as it was."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from bot.catalog.blocks import Blocks, blocks
from bot.catalog.loader import Problem, plain, read_file
from bot.catalog.model import Service
from bot.console.files import one_writer, replace

ORDER = list(Service.model_fields)
EMPTY = re.compile(r"^services:[ \t]*\[[ \t]*\][^\n]*\n?", re.MULTILINE)


class NotSaved(Exception):
    """Nothing was changed."""


class FileHasErrors(NotSaved):
    """The file on disk has errors that somebody made elsewhere; they are mended there first."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(*problems)
        self.problems = problems


class Conflict(NotSaved):
    """The entry changed since it was read; `entry` is what it is now, None when it is gone."""

    def __init__(self, entry: Entry | None) -> None:
        super().__init__(entry)
        self.entry = entry


class CannotWrite(NotSaved):
    """The disk refused, the file is gone, or it has a form that cannot be changed here."""


@dataclass(frozen=True)
class Entry:
    """One service as it stands in the file: where its text begins and ends, and its content."""

    begin: int
    end: int
    data: dict[str, Any]

    @property
    def digest(self) -> str:
        """Two entries of the same content have the same one."""
        return hashlib.sha256(as_json(self.data).encode()).hexdigest()


def as_json(data: dict[str, Any]) -> str:
    """The content in one fixed way, dates as text."""
    return json.dumps(data, default=str, sort_keys=True, ensure_ascii=False)


def read_entry(path: Path, service_id: str) -> Entry | None:
    """The entry of that id in the file as it now is; raises FileHasErrors or CannotWrite."""
    return _find(path, _text(path), service_id)


def change_entry(path: Path, service_id: str, digest: str, data: dict[str, Any]) -> dict[str, Any]:
    """Replace the content of an entry that is still what it was when it was read; returns what it was.

    Raises Conflict, FileHasErrors or CannotWrite.
    """
    with _locked(path):
        text = _text(path)
        entry = _find(path, text, service_id)
        if entry is None or entry.digest != digest:
            raise Conflict(entry)
        old = text[entry.begin : entry.end]
        changed = _like(_edited(textwrap.dedent(old), data), old)
        _replace(path, text[: entry.begin] + changed + text[entry.end :], data)
        return entry.data


def add_entry(path: Path, data: dict[str, Any]) -> None:
    """Put a new entry behind the last one; raises FileHasErrors, or CannotWrite."""
    with _locked(path):
        text = _text(path)
        made = _edited("- {}\n", data)
        if EMPTY.search(text):
            _replace(path, EMPTY.sub(lambda _: f"services:\n\n{made}", text, count=1), data)
            return
        cut = _cut(path, text)
        begin, until = cut.spans[-1]
        end = cut.without_comments_behind(begin, until)
        like = text[begin:end]
        newline = "\r\n" if "\r\n" in like else "\n"
        before = text[:end] if like.endswith("\n") else text[:end] + newline
        _replace(path, f"{before}{newline}{_like(made, like)}{text[end:]}", data)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise CannotWrite(error.strerror) from error
    except UnicodeDecodeError:
        raise FileHasErrors(read_file(path).problems) from None


def _cut(path: Path, text: str) -> Blocks:
    cut = blocks(text)
    if cut is None:
        raise _unusable(path)
    return cut


def _unusable(path: Path) -> NotSaved:
    """Why an entry of this file cannot be changed: it has errors, or a form that only an editor can keep."""
    problems = read_file(path).problems
    return FileHasErrors(problems) if problems else CannotWrite("the file has a form that cannot be changed here")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The only writer of the file; what the disk refuses is told as CannotWrite."""
    try:
        with one_writer(path.stem):
            yield
    except OSError as error:
        raise CannotWrite(error.strerror) from error


def _find(path: Path, text: str, service_id: str) -> Entry | None:
    if EMPTY.search(text):
        return None
    cut = _cut(path, text)
    for (begin, until), entry in zip(cut.spans, cut.entries, strict=True):
        if service_id in entry:
            end = cut.without_comments_behind(begin, until)
            try:
                [data] = plain(_yaml().load(textwrap.dedent(text[begin:end])))
                if isinstance(data, dict) and data.get("id") == service_id:
                    Service.model_validate(data)
                    return Entry(begin, end, data)
            except (YAMLError, ValidationError, ValueError):
                raise _unusable(path) from None
    return None


def _yaml() -> Any:
    """Writes an entry as it was read."""
    round_trip: Any = YAML()
    round_trip.preserve_quotes = True
    round_trip.width = 4096
    return round_trip


def _edited(chunk: str, data: dict[str, Any]) -> str:
    listed = _yaml().load(chunk)
    if not listed[0]:
        listed[0] = CommentedMap()
    _merge(listed[0], data, ORDER)
    written = io.StringIO()
    _yaml().dump(listed, written)
    return written.getvalue()


def _merge(node: CommentedMap, data: dict[str, Any], order: list[str]) -> None:
    """Change what differs, in its place; a new key goes where the model has it."""
    for key in [key for key in node if key not in data]:
        del node[key]
    for key, value in data.items():
        if key not in node:
            before = order[: order.index(key)] if key in order else list(node)
            node.insert(sum(one in before for one in node), key, _new(value))
        elif plain(node[key]) == value:
            continue
        elif isinstance(value, dict) and isinstance(node[key], dict):
            _merge(node[key], value, list(value))
        elif isinstance(value, list) and isinstance(node[key], list):
            _merge_list(node[key], value)
        else:
            node[key] = value


def _merge_list(node: CommentedSeq, values: list[Any]) -> None:
    for index in reversed(range(len(node))):
        if node[index] not in values:
            del node[index]
    for index, value in enumerate(values):
        if value not in node:
            node.insert(index, value)
    if list(node) != values:
        for index, value in enumerate(values):
            node[index] = value


def _new(value: Any) -> Any:
    if isinstance(value, list):
        made = CommentedSeq(value)
        made.fa.set_flow_style()
        return made
    return CommentedMap(value) if isinstance(value, dict) else value


def _like(chunk: str, old: str) -> str:
    """With the indent and the ends of line of the text that it replaces or follows."""
    made = textwrap.indent(chunk, old[: len(old) - len(old.lstrip(" "))])
    return made.replace("\n", "\r\n") if "\r\n" in old else made


def _replace(path: Path, text: str, data: dict[str, Any]) -> None:
    """Put the text in the file's place once the loader's own checks have read it."""
    replace(path, text.encode(), lambda partial: _check(partial, path, data))


def _check(partial: Path, path: Path, data: dict[str, Any]) -> None:
    """The new file holds the new entry and, unchanged, all the others."""
    loaded, previous = read_file(partial), read_file(path)
    if previous.content is None:
        raise FileHasErrors(previous.problems)
    if loaded.content is None:
        raise CannotWrite("; ".join(problem.message for problem in loaded.problems))
    now = {service.id: service for service in loaded.content.services}
    wanted = {service.id: service for service in previous.content.services}
    wanted[data["id"]] = Service.model_validate(data)
    if now != wanted:
        raise CannotWrite("the file has a form that cannot be changed here")
