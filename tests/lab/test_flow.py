"""Flows: what a box remembers of a conversation."""

from __future__ import annotations

import random
from ipaddress import ip_address
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.flow import FlowTable
from lab.packet import ACK, SYN, Packet, Tcp, tcp_packet

CLIENT, SERVER = ip_address("2.72.1.10"), ip_address("45.60.1.1")
NOW = 5.0


def sent(sequence: int, payload: bytes = b"", flags: int = ACK, port: int = 40_001) -> Packet:
    segment = Tcp(source_port=port, destination_port=443, sequence=sequence, flags=flags, payload=payload)
    return tcp_packet(CLIENT, SERVER, segment)


@given(st.binary(min_size=1, max_size=400), st.data())
def test_a_stream_is_read_whatever_the_order_and_the_repeats_of_its_segments(
    stream: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.sampled_from([1000, 2**32 - 5]), label="first sequence number")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)) | {0, len(stream)})
    pieces = [(a, stream[a:b]) for a, b in pairwise(cuts)]
    repeated = data.draw(st.lists(st.sampled_from(pieces), max_size=4)) + pieces
    order = data.draw(st.permutations(repeated))
    table = FlowTable(random.Random(1))
    flow = table.of(sent(start, flags=SYN), NOW)
    for offset, piece in order:
        assert table.of(sent((start + 1 + offset) % 2**32, piece), NOW) is flow
    assert flow.client_stream() == stream


def test_a_gap_hides_what_comes_after_it() -> None:
    table = FlowTable(random.Random(1))
    table.of(sent(9, flags=SYN), NOW)
    table.of(sent(10, b"abc"), NOW)
    assert table.of(sent(20, b"later"), NOW).client_stream() == b"abc"


def test_both_directions_are_one_flow_and_another_port_is_another() -> None:
    table = FlowTable(random.Random(1))
    flow = table.of(sent(9, flags=SYN), NOW)
    back = tcp_packet(SERVER, CLIENT, Tcp(source_port=443, destination_port=40_001, flags=SYN | ACK))
    assert table.of(back, NOW) is flow
    assert not flow.is_from_client(back)
    assert table.of(sent(9, flags=SYN, port=40_003), NOW) is not flow


def test_a_repeated_syn_draws_no_new_lot_and_a_new_connection_does() -> None:
    table = FlowTable(random.Random(1))
    first = table.of(sent(9, flags=SYN), NOW)
    assert table.of(sent(9, flags=SYN), NOW) is first
    again = table.of(sent(77_777, flags=SYN), NOW)
    assert again is not first
    assert again.draw != first.draw
