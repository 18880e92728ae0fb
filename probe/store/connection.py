"""How we connect: what every connection to SQLite or PostgreSQL is set to.

Reading transactions begin as SQLite's ``DEFERRED``; writing ones, marked by
the execution option :data:`IS_WRITING`, as ``IMMEDIATE``, so that a writer
waits for its turn before it reads the end of a chain, never after.
"""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from probe.errors import UserError
from probe.store.canonical import canonical_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

IS_WRITING = "nameblind_is_writing"

APPLICATION_ID = 0x4E426C64
"""``NBld`` in the header of a SQLite file: it is one of ours."""

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one; the longest transaction of ours takes seconds."""

CONNECT_TIMEOUT_S = 10
"""How long we wait for a PostgreSQL server: three SYN retransmissions fit."""

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # a copy made with VACUUM INTO has lost it
    "PRAGMA synchronous = FULL",  # an acknowledged row survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is erased is overwritten
    "PRAGMA recursive_triggers = ON",  # otherwise INSERT OR REPLACE passes the append-only triggers by
    "PRAGMA trusted_schema = OFF",  # a database from a stranger may carry views of its own
)


def locate(url_or_path: str) -> URL:
    """Give the URL of a database: a path without a scheme is a SQLite file.

    ``UserError`` for a scheme other than ``sqlite`` and ``postgresql``.
    """
    if "://" not in url_or_path:
        return URL.create("sqlite", database=str(Path(url_or_path)))
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError):
        raise UserError(
            "the database's URL cannot be read: write a path, sqlite:///PATH or postgresql://HOST/NAME",
        ) from None
    match url.drivername:
        case "sqlite" if url.database and url.database != ":memory:":
            return url
        case "postgresql" | "postgresql+psycopg":
            return url.set(drivername="postgresql+psycopg")
    raise UserError(
        f"{shown(url)} is not a database that can be used: write a path, sqlite:///PATH or postgresql://HOST/NAME",
    )


def shown(url: URL) -> str:
    """Give how a person sees this database named: the path, or the URL without its password."""
    if url.drivername == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def connect(url: URL, patience_s: float | None = None) -> Engine:
    """Give an engine for ``url``; nothing is opened before its first use. ``UserError`` without the driver.

    ``patience_s`` is how long a writer waits for another one, :data:`BUSY_TIMEOUT_S` where it is not given.
    """
    options: dict[str, Any] = {"json_serializer": canonical_json, "json_deserializer": json.loads}
    if url.drivername == "sqlite":
        waits_s = BUSY_TIMEOUT_S if patience_s is None else patience_s
        engine = create_engine(url, connect_args={"timeout": waits_s}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(url, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}, **options)
    except ModuleNotFoundError:
        raise UserError(
            "PostgreSQL needs a driver that is not installed: pip install 'nameblind[collector]'",
        ) from None


def connect_for_reading(url: URL) -> Engine:
    """Give an engine that cannot write: the file, or the server, refuses whatever would."""
    if url.drivername != "sqlite":
        engine = connect(url)
        event.listen(engine, "connect", _set_postgres_read_only)
        return engine
    path = Path(url.database or "").absolute()
    # Beside a log that others write, it is read as it grows; where nothing can be put beside it, nobody writes.
    has_log = path.with_name(f"{path.name}-wal").exists() or os.access(path.parent, os.W_OK)
    uri = f"{path.as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"

    def open_file() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)

    engine = create_engine(url, creator=open_file, json_deserializer=json.loads)
    event.listen(engine, "connect", _prepare_sqlite_for_reading)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_postgres_read_only(connection: Any, record: object) -> None:
    del record
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    connection.commit()


def _prepare_sqlite_for_reading(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None
    for pragma in ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF"):
        connection.execute(pragma)


def reading(engine: Engine) -> Engine:
    """Give an engine whose transactions see one state from their first query on, as those of SQLite always do."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _prepare_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # the driver's own BEGIN comes late, and never before DDL
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(IS_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN DEFERRED")
