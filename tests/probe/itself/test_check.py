"""The self-check's row: what a helper says under its key, and that no address gets into it."""

from __future__ import annotations

import asyncio
import contextlib
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.clock import SystemClock
from probe.helper import Sockets, client_in, listen, public_key_of, serve
from probe.helper.identity import client_header
from probe.helper.page import answer
from probe.itself import check
from probe.limits import Limits
from probe.measure import Tools
from probe.net import SystemNet
from probe.schedule.model import Helper, Schedule, VantageSpec
from probe.store.models import SelfCheck
from probe.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in (1, 2))
NONCE = "0123456789abcdef" * 2
TABLE = "127.0.0.0/8,AS64500,KZ\n192.0.2.0/24,AS64501,KG\n"


class Net(SystemNet):
    def __init__(self, resolvers: tuple[str, ...] = ("127.0.0.53",)) -> None:
        super().__init__(may_dial=lambda _: True)
        self._resolvers = resolvers

    def system_resolver_addresses(self) -> tuple[str, ...]:
        return self._resolvers


def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, key: Ed25519PrivateKey, net: Net) -> SelfCheck:
    """Check against a helper on loopback, whose address the table has in a network."""
    monkeypatch.setattr(check, "is_public_address", lambda address: str(address) in {"127.0.0.1", "192.0.2.53"})
    (tmp_path / "table.csv").write_text(TABLE)

    async def work() -> SelfCheck:
        http = listen("127.0.0.1", 0)
        serving = asyncio.create_task(serve(Sockets(http=[http]), KEY))
        helper = Helper(
            name="h",
            networks=(ip_network("127.0.0.1/32"),),
            public_key=public_key_of(key),
            http_port=http.getsockname()[1],
        )
        schedule = Schedule(
            name="test",
            sha256="",
            vantage=VantageSpec(country="KZ"),
            resolvers=(),
            targets=(),
            helpers=(helper,),
            as_table=tmp_path / "table.csv",
        )
        tools = Tools(net=net, clock=SystemClock(), limits=Limits(), trust=Trust.load(), resolvers=())
        try:
            return await check.check("c1", schedule, tools, [])
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    return asyncio.run(work())


def test_the_network_is_that_of_the_address_that_the_helper_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = checked(tmp_path, monkeypatch, key=KEY, net=Net(("192.0.2.53",)))
    assert (row.network, row.network_country, row.network_source) == ("AS64500", "KZ", "helper")
    assert (row.resolver_kind, row.resolver_network) == ("public", "AS64501")
    values = {column.key: getattr(row, column.key) for column in SelfCheck.__table__.columns}
    assert "127.0.0" not in repr(values)
    assert "192.0.2" not in repr(values)


def test_an_address_that_another_key_signed_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = checked(tmp_path, monkeypatch, key=OTHER, net=Net())
    assert (row.network, row.network_source, row.resolver_kind) == (None, None, "loopback")


def test_a_table_that_is_gone_costs_the_network_and_not_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(check.networks, "look_up", gone)
    row = checked(tmp_path, monkeypatch, key=KEY, net=Net())
    assert (row.network, row.resolver_kind) == (None, "loopback")


def test_who_does_not_ask_is_not_told_its_address() -> None:
    head = f"GET / HTTP/1.1\nNameblind-Nonce: {NONCE}\n".encode()
    assert b"192.0.2.7" not in b"".join(answer(head, KEY, "192.0.2.7"))
    assert b"192.0.2.7" in b"".join(answer(head + b"Nameblind-Client: ?\n", KEY, "192.0.2.7"))
    assert b"192.0.2.7" not in b"".join(answer(b"GET / HTTP/1.1\nNameblind-Client: ?\n", KEY, "192.0.2.7"))


@pytest.mark.parametrize("spoilt", ["", "192.0.2.7", "192.0.2.7 AAAA", "nonsense {signature}", "192.0.2.8 {signature}"])
def test_an_address_without_its_own_signature_is_none(spoilt: str) -> None:
    true = client_header(NONCE.encode(), "192.0.2.7", KEY).decode()
    assert client_in(200, {"nameblind-client": true}, NONCE, public_key_of(KEY)) == "192.0.2.7"
    assert client_in(200, {"nameblind-client": true}, NONCE[::-1], public_key_of(KEY)) is None
    header = spoilt.format(signature=true.partition(" ")[2])
    assert client_in(200, {"nameblind-client": header}, NONCE, public_key_of(KEY)) is None
