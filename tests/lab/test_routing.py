"""Routes: the longest prefix, the cheapest path, shared where it costs the same."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from lab.routing import PrefixTable, next_hops


def test_the_longest_prefix_wins_and_families_do_not_mix() -> None:
    table = PrefixTable(
        [(ip_network("5.0.0.0/8"), "wide"), (ip_network("5.1.2.0/24"), "narrow"), (ip_network("500::/8"), "six")]
    )
    assert table.find(ip_address("5.1.2.3")) == "narrow"
    assert table.find(ip_address("5.9.9.9")) == "wide"
    assert table.find(ip_address("6.0.0.1")) is None
    assert table.find(ip_address("501::1")) == "six"


def test_packets_take_the_cheapest_path() -> None:
    costs = {("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 5, ("c", "d"): 1}
    assert next_hops(costs, "d") == {"a": ("b",), "b": ("c",), "c": ("d",)}


def test_paths_that_cost_the_same_are_all_given_in_the_order_of_their_names() -> None:
    costs = {("a", "y"): 2, ("a", "x"): 1, ("x", "d"): 2, ("y", "d"): 1, ("a", "z"): 2, ("z", "d"): 2}
    assert next_hops(costs, "d")["a"] == ("x", "y")


def test_what_is_not_joined_has_no_way() -> None:
    assert next_hops({("a", "b"): 1, ("x", "y"): 1}, "b") == {"a": ("b",)}


NODES = "abcdef"
GRAPHS = st.dictionaries(
    st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda ends: ends[0] < ends[1]),
    st.integers(1, 4),
    max_size=15,
)


@given(GRAPHS)
def test_whoever_follows_any_of_the_ways_arrives_at_the_same_cost(costs: dict[tuple[str, str], int]) -> None:
    ways = next_hops(costs, "a")

    def price(one: str, other: str) -> int:
        return costs[min(one, other), max(one, other)]

    def prices(node: str, spent: int) -> set[int]:
        assert spent <= 4 * len(NODES), "no way goes in a circle"
        if node == "a":
            return {spent}
        return {total for neighbour in ways[node] for total in prices(neighbour, spent + price(node, neighbour))}

    for node in ways:
        assert len(prices(node, 0)) == 1
