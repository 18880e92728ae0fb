"""Revision 0003 builds `link_sample` anew: every row, hash, trigger and index must come through it."""

from __future__ import annotations

import os
import sqlite3
import time
from random import Random
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from probe.store import chain, models, opening
from probe.store.database import Database
from probe.store.models import LinkSample
from tests.probe.store.example_facts import NOON, cycle, cycle_end, vantage
from tests.probe.store.test_store_faults import killed

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = "link_sample_id, cycle_id, sampled_at, is_interface_up, has_default_route, is_gateway_answering"
KILLS = 12


@pytest.fixture(params=["path", "postgres_url"])
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of schema 0002 with a look in it, as the program before wrote it."""
    place: str = request.getfixturevalue(request.param)
    make_old(place, tmp_path, monkeypatch)
    return place


def make_old(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations = tmp_path / "old"
    (migrations / "versions").mkdir(parents=True)
    (migrations / "env.py").write_text((opening._MIGRATIONS / "env.py").read_text())
    for revision in (opening._MIGRATIONS / "versions").glob("r000[12]_*.py"):
        (migrations / "versions" / revision.name).write_text(revision.read_text())
    with monkeypatch.context() as before:
        before.setattr(opening, "_MIGRATIONS", migrations)
        before.setattr(opening, "HEAD", "0002")
        with Database.open(place, create=True) as database:
            database.append("almaty", [vantage(), cycle("c1")])
            row = look("c1.l1")
            with database.engine.begin() as connection:  # the models have columns that the old table lacks
                end = chain.end_of(connection, "almaty")
                content = (
                    '{"cycle_id":"c1","has_default_route":true,"is_gateway_answering":false,"is_interface_up":true,'
                    '"last_hop_answering":3,"link_sample_id":"c1.l1","sampled_at":"2011-12-16T06:00:00.000000Z",'
                    '"vantage_id":"almaty"}'
                )
                row |= {"chain_seq": end.chain_seq + 1, "received_at": NOON, "vantage_id": "almaty"}
                row["chain_sha256"] = chain.row_sha256(end.chain_sha256, "link_sample", content)
                table = LinkSample.metadata.tables["link_sample"]
                connection.execute(table.insert().values(row))
                ends = models.ChainEnd.metadata.tables["chain_end"]
                connection.execute(ends.update().values(chain_seq=row["chain_seq"], chain_sha256=row["chain_sha256"]))


def look(name: str) -> dict[str, object]:
    return {
        "link_sample_id": name,
        "cycle_id": "c1",
        "sampled_at": NOON,
        "is_interface_up": True,
        "has_default_route": True,
        "is_gateway_answering": False,
        "last_hop_answering": 3,
    }


def test_rows_hashes_and_indexes_come_through(old: str) -> None:
    with Database.open(old) as database, database.session() as session:
        assert chain.verify(session) == []
        row = session.get_one(LinkSample, "c1.l1")
        assert (row.cycle_id, row.sampled_at, row.last_hop_answering, row.power) == ("c1", NOON, 3, None)
        indexes = {index["name"] for index in inspect(database.engine).get_indexes("link_sample")}
        assert "ix_link_sample_cycle_id" in indexes


def test_a_look_may_belong_to_no_cycle_afterwards(old: str) -> None:
    with Database.open(old) as database:
        database.append("almaty", [LinkSample(link_sample_id="almaty.f1", sampled_at=NOON, power="battery")])
        with database.session() as session:
            assert chain.verify(session) == []


@pytest.mark.parametrize("statement", ["UPDATE link_sample SET power = 'mains'", "DELETE FROM link_sample"])
def test_the_new_table_is_append_only_too(old: str, statement: str) -> None:
    with (
        Database.open(old) as database,
        pytest.raises(DBAPIError, match="link_sample is append-only"),
        database.engine.begin() as connection,
    ):
        connection.execute(text(statement))


def test_a_migration_that_is_killed_leaves_the_old_schema_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(3)
    revisions = set()
    for number in range(KILLS):
        path = tmp_path / f"{number}.db"
        make_old(str(path), tmp_path / str(number), monkeypatch)

        def migrate(writing: int, path: Path = path) -> None:
            Database.open(str(path)).close()
            os.write(writing, b"1\n")
            time.sleep(10)

        killed(migrate, after_lines=0, after_s=rng.uniform(0.0, 0.25))
        connection = sqlite3.connect(path)
        revisions |= {row[0] for row in connection.execute("SELECT version_num FROM nameblind_schema")}
        assert connection.execute(f"SELECT {COLUMNS} FROM link_sample").fetchall() == [
            ("c1.l1", "c1", "2011-12-16 06:00:00.000000", 1, 1, 0)
        ]
        connection.close()
        with Database.open(str(path)) as database, database.session() as session:
            assert chain.verify(session) == []
            database.append("almaty", [cycle_end("c1", NOON)])
    assert "0002" in revisions  # otherwise every one was killed too late to tell
