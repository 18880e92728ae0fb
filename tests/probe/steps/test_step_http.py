from __future__ import annotations

import asyncio
import gzip
import resource
import socket
import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.clock import SystemClock
from probe.failures import Failure
from probe.steps import http, tcp, tls
from tests.probe.steps.loopback import HOME, QUICK, issue, loopback_net, server_context, serving

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from probe.limits import Limits
    from probe.model import Observation
    from probe.steps.http import Genuine
    from tests.probe.steps.loopback import Handler

NAME = "x.example"


def _sending(*parts: bytes, every_s: float = 0.0, heads: list[bytes] | None = None, ends: bool = True) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(every_s)
        if not ends:
            await reader.read()

    return handler


def _exchange(
    handler: Handler,
    *,
    url: str = f"http://{NAME}/path?query=1",
    host: str = HOME,
    headers: tuple[tuple[str, str], ...] = (),
    genuine: Genuine | None = None,
    limits: Limits = QUICK,
    context: ssl.SSLContext | None = None,
    is_enough: Callable[[bytes], bool] | None = None,
    body_limit_bytes: int | None = None,
) -> Observation:
    async def run() -> Observation:
        net, clock = loopback_net(), SystemClock()
        async with serving(handler, host, context) as port:
            _, stream = await tcp.connect(tcp.TcpEndpoint(address=host, port=port), net, clock, limits)
            if context is not None:
                endpoint = tls.TlsEndpoint(stream=stream, address=host, port=port, server_name=NAME, trust=None)
                _, stream = await tls.handshake(endpoint, net, clock, limits)
            assert stream is not None
            return await http.exchange(
                http.HttpEndpoint(
                    stream=stream,
                    address=host,
                    port=port,
                    url=url,
                    headers=headers,
                    genuine=genuine,
                    is_enough=is_enough,
                    body_limit_bytes=body_limit_bytes,
                ),
                net,
                clock,
                limits,
            )

    return asyncio.run(run())


PAGE = b"<html><head><title> Hello \n world </title></head></html>"


def _answer(body: bytes = PAGE, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_an_answer_is_read_whole() -> None:
    seen = _exchange(_sending(_answer(PAGE, b"Content-Type: text/html", b"Server: nginx")))
    assert (seen.failure, seen.status, seen.title) == (None, 200, "Hello world")
    assert (seen.body, seen.body_length_bytes, seen.is_body_truncated) == (PAGE, len(PAGE), False)
    assert seen.headers == (
        ("content-length", str(len(PAGE))),
        ("content-type", "text/html"),
        ("server", "nginx"),
    )
    assert (seen.name, seen.url) == (NAME, f"http://{NAME}/path?query=1")
    assert seen.is_peer_hello_received is True
    assert seen.bytes_received == len(_answer(PAGE, b"Content-Type: text/html", b"Server: nginx"))


def test_an_answer_is_read_over_tls() -> None:
    context = server_context(issue(NAME, names=(NAME,)))
    assert _exchange(_sending(_answer()), context=context).body == PAGE


def test_an_answer_is_read_over_ipv6() -> None:
    assert _exchange(_sending(_answer()), host="::1").status == 200


def test_the_request_is_one_browsers_and_says_what_the_caller_says() -> None:
    heads: list[bytes] = []
    seen = _exchange(_sending(_answer(), heads=heads), headers=(("Nameblind-Nonce", "00ff"), ("ACCEPT", "x/y")))
    lines = heads[0].split(b"\r\n")
    assert lines[0] == b"GET /path?query=1 HTTP/1.1"
    assert lines[1] == b"Host: x.example"
    assert b"Accept-Encoding: identity" in lines
    assert b"Nameblind-Nonce: 00ff" in lines
    assert [line for line in lines if line.lower().startswith(b"accept:")] == [b"ACCEPT: x/y"]
    assert not any(b"python" in line.lower() for line in lines)
    assert seen.bytes_sent == len(heads[0])


def test_proxies_and_password_files_of_the_environment_have_no_effect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {NAME} login volunteer password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    heads: list[bytes] = []
    assert _exchange(_sending(_answer(), heads=heads)).status == 200
    assert b"authorization" not in heads[0].lower()


def test_headers_outside_the_list_are_not_kept() -> None:
    seen = _exchange(_sending(_answer(PAGE, b"Set-Cookie: id=1", b"X-Client-IP: 192.0.2.1", b"Server: s" + b"s" * 900)))
    assert [name for name, _ in seen.headers] == ["content-length", "server"]
    assert len(seen.headers[1][1]) == 256


def test_a_redirect_is_not_followed_and_its_target_is_kept() -> None:
    seen = _exchange(_sending(_answer(b"", b"Location: http://x.example:port/\xd1\x8b", status=b"302 Found")))
    assert (seen.failure, seen.status, seen.location) == (None, 302, "http://x.example:port/ы")
    assert "location" not in dict(seen.headers)


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("handler", "failure", "is_answered"),
    [
        pytest.param(_reset, Failure.CONNECTION_RESET, False, id="reset"),
        pytest.param(_sending(), Failure.EOF, False, id="fin"),
        pytest.param(_sending(ends=False), Failure.TIMEOUT, False, id="silence"),
        pytest.param(_sending(b"HTTP/1.1 200 OK\r\nServ"), Failure.EOF, True, id="fin in the head"),
        pytest.param(_sending(b"SSH-2.0-x\r\n\r\n"), Failure.HTTP_MALFORMED, True, id="another protocol"),
        pytest.param(_sending(b"SSH-2.0-x\r\n"), Failure.HTTP_MALFORMED, True, id="another protocol, no end"),
        pytest.param(
            _sending(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Failure.HTTP_MALFORMED, True, id="length"
        ),
    ],
)
def test_what_follows_the_request_has_a_name_of_its_own(
    handler: Handler, failure: Failure | None, *, is_answered: bool
) -> None:
    seen = _exchange(handler)
    assert (seen.failure, seen.status, seen.is_peer_hello_received) == (failure, None, is_answered)


def test_an_end_in_the_body_keeps_what_came() -> None:
    seen = _exchange(_sending(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + PAGE))
    assert (seen.failure, seen.status, seen.body, seen.title) == (Failure.EOF, 200, PAGE, "Hello world")


def test_a_body_that_drips_ends_at_the_deadline() -> None:
    seen = _exchange(_sending(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 99, every_s=0.05))
    assert (seen.failure, seen.status) == (Failure.TIMEOUT, 200)
    assert 0 < len(seen.body) < 15
    assert seen.duration_s < QUICK.http_timeout_s + 0.2


def test_a_head_that_drips_ends_at_the_deadline() -> None:
    seen = _exchange(_sending(*[b"HTTP/1.1 200 OK\r\n"[i : i + 1] for i in range(17)], every_s=0.05))
    assert seen.failure is Failure.TIMEOUT
    assert seen.duration_s < QUICK.http_timeout_s + 0.2


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"X-Endless: " + b"x" * 65536, id="one endless header"),
        pytest.param(b"".join(b"X-%d: y\r\n" % i for i in range(3000)) * 3, id="many headers"),
        pytest.param(b"\r\nHTTP/1.1 100 Continue\r\n" * 4000, id="endless interim answers"),
    ],
)
def test_an_endless_head_is_cut_at_the_limit(part: bytes) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n")
        while True:
            writer.write(part)
            await writer.drain()

    seen = _exchange(flood)
    assert (seen.failure, seen.status) == (Failure.HTTP_MALFORMED, None)
    assert seen.bytes_received <= QUICK.http_head_bytes


def test_a_body_beyond_the_limit_is_cut_and_the_rest_is_not_read() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<title>a</title>")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    seen = _exchange(flood)
    assert (seen.failure, seen.status, seen.is_body_truncated, seen.title) == (None, 200, True, "a")
    assert len(seen.body) == seen.body_length_bytes == QUICK.http_body_bytes
    assert seen.bytes_received < QUICK.http_body_bytes + 2 * 65_536


def test_a_body_of_just_the_limit_is_not_cut() -> None:
    seen = _exchange(_sending(_answer(b"x" * QUICK.http_body_bytes)))
    assert (len(seen.body), seen.is_body_truncated) == (QUICK.http_body_bytes, False)


def test_a_byte_in_each_chunk_is_cut_too() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1;extension\r\nx\r\n" * 1000)
            await writer.drain()

    limits = replace(QUICK, http_body_bytes=8192, http_timeout_s=5.0)
    seen = _exchange(flood, limits=limits)
    assert (seen.failure, seen.is_body_truncated) == (None, True)
    assert seen.bytes_received <= 2 * limits.http_head_bytes + 2 * limits.http_body_bytes


@pytest.mark.parametrize(
    ("encoding", "encoded"),
    [
        (b"gzip", gzip.compress(PAGE)),
        (b"deflate", zlib.compress(PAGE)),
        (b"deflate", zlib.compress(PAGE)[2:-4]),
    ],
    ids=["gzip", "zlib", "bare deflate"],  # gzip's bytes hold the time, and a test's name must not
)
def test_an_encoded_body_is_decoded(encoding: bytes, encoded: bytes) -> None:
    seen = _exchange(_sending(_answer(encoded, b"Content-Encoding: " + encoding)))
    assert (seen.body, seen.title, seen.is_body_truncated) == (PAGE, "Hello world", False)


def test_a_body_that_does_not_decode_stays_as_it_came() -> None:
    seen = _exchange(_sending(_answer(b"not gzip", b"Content-Encoding: gzip")))
    assert (seen.failure, seen.body) == (None, b"not gzip")


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize("nested", [False, True])
def test_a_bomb_of_256_mib_is_cut_and_costs_no_memory(*, nested: bool) -> None:
    bomb = gzip.compress(_bomb(256 << 20)) if nested else _bomb(256 << 20)
    handler = _sending(_answer(bomb, b"Content-Encoding: gzip"))
    _exchange(_sending(_answer()))  # what the first exchange imports is not the bomb's cost
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = _exchange(handler)
    cost_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(seen.body) <= QUICK.http_body_bytes
    assert seen.failure is None
    assert cost_kib <= 8 * 1024


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip, gzip", b"compress"])
def test_an_encoding_that_we_never_asked_for_is_not_decoded(encoding: bytes) -> None:
    packed = gzip.compress(bytes(1 << 20))
    heads: list[bytes] = []
    seen = _exchange(_sending(_answer(packed, b"Content-Encoding: " + encoding), heads=heads))
    assert b"Accept-Encoding: identity\r\n" in heads[0]
    assert (seen.failure, seen.body) == (None, packed)


def test_of_three_thousand_headers_few_are_kept() -> None:
    limits = replace(QUICK, http_head_bytes=131_072, http_timeout_s=5.0)
    seen = _exchange(_sending(_answer(PAGE, *[b"Via: %d" % i for i in range(3000)])), limits=limits)
    assert (seen.failure, seen.status) == (None, 200)
    assert len(seen.headers) == 64


def test_a_reader_who_has_enough_ends_the_exchange_there() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    taken: list[int] = []

    def is_enough(chunk: bytes) -> bool:
        taken.append(len(chunk))
        return sum(taken) >= 20_000

    seen = _exchange(flood, is_enough=is_enough)
    assert (seen.failure, seen.status, seen.is_body_truncated) == (None, 200, True)
    assert seen.body_length_bytes == sum(taken) < 20_000 + 65_536


def test_a_limit_of_the_callers_own_stands_in_the_place_of_the_general_one() -> None:
    seen = _exchange(_sending(_answer(b"x" * 5000)), body_limit_bytes=1000)
    assert (seen.failure, len(seen.body), seen.is_body_truncated) == (None, 1000, True)


def test_a_genuine_answer_and_one_that_is_not() -> None:
    def is_signed(status: int, headers: Mapping[str, str], body: bytes) -> bool:
        return (status, headers.get("x-signature"), body) == (200, "right", PAGE)

    right = _exchange(_sending(_answer(PAGE, b"X-Signature: right")), genuine=is_signed)
    assert (right.failure, right.is_genuine) == (None, True)
    wrong = _exchange(_sending(_answer(PAGE, b"X-Signature: wrong")), genuine=is_signed)
    assert (wrong.failure, wrong.is_genuine, wrong.status) == (Failure.NOT_GENUINE, False, 200)
    nothing = _exchange(_sending(), genuine=is_signed)
    assert (nothing.failure, nothing.is_genuine) == (Failure.EOF, None)


@pytest.mark.parametrize("url", ["http://[::1/", "http://x.example/" + "a" * 70_000])
def test_a_url_that_cannot_be_asked_is_a_value_and_not_an_exception(url: str) -> None:
    seen = _exchange(_sending(_answer()), url=url)
    assert (seen.failure, seen.bytes_sent) == (Failure.UNKNOWN, 0)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_bytes_after_the_request_give_an_answer_or_a_typed_failure(data: st.DataObject) -> None:
    whole = bytearray(
        _answer(PAGE, b"Content-Type: text/html; charset=windows-1251", b"Location: /a", b"Set-Cookie: a=b")
    )
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    seen = _exchange(_sending(bytes(whole[: data.draw(st.integers(0, len(whole)))])))
    assert seen.failure in {None, Failure.EOF, Failure.HTTP_MALFORMED}
    assert (seen.failure is None) <= (seen.status is not None)
