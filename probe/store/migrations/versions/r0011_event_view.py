"""The view of events, so that what analysts may rely on has them too: contract version 1 gains a view.

Revision 0011, after 0010. No fact and no conclusion changes.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the view."""
    op.execute(
        "CREATE VIEW v_event AS "
        "SELECT event_id, cause, onset_after, onset_before, end_after, end_before, "
        "end_before IS NOT NULL AS has_ended, scope, mechanisms, members, ledger, hypotheses, would_change FROM event"
    )
