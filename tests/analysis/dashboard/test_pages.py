"""Every page answers, says what the analysis says, takes its filters from the address, and can write nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from starlette.testclient import TestClient

from analysis.analyse import analyse
from analysis.dashboard.app import app_of
from probe.errors import UserError
from probe.store.database import Database
from tests.analysis.dashboard.conftest import HOSTILE, NEWS

if TYPE_CHECKING:
    from pathlib import Path


def copy_of(place: Path, copy: Path) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("VACUUM INTO ?", [str(copy)])


def events_of(database: Database) -> list[tuple[str, str]]:
    with database.session() as session:
        return [(row[0], row[1]) for row in session.execute(text("SELECT event_id, cause FROM event"))]


def test_pages_say_what_the_analysis_says(client: TestClient, database: Database) -> None:
    found = events_of(database)
    assert [cause for _, cause in found] == ["selective-blocking"]
    event_id = found[0][0]
    overview = client.get("/").text
    assert f"/event/{event_id}" in overview
    assert "Selective blocking" in overview
    page = client.get(f"/event/{event_id}").text
    for vantage in ("almaty", "astana"):
        assert f"/vantage/{vantage}" in page
    assert "pairs.selective.sni" in page
    assert "Deliberate" in page
    assert "Not deliberate" in page
    assert "between" in page


def test_every_link_of_every_page_leads_somewhere(client: TestClient) -> None:
    seen: set[str] = set()
    waiting = ["/"]
    while waiting and len(seen) < 200:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if "html" in answer.headers["content-type"]:
            waiting += [link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="(/[^"]*)"', answer.text)]
    assert len([path for path in seen if path.startswith("/measurement/")]) > 10


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("service=news", True),
        ("service=other", False),
        ("region=Almaty", True),
        ("region=Aktau", False),
        ("network=AS9198", True),
        ("network=AS1", False),
        ("cause=selective-blocking", True),
        ("cause=damage", False),
        ("q=tls+NEWS", True),
        ("q=quic", False),
    ],
)
def test_filters_stand_in_the_address(client: TestClient, query: str, *, is_shown: bool) -> None:
    page = client.get(f"/events?{query}").text
    assert ("/event/" in page) is is_shown
    overview = client.get(f"/?{query}").text
    assert ("/event/" in overview) is is_shown
    if is_shown:
        assert query.partition("=")[0] in re.findall(r'href="/event/[^"]*"', page)[0], "a link loses the filters"


@pytest.mark.parametrize(
    "query", ["days=0", "days=many", "days=-3", "days=\u0661", "until=soon", "until=0001-01-01", f"q={'x' * 300}"]
)
@pytest.mark.parametrize("path", ["/", "/events", "/vantages", "/daily.csv"])
def test_what_cannot_be_asked_is_one_sentence(client: TestClient, path: str, query: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert "must be" in answer.text or "shorten" in answer.text


@pytest.mark.parametrize("path", ["/event/none", "/vantage/none", "/measurement/none", "/nothing", "/static/../app.py"])
def test_what_is_not_there_is_said(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_hostile_names_are_inert(client: TestClient) -> None:
    pages = [client.get(path).text for path in ("/", "/vantages", "/vantage/odd", "/events?q=%3Cscript%3E")]
    for page in pages:
        assert "<script>alert" not in page
        assert "\u202e" not in page.replace(HOSTILE, "") or 'value="' in page
    assert any("&lt;script&gt;" in page for page in pages)


def test_no_cell_of_the_csv_begins_a_formula(client: TestClient) -> None:
    rows = list(csv.reader(io.StringIO(client.get("/daily.csv").text)))
    assert rows[0] == ["day", "vantage", "service", "state", "cells"]
    assert ["almaty", "news"] in [row[1:3] for row in rows]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert "\u202e" not in client.get("/daily.csv").text


def test_the_csv_counts_what_the_states_count(client: TestClient, database: Database) -> None:
    counted: dict[str, int] = {}
    for row in csv.DictReader(io.StringIO(client.get("/daily.csv?vantage=almaty").text)):
        counted[row["state"]] = counted.get(row["state"], 0) + int(row["cells"])
    with database.session() as session:
        states = session.execute(
            text("SELECT state, count(*) FROM v_state WHERE vantage_id = 'almaty' AND kind = 'target' GROUP BY state")
        ).all()
    assert counted == dict(map(tuple, states))


def test_nothing_can_be_written(database: Database, client: TestClient) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)("/").status_code == 405
    for statement in ("DELETE FROM event", "CREATE TABLE x (y)", "UPDATE vantage SET country = 'XX'"):
        with database.engine.connect() as connection, pytest.raises(DatabaseError, match=r"readonly|read-only"):
            connection.execute(text(statement))


def test_a_read_only_file_in_a_read_only_folder_is_shown(place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "kept" / "copy.db"
    copy.parent.mkdir()
    copy_of(place, copy)
    copy.chmod(0o400)
    copy.parent.chmod(0o500)
    try:
        with Database.open_for_reading(str(copy)) as database:
            assert "Selective blocking" in TestClient(app_of(database)).get("/").text
        assert [path.name for path in copy.parent.iterdir()] == ["copy.db"]
    finally:
        copy.parent.chmod(0o700)


def test_a_database_of_an_older_schema_is_refused_in_a_sentence(place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy_of(place, copy)
    with Database.open(str(copy)) as database, database.engine.begin() as connection:
        connection.execute(text("UPDATE nameblind_schema SET version_num = '0009'"))
    with pytest.raises(UserError, match="nameblind analyze"):
        Database.open_for_reading(str(copy))


def test_every_answer_forbids_what_comes_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/version", "/static/news.js", "/nothing", "/daily.csv"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_no_other_name_reaches_a_dashboard_of_this_machine_alone(database: Database) -> None:
    client = TestClient(app_of(database, ["127.0.0.1", "localhost"]), base_url="http://127.0.0.1:8431")
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"host": "rebound.example:8431"}).status_code == 400


def test_news_are_told_by_another_version(tmp_path: Path, place: Path) -> None:
    copy = tmp_path / "copy.db"
    copy_of(place, copy)
    with Database.open_for_reading(str(copy)) as reading:
        client = TestClient(app_of(reading))
        before = client.get("/")
        mark = before.headers["etag"]
        assert client.get("/version").text == json.loads(mark)
        assert client.get("/", headers={"if-none-match": mark}).status_code == 304
        with Database.open(str(copy)) as writing:
            from tests.analysis.fact_builder import CycleBuilder, reached, store

            late = CycleBuilder(vantage="late", index=40).controls().add(NEWS, reached(), service="news").build()
            store(writing, [late])
            assert client.get("/version").text != json.loads(mark)
            assert "nothing is concluded of yet" in client.get("/").text
            analyse(writing)
        after = client.get("/", headers={"if-none-match": mark})
        assert after.status_code == 200
        assert "nothing is concluded of yet" not in after.text


def test_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    Database.open(str(path), create=True).close()
    with Database.open_for_reading(str(path)) as database:
        client = TestClient(app_of(database))
        for page in ("/", "/events", "/vantages", "/daily.csv", "/version"):
            assert client.get(page).status_code == 200
        assert "run a probe" in client.get("/").text


def test_it_can_be_mounted_below_another_path(database: Database) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    client = TestClient(Starlette(routes=[Mount("/see", app_of(database))]))
    page = client.get("/see/").text
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
    assert links
    assert all(link.startswith("/see/") for link in links)
