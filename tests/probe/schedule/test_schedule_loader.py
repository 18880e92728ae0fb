"""The loader: a right schedule is read as written, a wrong one is refused with its line and key."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.errors import UserError
from probe.limits import Limits
from probe.model import DnsTransport, Target, TargetKind
from probe.schedule.loader import BOUNDS, load
from probe.schedule.model import Helper, PairPlan, Resolver, Schedule, VantageSpec
from probe.schedule.names import host_name

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
KEY_WRITTEN = base64.b64encode(KEY).decode()
GOOD = f"""\
name: lab
vantage: {{name: aktau-1, country: NO, region: Mangystau, network: AS9198, bearer: mobile, role: control}}
resolvers:
  - {{name: system, transport: system}}
  - {{name: abroad, transport: udp, address: 192.0.2.53, port: 5353}}
  - {{name: private, transport: doh, address: "2001:db8::53", server_name: DNS.example, path: /q}}
helpers:
  - {{name: h, addresses: [198.51.100.0/29, 198.51.100.9], public_key: {KEY_WRITTEN}, https_port: 8443}}
cadence: 20m
jitter: 90s
pairs: {{routine: 2, rest: 1m}}
limits: {{tcp_timeout_s: 3, retries: 1}}
controls:
  home: [https://egov.kz]
  abroad:
    - {{name: far, url: "https://example.com/", note: reserved}}
  portal_check:
    - {{url: "http://portal.example.com/generate_204", status: 204}}
services:
  twitter:
    targets:
      - {{name: x, url: "https://X.com:8443/a?b=c"}}
      - http://t.co/
  youtube:
    videos:
      - y4De4CSEvAU
      - {{id: -dQw4w9WgX_, scheme: http, name: old, note: hm}}
"""


Loaded = Callable[[str], Schedule]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    def from_text(written: str) -> Schedule:
        path = tmp_path / "s.yaml"
        path.write_text(written, encoding="utf-8")
        return load(path)

    return from_text


def test_every_key_arrives_where_it_belongs(loaded: Loaded) -> None:
    schedule = loaded(GOOD)
    assert schedule.name == "lab"
    assert schedule.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert schedule.vantage == VantageSpec(
        name="aktau-1", country="NO", region="Mangystau", network="AS9198", bearer="mobile", role="control"
    )
    assert schedule.resolvers == (
        Resolver(name="system", transport=DnsTransport.SYSTEM),
        Resolver(name="abroad", transport=DnsTransport.UDP, address="192.0.2.53", port=5353),
        Resolver(
            name="private",
            transport=DnsTransport.DOH,
            address="2001:db8::53",
            server_name="dns.example",
            path="/q",
        ),
    )
    assert schedule.helpers == (
        Helper(
            name="h",
            networks=(ip_network("198.51.100.0/29"), ip_network("198.51.100.9")),
            public_key=KEY,
            https_port=8443,
        ),
    )
    assert (schedule.cadence_s, schedule.jitter_s) == (1200.0, 90.0)
    assert schedule.pairs == PairPlan(routine=2, rest_s=60.0)
    assert schedule.limits == Limits(tcp_timeout_s=3.0, retries=1)


def test_targets_videos_and_controls_become_targets_in_order(loaded: Loaded) -> None:
    assert loaded(GOOD).targets == (
        Target(name="x", service="twitter", url="https://x.com:8443/a?b=c", kind=TargetKind.TARGET),
        Target(name="t.co", service="twitter", url="http://t.co/", kind=TargetKind.TARGET),
        Target(
            name="youtube/y4De4CSEvAU",
            service="youtube",
            url="https://www.youtube.com/watch?v=y4De4CSEvAU",
            kind=TargetKind.TARGET,
            video="y4De4CSEvAU",
            role="video",
        ),
        Target(
            name="old",
            service="youtube",
            url="http://www.youtube.com/watch?v=-dQw4w9WgX_",
            kind=TargetKind.TARGET,
            video="-dQw4w9WgX_",
            role="video",
            note="hm",
        ),
        Target(name="egov.kz", service="control-home", url="https://egov.kz/", kind=TargetKind.CONTROL_HOME),
        Target(
            name="far",
            service="control-abroad",
            url="https://example.com/",
            kind=TargetKind.CONTROL_ABROAD,
            note="reserved",
        ),
        Target(
            name="portal.example.com/generate_204",
            service="portal-check",
            url="http://portal.example.com/generate_204",
            kind=TargetKind.PORTAL_CHECK,
            expect_status=204,
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("name: lab", "name: ../lab", 1, "name"),
        ("country: NO", "country: no", 2, "vantage.country"),
        ("country: NO", "country: NOR", 2, "vantage.country"),
        ("AS9198", "9198", 2, "vantage.network"),
        ("AS9198", "AS4294967296", 2, "vantage.network"),
        ("bearer: mobile", "bearer: cable", 2, "vantage.bearer"),
        ("role: control", "role: judge", 2, "vantage.role"),
        ("role: control", "ssid: home", 2, "vantage.ssid"),
        ("transport: system", "transport: tls", 4, "resolvers[0].transport"),
        ("transport: system", "transport: system, address: 8.8.8.8", 4, "resolvers[0].address"),
        ("transport: system", "transport: udp, address: 8.8.8.8", 4, "resolvers"),
        ("address: 192.0.2.53, ", "", 5, "resolvers[1].address"),
        ("192.0.2.53", "dns.example", 5, "resolvers[1].address"),
        ("192.0.2.53", "fe80::1%eth0", 5, "resolvers[1].address"),
        ("name: abroad", "name: system", 5, "resolvers[1]"),
        ("server_name: DNS.example, ", "", 6, "resolvers[2].server_name"),
        ("transport: doh", "transport: dot", 6, "resolvers[2].path"),
        ("198.51.100.0/29", "198.51.100.1/29", 8, "helpers[0].addresses[0]"),
        ("198.51.100.0/29", "198.0.0.0/8", 8, "helpers[0].addresses[0]"),
        ("public_key: AAEC", "public_key: ", 8, "helpers[0].public_key"),
        ("public_key: AAEC", "public_key: AA%C", 8, "helpers[0].public_key"),
        ("cadence: 20m", "cadence: 59s", 9, "cadence"),
        ("cadence: 20m", "cadance: 20m", 9, "cadance"),
        ("jitter: 90s", "jitter: 20m", 10, "jitter"),
        ("rest: 1m", "rest: 2h", 11, "pairs.rest"),
        ("tcp_timeout_s: 3", "tcp_timeout_s: 61", 12, "limits.tcp_timeout_s"),
        ("retries: 1", "retries: 0", 12, "limits.retries"),
        ("retries: 1", "retrys: 1", 12, "limits.retrys"),
        ('    - {name: far, url: "https://example.com/", note: reserved}', "    []", 16, "controls.abroad"),
        ('url: "http://portal', 'url: "https://portal', 18, "controls.portal_check[0].url"),
        ("status: 204", "status: 99", 18, "controls.portal_check[0].status"),
        ("name: far", "name: x", 16, "controls.abroad[0]"),
        ("- http://t.co/", "- ftp://t.co/", 23, "services.twitter.targets[1]"),
        ("- http://t.co/", "- {name: x, url: http://t.co/}", 23, "services.twitter.targets[1]"),
        ("- http://t.co/", "- http://t.co/?a=b", 23, "services.twitter.targets[1].name"),
        ("- y4De4CSEvAU", "- y4De4CSEvA", 26, "services.youtube.videos[0]"),
        ("- y4De4CSEvAU", "- https://youtu.be/y4De4CSEvAU", 26, "services.youtube.videos[0]"),
        ("- y4De4CSEvAU", "- {id: y4De4CSEvAU, name: old}", 27, "services.youtube.videos[1]"),
        ("scheme: http", "scheme: quic", 27, "services.youtube.videos[1].scheme"),
    ],
)  # fmt: skip
def test_a_wrong_schedule_is_refused_with_its_line_and_key(
    loaded: Loaded, old: str, new: str, line: int, key: str
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(UserError, match=f"s.yaml:{line}: ") as refused:
        loaded(GOOD.replace(old, new))
    assert f" key '{key}': expected " in str(refused.value)


def test_a_schedule_without_targets_is_refused(loaded: Loaded) -> None:
    without = GOOD[: GOOD.index("services:")]
    for services, key in (
        ("", "services"),
        ("services: {}", "services"),
        ("services: {twitter: {}}", "services.twitter.targets"),
        ("services: {twitter: {targets: [], videos: []}}", "services.twitter.targets"),
    ):
        with pytest.raises(UserError, match=f"key '{key}': expected"):
            loaded(without + services)


def test_a_schedule_without_controls_abroad_is_refused(loaded: Loaded) -> None:
    start, end = GOOD.index("  abroad:\n"), GOOD.index("  portal_check:")
    with pytest.raises(UserError, match=r"key 'controls.abroad': expected .* got nothing"):
        loaded(GOOD[:start] + GOOD[end:])


def test_a_jitter_that_nobody_wrote_must_fit_the_cadence_too(loaded: Loaded) -> None:
    with pytest.raises(UserError, match=r"key 'jitter': .*without the key it is 120s"):
        loaded(GOOD.replace("cadence: 20m", "cadence: 1m").replace("jitter: 90s\n", ""))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0x1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://192.168.1.1/",
        "http://8.8.8.8/",
        "http://localhost/",
        "http://printer.local/",
        "http://router/",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://example.com#x",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:port/",
        "http://example..com/",
        "http://-a.example.com/",
        "http://exa mple.com/",
        "http://example.com\\@10.0.0.1/",
        "http://пример.рф/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 127 + "com/",
        "//example.com/",
        "file:///etc/passwd",
        "https:///path",
    ],
)
def test_a_url_that_is_no_public_name_is_refused(loaded: Loaded, url: str) -> None:
    with pytest.raises(UserError, match=r"key 'services\.twitter\.targets\[1\]\.url': expected an http"):
        loaded(GOOD.replace("- http://t.co/", f"- {{name: wrong, url: '{url}'}}"))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("HTTPS://Example.COM", "https://example.com/"),
        ("https://example.com:443/A", "https://example.com/A"),
        ("http://example.com:443/?q", "http://example.com:443/?q"),
        ("https://xn--80aswg.xn--p1ai/", "https://xn--80aswg.xn--p1ai/"),
    ],
)
def test_a_url_is_kept_in_one_spelling(loaded: Loaded, written: str, kept: str) -> None:
    schedule = loaded(GOOD.replace("- http://t.co/", f"- {{name: other, url: '{written}'}}"))
    assert [target.url for target in schedule.targets if target.name == "other"] == [kept]


@settings(max_examples=200)
@given(st.ip_addresses())
def test_no_address_is_a_host_name(address: IPv4Address | IPv6Address) -> None:
    for spelt in (str(address), f"[{address}]", str(int(address)), hex(int(address))):
        with pytest.raises(ValueError, match=r"^$"):
            host_name(spelt)


def test_every_limit_has_bounds_around_its_default() -> None:
    assert set(BOUNDS) == {field.name for field in fields(Limits)}
    for field in fields(Limits):
        least, most = BOUNDS[field.name]
        assert least <= field.default <= most


def _root(name: str) -> x509.Certificate:
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=1))
    return builder.sign(key, None)


def test_extra_roots_are_read_beside_the_schedule(loaded: Loaded, tmp_path: Path) -> None:
    roots = [_root("a"), _root("b")]
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "lab.pem").write_bytes(b"".join(root.public_bytes(Encoding.PEM) for root in roots))
    schedule = loaded("extra_roots: [roots/lab.pem, roots/lab.pem]\n" + GOOD)
    assert schedule.extra_roots == tuple(root.public_bytes(Encoding.DER) for root in roots)


@pytest.mark.parametrize("content", [None, b"", b"not PEM", b"x" * 70_000])
def test_extra_roots_that_are_none_are_refused(loaded: Loaded, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "lab.pem").write_bytes(content)
    with pytest.raises(UserError, match=r"s.yaml:1: key 'extra_roots\[0\]': expected a file of certificates"):
        loaded("extra_roots: [lab.pem]\n" + GOOD)


def test_a_table_of_networks_stands_beside_the_schedule(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("prefix,as,country\n198.18.0.0/16,AS64500,KZ\n")
    assert loaded(GOOD + "as_table: table.csv\n").as_table == tmp_path / "table.csv"


@pytest.mark.parametrize("content", [None, b"", b"no table at all\n", b"\x1f\x8b half of a gzip"])
def test_a_table_that_is_none_is_refused_with_its_line(loaded: Loaded, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(UserError, match="key 'as_table': expected a file with lines of first address"):
        loaded(GOOD + "as_table: table.csv\n")


def test_roles_and_what_a_service_needs_arrive_at_its_targets(loaded: Loaded) -> None:
    written = (
        GOOD[: GOOD.index("services:")]
        + """services:
  twitter:
    all_of: [site]
    any_of: [images, video]
    targets:
      - {url: "https://x.com/", role: site}
      - {url: "https://pbs.twimg.com/", role: images}
      - https://t.co/
    videos: [y4De4CSEvAU]
"""
    )
    targets = loaded(written).of_kind(TargetKind.TARGET)
    assert [(target.role, target.need) for target in targets] == [
        ("site", "all"),
        ("images", "any"),
        (None, None),
        ("video", "any"),
    ]


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("all_of: [api]", "all_of"),
        ("any_of: [home]", "any_of"),
        ("all_of: []", "all_of"),
        ("all_of: [site], any_of: [site]", "any_of"),
    ],
)
def test_a_rule_on_roles_that_nobody_has_is_refused(loaded: Loaded, rule: str, key: str) -> None:
    service = f'{{{rule}, targets: [{{url: "https://x.com/", role: site}}]}}'
    with pytest.raises(UserError, match=key):
        loaded(f"{GOOD[: GOOD.index('services:')]}services:\n  s: {service}\n")


def test_a_control_has_no_role(loaded: Loaded) -> None:
    with pytest.raises(UserError, match="role"):
        loaded(GOOD.replace("[https://egov.kz]", '[{url: "https://egov.kz", role: site}]', 1))


def test_fingerprints_are_read_from_the_users_own_files(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text(
        "name,pattern,location_found,scope\nmade,long enough,body,isp\n", encoding="utf-8"
    )
    schedule = loaded(f"fingerprints: [known.csv]\nvideo_hosts: [media.example]\n{GOOD}")
    assert [known.name for known in schedule.fingerprints.known] == ["made"]
    assert schedule.video_hosts == ("media.example",)


@pytest.mark.parametrize("content", [None, b"", b"no,head\n", b"\xff\xfe"])
def test_a_file_that_holds_no_fingerprints_is_refused_with_its_line(
    loaded: Loaded, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "known.csv").write_bytes(content)
    with pytest.raises(UserError, match=r":1: key 'fingerprints\[0\]'"):
        loaded(f"fingerprints: [known.csv]\n{GOOD}")
