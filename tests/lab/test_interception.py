"""A home behind its gateway and a proxy at the border, in a running lab, looked at with other people's tools."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from lab.running import running
from lab.topology_file import TOPOLOGY
from probe.schedule.yaml_reader import parse
from tests.lab.conftest import NOW, Hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab

SERVER, SERVER_V6 = "45.60.1.1", "2a02:e980:1::1"

WORLD = b"""
summary: A home behind its gateway, a proxy at the border, a server abroad.
networks:
  home: {asn: AS64496, country: KZ, prefixes: [2.72.0.0/16, "2a00:5da0::/32"]}
  national: {asn: AS64498, country: KZ, prefixes: [92.46.0.0/16, "2a00:5da2::/32"]}
  hosting: {asn: AS64502, country: NL, prefixes: [45.60.0.0/16, "2a02:e980::/32"]}
routers:
  home-a: {network: home, addresses: [2.72.1.1, 192.168.1.1, "2a00:5da0:1::1"], inside: [192.168.1.0/24]}
  gateway: {network: national, addresses: [92.46.0.1, "2a00:5da2::1"]}
  edge: {network: hosting, addresses: [45.60.0.1, "2a02:e980::1"]}
links:
  - {between: [home-a, gateway], delay_ms: 2}
  - {between: [gateway, edge], delay_ms: 2}
hosts:
  laptop:
    {role: vantage, network: home, router: home-a, addresses: [192.168.1.10, "2a00:5da0:1::10"], resolver: resolver}
  phone: {role: vantage, network: home, router: home-a, addresses: [192.168.1.11], resolver: resolver}
  resolver: {role: resolver, network: national, router: gateway, addresses: [92.46.0.53]}
  proxy-1: {role: proxy, network: national, router: gateway, addresses: [92.46.0.80, "2a00:5da2::80"]}
  web-1: {role: web, network: hosting, router: edge, addresses: [45.60.1.1, "2a02:e980:1::1"]}
sites:
  - {names: [social.example], addresses: [45.60.1.1, "2a02:e980:1::1"], title: Social}
  - {names: [news.example], addresses: [45.60.1.1, "2a02:e980:1::1"], title: News}
  - {names: [paper.example], addresses: [45.60.1.1], title: Paper, https: false}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hosts, Path]]:
    path = tmp_path_factory.mktemp("captures") / "link.pcap"
    with running(parse(WORLD, "world.yaml", TOPOLOGY), seed=1, at=NOW, captures={"home-a--gateway": path}) as lab:
        yield Hosts(lab), path


@pytest.fixture
def hosts(world: tuple[Hosts, Path]) -> Iterator[Hosts]:
    found, _ = world
    found.lab.apply(found.calm)
    yield found
    found.lab.apply(found.calm)


def output(hosts: Hosts, host: str, *command: str, given: bytes = b"") -> str:
    """What a program prints inside a host."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with hosts.lab.spawn(host, command, **pipes) as running_program:
        return str(running_program.communicate(given, timeout=20)[0].decode())


def issuer_and_subject(hosts: Hosts, address: str, name: str) -> tuple[str, str]:
    """Of the leaf that openssl is shown for a name."""
    target = f"[{address}]:443" if ":" in address else f"{address}:443"
    shown = output(hosts, "laptop", "openssl", "s_client", "-connect", target, "-servername", name)
    lines = {line.split("=", 1)[0]: line for line in shown.splitlines() if line.startswith(("issuer=", "subject="))}
    return lines["issuer"], lines["subject"]


# ---------------------------------------------------------------- behind the gateway


def test_traceroute_from_behind_the_gateway_names_every_hop(hosts: Hosts) -> None:
    for way in (["-U"], ["-I"], ["-T", "-p", "80"]):
        lines = output(hosts, "laptop", "traceroute", "-n", "-q", "1", "-w", "2", *way, SERVER).splitlines()[1:]
        assert [line.split()[1] for line in lines] == ["192.168.1.1", "92.46.0.1", "45.60.0.1", SERVER]


def test_two_in_one_home_use_the_same_port_at_once_and_look_like_one_to_a_server(hosts: Hosts) -> None:
    with hosts.socket("web-1") as listening, hosts.socket("laptop") as one, hosts.socket("phone") as other:
        listening.bind((SERVER, 7000))
        listening.listen()
        peers = []
        for number, client in enumerate((one, other)):
            client.bind(("0.0.0.0", 5000))
            client.connect((SERVER, 7000))
            accepted, peer = listening.accept()
            with accepted:
                accepted.sendall(b"%d" % number)
                peers.append(peer)
        assert (one.recv(1), other.recv(1)) == (b"0", b"1")
    assert {address for address, _ in peers} == {"2.72.1.1"}
    assert len({port for _, port in peers}) == 2


@pytest.mark.parametrize("address", ["2.72.1.1", "192.168.1.10"])
def test_nobody_abroad_reaches_into_a_home(hosts: Hosts, address: str) -> None:
    with hosts.socket("laptop") as listening:
        listening.bind(("0.0.0.0", 7001))
        listening.listen()
        with hosts.socket("web-1") as dialling:
            dialling.settimeout(0.5)
            with pytest.raises(OSError, match=r"timed out|unreachable|No route"):
                dialling.connect((address, 7001))


# ---------------------------------------------------------------- the proxy at the border

INTERCEPTION = "{proxy: proxy-1, names: [social.example]}"


@pytest.mark.parametrize("address", [SERVER, SERVER_V6])
def test_openssl_is_shown_a_forged_leaf_for_the_name_and_the_genuine_one_for_others(hosts: Hosts, address: str) -> None:
    genuine_issuer, genuine_subject = issuer_and_subject(hosts, address, "social.example")
    hosts.censor("https-interception", INTERCEPTION, router="gateway", networks=("home",))
    issuer, subject = issuer_and_subject(hosts, address, "social.example")
    assert subject == genuine_subject
    assert "Steppe Trust Network" in issuer
    assert "Lab" in genuine_issuer
    assert issuer_and_subject(hosts, address, "news.example")[0] == genuine_issuer


def test_a_proxy_without_names_forges_for_all(hosts: Hosts) -> None:
    hosts.censor("https-interception", "{proxy: proxy-1}", router="gateway", networks=("home",))
    for name in ("social.example", "news.example"):
        assert "Steppe Trust Network" in issuer_and_subject(hosts, SERVER, name)[0]


def test_curl_reads_an_intercepted_page_if_it_does_not_look_and_refuses_it_if_it_does(hosts: Hosts) -> None:
    hosts.censor("https-interception", INTERCEPTION, router="gateway", networks=("home",))
    asks = ("curl", "-s", "-m", "5", "https://social.example/", "-w", "%{remote_ip} %{exitcode}")
    page = output(hosts, "laptop", *asks, "--insecure", "--ipv4")
    assert "<title>Social</title>" in page
    assert page.endswith(f"{SERVER} 0")
    assert output(hosts, "laptop", *asks, "--ipv4").endswith(f"{SERVER} 60")  # CURLE_PEER_FAILED_VERIFICATION


def test_curl_meets_the_proxy_in_the_headers_and_only_on_port_80(hosts: Hosts) -> None:
    hosts.censor("transparent-proxy", "{proxy: proxy-1, notice: Pay now}", router="gateway", networks=("home",))
    page = output(hosts, "laptop", "curl", "-s", "-i", "-m", "5", "http://paper.example/")
    assert "\r\nVia: 1.1 proxy-1\r\n" in page
    assert "<p>Pay now</p></body>" in page
    with hosts.secured("laptop", SERVER, "social.example") as untouched:
        assert untouched.version() == "TLSv1.3"


def test_a_capture_of_a_link_holds_what_went_over_it(world: tuple[Hosts, Path], hosts: Hosts) -> None:
    assert b"<title>Paper</title>" in hosts.fetch("laptop", SERVER, "paper.example")
    if shutil.which("tcpdump") is None:
        pytest.skip("tcpdump is not installed")
    read = ["tcpdump", "-n", "-vv", "-r", str(world[1]), "tcp port 80"]
    shown = subprocess.run(read, capture_output=True, check=True, text=True, timeout=20).stdout
    assert f"> {SERVER}.80: Flags [S]" in shown
    assert "192.168." not in shown
    assert "incorrect" not in shown
