from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from probe.store.database import Database
from tests.probe.store.example_facts import blobs, full_cycle, vantage

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a SQLite database is made."""
    return str(tmp_path / "results.db")


@pytest.fixture
def database(path: str) -> Iterator[Database]:
    """An empty SQLite database."""
    with Database.open(path, create=True) as opened:
        yield opened


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with two vantages of three cycles each, appended in turns."""
    fill(database)
    return database


def fill(database: Database) -> None:
    for vantage_id in ("almaty", "aktau"):
        database.append(vantage_id, [vantage(vantage_id)])
    for number in range(3):
        for vantage_id in ("almaty", "aktau"):
            database.append(vantage_id, full_cycle(number, vantage_id), blobs())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of our own in a temporary folder, reached over a local socket; the URL of its databases."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(binaries[-1]) if binaries else shutil.which("initdb")
    if initdb is None:
        pytest.skip("no PostgreSQL binaries: neither in /usr/lib/postgresql nor on PATH")
    folder = Path(tempfile.mkdtemp(prefix="nb-pg-", dir="/tmp"))  # short: a socket's path holds 107 bytes
    as_user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        as_user = pwd.getpwnam("nobody").pw_uid
        os.chown(folder, as_user, -1)

    def call(*command: str) -> None:
        subprocess.run(command, user=as_user, cwd=folder, capture_output=True, check=True)

    control = str(Path(initdb).with_name("pg_ctl"))
    data = str(folder / "data")
    try:
        call(initdb, "-D", data, "-U", "nameblind", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        call(control, "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield f"postgresql://nameblind@/{{name}}?host={folder}"
        finally:
            call(control, "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of a fresh, empty PostgreSQL database."""
    import psycopg

    name = f"t{uuid4().hex}"
    with psycopg.connect(postgres_server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return postgres_server.format(name=name)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
