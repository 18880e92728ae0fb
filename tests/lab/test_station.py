"""What a censor's rule adds to its box: shares, the place beside the path, punishment that lasts, hop limits."""

from __future__ import annotations

import random
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from scipy.stats import binom

from lab.match import Match
from lab.middleboxes.block_page import BlockPage
from lab.middleboxes.reset import Reset
from lab.middleboxes.silence import Silence
from lab.packet import ACK, RST, SYN, Packet, Tcp, parse_tcp, tcp_packet
from lab.station import Placement, Residual, Station

if TYPE_CHECKING:
    from lab.flow import Middlebox

CLIENT, OTHER_CLIENT = ip_address("2.72.1.10"), ip_address("2.72.1.11")
SERVER = ip_address("45.60.1.1")
RESET = Reset(match=Match(keyword=("falun",)))


def station(box: Middlebox = RESET, **how: Any) -> Station:
    return Station(Placement(name="test", router="gateway", networks=frozenset(), box=box, **how), random.Random(7))


def segment(
    payload: bytes = b"",
    *,
    client: Any = CLIENT,
    port: int = 40_001,
    to: int = 80,
    flags: int = ACK,
    hop_limit: int = 64,
) -> Packet:
    """From a client to the server; payload directly after the SYN."""
    sequence = 100 if flags & SYN else 101
    made = Tcp(
        source_port=port, destination_port=to, sequence=sequence, acknowledgement=900, flags=flags, payload=payload
    )
    packet = tcp_packet(client, SERVER, made)
    return Packet(
        source=packet.source,
        destination=packet.destination,
        protocol=packet.protocol,
        payload=packet.payload,
        hop_limit=hop_limit,
    )


def back(*, port: int = 40_001, of: int = 80) -> Packet:
    return tcp_packet(SERVER, CLIENT, Tcp(source_port=of, destination_port=port, flags=ACK, payload=b"200"))


def open_and_say(at: Station, payload: bytes, *, now: float = 0.0, **where: Any) -> tuple[bool, list[Packet]]:
    at.show(segment(flags=SYN, **where), now)
    return at.show(segment(payload, **where), now)


def passes(at: Station, packet: Packet, now: float) -> bool:
    return at.show(packet, now)[0]


# ---------------------------------------------------------------- share


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_it_acts_on_its_share_of_flows(share: float) -> None:
    here, flows = station(share=share), 3000
    acted = sum(not open_and_say(here, b"falun", port=1024 + number)[0] for number in range(flows))
    low, high = binom.interval(0.999, flows, share)
    assert low <= acted <= high


@pytest.mark.parametrize(("share", "is_touched"), [(0.0, False), (1.0, True)])
def test_of_no_share_nothing_is_touched_and_of_all_everything(share: float, is_touched: bool) -> None:
    here = station(share=share)
    assert {not open_and_say(here, b"falun", port=1024 + n)[0] for n in range(200)} == {is_touched}


def test_a_flow_is_treated_alike_from_its_first_packet_to_its_last() -> None:
    here = station(Silence(match=Match(ports=(80,))), share=0.5)
    for port in range(2000, 2100):
        opening = passes(here, segment(port=port, flags=SYN), 0.0)
        later = [passes(here, packet, 1.0) for packet in (segment(b"x", port=port), back(port=port))]
        assert later == [opening, opening]


# ---------------------------------------------------------------- beside the path


def test_beside_the_path_everything_passes_and_what_is_forged_comes_too() -> None:
    passed, forged = open_and_say(station(is_on_path=True), b"falun")
    assert passed
    assert [(packet.source, packet.destination) for packet in forged] == [(SERVER, CLIENT), (CLIENT, SERVER)]


def test_what_is_forged_in_the_senders_name_follows_its_packet_where_that_has_passed() -> None:
    """A reset with another sequence number than the next is not believed (RFC 5961)."""
    next_sequence = 101 + len(b"falun")
    for is_on_path, sequence in ((False, 101), (True, next_sequence)):
        _, (back_to_client, onward) = open_and_say(station(is_on_path=is_on_path), b"falun")
        told = parse_tcp(onward)
        assert told is not None
        assert told.sequence == sequence
        answer = parse_tcp(back_to_client)
        assert answer is not None
        assert (answer.sequence, answer.acknowledgement) == (900, next_sequence)


# ---------------------------------------------------------------- residual punishment


def test_before_anything_happened_nobody_is_punished() -> None:
    here = station(residual=Residual(seconds=60))
    assert all(passes(here, packet, 0.0) for packet in (segment(flags=SYN), segment(b"tea"), back()))
    assert here.acted == 0


def test_a_3_tuple_is_punished_whatever_the_clients_port_and_no_other_end_is() -> None:
    here = station(residual=Residual(seconds=60))
    open_and_say(here, b"falun")
    assert not passes(here, segment(port=40_002, flags=SYN), 1.0)
    assert not passes(here, back(port=40_002), 1.0), "nor is the server heard"
    assert passes(here, segment(to=443, flags=SYN), 1.0)
    assert passes(here, segment(client=OTHER_CLIENT, flags=SYN), 1.0)


def test_a_4_tuple_is_punished_and_the_next_port_is_free() -> None:
    here = station(residual=Residual(seconds=60, is_port_ignored=False))
    open_and_say(here, b"falun")
    assert not passes(here, segment(flags=SYN), 1.0)
    assert passes(here, segment(port=40_002, flags=SYN), 1.0)


@pytest.mark.parametrize("is_port_ignored", [True, False])
def test_a_punishment_ends_when_it_should_and_can_begin_again(is_port_ignored: bool) -> None:
    here = station(residual=Residual(seconds=60, is_port_ignored=is_port_ignored))
    open_and_say(here, b"falun", now=5.0)
    assert not passes(here, segment(flags=SYN), 64.9)
    assert passes(here, segment(flags=SYN), 65.0)
    assert not passes(here, segment(b"falun"), 66.0)
    assert not passes(here, segment(flags=SYN), 125.9)
    assert passes(here, segment(flags=SYN), 126.0)


def test_who_tries_again_meanwhile_does_not_prolong_it() -> None:
    here = station(residual=Residual(seconds=60))
    open_and_say(here, b"falun")
    for second in range(1, 60):
        assert not open_and_say(here, b"falun", port=41_000 + second, now=float(second))[0]
    assert passes(here, segment(port=50_000, flags=SYN), 60.0)


def test_the_punished_are_reset_at_both_ends_where_the_rule_says_so() -> None:
    here = station(residual=Residual(seconds=60, is_reset=True), is_on_path=True)
    open_and_say(here, b"falun")
    passed, forged = here.show(segment(port=40_002, flags=SYN), 1.0)
    assert passed, "beside the path"
    resets = [parse_tcp(packet) for packet in forged]
    assert all(reset is not None and reset.flags & RST for reset in resets)
    assert [packet.destination for packet in forged] == [CLIENT, SERVER]


def test_chance_spares_nobody_who_is_punished() -> None:
    here = station(residual=Residual(seconds=60), share=0.5)
    port = next(n for n in range(1024, 1100) if not open_and_say(here, b"falun", port=n)[0])
    assert not any(passes(here, segment(port=p, flags=SYN), 1.0) for p in range(port + 1, port + 100))


# ---------------------------------------------------------------- hop limits and counts


@pytest.mark.parametrize(("is_copied", "hop_limits"), [(True, {51}), (False, {64})])
def test_what_is_forged_has_the_hop_limit_of_what_it_answers_or_a_hosts_own(
    is_copied: bool, hop_limits: set[int]
) -> None:
    here = station(is_hop_limit_copied=is_copied)
    here.show(segment(flags=SYN), 0.0)
    _, forged = here.show(segment(b"falun", hop_limit=51), 0.0)
    assert {packet.hop_limit for packet in forged} == hop_limits


def test_it_counts_what_it_saw_and_what_it_acted_on() -> None:
    here = station(BlockPage(match=Match(keyword=("falun",))))
    open_and_say(here, b"tea", port=1)
    open_and_say(here, b"falun", port=2)
    assert (here.seen, here.acted) == (4, 1)
    here.show(segment(b"more", port=2), 0.0)
    assert (here.seen, here.acted) == (5, 2), "what a condemned flow still sends is dropped, and that counts"
