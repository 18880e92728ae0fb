"""The grid: a row for every vantage, target and slot, heard or not; and the reference data behind an analysis.

Revision 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table and the column; an analysis of before says of no reference data."""
    op.add_column("analysis", sa.Column("reference", sa.JSON(), nullable=True))
    op.create_table(
        "grid",
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("late_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("vantage_id", "target", "slot_at", name="pk_grid"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_grid_vantage_id"),
    )
