"""Any question in SQL, answered from a connection that can change nothing.

Three locks, of which each alone would do: the file is opened read-only, the
connection refuses to write, and SQLite asks us about every action while it
prepares a statement; we allow reading and nothing else, so no ``ATTACH``, no
``PRAGMA``, no extension. On PostgreSQL the transaction is read-only, and one
statement at a time is sent, so that none can end it and go on.

A question that takes too long is stopped.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError

from probe.clock import SystemClock
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probe.store.database import Database

TIMEOUT_S: Final = 60.0
"""Every question of the documentation is answered in a few seconds on months of data."""
_LONGEST_VALUE_BYTES: Final = 64 * 2**20
"""A value of ours has some KiB; one that a question makes up shall not fill the memory."""
_STEPS_BETWEEN_LOOKS: Final = 10_000
"""Instructions of SQLite's machine between two looks at the clock: well below a millisecond each time."""
_ALLOWED: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The names of the columns, and the rows as they come."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def ask(database: Database, question: str, timeout_s: float = TIMEOUT_S) -> Iterator[Answer]:
    """Answer one statement of SQL; its rows are read while the context lasts.

    ``UserError`` for what is no question, is wrong, would change anything, or takes too long.
    """
    is_sqlite = database.engine.dialect.name == "sqlite"
    connection = database.engine.raw_connection()
    try:
        raw: Any = connection.driver_connection
        with closing(raw.cursor()) as cursor, _explained(timeout_s):
            if is_sqlite:
                _lock(raw, timeout_s)
                cursor.execute(question)
            else:
                cursor.execute(f"SET LOCAL statement_timeout = {round(timeout_s * 1000)}")
                cursor.execute(question, prepare=True)  # the extended protocol takes one statement alone
            if cursor.description is None:
                raise UserError("That is no question: only a SELECT is answered here.")
            yield Answer(tuple(column[0] for column in cursor.description), _rows(cursor))
    finally:
        connection.invalidate()  # it is not given back: its locks stay on


def _rows(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while some := cursor.fetchmany(_AT_ONCE):
        yield from some


def _lock(raw: sqlite3.Connection, timeout_s: float) -> None:
    clock = SystemClock()
    until = clock.monotonic() + timeout_s
    raw.text_factory = lambda stored: stored.decode("utf-8", "replace")
    raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE_BYTES)
    raw.set_progress_handler(lambda: int(clock.monotonic() > until), _STEPS_BETWEEN_LOOKS)
    raw.set_authorizer(_allowed)


def _allowed(action: int, first: str | None, second: str | None, *_: object) -> int:
    del first
    is_extension = action == sqlite3.SQLITE_FUNCTION and second == "load_extension"
    return sqlite3.SQLITE_OK if action in _ALLOWED and not is_extension else sqlite3.SQLITE_DENY


@contextmanager
def _explained(timeout_s: float) -> Iterator[None]:
    """Turn what a database says of a question into one sentence."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, DBAPIError) as error:
        raise UserError(_sentence(str(error), timeout_s)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "psycopg":  # only there where a server is used
            raise
        raise UserError(_sentence(str(error).partition("\n")[0], timeout_s)) from error


def _sentence(said: str, timeout_s: float) -> str:
    if said == "interrupted" or "statement timeout" in said:
        return f"The question took longer than {timeout_s:g} s: narrow it (a target, a day), or raise --timeout."
    if any(words in said for words in ("authoriz", "readonly", "read-only")):
        return "That would do more than read: only a SELECT is answered here."
    return (
        f"The question is not understood: {said.rstrip('.')}. The tables and their columns: nameblind sql --about all."
    )
