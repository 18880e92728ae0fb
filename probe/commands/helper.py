"""``nameblind helper``: run a server that answers every name alike."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from probe.errors import UserError
from probe.helper import Sockets, bind, listen, public_key_of, serve
from probe.steps.quic import is_available as is_quic_available


def helper(
    key: Annotated[Path, typer.Option(help="The helper's Ed25519 key (PEM); made where it is missing.")] = Path(
        "helper.pem"
    ),
    address: Annotated[
        list[str] | None,
        typer.Option(help="Listen here; give it once for each address. Default: all of them."),
    ] = None,
    http_port: Annotated[int, typer.Option(min=0, max=65535)] = 80,
    https_port: Annotated[int, typer.Option(min=0, max=65535)] = 443,
    quic_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="UDP port for QUIC, mostly 443; without it, none.")
    ] = None,
    dns_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="UDP port for DNS, mostly 53; without it, none.")
    ] = None,
) -> None:
    """Answer every name alike, until Ctrl-C.

    Probes send it pairs that differ in nothing but the name. Run it abroad, on as
    many addresses as you have, with nothing else on its ports. It prints the
    public key that a schedule names under `helpers`.

    It writes no log, and stores nothing of who asked.
    """
    if quic_port is not None and not is_quic_available():
        raise UserError("QUIC needs aioquic: pip install 'nameblind[quic]', or leave out --quic-port")
    identity = load_or_make_key(key)
    addresses = address or ["::", "0.0.0.0"]  # noqa: S104 - a public server, by its purpose
    with contextlib.ExitStack() as stack:
        http = [stack.enter_context(listen(a, http_port)) for a in addresses]
        https = [stack.enter_context(listen(a, https_port)) for a in addresses]
        quic = [stack.enter_context(bind(a, quic_port)) for a in addresses] if quic_port is not None else []
        dns = [stack.enter_context(bind(a, dns_port)) for a in addresses] if dns_port is not None else []
        public_key = base64.b64encode(public_key_of(identity)).decode()
        typer.echo(f"public_key: {public_key}")
        ports = sorted({s.getsockname()[1] for s in (*http, *https, *quic, *dns)})
        typer.echo(f"Answering on {', '.join(addresses)}, ports {', '.join(map(str, ports))}; Ctrl-C ends it.")
        sys.stdout.flush()

        async def work() -> None:
            task = asyncio.ensure_future(serve(Sockets(http=http, https=https, quic=quic, dns=dns), identity))
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
                    loop.add_signal_handler(number, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await task

        asyncio.run(work())


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """Read the key, or make it with mode 0600; refuse anything else in its place."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise UserError(
                f"the key {path} cannot be made ({error.strerror}); choose another place with --key"
            ) from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        return made
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{path} is not an Ed25519 private key in PEM; name another file with --key, or a new one")
    return key
