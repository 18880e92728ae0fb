"""Routes: the longest prefix, the shortest path."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from lab.routing import PrefixTable, next_hops


def test_the_longest_prefix_wins_and_families_do_not_mix() -> None:
    table = PrefixTable(
        [(ip_network("5.0.0.0/8"), "wide"), (ip_network("5.1.2.0/24"), "narrow"), (ip_network("500::/8"), "six")]
    )
    assert table.find(ip_address("5.1.2.3")) == "narrow"
    assert table.find(ip_address("5.9.9.9")) == "wide"
    assert table.find(ip_address("6.0.0.1")) is None
    assert table.find(ip_address("501::1")) == "six"


def test_packets_take_the_path_of_least_delay() -> None:
    delays = {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 5.0, ("c", "d"): 1.0}
    assert next_hops(delays, "d") == {"a": "b", "b": "c", "c": "d"}


def test_what_is_not_joined_has_no_way() -> None:
    assert next_hops({("a", "b"): 1.0, ("x", "y"): 1.0}, "b") == {"a": "b"}
