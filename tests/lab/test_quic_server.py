"""The HTTP/3 origin, asked by aioquic's client over loopback: it answers, and it verifies."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import ssl
import struct
import subprocess
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Any, cast

import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration

from lab.dissect import RequestHead
from lab.packet import Udp, build, udp_packet
from lab.quic_initial import server_name_in
from lab.servers import quic
from lab.servers.certificates import Authority
from lab.servers.http import Answer, Client
from tests.lab.conftest import tool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aioquic.quic.events import QuicEvent

NAMES = ("news.example", "www.news.example", "football.example")
AUTHORITY = Authority(datetime.now(UTC))
LARGE = b"0123456789abcdef" * 20_000


def respond(head: RequestHead, body: bytes, client: Client) -> Answer:
    """Say what was asked, and by whom."""
    if head.path == "/large":
        return Answer(200, LARGE)
    if head.path == "/elsewhere":
        return Answer(302, location="https://football.example/", headers=(("Retry-After", "7"),))
    return Answer(200, f"{head} {len(body)} {client}".encode())


def found(address: str) -> Client:
    return Client(ip_address(address), "KZ", "home", 0.25)


class Asking(QuicConnectionProtocol):
    """A client that notes what it is answered, and what it sent first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._http = H3Connection(self._quic)
        self._answers: dict[int, tuple[dict[str, str], bytearray, asyncio.Event]] = {}

    async def ask(self, host: str, path: str, body: bytes = b"") -> tuple[dict[str, str], bytes]:
        stream = self._quic.get_next_available_stream_id()
        method = b"POST" if body else b"GET"
        head = {b":method": method, b":scheme": b"https", b":authority": host.encode(), b":path": path.encode()}
        headers: dict[str, str] = {}
        received, is_complete = bytearray(), asyncio.Event()
        self._answers[stream] = headers, received, is_complete
        self._http.send_headers(stream, list(head.items()), end_stream=not body)
        if body:
            self._http.send_data(stream, body, end_stream=True)
        self.transmit()
        await is_complete.wait()
        return headers, bytes(received)

    def quic_event_received(self, event: QuicEvent) -> None:
        for happened in self._http.handle_event(event):
            if isinstance(happened, HeadersReceived | DataReceived):
                headers, received, is_complete = self._answers[happened.stream_id]
                if isinstance(happened, HeadersReceived):
                    headers |= {name.decode(): value.decode() for name, value in happened.headers}
                else:
                    received += happened.data
                if happened.stream_ended:
                    is_complete.set()


@contextlib.asynccontextmanager
async def origin(address: str = "127.0.0.1") -> AsyncIterator[int]:
    """The origin on a free port of loopback."""
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((address, 0))
    listening.setblocking(False)
    serving = await quic.listen(listening, AUTHORITY.leaf(NAMES), respond, found)
    try:
        yield listening.getsockname()[1]
    finally:
        serving.close()
        await asyncio.sleep(0)  # the transport closes its socket in the loop


def asking(name: str) -> QuicConfiguration:
    root = ssl.DER_cert_to_PEM_cert(AUTHORITY.root).encode()
    return QuicConfiguration(server_name=name, alpn_protocols=H3_ALPN, cadata=root)


@contextlib.asynccontextmanager
async def connected(name: str, address: str = "127.0.0.1") -> AsyncIterator[Asking]:
    async with (
        asyncio.timeout(5),
        origin(address) as port,
        connect(address, port, configuration=asking(name), create_protocol=Asking) as client,
    ):
        yield cast("Asking", client)


async def answered(name: str, path: str, body: bytes = b"", address: str = "127.0.0.1") -> tuple[dict[str, str], bytes]:
    async with connected(name, address) as client:
        return await client.ask(name, path, body)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_address_is_answered_with_a_chain_that_verifies(name: str) -> None:
    headers, body = asyncio.run(answered(name, "/a?b"))
    assert headers[":status"] == "200"
    assert headers["content-length"] == str(len(body))
    assert f"{RequestHead('GET', '/a?b', name)} 0 " in body.decode()


def test_the_server_knows_who_asks_and_what_was_sent_along() -> None:
    _, body = asyncio.run(answered("news.example", "/", b"x" * 3000, "::1"))
    assert body.decode() == f"{RequestHead('POST', '/', 'news.example')} 3000 {found('::1')}"


def test_a_redirect_keeps_its_status_its_location_and_its_further_headers() -> None:
    headers, body = asyncio.run(answered("news.example", "/elsewhere"))
    assert (headers[":status"], headers["location"], headers["retry-after"], body) == (
        "302",
        "https://football.example/",
        "7",
        b"",
    )
    assert "connection" not in headers, "HTTP/3 has no such header (RFC 9114, section 4.2)"


def test_a_body_of_many_packets_arrives_whole() -> None:
    assert asyncio.run(answered("news.example", "/large"))[1] == LARGE


def test_requests_at_the_same_time_each_get_their_own_answer() -> None:
    async def both() -> list[bytes]:
        async with connected(NAMES[0]) as client:
            answers = await asyncio.gather(*(client.ask(name, f"/{name}") for name in NAMES))
            return [body for _, body in answers]

    for name, body in zip(NAMES, asyncio.run(both()), strict=True):
        assert f"/{name}" in body.decode()


def test_a_name_that_is_not_of_the_address_fails_verification(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionError):
        asyncio.run(answered("unknown.example", "/"))
    assert "hostname 'unknown.example' doesn't match" in caplog.text


class Passing(asyncio.DatagramProtocol):
    """Hands datagrams on between a client and an origin, and keeps them with their ports as they would be seen."""

    def __init__(self, origin_port: int) -> None:
        self._origin = ("127.0.0.1", origin_port)
        self._client: Any = None
        self.seen: list[Udp] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        is_answer = addr == self._origin
        if not is_answer:
            self._client = addr
        ports = (443, 50_000) if is_answer else (50_000, 443)
        self.seen.append(Udp(source_port=ports[0], destination_port=ports[1], payload=data))
        self._transport.sendto(data, self._client if is_answer else self._origin)


async def conversation(name: str, secrets: io.StringIO) -> list[Udp]:
    """Every datagram of one exchange with the origin; the keys are written to ``secrets``."""
    configuration = asking(name)
    configuration.secrets_log_file = secrets
    async with asyncio.timeout(5), origin() as port:
        passing, between = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Passing(port), local_addr=("127.0.0.1", 0)
        )
        own = passing.get_extra_info("sockname")[1]
        async with connect("127.0.0.1", own, configuration=configuration, create_protocol=Asking) as client:
            await cast("Asking", client).ask(name, "/as-seen")
        passing.close()
    return between.seen


def test_tshark_reads_the_same_name_and_an_http3_exchange(tmp_path: Path) -> None:
    secrets = io.StringIO()
    datagrams = asyncio.run(conversation("www.news.example", secrets))
    (tmp_path / "keys").write_text(secrets.getvalue())
    here, there = IPv4Address("10.0.0.1"), IPv4Address("192.0.2.1")
    with (tmp_path / "quic.pcap").open("wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101))  # LINKTYPE_RAW: IP without a frame
        for second, datagram in enumerate(datagrams):
            ends = (here, there) if datagram.destination_port == 443 else (there, here)
            raw = build(udp_packet(*ends, datagram))
            file.write(struct.pack("=IIII", second, 0, len(raw), len(raw)) + raw)

    def shown(*options: str) -> list[str]:
        command = [
            tool("tshark"),
            "-n",
            "-o",
            f"tls.keylog_file:{tmp_path / 'keys'}",
            "-r",
            str(tmp_path / "quic.pcap"),
        ]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.split()

    assert len(shown("-Y", "quic", "-T", "fields", "-e", "frame.number")) == len(datagrams)
    from_client = [datagram.payload for datagram in datagrams if datagram.destination_port == 443]
    (name,) = shown("-Y", "tls.handshake.type == 1", "-T", "fields", "-e", "tls.handshake.extensions_server_name")
    assert server_name_in(from_client) == name == "www.news.example"
    with_headers = shown("-Y", "http3.frame_type == 1", "-T", "fields", "-e", "ip.src")
    assert set(with_headers) == {str(here), str(there)}, "a request and its answer, decrypted"
