from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Column, Float, Integer, LargeBinary, inspect, text

from probe.store import opening
from probe.store.database import Database
from probe.store.models import CONCLUSIONS, FACTS, OUTSIDE, Base, Blob, ChainEnd
from probe.store.types import UtcDateTime

if TYPE_CHECKING:
    from typing import Any

PAGE = (Path(__file__).parents[3] / "docs" / "schema.md").read_text()
TABLES = set(Base.metadata.tables)
POSTGRES_TYPES = {
    "character varying": "text",
    "text": "text",
    "bigint": "integer",
    "integer": "integer",
    "double precision": "real",
    "boolean": "boolean",
    "timestamp with time zone": "instant",
    "json": "JSON",
    "bytea": "bytes",
}


def sections() -> dict[str, list[list[str]]]:
    """Give the rows of the table under each heading of the third level."""
    found = {}
    for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        lines = [line for line in part.splitlines() if line.startswith("| ")]
        found[part.split()[0]] = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return found


def documented_type(column: Column[Any]) -> str:
    kinds = {UtcDateTime: "instant", JSON: "JSON", LargeBinary: "bytes", Boolean: "boolean", Float: "real"}
    return next((name for kind, name in kinds.items() if isinstance(column.type, kind)), None) or (
        "integer" if isinstance(column.type, Integer) else "text"
    )


def test_the_page_has_every_table_and_view_and_no_other(database: Database) -> None:
    views = set(inspect(database.engine).get_view_names())
    assert set(sections()) == TABLES | views


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_page_has_every_column_of_a_table_with_its_type(table: str) -> None:
    columns = [
        [column.key, documented_type(column), "yes" if column.nullable else "no"]
        for column in Base.metadata.tables[table].columns
    ]
    assert [row[:3] for row in sections()[table]] == columns


def test_the_page_has_every_column_of_the_views_in_order(database: Database) -> None:
    inspector = inspect(database.engine)
    for view in inspector.get_view_names():
        columns = [column["name"] for column in inspector.get_columns(view)]
        assert [row[0] for row in sections()[view]] == columns, view


def test_the_page_has_the_type_of_every_column_of_the_views(postgres_url: str) -> None:
    """PostgreSQL works out what a view's columns are; SQLite does not."""
    query = text(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
    )
    with Database.open(postgres_url, create=True) as database, database.session() as session:
        for view, column, kind in session.execute(query).all():
            if view.startswith("v_"):
                assert [column, POSTGRES_TYPES[kind]] in [row[:2] for row in sections()[view]], (view, column)


def test_every_column_has_a_meaning() -> None:
    assert [name for name, rows in sections().items() for row in rows if not row[-1]] == []


def test_every_table_is_a_fact_or_a_conclusion_or_stands_beside_them() -> None:
    assert {table.__tablename__ for table in (*FACTS, *OUTSIDE, *CONCLUSIONS, Blob, ChainEnd)} == TABLES


@pytest.mark.parametrize("kind", ["path", "postgres_url"])
def test_the_migrations_make_what_the_models_say(kind: str, request: pytest.FixtureRequest) -> None:
    with (
        Database.open(request.getfixturevalue(kind), create=True) as database,
        database.engine.connect() as connection,
    ):
        has_types = kind == "postgres_url"  # SQLite's own names of types compare as different
        options = {"compare_type": has_types, "version_table": opening.VERSION_TABLE}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def test_the_newest_revision_is_the_one_that_the_program_expects() -> None:
    assert ScriptDirectory(str(opening._MIGRATIONS)).get_current_head() == opening.HEAD
