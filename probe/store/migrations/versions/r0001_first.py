"""The first schema: all tables, the triggers that make facts append-only, and the views.

Revision 0001. The tables follow :mod:`probe.store.models` as they stood; a test holds the two together.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from probe.store.migrations import triggers_0001, views_0001

revision = "0001"
down_revision = None  # there is nothing to go back to

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create everything."""
    _create_tables()
    for statement in triggers_0001.statements(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)
    for statement in views_0001.STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def _create_tables() -> None:
    op.create_table(
        "analysis",
        sa.Column("analysis_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("ruleset", sa.String(), nullable=False),
        sa.Column("software_version", sa.String(), nullable=False),
        sa.Column("facts_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("analysis_id", name="pk_analysis"),
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_blob"),
    )
    op.create_table(
        "event",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("onset_after", _INSTANT, nullable=True),
        sa.Column("onset_before", _INSTANT, nullable=False),
        sa.Column("end_after", _INSTANT, nullable=True),
        sa.Column("end_before", _INSTANT, nullable=True),
        sa.Column("mechanisms", sa.JSON(), nullable=False),
        sa.Column("ledger", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_event"),
    )
    op.create_index("ix_event_cause", "event", ["cause"])
    op.create_table(
        "vantage",
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("bearer", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("vantage_id", name="pk_vantage"),
    )
    op.create_table(
        "chain_end",
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("vantage_id", name="pk_chain_end"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_chain_end_vantage_id"),
    )
    op.create_table(
        "cycle",
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("slot_at", _INSTANT, nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("schedule", sa.String(), nullable=False),
        sa.Column("schedule_sha256", sa.String(), nullable=False),
        sa.Column("seed_commitment", sa.String(), nullable=False),
        sa.Column("software_version", sa.String(), nullable=False),
        sa.Column("clock_source", sa.String(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("cycle_id", name="pk_cycle"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_cycle_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_cycle_vantage_id_chain_seq"),
    )
    op.create_index("ix_cycle_slot_at", "cycle", ["slot_at"])
    op.create_table(
        "missed_slot",
        sa.Column("missed_slot_id", sa.String(), nullable=False),
        sa.Column("slot_at", _INSTANT, nullable=False),
        sa.Column("noticed_at", _INSTANT, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("missed_slot_id", name="pk_missed_slot"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_missed_slot_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_missed_slot_vantage_id_chain_seq"),
    )
    op.create_index("ix_missed_slot_slot_at", "missed_slot", ["slot_at"])
    op.create_table(
        "pair_test",
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("name_kind", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("is_negative_control", sa.Boolean(), nullable=False),
        sa.Column("pairs", sa.BigInteger(), nullable=False),
        sa.Column("discordant", sa.BigInteger(), nullable=False),
        sa.Column("target_failed", sa.BigInteger(), nullable=False),
        sa.Column("log10_e", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "vantage_id", "target", "name_kind", "peer", "is_negative_control", name="pk_pair_test"
        ),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_pair_test_vantage_id"),
    )
    op.create_table(
        "cycle_end",
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("cycle_id", name="pk_cycle_end"),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.cycle_id"], name="fk_cycle_end_cycle_id"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_cycle_end_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_cycle_end_vantage_id_chain_seq"),
    )
    op.create_table(
        "link_sample",
        sa.Column("link_sample_id", sa.String(), nullable=False),
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("sampled_at", _INSTANT, nullable=False),
        sa.Column("is_interface_up", sa.Boolean(), nullable=True),
        sa.Column("has_default_route", sa.Boolean(), nullable=True),
        sa.Column("is_gateway_answering", sa.Boolean(), nullable=True),
        sa.Column("last_hop_answering", sa.BigInteger(), nullable=True),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("link_sample_id", name="pk_link_sample"),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.cycle_id"], name="fk_link_sample_cycle_id"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_link_sample_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_link_sample_vantage_id_chain_seq"),
    )
    op.create_index("ix_link_sample_cycle_id", "link_sample", ["cycle_id"])
    op.create_table(
        "measurement",
        sa.Column("measurement_id", sa.String(), nullable=False),
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("video", sa.String(), nullable=True),
        sa.Column("expect_status", sa.BigInteger(), nullable=True),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("measurement_id", name="pk_measurement"),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.cycle_id"], name="fk_measurement_cycle_id"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_measurement_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_measurement_vantage_id_chain_seq"),
    )
    op.create_index("ix_measurement_cycle_id", "measurement", ["cycle_id"])
    op.create_index("ix_measurement_target", "measurement", ["target", "vantage_id", "started_at"])
    op.create_table(
        "evidence",
        sa.Column("measurement_id", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("log10_lr", sa.Float(), nullable=False),
        sa.Column("observations", sa.JSON(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("measurement_id", "rule", name="pk_evidence"),
        sa.ForeignKeyConstraint(["measurement_id"], ["measurement.measurement_id"], name="fk_evidence_measurement_id"),
    )
    op.create_table(
        "observation",
        sa.Column("observation_id", sa.String(), nullable=False),
        sa.Column("measurement_id", sa.String(), nullable=False),
        sa.Column("pair_id", sa.String(), nullable=True),
        sa.Column("arm", sa.String(), nullable=True),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("redirect", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("started_mono_s", sa.Float(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("error_text", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("port", sa.BigInteger(), nullable=True),
        sa.Column("source_port", sa.BigInteger(), nullable=True),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False),
        sa.Column("resolver", sa.String(), nullable=True),
        sa.Column("transport", sa.String(), nullable=True),
        sa.Column("query_type", sa.String(), nullable=True),
        sa.Column("tls_version", sa.String(), nullable=True),
        sa.Column("tls_cipher", sa.String(), nullable=True),
        sa.Column("alpn", sa.String(), nullable=True),
        sa.Column("certificates", sa.JSON(), nullable=True),
        sa.Column("certificate_failure", sa.String(), nullable=True),
        sa.Column("is_peer_hello_received", sa.Boolean(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("body_length_bytes", sa.BigInteger(), nullable=True),
        sa.Column("body_sha256", sa.String(), nullable=True),
        sa.Column("is_body_truncated", sa.Boolean(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("is_genuine", sa.Boolean(), nullable=True),
        sa.Column("hop_limit", sa.BigInteger(), nullable=True),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("observation_id", name="pk_observation"),
        sa.ForeignKeyConstraint(
            ["measurement_id"], ["measurement.measurement_id"], name="fk_observation_measurement_id"
        ),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_observation_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_observation_vantage_id_chain_seq"),
    )
    op.create_index("ix_observation_measurement_id", "observation", ["measurement_id"])
    op.create_index("ix_observation_pair_id", "observation", ["pair_id"])
    op.create_table(
        "pair",
        sa.Column("pair_id", sa.String(), nullable=False),
        sa.Column("measurement_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name_kind", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("port", sa.BigInteger(), nullable=False),
        sa.Column("target_name", sa.String(), nullable=False),
        sa.Column("control_name", sa.String(), nullable=False),
        sa.Column("is_target_first", sa.Boolean(), nullable=False),
        sa.Column("is_negative_control", sa.Boolean(), nullable=False),
        sa.Column("target_observation_id", sa.String(), nullable=False),
        sa.Column("control_observation_id", sa.String(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("pair_id", name="pk_pair"),
        sa.ForeignKeyConstraint(["measurement_id"], ["measurement.measurement_id"], name="fk_pair_measurement_id"),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_pair_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_pair_vantage_id_chain_seq"),
    )
    op.create_index("ix_pair_measurement_id", "pair", ["measurement_id"])
    op.create_table(
        "state",
        sa.Column("measurement_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("mechanisms", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("measurement_id", name="pk_state"),
        sa.ForeignKeyConstraint(["measurement_id"], ["measurement.measurement_id"], name="fk_state_measurement_id"),
    )
    op.create_index("ix_state_state", "state", ["state"])
    op.create_table(
        "dns_answer",
        sa.Column("observation_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("delay_s", sa.Float(), nullable=False),
        sa.Column("rcode", sa.String(), nullable=True),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.Column("cnames", sa.JSON(), nullable=False),
        sa.Column("is_valid", sa.Boolean(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("chain_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("vantage_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("observation_id", "position", name="pk_dns_answer"),
        sa.ForeignKeyConstraint(
            ["observation_id"], ["observation.observation_id"], name="fk_dns_answer_observation_id"
        ),
        sa.ForeignKeyConstraint(["vantage_id"], ["vantage.vantage_id"], name="fk_dns_answer_vantage_id"),
        sa.UniqueConstraint("vantage_id", "chain_seq", name="uq_dns_answer_vantage_id_chain_seq"),
    )
