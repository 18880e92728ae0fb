"""The row hash chain of each vantage: reading it in order, and finding where it is broken.

All fact rows of a vantage, over all tables, form one chain: ``chain_seq``
counts them from 1 without gaps, the ``vantage`` row first, and
``chain_sha256`` is the hash over the previous row's hash, the table's name
and the row's canonical JSON (:mod:`probe.store.canonical`). ``chain_end``
holds the place and the hash of the last row.

What this shows: a row that was changed, removed, moved or added by anything
but the probe. What it cannot show: a forger who writes the whole chain anew,
its end included. Against that, keep the chain's end elsewhere
(``nameblind verify`` prints it) and compare.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Text, cast, or_, select, type_coerce, union
from sqlalchemy.types import NullType

from probe.store.canonical import FIRST_PREVIOUS, as_stored, content, row_sha256
from probe.store.models import FACTS, Blob, Capture, ChainEnd, Observation, Vantage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import ColumnElement, Connection, Select, Table
    from sqlalchemy.orm import Session

    Reader = Session | Connection

TABLES: tuple[Table, ...] = tuple(fact.metadata.tables[fact.__tablename__] for fact in FACTS)

WINDOW_ROWS = 2_000
"""Rows read at a time: some MiB, whatever the size of the database."""


class Finding(StrEnum):
    """What is wrong with a row."""

    CONTENT = "content changed"
    MISSING = "row missing"
    REORDERED = "reordered"
    UNCHAINED = "appended without chain"
    BLOB = "blob does not match its hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """The first bad row of one chain, or one bad blob."""

    vantage_id: str | None
    """Empty for a blob, which belongs to no one chain."""
    chain_seq: int | None
    table: str
    row_id: str
    """The primary key, its parts joined by ``/``; of a missing row, that of the row before it."""
    what: Finding

    def __str__(self) -> str:
        """Give one line for people."""
        if self.vantage_id is None:
            return f"{self.table} {self.row_id}: {self.what}"
        after = "after " if self.what is Finding.MISSING else ""
        return f"vantage {self.vantage_id}, place {self.chain_seq}: {after}{self.table} {self.row_id}: {self.what}"


@dataclass(frozen=True, slots=True)
class End:
    """Where a chain ends."""

    chain_seq: int
    chain_sha256: str


START = End(0, FIRST_PREVIOUS)


@dataclass(frozen=True)
class Row:
    """One fact row as the database holds it, not yet trusted."""

    table: Table
    raw: dict[str, Any]

    @property
    def seq(self) -> Any:
        """Its place, as stored."""
        return self.raw["chain_seq"]

    @property
    def sha256(self) -> Any:
        """Its hash, as stored."""
        return self.raw["chain_sha256"]

    @property
    def row_id(self) -> str:
        """Its primary key, the parts joined by ``/``."""
        return "/".join(str(self.raw[column.key]) for column in self.table.primary_key)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The Python values by column; ``ValueError`` where one is not spelt as we spell it."""
        return as_stored(self.table, self.raw)

    def follows(self, previous: str) -> str | None:
        """Give the hash that the row would have after ``previous``; ``None`` for values that are not ours."""
        try:
            return row_sha256(previous, self.table.name, content(self.table, self.values))
        except (ValueError, TypeError, RecursionError):
            return None

    def is_after(self, end: End) -> bool:
        """Whether the row is the true next one after ``end``."""
        return bool(self.seq == end.chain_seq + 1 and self.follows(end.chain_sha256) == self.sha256)


# ---------------------------------------------------------------- reading


def end_of(reader: Reader, vantage_id: str, *, is_locking: bool = False) -> End:
    """Give the end of a vantage's chain; :data:`START` where it has none.

    ``is_locking`` keeps other writers of the same chain waiting until the
    transaction ends (PostgreSQL; a writing transaction of SQLite is alone).
    """
    query = select(ChainEnd.chain_seq, ChainEnd.chain_sha256).where(ChainEnd.vantage_id == vantage_id)
    row = reader.execute(query.with_for_update() if is_locking else query).one_or_none()
    return START if row is None else End(*row)


def ends(reader: Reader) -> dict[str, End]:
    """Give the end of every chain by vantage, sorted: together they say which facts were read."""
    query = select(ChainEnd.vantage_id, ChainEnd.chain_seq, ChainEnd.chain_sha256).order_by(ChainEnd.vantage_id)
    return {vantage_id: End(seq, sha256) for vantage_id, seq, sha256 in reader.execute(query)}


def window(reader: Reader, vantage_id: str, first: int, last: int) -> list[Row]:
    """Give the rows at places ``first`` to ``last`` of a chain, in order; equal places in the tables' order."""
    rows = (row for table in TABLES for row in _rows(reader, table, vantage_id, lambda seq: seq.between(first, last)))
    return sorted(rows, key=lambda row: row.seq)


def sha256_at(reader: Reader, vantage_id: str, seq: int) -> str | None:
    """Give the hash stored at one place of a chain."""
    found = window(reader, vantage_id, seq, seq)
    return found[0].sha256 if found else None


def _rows(
    reader: Reader,
    table: Table,
    vantage_id: str,
    where: Callable[[ColumnElement[int]], ColumnElement[bool]],
) -> Iterator[Row]:
    query = _raw_select(table).where(table.c.vantage_id == vantage_id, where(table.c.chain_seq))
    query = query.order_by(table.c.chain_seq).execution_options(yield_per=WINDOW_ROWS)
    for values in reader.execute(query).mappings():
        yield Row(table, dict(values))


@cache
def _raw_select(table: Table) -> Select[*tuple[Any, ...]]:
    """Select what the driver returns: SQLAlchemy's conversions would hide how a value is spelt."""
    return select(
        *(
            (cast(column, Text) if isinstance(column.type, JSON) else type_coerce(column, NullType())).label(column.key)
            for column in table.columns
        ),
    )


# ---------------------------------------------------------------- verifying


def verify(session: Session) -> list[Breach]:
    """Find the first bad row of each vantage's chain, and every bad blob; empty if all is whole.

    Reads every row once. Rows after the first bad one of a chain are not
    judged: their hashes build on it.
    """
    with _any_text(session):
        named: dict[str, set[str]] = {}
        found = [_first_breach(session, vantage_id, named) for vantage_id in _vantages(session)]
        breaches = [breach for breach in found if breach is not None]
        return breaches + _bad_blobs(session, named, is_all_read=not breaches)


def _vantages(session: Session) -> list[str]:
    """Give every vantage that any row speaks of, whether or not its own row is still there."""
    columns = [ChainEnd.vantage_id, *(table.c.vantage_id for table in TABLES)]
    return sorted(session.scalars(union(*(select(column) for column in columns))), key=str)


def _first_breach(session: Session, vantage_id: str, named: dict[str, set[str]]) -> Breach | None:
    """Walk one chain; note in ``named`` each hash that its rows name, with the kinds of blob it may be."""
    stored_end = end_of(session, vantage_id)
    end = START
    while rows := window(session, vantage_id, end.chain_seq + 1, end.chain_seq + WINDOW_ROWS):
        places: dict[Any, list[Row]] = {}
        for row in rows:
            places.setdefault(row.seq, []).append(row)
        for seq in range(end.chain_seq + 1, int(rows[-1].seq) + 1):
            here = places.pop(seq, [])
            true_row = next((row for row in here if row.is_after(end)), None)
            if true_row is None or (true_row.table.name == Vantage.__tablename__) != (seq == 1):
                return _why_broken(session, vantage_id, end, here, stored_end)
            if len(here) > 1:
                return _breach(next(row for row in here if row is not true_row), Finding.UNCHAINED)
            end = End(seq, true_row.sha256)
            _note_names(true_row, named)
        if places:  # places between two whole numbers
            return _breach(next(iter(places.values()))[0], Finding.UNCHAINED)
    outside = _rows_elsewhere(session, vantage_id, end)
    if (stray := next(outside, None)) is not None:
        return _breach(stray, Finding.UNCHAINED)
    return _end_breach(session, vantage_id, end, stored_end)


def _why_broken(session: Session, vantage_id: str, end: End, here: list[Row], stored_end: End) -> Breach:
    """Name what is wrong at the place after ``end``, where the true next row does not stand."""
    if 0 < stored_end.chain_seq <= end.chain_seq:
        return _breach(next(_rows_elsewhere(session, vantage_id, end)), Finding.UNCHAINED)
    hashes_here = {row.sha256 for row in here}
    for row in _rows_elsewhere(session, vantage_id, end):
        if row.seq != end.chain_seq + 1 and row.follows(end.chain_sha256) in {row.sha256, *hashes_here}:
            return _breach(row, Finding.REORDERED)
    if here:
        return _breach(here[0], Finding.CONTENT)
    return _missing(session, vantage_id, end)


def _end_breach(session: Session, vantage_id: str, end: End, stored_end: End) -> Breach | None:
    """Compare where the walk ended with where the chain says that it ends."""
    if end == stored_end:
        return None
    if stored_end.chain_seq > end.chain_seq:
        return _missing(session, vantage_id, end)
    if stored_end.chain_seq > 0 and sha256_at(session, vantage_id, stored_end.chain_seq) == stored_end.chain_sha256:
        return _breach(window(session, vantage_id, stored_end.chain_seq + 1, end.chain_seq)[0], Finding.UNCHAINED)
    return Breach(
        vantage_id=vantage_id,
        chain_seq=stored_end.chain_seq,
        table=ChainEnd.__tablename__,
        row_id=vantage_id,
        what=Finding.CONTENT,
    )


def _rows_elsewhere(session: Session, vantage_id: str, end: End) -> Iterator[Row]:
    """Give the rows of a chain whose place is not among those already walked."""
    for table in TABLES:
        yield from _rows(session, table, vantage_id, lambda seq: or_(seq < 1, seq > end.chain_seq))


def _breach(row: Row, what: Finding) -> Breach:
    return Breach(
        vantage_id=str(row.raw["vantage_id"]),
        chain_seq=row.seq if isinstance(row.seq, int) else None,
        table=row.table.name,
        row_id=row.row_id,
        what=what,
    )


def _missing(session: Session, vantage_id: str, end: End) -> Breach:
    """Name a missing row by the one that stood before it, the only name it has left."""
    before = window(session, vantage_id, end.chain_seq, end.chain_seq)
    return Breach(
        vantage_id=vantage_id,
        chain_seq=end.chain_seq + 1,
        table=before[0].table.name if before else Vantage.__tablename__,
        row_id=before[0].row_id if before else vantage_id,
        what=Finding.MISSING,
    )


# ---------------------------------------------------------------- blobs


_ALWAYS_KEPT = {"certificate", "pcap"}


def blobs_named_by(row: Row) -> Iterator[tuple[str, str]]:
    """Give the (SHA-256, kind) of every blob that a row names; a body among them may not be stored."""
    if row.table.name == Observation.__tablename__:
        values = row.values
        for sha256 in values["certificates"] or ():
            yield sha256, "certificate"
        if values["body_sha256"] is not None:
            yield values["body_sha256"], "body"
    elif row.table.name == Capture.__tablename__:
        yield row.values["pcap_sha256"], "pcap"


def _note_names(row: Row, named: dict[str, set[str]]) -> None:
    for sha256, kind in blobs_named_by(row):
        named.setdefault(sha256, set()).add(kind)


def _bad_blobs(session: Session, named: dict[str, set[str]], *, is_all_read: bool) -> list[Breach]:
    """Name each blob whose bytes or kind are not what the rows name, and each certificate and pcap that is gone.

    A body may be absent, because only some are stored. A blob that no row
    names proves nothing and is passed over.
    """
    present: set[str] = set()
    breaches: list[Breach] = []
    raw_content: ColumnElement[Any] = type_coerce(Blob.content, NullType())
    query = select(Blob.sha256, Blob.kind, raw_content).order_by(Blob.sha256)
    for sha256, kind, stored in session.execute(query.execution_options(yield_per=100)):
        present.add(sha256)
        if not isinstance(stored, bytes) or hashlib.sha256(stored).hexdigest() != sha256:
            breaches.append(_bad_blob(sha256, Finding.BLOB))
        elif is_all_read and sha256 in named and kind not in named[sha256]:
            breaches.append(_bad_blob(sha256, Finding.CONTENT))
    gone = sorted(sha256 for sha256, kinds in named.items() if kinds & _ALWAYS_KEPT and sha256 not in present)
    return breaches + [_bad_blob(sha256, Finding.MISSING) for sha256 in gone]


def _bad_blob(sha256: str, what: Finding) -> Breach:
    return Breach(vantage_id=None, chain_seq=None, table=Blob.__tablename__, row_id=str(sha256), what=what)


@contextmanager
def _any_text(session: Session) -> Iterator[None]:
    """Let SQLite hand out text that is not UTF-8, so that a flipped bit is named instead of raised."""
    driver: Any = session.connection().connection.dbapi_connection
    if session.get_bind().dialect.name != "sqlite":
        yield
        return
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str
