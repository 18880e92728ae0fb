"""The helper: every name alike, and an answer that nobody else can give."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.commands.helper import helper as helper_command
from probe.commands.helper import load_or_make_key
from probe.errors import UserError
from probe.helper import NONCE_HEADER, Sockets, bind, is_genuine, listen, public_key_of, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
NONCE = "0123456789abcdef0123456789abcdef"


@contextlib.asynccontextmanager
async def running_helper() -> AsyncIterator[tuple[int, int]]:
    http, https = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    ports = http.getsockname()[1], https.getsockname()[1]
    task = asyncio.create_task(serve(Sockets(http=[http], https=[https]), KEY))
    try:
        await asyncio.sleep(0)
        yield ports
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ask(port: int, host: str, path: str, nonce: str = NONCE) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{NONCE_HEADER}: {nonce}\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, body


async def leaf_key(port: int, server_name: str) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=server_name)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(der).public_key().public_bytes_raw()  # type: ignore[union-attr]


def test_every_host_and_path_gets_the_same_page() -> None:
    async def scenario() -> None:
        async with running_helper() as (http, _):
            answers = [await ask(http, host, path) for host in ("x.com", "q.com") for path in ("/", "/watch?v=a")]
        assert len({(status, body) for status, _, body in answers}) == 1

    asyncio.run(scenario())


def test_answer_is_genuine_for_its_own_nonce_and_key_only() -> None:
    async def scenario() -> None:
        async with running_helper() as (http, _):
            status, headers, _ = await ask(http, "x.com", "/")
        assert is_genuine(status, headers, NONCE, public_key_of(KEY))
        assert not is_genuine(status, headers, NONCE[::-1], public_key_of(KEY))
        assert not is_genuine(status, headers, NONCE, public_key_of(Ed25519PrivateKey.generate()))
        assert not is_genuine(302, headers, NONCE, public_key_of(KEY))

    asyncio.run(scenario())


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "A" * 10_000])
def test_forged_signature_is_not_genuine(signature: str) -> None:
    assert not is_genuine(200, {"nameblind-signature": signature}, NONCE, public_key_of(KEY))


def test_every_server_name_gets_the_certificate_of_the_one_key() -> None:
    async def scenario() -> None:
        async with running_helper() as (_, https):
            keys = {await leaf_key(https, name) for name in ("x.com", "respublika-kz.com", "q.com")}
        assert keys == {public_key_of(KEY)}

    asyncio.run(scenario())


def test_endless_head_is_cut_off() -> None:
    async def scenario() -> None:
        async with running_helper() as (http, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", http)
            with contextlib.suppress(ConnectionError):
                for _ in range(64):
                    writer.write(b"X: " + b"a" * 1021)
                    await writer.drain()
                assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            assert (await ask(http, "x.com", "/"))[0] == 200

    asyncio.run(scenario())


def test_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "helper.pem"
    made = load_or_make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_key_of(load_or_make_key(path)) == public_key_of(made)


def test_file_that_is_no_key_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a key")
    with pytest.raises(UserError, match="not an Ed25519 private key"):
        load_or_make_key(path)
    assert path.read_text() == "not a key"


def test_port_that_is_taken_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(UserError, match=r"cannot listen on 127\.0\.0\.1 port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_quic_without_its_library_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.commands.helper.is_quic_available", lambda: False)
    with pytest.raises(UserError, match="nameblind\\[quic\\]"):
        helper_command(key=tmp_path / "key.pem", quic_port=443)
    assert not (tmp_path / "key.pem").exists()


def test_a_udp_port_that_is_taken_is_refused_in_one_sentence() -> None:
    with bind("127.0.0.1", 0) as taken, pytest.raises(UserError, match="UDP port"):
        bind("127.0.0.1", taken.getsockname()[1])
