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
    """Give the statements of the first schema, for ``sqlite`` or ``postgresql``."""
    function = [_POSTGRES_FUNCTION] if dialect == "postgresql" else []
    return [*function, *(statement for table in _APPEND_ONLY for statement in of_table(table, dialect))]


def of_table(table: str, dialect: str) -> list[str]:
    """Give the statements that make one table append-only."""
    if dialect == "postgresql":
        return [_POSTGRES.format(table=table)]
    return [_SQLITE.format(table=table, event=event) for event in ("update", "delete")]
