"""Who this vantage is in its database, and whether it may measure into it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import select

from probe.errors import UserError
from probe.store import models

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from probe.schedule.model import VantageSpec
    from probe.store.database import Database

LAB = "lab"
DESCRIBED = ("country", "region", "network", "bearer", "role")


def enter(spec: VantageSpec, database: Database) -> str:
    """Give the vantage's identifier, writing its row where it is new.

    Facts are append-only: a vantage that moved to another network is another
    vantage. An unnamed one then gets a new random name; a named one is refused
    with a :class:`UserError`, because two networks under one name would mix.
    """
    wanted = {column: getattr(spec, column) for column in DESCRIBED}
    with database.session() as session:
        known = {row.vantage_id: row for row in session.scalars(select(models.Vantage))}
    if spec.name is None:
        for vantage_id, row in sorted(known.items()):
            if {column: getattr(row, column) for column in DESCRIBED} == wanted:
                return vantage_id
    elif spec.name in known:
        stored = {column: getattr(known[spec.name], column) for column in DESCRIBED}
        if stored == wanted:
            return spec.name
        changed = next(column for column in DESCRIBED if stored[column] != wanted[column])
        raise UserError(
            f"vantage {spec.name!r} has {changed} {stored[changed]!r} in this database and {wanted[changed]!r} in the "
            "schedule; give the vantage another name in the schedule, or measure into another database"
        )
    vantage_id = spec.name or f"v{secrets.token_hex(6)}"
    database.append(vantage_id, [models.Vantage(vantage_id=vantage_id, **wanted)])
    return vantage_id


def is_of_a_lab(session: Session) -> bool:
    """Tell whether a lab made the results in this database."""
    return session.scalar(select(models.Cycle.cycle_id).where(models.Cycle.clock_source == LAB).limit(1)) is not None


def refuse_mixing(database: Database, clock_source: str) -> None:
    """Refuse a database that holds results of another world: what a lab made is never beside what was measured."""
    with database.session() as session:
        other = session.scalar(
            select(models.Cycle.clock_source)
            .where((models.Cycle.clock_source != LAB) if clock_source == LAB else (models.Cycle.clock_source == LAB))
            .limit(1)
        )
    if other is not None:
        held, ours = ("results of a lab", "real ones") if other == LAB else ("real results", "those of a lab")
        raise UserError(f"{database.place} holds {held}, which never mix with {ours}; name another database with --db")
