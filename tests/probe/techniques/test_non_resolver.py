"""Questions where no resolver runs: which names are asked, in which order, and when it stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import dns.message

from probe.model import DnsTransport
from probe.net import SystemNet
from probe.techniques import non_resolver
from probe.techniques.technique import Case, Need
from tests.probe.steps.loopback import HOME, serving
from tests.probe.techniques.dns_case import AnsweringNet, case_of, reply

FORGED = "10.10.34.34"
OVER_TCP = {"tcp-target": 2, "tcp-control": 2}


def asked(case: Case) -> Counter[str]:
    case.technique = non_resolver.NON_RESOLVER.name
    asyncio.run(non_resolver.NON_RESOLVER.run(case))
    assert {step.technique for step in case.steps} == {"non-resolver"}
    return Counter(str(step.variant) for step in case.steps)


def test_silence_is_believed_after_a_few_pairs() -> None:
    counts = asked(case_of(lambda *_: []))
    assert counts == {"target": non_resolver.FIRST, "control": non_resolver.FIRST, **OVER_TCP}


def test_answers_to_the_target_alone_are_counted_up_and_scrambles_asked_beside() -> None:
    case = case_of(lambda _, name, wire: [reply(wire, FORGED)] if name == "x.example" else [])
    assert asked(case) == {"target": 14, "control": 14, "scramble": 3, **OVER_TCP}
    names = {step.variant: step.observation.name for step in case.steps}
    assert names["control"] in {"home.example", "abroad.example"}
    assert len(names["scramble"] or "") == len("x.example")
    answered = {step.variant for step in case.steps if step.observation.answers}
    assert answered == {"target"}


def test_answers_to_every_name_show_an_interception_soon() -> None:
    counts = asked(case_of(lambda _, __, wire: [reply(wire, rcode="NXDOMAIN")]))
    assert counts["control"] < 14
    assert counts["scramble"] == 0


def test_order_within_pairs_is_drawn_and_so_is_the_address() -> None:
    case = case_of(lambda _, name, wire: [reply(wire, FORGED)] if name == "x.example" else [])
    case.tools = case.tools.__class__(
        **{
            **{name: getattr(case.tools, name) for name in case.tools.__slots__},
            "limits": case.tools.limits.__class__(dns_timeout_s=0.3, dns_late_window_s=0.1, concurrent_pairs=1),
        }
    )
    asked(case)
    of_pairs = [str(step.variant) for step in case.steps if step.variant in {"target", "control"}]
    later = of_pairs[2 * non_resolver.FIRST :]
    firsts = later[::2]
    assert set(firsts) == {"target", "control"}
    assert all({one, two} == {"target", "control"} for one, two in list(pairwise(later))[::2])
    assert len({step.observation.address for step in case.steps}) > 3


def test_helpers_addresses_serve_where_the_schedule_names_none() -> None:
    case = case_of(lambda *_: [])
    assert case.has(Need.SILENT_ADDRESS)
    assert {str(a) for a in case.schedule.silent_addresses()} == {f"192.0.2.{i}" for i in range(16)}


def test_what_takes_connections_to_port_53_is_kept_apart_from_the_pairs() -> None:
    """Both names are asked at two addresses; a box that answers there answers in full, over TCP alone."""
    heard: list[str] = []

    async def resolver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        heard.append(dns.message.from_wire(wire).question[0].name.to_text(omit_final_dot=True))
        answer = reply(wire, FORGED)
        writer.write(len(answer).to_bytes(2) + answer)
        await writer.drain()

    class Intercepted(AnsweringNet):
        """Whatever address is dialled, the box on loopback takes the connection."""

        port = 0

        async def connect(self, address: str, port: int, deadline: float, source_port: int | None = None) -> Any:
            assert port == 53
            return await SystemNet.connect(self, HOME, self.port, deadline)

    case = case_of(lambda *_: [])
    net = Intercepted(lambda *_: [])
    case.tools = replace(case.tools, net=net)
    case.technique = non_resolver.NON_RESOLVER.name

    async def run() -> None:
        async with serving(resolver) as net.port:
            await non_resolver.NON_RESOLVER.run(case)

    asyncio.run(run())
    over_tcp = [step for step in case.steps if step.observation.transport is DnsTransport.TCP]
    assert Counter(step.variant for step in over_tcp) == OVER_TCP
    assert all(step.observation.answers[0].addresses == (FORGED,) for step in over_tcp)
    assert len({step.observation.address for step in over_tcp}) == 2
    assert heard.count("x.example") == 2
    assert {name for name in heard if name != "x.example"} <= {"home.example", "abroad.example"}
    over_udp = Counter(step.variant for step in case.steps if step.observation.transport is DnsTransport.UDP)
    assert over_udp == {"target": 4, "control": 4}, "silence over UDP ends the look, whatever TCP says"
