"""QUIC handshakes over loopback, with aioquic's own server, with the helper's, and with servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest
from aioquic.asyncio.server import QuicServer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import encode_quic_version_negotiation
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe import helper
from probe.clock import SystemClock
from probe.failures import Failure
from probe.model import Operation
from probe.net import SystemNet
from probe.steps import quic
from probe.trust import Trust
from tests.probe.steps.loopback import DAY, HOME, NOW, QUICK, issue, loopback_net

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from probe.limits import Limits
    from probe.model import Observation
    from tests.probe.steps.loopback import Issued

NAME = "x.example"
ROOT = issue("Test Root", is_authority=True)
STRANGER = issue("Another Root", is_authority=True)
TRUST = Trust.load([ROOT.der])
GOOD = issue(NAME, ROOT, names=(NAME,))
SWIFT = replace(QUICK, quic_timeout_s=2.0)
SOON = replace(QUICK, quic_timeout_s=0.3)
"""For servers that never answer."""


async def shake(
    port: int,
    *,
    server_name: str | None = NAME,
    trust: Trust | None = TRUST,
    pinned_key: bytes | None = None,
    limits: Limits = SWIFT,
    host: str = HOME,
) -> Observation:
    endpoint = quic.QuicEndpoint(address=host, port=port, server_name=server_name, trust=trust, pinned_key=pinned_key)
    return await quic.handshake(endpoint, loopback_net(), SystemClock(), limits)


@contextlib.asynccontextmanager
async def serving(*chain: Issued, retry: bool = False, alpn: str = "h3") -> AsyncIterator[int]:
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=[alpn],
        certificate=chain[0].certificate,
        certificate_chain=[issued.certificate for issued in chain[1:]],
        private_key=chain[0].key,
    )
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: QuicServer(configuration=configuration, retry=retry), local_addr=(HOME, 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        server.close()
        await asyncio.sleep(0)


class Replying(asyncio.DatagramProtocol):
    def __init__(self, answers: Callable[[bytes], list[bytes]]) -> None:
        self.answers = answers
        self.heard: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.append(data)
        for answer in self.answers(data):
            self.transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def replying(answers: Callable[[bytes], list[bytes]]) -> AsyncIterator[tuple[int, Replying]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Replying(answers), local_addr=(HOME, 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], protocol
    finally:
        transport.close()
        await asyncio.sleep(0)


def with_chain(*chain: Issued, retry: bool = False, alpn: str = "h3", **how: Any) -> Observation:
    async def run() -> Observation:
        async with serving(*chain, retry=retry, alpn=alpn) as port:
            return await shake(port, **how)

    return asyncio.run(run())


def against(answers: Callable[[bytes], list[bytes]], **how: Any) -> Observation:
    async def run() -> Observation:
        async with replying(answers) as (port, _):
            return await shake(port, **how)

    return asyncio.run(run())


def connection_ids(datagram: bytes) -> tuple[bytes, bytes]:
    """Give destination and source of a long header (RFC 9000, section 17.2)."""
    length = datagram[5]
    destination = datagram[6 : 6 + length]
    at = 6 + length
    return destination, datagram[at + 1 : at + 1 + datagram[at]]


def test_a_good_handshake_says_what_was_agreed() -> None:
    seen = with_chain(GOOD)
    assert (seen.operation, seen.failure, seen.certificate_failure) == (Operation.QUIC, None, None)
    assert (seen.tls_version, seen.alpn, seen.name) == ("TLSv1.3", "h3", NAME)
    assert seen.certificates == (GOOD.der,)
    assert seen.is_peer_hello_received is True
    assert seen.packet_kinds[0] == "initial"
    assert seen.bytes_sent >= 1200
    assert seen.bytes_received > len(GOOD.der)
    assert seen.started_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("chain", "failure"),
    [
        pytest.param((issue(NAME, STRANGER, names=(NAME,)), STRANGER), Failure.TLS_UNKNOWN_AUTHORITY, id="forged"),
        pytest.param((issue(NAME, names=(NAME,)),), Failure.TLS_UNKNOWN_AUTHORITY, id="self-signed"),
        pytest.param(
            (issue(NAME, ROOT, names=(NAME,), not_before=NOW - 9 * DAY, not_after=NOW - DAY),),
            Failure.TLS_INVALID_CERTIFICATE,
            id="expired",
        ),
        pytest.param(
            (issue("other.example", ROOT, names=("other.example",)),), Failure.TLS_INVALID_HOSTNAME, id="wrong name"
        ),
    ],
)
def test_a_wrong_chain_is_named_and_kept_whole_and_the_handshake_stands(
    chain: tuple[Issued, ...], failure: Failure
) -> None:
    seen = with_chain(*chain)
    assert (seen.failure, seen.certificate_failure) == (None, failure)
    assert seen.certificates == tuple(issued.der for issued in chain)


def test_more_certificates_than_the_limit_are_a_failure_of_their_own() -> None:
    seen = with_chain(GOOD, STRANGER, limits=replace(SWIFT, tls_certificates=1))
    assert seen.certificate_failure is Failure.TLS_INVALID_CERTIFICATE
    assert len(seen.certificates) == 1


def test_a_helper_proves_its_key_for_every_name_at_the_address_that_was_asked() -> None:
    key = Ed25519PrivateKey.generate()

    async def run() -> list[Observation]:
        bound = helper.bind("0.0.0.0", 0)
        port = bound.getsockname()[1]
        task = asyncio.create_task(helper.serve(helper.Sockets(quic=[bound]), key))
        try:
            return [
                await shake(port, host=host, server_name=name, trust=None, pinned_key=pinned)
                # Our socket takes answers from the very address alone that it sent to.
                for host, name in ((HOME, NAME), ("127.0.0.9", "another.example"))
                for pinned in (helper.public_key_of(key), bytes(32))
            ]
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            bound.close()

    outcomes = [(seen.failure, seen.is_genuine) for seen in asyncio.run(run())]
    assert outcomes == [(None, True), (Failure.NOT_GENUINE, False)] * 2


def test_a_retry_is_noted_and_obeyed() -> None:
    seen = with_chain(GOOD, retry=True)
    assert seen.failure is None
    assert seen.packet_kinds[:2] == ("retry", "initial")


def test_a_server_that_offers_other_versions_only_is_a_failure_of_its_own() -> None:
    def answers(datagram: bytes) -> list[bytes]:
        theirs, ours = connection_ids(datagram)
        return [
            encode_quic_version_negotiation(source_cid=theirs, destination_cid=ours, supported_versions=[0x1A2A3A4A])
        ]

    seen = against(answers)
    assert (seen.failure, seen.packet_kinds) == (Failure.QUIC_VERSION, ("version-negotiation",))
    assert seen.is_peer_hello_received is True


def test_a_refusal_by_alert_is_an_answer() -> None:
    seen = with_chain(GOOD, alpn="another-protocol")
    assert (seen.failure, seen.is_peer_hello_received) == (Failure.TLS_HANDSHAKE, True)
    assert (
        seen.error_text == "closed with error 0x178"
    )  # no_application_protocol: the code alone, never the peer's words


def test_silence_ends_at_the_deadline_and_nothing_was_heard() -> None:
    seen = against(lambda _: [], limits=SOON)
    assert (seen.failure, seen.is_peer_hello_received) == (Failure.TIMEOUT, False)
    assert seen.duration_s < SOON.quic_timeout_s + 0.2
    assert seen.bytes_sent >= 2 * 1200, "the first flight is repeated"


def test_a_closed_port_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HOME, 0))
        port = free.getsockname()[1]
    seen = asyncio.run(shake(port))
    assert seen.failure is Failure.CONNECTION_REFUSED


def test_an_address_that_nobody_may_dial_gets_nothing() -> None:
    endpoint = quic.QuicEndpoint(address=HOME, port=443, server_name=NAME, trust=None)
    seen = asyncio.run(quic.handshake(endpoint, SystemNet(), SystemClock(), QUICK))
    assert (seen.failure, seen.bytes_sent) == (Failure.ADDRESS_NOT_DIALLED, 0)


def test_a_flood_of_datagrams_is_cut_at_the_limit() -> None:
    limits = replace(SWIFT, tls_handshake_bytes=16_384)
    seen = against(lambda _: [bytes(1200)] * 40, limits=limits)
    assert seen.failure is Failure.TLS_HANDSHAKE
    assert seen.bytes_received <= limits.tls_handshake_bytes + 1200


def test_another_connections_datagrams_are_nobodys_answer() -> None:
    def answers(datagram: bytes) -> list[bytes]:
        theirs, ours = connection_ids(datagram)
        stray = bytes(reversed(ours))
        return [
            encode_quic_version_negotiation(source_cid=theirs, destination_cid=stray, supported_versions=[0x1A2A3A4A])
        ]

    seen = against(answers, limits=SOON)
    assert (seen.failure, seen.packet_kinds) == (Failure.TIMEOUT, ())


def test_names_of_equal_length_send_the_same_number_of_bytes() -> None:
    async def sent(name: str) -> int:
        async with replying(lambda _: []) as (port, protocol):
            await shake(port, server_name=name, limits=replace(SOON, quic_timeout_s=0.1))
            return len(protocol.heard[0])

    async def run() -> tuple[int, int]:
        return await sent("www.youtube.com"), await sent("www.tuoybeu.com")

    one, other = asyncio.run(run())
    assert one == other >= 1200


def test_no_key_log_is_written_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert with_chain(GOOD).failure is None
    assert not (tmp_path / "keys").exists()


def test_a_name_that_no_client_hello_can_carry_is_a_value_and_not_an_exception() -> None:
    seen = against(lambda _: [], server_name="имя.example", limits=SOON)
    assert (seen.failure, seen.bytes_sent) == (Failure.UNKNOWN, 0)


class Garbled:
    """A certificate whose bytes are none."""

    def public_bytes(self, _: object) -> bytes:
        return b"\x30\x07garbage"


def test_a_certificate_that_is_none_is_a_typed_failure() -> None:
    async def run() -> Observation:
        configuration = QuicConfiguration(
            is_client=False, alpn_protocols=["h3"], certificate=Garbled(), private_key=GOOD.key
        )
        transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: QuicServer(configuration=configuration), local_addr=(HOME, 0)
        )
        try:
            return await shake(transport.get_extra_info("sockname")[1])
        finally:
            server.close()
            await asyncio.sleep(0)

    seen = asyncio.run(run())
    assert (seen.failure, seen.certificates, seen.is_peer_hello_received) == (Failure.TLS_HANDSHAKE, (), True)


def test_what_escapes_the_library_ends_the_handshake_and_not_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    def choke(*_: object, **__: object) -> None:
        raise AssertionError("a state that cannot be")

    monkeypatch.setattr("aioquic.tls.Context._client_handle_encrypted_extensions", choke)
    assert with_chain(GOOD).failure is Failure.TLS_HANDSHAKE


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(min_size=1, max_size=300), st.booleans())
def test_any_bytes_in_answer_give_a_typed_failure(data: bytes, is_for_us: bool) -> None:
    def answers(datagram: bytes) -> list[bytes]:
        theirs, ours = connection_ids(datagram)
        head = bytes([data[0] | 0xC0]) + b"\0\0\0\1" + bytes([len(ours)]) + ours + bytes([len(theirs)]) + theirs
        return [head + data[1:]] if is_for_us else [data]

    seen = against(answers, limits=replace(SOON, quic_timeout_s=0.05))
    assert seen.failure in {Failure.TIMEOUT, Failure.TLS_HANDSHAKE, Failure.CONNECTION_ABORTED}
