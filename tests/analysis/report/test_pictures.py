"""The pictures: a true time axis, the right local time, every round in its place."""

from __future__ import annotations

import base64
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from analysis.report import bounds
from analysis.report.axis import lay_out
from analysis.report.catalogue import load
from analysis.report.findings import find, tally
from analysis.report.grid import Grid, Place, Reading, Slot, Versions, read_grid
from analysis.report.timeline import draw
from analysis.report.zones import local_zone
from tests.analysis.report.zhanaozen_2011 import SLOTS, TARGETS, VANTAGES, is_missed, is_unheard, state_of

if TYPE_CHECKING:
    from probe.store.database import Database

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = load("en")


def place(vantage_id: str = "v1", country: str = "KZ", region: str | None = None) -> Place:
    return Place(vantage_id, country, region, "AS1", "fixed", is_sentinel=False, zone=local_zone(country, region))


def dense_grid(states: list[str], step: timedelta) -> Grid:
    slots = tuple(Slot(START + number * step, "ran") for number in range(len(states)))
    readings = tuple(
        Reading(str(number), "v1", slot.at, slot.at, "S", "t", "target", state, (), state == "ok")
        for number, (slot, state) in enumerate(zip(slots, states, strict=True))
        if state
    )
    return Grid((place(),), {"v1": slots}, readings, {}, Versions("", "", "", (), None))


def test_marks_stand_where_their_time_is(zhanaozen: Database) -> None:
    with zhanaozen.session() as session:
        axis, pictures = draw(read_grid(session, None), WORDS)
    assert axis is not None
    twitter = next(strip for strip in pictures[0].strips if strip.target == "twitter.com")
    lefts = [mark.left for mark in twitter.marks]
    hours = [(slot - SLOTS[0]) / timedelta(hours=1) for slot in SLOTS]
    scale = lefts[-1] / hours[-1]
    assert lefts == pytest.approx([hour * scale for hour in hours])
    assert lefts[0] == 0
    assert twitter.marks[-1].left + twitter.marks[-1].width == pytest.approx(100)
    for early, late in zip(twitter.marks, twitter.marks[1:], strict=False):
        assert early.left + early.width <= late.left + 1e-9


def test_every_round_is_in_the_data_beneath_its_picture(zhanaozen: Database) -> None:
    with zhanaozen.session() as session:
        _, pictures = draw(read_grid(session, None), WORDS)
    for picture in pictures:
        rows = list(csv.DictReader(io.StringIO(base64.b64decode(picture.csv_base64).decode(), newline="")))
        vantage = picture.place.vantage_id
        expected = {
            (slot.strftime("%Y-%m-%dT%H:%M:%SZ"), target): "missed"
            if is_missed(vantage, number)
            else "unheard"
            if is_unheard(vantage, number)
            else state_of(vantage, number, service)
            for number, slot in enumerate(SLOTS)
            for service, target, _ in TARGETS
        }
        assert {(row["slot_at_utc"], row["target"]): row["state"] for row in rows} == expected
        assert sum(run.rounds for run in picture.runs) == len(expected)


def test_dense_rounds_are_drawn_in_proportion_and_gaps_stay_gaps() -> None:
    states = ["ok", "blocked"] * 300 + [""] * 300 + ["ok"] * 300
    grid = dense_grid(states, timedelta(minutes=15))
    axis, (picture,) = draw(grid, WORDS)
    assert axis is not None
    assert axis.is_binned
    (strip,) = picture.strips
    mixed = [mark for mark in strip.marks if len(mark.parts) == 2]
    assert mixed
    for mark in mixed[1:-1]:
        assert {part.state for part in mark.parts} == {"blocked", "ok"}
        assert [part.height for part in mark.parts] == pytest.approx([50, 50], abs=15)
    gaps = [mark for mark in strip.marks if [part.state for part in mark.parts] == ["unmeasured"]]
    assert sum(mark.width for mark in gaps) == pytest.approx(100 * 300 / 1200, abs=2)
    assert len(strip.marks) <= bounds.TIMELINE_COLUMNS
    assert all(sum(part.height for part in mark.parts) == pytest.approx(100) for mark in strip.marks)


def test_one_round_alone_can_be_drawn() -> None:
    axis, (picture,) = draw(dense_grid(["ok"], timedelta(hours=1)), WORDS)
    assert axis is not None
    (mark,) = picture.strips[0].marks
    assert 0 <= mark.left < mark.left + mark.width <= 100


def test_no_rounds_give_no_axis() -> None:
    assert lay_out({}) is None


@pytest.mark.parametrize("days", [0.01, 0.5, 1, 5, 40, 400, 4000])
def test_ticks_are_few_round_and_in_order(days: float) -> None:
    slots = {"v1": (Slot(START + timedelta(minutes=7), "ran"), Slot(START + timedelta(days=days), "ran"))}
    axis = lay_out(slots)
    assert axis is not None
    ticks = axis.ticks(None, WORDS)
    assert 1 <= len(ticks) <= 12
    percents = [tick.percent for tick in ticks]
    assert percents == sorted(percents)
    assert percents[0] >= 0
    assert percents[-1] <= 100


@pytest.mark.parametrize(
    ("country", "region", "at", "offset"),
    [
        ("KZ", "Almaty", datetime(2011, 12, 16, tzinfo=UTC), "UTC+6"),
        ("KZ", None, datetime(2024, 2, 29, 12, tzinfo=UTC), "UTC+6"),
        ("KZ", "Almaty", datetime(2024, 3, 1, 12, tzinfo=UTC), "UTC+5"),
        ("KZ", "Mangystau region", datetime(2011, 12, 16, tzinfo=UTC), "UTC+5"),
        ("KZ", "Жаңаөзен", datetime(2011, 12, 16, tzinfo=UTC), "UTC+5"),
        ("kz", "Aktau", datetime(2025, 12, 16, tzinfo=UTC), "UTC+5"),
        ("IN", None, datetime(2025, 12, 16, tzinfo=UTC), "UTC+5:30"),
    ],
)
def test_local_time_is_that_of_the_date_and_the_place(
    country: str, region: str | None, at: datetime, offset: str
) -> None:
    zone = local_zone(country, region)
    assert zone is not None
    assert WORDS.offset(at.astimezone(zone)) == offset


def test_a_country_with_many_clocks_gets_no_local_time() -> None:
    assert local_zone("RU", None) is None
    assert local_zone("XX", "nowhere") is None


def test_a_change_of_clocks_within_the_period_is_named() -> None:
    spring = datetime(2024, 2, 28, tzinfo=UTC)
    slots = tuple(Slot(spring + timedelta(days=day), "ran") for day in range(5))
    readings = tuple(
        Reading(str(s.at), "v1", s.at, s.at, "S", "t", "target", "ok", (), is_answered=True) for s in slots
    )
    grid = Grid((place(),), {"v1": slots}, readings, {}, Versions("", "", "", (), None))
    _, (picture,) = draw(grid, WORDS)
    assert picture.clock == "Local, UTC+6, then UTC+5"


def test_the_overview_counts_rounds_by_service_and_state(zhanaozen: Database) -> None:
    with zhanaozen.session() as session:
        grid = read_grid(session, None)
    rows = {row.service: row for row in tally(grid, find(grid))}
    expected = {
        (service, state): sum(
            state_of(vantage, number, service) == state
            for vantage, *_, role in VANTAGES
            for number in range(len(SLOTS))
            if role == "probe" and not is_missed(vantage, number) and not is_unheard(vantage, number)
        )
        for service in rows
        for state in ("blocked", "suspected", "dark", "local", "insufficient", "ok")
    }
    assert {(service, state): row.states[state] for service, row in rows.items() for state in row.states} == expected
    assert {(row.gaps, row.rounds) for row in rows.values()} == {(3, 40)}


def reading(vantage: str, target: str, state: str) -> Reading:
    return Reading(f"{vantage}-{target}", vantage, START, START, "S", target, "target", state, (), state == "ok")


def test_a_sentinel_reached_a_service_only_where_it_reached_all_of_its_targets() -> None:
    sentinel = Place("out", "FI", None, None, "fixed", is_sentinel=True, zone=None)
    slots = {name: (Slot(START, "ran"),) for name in ("v1", "out")}
    readings = (
        reading("v1", "a", "suspected"),
        reading("v1", "b", "suspected"),
        reading("out", "a", "ok"),
        reading("out", "b", "down"),
    )
    (finding,) = find(Grid((place(), sentinel), slots, readings, {}, Versions("", "", "", (), None)))
    assert (finding.sentinel_ok, finding.sentinel_rounds) == (0, 1)


def test_what_was_not_analysed_is_counted_as_not_enough_data() -> None:
    grid = dense_grid(["ok"], timedelta(hours=1))
    unjudged = Grid(grid.places, grid.slots, (reading("v1", "t", ""),), {}, grid.versions)
    (finding,) = find(unjudged)
    assert finding.state == "insufficient"
    (row,) = tally(unjudged, (finding,))
    assert row.states == {"insufficient": 1}
