"""Names that nobody has, and who answers in a resolver's place: what is asked, of whom, and what is kept of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import dns.edns
import dns.message
import dns.rdataclass
import dns.rrset
import pytest

from probe.model import DnsTransport
from probe.schedule.model import Resolver
from probe.techniques import dns_checks
from probe.techniques.technique import LeftOutError
from tests.probe.techniques.dns_case import case_of, reply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from probe.record import Step
    from probe.techniques.technique import Case
    from tests.probe.techniques.dns_case import Answers

PLAIN = Resolver(name="plain", transport=DnsTransport.UDP, address="9.9.9.9")
DOT = Resolver(name="dot", transport=DnsTransport.DOT, address="9.9.9.9", server_name="dns.example")
NEAR = Resolver(name="near", transport=DnsTransport.UDP, address="192.168.1.1")
OVER_TCP = Resolver(name="over-tcp", transport=DnsTransport.TCP, address="9.9.9.9")
HOME_NAME = b"aigerims-router-2011"


def answering(_: str, name: str, wire: bytes) -> list[bytes]:
    """Answer as a box in a home would, which tells the home's name wherever it is asked for one."""
    query = dns.message.from_wire(wire)
    if query.question[0].rdclass == dns.rdataclass.CH:
        message = dns.message.make_response(query)
        text = HOME_NAME.decode()
        message.answer.append(dns.rrset.from_text(query.question[0].name, 0, "CH", "TXT", f'"{text}"'))
        return [message.to_wire()]
    if any(option.otype == dns.edns.NSID for option in query.options):
        message = dns.message.from_wire(reply(wire, "192.0.2.80"))
        message.use_edns(0, options=[dns.edns.NSIDOption(HOME_NAME)])
        return [message.to_wire()]
    return [reply(wire, "5.63.1.2")] if name.startswith("whoami") else [reply(wire, rcode="NXDOMAIN")]


def look(answers: Answers, *resolvers: Resolver, whoami: Sequence[str] = (), table: Path | None = None) -> Case:
    case = case_of(answers, *resolvers)
    case.schedule = replace(case.schedule, whoami=tuple(whoami), as_table=table)
    case.technique = "dns-checks"

    with contextlib.nullcontext() if whoami and table else pytest.raises(LeftOutError):
        asyncio.run(dns_checks.DNS_CHECKS.run(case))
    return case


def of(case: Case, variant: str) -> list[Step]:
    return [step for step in case.steps if step.variant == variant]


def test_two_names_under_different_controls_are_asked_in_the_clear_alone() -> None:
    case = look(lambda _, __, wire: [reply(wire, rcode="NXDOMAIN")], PLAIN, DOT)
    assert {step.observation.resolver for step in case.steps} == {"plain"}
    names = {str(step.observation.name) for step in of(case, "unused")}
    assert {name.partition(".")[2] for name in names} == {"home.example", "abroad.example"}
    assert len({name.partition(".")[0] for name in names}) == 2
    assert {len(name.partition(".")[0]) for name in names} == {12}


def test_public_resolvers_alone_are_asked_over_udp_who_they_are() -> None:
    case = look(answering, PLAIN, DOT, NEAR, OVER_TCP)
    asked = [step.observation for step in of(case, "identity")]
    assert {seen.resolver for seen in asked} == {"plain"}
    *chaos, nsid = [seen.name for seen in asked]
    assert chaos == ["id.server", "hostname.bind", "version.bind"]
    assert nsid in {"home.example", "abroad.example"}, "the option goes with a name that exists"


def test_what_a_server_calls_itself_is_kept_as_a_pattern_and_nowhere_else() -> None:
    case = look(answering, PLAIN)
    answers = [answer for step in of(case, "identity") for answer in step.observation.answers]
    assert [answer.identity for answer in answers] == ["a-a-9"] * 4
    assert all(answer.raw == b"" for answer in answers)
    for step in case.steps:
        assert "aigerim" not in repr(step.observation).lower()
        assert HOME_NAME.hex() not in repr(step.observation)
    assert [answer.addresses for answer in answers][-1] == ("192.0.2.80",)


@pytest.mark.parametrize(
    ("said", "pattern"),
    [
        (b"res100.fra.rrdns.pch.net", "a9.a.a.a.a"),
        (b"gpdns-fra", "a-a"),
        (b"FRA", "a"),
        (b"dnsmasq-2.90", "a-9.9"),
        (b"\xff\x00;\x1b[31m", "?????9a"),
        (b"a1" * 200, ("a9" * 30)),
        (b"", ""),
    ],
)
def test_a_pattern_tells_runs_of_letters_and_digits_and_no_more(said: bytes, pattern: str) -> None:
    assert dns_checks.pattern_of(said) == pattern


def test_of_the_address_that_asked_the_network_alone_is_kept(tmp_path: Path) -> None:
    table = tmp_path / "as.csv"
    table.write_text("5.63.0.0/16,AS9198,KZ\n9.9.9.0/24,AS42,US\n", encoding="utf-8")
    case = look(answering, PLAIN, whoami=["whoami.example", "whoami2.example"], table=table)
    answers = [answer for step in of(case, "whoami") for answer in step.observation.answers]
    assert [(a.networks, a.addresses, a.cnames, a.raw) for a in answers] == [(("AS9198",), (), (), b"")] * 2
    assert "5.63.1.2" not in repr(case.steps)


def test_of_a_network_that_no_line_tells_nothing_is_said(tmp_path: Path) -> None:
    table = tmp_path / "as.csv"
    table.write_text("9.9.9.0/24,AS42,US\n", encoding="utf-8")
    (step,) = of(look(answering, PLAIN, whoami=["whoami.example"], table=table), "whoami")
    assert [answer.networks for answer in step.observation.answers] == [(None,)]


@pytest.mark.parametrize("whoami", [(), ("whoami.example",)])
def test_without_names_or_without_a_table_that_look_is_left_out_and_said(
    tmp_path: Path, whoami: tuple[str, ...]
) -> None:
    table = tmp_path / "as.csv"
    table.write_text("9.9.9.0/24,AS42,US\n", encoding="utf-8")
    case = case_of(answering, PLAIN)
    case.schedule = replace(case.schedule, whoami=whoami, as_table=None if whoami else table)
    missing = "no table of networks" if whoami else "no name that answers with the address that asked"
    with pytest.raises(LeftOutError, match=missing):
        asyncio.run(dns_checks.DNS_CHECKS.run(case))
    assert of(case, "whoami") == []
    assert of(case, "identity") != []
