"""What a collector takes, and what it does not: nothing lost, nothing doubled, nothing of others'."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from collector.ingest import MOST_AHEAD
from collector.models import Probe, Quarantined
from collector.quarantine import MOST_BODIES
from collector.refusals import RefusedError, Why
from probe.store.chain import START, End, sha256_at, verify
from probe.store.database import Database
from tests.collector.fleet import Sender, TestClock, call, count_rows
from tests.probe.store.example_facts import NOON, full_cycle, vantage

if TYPE_CHECKING:
    from pathlib import Path

    from collector.service import Service


def refusal(sender: Sender, body: bytes) -> RefusedError:
    before = count_rows(sender.service.store)
    with pytest.raises(RefusedError) as caught:
        sender.send(body)
    assert count_rows(sender.service.store) == before
    return caught.value


def aside(service: Service) -> list[tuple[str, int, bool]]:
    with service.store.session() as session:
        found = session.scalars(select(Quarantined).order_by(Quarantined.first_at))
        return [(one.reason, one.times, one.body is not None) for one in found]


def test_all_that_was_sent_is_there_and_verifies(sender: Sender) -> None:
    body, end = sender.batch()
    taken = sender.send(body)
    assert (taken.end, taken.new_rows, taken.repeated_rows) == (end, end.chain_seq, 0)
    assert count_rows(sender.service.store) == count_rows(sender.store)
    with sender.service.store.session() as session:
        assert verify(session) == []


def test_one_batch_a_thousand_times_adds_no_row_and_is_counted(sender: Sender) -> None:
    body, end = sender.batch()
    sender.send(body)
    before = count_rows(sender.service.store)
    repeats = 1_000 if sender.service.store.engine.dialect.name == "sqlite" else 50
    for _ in range(repeats):
        taken = sender.send(body)
        assert (taken.end, taken.new_rows) == (end, 0)
    assert count_rows(sender.service.store) == before
    with sender.service.store.session() as session:
        assert session.scalar(select(Probe.repeated_rows)) == repeats * end.chain_seq


def test_a_batch_that_begins_before_our_end_adds_what_is_new(sender: Sender) -> None:
    sender.send(sender.batch()[0])
    sender.store.append(sender.vantage_id, full_cycle(7, sender.vantage_id))
    body, end = sender.batch()
    taken = sender.send(body)
    assert taken.end == end
    assert taken.new_rows + taken.repeated_rows == end.chain_seq
    assert 0 < taken.new_rows < end.chain_seq
    assert count_rows(sender.service.store) == count_rows(sender.store)


def test_a_gap_is_named_with_the_place_to_go_on_from(sender: Sender) -> None:
    end = sender.batch()[1]
    middle = End(5, _hash_at(sender, 5))
    told = refusal(sender, sender.batch(middle)[0])
    assert (told.why, told.end) == (Why.GAP, START)
    assert aside(sender.service) == []
    assert sender.send(sender.batch(told.end)[0]).end == end


def test_another_history_is_a_fork_and_kept_aside(sender: Sender, tmp_path: Path) -> None:
    sender.send(sender.batch()[0])
    with Database.open(str(tmp_path / "other.db"), create=True) as other:
        other.append("almaty", [vantage("almaty")])
        other.append("almaty", full_cycle(5, "almaty"))
        forked = sender.elsewhere(store=other)
        told = refusal(forked, forked.batch()[0])
        assert told.why is Why.FORK
        assert told.end == sender.batch()[1]
        refusal(forked, forked.batch()[0])
    assert aside(sender.service) == [("fork", 2, True)]


def test_a_chain_that_was_rewound_is_a_fork(sender: Sender, tmp_path: Path) -> None:
    """A database put back from an old copy measures on, and its rows part from those that are held."""
    kept = Database.open(str(tmp_path / "old.db"), create=True)
    kept.append("almaty", [vantage("almaty")])
    kept.append("almaty", full_cycle(0, "almaty"))
    sender.send(sender.batch()[0])
    with kept:
        kept.append("almaty", full_cycle(9, "almaty"))
        rewound = sender.elsewhere(store=kept)
        assert refusal(rewound, rewound.batch()[0]).why is Why.FORK


def test_rows_after_a_row_that_was_altered_follow_from_nothing(sender: Sender) -> None:
    lines = gzip.decompress(sender.batch()[0]).decode().splitlines()
    sender.send(sender.batch()[0])
    sender.store.append(sender.vantage_id, full_cycle(7, sender.vantage_id))
    after = sender.batch()[1]
    altered = [line.replace("x.com", "y.com") for line in lines]
    assert altered != lines
    assert refusal(sender, gzip.compress("\n".join((*altered, "")).encode())).why is Why.FORK
    assert sender.send(sender.batch()[0]).end == after


def test_nobody_sends_for_another_vantage(sender: Sender, tmp_path: Path) -> None:
    sender.send(sender.batch()[0])
    with Sender.enrolled(sender.service, tmp_path / "forger.db", "almaty") as forger:
        assert refusal(forger, forger.batch()[0]).why is Why.FOREIGN_VANTAGE
    assert aside(sender.service) == [("foreign-vantage", 1, True)]


def test_no_row_may_hang_on_what_somebody_else_measured(sender: Sender, tmp_path: Path) -> None:
    sender.send(sender.batch()[0])
    with Sender.enrolled(sender.service, tmp_path / "forger.db", "forger", cycles=1) as forger:
        cycle_id = full_cycle(0, "forger")[0].cycle_id  # type: ignore[attr-defined]
        theirs = full_cycle(0, "almaty")[0].cycle_id  # type: ignore[attr-defined]
        lines = gzip.decompress(forger.batch()[0]).decode().splitlines()
        onto = [
            line.replace(f'"cycle_id":"{cycle_id}"', f'"cycle_id":"{theirs}"')
            if line.startswith("measurement ")
            else line
            for line in lines
        ]
        assert onto != lines
        told = refusal(forger, gzip.compress("\n".join((*onto, "")).encode()))
    assert told.why is Why.FOREIGN_ROW


def test_late_by_45_days_is_taken_and_from_the_future_is_put_aside(sender: Sender, tmp_path: Path) -> None:
    clock = sender.service.clock
    assert isinstance(clock, TestClock)
    body, end = sender.batch()
    clock.wall = NOON - timedelta(days=1)
    assert refusal(sender, body).why is Why.FROM_THE_FUTURE
    assert aside(sender.service) == [("from-the-future", 1, True)]
    clock.wall = NOON + timedelta(days=45)
    assert sender.send(body).end == end
    clock.wall += timedelta(hours=1)
    with Sender.enrolled(sender.service, tmp_path / "fast.db", "fast", cycles=0) as fast:
        ahead = full_cycle(0, "fast")
        for row in ahead:
            for name in ("slot_at", "started_at", "ended_at", "sampled_at", "checked_at"):
                if getattr(row, name, None) is not None:
                    setattr(row, name, clock.wall + MOST_AHEAD / 2)
        fast.store.append("fast", ahead)
        assert fast.send(fast.batch()[0]).new_rows  # a clock may be off by minutes


def test_quarantine_is_bounded(sender: Sender) -> None:
    for number in range(MOST_BODIES + 3):
        refusal(sender, gzip.compress(f"nonsense {number}\n".encode()))
    kept = aside(sender.service)
    assert len(kept) == MOST_BODIES + 3
    assert sum(has_body for _, _, has_body in kept) == MOST_BODIES


@pytest.mark.parametrize("of", ["nothing", "another probe", "the body", "an unknown probe"])
def test_what_is_not_signed_by_its_sender_is_not_read(sender: Sender, tmp_path: Path, of: str) -> None:
    body = sender.batch()[0]
    signed = sender.signed(body)
    with Sender.enrolled(sender.service, tmp_path / "other.db", "other") as other:
        asked, why = {
            "nothing": (replace(signed, signature=""), Why.UNSIGNED),
            "another probe": (replace(signed, probe_id=other.probe_id), Why.BAD_SIGNATURE),
            "the body": (replace(signed, body=body + b" "), Why.BAD_SIGNATURE),
            "an unknown probe": (call(sender.key, "POST", "/v1/batches", "p0", body), Why.UNKNOWN_PROBE),
        }[of]
        with pytest.raises(RefusedError) as caught:
            sender.service.take(asked)
    assert caught.value.why is why
    assert aside(sender.service) == []
    assert not any(count_rows(sender.service.store).values())


def test_a_database_that_is_gone_is_never_answered_with_success(light: Service, tmp_path: Path) -> None:
    with Sender.enrolled(light, tmp_path / "almaty.db", "almaty") as sender:
        with light.store.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE collector_probe_vantage")
        with pytest.raises(RefusedError) as caught:
            sender.send(sender.batch()[0])
        assert caught.value.why is Why.NOT_STORED


def _hash_at(sender: Sender, seq: int) -> str:
    with sender.store.session() as session:
        found = sha256_at(session, sender.vantage_id, seq)
    assert found is not None
    return found
