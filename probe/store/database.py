"""The results database, as the rest of the project uses it: open, append, merge, conclude."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from probe.clock import SystemClock
from probe.store.appending import append_rows, insert_blobs
from probe.store.canonical import storable
from probe.store.connection import locate, reading, shown
from probe.store.lock import sole_use, sole_use_of_server
from probe.store.merging import merge
from probe.store.models import CONCLUSIONS, Base, Blob
from probe.store.opening import open_engine, open_engine_for_reading
from probe.store.writing import transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from sqlalchemy import Engine

    from probe.clock import Clock


ROWS_AT_ONCE = 50_000
"""Written in one statement, and held in memory until then."""


class Database:
    """Facts, append-only, and the conclusions drawn from them, in SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self._clock = clock

    @classmethod
    def open(
        cls, url_or_path: str, *, create: bool = False, clock: Clock | None = None, patience_s: float | None = None
    ) -> Database:
        """Open the database at a path or URL; with ``create``, make it where there is none.

        A writer waits ``patience_s`` for another one: half a minute where it is not given.

        An older schema is migrated. ``UserError`` where it is missing,
        foreign, damaged, newer than this program, read-only or unreachable;
        nothing is then changed on disk.
        """
        return cls(open_engine(locate(url_or_path), create=create, patience_s=patience_s), clock or SystemClock())

    @classmethod
    def open_for_reading(cls, url_or_path: str) -> Database:
        """Open a database so that nothing can write to it through this; also where its file is read-only.

        ``UserError`` where it is missing, foreign, damaged, of another schema or unreachable.
        """
        return cls(open_engine_for_reading(locate(url_or_path)), SystemClock())

    @property
    def place(self) -> str:
        """Give how a person sees it named: the path, or the URL without its password."""
        return shown(self.engine.url)

    def session(self) -> Session:
        """Give a session for reading; from its first query to its end it sees one consistent state."""
        return Session(reading(self.engine))

    def claim(self) -> AbstractContextManager[None]:
        """Be the one probe that writes here, until the context or the process ends.

        ``UserError`` where another one is. Appending does not ask for it: a
        collector and an analysis may write beside a probe.
        """
        if self.engine.dialect.name == "sqlite":
            return sole_use(Path(self.engine.url.database or ""))
        return sole_use_of_server(self.engine)

    def append(self, vantage_id: str, rows: Sequence[Base], blobs: Sequence[Blob] = ()) -> None:
        """Add facts to the end of a vantage's chain, and blobs that are new, in one transaction.

        Rows are ordered by the list ``FACTS``, then as given; the first row
        of a vantage is its ``Vantage``. Place, hash and arrival are assigned
        here. When this returns, the rows survive a power cut.

        ``WriteFailedError`` where the storage failed, and nothing was written;
        ``ValueError``, ``TypeError`` or ``IntegrityError`` for rows that are wrong.
        """
        with transaction(self.engine) as connection:
            insert_blobs(connection, ((blob.sha256, blob.kind, blob.content) for blob in blobs))
            if rows:
                append_rows(connection, vantage_id, rows, self._clock.now())

    def merge_from(self, source: Database) -> int:
        """Copy what is missing here of every chain of ``source``; give the count of new rows.

        Idempotent. ``UserError`` where a chain differs from ours or is broken;
        nothing is then copied.
        """
        with reading(source.engine).connect() as theirs, transaction(self.engine) as ours:
            return merge(theirs, ours, self._clock.now(), source_place=source.place)

    def replace_conclusions(
        self, rows: Sequence[Base], many: Mapping[type[Base], Iterable[Mapping[str, object]]] | None = None
    ) -> None:
        """Put these conclusions in the place of all earlier ones, in one transaction.

        ``many``: of tables with too many rows to make an object of each, the values of each row; written as they are.
        """
        with transaction(self.engine) as connection:
            for table in CONCLUSIONS:
                connection.execute(delete(table))
            for table in reversed(CONCLUSIONS):
                values = [_stored_values(row) for row in rows if type(row) is table]
                if values:
                    connection.execute(insert(table), values)
                for some in _chunks((many or {}).get(table, ())):
                    connection.execute(insert(table), some)

    def close(self) -> None:
        """Close every connection; the last one to a SQLite file folds its -wal file into it."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _chunks(values: Iterable[Mapping[str, object]]) -> Iterator[list[Mapping[str, object]]]:
    rest = iter(values)
    while some := list(islice(rest, ROWS_AT_ONCE)):
        yield some


def _stored_values(row: Base) -> dict[str, object]:
    return {
        column.key: storable(column, getattr(row, column.key))
        for column in Base.metadata.tables[row.__tablename__].columns
    }
