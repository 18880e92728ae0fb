"""What other people's tools see inside the lab: dig, curl, openssl, tcpdump, tshark, traceroute, iperf3.

None of them knows that it is in a lab. A test is skipped where its tool is not
installed; under continuous integration that fails.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from lab.conditions import Lie, LieKind
from lab.running import running
from tests.lab.conftest import NOW, Hosts, tool
from tests.lab.hellos import quic_initials
from tests.lab.wired import FORKED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.running import Lab

pytestmark = pytest.mark.lab

SITE, LOCAL, RESOLVER = "62.115.1.1", "92.46.0.10", "92.46.0.53"
FORGED, BOGON = "31.13.94.7", "10.10.34.35"
OWN_LINK, ABROAD = "outer--town", "border--abroad"


@dataclass(frozen=True)
class Ran:
    """What a tool said."""

    status: int
    output: str


def run(lab: Lab, host: str, name: str, *arguments: str) -> Ran:
    """Run a tool inside a host to its end."""
    with lab.spawn(
        host,
        [tool(name), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as program:
        output, _ = program.communicate(timeout=30)
    return Ran(program.returncode, output)


# ---------------------------------------------------------------- the lab, with two links captured


@dataclass
class Field(Hosts):
    """A running lab of which two links are captured."""

    captures: dict[str, Path]

    @contextmanager
    def seen(self, link: str, into: Path) -> Iterator[Path]:
        """A capture of what passes a link during the block; to be read after it."""
        before = self.captures[link].stat().st_size
        yield into
        time.sleep(0.2)  # what is on its way; a round trip takes 60 ms
        whole = self.captures[link].read_bytes()
        into.write_bytes(whole[:24] + whole[before:])


@pytest.fixture(scope="module")
def _field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("captures")
    captures = {link: folder / f"{link}.pcap" for link in (OWN_LINK, ABROAD)}
    with running(FORKED, seed=1, at=NOW, captures=captures) as lab:
        yield Field(lab, captures)


@pytest.fixture
def field(_field: Field) -> Iterator[Field]:
    _field.lab.apply(_field.calm)
    yield _field
    _field.lab.apply(_field.calm)


def tshark(path: Path, wanted: str, *fields: str) -> list[list[str]]:
    """The fields of the packets that match; without privileges or configuration."""
    columns = [part for field in fields for part in ("-e", field)]
    command = [tool("tshark"), "-n", "-r", str(path), "-Y", wanted, "-T", "fields", *columns]
    ran = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    return [line.split("\t") for line in ran.stdout.splitlines()]


def tcpdump(path: Path, wanted: str) -> list[str]:
    command = [tool("tcpdump"), "-n", "-r", str(path), *wanted.split()]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=30).stdout.splitlines()


# ---------------------------------------------------------------- dig


def dig(field: Field, name: str = "site.example") -> tuple[str, list[str]]:
    """The status and the addresses that dig reports."""
    said = run(field.lab, "outer", "dig", "+noall", "+comments", "+answer", "+tries=1", "+time=2", name, "A").output
    status = re.search(r"status: (\w+)", said)
    return (status[1] if status else "none"), re.findall(r"\sIN\s+A\s+(\S+)", said)


@pytest.mark.parametrize(
    ("kind", "addresses", "status", "answer"),
    [
        (LieKind.NXDOMAIN, (), "NXDOMAIN", []),
        (LieKind.SERVFAIL, (), "SERVFAIL", []),
        (LieKind.REFUSED, (), "REFUSED", []),
        (LieKind.EMPTY, (), "NOERROR", []),
        (LieKind.ADDRESSES, (BOGON,), "NOERROR", [BOGON]),
    ],
)
def test_dig_is_told_the_resolvers_lie(
    field: Field, kind: LieKind, addresses: tuple[str, ...], status: str, answer: list[str]
) -> None:
    assert dig(field) == ("NOERROR", [SITE])
    given = tuple(ip_address(address) for address in addresses)
    field.lie(Lie(resolver="resolver", names=("site.example",), kind=kind, addresses=given))
    assert dig(field) == (status, answer)
    assert dig(field, "spared.example") == ("NOERROR", [SITE])


@pytest.mark.parametrize(("addresses", "told"), [(f"[{FORGED}]", ("NOERROR", [FORGED])), ("[]", ("NXDOMAIN", []))])
def test_dig_takes_the_forged_answer_and_both_are_on_the_wire(
    field: Field, tmp_path: Path, addresses: str, told: tuple[str, list[str]]
) -> None:
    field.censor("dns-injection", f"{{names: [site.example], addresses: {addresses}}}", router="town")
    with field.seen(OWN_LINK, tmp_path / "seen.pcap") as capture:
        assert dig(field) == told
    assert len(tcpdump(capture, "udp src port 53")) == 2
    answers = tshark(capture, "dns.flags.response == 1 && !icmp", "dns.flags.rcode", "dns.a", "ip.src")
    assert answers == [["0" if told[1] else "3", ",".join(told[1]), RESOLVER], ["0", SITE, RESOLVER]]


def test_dig_waits_in_vain_where_queries_are_swallowed(field: Field, tmp_path: Path) -> None:
    field.censor("silence", "{ports: [53], protocol: udp}", router="town")
    with field.seen(OWN_LINK, tmp_path / "seen.pcap") as capture:
        said = run(field.lab, "outer", "dig", "+tries=1", "+time=1", "site.example")
    assert said.status == 9, "no reply from a server"
    assert len(tcpdump(capture, "udp dst port 53")) == 1
    assert not tcpdump(capture, "udp src port 53")


# ---------------------------------------------------------------- curl

CURL_COULD_NOT_CONNECT, CURL_TIMED_OUT, CURL_TLS_FAILED, CURL_NOTHING_SAID, CURL_RECEIVE_FAILED = 7, 28, 35, 52, 56


def curl(field: Field, *urls: str, host: str = "outer", wait_s: float = 1.0, show: str = "%{http_code}") -> Ran:
    """Fetch pages and throw them away; ``show`` is what curl tells of each at its end."""
    thrown_away = [part for _ in urls for part in ("-o", "/dev/null")]
    return run(field.lab, host, "curl", "-sk", "--http1.1", "-m", str(wait_s), "-w", show, *thrown_away, *urls)


@pytest.mark.parametrize(
    ("kind", "yaml", "url", "status"),
    [
        ("reset", "host: [site.example]", "http://site.example/", CURL_RECEIVE_FAILED),
        ("reset", "path: [forbidden]", "http://site.example/forbidden", CURL_RECEIVE_FAILED),
        ("reset", "keyword: [forbidden]", "http://site.example/?q=forbidden", CURL_RECEIVE_FAILED),
        ("reset", "sni: [site.example]", "https://site.example/", CURL_TLS_FAILED),
        ("reset", "{addresses: [62.115.1.1/32], ports: [443]}", "https://site.example/", CURL_COULD_NOT_CONNECT),
        ("fin", "host: [site.example]", "http://site.example/", CURL_NOTHING_SAID),
        ("fin", "sni: [site.example]", "https://site.example/", CURL_TLS_FAILED),
        ("alert", "sni: [site.example]", "https://site.example/", CURL_TLS_FAILED),
        ("silence", "host: [site.example]", "http://site.example/", CURL_TIMED_OUT),
        ("silence", "sni: [site.example]", "https://site.example/", CURL_TIMED_OUT),
        ("silence", "{addresses: [62.115.1.1/32], protocol: tcp}", "http://site.example/", CURL_TIMED_OUT),
        ("allow-list", "{names: [spared.example], addresses: [92.46.0.0/16]}", "http://site.example/", CURL_TIMED_OUT),
    ],
)
def test_curl_ends_as_the_box_says(field: Field, kind: str, yaml: str, url: str, status: int) -> None:
    field.censor(kind, yaml, router="border")
    assert curl(field, url).status == status
    others = ["http://local.example/"]
    if "addresses: [62" not in yaml:  # the others' address too
        others.append(url.replace("site.example", "spared.example").partition("forbidden")[0])
    assert curl(field, *others).output == "200" * len(others)


def test_curl_is_shown_the_block_page_in_the_servers_name(field: Field) -> None:
    field.censor("block-page", "{host: [site.example], title: Not here, status: 451}", router="border")
    shown = run(field.lab, "outer", "curl", "-si", "-m", "3", "http://site.example/")
    assert shown.status == 0
    assert shown.output.startswith("HTTP/1.1 451 ")
    assert "<title>Not here</title>" in shown.output
    assert "Abroad" not in shown.output


def test_curl_is_led_elsewhere(field: Field) -> None:
    field.censor("redirect", "{host: [site.example], location: 'http://local.example/why'}", router="border")
    assert curl(field, "http://site.example/", show="%{http_code} %{redirect_url}").output == (
        "302 http://local.example/why"
    )
    followed = run(field.lab, "outer", "curl", "-sL", "-m", "3", "http://site.example/")
    assert "<title>At home</title>" in followed.output


@pytest.mark.parametrize("after_bytes", [16_384, 200_000])
def test_a_frozen_transfer_gets_just_so_far(field: Field, after_bytes: int) -> None:
    field.censor("freeze", f"{{host: [site.example], after_bytes: {after_bytes}}}", router="border")
    ended = curl(field, "http://site.example/large", wait_s=1.5, show="%{size_header} %{size_download}")
    assert ended.status == CURL_TIMED_OUT
    received = sum(map(int, ended.output.split()))
    assert after_bytes <= received < after_bytes + 1460, "the segment that crosses the mark is the last"
    assert curl(field, "http://spared.example/").output == "200"


def test_a_policed_transfer_runs_at_the_rate_and_others_at_full_speed(field: Field, tmp_path: Path) -> None:
    field.censor("police", "{host: [site.example], rate_kbit_s: 1000, burst_bytes: 60000}", router="border")
    with field.seen(OWN_LINK, tmp_path / "seen.pcap") as capture:
        ended = curl(field, "http://site.example/large", wait_s=20)
    assert ended.status == 0
    passed = [
        (float(at), int(size)) for at, size in tshark(capture, "tcp.srcport == 80", "frame.time_epoch", "frame.len")
    ]
    later = passed[len(passed) // 2 :]  # the bucket's first filling has gone
    rate_kbit_s = sum(size for _, size in later[1:]) * 8 / 1000 / (later[-1][0] - later[0][0])
    assert 850 <= rate_kbit_s <= 1050, "TCP falls below the rate now and then, because it loses what a policer drops"
    unpoliced = curl(field, "http://spared.example/large", wait_s=10, show="%{http_code} %{time_total}").output.split()
    assert unpoliced[0] == "200"
    assert float(unpoliced[1]) < 3.0


# ---------------------------------------------------------------- openssl


def s_client(field: Field, name: str = "site.example") -> Ran:
    return run(field.lab, "outer", "openssl", "s_client", "-connect", f"{SITE}:443", "-servername", name, "-ign_eof")


def line(output: str, begins: str) -> str:
    return next(text for text in output.splitlines() if text.startswith(begins))


def test_openssl_sees_the_reset(field: Field) -> None:
    field.censor("reset", "sni: [site.example]", router="border")
    ended = s_client(field)
    assert ended.status == 1
    assert "errno=104" in ended.output
    assert "no peer certificate available" in ended.output


@pytest.mark.parametrize(
    ("yaml", "number"), [("sni: [site.example]", 40), ("{sni: [site.example], description: 112}", 112)]
)
def test_openssl_reads_the_alerts_number(field: Field, yaml: str, number: int) -> None:
    field.censor("alert", yaml, router="border")
    ended = s_client(field)
    assert ended.status == 1
    assert f"SSL alert number {number}" in ended.output


def certificate(field: Field, root: Path, name: str = "site.example") -> dict[str, str]:
    """What openssl says of the chain that it was shown, given the lab's root."""
    shown = run(
        field.lab,
        "outer",
        *("openssl", "s_client", "-connect", f"{SITE}:443", "-servername", name, "-CAfile", str(root), "-showcerts"),
    )
    leaf = shown.output.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    pem = f"-----BEGIN CERTIFICATE-----{leaf}-----END CERTIFICATE-----\n"
    command = [tool("openssl"), "x509", "-noout", "-subject", "-issuer", "-serial", "-dates", "-ext", "subjectAltName"]
    told = subprocess.run(command, input=pem, capture_output=True, check=True, text=True, timeout=10).stdout
    return {
        "subject": line(told, "subject="),
        "issuer": line(told, "issuer="),
        "serial": line(told, "serial="),
        "until": line(told, "notAfter="),
        "verified": line(shown.output, "Verify return code").split(":")[1].split()[0],
    }


def test_an_intercepted_certificate_is_the_genuine_one_but_for_its_issuer(field: Field, tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_text(ssl.DER_cert_to_PEM_cert(field.lab.identities.root), encoding="ascii")
    genuine = certificate(field, root)
    assert genuine["verified"] == "0"
    field.censor("https-interception", "{proxy: reader, names: [site.example]}", router="border", networks=("town",))
    forged = certificate(field, root)
    assert forged["issuer"] != genuine["issuer"]
    assert forged["verified"] in {"19", "20", "21"}, "no way to a root that is trusted"
    assert {key: forged[key] for key in ("subject", "serial", "until")} == {
        key: genuine[key] for key in ("subject", "serial", "until")
    }
    assert certificate(field, root, "spared.example")["verified"] == "0"


# ---------------------------------------------------------------- tshark and tcpdump


@pytest.mark.parametrize("is_on_path", [False, True])
def test_tshark_counts_the_resets(field: Field, tmp_path: Path, is_on_path: bool) -> None:
    field.censor("reset", "sni: [site.example]", router="border", is_on_path=is_on_path)
    captures = tmp_path / "own.pcap", tmp_path / "abroad.pcap"
    with field.seen(OWN_LINK, captures[0]), field.seen(ABROAD, captures[1]):
        assert curl(field, "https://site.example/").status == CURL_TLS_FAILED
    segments = ("ip.src", "tcp.flags.reset", "tls.handshake.type", "tcp.seq", "tcp.nxtseq")
    own, abroad = (tshark(path, "tcp.port == 443", *segments) for path in captures)
    for seen, source in ((own, SITE), (abroad, "2.72.0.10")):
        resets = [segment for segment in seen if segment[0] == source and segment[1] in {"1", "True"}]
        assert len(resets) >= 1, "to both ends, each in the name of the other"
        assert is_on_path or len(resets) == 1
    hellos = [segment for segment in abroad if segment[2] == "1"]
    assert bool(hellos) is is_on_path, "beside the path, the hello goes on"
    if is_on_path:
        assert hellos[0][4] in {reset[3] for reset in resets}, "and the forged reset follows it in the stream"


@pytest.mark.parametrize(("is_copied", "hop_limit"), [(False, 64 - 2), (True, 64 - 2 - 2)])
def test_the_hop_limit_of_a_forged_reset_tells_where_it_came_from_unless_it_is_copied(
    field: Field, tmp_path: Path, is_copied: bool, hop_limit: int
) -> None:
    """The border is two routers away; what a client sends has lost two hops when it is there."""
    field.censor("reset", "sni: [site.example]", router="border", is_hop_limit_copied=is_copied)
    with field.seen(OWN_LINK, tmp_path / "seen.pcap") as capture:
        curl(field, "https://site.example/")
    seen = tshark(capture, f"ip.src == {SITE}", "tcp.flags.reset", "ip.ttl")
    assert [ttl for is_reset, ttl in seen if is_reset in {"1", "True"}] == [str(hop_limit)]
    assert {ttl for is_reset, ttl in seen if is_reset not in {"1", "True"}} == {str(64 - 4)}
    dumped = tcpdump(capture, "-v tcp[tcpflags]&tcp-rst!=0 and src host " + SITE)
    assert f"ttl {hop_limit}," in dumped[0]


def test_tshark_reads_the_name_in_quic_that_a_box_has_swallowed(field: Field, tmp_path: Path) -> None:
    field.censor("silence", "quic_sni: [site.example]", router="border")
    with field.seen(OWN_LINK, tmp_path / "seen.pcap") as capture:
        for name in ("site.example", "spared.example"):
            with field.socket("outer", kind=socket.SOCK_DGRAM) as asking:
                for datagram in quic_initials(name):
                    asking.sendto(datagram, (SITE, 443))
                time.sleep(0.2)
    seen = tshark(capture, "quic", "ip.src", "udp.port", "tls.handshake.extensions_server_name")
    port_of = {name: ports.split(",")[0] for _, ports, name in seen if name}
    assert port_of.keys() == {"site.example", "spared.example"}
    answered = {ports.split(",")[1] for source, ports, _ in seen if source == SITE}
    assert answered == {port_of["spared.example"]}


# ---------------------------------------------------------------- traceroute


def traceroute(field: Field, host: str, address: str, *options: str) -> list[str]:
    """The hops, one probe each."""
    ran = run(field.lab, host, "traceroute", "-n", "-q", "1", "-w", "1", "-m", "12", *options, address)
    return [hop.split()[1] for hop in ran.output.splitlines() if re.match(r"\s*\d+\s", hop)]


FORK = ({"92.46.0.1"}, {"92.46.0.2"}, {"92.46.0.1", "92.46.0.2"})


@pytest.mark.parametrize("options", [(), ("-I",), ("-T", "-p", "80")], ids=["udp", "icmp", "tcp"])
@pytest.mark.parametrize(("host", "first"), [("outer", []), ("inner", ["192.168.1.1"])])
def test_traceroute_shows_every_hop_from_outside_and_from_behind_the_gateway(
    field: Field, host: str, first: list[str], options: tuple[str, ...]
) -> None:
    hops = traceroute(field, host, SITE, *options)
    fork = hops.pop(len(first) + 1)
    assert {fork} in FORK
    assert hops == [*first, "2.72.0.1", "92.46.0.3", "62.115.0.1", SITE]


def test_traceroute_shows_the_detour_of_a_leaked_route(field: Field) -> None:
    field.strike("route-leak", "{links: [town--detour, detour--abroad], cost: 1}")
    assert traceroute(field, "outer", SITE, "-I") == ["2.72.0.1", "104.24.0.1", "62.115.0.1", SITE]


def test_traceroute_ends_where_a_box_swallows(field: Field) -> None:
    field.censor("silence", "addresses: [62.115.1.1/32]", router="border")
    hops = traceroute(field, "outer", SITE)
    assert hops[0] == "2.72.0.1"
    assert set(hops[2:]) == {"*"}


# ---------------------------------------------------------------- behind the gateway that translates


def test_curl_works_from_behind_the_gateway_and_the_world_sees_the_gateway(field: Field, tmp_path: Path) -> None:
    with field.seen(ABROAD, tmp_path / "seen.pcap") as capture:
        assert curl(field, "https://site.example/", "http://local.example/", host="inner").output == "200200"
    assert {source for (source,) in tshark(capture, "tcp.dstport == 443", "ip.src")} == {"2.72.1.1"}


# ---------------------------------------------------------------- iperf3


def test_iperf3_measures_the_rate_of_a_policer(field: Field) -> None:
    field.censor("police", "{protocol: udp, rate_kbit_s: 1000}", router="border")
    serving = field.lab.spawn("site", [tool("iperf3"), "-s", "-1"], stdout=subprocess.DEVNULL)
    with serving:
        time.sleep(0.3)
        ran = run(field.lab, "outer", "iperf3", "-c", SITE, "-u", "-b", "2M", "-l", "972", "-t", "2", "-J")
    told: dict[str, Any] = json.loads(ran.output)
    received = told.get("server_output_json", told)
    lost = received["end"]["sum"]["lost_percent"] / 100
    sent_bit_s = 2_000_000 * 1000 / 972  # with IP and UDP headers
    assert sent_bit_s * (1 - lost) == pytest.approx(1_000_000, rel=0.05)
