"""One write, whole or not at all, and the sentence a person reads when it did not happen."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, OperationalError

from probe.errors import UserError
from probe.store.connection import IS_WRITING, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine


class WriteFailedError(UserError):
    """A transaction was rolled back because the storage failed; the database is as it was before."""

    def __init__(self, message: str, *, is_disk_full: bool) -> None:
        super().__init__(message)
        self.is_disk_full = is_disk_full
        """There was no room; the same write may succeed later."""


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose work is committed at the end, or rolled back as a whole.

    ``WriteFailedError`` where the storage failed. An ``IntegrityError`` or
    any other exception is a mistake of the caller's and passes through.
    """
    try:
        with engine.execution_options(**{IS_WRITING: True}).begin() as connection:
            yield connection
    except DBAPIError as error:
        raise _explained(engine, error) from error


def _explained(engine: Engine, error: DBAPIError) -> Exception:
    """Give the exception that stands for ``error``; itself, where the storage is not at fault."""
    place = shown(engine.url)
    code = getattr(error.orig, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None  # the low byte; the rest says more closely why
    state = getattr(error.orig, "sqlstate", None)
    if primary == sqlite3.SQLITE_FULL or state == "53100":
        return WriteFailedError(
            f"nothing was written to {place}: the disk is full; make room and try again",
            is_disk_full=True,
        )
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return WriteFailedError(
            f"nothing was written to {place}: another program keeps it locked; close that program and try again",
            is_disk_full=False,
        )
    if primary == sqlite3.SQLITE_READONLY:
        return WriteFailedError(
            f"nothing was written to {place}: the file or its folder is read-only; allow writing and try again",
            is_disk_full=False,
        )
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return WriteFailedError(
            f"nothing was written to {place}: the file is damaged; keep it aside and start a new database",
            is_disk_full=False,
        )
    if isinstance(error, OperationalError) or primary == sqlite3.SQLITE_IOERR:
        return WriteFailedError(
            f"nothing was written to {place}: the storage reported an error ({_first_line(error)})",
            is_disk_full=False,
        )
    return error


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
