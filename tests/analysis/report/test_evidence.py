"""What stands beneath each finding: the right rows, beside their guards, with a query that gives all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from analysis.report import bounds
from analysis.report.certificates import read_issuers
from analysis.report.evidence import calibrate, choose, gather, pair_rows
from analysis.report.findings import find
from analysis.report.grid import read_grid
from probe.store.models import Base, Blob, Cycle, Event, Evidence, Observation, PairTest, Vantage
from tests.analysis.report.zhanaozen_2011 import VANTAGES, zhanaozen_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.store.database import Database


def test_the_printed_query_lists_every_measurement_of_its_finding(zhanaozen: Database) -> None:
    with zhanaozen.session() as session:
        grid = read_grid(session, None)
        dossiers = gather(session, grid, find(grid))
        assert len(dossiers) > 10
        for dossier in dossiers:
            listed = {row.measurement_id for row in session.execute(text(dossier.query.rstrip(";")))}
            assert listed == {reading.measurement_id for reading in dossier.finding.readings}


def test_a_paired_test_stands_beside_the_sentinels_and_the_calibrations(zhanaozen: Database) -> None:
    def tested(vantage: str, target: str, log10_e: float, *, is_negative: bool = False) -> PairTest:
        return PairTest(
            vantage_id=vantage, target=target, name_kind="sni", peer="helper", is_negative_control=is_negative,
            pairs=10, discordant=5, target_failed=5, log10_e=log10_e,
        )  # fmt: skip

    rows = pair_rows(
        [
            tested("inside", "x.com", 4.0),
            tested("inside", "y.com", 5.0),
            tested("outside", "x.com", 0.7),
            tested("outside2", "x.com", -0.2),
            tested("inside", "control.kz", 0.1, is_negative=True),
            tested("inside", "control.org", 0.3, is_negative=True),
            tested("elsewhere", "control.org", 2.0, is_negative=True),
        ],
        {"outside", "outside2"},
    )
    assert [(row.target, row.log10_e, row.sentinel_log10_e, row.negative_log10_e) for row in rows] == [
        ("y.com", 5.0, None, 0.3),
        ("x.com", 4.0, 0.7, 0.3),
    ]


def test_the_calibration_is_a_mean_of_bets_and_not_of_logarithms() -> None:
    negative = [
        PairTest(
            vantage_id="v", target=target, name_kind="sni", peer="helper", is_negative_control=True,
            pairs=10, discordant=1, target_failed=1, log10_e=log10_e,
        )
        for target, log10_e in (("a", 1.0), ("b", -1.0))
    ]  # fmt: skip
    found = calibrate(negative)
    assert found is not None
    assert found.mean_e == (10 + 0.1) / 2
    assert found.highest_log10_e == 1.0
    assert calibrate([]) is None


def test_witnesses_come_from_every_vantage_before_any_vantage_gives_two(zhanaozen: Database) -> None:
    with zhanaozen.session() as session:
        grid = read_grid(session, None)
    twitter = next(one for one in find(grid) if one.state == "blocked" and one.service == "Twitter")
    chosen = choose(twitter.readings)
    assert len(chosen) == bounds.WITNESSES
    assert {reading.vantage_id for reading in chosen} == {name for name, *_, role in VANTAGES if role == "probe"}


def test_rows_that_a_rule_named_are_shown_before_others_are(zhanaozen: Database) -> None:
    with zhanaozen.session() as session:
        grid = read_grid(session, None)
        dossier = next(one for one in gather(session, grid, find(grid)) if one.finding.state == "blocked")
        for witness in dossier.witnesses:
            shown = {step.row.observation_id for step in witness.steps}
            assert {name for rule in witness.rules for name in rule.observations} <= shown
            assert [rule.rule for rule in witness.rules] == ["pairs.host"]
        assert [(row.rule, row.measurements) for row in dossier.rule_rows] == [
            ("pairs.host", len(dossier.finding.readings))
        ]


def test_of_many_steps_those_that_a_rule_named_come_first(build: Callable[[list[Base]], Database]) -> None:
    rows = [row for row in zhanaozen_rows() if getattr(row, "vantage_id", "almaty-fixed") == "almaty-fixed"]
    rows = [row for row in rows if not isinstance(row, Event) and row_of(row).startswith("almaty-fixed-c1-m0")]
    measurement = "almaty-fixed-c1-m0"
    rows = [*cycle_of("almaty-fixed", 1), *rows]
    (http,) = (row for row in rows if isinstance(row, Observation) and row.operation == "http")
    http.started_mono_s = 1_000.0
    last = f"{measurement}-last"
    http.observation_id = last
    (rule,) = (row for row in rows if isinstance(row, Evidence))
    rule.observations = [last]
    rows += [
        Observation(
            observation_id=f"{measurement}-x{number:02}", measurement_id=measurement, vantage_id="almaty-fixed",
            attempt=1, redirect=0, operation="tcp", started_at=http.started_at, duration_s=0.1,
            started_mono_s=20.0 + number, bytes_sent=0, bytes_received=0,
        )
        for number in range(40)
    ]  # fmt: skip
    database = build(rows)
    with database.session() as session:
        grid = read_grid(session, None)
        (dossier,) = gather(session, grid, find(grid))
    (witness,) = dossier.witnesses
    assert len(witness.steps) == bounds.WITNESS_OBSERVATIONS
    assert witness.steps[-1].row.observation_id == last
    assert witness.steps_left_out == 42 - bounds.WITNESS_OBSERVATIONS


def row_of(row: Base) -> str:
    own: str = getattr(row, "measurement_id", getattr(row, "observation_id", ""))
    return own


def cycle_of(vantage: str, number: int) -> list[Base]:
    return [
        row
        for row in zhanaozen_rows()
        if (isinstance(row, Vantage) and row.vantage_id == vantage)
        or (isinstance(row, Cycle) and row.cycle_id == f"{vantage}-c{number}")
    ]


def test_a_certificate_that_is_none_is_no_crash(build: Callable[[list[Base]], Database]) -> None:
    database = build([Blob(sha256="aa", kind="certificate", content=b"\x30\x82\xff\xff garbage")])
    with database.session() as session:
        assert read_issuers(session, {"aa", "not stored"}) == {}
