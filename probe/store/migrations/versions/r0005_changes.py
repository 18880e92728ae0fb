"""When names began and ceased to be read: the table of what the detectors called. No fact changes.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "pair_change",
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("name_kind", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("is_onset", sa.Boolean(), nullable=False),
        sa.Column("changed_after", _INSTANT, nullable=True),
        sa.Column("changed_before", _INSTANT, nullable=False),
        sa.Column("log10_detector", sa.Float(), nullable=False),
        sa.Column("pairs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vantage_id", "target", "name_kind", "peer", "position", name="pk_pair_change"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_pair_change_vantage_id"),
    )
