"""Facts are append-only, and the database itself says so."""

from __future__ import annotations

_APPEND_ONLY = (
    "vantage",
    "cycle",
    "measurement",
    "observation",
    "dns_answer",
    "pair",
    "link_sample",
    "cycle_end",
    "missed_slot",
    "blob",
)

_SQLITE = """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON "{table}"
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""

_POSTGRES_FUNCTION = """
CREATE FUNCTION nameblind_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$
"""

_POSTGRES = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}"
FOR EACH STATEMENT EXECUTE FUNCTION nameblind_append_only()
"""


def statements(dialect: str) -> list[str]:
    """Give the statements for ``sqlite`` or ``postgresql``."""
    if dialect == "postgresql":
        return [_POSTGRES_FUNCTION, *(_POSTGRES.format(table=table) for table in _APPEND_ONLY)]
    return [_SQLITE.format(table=table, event=event) for table in _APPEND_ONLY for event in ("update", "delete")]
