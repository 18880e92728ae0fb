"""What others measured: where an imported measurement comes from, networks of answers, and series from elsewhere.

Revision 0004, after 0003. The new column is empty in old rows, so that their hashes stay what they were.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from probe.store.migrations import triggers_0001

revision = "0004"
down_revision = "0003"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the column and the three tables."""
    op.add_column("dns_answer", sa.Column("networks", sa.JSON(), nullable=True))
    op.create_table(
        "imported",
        sa.Column("measurement_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("test_name", sa.String(), nullable=False),
        sa.Column("test_version", sa.String(), nullable=True),
        sa.Column("software", sa.String(), nullable=False),
        sa.Column("report_id", sa.String(), nullable=True),
        sa.Column("measurement_uid", sa.String(), nullable=True),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("measurement_id", name="pk_imported"),
        sa.ForeignKeyConstraint(["measurement_id"], ["measurement.measurement_id"], name="fk_imported_measurement_id"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_imported_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_imported_vantage_id_chain_seq"),
    )
    op.create_index("ix_imported_report_id", "imported", ["report_id"])
    op.create_table(
        "outside_series",
        sa.Column("series_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("scope_kind", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("step_s", sa.BigInteger(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("series_id", name="pk_outside_series"),
    )
    op.create_table(
        "outside_point",
        sa.Column("series_id", sa.String(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("series_id", "at", name="pk_outside_point"),
        sa.ForeignKeyConstraint(["series_id"], ["outside_series.series_id"], name="fk_outside_point_series_id"),
    )
    dialect = op.get_bind().dialect.name
    for table in ("imported", "outside_series", "outside_point"):
        for statement in triggers_0001.of_table(table, dialect):
            op.get_bind().exec_driver_sql(statement)
