"""What a collector keeps beside the facts: who may send, what was refused, which schedule holds.

No address of a volunteer: of the network that a probe enrolled from, a keyed
hash of its prefix is kept, to count how many probes came from one.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from probe.store.types import UtcDateTime

SCHEMA = 1
"""Raise it when a table changes, and bring older ones up to date in :mod:`collector.opening`."""


class Base(DeclarativeBase):
    """Of all tables of a collector; their names begin with ``collector_``."""

    type_annotation_map = {int: BigInteger, datetime: UtcDateTime, bytes: LargeBinary}  # noqa: RUF012 - SQLAlchemy's way


class Standing(StrEnum):
    """What a probe may do."""

    ADMITTED = "admitted"
    HELD = "held"
    """Too many came from its network: a researcher has to admit it."""
    RETIRED = "retired"
    """It took another identifier."""
    REVOKED = "revoked"


class Schema(Base):
    """The version of these tables: one row."""

    __tablename__ = "collector_schema"
    version: Mapped[int] = mapped_column(primary_key=True)


class Token(Base):
    """A secret that a researcher gives away, to enrol a probe."""

    __tablename__ = "collector_token"
    token_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    """Of the secret, which is kept nowhere."""
    uses_left: Mapped[int | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    note: Mapped[str]
    """The researcher's own; never a volunteer's name, as the command says."""


class Probe(Base):
    """A key that may send facts."""

    __tablename__ = "collector_probe"
    probe_id: Mapped[str] = mapped_column(primary_key=True)
    public_key: Mapped[str] = mapped_column(unique=True)
    standing: Mapped[str]
    token_id: Mapped[str]
    prefix: Mapped[str] = mapped_column(index=True)
    """Keyed hash of the /24 or /48 that it enrolled from."""
    successor: Mapped[str | None]
    """The identifier that a retired one was changed for."""
    enrolled_at: Mapped[datetime]
    last_heard_at: Mapped[datetime | None]
    repeated_rows: Mapped[int] = mapped_column(default=0)
    """Rows that came again."""


class ProbeVantage(Base):
    """Whose a chain is: the first probe that sent it."""

    __tablename__ = "collector_probe_vantage"
    vantage_id: Mapped[str] = mapped_column(primary_key=True)
    probe_id: Mapped[str] = mapped_column(ForeignKey("collector_probe.probe_id"))


class Published(Base):
    """A version of the schedule, as signed."""

    __tablename__ = "collector_schedule"
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    signature: Mapped[str]
    published_at: Mapped[datetime]


class Quarantined(Base):
    """Something that an enrolled probe sent and that is in doubt. It is among no facts."""

    __tablename__ = "collector_quarantine"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    """Of the body; the same one again is counted, not kept again."""
    probe_id: Mapped[str] = mapped_column(ForeignKey("collector_probe.probe_id"))
    reason: Mapped[str]
    sentence: Mapped[str]
    first_at: Mapped[datetime]
    times: Mapped[int]
    size: Mapped[int]
    body: Mapped[bytes | None]
    """Absent beyond the most that is kept of one probe."""
