"""A PostgreSQL server of the tests' own, from Debian's packages."""

from __future__ import annotations

import getpass
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import free_port

OWNER = "postgres"


def binaries() -> Path | None:
    """Where the newest server's programs are, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


def _run(*command: str) -> None:
    # The server refuses to run as root, so there it runs as Debian's user for it.
    prefix = ["runuser", "-u", OWNER, "--"] if getpass.getuser() == "root" else []
    subprocess.run([*prefix, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def server() -> Iterator[tuple[str, Callable[[], None]]]:
    """A running server in a folder of its own: its address without a database name, and how to restart it."""
    programs, port = binaries(), free_port()
    assert programs
    # Not below pytest's folder, which only its owner may enter.
    data = Path(tempfile.mkdtemp(prefix="ponte-postgresql-"))
    if getpass.getuser() == "root":
        shutil.chown(data, OWNER)
    _run(str(programs / "initdb"), "-D", str(data), "-U", "ponte", "--auth=trust", "-E", "UTF8", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    control, log = str(programs / "pg_ctl"), str(data / "log")
    start = (control, "-D", str(data), "-o", options, "-l", log, "-w", "start")
    stop = (control, "-D", str(data), "-m", "immediate", "-w", "stop")

    def restart() -> None:
        _run(*stop)
        _run(*start)

    _run(*start)
    try:
        yield f"postgresql+psycopg://ponte@127.0.0.1:{port}", restart
    finally:
        _run(*stop)
        shutil.rmtree(data, ignore_errors=True)
