"""The volunteer's own table of networks: both formats, narrowest range, bounded, and hostile lines passed over."""

from __future__ import annotations

import gzip
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.itself import networks
from probe.itself.networks import Network, look_up, parse

if TYPE_CHECKING:
    from pathlib import Path

RANGES = (
    "198.18.0.0\t198.18.255.255\t64500\tKZ\tMADE-UP ONE\n"
    "198.18.7.0\t198.18.7.255\t64501\tKG\tMADE-UP TWO\n"
    "198.19.0.0\t198.19.255.255\t0\tNone\tNot routed\n"
    "2001:db8::\t2001:db8:0:ffff:ffff:ffff:ffff:ffff\t64502\tKZ\tMADE-UP SIX\n"
)
PREFIXES = "# comment\nprefix,as,country\n198.18.0.0/16,AS64500,KZ\n198.18.7.0/24,64501,KG\n2001:db8::/48,AS64502\n"
WIDE, NARROW, SIX = Network("AS64500", "KZ"), Network("AS64501", "KG"), ip_address("2001:db8::1")


@pytest.mark.parametrize("content", [RANGES, PREFIXES])
@pytest.mark.parametrize("is_packed", [False, True])
def test_both_formats_are_read_packed_or_not(tmp_path: Path, content: str, is_packed: bool) -> None:
    table = tmp_path / "table"
    table.write_bytes(gzip.compress(content.encode()) if is_packed else content.encode())
    wide, narrow, nobody = map(ip_address, ("198.18.1.1", "198.18.7.9", "203.0.113.1"))
    found = look_up(table, [wide, narrow, nobody, SIX])
    assert (found[wide], found[narrow], found[SIX].name) == (WIDE, NARROW, "AS64502")
    assert nobody not in found


def test_the_narrowest_range_wins_whatever_the_order(tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.write_text("".join(reversed(RANGES.splitlines(keepends=True))))
    assert look_up(table, [ip_address("198.18.7.9")]) == {ip_address("198.18.7.9"): NARROW}


def test_addresses_that_nobody_announces_have_no_network(tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.write_text(RANGES)
    assert look_up(table, [ip_address("198.19.1.1")]) == {}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "198.18.0.0",
        "198.18.0.0\t198.18.0.255",
        "198.18.0.255\t198.18.0.0\t64500\tKZ\tbackwards",
        "198.18.0.0\t2001:db8::\t64500\tKZ\ttwo families",
        "198.18.0.0/16,AS99999999999",
        "198.18.0.0/16,AS4294967296",
        "198.18.0.0/40,AS64500",
        "198.18.0.0/16,<script>",
    ],
)
def test_a_line_that_is_none_is_passed_over(line: str) -> None:
    assert parse(line) is None


def test_a_country_that_is_none_is_left_out() -> None:
    row = parse("198.18.0.0\t198.18.0.255\t64500\t<b>\tx")
    assert row is not None
    assert row.network.country is None


@given(st.text(max_size=120))
def test_any_line_is_read_or_passed_over(line: str) -> None:
    parse(line)


def test_a_table_that_unpacks_without_end_is_read_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "bomb.gz"
    late = b"198.18.0.0/16,AS64500\n"
    table.write_bytes(gzip.compress(b"\n" * 300_000 + late))
    assert look_up(table, [ip_address("198.18.0.1")])
    monkeypatch.setattr(networks, "MAX_BYTES", 200_000)
    assert look_up(table, [ip_address("198.18.0.1")]) == {}
