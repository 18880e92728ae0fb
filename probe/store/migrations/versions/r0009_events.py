"""Of an event: the series that it is made of, both hypotheses, and what would change the conclusion. No fact changes.

Revision 0009, after 0008. Events of before say nothing of them, until the analysis runs again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns."""
    for name in ("members", "hypotheses", "would_change"):
        op.add_column("event", sa.Column(name, sa.JSON(), nullable=True))
