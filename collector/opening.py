"""Opening a collector's database: the facts' tables, and its own beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select

from collector.models import SCHEMA, Base, Schema
from probe.errors import UserError
from probe.store.database import Database
from probe.store.writing import transaction

if TYPE_CHECKING:
    from probe.clock import Clock


def open_store(url_or_path: str, *, create: bool = False, clock: Clock | None = None) -> Database:
    """Open the database at a path or URL, and make the collector's tables where they are not there yet.

    ``UserError`` where it is missing, foreign, damaged, or newer than this program.
    """
    database = Database.open(url_or_path, create=create, clock=clock)
    try:
        _make_tables(database)
    except BaseException:
        database.close()
        raise
    return database


def _make_tables(database: Database) -> None:
    with transaction(database.engine) as connection:
        if not inspect(connection).has_table(Schema.__tablename__):
            Base.metadata.create_all(connection)
            connection.execute(insert(Schema).values(version=SCHEMA))
        version = connection.scalar(select(Schema.version))
    if version != SCHEMA:
        raise UserError(
            f"{database.place} holds a collector's tables of version {version}, and this program knows {SCHEMA}; "
            "update the program"
        )
