"""Opening a database: tell ours from everything else, create it, bring its schema up to date, or refuse.

A refusal is one sentence and changes nothing on disk: a file is looked at
without SQLite first, then read-only.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, inspect, text
from sqlalchemy.exc import DBAPIError

from probe.errors import UserError
from probe.store.connection import APPLICATION_ID, connect, connect_for_reading, shown
from probe.store.lock import FILE_MODE, sole_use
from probe.store.writing import transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

HEAD = "0011"
"""The revision of the schema that this program reads and writes; the newest of ``migrations/versions``."""

VERSION_TABLE = "nameblind_schema"
"""Where a database says its revision."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_SQLITE_MAGIC = b"SQLite format 3\x00"
_APPLICATION_ID_AT = 68  # of the file header: https://www.sqlite.org/fileformat.html
_POSTGRES_LOCK = 0x4E426C64_4D494752  # "NBldMIGR": one migration at a time


def open_engine(url: URL, *, create: bool, patience_s: float | None = None) -> Engine:
    """Give an engine whose database is ours and has the newest schema, created first where asked.

    ``UserError`` for anything that is not, or cannot become, a database of ours.
    """
    if url.drivername == "sqlite":
        _prepare_file(Path(url.database or ""), create=create)
    engine = connect(url, patience_s)
    try:
        if url.drivername != "sqlite":
            _check_postgres(engine, create=create)
        bring_up_to_date(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_engine_for_reading(url: URL) -> Engine:
    """Give an engine that cannot write. ``UserError`` for what is not a database of ours with the newest schema."""
    if url.drivername == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            raise UserError(f"{path} does not exist: check the path, or run a probe first, which creates it")
        _check_header(path)
        _check_readable(path)
    engine = connect_for_reading(url)
    try:
        if url.drivername != "sqlite":
            _check_postgres(engine, create=False)
        _check_revision(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _check_revision(engine: Engine) -> None:
    with engine.connect() as connection:
        revision = _revision(connection)
    if revision != HEAD:
        raise UserError(
            f"{shown(engine.url)} has schema {revision}, and this program reads {HEAD}: "
            "run `nameblind analyze` on it first, which brings an older one up to date",
        )


# ---------------------------------------------------------------- the schema's revision


def bring_up_to_date(engine: Engine) -> None:
    """Migrate to :data:`HEAD` where that is due, in one transaction; ``UserError`` for a newer schema."""
    with engine.connect() as connection:
        revision = _revision(connection)
    if revision == HEAD:
        return
    with transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        _migrate(connection, shown(engine.url))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    row = connection.execute(text("SELECT version_num FROM nameblind_schema")).one_or_none()
    return None if row is None else str(row[0])


def _migrate(connection: Connection, place: str) -> None:
    from alembic import command  # 0.3 s, so only when it is due
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    revision = _revision(connection)
    if revision is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(revision)
        except CommandError:
            raise UserError(
                f"{place} was written by a newer version of this program (schema {revision}); update the program",
            ) from None
    command.upgrade(config, "head")


# ---------------------------------------------------------------- SQLite


def _prepare_file(path: Path, *, create: bool) -> None:
    """See that a file of ours stands at ``path``, creating it where asked; ``UserError`` where it cannot."""
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be opened: the folder {path.parent} does not exist; create it first")
    if not path.exists():
        if not create:
            raise UserError(f"{path} does not exist: check the path, or run a probe first, which creates it")
        _create_file(path)
        return
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a database file")
    _check_header(path)
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise UserError(f"{path} is read-only: allow writing to the file and its folder, or work on a copy")
    _check_readable(path)


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if not header:
        raise UserError(f"{path} is empty, so it is not a results database: remove it or name another file")
    if not header.startswith(_SQLITE_MAGIC) or len(header) < 100:
        raise UserError(f"{path} is not a results database: name another file")
    if int.from_bytes(header[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4]) != APPLICATION_ID:
        raise UserError(f"{path} is a database of another program: name another file")


def _check_readable(path: Path) -> None:
    """Read the revision through SQLite, without writing: a damaged file is refused before it is touched."""
    has_log = path.with_name(f"{path.name}-wal").exists()
    access = "mode=ro" if has_log else "immutable=1"  # a read-only connection would leave an empty log behind
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{access}", uri=True)) as connection:
            revisions = connection.execute("SELECT version_num FROM nameblind_schema").fetchall()
    except sqlite3.Error as error:
        raise UserError(f"{path} cannot be read ({error}): keep it aside and start a new database") from error
    if len(revisions) != 1:
        raise UserError(f"{path} does not say its schema's revision: keep it aside and start a new database")


def _create_file(path: Path) -> None:
    """Build the database beside its place and move it there whole, so that no half of one is ever seen."""
    with sole_use(path):
        if path.exists():
            return  # somebody else was first
        temporary = path.with_name(f".{path.name}.new")  # what a killed creation left is ours to replace
        _remove(temporary)
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
            _build(temporary)
            temporary.rename(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise UserError(f"{path} cannot be created: {error.strerror}; check the folder's permissions") from error
        finally:
            _remove(temporary)


def _build(path: Path) -> None:
    engine = connect(URL.create("sqlite", database=str(path)))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        bring_up_to_date(engine)
    finally:
        engine.dispose()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- PostgreSQL


def _check_postgres(engine: Engine, *, create: bool) -> None:
    """See that the server answers and that the schema is ours, or empty where one may be created."""
    place = shown(engine.url)
    try:
        with engine.connect() as connection:
            names = set(inspect(connection).get_table_names())
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise UserError(f"{place} cannot be reached ({reason}): check the URL and that the server runs") from error
    if VERSION_TABLE in names:
        return
    if names:
        raise UserError(f"{place} holds tables of another program: name an empty database")
    if not create:
        raise UserError(f"{place} holds no results yet: check the URL, or run a probe first, which creates the tables")
