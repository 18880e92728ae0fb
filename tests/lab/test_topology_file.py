"""Topologies as data: those of the lab fit together, and an impossible one is refused with line, key and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import topology_file
from lab.topology import Role
from lab.yaml_values import names_in
from probe.errors import UserError

FORKED = (Path(__file__).parent / "forked.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names_in(topology_file.TOPOLOGIES))
def test_every_vantage_has_a_resolver_and_every_site_has_neighbours(name: str) -> None:
    found = topology_file.load(name)
    for host in found.hosts_of(Role.VANTAGE, Role.SENTINEL):
        assert found.resolver_addresses(host)
    for site in found.sites:
        assert all(found.owner_of(address) for address in site.everywhere)
    owners = [{found.owner_of(address) for address in site.everywhere} for site in found.sites]
    shared = [owner for own in owners for owner in own if sum(owner in other for other in owners) > 1]
    assert len(set(shared)) >= 4


def test_a_link_that_says_no_cost_costs_its_delay_and_a_hosts_own_is_a_link_too() -> None:
    found = topology_file.load(str(Path(__file__).parent / "forked.yaml"))
    assert found.links["border--abroad"].cost == 20 * found.links["outer--town"].cost
    assert found.links["outer--town"].between == ("outer", "town")
    assert found.fibres() == {"railway", "road"}
    assert found.powered_by("mains") == {"home": 1800, "town": 7200, "inner": 0, "outer": 3600}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "  - {between: [village, north], delay_ms: 4, fibres: [railway]}\n",
            "",
            r"forked\.yaml:\d+: key 'links': expected a way from home to village",
            id="an island",
        ),
        pytest.param(
            "- {between: [town, detour], delay_ms: 60}",
            "- {between: [town, north], delay_ms: 60}",
            "key 'links': expected each pair of nodes once",
            id="a link twice",
        ),
        pytest.param(
            "- {between: [town, detour], delay_ms: 60}",
            "- {between: [north, town], delay_ms: 60}",
            "key 'links': expected each pair of nodes once",
            id="a link twice, the second time from its other end",
        ),
        pytest.param(
            "- {between: [town, detour], delay_ms: 60}",
            "- {between: [town, town], delay_ms: 60}",
            "key 'links': expected two different ends of each",
            id="a link from a node to itself",
        ),
        pytest.param(
            "[town, detour]",
            "[town, mars]",
            r"key 'links': expected routers of this file \(not mars\)",
            id="a link to nowhere",
        ),
        pytest.param(
            "addresses: [2.72.0.10, ",
            "addresses: [192.168.1.11, ",
            r"key 'hosts': expected an address for outer that the Internet would route \(not 192\.168\.1\.11\)",
            id="a private address without a gateway",
        ),
        pytest.param(
            "addresses: [92.46.0.10]}",
            "addresses: [2.72.0.11]}",
            r"key 'hosts': expected an address for local in its own network's prefixes \(not 2\.72\.0\.11\)",
            id="an address of another network",
        ),
        pytest.param(
            "addresses: [2.78.0.10]",
            "addresses: [2.78.0.1]",
            r"key 'hosts': expected an address for villager that nobody else has \(not 2\.78\.0\.1\)",
            id="an address twice",
        ),
        pytest.param(
            "inside: [192.168.1.0/24]",
            "inside: [2.72.9.0/24]",
            r"key 'routers': expected a private network inside home that no other has",
            id="a gateway with the Internet inside",
        ),
        pytest.param(
            "addresses: [2.72.1.1, 192.168.1.1], inside",
            "addresses: [192.168.1.1], inside",
            r"key 'routers': expected a public IPv4 address of home",
            id="a gateway that has nothing to translate to",
        ),
        pytest.param(
            "router: village,", "router: mars,", r"key 'hosts': expected a router of this file", id="no router"
        ),
        pytest.param(
            "network: village, router",
            "network: mars, router",
            r"key 'hosts': expected a network of this file for villager \(not mars\)",
            id="no network",
        ),
        pytest.param(
            "    addresses: [62.115.1.1]\n",
            "    addresses: [62.115.7.7]\n",
            r"key 'sites': expected addresses of hosts for site\.example \(not 62\.115\.7\.7\)",
            id="a site that nobody serves",
        ),
        pytest.param(
            "  local: {role: web,",
            "  town: {role: web,",
            r"key 'hosts': expected names that no router has \(not town\)",
            id="a host that is a router",
        ),
        pytest.param("battery: 30m", "batery: 30m", r"forked\.yaml:19: .*did you mean 'battery'", id="a key misspelt"),
    ],
)
def test_an_impossible_topology_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in FORKED
    path = tmp_path / "forked.yaml"
    path.write_text(FORKED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=said):
        topology_file.load(str(path))
