"""Taking a batch: its rows enter the facts, in one transaction with all that says so, or nothing does."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from collector.models import Probe, ProbeVantage
from collector.refusals import RefusedError, Why
from probe.store.appending import insert_blobs, insert_rows, move_end
from probe.store.chain import TABLES, End, end_of, sha256_at
from probe.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, Connection, Table

    from probe.uplink.batch import Batch, Link

MOST_AHEAD: Final = timedelta(hours=1)
"""By which a probe's clock may be ahead of ours. How far it is behind says nothing: an upload may be late by months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of a batch."""

    vantage_id: str
    end: End
    """Where the chain ends here now: the probe goes on there."""
    new_rows: int
    repeated_rows: int


def take(connection: Connection, probe_id: str, batch: Batch, received_at: datetime) -> Taken:
    """Take what is new of a batch. ``RefusedError`` where it does not follow from what is held, or is in doubt.

    A batch may begin before our end, as one does whose answer was lost: what is
    held is compared and counted, and only the rest is inserted.
    """
    held = end_of(connection, batch.vantage_id, is_locking=True)
    _check_owner(connection, probe_id, batch.vantage_id, is_new=held.chain_seq == 0)
    if batch.after.chain_seq > held.chain_seq:
        raise RefusedError(Why.GAP, f"rows after place {held.chain_seq} are missing; send them from there on", end=held)
    new = [link for link in batch.links if link.end.chain_seq > held.chain_seq]
    _check_same(connection, batch, held)
    _check_times(new, received_at)
    values_by_table: dict[Table, list[dict[str, Any]]] = defaultdict(list)
    for link in new:
        place = {"chain_seq": link.end.chain_seq, "chain_sha256": link.end.chain_sha256, "received_at": received_at}
        values_by_table[link.table].append(link.values | place)
    insert_blobs(connection, batch.blobs)
    try:
        insert_rows(connection, values_by_table)
    except IntegrityError:
        raise RefusedError(
            Why.FOREIGN_ROW, "a row has an identifier that another row already has, or names one that is not there"
        ) from None
    _check_references(connection, batch.vantage_id, held)
    repeated = len(batch.links) - len(new)
    if new:
        move_end(connection, batch.vantage_id, new[-1].end)
    connection.execute(
        update(Probe)
        .where(Probe.probe_id == probe_id)
        .values(last_heard_at=received_at, repeated_rows=Probe.repeated_rows + repeated)
    )
    return Taken(
        vantage_id=batch.vantage_id, end=new[-1].end if new else held, new_rows=len(new), repeated_rows=repeated
    )


def _check_owner(connection: Connection, probe_id: str, vantage_id: str, *, is_new: bool) -> None:
    owner = connection.scalar(select(ProbeVantage.probe_id).where(ProbeVantage.vantage_id == vantage_id))
    if owner is None and is_new:
        connection.execute(insert(ProbeVantage).values(vantage_id=vantage_id, probe_id=probe_id))
    elif owner != probe_id:
        raise RefusedError(Why.FOREIGN_VANTAGE, "this vantage's facts are held already, and come from elsewhere")


def _check_same(connection: Connection, batch: Batch, held: End) -> None:
    """Refuse another history than the one that is held: each hash covers all before it, so one place tells."""
    last = min(batch.end.chain_seq, held.chain_seq)
    ours = held.chain_sha256 if last == held.chain_seq else sha256_at(connection, batch.vantage_id, last)
    ends = (batch.after, *(link.end for link in batch.links))
    if last and ends[last - batch.after.chain_seq].chain_sha256 != ours:
        raise RefusedError(
            Why.FORK,
            f"another history of this vantage is held, up to place {held.chain_seq}: a row was altered here or there, "
            "or two machines measure under one name; a probe in doubt takes a new name",
            end=held,
        )


def _check_times(new: Sequence[Link], received_at: datetime) -> None:
    latest = max((link.values[key] for link in new for key in _instants(link.table) if link.values[key]), default=None)
    if latest is not None and latest > received_at + MOST_AHEAD:
        raise RefusedError(
            Why.FROM_THE_FUTURE,
            f"a row is of {latest:%Y-%m-%d %H:%M} UTC, which is yet to come; set the clock, and let the probe take a "
            "new name",
        )


@cache
def _instants(table: Table) -> tuple[str, ...]:
    return tuple(
        column.key for column in table.columns if isinstance(column.type, UtcDateTime) and column.key != "received_at"
    )


def _check_references(connection: Connection, vantage_id: str, held: End) -> None:
    """Refuse new rows that hang on another vantage's: nobody adds to what somebody else measured."""
    for table, column, parent, key in _references():
        is_foreign = exists().where(
            table.c.vantage_id == vantage_id,
            table.c.chain_seq > held.chain_seq,
            column == key,
            parent.c.vantage_id != vantage_id,
        )
        if connection.scalar(select(is_foreign)):
            raise RefusedError(Why.FOREIGN_ROW, f"a row of {table.name} hangs on another vantage's {parent.name}")


@cache
def _references() -> tuple[tuple[Table, Column[Any], Table, Column[Any]], ...]:
    return tuple(
        (table, column, key.column.table, key.column)
        for table in TABLES
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table in TABLES and column.key != "vantage_id"
    )
