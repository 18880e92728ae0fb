"""The schedules that we ship load, are sourced, and keep within what volunteers are promised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe.limits import Limits
from probe.model import DnsTransport, TargetKind
from probe.schedule.loader import SCHEDULE, load
from probe.schedule.model import PairPlan
from probe.schedule.plan import estimate
from probe.schedule.yaml_reader import key_paths

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "schedules").glob("*.yaml"))
PAGE = (ROOT / "docs" / "schedule.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_schedule_has_controls_a_portal_check_and_a_note_on_every_entry(path: Path) -> None:
    schedule = load(path)
    assert schedule.name == path.stem
    for kind in TargetKind:
        assert schedule.of_kind(kind), kind
    assert [target.name for target in schedule.targets if not target.note] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_schedule_claims_no_country_for_whoever_runs_it(path: Path) -> None:
    vantage = load(path).vantage
    assert (vantage.country, vantage.region, vantage.network) == ("ZZ", None, None)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_schedule_keeps_to_20_megabytes_a_day_where_the_estimate_is_low(path: Path) -> None:
    assert estimate(load(path)).bytes_per_day.low <= 20_500_000


def test_zhanaozen_measures_the_services_of_that_week() -> None:
    schedule = load(ROOT / "schedules" / "zhanaozen.yaml")
    assert {target.service for target in schedule.of_kind(TargetKind.TARGET)} >= {
        "twitter",
        "youtube",
        "respublika",
        "kplus",
        "stan-tv",
        "guljan",
        "zonakz",
        "azattyq",
    }
    assert {target.video for target in schedule.targets} - {None} == {"y4De4CSEvAU", "jNQXAC9IVRw"}
    assert {resolver.transport for resolver in schedule.resolvers} == {
        DnsTransport.SYSTEM,
        DnsTransport.UDP,
        DnsTransport.DOT,
        DnsTransport.DOH,
    }


def test_adding_a_video_takes_one_line(tmp_path: Path) -> None:
    path = ROOT / "schedules" / "zhanaozen.yaml"
    written = path.read_text(encoding="utf-8")
    longer = tmp_path / "longer.yaml"
    longer.write_text(written.replace("    videos:\n", "    videos:\n      - aBcDeFgHiJk\n"), encoding="utf-8")
    added = set(load(longer).targets) - set(load(path).targets)
    assert [(target.name, target.url) for target in added] == [
        ("youtube/aBcDeFgHiJk", "https://www.youtube.com/watch?v=aBcDeFgHiJk")
    ]


def _documented() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|(.*)\|(.*)\|$", PAGE, re.MULTILINE)
    assert len(rows) == len({row[0] for row in rows})
    return {key: [cell.strip() for cell in cells] for key, *cells in rows}


def test_the_page_documents_the_declared_keys_and_no_others() -> None:
    declared = [path for path, _ in key_paths(SCHEDULE)]
    assert sorted(_documented()) == sorted(declared)


def test_the_page_gives_no_default_for_required_keys_alone() -> None:
    documented = _documented()
    sections = {"vantage", "pairs", "follow_up", "limits", "controls", "services"}  # described in sections of their own
    for path, key in key_paths(SCHEDULE):
        if path not in sections:
            assert (documented[path][1] == "") == key.is_required, path


def test_the_page_gives_the_defaults_of_limits_and_pairs() -> None:
    documented = _documented()
    for path, (_meaning, default, _allowed) in documented.items():
        section, _, name = path.partition(".")
        if section == "limits" and name:
            assert float(default.strip("`")) == getattr(Limits(), name), path
    assert documented["pairs.routine"][1] == f"`{PairPlan().routine}`"
    assert documented["pairs.follow_up"][1] == f"`{PairPlan().follow_up}`"
    assert documented["pairs.enough_discordant"][1] == f"`{PairPlan().enough_discordant}`"
    assert documented["pairs.rest"][1] == f"`{PairPlan().rest_s:g}s`"


def test_the_example_of_the_page_loads(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    path = tmp_path / "example.yaml"
    path.write_text(example[1], encoding="utf-8")
    assert [target.name for target in load(path).of_kind(TargetKind.TARGET)] == [
        "x.com",
        "twitter-media",
        "youtube/y4De4CSEvAU",
        "youtube/jNQXAC9IVRw",
    ]
