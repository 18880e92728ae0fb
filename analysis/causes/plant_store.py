"""The plant of a database: stored as the file that was given, and read back from it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select

from analysis.causes.plant import Plant
from analysis.causes.plant_file import plant_of
from probe.store.models import ReferenceFile
from probe.store.writing import transaction

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from probe.store.database import Database

KIND: Final = "plant"


def store_plant(database: Database, content: bytes, name: str, received_at: datetime) -> bool:
    """Put a file in the place of the one before; tell whether that changes anything. Raises UserError."""
    plant_of(content, name)
    sha256 = hashlib.sha256(content).hexdigest()
    with transaction(database.engine) as connection:
        if connection.scalar(select(ReferenceFile.sha256).where(ReferenceFile.kind == KIND)) == sha256:
            return False
        connection.execute(delete(ReferenceFile).where(ReferenceFile.kind == KIND))
        row = {"kind": KIND, "sha256": sha256, "name": name, "content": content, "received_at": received_at}
        connection.execute(insert(ReferenceFile), [row])
    return True


def read_plant(session: Session) -> Plant:
    """Give the plant that was stored; where there is none, one of which nothing is known."""
    row = session.scalars(select(ReferenceFile).where(ReferenceFile.kind == KIND)).one_or_none()
    return Plant() if row is None else plant_of(row.content, f"the database's {row.name}")
