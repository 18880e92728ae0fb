"""Series from elsewhere: read from each source's own form, gaps kept apart from zero, and how they fell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analysis.exchange.outside import Series, fall, regular
from analysis.exchange.series_files import Given, read_series
from analysis.exchange.series_store import read_stored, store_series
from nameblind.cli import main
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from probe.store.database import Database

NOON = datetime(2011, 12, 16, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def series(values: list[float | None], start: datetime = NOON - 12 * HOUR, step_s: int = 3_600) -> Series:
    points = tuple((start + timedelta(seconds=step_s * i), value) for i, value in enumerate(values))
    return Series(
        source="csv", kind="k", scope_kind="country", scope="KZ", step_s=step_s, points=points, file_sha256=""
    )


def test_a_fall_is_the_median_during_over_the_median_before() -> None:
    found = fall(series([100.0] * 12 + [10.0] * 12), NOON, NOON + 12 * HOUR)
    assert found is not None
    assert (found.before, found.during, found.share_left, found.gaps_before, found.gaps_during) == (100, 10, 0.1, 0, 0)


def test_zero_is_a_fall_and_a_gap_is_not() -> None:
    gone = fall(series([100.0] * 12 + [0.0] * 12), NOON, NOON + 12 * HOUR)
    assert gone is not None
    assert gone.share_left == 0
    assert fall(series([100.0] * 12 + [None] * 12), NOON, NOON + 12 * HOUR) is None


@pytest.mark.parametrize(
    "values",
    [
        [100.0] * 12 + [10.0] * 5 + [None] * 7,  # gaps hide most of the event
        [None] * 7 + [100.0] * 5 + [10.0] * 12,  # or of what was before
        [0.0] * 12 + [0.0] * 12,  # nothing could fall
        [100.0] * 12 + [10.0] * 5,  # the file ends early
        [],
    ],
)
def test_what_gaps_hide_is_unknowable(values: list[float | None]) -> None:
    assert fall(series(values), NOON, NOON + 12 * HOUR) is None


def test_what_is_left_after_few_gaps_says_how_many_they_were() -> None:
    found = fall(series([100.0] * 12 + [10.0] * 9 + [None] * 3), NOON, NOON + 12 * HOUR)
    assert found is not None
    assert found.gaps_during == pytest.approx(0.25)


def test_a_short_event_is_held_against_six_hours() -> None:
    values: list[float | None] = [100.0] * 12 + [20.0]
    found = fall(series(values), NOON, NOON + HOUR)
    assert found is not None
    assert found.share_left == pytest.approx(0.2)
    assert fall(series(values), NOON, NOON) is None


def test_a_missing_step_is_a_gap() -> None:
    points = regular([(NOON, 1.0), (NOON + 3 * HOUR, 0.0), (NOON + HOUR, float("nan"))], 3_600)
    assert [value for _, value in points] == [1.0, None, None, 0.0]


def written(tmp_path: Path, content: Any, name: str = "x.json") -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_signals_of_ioda(tmp_path: Path) -> None:
    signal = {"entityType": "asn", "entityCode": "9198", "datasource": "bgp", "subtype": "", "from": 1324036800,
              "until": 1324038600, "step": 300, "nativeStep": 300, "values": [12, None, 0]}  # fmt: skip
    (found,) = read_series(written(tmp_path, {"type": "signals", "data": [[signal]]}), Given())
    assert (found.source, found.kind, found.scope_kind, found.scope, found.step_s) == (
        "ioda",
        "bgp",
        "asn",
        "AS9198",
        300,
    )
    assert found.points == ((NOON, 12.0), (NOON + timedelta(minutes=5), None), (NOON + timedelta(minutes=10), 0.0))


def test_visibility_of_ripestat(tmp_path: Path) -> None:
    def status(hour: int, seeing: int, total: int) -> str:
        visibility = {"v4": {"ris_peers_seeing": seeing, "total_ris_peers": total}}
        data = {"resource": "AS9198", "visibility": visibility, "query_time": f"2011-12-16T{hour}:00:00"}
        return json.dumps({"data": data}) + "\n"

    text = status(12, 300, 300) + status(13, 0, 300) + status(15, 5, 0)
    (found,) = read_series(written(tmp_path, text), Given())
    assert (found.scope_kind, found.scope, found.kind) == ("asn", "AS9198", "visibility.v4")
    assert [value for _, value in found.points] == [1.0, 0.0, None, None]


def test_results_of_ripe_atlas(tmp_path: Path) -> None:
    def result(minute: int, kind: str, **told: Any) -> str:
        return json.dumps({"msm_id": 1, "prb_id": 2, "timestamp": 1324036800 + 60 * minute, "type": kind} | told) + "\n"

    text = result(0, "ping", rcvd=3) + result(5, "ping", rcvd=0) + result(31, "ping", rcvd=0)
    (found,) = read_series(written(tmp_path, text), Given("country", "KZ"))
    assert [value for _, value in found.points] == [0.5, None, 0.0]
    assert (found.scope_kind, found.scope, found.kind) == ("country", "KZ", "ping.msm1")
    others = result(0, "dns", error={"timeout": 1}) + result(0, "sslcert", cert=["x"]) + result(
        0, "http", result=[{"res": 200}]
    ) + result(0, "traceroute", dst_addr="1.1.1.1", result=[{"result": [{"from": "1.1.1.1"}]}])  # fmt: skip
    told = {s.kind.partition(".")[0]: s.points[0][1] for s in read_series(written(tmp_path, others), Given())}
    assert told == {"dns": 0.0, "http": 1.0, "sslcert": 1.0, "traceroute": 1.0}


def test_time_and_value(tmp_path: Path) -> None:
    text = (
        "time,value\n2011-12-16T12:00:00Z,5\n2011-12-16T13:00:00Z,\n2011-12-16T14:00:00Z,NaN\n2011-12-16T16:00:00Z,0\n"
    )
    (found,) = read_series(written(tmp_path, text, "x.csv"), Given("country", "KZ", "prefixes"))
    assert [value for _, value in found.points] == [5.0, None, None, None, 0.0]


@pytest.mark.parametrize(
    ("name", "content", "given", "says"),
    [
        ("x.json", {"data": []}, Given(), "holds no series"),
        ("x.json", "not json", Given(), "cannot be read"),
        ("x.json", {"data": [[{"entityType": "planet", "entityCode": "x", "datasource": "bgp", "from": 0, "step": 60,
                               "values": []}]]}, Given(), "entityType"),
        ("x.json", {"data": [[{"entityType": "asn", "entityCode": "x", "datasource": "bgp", "from": 0, "step": 60,
                               "values": ["much"]}]]}, Given(), "is no number"),
        ("x.csv", "time,value\n2011-12-16T12:00:00Z,much\n", Given("country", "KZ", "k"), "x.csv:2"),
        ("x.csv", "when,what\n", Given("country", "KZ", "k"), "time,value"),
        ("x.csv", "time,value\n", Given(), "--scope"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_a_sentence(
    name: str, content: Any, given: Given, says: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=says):
        read_series(written(tmp_path, content, name), given)


def test_series_are_stored_once_as_they_were(database: Database) -> None:
    mine = [series([1.0, None, 0.0])]
    assert store_series(database, mine, NOON) == 1
    assert store_series(database, mine, NOON) == 0
    with database.session() as session:
        assert read_stored(session) == mine


def test_the_command_stores_all_files_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = written(tmp_path, "time,value\n2011-12-16T12:00:00Z,5\n", "good.csv")
    bad = written(tmp_path, "time,value\n2011-12-16T12:00:00Z,much\n", "bad.csv")
    arguments = ["--scope", "asn:AS9198", "--kind", "prefixes", "--db", str(tmp_path / "x.db")]
    assert main(["import", "series", str(good), str(bad), *arguments]) == 1
    assert not (tmp_path / "x.db").exists()
    assert main(["import", "series", str(good), *arguments]) == 0
    assert "1 series stored" in capsys.readouterr().out
