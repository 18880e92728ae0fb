"""Each middlebox does what it says, seen from inside the hosts."""

from __future__ import annotations

import contextlib
import ssl
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import pytest

from lab.conditions import Lie, LieKind
from probe.techniques.dns_checks import pattern_of
from tests.lab.conftest import exchange

if TYPE_CHECKING:
    from tests.lab.conftest import Hosts

pytestmark = pytest.mark.lab

SOCIAL, SOCIAL_V6 = "104.24.1.1", "2606:4700:1::1"
PAPER = "45.60.3.1"
HELPER = "95.216.10.200"
PUBLIC_RESOLVER = "149.112.112.112"


def test_an_sni_is_reset_with_its_subdomains_in_both_families_and_wherever_it_is_sent(hosts: Hosts) -> None:
    hosts.censor("reset", "sni: [social.example]", router="gateway")
    for address, name in ((SOCIAL, "social.example"), (SOCIAL_V6, "www.social.example"), (HELPER, "social.example")):
        with pytest.raises(ConnectionResetError), hosts.secured("vantage-a", address, name):
            pass
    with hosts.secured("vantage-a", SOCIAL, "chess.example") as spared:
        assert b"Chess" in exchange(spared, "chess.example")  # type: ignore[arg-type]  # an SSLSocket is a socket


def test_a_box_acts_only_on_its_networks(hosts: Hosts) -> None:
    hosts.censor("reset", "sni: [social.example]", router="gateway", networks=("inside-b",))
    with hosts.secured("vantage-a", SOCIAL, "social.example") as spared:
        assert spared.version() == "TLSv1.3"
    with pytest.raises(ConnectionResetError), hosts.secured("vantage-b", SOCIAL, "social.example"):
        pass


@pytest.mark.parametrize(("towards", "port"), [("client", 7000), ("server", 7001)])
def test_a_reset_of_one_end_leaves_the_other_to_itself(hosts: Hosts, towards: str, port: int) -> None:
    written = f"{{keyword: [stop-here], towards: {towards}}}"
    hosts.censor("reset", written, router="gateway", networks=("inside-a",), is_on_path=True)
    with hosts.socket("social-1") as listening, hosts.socket("vantage-a") as client:
        listening.bind((SOCIAL, port))
        listening.listen()
        client.connect((SOCIAL, port))
        server, _ = listening.accept()
        with server:
            server.settimeout(2.0)
            client.sendall(b"stop-here")
            assert server.recv(100) == b"stop-here", "a box beside the path keeps nothing back"
            with pytest.raises(ConnectionResetError):
                (client if towards == "client" else server).recv(100)


def test_nobody_on_another_path_is_touched(hosts: Hosts) -> None:
    hosts.censor("reset", "sni: [social.example]", router="gateway")
    with hosts.secured("sentinel", SOCIAL, "social.example") as spared:
        assert spared.version() == "TLSv1.3"


def test_after_a_silenced_hello_nothing_comes_back(hosts: Hosts) -> None:
    hosts.censor("silence", "sni: [social.example]", router="gateway")
    with hosts.connected("vantage-a", SOCIAL, 443) as connection:
        context = ssl.create_default_context()
        connection.settimeout(1.0)
        started = time.monotonic()
        with pytest.raises(TimeoutError), context.wrap_socket(connection, server_hostname="social.example"):
            pass
        assert time.monotonic() - started >= 0.9, "neither a reset nor an end came before the time was up"


def test_a_share_of_flows_is_about_that_share(hosts: Hosts) -> None:
    hosts.censor("reset", "addresses: [92.47.0.10/32]", router="gateway", share=0.5)
    alive = 0
    for _ in range(40):
        with contextlib.suppress(ConnectionRefusedError), hosts.connected("vantage-a", "92.47.0.10", 80):
            alive += 1
    assert 8 <= alive <= 32  # binomial(40, 1/2): beyond this once in 10,000 seeds


def test_a_host_is_reset_and_others_at_its_address_live(hosts: Hosts) -> None:
    hosts.censor("reset", "host: [paper.example]", router="gateway")
    for address in (PAPER, HELPER):
        with pytest.raises(ConnectionResetError):
            hosts.fetch("vantage-a", address, "www.paper.example")
    assert b"301" in hosts.fetch("vantage-a", PAPER, "crosswords.example")[:20]
    assert b"200" in hosts.fetch("vantage-a", HELPER, "pepar.example")[:20]


def test_a_keyword_in_the_path_is_reset_and_its_host_lives(hosts: Hosts) -> None:
    hosts.censor("reset", "path: [sq4re000001]", router="gateway")
    with pytest.raises(ConnectionResetError):
        hosts.fetch("vantage-a", PAPER, "paper.example", "/watch?v=sq4re000001")
    assert b"Paper" in hosts.fetch("vantage-a", PAPER, "paper.example", "/watch?v=kitten00001")


def test_a_block_page_comes_in_the_servers_name(hosts: Hosts) -> None:
    hosts.censor("block-page", "{host: [paper.example], title: Forbidden here}", router="core-a")
    page = hosts.fetch("vantage-a", PAPER, "paper.example")
    assert page.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"<title>Forbidden here</title>" in page
    assert b"weekly" not in page


def test_a_forged_answer_wins_the_race_and_the_true_one_still_comes(hosts: Hosts) -> None:
    hosts.censor("dns-injection", "{names: [news.example], addresses: [31.13.94.7]}", router="gateway")
    query = dns.message.make_query("www.news.example", "A")
    answers = [dns.message.from_wire(raw) for raw in hosts.ask("vantage-a", PUBLIC_RESOLVER, query.to_wire())]
    assert all(query.is_response(answer) for answer in answers)
    found = [{str(record) for record in answer.answer[0]} for answer in answers]
    assert found == [{"31.13.94.7"}, {"45.60.1.1", "45.60.2.1"}]
    other = dns.message.make_query("social.example", "A")
    assert len(hosts.ask("vantage-a", PUBLIC_RESOLVER, other.to_wire())) == 1


def test_an_answer_is_forged_even_where_no_resolver_runs(hosts: Hosts) -> None:
    hosts.censor("dns-injection", "{names: [news.example], addresses: [31.13.94.7]}", router="gateway")
    query = dns.message.make_query("news.example", "A").to_wire()
    assert len(hosts.ask("vantage-a", HELPER, query)) == 1


def test_every_question_on_port_53_is_answered_in_the_name_of_whoever_was_asked(hosts: Hosts) -> None:
    query = dns.message.make_query("social.example", "A")
    assert hosts.ask("vantage-a", HELPER, query.to_wire()) == []  # no resolver runs there
    hosts.censor("dns-intercept", '{resolver: [2.72.0.53, "2a00:5da0::53"]}', router="core-a")
    for asked in (HELPER, PUBLIC_RESOLVER, "2.72.0.53"):
        (answer,) = [dns.message.from_wire(raw) for raw in hosts.ask("vantage-a", asked, query.to_wire())]
        assert query.is_response(answer)
        assert {str(record) for record in answer.answer[0]} == {"104.24.1.1", "104.24.2.1"}
    assert hosts.ask("vantage-b", HELPER, query.to_wire()) == []


def test_a_resolver_whose_address_alone_is_taken_is_known_by_what_it_calls_itself(hosts: Hosts) -> None:
    query = dns.message.make_query("id.server", "TXT", "CH").to_wire()

    def said(host: str, resolver: str) -> str:
        (raw,) = hosts.ask(host, resolver, query)
        answer = dns.message.from_wire(raw)
        return pattern_of(answer.answer[0][0].strings[0]) if answer.answer else answer.rcode().name

    genuine = said("vantage-a", PUBLIC_RESOLVER)
    assert genuine == said("sentinel", PUBLIC_RESOLVER) == "a9.a.a.a"
    hosts.censor(
        "dns-intercept",
        f'{{resolver: [2.72.0.53, "2a00:5da0::53"], addresses: [{PUBLIC_RESOLVER}/32]}}',
        router="core-a",
    )
    assert said("vantage-a", PUBLIC_RESOLVER) == "REFUSED"
    assert said("sentinel", PUBLIC_RESOLVER) == genuine
    assert hosts.ask("vantage-a", HELPER, query) == [], "no other address is taken"


def test_a_blackholed_address_is_dead_for_every_name_and_its_neighbours_live(hosts: Hosts) -> None:
    hosts.censor("silence", "addresses: [104.24.1.1/32]", router="gateway")
    with pytest.raises(TimeoutError), hosts.connected("vantage-a", SOCIAL, 443):
        pass
    with hosts.secured("vantage-a", "104.24.2.1", "social.example") as spared:
        assert spared.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("addresses", "rcode", "given"),
    [((), dns.rcode.NXDOMAIN, []), ((ip_address("10.10.34.35"),), dns.rcode.NOERROR, ["10.10.34.35"])],
)
def test_a_resolver_lies_about_its_names_alone(
    hosts: Hosts, addresses: tuple[object, ...], rcode: int, given: list[str]
) -> None:
    kind = LieKind.ADDRESSES if addresses else LieKind.NXDOMAIN
    hosts.lie(Lie(resolver="resolver-a", names=("social.example",), kind=kind, addresses=addresses))  # type: ignore[arg-type]  # addresses, of the parameters
    query = dns.message.make_query("social.example", "A")
    (answer,) = [dns.message.from_wire(raw) for raw in hosts.ask("vantage-a", "2.72.0.53", query.to_wire())]
    assert answer.rcode() == rcode
    assert [str(record) for rrset in answer.answer for record in rrset] == given
    (honest,) = [dns.message.from_wire(raw) for raw in hosts.ask("vantage-b", "2.78.0.53", query.to_wire())]
    assert {str(record) for record in honest.answer[0]} == {SOCIAL, "104.24.2.1"}


def test_a_captive_portal_answers_for_everybody(hosts: Hosts) -> None:
    hosts.censor(
        "captive-portal",
        '{portal: portal-a, address: 2.72.1.2, guests: [2.72.1.0/24, "2a00:5da0:1::/64"]}',
        router="home-a",
    )
    query = dns.message.make_query("anything.example", "A")
    for resolver in ("2.72.0.53", PUBLIC_RESOLVER):
        (answer,) = [dns.message.from_wire(raw) for raw in hosts.ask("vantage-a", resolver, query.to_wire())]
        assert [str(record) for record in answer.answer[0]] == ["2.72.1.2"]
    redirect = hosts.fetch("vantage-a", PAPER, "paper.example")
    assert redirect.startswith(b"HTTP/1.1 302 ")
    assert b"\r\nLocation: http://login.guest.example/login\r\n" in redirect
    name = "social.example"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname"), hosts.secured("vantage-a", SOCIAL, name):
        pass
    with pytest.raises(ConnectionRefusedError), hosts.connected("vantage-a", PUBLIC_RESOLVER, 853):
        pass
    with pytest.raises(ConnectionRefusedError), hosts.connected("vantage-a", SOCIAL_V6, 443):
        pass
    assert b"weekly" in hosts.fetch("vantage-b", PAPER, "paper.example")
