"""The rows of a table with the types of Apache Arrow, for Parquet and for data frames.

Instants are microseconds in UTC; JSON is the canonical text of the hash chain,
because a list of one row and an object of another have no common type. Each
field carries its documented type, unit and meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analysis.tables.reading import batches
from probe.store.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from analysis.tables.dictionary import Table

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "boolean": pa.bool_(),
    "instant": pa.timestamp("us", tz="UTC"),
    "JSON": pa.string(),
    "bytes": pa.binary(),
}


def schema(of: Table) -> pa.Schema:
    """Give the types of a table's columns, with what they mean."""
    fields = [
        pa.field(
            column.name,
            _TYPES[column.kind],
            metadata={"type": column.kind, "unit": column.unit, "meaning": column.meaning},
        )
        for column in of.columns
    ]
    return pa.schema(fields, metadata={"table": of.name, "about": of.about})


def record_batches(session: Session, of: Table) -> Iterator[pa.RecordBatch]:
    """Give all rows of a table in their fixed order, one batch after the other."""
    types = schema(of)
    for rows in batches(session, of):
        yield pa.record_batch(
            [
                pa.array([_plain(row[place], column.kind) for row in rows], type=types.field(place).type)
                for place, column in enumerate(of.columns)
            ],
            schema=types,
        )


def _plain(value: Any, kind: str) -> Any:
    return canonical_json(value) if kind == "JSON" and value is not None else value
