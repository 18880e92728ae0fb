"""Copying the facts of other vantages from another database, their chains kept.

Only rows whose hash follows from the row before are taken, so a merged
database verifies if both did. Nothing that is here already is overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from probe.errors import UserError
from probe.store.appending import insert_blobs, insert_rows, move_end
from probe.store.chain import WINDOW_ROWS, End, end_of, ends, sha256_at, window
from probe.store.models import Blob

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Table

_BLOBS_AT_A_TIME = 100
"""Each is at most a body (:mod:`probe.limits`), so some ten MiB."""


def merge(source: Connection, target: Connection, received_at: datetime, *, source_place: str) -> int:
    """Copy what ``target`` lacks of every chain of ``source``; give the count of new rows.

    ``UserError`` where the two hold different rows at one place of a chain,
    or where a row of the source does not follow from the one before it.
    """
    try:
        blobs = source.execute(select(Blob.sha256, Blob.kind, Blob.content)).yield_per(_BLOBS_AT_A_TIME)
        for some in blobs.partitions():
            insert_blobs(target, ((row.sha256, row.kind, row.content) for row in some))
    except ValueError as error:
        raise UserError(f"nothing was merged from {source_place}: {error}; verify that database") from error
    return sum(
        _merge_chain(source, target, vantage_id, end, received_at, source_place)
        for vantage_id, end in ends(source).items()
    )


def _merge_chain(
    source: Connection,
    target: Connection,
    vantage_id: str,
    source_end: End,
    received_at: datetime,
    source_place: str,
) -> int:
    start = end_of(target, vantage_id, is_locking=True)
    shared = min(start.chain_seq, source_end.chain_seq)
    if shared and sha256_at(source, vantage_id, shared) != sha256_at(target, vantage_id, shared):
        place = _first_difference(source, target, vantage_id, shared)
        raise UserError(
            f"nothing was merged from {source_place}: the chain of vantage {vantage_id} differs there from place "
            f"{place} on; verify both databases to see which was altered",
        )
    end = start
    while end.chain_seq < source_end.chain_seq:
        rows = window(source, vantage_id, end.chain_seq + 1, min(end.chain_seq + WINDOW_ROWS, source_end.chain_seq))
        values_by_table: dict[Table, list[dict[str, Any]]] = {}
        for row in rows:
            if not row.is_after(end):
                break
            end = End(row.seq, row.sha256)
            values_by_table.setdefault(row.table, []).append(row.values | {"received_at": received_at})
        if not rows or rows[-1].seq != end.chain_seq:
            raise UserError(
                f"nothing was merged from {source_place}: the chain of vantage {vantage_id} is broken there at place "
                f"{end.chain_seq + 1}; verify that database",
            )
        _insert(target, values_by_table, vantage_id, source_place)
    if end != start:
        move_end(target, vantage_id, end)
    return end.chain_seq - start.chain_seq


def _insert(
    target: Connection,
    values_by_table: dict[Table, list[dict[str, Any]]],
    vantage_id: str,
    source_place: str,
) -> None:
    try:
        insert_rows(target, values_by_table)
    except IntegrityError as error:
        raise UserError(
            f"nothing was merged from {source_place}: a row of vantage {vantage_id} has an identifier that another "
            f"row already has ({str(error.orig).strip()})",
        ) from error


def _first_difference(source: Connection, target: Connection, vantage_id: str, last: int) -> int:
    """Find the place where two chains part. Each hash covers all before it, so halving finds it."""
    same, different = 0, last
    while different - same > 1:
        middle = (same + different) // 2
        if sha256_at(source, vantage_id, middle) == sha256_at(target, vantage_id, middle):
            same = middle
        else:
            different = middle
    return different
