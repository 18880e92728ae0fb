"""Read a schedule from its YAML file and check it: every key is declared here, once.

``docs/schedule.md`` describes the same keys for people; a test holds the two
together. What this module does not do: resolve a name, look for a file other
than the schedule and its extra roots, or decide what a cycle does with it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import fields, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from probe.addresses import is_public_address
from probe.errors import UserError
from probe.fingerprints import MAX_FILE_BYTES as MAX_FINGERPRINT_BYTES
from probe.fingerprints import Fingerprints, joined
from probe.fingerprints import read as read_fingerprints
from probe.itself import networks
from probe.limits import Limits
from probe.model import DnsTransport, TargetKind
from probe.schedule.entries import CONTROLS, MAX_TARGETS, SERVICE, Controls, PlacedEntries
from probe.schedule.model import FollowUp, Helper, PairPlan, Resolver, Schedule, VantageSpec, Way, WayKind
from probe.schedule.names import HOST_NAME, NAME
from probe.schedule.yaml_reader import (
    Key,
    ListOf,
    MapOf,
    Place,
    Placed,
    Record,
    UnfitError,
    optional,
    parse,
    read_bytes,
    required,
    shown,
)
from probe.schedule.yaml_scalars import duration, integer, matching, number, one_of, scalar, size, text
from probe.techniques import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ROOT_FILE_BYTES: Final = 65_536
"""Of one file of extra roots; a root takes 2 kB."""

BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "dns_timeout_s": (0.1, 30),
    "dns_late_window_s": (0, 10),
    "dns_datagrams": (1, 64),
    "tcp_timeout_s": (0.1, 60),
    "tls_timeout_s": (0.1, 60),
    "tls_certificates": (1, 100),
    "tls_handshake_bytes": (16_384, 262_144),
    "quic_timeout_s": (0.1, 60),
    "http_timeout_s": (0.1, 60),
    "http_head_bytes": (4_096, 131_072),
    "http_body_bytes": (0, 1_048_576),
    "http_redirects": (0, 20),
    "title_chars": (0, 500),
    "error_text_chars": (0, 500),
    "addresses_per_family": (1, 8),
    "retries": (1, 10),
    "concurrent_measurements": (1, 32),
    "concurrent_pairs": (1, 16),
    "detour_timeout_s": (0.1, 120),
    "shape_rest_s": (0, 2_592_000),
    "hop_timeout_s": (0.1, 5),
}
"""What a schedule may set each limit to: never so much that a hostile server exhausts a small machine."""

PORT = integer(1, 65_535)


# ---------------------------------------------------------------- vantage, resolvers, helpers

COUNTRY = matching(r"[A-Z]{2}", "a country as two capital letters (ISO 3166-1; ZZ where nobody said)")


def _network(written: str) -> str:
    if not re.fullmatch(r"AS[1-9][0-9]{0,9}", written, re.ASCII) or int(written[2:]) >= 2**32:
        raise ValueError
    return written


VANTAGE = Record(
    VantageSpec,
    {
        "name": optional(NAME),
        "country": required(COUNTRY),
        "region": optional(text(64)),
        "network": optional(scalar(_network, "an autonomous system such as AS9198")),
        "bearer": optional(one_of("fixed", "mobile", "satellite", "unknown")),
        "role": optional(one_of("probe", "control")),
    },
)


def _address(written: str) -> str:
    if "%" in written:  # a scope names an interface of one machine
        raise ValueError
    return str(ip_address(written))


def _socket(written: str) -> tuple[str, int]:
    address, colon, port = written.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or not 0 < int(port) < 65_536:
        raise ValueError
    is_bracketed = address.startswith("[") and address.endswith("]")
    if (":" in address) != is_bracketed:
        raise ValueError
    return _address(address.strip("[]")), int(port)


def _resolver(*, name: str, transport: str, **values: Any) -> Resolver:
    of = DnsTransport(transport)
    is_encrypted = of in {DnsTransport.DOT, DnsTransport.DOH}
    if of is not DnsTransport.SYSTEM and "address" not in values:
        raise UnfitError("address", f"an IP address, because the transport is {of}")
    if is_encrypted and "server_name" not in values:
        raise UnfitError("server_name", f"the name in its certificate, because the transport is {of}")
    takes = {"address": of is not DnsTransport.SYSTEM, "port": of is not DnsTransport.SYSTEM}
    takes |= {"server_name": is_encrypted, "path": of is DnsTransport.DOH}
    for key in values:
        if not takes[key]:
            raise UnfitError(key, f"no such key, because the transport is {of}")
    return Resolver(name=name, transport=of, **values)


RESOLVER = Record(
    _resolver,
    {
        "name": required(NAME),
        "transport": required(one_of(*DnsTransport)),
        "address": optional(scalar(_address, "an IP address")),
        "port": optional(PORT),
        "server_name": optional(HOST_NAME),
        "path": optional(matching(r"/[!-~]{0,255}", "a path that begins with /")),
    },
)


def _helper_network(written: str) -> IPv4Network | IPv6Network:
    network = ip_network(written)
    if network.num_addresses > (256 if network.version == 4 else 2**64):
        raise ValueError
    return network


def _public_key(written: str) -> bytes:
    key = base64.b64decode(written, validate=True)
    if len(key) != 32:
        raise ValueError
    return key


HELPER_NETWORK = scalar(_helper_network, "an address or a network such as 192.0.2.0/29 (/24 or /64 at most)")


def _silent_address(written: str) -> IPv4Address | IPv6Address:
    address = ip_address(_address(written))
    if not is_public_address(address):
        raise ValueError
    return address


SILENT_ADDRESS = scalar(_silent_address, "an IP address that the Internet routes")

HELPER = Record(
    Helper,
    {
        "name": required(NAME),
        "addresses": required(ListOf(HELPER_NETWORK, at_least=1, at_most=16), into="networks"),
        "public_key": required(scalar(_public_key, "an Ed25519 public key, 32 bytes in base64")),
        "https_port": optional(PORT),
        "http_port": optional(PORT),
        "quic_port": optional(PORT),
        "dns_port": optional(PORT),
    },
)


def _extra_root(place: Place) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    path = Path(place.file).parent / text(500, "a path")(place)
    try:
        certificates = x509.load_pem_x509_certificates(read_bytes(path, MAX_ROOT_FILE_BYTES))
    except (UserError, ValueError):
        raise place.expected("a file of certificates in PEM, its path relative to the schedule") from None
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)


def _fingerprints(place: Place) -> Fingerprints:
    path = Path(place.file).parent / text(500, "a path")(place)
    try:
        return read_fingerprints(read_bytes(path, MAX_FINGERPRINT_BYTES))
    except (UserError, ValueError) as error:
        why = "" if isinstance(error, UserError) else f" ({error})"
        raise place.expected(f"a CSV file of fingerprints, OONI's or Citizen Lab's{why}") from None


def _as_table(place: Place) -> Path:
    path = (Path(place.file).parent / text(500, "a path")(place)).absolute()
    try:
        is_table = next(networks.rows(path), None) is not None
    except (OSError, EOFError):
        is_table = False
    if not is_table:
        raise place.expected("a file with lines of first address, last address and network, or of prefix and network")
    return path


PROXY_ADDRESS = scalar(_socket, "an IP address and a port such as 127.0.0.1:9050 or [::1]:9050")


def _way(*, name: str, **values: Any) -> Way:
    if len(values) != 1:
        raise UnfitError("name", "beside it exactly one of socks5, http and interface")
    ((kind, value),) = values.items()
    if kind == WayKind.INTERFACE:
        return Way(name=name, kind=WayKind.INTERFACE, interface=value)
    address, port = value
    return Way(name=name, kind=WayKind(kind), address=address, port=port)


WAY = Record(
    _way,
    {
        "name": required(NAME),
        "socks5": optional(PROXY_ADDRESS),
        "http": optional(PROXY_ADDRESS),
        "interface": optional(matching(r"[!-.0-~]{1,15}", "the name of an interface, as the system shows it")),
    },
)


# ---------------------------------------------------------------- how often, how much


PAIRS = Record(
    PairPlan,
    {
        "routine": optional(integer(0, 10)),
        "drawn": optional(integer(0, MAX_TARGETS)),
        "follow_up": optional(integer(0, 200)),
        "enough_discordant": optional(integer(1, 200)),
        "rest": optional(duration("0s", "1h"), into="rest_s"),
    },
)


TECHNIQUE = one_of(*BY_NAME)

FOLLOW_UP = Record(
    FollowUp,
    {
        "time": optional(duration("0s", "1h"), into="time_s"),
        "bytes": optional(size("0B", "100MB")),
        "day_bytes": optional(size("0B", "10GB")),
        "ladder": optional(ListOf(TECHNIQUE, at_most=len(BY_NAME))),
    },
)

ROTA = MapOf(TECHNIQUE, duration("1m", "90d"), at_most=len(BY_NAME))


def _limit(name: str, default: Any) -> Key:
    least, most = BOUNDS[name]
    is_whole = isinstance(default, int)
    return optional(integer(int(least), int(most)) if is_whole else number(least, most))


LIMITS = Record(Limits, {field.name: _limit(field.name, field.default) for field in fields(Limits)})


# ---------------------------------------------------------------- the whole


def _unique(placed: Iterable[tuple[Place, Any]]) -> tuple[Any, ...]:
    values: dict[str, Any] = {}
    for place, value in placed:
        if value.name in values:
            raise place.expected("a name that no other entry has", shown(value.name))
        values[value.name] = value
    return tuple(values.values())


def _schedule(
    *,
    services: dict[str, PlacedEntries],
    controls: Controls,
    resolvers: tuple[tuple[Place, Resolver], ...],
    helpers: tuple[tuple[Place, Helper], ...] = (),
    ways: tuple[tuple[Place, Way], ...] = (),
    extra_roots: tuple[tuple[bytes, ...], ...] = (),
    fingerprints: tuple[Fingerprints, ...] = (),
    **values: Any,
) -> Schedule:
    if sum(resolver.transport is DnsTransport.SYSTEM for _, resolver in resolvers) != 1:
        raise UnfitError("resolvers", "exactly one resolver with the transport system")
    sections = [(name, TargetKind.TARGET, entries) for name, entries in services.items()]
    for kind, entries in (
        (TargetKind.CONTROL_HOME, controls.home),
        (TargetKind.CONTROL_ABROAD, controls.abroad),
        (TargetKind.PORTAL_CHECK, controls.portal_check),
    ):
        sections.append((kind.value, kind, entries))
    placed = [(at, entry.as_target(name, kind)) for name, kind, entries in sections for at, entry in entries]
    if len(placed) > MAX_TARGETS:
        raise UnfitError("services", f"at most {MAX_TARGETS} targets, controls included")
    schedule = Schedule(
        sha256="",  # of the file's bytes, which only load() has
        resolvers=_unique(resolvers),
        helpers=_unique(helpers),
        ways=_unique(ways),
        targets=_unique(placed),
        extra_roots=tuple(dict.fromkeys(root for roots in extra_roots for root in roots)),
        fingerprints=joined(fingerprints),
        **values,
    )
    if schedule.jitter_s >= schedule.cadence_s:
        default = "" if "jitter_s" in values else f" (without the key it is {schedule.jitter_s:g}s)"
        raise UnfitError("jitter", f"less than the cadence of {schedule.cadence_s:g}s{default}")
    return schedule


SCHEDULE = Record(
    _schedule,
    {
        "name": required(NAME),
        "vantage": required(VANTAGE),
        "resolvers": required(ListOf(Placed(RESOLVER), at_least=1, at_most=10)),
        "helpers": optional(ListOf(Placed(HELPER), at_most=8)),
        "non_resolvers": optional(ListOf(SILENT_ADDRESS, at_most=16)),
        "whoami": optional(ListOf(HOST_NAME, at_most=4)),
        "ways": optional(ListOf(Placed(WAY), at_most=4)),
        "extra_roots": optional(ListOf(_extra_root, at_most=16)),
        "cadence": optional(duration("1m", "7d"), into="cadence_s"),
        "jitter": optional(duration("0s", "1d"), into="jitter_s"),
        "pairs": optional(PAIRS),
        "follow_up": optional(FOLLOW_UP),
        "rota": optional(ROTA),
        "limits": optional(LIMITS),
        "as_table": optional(_as_table),
        "fingerprints": optional(ListOf(_fingerprints, at_most=8)),
        "video_hosts": optional(ListOf(HOST_NAME, at_most=8)),
        "controls": required(CONTROLS),
        "services": required(MapOf(NAME, SERVICE, at_least=1, at_most=64)),
    },
)
"""The declared keys of a schedule."""


def load(path: str | Path) -> Schedule:
    """Read the schedule at ``path``; anything wrong with it is one ``UserError`` with file, line and key."""
    data = read_bytes(path)
    schedule = parse(data, str(path), SCHEDULE)
    return replace(schedule, sha256=hashlib.sha256(data).hexdigest())
