"""One writer at a time, held by the kernel: when a process dies, its claim dies with it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from probe.errors import UserError
from probe.store.connection import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

FILE_MODE = 0o600
"""Of the database and all beside it: only the volunteer may read what was measured."""

_POSTGRES_LOCK = 0x4E426C64_57524954  # "NBldWRIT"


@contextmanager
def sole_use(path: Path) -> Iterator[None]:
    """Hold the lock file beside a SQLite file; ``UserError`` where another program holds it.

    The file stays when the lock is released: to remove it would let two
    programs hold two locks of one name.
    """
    try:
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise UserError(f"{path} cannot be locked: {error.strerror}; check the folder's permissions") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(_refusal(str(path))) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def sole_use_of_server(engine: Engine) -> Iterator[None]:
    """Hold an advisory lock of a PostgreSQL database; ``UserError`` where another program holds it.

    It belongs to a connection of its own, so the server releases it when that ends.
    """
    with engine.connect() as connection:
        is_ours = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _POSTGRES_LOCK})
        connection.commit()
        if not is_ours:
            raise UserError(_refusal(shown(engine.url)))
        try:
            yield
        finally:
            # Given back in words, because the server notices a closed connection only some time later.
            with suppress(SQLAlchemyError):
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _POSTGRES_LOCK})
            connection.invalidate()  # closes it: a pooled connection would keep a lock that could not be given back


def _refusal(place: str) -> str:
    return f"{place} is in use by another probe: stop that one, or give this one a database of its own"
