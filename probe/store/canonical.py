"""One row, one spelling: what is hashed is the same text on every database and in every year.

The canonical JSON of a row is one object with sorted keys, no spaces and no
escapes that JSON does not need (UTF-8):

* text as it is; whole numbers and booleans as JSON has them
* numbers with a fraction as the shortest decimal that reads back the same (``repr`` of Python)
* instants in UTC with microseconds and a ``Z``: ``2011-12-16T06:05:00.000000Z``
* bytes in lower-case hex
* lists as they are
* a column that is NULL is left out, so that a column added later does not change old hashes
* ``received_at``, ``chain_seq`` and ``chain_sha256`` are left out: they are not what happened

This module knows rows and hashes. It does not know a database: :mod:`probe.store.chain` does.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Boolean, Float, Integer, LargeBinary

from probe.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Column, Table

FIRST_PREVIOUS = "0" * 64
"""What stands for the previous hash of a chain's first row."""

_UNHASHED = frozenset({"received_at", "chain_seq", "chain_sha256"})
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def canonical_json(value: Any) -> str:
    """Give the one JSON text of ``value``; ``ValueError`` for NaN and infinities."""
    return _ENCODER.encode(value)


def row_sha256(previous: str, table: str, content: str) -> str:
    """Give the hash of one row: over the previous row's hash, the table's name and the canonical JSON.

    The three are joined by line feeds, which occur in none of them unescaped.
    """
    return hashlib.sha256(f"{previous}\n{table}\n{content}".encode()).hexdigest()


def storable(column: Column[Any], value: Any) -> Any:
    """Give ``value`` as every database holds it and gives it back.

    Hostile bytes reach us as text: NUL and lone surrogates, which PostgreSQL
    or UTF-8 cannot hold, become U+FFFD. A value of another type than the
    column's is an error of ours: ``TypeError`` or ``ValueError``.
    """
    if value is None:
        return None
    match column.type:
        case UtcDateTime():
            if not isinstance(value, datetime) or value.tzinfo is None:
                raise TypeError(f"{column} wants an aware datetime, got {value!r}")
            return value.astimezone(UTC)
        case Boolean():
            if not isinstance(value, bool):
                raise TypeError(f"{column} wants a boolean, got {value!r}")
            return value
        case Float():
            number = float(value)
            if not math.isfinite(number):
                raise ValueError(f"{column} wants a finite number, got {value!r}")
            return number + 0.0  # SQLite drops the sign of -0.0
        case Integer():
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{column} wants a whole number, got {value!r}")
            return int(value)
        case LargeBinary():
            return bytes(memoryview(value))
        case JSON():
            return _storable_json(json.loads(canonical_json(value)))
        case _:
            if not isinstance(value, str):
                raise TypeError(f"{column} wants text, got {value!r}")
            return str(value).translate(_UNSTORABLE)


def _storable_json(value: Any) -> Any:
    match value:
        case str():
            return value.translate(_UNSTORABLE)
        case list():
            return [_storable_json(item) for item in value]
        case dict():
            return {key.translate(_UNSTORABLE): _storable_json(item) for key, item in value.items()}
        case _:
            return value


def as_stored(table: Table, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Give the Python values of what the driver returned for a row, if they are spelt as we spell them.

    Strict, because a text that merely reads the same may compare differently
    in SQL. ``ValueError`` where one is not ours: somebody else wrote it.
    """
    values = {}
    for name, read in _readers(table):
        values[name] = None if raw[name] is None else read(raw[name])
        if values[name] is None and raw[name] is not None:
            raise ValueError(f"{table.name}.{name} holds a value that no program of ours writes")
    return values


@cache
def _readers(table: Table) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple((column.key, _reader(column)) for column in table.columns)


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    """Give the function that reads a raw value of this column, and gives ``None`` for one that is not ours."""
    match column.type:
        case UtcDateTime():
            return _instant
        case Boolean():
            return lambda raw: {0: False, 1: True}.get(raw) if type(raw) in {int, bool} else None
        case Float():
            return lambda raw: raw if type(raw) is float and math.isfinite(raw) else None
        case Integer():
            return lambda raw: raw if type(raw) is int else None
        case LargeBinary():
            return lambda raw: raw if type(raw) is bytes else None
        case JSON():
            return _json
        case _:
            return lambda raw: raw if type(raw) is str else None


def _json(raw: object) -> Any:
    value = json.loads(raw) if isinstance(raw, str) else None
    return value if value is not None and canonical_json(value) == raw else None


def _instant(raw: object) -> datetime | None:
    if isinstance(raw, datetime):  # PostgreSQL
        return raw.astimezone(UTC)
    if not isinstance(raw, str):
        return None
    value = datetime.fromisoformat(raw).replace(tzinfo=UTC)
    return value if raw == _stored_text(value) else None


def _stored_text(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")


def content(table: Table, values: Mapping[str, Any]) -> str:
    """Give the canonical JSON of a row of ``table`` from its storable values by column name."""
    present = ((name, values[name]) for name in _hashed_columns(table))
    return canonical_json({name: _plain(value) for name, value in present if value is not None})


@cache
def _hashed_columns(table: Table) -> tuple[str, ...]:
    return tuple(column.key for column in table.columns if column.key not in _UNHASHED)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    if isinstance(value, bytes):
        return value.hex()
    return value


def values_of(table: Table, text: str) -> dict[str, Any]:
    """Give the storable values of a row of ``table`` from its canonical JSON: what :func:`content` wrote, read back.

    Strict: a text that any program of ours would have spelt otherwise is a ``ValueError``, so that what is
    stored has the hash that was sent. The columns that are not hashed are left out.
    """
    read = _plain_readers(table)
    written = json.loads(text)
    if type(written) is not dict:
        raise ValueError("a row is a JSON object")
    values: dict[str, Any] = dict.fromkeys(_hashed_columns(table))
    for name, plain in written.items():
        if name not in read:
            raise ValueError(f"{table.name} has no column {name[:80]!r}")
        values[name] = read[name](plain)
    absent = next((name for name in _required_columns(table) if values[name] is None), None)
    if absent is not None:
        raise ValueError(f"{table.name}.{absent} is missing, or holds a value that no program of ours writes")
    if content(table, values) != text:
        raise ValueError(f"a row of {table.name} is not spelt as canonical JSON")
    return values


@cache
def _required_columns(table: Table) -> tuple[str, ...]:
    return tuple(name for name in _hashed_columns(table) if not table.columns[name].nullable)


@cache
def _plain_readers(table: Table) -> dict[str, Callable[[Any], Any]]:
    return {name: _plain_reader(table.columns[name]) for name in _hashed_columns(table)}


def _plain_reader(column: Column[Any]) -> Callable[[Any], Any]:
    """Give the function that reads a value of canonical JSON; ``None`` for one that this column cannot hold."""
    match column.type:
        case UtcDateTime():
            return _plain_instant
        case Boolean():
            return lambda plain: plain if type(plain) is bool else None
        case Float():
            return lambda plain: plain + 0.0 if type(plain) is float and math.isfinite(plain) else None
        case Integer():
            return lambda plain: plain if type(plain) is int and -(2**63) <= plain < 2**63 else None
        case LargeBinary():
            return lambda plain: bytes.fromhex(plain) if type(plain) is str else None
        case JSON():
            return lambda plain: plain if _depth(plain) <= MOST_NESTED and _storable_json(plain) == plain else None
        case _:
            return lambda plain: plain if type(plain) is str and plain.translate(_UNSTORABLE) == plain else None


MOST_NESTED = 8
"""Of lists and objects in a JSON column; ours have three."""


def _depth(value: Any) -> int:
    """Count how deep lists and objects are nested, to one more than the most that is taken."""
    level, here = 0, [value]
    while here and level <= MOST_NESTED:
        inside = [item for item in here if isinstance(item, list | dict)]
        if not inside:
            return level
        here = [item for one in inside for item in (one.values() if isinstance(one, dict) else one)]
        level += 1
    return level


def _plain_instant(plain: object) -> datetime | None:
    if type(plain) is not str or not plain.endswith("Z"):
        return None
    value = datetime.fromisoformat(plain[:-1])
    return None if value.tzinfo is not None else value.replace(tzinfo=UTC)
