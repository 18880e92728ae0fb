"""The rows of a table or a view, in a fixed order, a few at a time.

Rows are sorted by all columns that can be compared, from the left, and text by
its code points, whatever the database's own order of words: the same facts give
the same rows in the same order on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Float, LargeBinary, String, collate, column, select, table

from probe.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session
    from sqlalchemy.types import TypeEngine

    from analysis.tables.dictionary import Table

AT_ONCE: Final = 20_000
"""Rows held in memory together: some tens of MiB of the widest view."""
_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    "text": String(),
    "integer": BigInteger(),
    "real": Float(),
    "boolean": Boolean(),
    "instant": UtcDateTime(),
    "JSON": JSON(none_as_null=True),
    "bytes": LargeBinary(),
}
_INCOMPARABLE: Final = frozenset({"JSON", "bytes"})


def batches(session: Session, of: Table) -> Iterator[Sequence[Sequence[Any]]]:
    """Give all rows of a table, :data:`AT_ONCE` at a time: instants aware, JSON as objects, NULL as None."""
    dialect = session.get_bind().dialect.name
    result = session.execute(_query(of, dialect), execution_options={"yield_per": AT_ONCE})
    yield from result.partitions()


def _query(of: Table, dialect: str) -> Select[Any]:
    columns = {one.name: column(one.name, _TYPES[one.kind]) for one in of.columns}
    order = [_ordered(columns[one.name], one.kind, dialect) for one in of.columns if one.kind not in _INCOMPARABLE]
    return select(*columns.values()).select_from(table(of.name, *columns.values())).order_by(*order)


def _ordered(of: Any, kind: str, dialect: str) -> ColumnElement[Any]:
    is_foreign_order = kind == "text" and dialect == "postgresql"
    by: ColumnElement[Any] = collate(of, "C") if is_foreign_order else of
    return by.nulls_first()
