"""What the hosts serve: names over every transport, chains that verify, pages, the helper."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import dns.edns
import dns.message
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab import site_file, topology_file
from lab.conditions import Lie, LieKind, PlacedRefusal
from lab.refusals.refuse_country import RefuseCountry
from lab.servers.certificates import Authority
from lab.servers.dns import NameServer, zone_of
from probe.helper import is_genuine
from probe.schedule.yaml_reader import parse
from probe.trust import Trust
from tests.lab.conftest import NOW, exchange

if TYPE_CHECKING:
    import socket

    from tests.lab.conftest import Hosts

NSID = dns.edns.GenericOption(dns.edns.NSID, b"")
QUERY = dns.message.make_query("news.example", "A")
ANSWER = {"45.60.1.1", "45.60.2.1"}


def addresses(raw: bytes) -> set[str]:
    message = dns.message.from_wire(raw)
    assert QUERY.is_response(message)
    return {str(record) for record in message.answer[0]}


def ask(server: NameServer, name: str, query_type: str = "A") -> tuple[str, set[str]]:
    """The status and the addresses of an answer."""
    raw = server.answer(dns.message.make_query(name, query_type).to_wire())
    assert raw is not None
    message = dns.message.from_wire(raw)
    return message.rcode().name, {str(record) for rrset in message.answer for record in rrset}


def printed(hosts: Hosts, host: str, *command: str) -> bytes:
    """What a program that is not ours prints inside a host."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    with hosts.lab.spawn(host, command, stdout=subprocess.PIPE) as running:
        return running.communicate(timeout=10)[0]


def visited(hosts: Hosts, host: str, name: str) -> bytes:
    """The status that curl sees, by the host's own resolver and against the lab's root."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as root:
        Path(root.name).write_text(ssl.DER_cert_to_PEM_cert(hosts.lab.identities.root))
        Path(root.name).chmod(0o644)
        options = ("--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code}")
        return printed(hosts, host, "curl", *options, "--cacert", root.name, f"https://{name}/")


def read_message(connection: socket.socket) -> bytes:
    received = b""
    while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
        piece = connection.recv(4096)
        assert piece, "the connection ended before the message did"
        received += piece
    return received[2:]


def test_a_name_that_does_not_exist_is_nxdomain_and_one_without_the_type_is_empty() -> None:
    server = NameServer({"news.example": ()})
    missing = server.answer(dns.message.make_query("nws.example", "A").to_wire())
    empty = server.answer(dns.message.make_query("news.example", "AAAA").to_wire())
    assert missing is not None
    assert empty is not None
    assert dns.message.from_wire(missing).rcode().name == "NXDOMAIN"
    assert dns.message.from_wire(empty).rcode().name == "NOERROR"
    assert server.answer(b"junk") is None


def own_names(server: NameServer) -> list[str]:
    """What a server says of itself by CHAOS and by the option of EDNS; the rcode where it does not."""
    said = []
    for name in ("id.server", "hostname.bind", "version.bind", "else.bind"):
        wire = server.answer(dns.message.make_query(name, "TXT", "CH").to_wire())
        assert wire is not None
        answer = dns.message.from_wire(wire)
        said.append(answer.answer[0][0].to_text().strip('"') if answer.answer else answer.rcode().name)
    wire = server.answer(dns.message.make_query("news.example", "A", options=[NSID]).to_wire())
    assert wire is not None
    answer = dns.message.from_wire(wire)
    assert {str(record) for record in answer.answer[0]} == {"45.60.1.1"}
    return said + [option.nsid.decode() for option in answer.options if isinstance(option, dns.edns.NSIDOption)]


def test_a_public_resolver_says_who_it_is_to_whoever_asks_and_an_operators_does_not() -> None:
    zone = {"news.example": (ip_address("45.60.1.1"),)}
    assert own_names(NameServer(zone)) == ["REFUSED"] * 4
    assert own_names(NameServer(zone, own_name="res1.dns.example")) == [
        *["res1.dns.example"] * 3,
        "REFUSED",
        "res1.dns.example",
    ]
    plain = NameServer(zone, own_name="res1.dns.example").answer(dns.message.make_query("news.example", "A").to_wire())
    assert plain is not None
    assert b"res1" not in plain, "unasked it says nothing of itself"


def test_each_kind_of_lie_says_what_it_is_called_for_its_names_and_their_subdomains_alone() -> None:
    zone = {name: (ip_address("45.60.1.1"),) for name in ("news.example", "www.news.example", "weather.example")}
    server = NameServer(zone)
    said = {}
    for kind in LieKind:
        given = (ip_address("10.10.34.35"),) if kind is LieKind.ADDRESSES else ()
        server.lies = [Lie(resolver="resolver-a", names=("news.example",), kind=kind, addresses=given)]
        answers = [ask(server, name) for name in ("news.example", "www.news.example", "weather.example")]
        assert answers[0] == answers[1]
        assert answers[2] == ("NOERROR", {"45.60.1.1"})
        said[kind] = answers[0]
    assert said == {
        LieKind.ADDRESSES: ("NOERROR", {"10.10.34.35"}),
        LieKind.NXDOMAIN: ("NXDOMAIN", set()),
        LieKind.SERVFAIL: ("SERVFAIL", set()),
        LieKind.REFUSED: ("REFUSED", set()),
        LieKind.EMPTY: ("NOERROR", set()),
    }


def test_a_resolver_answers_what_is_meant_for_its_own_country_and_under_whoami_itself() -> None:
    topology = topology_file.load("standard")
    sites = parse(
        b"""
- names: [cdn.example]
  addresses: [104.24.1.1]
  title: CDN
  by_country: {KZ: [92.47.0.10, "2a00:5da3::10"]}
- {names: [whoami.example], addresses: [104.24.1.1], title: Who, whoami: true}
""",
        "sites.yaml",
        site_file.sites,
    )
    world = replace(topology, sites=sites)
    inside, abroad = (
        NameServer(zone_of(world, topology.hosts[resolver])) for resolver in ("resolver-a", "public-resolver")
    )
    assert ask(inside, "cdn.example") == ("NOERROR", {"92.47.0.10"})
    assert ask(inside, "cdn.example", "AAAA") == ("NOERROR", {"2a00:5da3::10"})
    assert ask(abroad, "cdn.example") == ("NOERROR", {"104.24.1.1"})
    assert ask(inside, "whoami.example") == ("NOERROR", {"2.72.0.53"})
    assert ask(abroad, "whoami.example", "AAAA") == ("NOERROR", {"2620:fe::fe"})


def test_the_probe_verifies_the_labs_chains_with_its_root_and_refuses_them_without() -> None:
    moment = datetime(2011, 12, 16, tzinfo=UTC)
    authority = Authority(moment)
    pem = authority.leaf(["news.example", "www.news.example"])
    chain = [
        c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(pem[pem.index(b"-----BEGIN CERT") :])
    ]
    trust = Trust.load([authority.root])
    assert trust.verify(chain, "www.news.example", moment) is None
    assert trust.verify(chain, "www.news.example", NOW) is None
    assert trust.verify(chain, "social.example", moment) is not None
    assert Trust.load().verify(chain, "news.example", moment) is not None
    assert sum(map(len, chain)) > 1500, "a chain does not fit into one packet, as on the web"


def test_a_leaf_has_timestamps_that_strict_readers_can_parse() -> None:
    moment = datetime(2011, 12, 16, tzinfo=UTC)
    leaf = x509.load_pem_x509_certificate(Authority(moment).leaf(["news.example"]))
    stamps = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    assert [stamp.timestamp.replace(tzinfo=UTC) <= moment for stamp in stamps] == [True] * 3


@pytest.mark.lab
def test_the_public_resolver_answers_over_every_transport(hosts: Hosts) -> None:
    address, name = "149.112.112.112", "dns.public.example"
    query = QUERY.to_wire()
    framed = len(query).to_bytes(2, "big") + query
    (datagram,) = hosts.ask("vantage-a", address, query)
    assert addresses(datagram) == ANSWER
    with hosts.connected("vantage-a", address, 53) as plain:
        plain.sendall(framed)
        assert addresses(read_message(plain)) == ANSWER
    with hosts.secured("vantage-a", address, name, port=853) as secure:
        secure.sendall(framed)
        assert addresses(read_message(secure)) == ANSWER
    with hosts.secured("vantage-a", address, name) as secure:
        secure.sendall(
            f"POST /dns-query HTTP/1.1\r\nHost: {name}\r\nContent-Type: application/dns-message\r\n"
            f"Content-Length: {len(query)}\r\n\r\n".encode()
            + query
        )
        received = b""
        while piece := secure.recv(4096):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert addresses(body) == ANSWER


@pytest.mark.lab
@pytest.mark.parametrize("address", ["45.60.1.1", "45.60.2.1", "2a02:e980:1::1"])
def test_a_site_answers_at_each_of_its_addresses_with_a_chain_that_verifies(hosts: Hosts, address: str) -> None:
    with hosts.secured("vantage-a", address, "news.example") as secure:
        assert b"<title>News - the independent daily</title>" in exchange(secure, "news.example")


@pytest.mark.lab
def test_one_address_serves_several_names_each_with_its_own_certificate(hosts: Hosts) -> None:
    subjects = set()
    for name in ("news.example", "football.example", "encyclopedia.example"):
        with hosts.secured("vantage-a", "45.60.1.1", name) as secure:
            subjects.add(str(secure.getpeercert()["subject"]))  # type: ignore[index]  # it was verified, so it is there
    assert len(subjects) == 3
    with pytest.raises(ssl.SSLCertVerificationError), hosts.secured("vantage-a", "45.60.1.1", "unknown.example"):
        pass


@pytest.mark.lab
def test_each_video_has_a_page_of_its_own(hosts: Hosts) -> None:
    pages = []
    for video in ("sq4re000001", "kitten00001"):
        with hosts.secured("vantage-a", "142.250.1.1", "video.example") as secure:
            pages.append(exchange(secure, "video.example", f"/watch?v={video}"))
    assert b"<title>The square, filmed from a window - Video</title>" in pages[0]
    assert b"<title>A kitten and a ball of wool - Video</title>" in pages[1]


@pytest.mark.lab
def test_a_site_refuses_the_visitors_of_a_country_until_the_conditions_change(hosts: Hosts) -> None:
    refusal = RefuseCountry(countries=("KZ",), status=451)
    hosts.lab.apply(replace(hosts.calm, refusals=(PlacedRefusal(site="news.example", refusal=refusal),)))
    assert visited(hosts, "vantage-a", "www.news.example") == b"451"
    assert visited(hosts, "sentinel", "www.news.example") == b"200"
    assert visited(hosts, "vantage-a", "encyclopedia.example") == b"200"
    hosts.lab.apply(hosts.calm)
    assert visited(hosts, "vantage-a", "www.news.example") == b"200"


@pytest.mark.lab
@pytest.mark.parametrize("kind", [LieKind.SERVFAIL, LieKind.REFUSED])
def test_dig_reads_the_status_of_a_lie(hosts: Hosts, kind: LieKind) -> None:
    hosts.lie(Lie(resolver="resolver-a", names=("news.example",), kind=kind))
    said = printed(hosts, "vantage-a", "dig", "@2.72.0.53", "news.example", "+tries=1", "+time=2")
    assert f"status: {kind.upper()}".encode() in said


@pytest.mark.lab
def test_plain_http_leads_to_https_or_serves_and_the_portal_check_is_empty(hosts: Hosts) -> None:
    redirect = hosts.fetch("vantage-a", "45.60.1.1", "news.example", "/a?b")
    assert b"\r\nLocation: https://news.example/a?b\r\n" in redirect
    assert b"<title>Recipes</title>" in hosts.fetch("vantage-a", "104.24.3.1", "recipes.example")
    assert hosts.fetch("vantage-a", "142.250.3.1", "check.example", "/generate_204").startswith(b"HTTP/1.1 204 ")


@pytest.mark.lab
@pytest.mark.parametrize("address", ["95.216.10.128", "95.216.10.255", "2a01:4f9:10::", "2a01:4f9:10::ff"])
def test_the_helper_answers_every_name_at_every_address(hosts: Hosts, address: str) -> None:
    nonce = "0123456789abcdef" * 2
    with hosts.connected("vantage-a", address, 80) as plain:
        plain.sendall(f"GET / HTTP/1.1\r\nHost: social.example\r\nNameblind-Nonce: {nonce}\r\n\r\n".encode())
        received = b""
        while piece := plain.recv(4096):
            received += piece
    head = received.partition(b"\r\n\r\n")[0].decode()
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head.splitlines()[1:])}
    assert is_genuine(200, headers, nonce, hosts.lab.identities.helper_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        hosts.connected("vantage-a", address, 443) as connection,
        context.wrap_socket(connection, server_hostname="laicos.example") as secure,
    ):
        leaf = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
        assert leaf.public_key().public_bytes_raw() == hosts.lab.identities.helper_key  # type: ignore[union-attr]  # Ed25519
