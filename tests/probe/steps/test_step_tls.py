from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.clock import SystemClock
from probe.failures import Failure
from probe.steps import tcp, tls
from probe.trust import Trust
from tests.probe.steps.loopback import DAY, HOME, NOW, QUICK, issue, loopback_net, server_context, serving

if TYPE_CHECKING:
    from pathlib import Path

    from probe.limits import Limits
    from probe.model import Observation
    from tests.probe.steps.loopback import Handler, Issued

NAME = "x.example"
ROOT = issue("Test Root", is_authority=True)
TRUST = Trust.load([ROOT.der])
GOOD = issue(NAME, ROOT, names=(NAME,))


async def _shake(
    port: int,
    *,
    host: str = HOME,
    server_name: str | None = NAME,
    pinned_key: bytes | None = None,
    limits: Limits = QUICK,
    trust: Trust | None = TRUST,
) -> Observation:
    net, clock = loopback_net(), SystemClock()
    connected, stream = await tcp.connect(tcp.TcpEndpoint(address=host, port=port), net, clock, limits)
    assert stream is not None, connected
    seen, secured = await tls.handshake(
        tls.TlsEndpoint(
            stream=stream,
            address=host,
            port=port,
            server_name=server_name,
            trust=trust,
            pinned_key=pinned_key,
        ),
        net,
        clock,
        limits,
    )
    assert (secured is None) == (seen.failure is not None)
    if secured is not None:
        await secured.close()
    return seen


def _against(handler: Handler, context: ssl.SSLContext | None = None, **how: object) -> Observation:
    async def run() -> Observation:
        host = str(how.get("host", HOME))
        async with serving(handler, host, context) as port:
            return await _shake(port, **how)

    return asyncio.run(run())


async def _idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def _with_chain(*chain: Issued, **how: object) -> Observation:
    return _against(_idle, server_context(*chain), **how)


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)


def _saying(data: bytes, *, then_close: bool = True) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(data)
        await writer.drain()
        if not then_close:
            await reader.read()

    return handler


ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure


@pytest.mark.parametrize(
    ("handler", "failure", "is_peer_hello_received"),
    [
        pytest.param(_reset, Failure.CONNECTION_RESET, False, id="reset"),
        pytest.param(_finish, Failure.EOF, False, id="fin"),
        pytest.param(_idle, Failure.TIMEOUT, False, id="silence"),
        pytest.param(_saying(ALERT), Failure.TLS_HANDSHAKE, True, id="alert"),
        pytest.param(_saying(b"HTTP/1.1 400 Bad\r\n\r\n"), Failure.TLS_HANDSHAKE, False, id="plain text"),
        pytest.param(_saying(b"\x16\x03\x03\x40\x00\x02"), Failure.EOF, True, id="half a record, then fin"),
        pytest.param(_saying(b"\x16\x03\x03\x40\x00\x02", then_close=False), Failure.TIMEOUT, True, id="half a record"),
    ],
)
def test_what_follows_the_client_hello_has_a_name_of_its_own(
    handler: Handler, failure: Failure | None, *, is_peer_hello_received: bool
) -> None:
    seen = _against(handler)
    assert seen.failure is failure
    assert seen.is_peer_hello_received is is_peer_hello_received
    assert seen.bytes_sent > 0


def test_seven_ways_to_end_a_connection_have_seven_names() -> None:
    def named(seen: Observation) -> tuple[str, str | None, bool | None]:
        return seen.operation.value, seen.failure, seen.is_peer_hello_received

    async def connect(port: int) -> Observation:
        seen, stream = await tcp.connect(tcp.TcpEndpoint(address=HOME, port=port), loopback_net(), SystemClock(), QUICK)
        assert stream is None
        return seen

    plain = _saying(b"HTTP/1.1 400 Bad\r\n\r\n")
    names = {named(_against(handler)) for handler in (_reset, _finish, _idle, _saying(ALERT), plain)}
    with socket.socket() as closed, socket.socket() as full, socket.socket() as filler:
        for each in (closed, full):
            each.bind((HOME, 0))
        names.add(named(asyncio.run(connect(closed.getsockname()[1]))))
        full.listen(0)
        filler.connect(full.getsockname())  # its queue is full now, and further SYNs are dropped
        names.add(named(asyncio.run(connect(full.getsockname()[1]))))
    assert len(names) == 7


def test_a_good_handshake_says_what_was_agreed() -> None:
    seen = _with_chain(GOOD)
    assert (seen.failure, seen.certificate_failure) == (None, None)
    assert seen.tls_version == "TLSv1.3"
    assert seen.tls_cipher
    assert seen.certificates == (GOOD.der,)
    assert seen.is_peer_hello_received is True
    assert seen.name == NAME
    assert seen.bytes_received > len(GOOD.der)


STRANGER = issue("Another Root", is_authority=True)
MIDDLE = issue("Middle", ROOT, is_authority=True)


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
            (issue("other.example", ROOT, names=("other.example",)),),
            Failure.TLS_INVALID_HOSTNAME,
            id="wrong name",
        ),
        pytest.param((issue(NAME, MIDDLE, names=(NAME,)), MIDDLE), None, id="with an intermediate"),
    ],
)
def test_a_wrong_chain_is_named_and_kept_whole_and_the_handshake_stands(
    chain: tuple[Issued, ...], failure: Failure | None
) -> None:
    seen = _with_chain(*chain)
    assert seen.failure is None
    assert seen.certificate_failure is failure
    assert seen.certificates == tuple(issued.der for issued in chain)


def test_a_chain_is_kept_in_tls_1_2_too() -> None:
    context = server_context(issue(NAME, MIDDLE, names=(NAME,)), MIDDLE)
    context.maximum_version = context.maximum_version.TLSv1_2
    seen = _against(_idle, context)
    assert seen.tls_version == "TLSv1.2"
    assert len(seen.certificates) == 2


WEAK_GROUP = """\
-----BEGIN X9.42 DH PARAMETERS-----
MIIBJgKBgQCu28Ob99bha9OXXDnXq09saaHd8wtWwo5g/cXet2WQdH0ajYZt9/qJ
89swpvGAGnTkQIoAlfoYCgTr92DHtL5L160QBsNS7rp2tvkbWqx9JWvD8tnzMOFE
2S38rJYR/jKNQU48HLhJ3Q8uoXPfD1A0DQ2WKNb9bayx9uCm2U1FeQKBgEBsrJDh
m1+IunxnGwU0Z/fw+arHsSaLPppwBuUkBhUjWOXRmS+ZfkGxsopk8cTBcjHUttfi
5r6x924anMcWfE9Tk+KuWCi05la7crkOWrLlEk+CioUCuZTAvPWzBkzw4Hal1rr4
Mh3BLHfgxS98Uqkk5t9k/WeHtJK6UpSrbyeIAh0A2n+hCDaWlUhisXYyvL+9xP9x
6mnjc5fePqEDnw==
-----END X9.42 DH PARAMETERS-----
"""


def test_a_weak_key_exchange_is_the_peers_to_choose_and_its_chain_is_kept(tmp_path: Path) -> None:
    leaf = issue(NAME, names=(NAME,), key=rsa.generate_private_key(65537, 1024))
    (tmp_path / "group.pem").write_text(WEAK_GROUP)
    context = server_context(leaf, ciphers="DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    context.maximum_version = context.maximum_version.TLSv1_2
    context.load_dh_params(str(tmp_path / "group.pem"))
    seen = _against(_idle, context)
    assert (seen.failure, seen.certificates) == (None, (leaf.der,))
    assert seen.certificate_failure is Failure.TLS_UNKNOWN_AUTHORITY


def test_ipv6_without_a_name_sends_no_sni_and_verifies_the_address() -> None:
    names: list[str | None] = []
    context = server_context(issue("home", ROOT, names=("::1",)))
    context.sni_callback = lambda _, name, __: names.append(name)
    seen = _against(_idle, context, host="::1", server_name=None)
    assert names == [None]
    assert (seen.failure, seen.certificate_failure, seen.name) == (None, None, None)


def test_the_pinned_key_is_genuine_and_no_other_is() -> None:
    key = Ed25519PrivateKey.generate()
    leaf = issue("helper", key=key)
    right = _with_chain(leaf, pinned_key=key.public_key().public_bytes_raw(), trust=None)
    assert (right.failure, right.is_genuine, right.certificate_failure) == (None, True, None)
    wrong = _with_chain(leaf, pinned_key=bytes(32), trust=None)
    assert (wrong.failure, wrong.is_genuine) == (Failure.NOT_GENUINE, False)
    assert wrong.certificates == (leaf.der,)


def test_names_of_equal_length_give_client_hellos_of_equal_length() -> None:
    async def hello(name: str) -> bytes:
        heard: list[bytes] = []

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read(65536))

        async with serving(listen) as port:
            await _shake(port, server_name=name)
        return heard[0]

    async def run() -> None:
        for name, scramble in [("x.com", "q.com"), ("www.youtube.com", "www.tuoybeu.com")]:
            one, other = await hello(name), await hello(scramble)
            assert name.encode() in one
            assert scramble.encode() in other
            assert len(one) == len(other)

    asyncio.run(run())


def test_no_key_log_is_written_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots"))
    assert _with_chain(GOOD).failure is None
    assert not (tmp_path / "keys").exists()


def test_an_endless_handshake_is_cut_at_the_limit() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        # ServerHello fragments that never end: a handshake message of 16 MiB, in records of 16 KiB.
        record = b"\x16\x03\x03\x40\x00"
        writer.write(record + b"\x02\xff\xff\xff" + bytes(16380))
        while True:
            writer.write(record + bytes(16384))
            await writer.drain()

    seen = _against(flood)
    assert seen.failure is Failure.TLS_HANDSHAKE
    assert seen.bytes_received <= QUICK.tls_handshake_bytes + 16_384


def test_a_handshake_beyond_our_own_limit_is_cut() -> None:
    chain = [GOOD, *(issue("Filler", is_authority=True) for _ in range(60))]
    seen = _with_chain(*chain, limits=replace(QUICK, tls_handshake_bytes=4096))
    assert (seen.failure, seen.error_text) == (Failure.TLS_HANDSHAKE, "handshake longer than 4096 bytes")
    assert seen.bytes_received <= 4096 + 16_384


def test_a_chain_of_two_hundred_certificates_is_a_failure_of_its_own() -> None:
    seen = _with_chain(GOOD, *[GOOD] * 199)
    assert Failure.TLS_HANDSHAKE is seen.failure or Failure.TLS_INVALID_CERTIFICATE is seen.certificate_failure
    assert len(seen.certificates) <= QUICK.tls_certificates
    assert seen.bytes_received <= QUICK.tls_handshake_bytes + 16_384


def test_a_name_that_no_client_hello_can_carry_is_a_value_and_not_an_exception() -> None:
    seen = _against(_idle, server_name="a" * 64 + ".example")
    assert seen.failure is Failure.UNKNOWN
    assert seen.bytes_sent == 0


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: b"\x16\x03\x03\x00\x7a\x02" + tail)))
def test_any_bytes_after_the_client_hello_give_a_typed_failure(data: bytes) -> None:
    seen = _against(_saying(data))
    assert seen.failure in {Failure.TLS_HANDSHAKE, Failure.EOF, Failure.CONNECTION_RESET}


class Played:
    """A connection on which a peer has said all that it will say."""

    source_port = None

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.bytes_sent = self.bytes_received = 0

    async def read(self, max_bytes: int, deadline: float) -> bytes:
        piece, self.said = self.said[:max_bytes], self.said[max_bytes:]
        self.bytes_received += len(piece)
        return piece

    async def write(self, data: bytes, deadline: float) -> None:
        self.bytes_sent += len(data)

    async def close(self) -> None:
        pass


def _flight() -> bytes:
    """Record what a server of TLS 1.2 says first: its certificates stand there in the clear."""
    context = server_context(issue(NAME, MIDDLE, names=(NAME,)), MIDDLE)
    context.maximum_version = context.maximum_version.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    client_in, client_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        client_context.wrap_bio(client_in, client_out, server_hostname=NAME).do_handshake()
    incoming.write(client_out.read())
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()
    return outgoing.read()


FLIGHT = _flight()


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(FLIGHT) - 1), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=6
    )
)
def test_a_mutated_server_flight_gives_a_typed_failure(changes: list[tuple[int, bytes, int]]) -> None:
    said = FLIGHT
    for at, written, cut in changes:
        said = said[:at] + written + said[at + cut :]

    async def run() -> Observation:
        endpoint = tls.TlsEndpoint(stream=Played(said), address=HOME, port=443, server_name=NAME, trust=TRUST)
        seen, secured = await tls.handshake(endpoint, loopback_net(), SystemClock(), QUICK)
        assert secured is None
        return seen

    assert asyncio.run(run()).failure in {Failure.TLS_HANDSHAKE, Failure.EOF}


def test_the_flight_that_is_mutated_shows_its_chain_as_it_is() -> None:
    endpoint = tls.TlsEndpoint(stream=Played(FLIGHT), address=HOME, port=443, server_name=NAME, trust=TRUST)
    seen, _ = asyncio.run(tls.handshake(endpoint, loopback_net(), SystemClock(), QUICK))
    assert seen.is_peer_hello_received is True
    assert len(FLIGHT) > 500
