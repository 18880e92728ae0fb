"""The vantage itself: the flight recorder's row, which belongs to no cycle, and the self-check of each cycle.

Revision 0003, after 0002. SQLite cannot drop a NOT NULL, so there the table is
built anew and its rows are copied, within the one transaction of all
migrations; a table's triggers go with it and are made again. New columns are
empty in old rows, so that their hashes stay what they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from probe.store.migrations import triggers_0001

if TYPE_CHECKING:
    from alembic.operations.base import BatchOperations

revision = "0003"
down_revision = "0002"

_INSTANT = sa.DateTime(timezone=True)
_LOOKED: tuple[tuple[str, sa.types.TypeEngine[Any]], ...] = (
    ("has_ipv6_route", sa.Boolean()),
    ("hash_key", sa.String()),
    ("addresses_hash", sa.String()),
    ("gateway_hash", sa.String()),
    ("is_gateway_neighbour", sa.Boolean()),
    ("hops", sa.JSON()),
    ("is_resolver_answering", sa.Boolean()),
    ("power", sa.String()),
    ("battery_percent", sa.BigInteger()),
    ("boot_hash", sa.String()),
    ("modem_state", sa.String()),
    ("modem_registration", sa.String()),
    ("modem_access", sa.String()),
    ("modem_signal_percent", sa.BigInteger()),
    ("modem_failure", sa.String()),
    ("since_last_s", sa.Float()),
    ("suspended_s", sa.Float()),
    ("clock_step_s", sa.Float()),
    ("unchanged_looks", sa.BigInteger()),
)


def _in_order(table: BatchOperations) -> None:
    """Put the constraints in an order of ours: SQLite's table is made anew, and Alembic reads them from a set.

    Otherwise two new databases with the same rows would differ in their bytes.
    """
    if op.get_bind().dialect.name != "sqlite":
        return
    for name, kind in (
        ("fk_link_sample_vantage_id", "foreignkey"),
        ("fk_link_sample_cycle_id", "foreignkey"),
        ("uq_link_sample_vantage_id_chain_seq", "unique"),
    ):
        table.drop_constraint(name, type_=kind)
    table.create_foreign_key("fk_link_sample_vantage_id", "vantage", ["vantage_id"], ["vantage_id"])
    table.create_foreign_key("fk_link_sample_cycle_id", "cycle", ["cycle_id"], ["cycle_id"])
    table.create_unique_constraint("uq_link_sample_vantage_id_chain_seq", ["vantage_id", "chain_seq"])


def upgrade() -> None:
    """Free the row of its cycle, widen it, and add the table."""
    with op.batch_alter_table("link_sample") as table:
        table.alter_column("cycle_id", existing_type=sa.String(), nullable=True)
        for name, kind in _LOOKED:
            table.add_column(sa.Column(name, kind, nullable=True))
        _in_order(table)
    if op.get_bind().dialect.name == "sqlite":
        _make_append_only("link_sample")
    op.create_table(
        "self_check",
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("checked_at", _INSTANT, nullable=False),
        sa.Column("way_out", sa.String(), nullable=True),
        sa.Column("has_other_line", sa.Boolean(), nullable=True),
        sa.Column("has_proxy_settings", sa.Boolean(), nullable=True),
        sa.Column("clock_offset_s", sa.Float(), nullable=True),
        sa.Column("clock_offset_source", sa.String(), nullable=True),
        sa.Column("clock_witnesses", sa.BigInteger(), nullable=True),
        sa.Column("resolver_kind", sa.String(), nullable=True),
        sa.Column("resolver_network", sa.String(), nullable=True),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("network_country", sa.String(), nullable=True),
        sa.Column("network_source", sa.String(), nullable=True),
        sa.Column("as_table_sha256", sa.String(), nullable=True),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("cycle_id", name="pk_self_check"),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.cycle_id"], name="fk_self_check_cycle_id"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_self_check_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_self_check_vantage_id_chain_seq"),
    )
    _make_append_only("self_check")


def _make_append_only(table: str) -> None:
    for statement in triggers_0001.of_table(table, op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)
