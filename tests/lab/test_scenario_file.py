"""Scenarios as data: all of them fit together, and a wrong one is refused with line, key and what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lab import disasters, middleboxes, scenario_file, topology_file
from lab.conditions import InterfaceState
from lab.registry import kinds
from lab.scenario import ACCUSING
from lab.topology import Role
from lab.yaml_values import names_in
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
family: censorship
summary: A test.
topology: standard
schedule: standard
seed: 3
slots: {start: 2026-03-02T06:00Z, every: 15m, count: 4}
timeline:
  - {middlebox: sni-reset, at: gateway, networks: [inside-a], during: 2-3, with: {names: [social.example]}}
  - {disaster: link-cut, during: 2026-03-02T06:30Z/, with: {links: [core-b--gateway]}}
  - {disaster: own-link-down, during: 4, with: {hosts: [vantage-a]}}
  - {lie: nxdomain, resolver: resolver-a, names: [news.example], during: 1}
truth:
  - {vantages: [vantage-a], state: dark}
  - {vantages: [vantage-a], targets: [social], during: 2-3, state: blocked, mechanism: tls.reset.sni}
"""


def written(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in GOOD
    path = folder / "test.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", scenario_file.names())
def test_every_scenario_of_the_lab_is_whole(name: str) -> None:
    scenario = scenario_file.load(name)
    assert scenario.vantages
    for number in range(1, len(scenario.slots) + 1):
        assert scenario.conditions(number).links.keys() == scenario.topology.links.keys()
    if scenario.family in {"damage", "local", "calm"}:
        assert not any(truth.state in ACCUSING or truth.accept & ACCUSING for truth in scenario.truth)
    if scenario.family == "censorship":
        assert any(truth.state in ACCUSING and truth.mechanism for truth in scenario.truth)


def test_conditions_hold_in_their_slots_and_times_alone(tmp_path: Path) -> None:
    scenario = scenario_file.load(str(written(tmp_path)))
    moments = [scenario.conditions(number) for number in (1, 2, 3, 4)]
    assert [len(moment.placements) for moment in moments] == [0, 1, 1, 0]
    assert [moment.links["core-b--gateway"].is_up for moment in moments] == [True, True, False, False]
    assert [moment.interfaces.get("vantage-a") for moment in moments] == [None, None, None, InterfaceState.DOWN]
    assert [len(moment.lies) for moment in moments] == [1, 0, 0, 0]


def test_the_last_truth_that_speaks_of_a_cell_holds_and_silence_means_ok(tmp_path: Path) -> None:
    scenario = scenario_file.load(str(written(tmp_path)))
    social, news = (next(t for t in scenario.schedule.targets if t.service == name) for name in ("social", "news"))
    assert [scenario.truth_of("vantage-a", social, number).state for number in (1, 2, 3, 4)] == [
        "dark",
        "blocked",
        "blocked",
        "dark",
    ]
    assert scenario.truth_of("vantage-a", news, 2).state == "dark"
    assert scenario.truth_of("vantage-b", social, 2).state == "ok"


def test_slots_and_seed_are_those_that_were_asked_for(tmp_path: Path) -> None:
    path = str(written(tmp_path))
    scenario = scenario_file.load(path)
    assert scenario.slots[0] == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert scenario.slots[-1] == datetime(2026, 3, 2, 6, 45, tzinfo=UTC)
    assert (scenario.seed, scenario_file.load(path, seed=8).seed) == (3, 8)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed: 3", "sead: 3", r"test\.yaml:5: key 'sead': expected a known key \(did you mean 'seed'\?\)"),
        ("topology: standard", "topology: mars", "there is no topology 'mars'"),
        ("sni-reset", "sni-rest", r":8: key 'timeline\[0\]\.middlebox': expected one of .*sni-reset"),
        (
            "{names: [social.example]}",
            "{name: [social.example]}",
            r"timeline\[0\]\.with\.name': .*did you mean 'names'",
        ),
        ("at: gateway", "at: gatway", r":8: key 'timeline\[0\]\.at': expected one of the routers"),
        ("[inside-a]", "[inside-z]", r"timeline\[0\]\.networks': expected some of the networks"),
        ("core-b--gateway", "core-b--mars", r":9: key 'timeline\[1\]\.with': expected links and hosts of the topology"),
        ("hosts: [vantage-a]", "hosts: [vantage-z]", r"timeline\[2\]\.with': expected links and hosts"),
        ("resolver: resolver-a", "resolver: news-1", r"timeline\[3\]\.resolver': expected one of the resolvers"),
        ("lie: nxdomain", "lie: addresses", r"timeline\[3\]\.addresses': expected the addresses"),
        ("- {lie: nxdomain", "- {lye: nxdomain", r"timeline\[3\]': expected an entry with one of the keys"),
        ("during: 2-3", "during: 3-2", r"timeline\[0\]\.during': expected slots such as"),
        ("T06:30Z/", "T06:30/", r"timeline\[1\]\.during': expected slots such as"),
        ("state: dark", "state: darkish", r"truth\[0\]\.state': expected one of ok"),
        ("targets: [social]", "targets: [sozial]", r"truth\[1\]\.targets': expected targets or services"),
        ("{vantages: [vantage-a], state", "{vantages: [news-1], state", r"truth\[0\]\.vantages': expected some of"),
        ("every: 15m, count: 4", "every: 15m", r":6: key 'slots\.start': expected either"),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = written(tmp_path, old, new)
    with pytest.raises(UserError, match=said):
        scenario_file.load(str(path))


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"there is no scenario 'sni-rest': choose one of .*sni-reset"):
        scenario_file.load("sni-rest")


@pytest.mark.parametrize("name", names_in(topology_file.TOPOLOGIES))
def test_every_site_has_neighbours_and_every_vantage_a_resolver(name: str) -> None:
    found = topology_file.load(name)
    for host in found.hosts_of(Role.VANTAGE, Role.SENTINEL):
        assert found.resolver_addresses(host)
    for site in found.sites:
        assert all(address.is_global for address in site.addresses)
    owners = [{found.owner_of(address) for address in site.addresses} for site in found.sites]
    shared = [owner for own in owners for owner in own if sum(owner in other for other in owners) > 1]
    assert len(set(shared)) >= 4


def test_a_topology_with_an_address_that_nobody_would_dial_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (topology_file.TOPOLOGIES / "standard.yaml").read_text(encoding="utf-8")
    (tmp_path / "inward.yaml").write_text(text.replace("2.72.1.10", "10.72.1.10", 1), encoding="utf-8")
    monkeypatch.setattr(topology_file, "TOPOLOGIES", tmp_path)
    with pytest.raises(
        UserError, match=r"inward\.yaml:\d+: key 'hosts': expected an address for vantage-a that the Internet"
    ):
        topology_file.load("inward")


def test_every_kind_says_what_it_does() -> None:
    for package in (middleboxes, disasters):
        for kind in kinds(package).values():
            assert kind.summary.endswith((".", ":")), kind.name
