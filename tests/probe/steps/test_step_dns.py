from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.clock import SystemClock
from probe.failures import Failure
from probe.model import DnsTransport, Observation
from probe.net import SystemNet
from probe.schedule.model import Resolver
from probe.steps import dns as dns_step
from probe.steps.dns_message import RECORDS_KEPT, TRUNCATED, Question
from probe.steps.dns_reply import read_reply
from probe.trust import Trust
from tests.probe.steps.loopback import (
    HOME,
    QUICK,
    issue,
    loopback_net,
    server_context,
    serving,
    serving_udp,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probe.steps.loopback import Handler

NAME = "x.example"
TRUE, FORGED = "93.184.216.34", "10.10.34.34"
ROOT = issue("Test Root", is_authority=True)
TRUST = Trust.load([ROOT.der])
CERTIFICATE = issue("resolver.example", ROOT, names=("resolver.example",))


def reply(
    wire: bytes, *addresses: str, rcode: str = "NOERROR", kind: str = "A", flags: int = 0, cname: str | None = None
) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(wire))
    message.flags |= flags
    message.set_rcode(dns.rcode.from_text(rcode))
    if cname:
        message.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "CNAME", cname))
    if addresses:
        message.answer.append(dns.rrset.from_text(cname or f"{NAME}.", 60, "IN", kind, *addresses))
    return message.to_wire(max_size=65535)


async def _query(
    transport: DnsTransport,
    port: int | None,
    *,
    net: SystemNet | None = None,
    address: str | None = HOME,
    name: str = NAME,
    query_type: str = "A",
    trust: Trust | None = TRUST,
) -> Observation:
    resolver = Resolver(
        name="under test", transport=transport, address=address, port=port, server_name="resolver.example"
    )
    endpoint = dns_step.DnsEndpoint(resolver=resolver, name=name, query_type=query_type, trust=trust)
    return await dns_step.query(endpoint, net or loopback_net(), SystemClock(), QUICK)


def _over_udp(answers: Callable[[bytes], list[tuple[float, bytes]]], **how: object) -> Observation:
    async def run() -> Observation:
        async with serving_udp(answers, str(how.get("address", HOME))) as port:
            return await _query(DnsTransport.UDP, port, **how)

    return asyncio.run(run())


def test_a_forged_answer_and_the_true_one_after_it_are_both_kept() -> None:
    seen = _over_udp(lambda wire: [(0.0, reply(wire, FORGED)), (0.1, reply(wire, TRUE))])
    assert seen.failure is None
    assert [answer.addresses for answer in seen.answers] == [(FORGED,), (TRUE,)]
    assert all(answer.is_valid for answer in seen.answers)
    assert seen.answers[0].delay_s < 0.1 <= seen.answers[1].delay_s
    assert seen.answers[0].raw[:2] == seen.answers[1].raw[:2]
    assert (seen.resolver, seen.transport, seen.query_type) == ("under test", DnsTransport.UDP, "A")
    assert seen.bytes_sent == 27  # 12 of header, 11 of name, 4 of type and class
    assert seen.bytes_received == sum(len(answer.raw) for answer in seen.answers)


def _wrong_id(wire: bytes) -> bytes:
    data = reply(wire, FORGED)
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(_wrong_id, id="wrong id"),
        pytest.param(lambda wire: reply(wire, FORGED)[:-3], id="cut short"),
        pytest.param(lambda wire: wire[:12] + b"\xc0\x0c\0\1\0\1", id="a name that points at itself"),
        pytest.param(lambda wire: wire, id="our own question"),
        pytest.param(lambda wire: reply(wire[:13] + b"y" + wire[14:], FORGED), id="another question"),
        pytest.param(lambda _: b"\xff" * 65_000, id="64 KiB"),
    ],
)
def test_junk_first_does_not_hide_the_true_answer(junk: Callable[[bytes], bytes]) -> None:
    seen = _over_udp(lambda wire: [(0.0, junk(wire)), (0.1, reply(wire, TRUE))])
    assert [answer.is_valid for answer in seen.answers] == [False, True]
    assert seen.answers[1].addresses == (TRUE,)
    assert seen.failure is None


def test_junk_alone_is_malformed_and_kept() -> None:
    seen = _over_udp(lambda _: [(0.0, b"not DNS")])
    assert seen.failure is Failure.DNS_MALFORMED
    assert [(answer.raw, answer.rcode, answer.is_valid) for answer in seen.answers] == [(b"not DNS", None, False)]


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        ("NXDOMAIN", Failure.DNS_NXDOMAIN),
        ("SERVFAIL", Failure.DNS_SERVFAIL),
        ("REFUSED", Failure.DNS_REFUSED),
        ("NOERROR", Failure.DNS_NO_ANSWER),
        ("NOTIMP", Failure.DNS_SERVFAIL),
    ],
)
def test_a_negative_answer_is_the_failure_also_when_an_address_follows(rcode: str, failure: Failure | None) -> None:
    seen = _over_udp(lambda wire: [(0.0, reply(wire, rcode=rcode)), (0.05, reply(wire, TRUE))])
    assert seen.failure is failure
    assert seen.answers[0].rcode == rcode
    assert seen.answers[1].addresses == (TRUE,)


def test_a_bogon_in_an_answer_is_no_failure() -> None:
    assert _over_udp(lambda wire: [(0.0, reply(wire, "127.0.0.1"))]).failure is None


def test_an_address_of_the_other_family_is_no_answer_but_is_kept() -> None:
    seen = _over_udp(lambda wire: [(0.0, reply(wire, TRUE))], query_type="AAAA")
    assert seen.failure is Failure.DNS_NO_ANSWER
    assert seen.answers[0].addresses == (TRUE,)


def test_a_truncated_answer_says_so_and_yields_to_a_whole_one() -> None:
    cut = _over_udp(lambda wire: [(0.0, reply(wire, flags=dns.flags.TC))])
    assert (cut.failure, cut.error_text) == (Failure.DNS_NO_ANSWER, TRUNCATED)
    whole = _over_udp(lambda wire: [(0.0, reply(wire, flags=dns.flags.TC)), (0.05, reply(wire, TRUE))])
    assert whole.failure is None


def test_names_behind_the_name_are_kept() -> None:
    seen = _over_udp(lambda wire: [(0.0, reply(wire, TRUE, cname="edge.example."))])
    assert seen.answers[0].cnames == ("edge.example.",)
    assert seen.answers[0].addresses == (TRUE,)


def test_of_many_records_few_are_kept() -> None:
    many = [f"192.0.2.{i}" for i in range(70)]
    seen = _over_udp(lambda wire: [(0.0, reply(wire, *many))])
    assert len(seen.answers[0].addresses) == RECORDS_KEPT
    assert seen.failure is None


def _pointing(records: int) -> Callable[[bytes], bytes]:
    """Build aliases whose names all point at one of 120 labels."""
    name = b"\x01a" * 120 + b"\0"

    def make(wire: bytes) -> bytes:
        first = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c" + struct.pack("!H", len(name)) + name
        pointer = struct.pack("!H", 0xC000 | len(wire) + 12)
        alias = pointer + b"\0\x05\0\x01\0\0\0\x3c\0\x02" + pointer
        header = wire[:2] + b"\x81\x80\0\x01" + struct.pack("!3H", records, 0, 0)
        return header + wire[12:] + first + alias * (records - 1)

    return make


def test_a_message_built_to_be_slow_is_bounded() -> None:
    question = Question.ask(NAME, "A")
    slow, too_many = _pointing(79)(question.wire), _pointing(4000)(question.wire)
    began = time.process_time()
    assert question.read(slow, 0.0).is_valid
    assert not question.read(too_many, 0.0).is_valid
    assert not question.read(slow + bytes(5000), 0.0).is_valid
    assert time.process_time() - began < 1.0


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_step, "_AGAIN_AFTER_S", (0.1, 0.25))


@pytest.mark.usefixtures("hasty")
def test_a_question_that_was_lost_is_asked_again_under_another_id() -> None:
    heard: list[bytes] = []

    def lose_the_first(wire: bytes) -> list[tuple[float, bytes]]:
        heard.append(wire)
        return [(0.0, reply(wire, TRUE))] if len(heard) == 2 else []

    seen = _over_udp(lose_the_first)
    assert len(heard) == 2
    assert heard[0][:2] != heard[1][:2]
    assert heard[0][2:] == heard[1][2:]
    assert (seen.failure, [answer.sending for answer in seen.answers]) == (None, [2])
    assert seen.bytes_sent == 2 * len(heard[0])


@pytest.mark.usefixtures("hasty")
def test_an_answer_tells_which_sending_it_answers_so_that_two_slow_ones_are_no_race() -> None:
    seen = _over_udp(lambda wire: [(0.15, reply(wire, TRUE))])
    assert [(answer.is_valid, answer.sending) for answer in seen.answers] == [(True, 1), (True, 2)]
    raced = _over_udp(lambda wire: [(0.0, reply(wire, FORGED)), (0.05, reply(wire, TRUE))])
    assert [answer.sending for answer in raced.answers] == [1, 1]


@pytest.mark.parametrize("delay_s", [0.05, 0.4])
def test_a_true_answer_that_comes_late_is_kept_with_its_delay(delay_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.probe.steps.test_step_dns.QUICK", replace(QUICK, dns_late_window_s=0.55))
    seen = _over_udp(lambda wire: [(0.0, reply(wire, FORGED)), (delay_s, reply(wire, TRUE))])
    assert [answer.addresses for answer in seen.answers] == [(FORGED,), (TRUE,)]
    assert delay_s <= seen.answers[1].delay_s < delay_s + 0.1


def test_silence_times_out() -> None:
    seen = _over_udp(lambda _: [])
    assert seen.failure is Failure.TIMEOUT
    assert seen.answers == ()
    assert QUICK.dns_timeout_s <= seen.duration_s < QUICK.dns_timeout_s + 0.2


def test_a_closed_port_is_refused() -> None:
    async def run() -> Observation:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
            reserved.bind((HOME, 0))
            port = reserved.getsockname()[1]
        return await _query(DnsTransport.UDP, port)

    assert asyncio.run(run()).failure is Failure.CONNECTION_REFUSED


def test_over_ipv6() -> None:
    seen = _over_udp(lambda wire: [(0.0, reply(wire, "2606:4700::1", kind="AAAA"))], address="::1", query_type="AAAA")
    assert seen.failure is None
    assert seen.answers[0].addresses == ("2606:4700::1",)


def test_a_resolver_at_an_inward_address_is_not_asked() -> None:
    heard: list[bytes] = []

    async def run() -> Observation:
        async with serving_udp(lambda wire: heard.append(wire) or []) as port:
            return await _query(DnsTransport.UDP, port, net=SystemNet())

    assert asyncio.run(run()).failure is Failure.ADDRESS_NOT_DIALLED
    assert heard == []


class _Configured(SystemNet):
    """A machine whose resolver is on loopback; any other inward address is refused."""

    def system_resolver_addresses(self) -> tuple[str, ...]:
        return ("127.0.0.77",)


def test_the_systems_own_resolver_is_asked_though_inward_and_its_address_is_not_told() -> None:
    async def run() -> Observation:
        async with serving_udp(lambda wire: [(0.0, reply(wire, TRUE))], "127.0.0.77", 53):
            return await _query(DnsTransport.UDP, None, address=None, net=_Configured())

    try:
        seen = asyncio.run(run())
    except PermissionError:
        pytest.skip("port 53 of loopback may not be bound here")
    assert seen.answers[0].addresses == (TRUE,)
    assert seen.address is None
    assert "127.0.0.77" not in repr(seen)


def test_a_system_without_a_resolver_is_a_temporary_failure() -> None:
    class Unconfigured(SystemNet):
        def system_resolver_addresses(self) -> tuple[str, ...]:
            return ()

    seen = asyncio.run(_query(DnsTransport.UDP, None, address=None, net=Unconfigured()))
    assert seen.failure is Failure.DNS_TEMPORARY


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (socket.EAI_NONAME, Failure.DNS_NXDOMAIN),
        (socket.EAI_AGAIN, Failure.DNS_TEMPORARY),
        (socket.EAI_FAIL, Failure.DNS_SERVFAIL),
        (socket.EAI_NODATA, Failure.DNS_NO_ANSWER),
    ],
)
def test_what_the_system_says_is_classified(
    monkeypatch: pytest.MonkeyPatch, number: int, failure: Failure | None
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    seen = asyncio.run(_query(DnsTransport.SYSTEM, None, address=None))
    assert (seen.failure, seen.answers) == (failure, ())


def test_what_the_system_finds_is_an_answer_without_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, 1, 6, "", (address, 0)) for address in (TRUE, FORGED)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    seen = asyncio.run(_query(DnsTransport.SYSTEM, None, address=None))
    (answer,) = seen.answers
    assert (answer.addresses, answer.raw, answer.is_valid) == ((TRUE, FORGED), b"", True)
    assert (seen.failure, seen.address, seen.port) == (None, None, None)


def _tcp_resolver(make: Callable[[bytes], bytes]) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        writer.write(make(await reader.readexactly(length)))
        await writer.drain()
        await asyncio.sleep(1)

    return handler


def _framed(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _over(transport: DnsTransport, handler: Handler, context: object = None, **how: object) -> Observation:
    async def run() -> Observation:
        async with serving(handler, HOME, context) as port:
            return await _query(transport, port, **how)

    return asyncio.run(run())


def test_over_tcp_messages_are_read_up_to_the_first_valid_one() -> None:
    seen = _over(DnsTransport.TCP, _tcp_resolver(lambda wire: _framed(_wrong_id(wire)) + _framed(reply(wire, TRUE))))
    assert [answer.is_valid for answer in seen.answers] == [False, True]
    assert seen.failure is None
    assert seen.bytes_sent == 29
    assert seen.source_port is not None


def test_over_tcp_an_end_before_the_answer_is_eof() -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)

    assert _over(DnsTransport.TCP, end).failure is Failure.EOF


def test_over_tcp_half_an_answer_times_out() -> None:
    seen = _over(DnsTransport.TCP, _tcp_resolver(lambda wire: _framed(reply(wire, TRUE))[:-1]))
    assert seen.failure is Failure.TIMEOUT


def test_over_tls() -> None:
    handler = _tcp_resolver(lambda wire: _framed(reply(wire, TRUE)))
    seen = _over(DnsTransport.DOT, handler, server_context(CERTIFICATE))
    assert (seen.failure, seen.answers[0].addresses) == (None, (TRUE,))
    assert seen.certificates == (CERTIFICATE.der,)
    assert seen.tls_version == "TLSv1.3"


@pytest.mark.parametrize("transport", [DnsTransport.DOT, DnsTransport.DOH])
def test_a_resolver_with_a_forged_certificate_is_asked_nothing(transport: DnsTransport) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))

    forged = issue("resolver.example", names=("resolver.example",))
    seen = _over(transport, listen, server_context(forged))
    assert seen.failure is seen.certificate_failure is Failure.TLS_UNKNOWN_AUTHORITY
    assert seen.certificates == (forged.der,)
    assert heard in ([], [b""])


def _doh_resolver(make: Callable[[bytes], bytes], heads: list[bytes] | None = None, status: str = "200 OK") -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = make(await reader.readexactly(int(lengths[0].split(b":")[1])))
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body)
        await writer.drain()

    return handler


def test_over_https_the_question_is_posted() -> None:
    heads: list[bytes] = []
    handler = _doh_resolver(lambda wire: reply(wire, TRUE), heads)
    seen = _over(DnsTransport.DOH, handler, server_context(CERTIFICATE))
    assert (seen.failure, seen.status, seen.answers[0].addresses) == (None, 200, (TRUE,))
    assert seen.answers[0].raw[:2] == b"\0\0"
    lines = heads[0].lower().split(b"\r\n")
    assert lines[0] == b"post /dns-query http/1.1"
    assert b"host: resolver.example" in lines
    assert lines.count(b"content-type: application/dns-message") == 1
    assert seen.certificates == (CERTIFICATE.der,)


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
def test_over_https_a_page_in_the_place_of_an_answer_is_malformed_and_not_kept(status: str) -> None:
    handler = _doh_resolver(lambda _: b"<html>blocked for 192.0.2.1</html>", status=status)
    seen = _over(DnsTransport.DOH, handler, server_context(CERTIFICATE))
    assert (seen.failure, seen.answers) == (Failure.DNS_MALFORMED, ())
    assert seen.status == int(status[:3])


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", "x" * 300])
@pytest.mark.parametrize("transport", [DnsTransport.UDP, DnsTransport.SYSTEM])
def test_a_name_that_dns_cannot_carry_is_a_value_and_not_an_exception(transport: DnsTransport, name: str) -> None:
    seen = asyncio.run(_query(transport, 9, name=name, address=None))
    assert seen.failure is Failure.UNKNOWN


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_reply_is_read_or_marked_as_not_valid(data: st.DataObject) -> None:
    question = Question.ask(NAME, "A")
    good = bytearray(reply(question.wire, TRUE, "192.0.2.1", cname="edge.example."))
    for _ in range(data.draw(st.integers(0, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    raw = bytes(good[: data.draw(st.integers(0, len(good)))]) + data.draw(st.binary(max_size=20))
    answer = question.read(raw, 0.1)
    assert answer.raw == raw
    assert answer.is_valid == question.is_answered_by(raw)
    failure, _ = question.failure_of([answer])
    assert failure is None or failure.value.startswith("dns_")
    assert answer.is_valid or failure is Failure.DNS_MALFORMED


_NAMES = st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=4).map(
    lambda labels: dns.name.Name([*labels, b""]).to_text()
)
_ADDRESSES = st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=5, unique=True)


@settings(max_examples=100, deadline=None)
@given(name=_NAMES, alias=_NAMES, addresses=_ADDRESSES, rcode=st.sampled_from(["NOERROR", "NXDOMAIN", "SERVFAIL"]))
def test_a_well_formed_reply_is_read_as_dnspython_reads_it(
    name: str, alias: str, addresses: list[str], rcode: str
) -> None:
    question = Question.ask(name, "A", repeats=1)
    message = dns.message.make_response(dns.message.from_wire(question.repeats[0].wire))
    message.set_rcode(dns.rcode.from_text(rcode))
    message.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", alias))
    message.answer.append(dns.rrset.from_text(alias, 60, "IN", "A", *addresses))
    message.use_edns(0)
    wire = message.to_wire()
    answer = question.read(wire, 0.0)
    parsed = dns.message.from_wire(wire)
    assert (answer.is_valid, answer.sending, answer.rcode) == (True, 2, rcode)
    assert answer.cnames == (parsed.answer[0][0].target.to_text(),)
    assert answer.addresses == tuple(rdata.address for rdata in parsed.answer[1])


_STRINGS = st.lists(st.binary(max_size=40), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(strings=_STRINGS, nsid=st.binary(max_size=40), cut=st.integers(0, 30))
def test_what_a_server_calls_itself_is_read_as_dnspython_reads_it(strings: list[bytes], nsid: bytes, cut: int) -> None:
    question = Question.ask("id.server", "TXT", query_class="CH", repeats=1)
    message = dns.message.make_response(dns.message.from_wire(question.repeats[0].wire))
    told = TXT(dns.rdataclass.CH, dns.rdatatype.TXT, strings)
    message.answer.append(dns.rrset.from_rdata("id.server.", 0, told))
    message.use_edns(0, options=[dns.edns.NSIDOption(nsid), dns.edns.GenericOption(10, b"cookie..")])
    wire = message.to_wire()
    answer = question.read(wire, 0.0)
    assert (answer.is_valid, answer.sending) == (True, 2)
    assert question.failure_of([answer]) == (None, None)
    read = read_reply(wire, RECORDS_KEPT)
    assert read is not None
    assert (read.texts, read.nsid) == ((b"".join(strings),), nsid or None)
    assert not Question.ask("id.server", "TXT").is_answered_by(wire), "of another class"
    read_reply(wire[: len(wire) - cut], RECORDS_KEPT)


def test_mutated_replies_are_read_in_time() -> None:
    """Each within 15 ms, and so is the worst that a peer can build: names that all point at a long one."""
    question = Question.ask(NAME, "A", repeats=2)
    draw = random.Random(20111216)
    good = [
        reply(question.wire, TRUE, "192.0.2.1", cname="edge.example."),
        reply(question.repeats[1].wire, *(f"192.0.2.{i}" for i in range(60))),
        _pointing(79)(question.wire),
    ]
    slowest_s = 0.0
    for number in range(1500):
        raw = bytearray(good[number % len(good)])
        for _ in range(draw.randrange(4)):
            raw[draw.randrange(len(raw))] = draw.randrange(256)
        began = time.process_time()
        question.failure_of([question.read(bytes(raw), 0.0)])
        slowest_s = max(slowest_s, time.process_time() - began)
    assert slowest_s < 0.015


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_marked_as_not_valid(raw: bytes) -> None:
    assert Question.ask(NAME, "A").failure_of([Question.ask(NAME, "A").read(raw, 0.0)])[0] is not None


def test_the_step_ends_at_its_limit_and_not_later_whatever_the_transport() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\x01")
            await asyncio.sleep(0.05)

    for transport in (DnsTransport.TCP, DnsTransport.DOT, DnsTransport.DOH):
        seen = _over(transport, drip)
        assert seen.failure in {Failure.TIMEOUT, Failure.TLS_HANDSHAKE}
        assert seen.duration_s < QUICK.dns_timeout_s + 0.2
