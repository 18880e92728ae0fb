"""What a resolver that answered calls itself.

Revision 0007, after 0006. The new column is empty in old rows, so that their hashes stay what they were.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("dns_answer", sa.Column("identity", sa.String(), nullable=True))
