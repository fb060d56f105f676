"""Changes one entry of a catalogue file and leaves every other byte as it was."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from bot.catalog.loader import Problem, plain, read_file
from bot.catalog.model import Service
from bot.settings import settings

ORDER = list(Service.model_fields)


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
    """One service as it stands in the file: its lines, and their content."""

    first: int
    last: int  # the line after it
    text: str
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
        lines = text.splitlines(keepends=True)
        changed = _indented(_edited(entry.text, data), lines[entry.first])
        _replace(path, "".join([*lines[: entry.first], changed, *lines[entry.last :]]), data)
        return entry.data


def add_entry(path: Path, data: dict[str, Any]) -> None:
    """Put a new entry behind the last one; raises FileHasErrors, or CannotWrite."""
    with _locked(path):
        text = _text(path)
        lines = text.splitlines(keepends=True)
        spans = _spans(path, text)
        made = _edited("- {}\n", data)
        if spans:
            _, last = spans[-1]
            before = "".join(lines[:last])
            before += "" if before.endswith("\n") else "\n"
            new = f"{before}\n{_indented(made, lines[spans[-1][0]])}{''.join(lines[last:])}"
        else:
            new = re.sub(r"^services:[^\n]*\n?", lambda _: f"services:\n\n{made}", text, count=1, flags=re.MULTILINE)
        _replace(path, new, data)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CannotWrite(error.strerror) from error
    except UnicodeDecodeError:
        raise FileHasErrors(read_file(path).problems) from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer of a file at a time, on this machine."""
    folder = settings().state_dir / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f"{path.stem}.lock").open("w")
    except OSError as error:
        raise CannotWrite(error.strerror) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _spans(path: Path, text: str) -> list[tuple[int, int]]:
    """First line and line after the last one of each entry, without the comments that lead to the next."""
    try:
        root: Any = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        listed: Any = next(value for key, value in root.value if key.value == "services")
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, StopIteration):
        raise FileHasErrors(read_file(path).problems) from None
    if not isinstance(listed, yaml.SequenceNode):
        raise FileHasErrors(read_file(path).problems)
    lines = text.splitlines()
    firsts = [node.start_mark.line for node in listed.value]
    after = [key.start_mark.line for key, _ in root.value if key.start_mark.line > listed.start_mark.line]
    ends = [*firsts[1:], min(after, default=len(lines))]
    return [(first, _without_trailing(lines, first, end)) for first, end in zip(firsts, ends, strict=False)]


def _without_trailing(lines: list[str], first: int, end: int) -> int:
    while end > first + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _find(path: Path, text: str, service_id: str) -> Entry | None:
    lines = text.splitlines(keepends=True)
    for first, last in _spans(path, text):
        chunk = "".join(lines[first:last])
        if service_id in chunk:
            data = plain(_yaml().load(textwrap.dedent(chunk))[0])
            if isinstance(data, dict) and data.get("id") == service_id:
                _validate(path, data)
                return Entry(first, last, textwrap.dedent(chunk), data)
    return None


def _validate(path: Path, data: dict[str, Any]) -> None:
    try:
        Service.model_validate(data)
    except ValidationError:
        raise FileHasErrors(read_file(path).problems) from None


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


def _indented(chunk: str, like: str) -> str:
    return textwrap.indent(chunk, like[: len(like) - len(like.lstrip())])


def _replace(path: Path, text: str, data: dict[str, Any]) -> None:
    """Write beside the file, read that back with the loader's own checks, then put it in the file's place."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _check(partial, path, data)
        partial.chmod(path.stat().st_mode)
        partial.replace(path)
    except OSError as error:
        raise CannotWrite(error.strerror) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


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
