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
from probe.store.chain import END_WINDOW_ROWS, End, end_of, ends, sha256_at, window
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
    blobs = source.execute(select(Blob.sha256, Blob.kind, Blob.content)).yield_per(_BLOBS_AT_A_TIME)
    for some in blobs.partitions():
        insert_blobs(target, some)
    return sum(
        _merge_chain(source, target, vantage_id, end, received_at, source_place)
        for vantage_id, end in ends(source).items()
    )
