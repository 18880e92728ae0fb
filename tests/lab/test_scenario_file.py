"""Scenarios as data: all of them fit together, and a wrong one is refused with line, key and what was expected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from analysis.evaluate.truth import ACCUSING, ACCUSING_CAUSES
from lab import disasters, middleboxes, orders, refusals, scenario_file
from lab.conditions import InterfaceState
from lab.registry import kinds
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from lab.scenario import Scenario

GOOD = """\
family: mixture
summary: A test.
topology: standard
schedule: standard
seed: 3
slots: {start: 2026-03-02T06:00Z, every: 15m, count: 4}
timeline:
  - {middlebox: reset, at: gateway, networks: [inside-a], during: 2-3, with: {sni: [social.example]}}
  - {disaster: link-cut, during: 2026-03-02T06:30Z/, with: {links: [core-b--gateway]}}
  - {disaster: own-link-down, during: 4, with: {hosts: [vantage-a]}}
  - {lie: nxdomain, resolver: resolver-a, names: [news.example], during: 1}
  - {refusal: server-error, site: video.example, during: 4, with: {status: 503}}
truth:
  - {vantages: [vantage-b], during: 3-, state: dark, cause: damage, event: cable}
  - {vantages: [vantage-a], during: 4, state: local}
  - {vantages: [sentinel], targets: [video], during: 4, state: down}
  - {vantages: [vantage-a], targets: [news], during: 1, state: blocked, mechanism: dns.nxdomain}
  - {vantages: [vantage-a], during: 2-3, state: ok}
  - {vantages: [vantage-a], targets: [social], during: 2-3, state: blocked, mechanism: tls.reset.sni}
"""


def written(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in GOOD
    path = folder / "test.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.fixture
def good(tmp_path: Path) -> Scenario:
    return scenario_file.load(str(written(tmp_path)))


@pytest.mark.parametrize("name", scenario_file.names())
def test_every_scenario_of_the_lab_is_whole(name: str) -> None:
    scenario = scenario_file.load(name)
    assert scenario.vantages
    for number in range(1, len(scenario.slots) + 1):
        assert scenario.conditions(number).links.keys() == scenario.topology.links.keys()
    if scenario.family in {"damage", "local", "calm", "target"}:
        assert not any(truth.state in ACCUSING or truth.accept & ACCUSING for truth in scenario.truth)
        assert not any(
            truth.cause in ACCUSING_CAUSES or truth.accept_causes & ACCUSING_CAUSES for truth in scenario.truth
        )
    if scenario.family in {"interception", "shutdown"}:
        assert any(one.is_somebodys for one in scenario.timeline)
    if scenario.family == "withholding":
        assert any(one.refusal is not None for one in scenario.timeline)


def test_conditions_hold_in_their_slots_and_times_alone(good: Scenario) -> None:
    moments = [good.conditions(number) for number in (1, 2, 3, 4)]
    assert [len(moment.placements) for moment in moments] == [0, 1, 1, 0]
    assert [moment.links["core-b--gateway"].is_up for moment in moments] == [True, True, False, False]
    assert [moment.interfaces.get("vantage-a") for moment in moments] == [None, None, None, InterfaceState.DOWN]
    assert [len(moment.lies) for moment in moments] == [1, 0, 0, 0]
    assert [len(moment.refusals) for moment in moments] == [0, 0, 0, 1]


def test_the_last_truth_that_speaks_of_a_cell_holds_and_silence_means_ok(good: Scenario) -> None:
    social, news = (next(t for t in good.schedule.targets if t.service == name) for name in ("social", "news"))
    assert [good.truth_of("vantage-a", social, number).state for number in (1, 2, 3, 4)] == [
        "ok",
        "blocked",
        "blocked",
        "local",
    ]
    assert good.truth_of("vantage-a", news, 2).state == "ok"
    assert good.truth_of("vantage-b", social, 2).state == "ok"
    assert good.truth_of("vantage-b", social, 3).state == "dark"


def test_slots_and_seed_are_those_that_were_asked_for(good: Scenario, tmp_path: Path) -> None:
    assert good.slots == tuple(datetime(2026, 3, 2, 6, minute, tzinfo=UTC) for minute in (0, 15, 30, 45))
    assert good.seed == 3
    assert scenario_file.load(str(tmp_path / "test.yaml"), seed=8).seed == 8
    at = "{at: [2026-03-02T06:00Z, 2026-03-02T06:30Z, 2026-03-05T00:00+06:00, 2026-03-05T00:00Z]}"
    listed = scenario_file.load(str(written(tmp_path, "{start: 2026-03-02T06:00Z, every: 15m, count: 4}", at)))
    assert listed.slots[1] - listed.slots[0] == timedelta(minutes=30)
    assert listed.slots[2] == datetime(2026, 3, 4, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed: 3", "sead: 3", r"test\.yaml:5: key 'sead': expected a known key \(did you mean 'seed'\?\)"),
        ("topology: standard", "topology: mars", "there is no topology 'mars'"),
        ("family: mixture", "family: mixtures", r":1: key 'family': expected one of calm, "),
        (
            "middlebox: reset",
            "middlebox: rest",
            r"test\.yaml:8: key 'timeline\[0\]\.middlebox': expected one of .*reset",
        ),
        (
            "disaster: link-cut",
            "disaster: earthquake",
            r":9: key 'timeline\[1\]\.disaster': expected one of .*link-cut",
        ),
        ("{sni: [social.example]}", "{snj: [social.example]}", r"timeline\[0\]\.with\.snj': .*did you mean 'sni'"),
        ("{sni: [social.example]}", "{reassembles: false}", r":8: .*with\.sni': expected something to look for"),
        ("at: gateway", "at: gatway", r":8: key 'timeline\[0\]\.at': expected one of the routers"),
        ("[inside-a]", "[inside-z]", r":8: key 'timeline\[0\]\.networks': expected some of the networks"),
        ("core-b--gateway", "core-b--mars", r":9: key 'timeline\[1\]\.with': expected names that the topology has"),
        ("hosts: [vantage-a]", "hosts: [vantage-z]", r":10: key 'timeline\[2\]\.with': expected names that"),
        ("resolver: resolver-a", "resolver: news-1", r":11: key 'timeline\[3\]\.resolver': expected one of the"),
        ("lie: nxdomain", "lie: addresses", r":11: key 'timeline\[3\]\.addresses': expected the addresses"),
        ("- {lie: nxdomain", "- {lye: nxdomain", r":11: key 'timeline\[3\]': expected an entry with one of the keys"),
        ("site: video", "site: www.video", r":12: key 'timeline\[4\]\.site': expected the first name of a site"),
        ("status: 503", "status: 200", r":12: key 'timeline\[4\]\.with\.status': expected"),
        ("during: 2-3", "during: 3-2", r":8: key 'timeline\[0\]\.during': expected slots such as"),
        ("T06:30Z/", "T06:30/", r":9: key 'timeline\[1\]\.during': expected slots such as"),
        ("during: 2-3", "within: 9s/3s", r":8: key 'timeline\[0\]\.within': expected real seconds"),
        ("during: 2-3", "daily: 22:00/06:00", r":8: key 'timeline\[0\]\.daily': expected two times of day"),
        ("during: 2-3", "duty: {open: 50m, every: 50m}", r"timeline\[0\]\.duty\.open': expected less time"),
        ("state: local", "state: locally", r":15: key 'truth\[1\]\.state': expected one of ok"),
        ("state: dark, cause: damage", "state: dark", r":14: key 'truth\[0\]\.cause': expected the cause of the"),
        ("targets: [social]", "targets: [sozial]", r":19: key 'truth\[5\]\.targets': expected targets or services"),
        ("vantages: [vantage-b]", "vantages: [news-1]", r":14: key 'truth\[0\]\.vantages': expected some of"),
        ("every: 15m, count: 4", "every: 15m", r":6: key 'slots\.start': expected either"),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = written(tmp_path, old, new)
    with pytest.raises(UserError, match=said):
        scenario_file.load(str(path))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "during: 2-3, state: blocked",
            "during: 2-4, state: blocked",
            r":19: key 'truth\[5\]\.state': expected a state that the timeline brings about in slot 4 "
            r"\(what happens then: link-cut, own-link-down, server-error\), got blocked",
            id="a block in a slot without a censor",
        ),
        pytest.param(
            "targets: [social], during: 2-3, state: blocked",
            "targets: [news], during: 2-3, state: blocked",
            r":19: .*brings about in slot 2 \(what happens then: reset\)",
            id="a block of what the box does not name",
        ),
        pytest.param(
            "[vantage-a], targets: [social]",
            "[vantage-b], targets: [social]",
            r":19: .*brings about in slot 2",
            id="a block in a network that the box does not look at",
        ),
        pytest.param(
            "during: 4, state: down",
            "during: 3, state: withheld",
            r":16: .*slot 3 .*got withheld",
            id="withheld without a refusal",
        ),
        pytest.param(
            "targets: [social], during: 2-3, state: blocked",
            "targets: [social], during: 2, state: down",
            r":19: .*slot 2 .*got down",
            id="a target down though only a censor far from it acts",
        ),
        pytest.param(
            "  - {vantages: [vantage-a], targets: [news], during: 1, state: blocked, mechanism: dns.nxdomain}\n",
            "",
            r"test\.yaml:11: key 'timeline\[3\]': expected a truth that speaks of slot 1",
            id="a happening of which nothing is said",
        ),
        pytest.param(
            "middlebox: reset, at: gateway",
            "middlebox: silence, on_path: true, at: gateway",
            r":8: key 'timeline\[0\]\.on_path': expected false: a silence beside the path can do nothing",
            id="silence beside the path",
        ),
        pytest.param(
            "middlebox: reset, at: gateway, networks: [inside-a], during: 2-3, with: {sni: [social.example]}",
            "middlebox: transparent-proxy, on_path: true, at: gateway, during: 2-3, with: {proxy: reader}",
            r":8: key 'timeline\[0\]\.on_path': expected false: a transparent-proxy beside the path",
            id="diversion beside the path",
        ),
        pytest.param(
            "middlebox: reset, at: gateway, networks: [inside-a], during: 2-3, with: {sni: [social.example]}",
            "middlebox: dns-injection, on_path: true, at: gateway, with: {names: [a.example], drop_query: true}",
            r":8: key 'timeline\[0\]\.on_path': expected false: a dns-injection beside the path",
            id="a query dropped beside the path",
        ),
        pytest.param(
            "middlebox: reset, at: gateway",
            "middlebox: reset, on_path: true, residual: {for: 60s}, at: gateway",
            r":8: key 'timeline\[0\]\.residual': expected act: reset",
            id="a residual silence beside the path",
        ),
        pytest.param(
            "{disaster: own-link-down, during: 4, with: {hosts: [vantage-a]}}",
            "{disaster: power-loss, during: 4, with: {domains: [town]}}",
            r":10: key 'timeline\[2\]\.with': expected names that the topology has, got town",
            id="a power domain that feeds nothing",
        ),
    ],
)
def test_a_scenario_that_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = str(written(tmp_path, old, new))
    with pytest.raises(UserError, match=said):
        scenario_file.load(path)


def test_an_unknown_scenario_is_refused_with_where_the_known_ones_are_shown() -> None:
    with pytest.raises(UserError, match=r"there is no scenario 'sni-rest': `nameblind lab list`"):
        scenario_file.load("sni-rest")


@pytest.mark.parametrize("package", [middleboxes, disasters, orders, refusals])
def test_every_kind_says_what_it_does(package: object) -> None:
    for kind in kinds(package).values():  # type: ignore[arg-type]  # a package is a module
        assert kind.summary.endswith((".", ":")), kind.name
