"""Resets beside the SYN/ACK, from kept packets: when they are odd, and that it takes more than one to say so."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest

from analysis.facts import CaptureFacts, Facts, Step
from analysis.ledger import ledger_of
from analysis.rules.packets import odd_reset
from analysis.states import STATE_TABLE, State
from probe.packets import pcap
from tests.analysis.fact_builder import CycleBuilder, failed, new_id

PEER, OURS = "93.184.216.34", "192.0.2.1"
SYN_ACK, RESET = 0x12, 0x14


def head(flags: int, hop_limit: int, port: int, *, is_ours: bool = False) -> bytes:
    source, destination = (OURS, PEER) if is_ours else (PEER, OURS)
    ports = (port, 443) if is_ours else (443, port)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 7, 0, hop_limit, 6, 0)
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    return ip + ends + struct.pack("!HHIIBBHHH", *ports, 1, 2, 0x50, flags, 0, 0, 0)


def facts(
    target: list[list[int]], control: list[list[int]], *, accepted: int = 55, capture: bytes | None = None
) -> Facts:
    """Connections as the hop limits of their resets."""
    steps, packets = [], []
    for name, connections in (("target", target), ("control", control)):
        for number, resets in enumerate(connections, start=1):
            port = 45_000 + len(steps)
            steps.append(
                Step(
                    observation_id=new_id(),
                    operation="tls",
                    address=PEER,
                    port=443,
                    source_port=port,
                    technique="packets",
                    variant=f"sni/{name}/{number}",
                )
            )
            heads = [head(SYN_ACK, accepted, port), head(RESET, 1, port, is_ours=True)]
            heads += [head(RESET, hop_limit, port) for hop_limit in resets]
            packets += [pcap.Packet((len(packets) + place) / 100, data, 40) for place, data in enumerate(heads)]
    cycle = CycleBuilder().add("news.example.com", failed("tls", "connection_reset")).build()
    measurement = next(m for m in cycle.measurements if m.target == "news.example.com")
    kept = CaptureFacts(technique="packets", variant="sni", pcap=pcap.write(packets) if capture is None else capture)
    return Facts(measurement=replace(measurement, closer=tuple(steps), captures=(kept,)), cycle=cycle)


@pytest.mark.parametrize(
    ("target", "control", "is_odd"),
    [
        ([[62], [62], [62]], [[], [], []], True),
        ([[55, 61], [55, 60], []], [[], [], []], True),  # the server's own, and another's
        ([[62], [], []], [[], [], []], False),  # one proves nothing
        ([[55], [54], [56]], [[], [], []], False),  # the server's way, give or take a hop
        ([[62], [62], [62]], [[62], [], []], False),  # another name's connections are reset as well
        ([[62], [62], [62]], [], False),  # nothing to hold it against
        ([[62], [62], [55], [55]], [[], [], []], False),  # as often as not
    ],
)
def test_odd_resets_must_repeat_and_spare_other_names(
    target: list[list[int]], control: list[list[int]], *, is_odd: bool
) -> None:
    assert (odd_reset(facts(target, control)) is not None) is is_odd


def test_the_sentence_gives_the_counts_and_how_common_odd_resets_are() -> None:
    evidence = odd_reset(facts([[62, 62], [62], []], [[], []]))
    assert evidence is not None
    assert "3 with hop limit 62 within 10 ms; SYN/ACKs with hop limit 55" in evidence.text
    assert "A fifth of ordinary connections" in evidence.text
    assert len(evidence.observations) == 2


@pytest.mark.parametrize("capture", [b"", b"no capture", pcap.write([pcap.Packet(0.0, b"\x45", 1)])])
def test_a_capture_that_cannot_be_read_says_nothing(capture: bytes) -> None:
    assert odd_reset(facts([[62], [62]], [[], []], capture=capture)) is None


def test_no_state_is_given_by_odd_resets_or_by_the_hop() -> None:
    deciding = {rule for row in STATE_TABLE if row.state is not State.INSUFFICIENT for rule in row.rules}
    assert not deciding & {"packets.odd_reset", "locus.hop", "locus.own_premises"}


def test_they_stand_in_the_ledger_as_structure_where_the_cause_reads_names() -> None:
    world = facts([[62], [62]], [[], []])
    evidence = odd_reset(world)
    assert evidence is not None
    judgement = (world, (evidence,), None)
    shown = ledger_of([judgement], reads_names=True)  # type: ignore[list-item]  # no decision is read
    assert [(entry.channel, entry.kind) for entry in shown] == [("B", "packets.odd_reset")]
    assert ledger_of([judgement], reads_names=False) == ()  # type: ignore[list-item]
