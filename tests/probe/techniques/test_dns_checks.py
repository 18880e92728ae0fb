"""Names that nobody has: which are asked, and of whom."""

from __future__ import annotations

import asyncio

from probe.model import DnsTransport
from probe.schedule.model import Resolver
from probe.techniques import dns_checks
from tests.probe.techniques.dns_case import case_of, reply

PLAIN = Resolver(name="plain", transport=DnsTransport.UDP, address="9.9.9.9")
DOT = Resolver(name="dot", transport=DnsTransport.DOT, address="9.9.9.9", server_name="dns.example")


def test_two_names_under_different_controls_are_asked_in_the_clear_alone() -> None:
    case = case_of(lambda _, __, wire: [reply(wire, rcode="NXDOMAIN")], PLAIN, DOT)
    case.technique = "dns-checks"
    asyncio.run(dns_checks.DNS_CHECKS.run(case))
    assert {step.observation.resolver for step in case.steps} == {"plain"}
    names = {str(step.observation.name) for step in case.steps}
    assert {name.partition(".")[2] for name in names} == {"home.example", "abroad.example"}
    assert len({name.partition(".")[0] for name in names}) == 2
    assert {len(name.partition(".")[0]) for name in names} == {12}
