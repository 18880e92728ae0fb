"""Schedules: signed, numbered upwards, and none is ever taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from collector.models import Published
from probe.uplink.signing import sign_schedule

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import Connection


def publish(connection: Connection, key: Ed25519PrivateKey, text: str, now: datetime) -> int:
    """Sign a schedule as the next version; give its number."""
    version = (connection.scalar(select(func.max(Published.version))) or 0) + 1
    signature = sign_schedule(key, version, text)
    connection.execute(insert(Published).values(version=version, text=text, signature=signature, published_at=now))
    return version


def latest(connection: Connection) -> Published | None:
    """Give the newest version; ``None`` before the first."""
    row = connection.execute(select(Published.__table__).order_by(Published.version.desc()).limit(1)).one_or_none()
    return None if row is None else Published(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for a row's columns
