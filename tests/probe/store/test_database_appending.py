from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from probe.clock import OffsetClock
from probe.errors import UserError
from probe.store import chain
from probe.store.database import Database
from probe.store.models import FACTS, Analysis, Blob, Cycle, DnsAnswer, Measurement, Observation, State, Vantage
from tests.probe.store.conftest import fill
from tests.probe.store.example_facts import (
    BODY,
    NOON,
    blobs,
    cycle,
    full_cycle,
    measurement,
    observation,
    sha256,
    vantage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest) -> Any:
    """An empty database of each kind."""
    name = "path" if request.param == "sqlite" else "postgres_url"
    with Database.open(request.getfixturevalue(name), create=True) as database:
        yield database


def places(database: Database, vantage_id: str) -> list[int]:
    with database.session() as session:
        return sorted(
            place
            for fact in FACTS
            for place in session.scalars(select(fact.chain_seq).where(fact.vantage_id == vantage_id))  # type: ignore[attr-defined] # every fact has both
        )


def test_each_vantage_has_one_chain_without_gaps_over_all_tables(anywhere: Database) -> None:
    fill(anywhere)
    rows = 1 + 3 * len(full_cycle(0))
    assert places(anywhere, "almaty") == list(range(1, rows + 1))
    assert places(anywhere, "aktau") == list(range(1, rows + 1))
    with anywhere.session() as session:
        assert session.get_one(Vantage, "almaty").chain_seq == 1
        assert chain.verify(session) == []


def test_the_same_facts_have_the_same_hashes_on_sqlite_and_on_postgresql(filled: Database, postgres_url: str) -> None:
    with Database.open(postgres_url, create=True) as other:
        fill(other)
        with filled.session() as here, other.session() as there:
            assert chain.ends(here) == chain.ends(there)


def test_the_hash_can_be_computed_with_nothing_but_the_documentation(database: Database) -> None:
    database.append("almaty", [vantage(region=None)])
    content = '{"bearer":"fixed","country":"KZ","network":"AS9198","role":"probe","vantage_id":"almaty"}'
    with database.session() as session:
        stored = session.get_one(Vantage, "almaty").chain_sha256
    assert stored == sha256(f"{'0' * 64}\nvantage\n{content}".encode())


def test_what_is_read_back_is_what_was_appended(anywhere: Database) -> None:
    fill(anywhere)
    with anywhere.session() as session:
        row = session.get_one(Observation, "almaty.1.o3")
        assert row.started_at == NOON + timedelta(minutes=15)
        assert row.certificates == [sha256(b"0\x82\x01\x0a not really DER")]
        assert row.headers == [["server", "nginx"]]
        assert row.error_text == "reset by peer, ответ \ufffd"
        assert row.is_body_truncated is False
        assert session.get_one(Cycle, "almaty.1").started_at.microsecond == 5
        assert session.get_one(Blob, sha256(BODY)).content == BODY


def test_arrival_is_the_clock_of_the_database_and_no_part_of_the_hash(path: str, tmp_path: Path) -> None:
    with (
        Database.open(path, create=True) as now,
        Database.open(str(tmp_path / "late.db"), create=True, clock=OffsetClock(timedelta(days=45))) as late,
    ):
        for database in (now, late):
            database.append("almaty", [vantage()])
        with now.session() as one, late.session() as other:
            first, second = one.get_one(Vantage, "almaty"), other.get_one(Vantage, "almaty")
            assert second.received_at - first.received_at > timedelta(days=44)
            assert second.chain_sha256 == first.chain_sha256


def test_rows_may_be_given_in_any_order_of_tables(database: Database) -> None:
    database.append("almaty", [*reversed(full_cycle(0)), vantage()], blobs())
    with database.session() as session:
        assert chain.verify(session) == []


def test_an_append_is_whole_or_not_at_all(anywhere: Database) -> None:
    anywhere.append("almaty", [vantage(), cycle("c1")])
    with pytest.raises(IntegrityError):
        anywhere.append("almaty", [measurement("m1", "c1"), observation("o1", "no such measurement")], blobs())
    with anywhere.session() as session:
        assert session.scalar(select(func.count()).select_from(Measurement)) == 0
        assert session.scalar(select(func.count()).select_from(Blob)) == 0
        assert chain.verify(session) == []
    anywhere.append("almaty", [measurement("m1", "c1")])
    assert places(anywhere, "almaty") == [1, 2, 3]


def test_a_blob_is_stored_once_and_only_under_its_own_hash(anywhere: Database) -> None:
    anywhere.append("almaty", [vantage()], blobs())
    anywhere.append("almaty", [], blobs())
    with anywhere.session() as session:
        assert session.scalar(select(func.count()).select_from(Blob)) == len(blobs())
    with pytest.raises(ValueError, match="another hash"):
        anywhere.append("almaty", [], [Blob(sha256="00" * 32, kind="body", content=BODY)])


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        (lambda: cycle("c9", NOON.replace(tzinfo=None)), TypeError),
        (lambda: Analysis(analysis_id=1, ruleset="r", software_version="1", facts_sha256=""), ValueError),
        (lambda: observation("o9", "m1", duration_s=float("nan")), ValueError),
        (lambda: observation("o9", "m1", status="200"), TypeError),
        (lambda: observation("o9", "m1", is_genuine=1), TypeError),
        (lambda: vantage("somebody else"), ValueError),
    ],
)
def test_a_row_that_would_be_read_otherwise_than_it_was_written_is_refused(
    database: Database, row: Any, mistake: type[Exception]
) -> None:
    database.append("almaty", [vantage(), cycle("c1"), measurement("m1", "c1")])
    with pytest.raises(mistake):
        database.append("almaty", [row()])
    assert places(database, "almaty") == [1, 2, 3]


def test_a_chain_begins_with_its_vantage(database: Database) -> None:
    with pytest.raises(ValueError, match="must begin with its Vantage row"):
        database.append("almaty", [cycle("c1")])


def test_text_that_no_database_can_hold_is_stored_with_replacement_characters(anywhere: Database) -> None:
    anywhere.append("almaty", [vantage(), cycle("c1"), measurement("m1", "c1")])
    hostile = "a\x00b\ud800c \\u0000 \x1b"
    anywhere.append("almaty", [observation("o1", "m1", title=hostile, headers=[["x", hostile]])])
    with anywhere.session() as session:
        row = session.get_one(Observation, "o1")
        assert row.title == "a\ufffdb\ufffdc \\u0000 \x1b"
        assert row.headers == [["x", row.title]]
        assert chain.verify(session) == []


@pytest.mark.parametrize("work", ["UPDATE {} SET {column} = {column}", "DELETE FROM {}"])
def test_facts_can_be_neither_changed_nor_deleted(anywhere: Database, work: str) -> None:
    fill(anywhere)
    for fact in (*FACTS, Blob):
        table = fact.metadata.tables[fact.__tablename__]
        statement = work.format(f'"{table.name}"', column=table.primary_key.columns[0].name)
        with pytest.raises(DBAPIError, match=f"{table.name} is append-only"), anywhere.engine.begin() as connection:
            connection.execute(text(statement))


def test_a_fact_cannot_be_replaced_by_inserting_it_again(filled: Database) -> None:
    statement = "INSERT OR REPLACE INTO cycle SELECT * FROM cycle"
    with pytest.raises(DBAPIError, match="append-only"), filled.engine.begin() as connection:
        connection.execute(text(statement))


def conclusions(state: str) -> list[Any]:
    return [
        Analysis(analysis_id=1, ruleset="1", software_version="0.1.0", facts_sha256="dd" * 32),
        State(measurement_id="almaty.0.m1", state=state, mechanisms=["dns.nxdomain"], reason="A sentence."),
    ]


def test_conclusions_are_replaced_as_a_whole(anywhere: Database) -> None:
    fill(anywhere)
    anywhere.replace_conclusions(conclusions("suspected"))
    anywhere.replace_conclusions(conclusions("blocked"))
    with anywhere.session() as session:
        assert session.scalars(select(State.state)).all() == ["blocked"]


def test_conclusions_that_do_not_fit_leave_the_old_ones(anywhere: Database) -> None:
    fill(anywhere)
    anywhere.replace_conclusions(conclusions("suspected"))
    stray = State(measurement_id="no such measurement", state="ok", mechanisms=[], reason="")
    with pytest.raises(IntegrityError):
        anywhere.replace_conclusions([*conclusions("blocked"), stray])
    with anywhere.session() as session:
        assert session.scalars(select(State.state)).all() == ["suspected"]


def test_a_reader_sees_one_consistent_state_while_a_writer_appends(anywhere: Database) -> None:
    fill(anywhere)
    with anywhere.session() as reader:
        before = chain.ends(reader)
        anywhere.append("almaty", full_cycle(7))
        assert chain.ends(reader) == before
    with anywhere.session() as reader:
        after = chain.ends(reader)
    assert after["almaty"].chain_seq == before["almaty"].chain_seq + len(full_cycle(7))


def test_writers_of_one_chain_wait_for_each_other(anywhere: Database) -> None:
    anywhere.append("almaty", [vantage()], blobs())

    def work(worker: int) -> None:
        for number in range(8):
            anywhere.append("almaty", full_cycle(100 * worker + number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert places(anywhere, "almaty") == list(range(1, 2 + 32 * len(full_cycle(0))))
    with anywhere.session() as session:
        assert chain.verify(session) == []


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with a measurement, to which any number of observations may be added."""
    with Database.open(str(tmp_path_factory.mktemp("ground") / "results.db"), create=True) as opened:
        opened.append("almaty", [vantage(), cycle("c1"), measurement("m1", "c1")])
        yield opened


any_text = st.text(st.characters(exclude_categories=()))


@given(
    title=any_text,
    headers=st.lists(st.tuples(any_text, any_text), max_size=3),
    duration_s=st.floats(allow_nan=False, allow_infinity=False),
    started_at=st.timedeltas(timedelta(days=-15_000), timedelta(days=70_000)).map(lambda since: NOON + since),
    raw=st.binary(max_size=20),
)
@example(title="", headers=[], duration_s=-0.0, started_at=NOON, raw=b"")  # SQLite drops the sign
@settings(max_examples=50, deadline=None)
def test_whatever_arrives_from_the_network_is_stored_and_verifies(ground: Database, raw: bytes, **values: Any) -> None:
    name = uuid4().hex
    answer = DnsAnswer(
        observation_id=name, position=0, delay_s=0, addresses=[], cnames=[values["title"]], is_valid=False, raw=raw
    )
    ground.append("almaty", [observation(name, "m1", **values), answer])
    with ground.session() as session:
        assert chain.verify(session) == []
        stored = session.get_one(Observation, name)
        assert (stored.duration_s, stored.started_at) == (values["duration_s"], values["started_at"])
        assert len(stored.title or "") == len(values["title"])
        assert session.get_one(DnsAnswer, (name, 0)).raw == raw


# ---------------------------------------------------------------- merging


@pytest.fixture
def collector(tmp_path: Path) -> Any:
    """A second, empty database."""
    with Database.open(str(tmp_path / "collector.db"), create=True) as opened:
        yield opened


@pytest.mark.parametrize("kinds", ["sqlite to sqlite", "sqlite to postgresql", "postgresql to sqlite"])
def test_merging_copies_every_chain_once_and_keeps_it(
    kinds: str, path: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from_kind, _, to_kind = kinds.split()
    source_place = path if from_kind == "sqlite" else request.getfixturevalue("postgres_url")
    target_place = str(tmp_path / "to.db") if to_kind == "sqlite" else request.getfixturevalue("postgres_url")
    rows = 2 * (1 + 3 * len(full_cycle(0)))
    with Database.open(source_place, create=True) as source, Database.open(target_place, create=True) as target:
        fill(source)
        assert target.merge_from(source) == rows
        assert target.merge_from(source) == 0
        source.append("almaty", full_cycle(3))
        assert target.merge_from(source) == len(full_cycle(3))
        with source.session() as there, target.session() as here:
            assert chain.ends(here) == chain.ends(there)
            assert chain.verify(here) == []
            assert here.scalar(select(func.count()).select_from(Blob)) == len(blobs())


def test_merged_rows_arrived_when_they_were_merged(filled: Database, tmp_path: Path) -> None:
    later = OffsetClock(timedelta(days=45))
    with Database.open(str(tmp_path / "collector.db"), create=True, clock=later) as collector:
        collector.merge_from(filled)
        with collector.session() as here, filled.session() as there:
            arrived = here.get_one(Cycle, "aktau.1").received_at
            assert arrived - there.get_one(Cycle, "aktau.1").received_at > timedelta(days=44)


def test_merging_more_rows_than_are_read_at_a_time(
    filled: Database, collector: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.store.merging.WINDOW_ROWS", 3)
    monkeypatch.setattr("probe.store.chain.WINDOW_ROWS", 4)
    collector.merge_from(filled)
    with collector.session() as here, filled.session() as there:
        assert chain.ends(here) == chain.ends(there)
        assert chain.verify(here) == []


def test_a_chain_that_differs_is_refused_by_vantage_and_place(filled: Database, collector: Database) -> None:
    collector.append("almaty", [vantage("almaty")])
    collector.append("almaty", full_cycle(0, "almaty"))
    collector.append("almaty", [cycle("another cycle")])
    with collector.session() as session:
        before = chain.ends(session)
    with pytest.raises(UserError, match=f"vantage almaty differs there from place {2 + len(full_cycle(0))} on"):
        collector.merge_from(filled)
    with collector.session() as session:
        assert chain.ends(session) == before


def test_a_broken_chain_is_not_merged(filled: Database, collector: Database) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER observation_no_update"))
        connection.execute(text("UPDATE observation SET failure = NULL WHERE observation_id = 'aktau.1.o2'"))
    place = 1 + len(full_cycle(0)) + 4  # the vantage, its first cycle, and then the cycle, the measurement, o1 and o2
    with pytest.raises(UserError, match=f"the chain of vantage aktau is broken there at place {place}"):
        collector.merge_from(filled)
    assert places(collector, "almaty") == []


def test_an_altered_blob_is_not_merged(filled: Database, collector: Database) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER blob_no_update"))
        connection.execute(text("UPDATE blob SET content = x'00'"))
    with pytest.raises(UserError, match="another hash"):
        collector.merge_from(filled)


def test_a_strangers_row_cannot_take_the_identifier_of_ours(filled: Database, collector: Database) -> None:
    collector.append("mallory", [vantage("mallory"), cycle("almaty.0")])
    with pytest.raises(UserError, match="an identifier that another row already has"):
        collector.merge_from(filled)
