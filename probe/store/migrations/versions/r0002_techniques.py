"""Closer looks: what they saw, whether they were made, and the packets that they kept.

Revision 0002, after 0001. New columns may be empty, so that the hashes of older rows stay what they were.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from probe.store.migrations import triggers_0001

revision = "0002"
down_revision = "0001"

_INSTANT = sa.DateTime(timezone=True)
_OBSERVED: tuple[tuple[str, sa.types.TypeEngine[Any]], ...] = (
    ("technique", sa.String()),
    ("variant", sa.String()),
    ("way", sa.String()),
    ("icmp_type", sa.BigInteger()),
    ("icmp_code", sa.BigInteger()),
    ("icmp_errors", sa.BigInteger()),
    ("first_byte_s", sa.Float()),
    ("progress", sa.JSON()),
    ("body_sketch", sa.String()),
    ("fingerprint", sa.String()),
    ("playability", sa.String()),
    ("playability_reason", sa.String()),
    ("countries", sa.JSON()),
    ("kept_body_sha256", sa.String()),
    ("packet_kinds", sa.JSON()),
)


def upgrade() -> None:
    """Add the columns and the two tables."""
    for name, kind in _OBSERVED:
        op.add_column("observation", sa.Column(name, kind, nullable=True))
    op.add_column("pair", sa.Column("technique", sa.String(), nullable=True))
    op.add_column("measurement", sa.Column("role", sa.String(), nullable=True))
    op.add_column("measurement", sa.Column("need", sa.String(), nullable=True))
    op.add_column("dns_answer", sa.Column("sending", sa.BigInteger(), nullable=True))
    _create(
        "technique_run",
        sa.Column("technique", sa.String(), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("spent_bytes", sa.BigInteger(), nullable=False),
    )
    _create(
        "capture",
        sa.Column("technique", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=True),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("packets", sa.BigInteger(), nullable=False),
        sa.Column("pcap_sha256", sa.String(), nullable=False),
    )


def _create(table: str, *columns: sa.Column[object]) -> None:
    """Create a table of facts about measurements."""
    op.create_table(
        table,
        sa.Column(f"{table}_id", sa.String(), nullable=False),
        sa.Column("measurement_id", sa.String(), nullable=False),
        *columns,
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint(f"{table}_id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["measurement_id"], ["measurement.measurement_id"], name=f"fk_{table}_measurement_id"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name=f"fk_{table}_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name=f"uq_{table}_vantage_id_chain_seq"),
    )
    op.create_index(f"ix_{table}_measurement_id", table, ["measurement_id"])
    for statement in triggers_0001.of_table(table, op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)
