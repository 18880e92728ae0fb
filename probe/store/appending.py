"""Writing facts into an open transaction: each row gets its place and its hash, and is never written again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, insert
from sqlalchemy.exc import DBAPIError, IntegrityError

from probe.store.canonical import canonical_json, content, row_sha256, storable
from probe.store.chain import TABLES, End, end_of
from probe.store.models import FACTS, Base, Blob, ChainEnd, Vantage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Table
    from sqlalchemy.dialects import postgresql, sqlite


def _upsert(connection: Connection) -> Callable[..., sqlite.Insert | postgresql.Insert]:
    """Give the dialect's own insert; the other dialect is not loaded, because a waiting probe must stay small."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert
    from sqlalchemy.dialects import postgresql

    return postgresql.insert


def append_rows(connection: Connection, vantage_id: str, rows: Sequence[Base], received_at: datetime) -> End:
    """Add ``rows`` to the end of a vantage's chain, in the order of ``FACTS``, then in the order given.

    Gives the new end of the chain. ``ValueError`` for a row that is no fact,
    belongs to another vantage, or for a chain that does not begin with its
    ``Vantage`` row.
    """
    end = end_of(connection, vantage_id, is_locking=True)
    ordered = sorted(rows, key=_order)
    if end.chain_seq == 0 and not isinstance(ordered[0], Vantage):
        raise ValueError(f"the chain of {vantage_id} must begin with its Vantage row")
    values_by_table: dict[Table, list[dict[str, Any]]] = {}
    for row in ordered:
        table = TABLES[_order(row)]
        values = {column.key: storable(column, getattr(row, column.key)) for column in table.columns}
        if values["vantage_id"] is None:
            values["vantage_id"] = vantage_id
        if values["vantage_id"] != vantage_id:
            raise ValueError(f"a row of {values['vantage_id']} was about to enter the chain of {vantage_id}")
        sha256 = row_sha256(end.chain_sha256, table.name, content(table, values))
        end = End(end.chain_seq + 1, sha256)
        values |= {"chain_seq": end.chain_seq, "chain_sha256": sha256, "received_at": received_at}
        values_by_table.setdefault(table, []).append(values)
    insert_rows(connection, values_by_table)
    move_end(connection, vantage_id, end)
    return end


def insert_rows(connection: Connection, values_by_table: dict[Table, list[dict[str, Any]]]) -> None:
    """Insert rows that have their places already, table by table in an order in which foreign keys hold."""
    put = _copied if connection.dialect.name == "postgresql" else _inserted
    for table in TABLES:
        if table in values_by_table:
            put(connection, table, values_by_table[table])


def _inserted(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)


def _copied(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert by COPY: one statement for all rows. ``IntegrityError`` as for an INSERT."""
    import psycopg
    from psycopg import sql

    names = [column.key for column in table.columns]
    written = [canonical_json if isinstance(column.type, JSON) else None for column in table.columns]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    driver: Any = connection.connection.dbapi_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(
                    [
                        value if write is None or value is None else write(value)
                        for value, write in zip((row.get(name) for name in names), written, strict=True)
                    ]
                )
    except psycopg.IntegrityError as error:
        raise IntegrityError(f"COPY {table.name}", None, error) from error
    except psycopg.Error as error:
        raise DBAPIError.instance(f"COPY {table.name}", None, error, psycopg.Error) from error


def move_end(connection: Connection, vantage_id: str, end: End) -> None:
    """Write where the chain ends now."""
    values = {"chain_seq": end.chain_seq, "chain_sha256": end.chain_sha256}
    statement = _upsert(connection)(ChainEnd).values(vantage_id=vantage_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["vantage_id"], set_=values))


def insert_blobs(connection: Connection, blobs: Iterable[tuple[str, str, bytes]]) -> None:
    """Insert those of ``(sha256, kind, content)`` that are not there yet; ``ValueError`` for a wrong hash."""
    values = []
    for sha256, kind, stored in blobs:
        if hashlib.sha256(stored).hexdigest() != sha256:
            raise ValueError(f"the content of blob {sha256} has another hash")
        values.append({"sha256": sha256, "kind": kind, "content": stored})
    if values:
        connection.execute(_upsert(connection)(Blob).on_conflict_do_nothing(), values)


def _order(row: Base) -> int:
    try:
        return FACTS.index(type(row))
    except ValueError:
        raise ValueError(f"{type(row).__name__} is not a fact") from None
