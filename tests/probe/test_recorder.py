"""The flight recorder: what is news is a row, what is not is counted, and nothing is lost to a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from probe import recorder
from probe.clock import SystemClock
from probe.itself.secret import Keyed
from probe.limits import Limits
from probe.link import Link
from probe.net import SystemNet
from probe.recorder import HEARTBEAT_LOOKS, FlightRecorder
from probe.store import chain, models
from probe.store.database import Database
from probe.store.writing import WriteFailedError

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2011, 12, 16, 6, 0, tzinfo=UTC)
FINE = Link(
    sampled_at=START,
    is_interface_up=True,
    has_default_route=True,
    is_gateway_answering=True,
    is_gateway_neighbour=True,
    last_hop_answering=4,
    is_resolver_answering=True,
    hops=("a", None, "c", "d", None, None),
    power="mains",
    boot_hash="b1",
    since_last_s=60.0,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "results.db"), create=True) as opened:
        opened.append("v", [models.Vantage(vantage_id="v", country="KZ", bearer="fixed", role="probe")])
        yield opened


Seeing = Callable[..., list[models.LinkSample]]


@pytest.fixture
def seeing(database: Database, monkeypatch: pytest.MonkeyPatch) -> Seeing:
    """Let a recorder see one thing a minute; give the rows."""
    flight = FlightRecorder(database, "v", None, SystemNet(), SystemClock(), Limits(), Keyed())
    minutes = iter(range(10_000))

    def see(*seen: Link) -> list[models.LinkSample]:
        for one in seen:

            async def look(*_: Any, one: Link = one) -> Link:
                return replace(one, sampled_at=START + timedelta(minutes=next(minutes)))

            monkeypatch.setattr(recorder, "look", look)
            asyncio.run(flight.look())
        with database.session() as session:
            assert chain.verify(session) == []
            return list(session.scalars(select(models.LinkSample).order_by(models.LinkSample.sampled_at)))

    return see


def minutes_of(rows: list[models.LinkSample]) -> list[int]:
    return [(row.sampled_at - START) // timedelta(minutes=1) for row in rows]


def test_looks_that_see_the_same_are_counted_and_every_tenth_is_a_row(seeing: Seeing) -> None:
    rows = seeing(*[FINE] * 25)
    assert minutes_of(rows) == [0, 10, 20]
    assert [row.unchanged_looks for row in rows] == [0, HEARTBEAT_LOOKS - 1, HEARTBEAT_LOOKS - 1]
    assert rows[0].hops == ["a", None, "c", "d", None, None]
    assert {row.cycle_id for row in rows} == {None}


@pytest.mark.parametrize(
    "change",
    [
        {"is_interface_up": False},
        {"has_default_route": False},
        {"power": "battery"},
        {"boot_hash": "b2"},
        {"addresses_hash": "other"},
        {"gateway_hash": "other"},
        {"modem_failure": "ServiceOptionNotSubscribed"},
        {"since_last_s": 600.0},
        {"suspended_s": 500.0},
        {"clock_step_s": -30.0},
    ],
)
def test_what_can_change_for_one_reason_only_is_a_row_at_once(seeing: Seeing, change: dict[str, Any]) -> None:
    rows = seeing(FINE, FINE, replace(FINE, **change))
    assert minutes_of(rows) == [0, 2]
    assert rows[1].unchanged_looks == 1


def test_one_lost_packet_is_no_change_and_two_are_one_dated_at_the_first(seeing: Seeing) -> None:
    silent = replace(FINE, is_gateway_answering=False, last_hop_answering=0)
    assert minutes_of(seeing(FINE, silent, FINE, FINE)) == [0]
    rows = seeing(silent, silent, silent)
    assert minutes_of(rows) == [0, 4]
    assert (rows[1].is_gateway_answering, rows[1].unchanged_looks) == (False, 3)
    assert minutes_of(seeing(FINE, FINE)) == [0, 4, 7]


def test_a_silence_that_was_not_confirmed_yet_is_kept_when_the_plug_is_pulled(seeing: Seeing) -> None:
    silent = replace(FINE, last_hop_answering=2)
    unplugged = replace(FINE, is_interface_up=False, last_hop_answering=None)
    assert minutes_of(seeing(FINE, silent, unplugged)) == [0, 1, 2]


def test_rows_wait_while_the_disk_is_full_and_are_written_in_order_later(
    seeing: Seeing, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise WriteFailedError("the disk is full", is_disk_full=True)

    with monkeypatch.context() as disk:
        disk.setattr(Database, "append", full)
        assert seeing(FINE, replace(FINE, power="battery"), replace(FINE, is_interface_up=False)) == []
    assert minutes_of(seeing(FINE)) == [0, 1, 2, 3]


def test_what_waits_is_bounded_and_the_oldest_go_first(seeing: Seeing, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise WriteFailedError("locked", is_disk_full=False)

    turns = [replace(FINE, power="battery" if number % 2 else "mains") for number in range(recorder.MOST_WAITING + 5)]
    with monkeypatch.context() as disk:
        disk.setattr(Database, "append", full)
        seeing(*turns)
    rows = seeing(replace(FINE, power=None))
    assert len(rows) == recorder.MOST_WAITING
    assert minutes_of(rows)[0] == 6


def test_a_look_that_fails_inside_costs_that_look_alone(
    seeing: Seeing, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    flight = FlightRecorder(database, "v", None, SystemNet(), SystemClock(), Limits(), Keyed())

    async def broken(*_: Any) -> Link:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(recorder, "look", broken)
    asyncio.run(flight.look())
    assert minutes_of(seeing(FINE)) == [0]
