"""The proxy that intercepts: what it forges, changes and leaves alone, and that any destination reaches it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import ssl
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from lab import tun
from lab.middleboxes.https_interception import HttpsInterception
from lab.middleboxes.transparent_proxy import TransparentProxy
from lab.namespace import Namespace, entered
from lab.servers import proxy as proxy_module
from lab.servers.certificates import Authority, context_of
from lab.servers.forging import Forger
from lab.servers.proxy import Proxy, dial_from, serve_proxy
from lab.servers.relayed_http import relayed_head, with_notice
from lab.station import Placement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

AT = datetime(2019, 7, 17, tzinfo=UTC)
BLOCKED, OTHER = "social.example", "news.example"
AUTHORITY = Authority(AT)
FORGER = Forger(AT)
LEAVES = {name: AUTHORITY.leaf([name, f"www.{name}"]) for name in (BLOCKED, OTHER)}


def listening() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def placed(box: Any) -> Placement:
    return Placement(name="test", router="gateway", networks=frozenset(), box=box)


INTERCEPTION = placed(HttpsInterception(proxy="proxy-1", names=(BLOCKED,)))


@asynccontextmanager
async def proxied(
    *placements: Placement,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None,
    tls: ssl.SSLContext | None = None,
    port: int = 443,
) -> AsyncIterator[tuple[str, int]]:
    """Where a proxy listens whose every client means one server, which ``serve`` is; without it, nobody answers."""
    at_server = listening()
    address = at_server.getsockname()
    if serve is None:
        at_server.close()

    async def dial(end: tuple[str, int]) -> socket.socket:
        assert end == at_proxy.getsockname(), "the accepted socket's own address is the one that was meant"
        return await dial_from("/proc/self/ns/net", ())(address)

    proxy = Proxy("proxy-1", dial, FORGER)
    proxy.apply(placements)
    at_proxy = listening()
    servers = await serve_proxy(proxy, *(([at_proxy], []) if port == 80 else ([], [at_proxy])))
    if serve is not None:
        servers.append(await asyncio.start_server(serve, sock=at_server, ssl=tls))
    try:
        async with asyncio.timeout(10):
            yield at_proxy.getsockname()
    finally:
        for server in servers:
            server.close()
        await asyncio.sleep(0.05)  # so that the connections' own ends are noticed before the loop closes


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


def front() -> ssl.SSLContext:
    """A server's TLS with the certificate that the SNI asks for."""
    contexts = {name: context_of(leaf) for name, leaf in LEAVES.items()}

    def choose(connection: Any, name: str | None, _: object) -> None:
        connection.context = contexts[name or OTHER]

    context = context_of(LEAVES[OTHER])
    context.set_servername_callback(choose)
    return context


def anything_goes() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def said_back(
    address: tuple[str, int], name: str, content: bytes, tls: ssl.SSLContext | None = None
) -> tuple[x509.Certificate, bytes]:
    """The leaf that a client of ``name`` sees, and what a server that echoes returns to it."""
    reader, writer = await asyncio.open_connection(*address, ssl=tls or anything_goes(), server_hostname=name)
    seen = x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    writer.write(content)
    received = await reader.readexactly(len(content))
    writer.close()
    return seen, received


def genuine(name: str) -> x509.Certificate:
    pem = LEAVES[name]
    return x509.load_pem_x509_certificates(pem[pem.index(b"-----BEGIN CERT") :])[0]


# ---------------------------------------------------------------- port 443


def test_a_forged_leaf_copies_what_people_look_at_and_has_another_issuer_and_key() -> None:
    async def scenario() -> None:
        async with proxied(INTERCEPTION, serve=echo, tls=front()) as address:
            seen, received = await said_back(address, BLOCKED, b"read along")
        true = genuine(BLOCKED)
        assert received == b"read along"
        assert (seen.subject, seen.serial_number) == (true.subject, true.serial_number)
        assert (seen.not_valid_before_utc, seen.not_valid_after_utc) == (
            true.not_valid_before_utc,
            true.not_valid_after_utc,
        )
        names = x509.SubjectAlternativeName
        assert seen.extensions.get_extension_for_class(names) == true.extensions.get_extension_for_class(names)
        assert seen.issuer != true.issuer
        assert seen.public_key() != true.public_key()

    asyncio.run(scenario())


def test_whoever_installed_the_root_verifies_the_forged_chain_and_nobody_else_does() -> None:
    async def scenario() -> None:
        installed = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(FORGER.root))
        informed = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(AUTHORITY.root))
        async with proxied(INTERCEPTION, serve=echo, tls=front()) as address:
            with pytest.raises(ssl.SSLCertVerificationError):
                await said_back(address, BLOCKED, b"?", informed)
            _, received = await said_back(address, BLOCKED, b"still there", installed)
        assert received == b"still there"

    asyncio.run(scenario())


def test_other_names_at_the_same_address_are_left_alone() -> None:
    async def scenario() -> None:
        trusting = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(AUTHORITY.root))
        async with proxied(INTERCEPTION, serve=echo, tls=front()) as address:
            seen, received = await said_back(address, OTHER, b"private", trusting)
        assert seen == genuine(OTHER)
        assert received == b"private"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "box", [HttpsInterception(proxy="proxy-2", names=(BLOCKED,)), TransparentProxy(proxy="proxy-1")]
)
def test_a_proxy_reads_along_only_for_boxes_that_ask_it_to(box: Any) -> None:
    async def scenario() -> None:
        async with proxied(placed(box), serve=echo, tls=front()) as address:
            seen, _ = await said_back(address, BLOCKED, b"x")
        assert seen == genuine(BLOCKED)

    asyncio.run(scenario())


def test_what_is_read_along_arrives_whole_both_ways() -> None:
    async def scenario() -> None:
        content = bytes(range(256)) * 8192
        received = bytearray()
        async with proxied(INTERCEPTION, serve=echo, tls=front()) as address:
            reader, writer = await asyncio.open_connection(*address, ssl=anything_goes(), server_hostname=BLOCKED)

            async def take() -> None:
                while len(received) < len(content):
                    received.extend(await reader.read(65_536))

            taking = asyncio.create_task(take())
            writer.write(content)
            await writer.drain()
            await taking
            writer.close()
        assert received == content

    asyncio.run(scenario())


def client_hello(name: str) -> tuple[ssl.SSLObject, ssl.MemoryBIO, bytes]:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = anything_goes().wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        secure.do_handshake()
    return secure, incoming, outgoing.read()


def test_a_hello_that_comes_byte_by_byte_is_understood() -> None:
    async def scenario() -> None:
        async with proxied(INTERCEPTION, serve=echo, tls=front()) as address:
            secure, incoming, hello = client_hello(BLOCKED)
            reader, writer = await asyncio.open_connection(*address)
            for piece in (hello[:3], hello[3:7], hello[7:100], hello[100:-1], hello[-1:]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            while secure.version() is None or not secure.getpeercert(binary_form=True):
                incoming.write(await reader.read(65_536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    secure.do_handshake()
            seen = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
            writer.close()
        assert seen.issuer != genuine(BLOCKED).issuer
        assert seen.subject == genuine(BLOCKED).subject

    asyncio.run(scenario())


@pytest.mark.parametrize("content", [b"SSH-2.0-x\r\n", b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", b"\x00" * 20_000])
def test_what_is_no_client_hello_passes_as_it_is(content: bytes) -> None:
    async def scenario() -> None:
        async with proxied(INTERCEPTION, serve=echo) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(content)
            assert await reader.readexactly(len(content)) == content
            writer.write_eof()
            assert await reader.read() == b"", "the end of one direction is passed on"
            writer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("name", [BLOCKED, OTHER])
def test_a_server_that_does_not_answer_is_passed_on_as_a_close(name: str) -> None:
    async def scenario() -> None:
        async with proxied(INTERCEPTION) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(client_hello(name)[2])
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()

    asyncio.run(scenario())


def test_a_proxy_that_is_full_closes_at_once_and_serves_again_when_somebody_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proxy_module, "CONNECTIONS", 1)

    async def scenario() -> None:
        async with proxied(serve=echo) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"first")
            assert await reader.readexactly(5) == b"first"
            late_reader, late_writer = await asyncio.open_connection(*address)
            assert await late_reader.read() == b""
            late_writer.close()
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            await asyncio.sleep(0.05)
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"second")
            assert await reader.readexactly(6) == b"second"
            writer.close()

    asyncio.run(scenario())


# ---------------------------------------------------------------- port 80


async def fetched(request: bytes, answer: bytes, *placements: Placement) -> tuple[bytes, bytes]:
    """What the server gets of a request, and what the client gets of the answer."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        got.append(head + (await reader.readexactly(4) if b"ontent-" in head else b""))
        writer.write(answer)
        writer.close()

    async with proxied(*placements, serve=serve, port=80) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        received = await reader.read()
        writer.close()
    return (got or [b""])[0], received


def test_a_request_is_sent_on_with_headers_in_another_order_and_case_and_one_more() -> None:
    request = (
        b"POST /a?b HTTP/1.1\r\nx-tOKEN: Ab\r\nhost: Paper.example\r\nContent-length: 4\r\nACCEPT: */*\r\n\r\nbody"
    )
    got, received = asyncio.run(fetched(request, b"HTTP/1.1 200 OK\r\nserver: lab\r\n\r\nanswer"))
    assert got == (
        b"POST /a?b HTTP/1.1\r\nAccept: */*\r\nConnection: close\r\nContent-Length: 4\r\n"
        b"Host: Paper.example\r\nVia: 1.1 proxy-1\r\nX-Token: Ab\r\n\r\nbody"
    )
    assert received == b"HTTP/1.1 200 OK\r\nConnection: close\r\nServer: lab\r\nVia: 1.1 proxy-1\r\n\r\nanswer"


PAGE = b"<html><body><p>Reports.</p></body></html>"
HTML_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE)


def test_a_notice_is_put_into_the_pages_of_the_names_and_into_no_others() -> None:
    box = placed(TransparentProxy(proxy="proxy-1", notice="Pay <now>", names=("paper.example",)))

    def body(name: bytes, answer: bytes = HTML_ANSWER) -> bytes:
        request = b"GET / HTTP/1.1\r\nHost: " + name + b"\r\n\r\n"
        head, _, content = asyncio.run(fetched(request, answer, box))[1].partition(b"\r\n\r\n")
        assert b"\r\nContent-Length: %d\r\n" % len(content) in head
        return content

    changed = b"<html><body><p>Reports.</p><p>Pay &lt;now&gt;</p></body></html>"
    assert body(b"www.paper.example") == changed
    assert body(b"almanac.example") == PAGE
    assert body(b"paper.example", HTML_ANSWER.replace(b"text/html", b"image/gif")) == PAGE


@pytest.mark.parametrize(
    "request_head",
    [b"what?\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"],
)
def test_a_request_that_it_cannot_read_is_answered_by_the_proxy_itself(request_head: bytes) -> None:
    got, received = asyncio.run(fetched(request_head, HTML_ANSWER))
    assert got == b""
    assert received.startswith(b"HTTP/1.1 400 ")


@given(st.binary(max_size=200))
def test_no_head_is_too_strange_to_be_rewritten_or_refused(noise: bytes) -> None:
    relayed = relayed_head(b"GET / HTTP/1.1\r\n" + noise + b"\r\n\r\n", "proxy-1")
    assert relayed is None or (relayed.endswith(b"\r\n\r\n") and b"\r\nVia: 1.1 proxy-1\r\n" in relayed)


@given(st.binary(max_size=100))
def test_a_notice_takes_nothing_away_from_a_page(page: bytes) -> None:
    assert with_notice(page, "notice").replace(b"<p>notice</p>", b"", 1) == page


def test_a_proxy_never_connects_to_itself() -> None:
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(dial_from("/proc/self/ns/net", {"127.0.0.1"})(("127.0.0.1", 443)))  # type: ignore[arg-type]  # a coroutine it is


# ---------------------------------------------------------------- a host that takes any destination

CLIENT, CLIENT_V6 = ip_address("2.72.1.10"), ip_address("2a00:5da0:1::10")
PROXY, PROXY_V6 = ip_address("92.46.0.80"), ip_address("2a00:5da2::80")
SERVERS = ["45.60.1.1", "2a02:e980:1::1"]


@contextlib.contextmanager
def carried(one: int, other: int) -> Iterator[list[bytes]]:
    """A wire between two TUN devices, for as long as the context lasts; gives what came from the second."""
    ending, end = os.pipe()
    heard: list[bytes] = []

    def carry() -> None:
        with selectors.DefaultSelector() as waiting:
            for descriptor in (one, other, ending):
                waiting.register(descriptor, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    if key.fd == ending:
                        return
                    raw = os.read(key.fd, 65_535)
                    if key.fd == other:
                        heard.append(raw)
                    os.write(other if key.fd == one else one, raw)

    carrying = threading.Thread(target=carry)
    carrying.start()
    try:
        yield heard
    finally:
        os.close(end)
        carrying.join(5)
        os.close(ending)


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[str, str, list[bytes]]]:
    """A client and a host that takes any destination, joined by a wire."""
    with contextlib.ExitStack() as stack:
        paths, devices = [], []
        for interface in (
            tun.Interface(addresses=(CLIENT, CLIENT_V6)),
            tun.Interface(addresses=(PROXY, PROXY_V6), is_any=True),
        ):
            namespace = Namespace.make()
            stack.callback(namespace.close)
            devices.append(tun.attach(namespace.path, interface))
            stack.callback(os.close, devices[-1])
            paths.append(namespace.path)
        tun.bring_down(paths[1])
        tun.bring_up(paths[1], interface)  # it may be done again
        heard = stack.enter_context(carried(*devices))
        yield paths[0], paths[1], heard


def made_in(path: str, address: str) -> socket.socket:
    with entered(path):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.settimeout(3)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


@pytest.mark.lab
def test_a_host_that_takes_any_destination_answers_in_its_name_and_learns_it() -> None:
    with two_hosts() as (client_path, proxy_path, _):
        for server in SERVERS:
            with made_in(proxy_path, server) as accepting, made_in(client_path, server) as client:
                tun.speak_for_any(accepting)
                accepting.bind(("::" if ":" in server else "0.0.0.0", 443))
                accepting.listen()
                client.connect((server, 443))
                accepted, _ = accepting.accept()
                with accepted:
                    accepted.sendall(b"hello")
                    assert accepted.getsockname()[:2] == (server, 443)
                assert client.recv(5) == b"hello"


@pytest.mark.lab
def test_a_host_that_takes_any_destination_still_dials_out_under_its_own_address() -> None:
    with two_hosts() as (_, proxy_path, heard):
        for server, own in zip(SERVERS, (PROXY, PROXY_V6), strict=True):
            with made_in(proxy_path, server) as dialling:
                dialling.settimeout(0.3)
                with pytest.raises(OSError, match=r"timed out|unreachable"):
                    dialling.connect((server, 443))
            assert any(own.packed + ip_address(server).packed in raw for raw in heard)


@pytest.mark.lab
def test_an_intercepted_client_cannot_tell_that_it_talks_to_the_proxys_host() -> None:
    async def scenario(client_path: str, proxy_path: str) -> x509.Certificate:
        at_server = listening()
        to_genuine = partial(dial_from("/proc/self/ns/net", ()), at_server.getsockname())
        genuine_server = await asyncio.start_server(echo, sock=at_server, ssl=front())
        with entered(proxy_path):
            at_proxy = socket.socket()
        tun.speak_for_any(at_proxy)
        at_proxy.bind(("0.0.0.0", 443))
        at_proxy.listen()
        at_proxy.setblocking(False)

        async def dial(end: tuple[str, int]) -> socket.socket:
            assert end == (SERVERS[0], 443)
            return await to_genuine()

        proxy = Proxy("proxy-1", dial, FORGER)
        proxy.apply([INTERCEPTION])
        (server,) = await serve_proxy(proxy, [], [at_proxy])
        connected = await dial_from(client_path, ())((SERVERS[0], 443))
        assert connected.getpeername() == (SERVERS[0], 443)
        reader, writer = await asyncio.open_connection(sock=connected, ssl=anything_goes(), server_hostname=BLOCKED)
        seen = x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()
        server.close()
        genuine_server.close()
        await asyncio.sleep(0.05)
        return seen

    with two_hosts() as (client_path, proxy_path, _):
        seen = asyncio.run(asyncio.wait_for(scenario(client_path, proxy_path), 10))
    assert (seen.subject, seen.issuer == genuine(BLOCKED).issuer) == (genuine(BLOCKED).subject, False)
