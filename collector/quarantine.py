"""What an enrolled probe sent and what is in doubt: kept apart, with the reason, and bounded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, insert, select, update

from collector.models import Quarantined

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from collector.refusals import RefusedError

MOST_BODIES: Final = 20
"""Of one probe. What comes beyond it is told by its hash, size and reason."""

MOST_ROWS: Final = 1_000
"""Of one probe: who sends ever new nonsense fills no disk."""


def put_aside(connection: Connection, probe_id: str, body: bytes, refusal: RefusedError, now: datetime) -> None:
    """Keep a body and why it was refused; one that is there already is counted."""
    sha256 = hashlib.sha256(body).hexdigest()
    seen = connection.execute(
        update(Quarantined).where(Quarantined.sha256 == sha256).values(times=Quarantined.times + 1)
    )
    if seen.rowcount:
        return
    of_probe = select(func.count()).select_from(Quarantined).where(Quarantined.probe_id == probe_id)
    held = connection.scalar(of_probe) or 0
    if held >= MOST_ROWS:
        return
    connection.execute(
        insert(Quarantined).values(
            sha256=sha256,
            probe_id=probe_id,
            reason=refusal.word,
            sentence=str(refusal),
            first_at=now,
            times=1,
            size=len(body),
            body=body if held < MOST_BODIES else None,
        )
    )
