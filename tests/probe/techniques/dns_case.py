"""A case on loopback for the DNS techniques: resolvers and helpers that answer as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import dns.message
import dns.rcode
import dns.rrset
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.clock import SystemClock
from probe.helper import dns as helper_dns
from probe.helper import public_key_of
from probe.limits import Limits
from probe.measure import Tools
from probe.model import Target, TargetKind
from probe.net import SystemNet
from probe.pairs import Pairs, Places
from probe.schedule.model import Helper, PairPlan, Schedule, VantageSpec
from probe.techniques.technique import Case
from probe.trust import Trust

if TYPE_CHECKING:
    from probe.net import DatagramExchange, Listening
    from probe.schedule.model import Resolver

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SEED = b"s" * 32
NOW = datetime(2026, 11, 23, tzinfo=UTC)
Answers = Callable[[str, str, bytes], list[bytes]]
"""(address, name asked, question) -> what comes back, at once."""


def reply(wire: bytes, *addresses: str, rcode: str = "NOERROR") -> bytes:
    message = dns.message.make_response(dns.message.from_wire(wire))
    message.set_rcode(dns.rcode.from_text(rcode))
    if addresses:
        message.answer.append(dns.rrset.from_text(message.question[0].name, 60, "IN", "A", *addresses))
    return message.to_wire()


class AnsweringNet(SystemNet):
    """UDP exchanges that are answered as ``answers`` says; nothing else is reachable."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(may_dial=lambda _: True)
        self._answers = answers
        self.asked: list[tuple[str, str]] = []

    async def exchange_datagrams(
        self, address: str, port: int, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        from probe.net import Datagram, DatagramExchange

        await asyncio.sleep(0)
        name = dns.message.from_wire(payload).question[0].name.to_text(omit_final_dot=True)
        self.asked.append((address, name))
        came = tuple(Datagram(data, 0.01) for data in self._answers(address, name, payload))
        return DatagramExchange(datagrams=came, error=None, source_port=1, bytes_received=0, bytes_sent=len(payload))

    async def connect(self, address: str, port: int, deadline: float, source_port: int | None = None) -> Any:
        raise ConnectionRefusedError


def helpers_own(wire: bytes) -> bytes:
    answer = helper_dns.answer(wire, KEY)
    assert answer is not None
    return answer


def target(name: str, kind: TargetKind = TargetKind.TARGET) -> Target:
    return Target(name=name, service="s", url=f"https://{name}/", kind=kind)


def case_of(answers: Answers, *resolvers: Resolver, dns_port: int | None = 53, follow_up: int = 24) -> Case:
    """Make a case of the target x.example; its net is ``case.tools.net``."""
    helper = Helper(name="h", networks=(ip_network("192.0.2.0/28"),), public_key=public_key_of(KEY), dns_port=dns_port)
    plan = PairPlan(follow_up=follow_up)
    schedule = Schedule(
        name="s",
        sha256="",
        vantage=VantageSpec(country="ZZ"),
        resolvers=resolvers,
        targets=(
            target("x.example"),
            target("home.example", TargetKind.CONTROL_HOME),
            target("abroad.example", TargetKind.CONTROL_ABROAD),
        ),
        helpers=(helper,),
        pairs=plan,
    )
    limits = Limits(dns_timeout_s=0.3, dns_late_window_s=0.1)
    tools = Tools(
        net=AnsweringNet(answers), clock=SystemClock(), limits=limits, trust=Trust.load(), resolvers=resolvers
    )
    pairs = Pairs(
        seed=SEED,
        tools=tools,
        plan=plan,
        helpers=schedule.helpers,
        families=frozenset({4}),
        places=Places(rest_s=0.0),
    )
    return Case(target=schedule.targets[0], round="main", number=0, schedule=schedule, tools=tools, pairs=pairs)
