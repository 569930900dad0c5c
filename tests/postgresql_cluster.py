"""A PostgreSQL server of the tests' own, on a socket that nobody else finds."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


class Cluster:
    """A running server; each test takes a schema of its own, which is much quicker to make than a database."""

    def __init__(self, socket_folder: Path, crash: Callable[[], None]) -> None:
        self._address = f"postgresql://chargehouse@/postgres?host={socket_folder}"
        self._count = 0
        self.crash = crash
        """Stop the server without letting it tidy up, and start it again."""

    def new_schema(self) -> str:
        """Make an empty schema and return the URL of a database that has nothing else."""
        self._count += 1
        name = f"ledger_{self._count}"
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(f"create schema {name}")
        return f"{self._address}&options=-csearch_path%3D{name}"


def _binaries() -> Path | None:
    # Debian keeps the server out of the path, by version.
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), *map(Path, filter(None, [shutil.which("initdb")]))]
    real = [path.parent for path in found if (path.parent / "postgres").exists()]
    return max(real, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()], default=None)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run a server in a temporary folder; skip where PostgreSQL is not installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server on this machine: `make setup-system` installs it")
    # Not pytest's folder: the server refuses to run as root, and its user may not look into root's folders. The path
    # of a socket has to be short, too.
    folder = Path(tempfile.mkdtemp(prefix="chargehouse-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(binaries / program), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    data, log = folder / "data", folder / "server.log"
    # Nobody pulls the plug of this machine: without fsync a hundred ledgers are made in seconds.
    options = f"-k {folder} -c listen_addresses='' -c max_connections=60 -c fsync=off"

    def start() -> None:
        run("pg_ctl", "-D", str(data), "-l", str(log), "-o", options, "-w", "start")

    def stop() -> None:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")

    def crash() -> None:
        stop()
        start()

    try:
        run("initdb", "-D", str(data), "-A", "trust", "-U", "chargehouse", "-E", "UTF8", "--locale=C", "--no-sync")
        start()
        try:
            yield Cluster(folder, crash)
        finally:
            stop()
    finally:
        shutil.rmtree(folder)
