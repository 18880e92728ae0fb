"""A helper's transfers: as many bytes as asked for, alike for every name, and never more than it can bear."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import ssl
import zlib
from typing import TYPE_CHECKING

import pytest

from probe.helper import BYTES_HEADER, MOST_BYTES, NONCE_HEADER, content, is_genuine, public_key_of, serving
from tests.probe.test_helper import KEY, NONCE, running_helper

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter


async def ask(
    port: int, host: str, wanted: str, *, is_secure: bool = False, nonce: str | None = NONCE
) -> tuple[StreamReader, StreamWriter]:
    context = None
    if is_secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=host if is_secure else None
    )
    lines = [f"GET / HTTP/1.1\r\nHost: {host}\r\n{BYTES_HEADER}: {wanted}\r\n"]
    if nonce is not None:
        lines.append(f"{NONCE_HEADER}: {nonce}\r\n")
    writer.write("".join([*lines, "\r\n"]).encode())
    return reader, writer


async def whole(port: int, host: str, wanted: str, **how: object) -> tuple[dict[str, str], bytes]:
    reader, writer = await ask(port, host, wanted, **how)  # type: ignore[arg-type]
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()
    pairs = (line.partition(":") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}, body


@pytest.mark.parametrize("is_secure", [False, True])
def test_every_name_gets_the_same_bytes_signed(is_secure: bool) -> None:
    async def scenario() -> None:
        async with running_helper() as ports:
            for name in ("x.com", "respublika-kz.com"):
                headers, body = await whole(ports[is_secure], name, "200000", is_secure=is_secure)
                assert body == content(NONCE.encode(), 200_000)
                assert headers["content-length"] == "200000"
                assert is_genuine(200, headers, NONCE, public_key_of(KEY))

    asyncio.run(scenario())


def test_bytes_are_another_run_for_each_nonce_and_cannot_be_compressed() -> None:
    one, other = content(b"0" * 32, 100_000), content(b"1" * 32, 100_000)
    assert one != other
    assert len(zlib.compress(one, 9)) >= len(one)
    assert content(b"0" * 32, 10) == one[:10]


@pytest.mark.parametrize(("wanted", "sent"), [("999999999", MOST_BYTES), ("0", 0), ("1", 1)])
def test_no_more_than_a_megabyte_is_sent(wanted: str, sent: int) -> None:
    async def scenario() -> None:
        async with running_helper() as (http, _):
            assert len((await whole(http, "x.com", wanted))[1]) == sent

    asyncio.run(scenario())


@pytest.mark.parametrize("wanted", ["-1", "1e9", "12x", "", "9" * 40])
def test_what_is_no_count_gets_the_page(wanted: str) -> None:
    async def scenario() -> None:
        async with running_helper() as (http, _):
            assert b"every name alike" in (await whole(http, "x.com", wanted))[1]

    asyncio.run(scenario())


def test_without_a_nonce_only_the_page_is_sent() -> None:
    async def scenario() -> None:
        async with running_helper() as (http, _):
            assert b"every name alike" in (await whole(http, "x.com", "1000000", nonce=None))[1]

    asyncio.run(scenario())


def test_a_flood_of_transfers_that_nobody_reads_leaves_names_answered_and_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_EXCHANGE_TIMEOUT_S", 1.5)
    monkeypatch.setattr(serving, "_TRANSFER_TIMEOUT_S", 1.0)

    async def scenario() -> None:
        async with running_helper() as (http, _):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            flood = [await ask(http, "x.com", str(MOST_BYTES)) for _ in range(120)]
            for _, writer in flood:
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(0.3)
            headers, _ = await whole(http, "x.com", "none")  # its page is served beside the flood
            assert is_genuine(200, headers, NONCE, public_key_of(KEY))
            await asyncio.sleep(3.0)
            assert len((await whole(http, "x.com", "50000"))[1]) == 50_000  # and transfers after it
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
            for _, writer in flood:
                with contextlib.suppress(OSError):
                    writer.transport.abort()

    asyncio.run(scenario())
