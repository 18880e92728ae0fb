"""Web origins without a lab: what a site answers, who the server takes a client for, TLS and transfers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from lab.dissect import RequestHead
from lab.servers.certificates import Authority, Chains
from lab.servers.clients import client_finder
from lab.servers.http import Answer, Client, listen
from lab.servers.web import Web
from lab.site_file import sites
from lab.topology import Network
from probe.schedule.yaml_reader import parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lab.site import Site

SITES = parse(
    b"""
- names: [news.example, www.news.example]
  addresses: [45.60.1.1]
  by_country: {KZ: [92.47.0.10]}
  title: News
  http3: true
  pages:
    /large: {title: A large page, bytes: 500000}
    /moved: {title: Moved, status: 302, location: "https://paper.example/"}
    /nothing: {title: Nothing, status: 204}
- {names: [chess.example], addresses: [45.60.1.1], title: Chess}
- {names: [paper.example], addresses: [45.60.3.1], title: Paper, https: false}
- {names: [maps.example], addresses: [45.60.4.1], title: Maps, http3: true, http_redirected: false}
""",
    "sites.yaml",
    sites,
)
NEWS, CHESS, _, MAPS = SITES
WEB = Web(SITES)
CLIENT = Client(ip_address("2.72.1.10"), "KZ", "inside-a", 0.5)


def get(site: Site, path: str, *, is_secure: bool = True) -> Answer:
    head = RequestHead(method="GET", path=path, host=site.names[0])
    return WEB.respond_with(SITES, is_secure=is_secure)(head, b"", CLIENT)


def test_a_page_is_as_large_as_its_file_says_and_another_as_small_as_it_is() -> None:
    large = get(NEWS, "/large")
    assert len(large.body) == 500_000
    assert large.body.endswith(b"</body></html>\n")
    assert b"<title>A large page</title>" in large.body
    assert len(get(NEWS, "/").body) < 500


def test_a_page_can_lead_elsewhere_or_be_empty() -> None:
    assert (get(NEWS, "/moved").status, get(NEWS, "/moved").location) == (302, "https://paper.example/")
    assert (get(NEWS, "/nothing").status, get(NEWS, "/nothing").body) == (204, b"")


def test_a_site_that_catches_all_answers_for_names_that_no_site_there_has() -> None:
    notice = replace(CHESS, names=("blocked.example",), title="Access denied", is_catch_all=True)
    respond = WEB.respond_with([notice, NEWS], is_secure=True)
    asked = {name: respond(RequestHead("GET", "/", name), b"", CLIENT) for name in ("paper.example", "news.example")}
    assert b"<title>Access denied</title>" in asked["paper.example"].body
    assert b"<title>News</title>" in asked["news.example"].body
    assert WEB.respond_with([NEWS], is_secure=True)(RequestHead("GET", "/", "paper.example"), b"", CLIENT).status == 404


def test_http3_is_announced_where_it_is_served_and_over_tls_alone() -> None:
    for site in (NEWS, MAPS):
        assert b'\r\nAlt-Svc: h3=":443"' in get(site, "/").encode()
        assert b"Alt-Svc" not in get(site, "/", is_secure=False).encode()
    assert b"Alt-Svc" not in get(CHESS, "/").encode()


def test_a_site_lives_at_its_addresses_of_every_country() -> None:
    assert WEB.sites_at(ip_address("92.47.0.10")) == [NEWS]
    assert WEB.sites_at(ip_address("45.60.1.1")) == [NEWS, CHESS]
    assert WEB.sites_at(ip_address("45.60.9.9")) == []


def test_a_client_is_taken_for_one_of_the_network_that_holds_its_address_most_closely() -> None:
    networks = {
        "country": Network(asn="AS64496", country="KZ", prefixes=(ip_network("2.72.0.0/16"), ip_network("2a00::/32"))),
        "guest": Network(asn="AS64497", country="DE", prefixes=(ip_network("2.72.5.0/24"),)),
    }
    find = client_finder(networks, random.Random(1))
    found = {source: find(source) for source in ("2.72.1.10", "2.72.5.10", "2a00::1", "8.8.8.8")}
    assert {source: (client.country, client.network) for source, client in found.items()} == {
        "2.72.1.10": ("KZ", "country"),
        "2.72.5.10": ("DE", "guest"),
        "2a00::1": ("KZ", "country"),
        "8.8.8.8": (None, None),
    }
    assert len({client.draw for client in found.values()}) == 4


@contextlib.asynccontextmanager
async def served(respond_sites: tuple[Site, ...], tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """The sites on a free port of loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    respond = WEB.respond_with(respond_sites, is_secure=tls is not None)
    server = await listen(listening, tls, respond, client_finder({}, random.Random(1)))
    async with server:
        yield listening.getsockname()[1]


async def fetched(port: int, request: bytes, tls: ssl.SSLContext | None = None, name: str | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    writer.write(request)
    received = await reader.read(-1)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return received


def request_for(host: str, path: str = "/") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_address_shows_the_certificate_of_the_name_that_is_asked_for_and_else_the_first(
    version: ssl.TLSVersion,
) -> None:
    authority = Authority(datetime.now(UTC))
    front = Chains(authority).front([site.names for site in (NEWS, CHESS)])
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    asking.minimum_version = asking.maximum_version = version

    async def names_shown(server_name: str | None) -> list[str]:
        async with served(SITES, front) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=asking, server_hostname=server_name)
            leaf = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.write(request_for("chess.example"))
            assert b"<title>Chess</title>" in await reader.read(-1)
            writer.close()
        extension = x509.load_der_x509_certificate(leaf).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return extension.value.get_values_for_type(x509.DNSName)

    assert asyncio.run(names_shown("chess.example")) == ["chess.example"]
    assert asyncio.run(names_shown("www.news.example")) == ["news.example", "www.news.example"]
    for stranger in ("unknown.example", ""):
        assert asyncio.run(names_shown(stranger)) == ["news.example", "www.news.example"]


def test_a_chain_is_issued_once_and_verifies_against_the_root() -> None:
    authority = Authority(datetime.now(UTC))
    chains = Chains(authority)
    assert chains.pem(NEWS.names) == chains.pem(NEWS.names)
    assert chains.context(NEWS.names) is chains.context(NEWS.names)
    asking = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(authority.root))

    async def visit() -> bytes:
        async with served(SITES, chains.front([NEWS.names])) as port:
            return await fetched(port, request_for("news.example", "/large"), asking, "www.news.example")

    received = asyncio.run(visit())
    assert len(received.partition(b"\r\n\r\n")[2]) == 500_000


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (request_for("paper.example"), 200),
        (request_for("PAPER.example:80"), 200),
        (request_for("news.example"), 301),
        (request_for("elsewhere.example"), 404),
        (b"\r\n\r\n", 400),
        (b"\xff\xfe / HTTP\r\n\r\n", 400),
    ],
)
def test_plain_http_answers_whatever_comes(request_bytes: bytes, status: int) -> None:
    async def visit() -> bytes:
        async with served(SITES, None) as port:
            return await fetched(port, request_bytes)

    assert asyncio.run(visit()).startswith(f"HTTP/1.1 {status} ".encode())
