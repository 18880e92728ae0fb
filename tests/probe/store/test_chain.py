"""What an attacker with the file in hand does to it, with the triggers dropped first."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm import Session

from probe.store.canonical import content, row_sha256
from probe.store.chain import TABLES, Finding, verify, window
from probe.store.database import Database
from tests.probe.store.conftest import fill
from tests.probe.store.example_facts import BODY, CERTIFICATE, PCAP, full_cycle, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

COLUMNS = [(table.name, column.key) for table in TABLES for column in table.columns if column.key != "received_at"]
LAST = 1 + 3 * len(full_cycle(0))
"""The place of the last row of each chain."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A filled database, which every test alters within a transaction that is rolled back."""
    folder: Path = tmp_path_factory.mktemp("chain")
    with Database.open(str(folder / "results.db"), create=True) as database:
        fill(database)
        yield database


@contextmanager
def attacked(database: Database) -> Iterator[Connection]:
    """Give a connection without triggers and without foreign keys; what is done over it is undone afterwards."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
        connection.rollback()


def found(connection: Connection) -> list[tuple[str | None, int | None, str, str, Finding]]:
    with Session(bind=connection) as session:
        return [(b.vantage_id, b.chain_seq, b.table, b.row_id, b.what) for b in verify(session)]


def place_of(connection: Connection, table: str, row_id: str, key: str) -> int:
    place: int = connection.exec_driver_sql(f"SELECT chain_seq FROM {table} WHERE {key} = ?", (row_id,)).scalar_one()
    return place


def test_an_untouched_database_is_whole(whole: Database) -> None:
    with attacked(whole) as connection:
        assert found(connection) == []


def altered(raw: Any, rng: random.Random) -> Any:
    """Give another value than ``raw``, as little different as can be."""
    match raw:
        case None:
            return rng.choice(["", 0, "x"])
        case int():
            return raw ^ (1 << rng.randrange(8))
        case float():
            return raw + rng.choice([1e-9, -1e-9, 1.0])
        case bytes():
            place = rng.randrange(len(raw))
            return raw[:place] + bytes([raw[place] ^ (1 << rng.randrange(8))]) + raw[place + 1 :]
        case _:
            place = rng.randrange(len(raw))
            return raw[:place] + chr(ord(raw[place]) ^ (1 << rng.randrange(7))) + raw[place + 1 :]


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=".".join)
def test_every_flip_in_every_column_is_found(whole: Database, table: str, column: str) -> None:
    rng = random.Random(f"{table}.{column}")
    with attacked(whole) as connection:
        rows = connection.exec_driver_sql(f"SELECT rowid, {column} FROM {table} ORDER BY rowid").all()
        for _ in range(3):
            rowid, raw = rng.choice(rows)
            save = connection.begin_nested()
            connection.exec_driver_sql(
                f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?",
                (altered(raw, rng), rowid),
            )
            now = connection.exec_driver_sql(f"SELECT {column} FROM {table} WHERE rowid = ?", (rowid,)).scalar_one()
            if now != raw:  # a place that another row of the table has is refused by the table itself
                assert found(connection), (raw, now)
            save.rollback()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("observation", "status = 999"),
        ("observation", "failure = NULL"),
        ("observation", "certificates = 'null'"),
        ("observation", "certificates = replace(certificates, '[', '[ ')"),
        ("observation", "headers = '[['"),
        ("observation", "is_genuine = 2"),
        ("observation", "is_genuine = NULL"),
        ("observation", "duration_s = 'soon'"),
        ("observation", "title = x'4bff'"),
        ("observation", "title = CAST(x'4bff' AS TEXT)"),
        ("observation", f"error_text = CAST(x'{'reset by peer, ответ '.encode().hex()}ff' AS TEXT)"),
        ("observation", "started_at = replace(started_at, ' ', 'T')"),
        ("observation", "started_at = 'yesterday'"),
        ("observation", "bytes_received = 9e99"),
        ("measurement", "target = 'y.com'"),
        ("cycle", "clock_source = ''"),
        ("link_sample", "last_hop_answering = NULL"),
    ],
)
def test_a_changed_row_is_named(whole: Database, table: str, change: str) -> None:
    row_id = {"cycle": "aktau.1"}.get(table, f"aktau.1.{ {'observation': 'o3', 'link_sample': 'l1'}.get(table, 'm1') }")
    with attacked(whole) as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET {change} WHERE {table}_id = ?", (row_id,))
        place = place_of(connection, table, row_id, f"{table}_id")
        assert found(connection) == [("aktau", place, table, row_id, Finding.CONTENT)]


def test_every_single_row_that_is_deleted_is_missed(whole: Database) -> None:
    with attacked(whole) as connection:
        for table in (table.name for table in TABLES):
            for rowid, place in connection.exec_driver_sql(
                f"SELECT rowid, chain_seq FROM {table} WHERE vantage_id = 'almaty'",
            ).all():
                save = connection.begin_nested()
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
                ((vantage_id, missing, _, _, what),) = found(connection)
                assert (vantage_id, missing, what) == ("almaty", place, Finding.MISSING)
                save.rollback()


def test_a_missing_row_is_named_by_the_one_before_it(whole: Database) -> None:
    with attacked(whole) as connection:
        place = place_of(connection, "observation", "almaty.1.o2", "observation_id")
        connection.exec_driver_sql("DELETE FROM observation WHERE observation_id = 'almaty.1.o2'")
        assert found(connection) == [("almaty", place, "observation", "almaty.1.o1", Finding.MISSING)]


def test_rows_cut_from_the_end_are_missed(whole: Database) -> None:
    with attacked(whole) as connection:
        for table in reversed(TABLES):
            connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE vantage_id = 'almaty' AND chain_seq > 20")
        ((vantage_id, place, _, _, what),) = found(connection)
        assert (vantage_id, place, what) == ("almaty", 21, Finding.MISSING)


def test_a_vantage_that_is_gone_with_all_its_rows_is_missed(whole: Database) -> None:
    with attacked(whole) as connection:
        for table in reversed(TABLES):
            connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE vantage_id = 'almaty'")
        assert found(connection) == [("almaty", 1, "vantage", "almaty", Finding.MISSING)]


@pytest.mark.parametrize("columns", [("chain_seq",), ("chain_seq", "chain_sha256")])
def test_two_rows_that_changed_places_are_named(whole: Database, columns: tuple[str, ...]) -> None:
    with attacked(whole) as connection:
        first, second = (
            connection.exec_driver_sql(
                "SELECT chain_seq, chain_sha256 FROM observation WHERE observation_id = ?",
                (f"aktau.1.{name}",),
            )
            .mappings()
            .one()
            for name in ("o1", "o2")
        )
        connection.exec_driver_sql("UPDATE observation SET chain_seq = -1 WHERE observation_id = 'aktau.1.o2'")
        for name, taken in (("o1", second), ("o2", first)):
            sets = ", ".join(f"{column} = ?" for column in columns)
            values = tuple(taken[column] for column in columns)
            connection.exec_driver_sql(
                f"UPDATE observation SET {sets} WHERE observation_id = ?",
                (*values, f"aktau.1.{name}"),
            )
        ((vantage_id, _, table, row_id, what),) = found(connection)
        assert (vantage_id, table, row_id, what) == ("aktau", "observation", "aktau.1.o1", Finding.REORDERED)


@pytest.mark.parametrize("place", [0, -7, 5.5, 10**12, LAST + 2])
def test_a_row_added_at_an_impossible_place_is_named(whole: Database, place: float) -> None:
    with attacked(whole) as connection:
        add_missed_slot(connection, place, "ee" * 32)
        ((vantage_id, _, table, row_id, what),) = found(connection)
        assert (vantage_id, table, row_id, what) == ("aktau", "missed_slot", "forged", Finding.UNCHAINED)


def test_a_row_added_beside_a_true_one_is_named(whole: Database) -> None:
    with attacked(whole) as connection:
        add_missed_slot(connection, place_of(connection, "cycle", "aktau.1", "cycle_id"), "ee" * 32)
        ((vantage_id, _, table, row_id, what),) = found(connection)
        assert (vantage_id, table, row_id, what) == ("aktau", "missed_slot", "forged", Finding.UNCHAINED)


@pytest.mark.parametrize("is_hash_true", [True, False])
def test_a_row_added_at_the_end_is_named(whole: Database, *, is_hash_true: bool) -> None:
    with attacked(whole) as connection:
        add_missed_slot(connection, LAST + 1, "ee" * 32)
        if is_hash_true:
            before, row = window(connection, "aktau", LAST, LAST + 1)
            sha = row_sha256(before.sha256, "missed_slot", content(row.table, row.values))
            connection.exec_driver_sql("UPDATE missed_slot SET chain_sha256 = ? WHERE reason = 'forged'", (sha,))
        assert found(connection) == [("aktau", LAST + 1, "missed_slot", "forged", Finding.UNCHAINED)]


def add_missed_slot(connection: Connection, place: float, sha: str) -> None:
    connection.exec_driver_sql(
        "INSERT INTO missed_slot (missed_slot_id, vantage_id, slot_at, noticed_at, reason, chain_seq, chain_sha256, "
        "received_at) SELECT 'forged', 'aktau', slot_at, noticed_at, 'forged', ?, ?, received_at "
        "FROM missed_slot LIMIT 1",
        (place, sha),
    )


def test_an_altered_end_is_named(whole: Database) -> None:
    with attacked(whole) as connection:
        connection.exec_driver_sql("UPDATE chain_end SET chain_sha256 = '' WHERE vantage_id = 'aktau'")
        assert found(connection) == [("aktau", LAST, "chain_end", "aktau", Finding.CONTENT)]


def test_each_broken_chain_is_named_once(whole: Database) -> None:
    with attacked(whole) as connection:
        connection.exec_driver_sql("UPDATE observation SET duration_s = 0")
        connection.exec_driver_sql("UPDATE cycle_end SET outcome = 'interrupted'")
        assert [(row[0], row[3]) for row in found(connection)] == [("aktau", "aktau.0.o1"), ("almaty", "almaty.0.o1")]


def test_a_blob_with_other_bytes_is_named(whole: Database) -> None:
    with attacked(whole) as connection:
        connection.exec_driver_sql("UPDATE blob SET content = x'00' WHERE kind = 'body'")
        assert found(connection) == [(None, None, "blob", sha256(BODY), Finding.BLOB)]


def test_a_blob_of_another_kind_is_named(whole: Database) -> None:
    with attacked(whole) as connection:
        connection.exec_driver_sql("UPDATE blob SET kind = 'body'")
        kept = sorted([sha256(CERTIFICATE), sha256(PCAP)])
        assert found(connection) == [(None, None, "blob", name, Finding.CONTENT) for name in kept]


def test_certificates_and_packets_that_are_gone_are_named_but_a_body_may_be_absent(whole: Database) -> None:
    with attacked(whole) as connection:
        connection.exec_driver_sql("DELETE FROM blob")
        kept = sorted([sha256(CERTIFICATE), sha256(PCAP)])
        assert found(connection) == [(None, None, "blob", name, Finding.MISSING) for name in kept]


def test_a_large_forged_number_for_bytes_does_not_exhaust_memory(whole: Database) -> None:
    with attacked(whole) as connection:
        connection.exec_driver_sql("UPDATE dns_answer SET raw = 1000000000000 WHERE observation_id = 'almaty.0.o3'")
        ((vantage_id, _, table, row_id, what),) = found(connection)
        assert (vantage_id, table, row_id, what) == ("almaty", "dns_answer", "almaty.0.o3/0", Finding.CONTENT)
