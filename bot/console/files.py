"""How the console writes a file that others read meanwhile: one writer at a time, and whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.settings import settings


@contextlib.contextmanager
def one_writer(name: str) -> Iterator[None]:
    """The only writer of what has this name, on this machine; raises OSError."""
    folder = settings().state_dir / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replace(path: Path, raw: bytes, check: Callable[[Path], None] | None = None) -> None:
    """Write beside the file, let `check` look at that and refuse, then put it in the file's place; raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if check:
            check(partial)
        partial.chmod(path.stat().st_mode)
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
