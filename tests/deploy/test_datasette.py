"""Every canned query of Datasette runs on a real database, with its fields empty and filled in."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from probe.store.database import Database
from tests.probe.store.example_story import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2]
METADATA: dict[str, Any] = yaml.safe_load((FOLDER / "deploy" / "datasette" / "metadata.yaml").read_text())
QUERIES: dict[str, dict[str, str]] = METADATA["databases"]["results"]["queries"]
FILLED = {"target": "x.com", "network": "AS9198", "day": "2011-12-16"}
WITHOUT_ROWS = {"events"}  # the story has none


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("story") / "results.db"
    with Database.open(str(path), create=True) as database:
        tell(database)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


@pytest.mark.parametrize("name", QUERIES)
def test_a_canned_query_answers(name: str, story: sqlite3.Connection) -> None:
    sql = QUERIES[name]["sql"]
    fields = set(re.findall(r":(\w+)", sql))
    assert fields <= set(FILLED)
    every = story.execute(sql, dict.fromkeys(fields, "")).fetchall()
    some = story.execute(sql, {field: FILLED[field] for field in fields}).fetchall()
    assert bool(every) != (name in WITHOUT_ROWS)
    assert len(some) <= len(every)
    if "target" in fields and name != "service-itself-down":
        columns = [column[0] for column in story.execute(sql, FILLED).description]
        assert {row[columns.index("target")] for row in some} == {"x.com"}
        nothing = story.execute(sql, dict.fromkeys(fields, "no such thing")).fetchall()
        assert nothing == []


def test_what_was_blocked_in_a_network_on_a_day(story: sqlite3.Connection) -> None:
    sql = QUERIES["blocked-on-a-day"]["sql"]
    (row,) = story.execute(sql, {"network": "AS9198", "day": "2011-12-16"}).fetchall()
    assert row[:5] == ("x.com", "Twitter", "AS9198", "almaty", 2)
    assert story.execute(sql, {"network": "AS29355", "day": "2011-12-16"}).fetchall() == []
    assert story.execute(sql, {"network": "AS9198", "day": "2011-12-17"}).fetchall() == []


def test_every_question_of_the_page_is_there() -> None:
    titles = re.findall(r"^## \d+\. (.*)$", (FOLDER / "docs" / "questions.md").read_text(), re.MULTILINE)
    assert len(titles) == 10
    told = {query["title"].replace("a target", "x.com") for query in QUERIES.values()}
    assert set(titles) <= told


def test_every_query_has_a_title_and_a_sentence() -> None:
    assert [name for name, query in QUERIES.items() if not (query.get("title") and query.get("description"))] == []
