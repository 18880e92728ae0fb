"""A table that counts the grid's cells by day, vantage, service and state, for pages that show months at once.

Revision 0010, after 0009. Empty until the analysis runs again; no fact changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "daily",
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.Column("cells", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_daily_vantage_id"),
        sa.PrimaryKeyConstraint("service", "day", "state", "vantage_id", name="pk_daily"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_daily_vantage_id", "daily", ["vantage_id", "state", "day", "cells"])
