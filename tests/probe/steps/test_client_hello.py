"""The other ways to send a ClientHello: what a server makes of them, and what a reader of packets sees."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dissect import server_name
from probe.clock import SystemClock
from probe.failures import Failure
from probe.steps import client_hello, tcp, tls
from tests.probe.steps.loopback import HOME, QUICK, issue, loopback_net, server_context, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.model import Observation

NAME = "www.news.example"
IN_TWO_SEGMENTS = partial(client_hello.in_two_segments, name=NAME)
IN_TWO_RECORDS = partial(client_hello.in_two_records, name=NAME)


async def shake(port: int, first_flight: Callable[[bytes], tuple[bytes, ...]] | None, name: str = NAME) -> Observation:
    net, clock = loopback_net(), SystemClock()
    _, stream = await tcp.connect(tcp.TcpEndpoint(address=HOME, port=port), net, clock, QUICK)
    assert stream is not None
    endpoint = tls.TlsEndpoint(
        stream=stream, address=HOME, port=port, server_name=name, trust=None, first_flight=first_flight
    )
    seen, secured = await tls.handshake(endpoint, net, clock, QUICK)
    if secured is not None:
        await secured.close()
    return seen


def with_server(first_flight: Callable[[bytes], tuple[bytes, ...]] | None, name: str = NAME) -> Observation:
    async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def run() -> Observation:
        async with serving(idle, context=server_context(issue(NAME))) as port:
            return await shake(port, first_flight, name)

    return asyncio.run(run())


def heard(first_flight: Callable[[bytes], tuple[bytes, ...]] | None) -> list[bytes]:
    """Give what a server reads, read by read."""
    reads: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            reads.append(data)

    async def run() -> None:
        async with serving(listen) as port:
            await shake(port, first_flight)

    asyncio.run(run())
    return reads


@pytest.mark.parametrize("first_flight", [None, IN_TWO_SEGMENTS, IN_TWO_RECORDS])
def test_a_server_finishes_a_handshake_however_the_hello_is_cut(
    first_flight: Callable[[bytes], tuple[bytes, ...]] | None,
) -> None:
    assert with_server(first_flight).failure is None


def test_two_segments_are_the_same_bytes_with_the_name_in_neither() -> None:
    (whole,) = heard(None)
    first, second = heard(IN_TWO_SEGMENTS)
    assert server_name(first + second) == NAME == server_name(whole)
    assert NAME.encode() in whole
    assert NAME.encode() not in first
    assert NAME.encode() not in second
    assert len(first + second) == len(whole)


def test_two_records_hold_the_same_hello_and_no_record_holds_the_name() -> None:
    joined = b"".join(heard(IN_TWO_RECORDS))
    assert NAME.encode() not in joined
    assert server_name(joined) == NAME
    assert joined[0] == 22
    assert joined[5 + int.from_bytes(joined[3:5])] == 22


def test_a_hello_with_the_extension_keeps_its_name_and_is_answered_but_not_finished() -> None:
    joined = b"".join(heard(client_hello.with_grease_ech))
    assert server_name(joined) == NAME
    assert b"\xfe\x0d" in joined
    seen = with_server(client_hello.with_grease_ech)
    assert seen.is_peer_hello_received is True
    assert seen.failure is Failure.TLS_HANDSHAKE


def test_the_case_of_a_name_is_sent_as_it_is() -> None:
    names: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        names.append(await reader.read(65_536))

    async def run() -> None:
        async with serving(listen) as port:
            await shake(port, None, "wWw.NeWs.ExAmPlE")

    asyncio.run(run())
    assert b"wWw.NeWs.ExAmPlE" in names[0]


@given(st.binary(min_size=1, max_size=300))
def test_what_is_no_hello_goes_out_whole(record: bytes) -> None:
    assert b"".join(IN_TWO_SEGMENTS(record)) == record
    if record[0] != 22:
        assert client_hello.with_grease_ech(record) == (record,)
