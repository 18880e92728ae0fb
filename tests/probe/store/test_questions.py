from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, text

from probe.store import chain
from probe.store.canonical import canonical_json
from probe.store.database import Database
from probe.store.models import Event
from tests.probe.store.example_story import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[3] / "docs" / "questions.md").read_text()
QUESTIONS = re.findall(r"^## (\d+)\. .*?\n```sql\n(.*?);\n```\n\n(\|.*?)(?:\n\n|\Z)", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with Database.open(str(tmp_path_factory.mktemp("story") / "results.db"), create=True) as database:
        tell(database)
        yield database


@pytest.fixture(scope="module")
def story_on_postgres(postgres_server: str) -> Iterator[Database]:
    import psycopg

    with psycopg.connect(postgres_server.format(name="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE story")
    with Database.open(postgres_server.format(name="story"), create=True) as database:
        tell(database)
        yield database


def shown(value: Any) -> str:
    """Give a value as the page shows it, which is how SQLite prints it."""
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        case list():
            return canonical_json(value)
        case _:
            return str(value)


def answer(database: Database, query: str) -> list[list[str]]:
    with database.session() as session:
        result = session.execute(text(query))
        return [list(result.keys()), *([shown(value) for value in row] for row in result)]


def on_page(table: str) -> list[list[str]]:
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.splitlines()]
    return [lines[0], *lines[2:]]


def test_there_are_ten_questions() -> None:
    assert [number for number, _, _ in QUESTIONS] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(("number", "query", "table"), QUESTIONS, ids=[number for number, _, _ in QUESTIONS])
@pytest.mark.parametrize("where", ["story", "story_on_postgres"])
def test_every_question_has_the_answer_that_the_page_shows(
    where: str, number: str, query: str, table: str, request: pytest.FixtureRequest
) -> None:
    assert answer(request.getfixturevalue(where), query) == on_page(table)


def test_the_story_is_a_whole_database(story: Database) -> None:
    with story.session() as session:
        assert chain.verify(session) == []


VIEWS = ("v_answering", "v_silence", "v_measurement", "v_state", "v_outage", "v_step", "v_pair", "v_slot")


@pytest.mark.parametrize("view", [*VIEWS, "v_dns_answer"])
def test_both_databases_show_the_same_in_every_view(view: str, story: Database, story_on_postgres: Database) -> None:
    query = f"SELECT * FROM {view}"
    here, there = answer(story, query), answer(story_on_postgres, query)
    assert here[0] == there[0]
    assert len(here) > 1
    assert sorted(here[1:]) == sorted(there[1:])


@pytest.mark.parametrize("where", ["story", "story_on_postgres"])
@pytest.mark.parametrize("end", [None, datetime(2011, 12, 20, tzinfo=UTC)])
def test_an_event_stands_in_its_view(where: str, end: datetime | None, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(where)
    began = datetime(2011, 12, 16, 9, tzinfo=UTC)
    row = {"event_id": "e1", "cause": "damage", "onset_before": began, "end_before": end}
    with database.engine.connect() as connection:
        connection.execute(insert(Event).values(**row, scope={}, mechanisms=[], ledger=[]))
        seen = connection.execute(text("SELECT event_id, cause, has_ended, onset_after FROM v_event")).one()
        connection.rollback()
    assert (seen.event_id, seen.cause, bool(seen.has_ended), seen.onset_after) == (
        "e1",
        "damage",
        end is not None,
        None,
    )


def test_without_an_analysis_the_views_on_facts_say_the_same(story: Database) -> None:
    query = "SELECT vantage_id, first_bad_at FROM v_silence ORDER BY 1, 2"
    before = answer(story, query)
    with story.engine.connect() as connection:
        connection.execute(text("DELETE FROM state"))
        assert [list(row) for row in connection.execute(text(query))] == before[1:]
        assert connection.execute(text("SELECT count(*) FROM v_measurement WHERE state IS NOT NULL")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM v_outage")).scalar_one() == 0
        connection.rollback()


def test_one_target_is_found_by_index(story: Database) -> None:
    query = "EXPLAIN QUERY PLAN SELECT * FROM v_answering WHERE target = 'x.com' AND vantage_id = 'almaty'"
    with story.session() as session:
        steps = [row[3] for row in session.execute(text(query))]
    assert not [step for step in steps if step.startswith("SCAN")]
