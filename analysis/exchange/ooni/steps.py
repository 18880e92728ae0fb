"""OONI's data formats df-001, -002, -005, -006 and -008 as steps: what each operation saw, and no verdict of OONI's.

A hop of a redirect is told by the tag ``depth``. An endpoint that OONI dials only
to see whether it is there (``fetch_body=false``) is no part of the way to the
page: its steps are a closer look, :data:`BESIDE`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from analysis.exchange.ooni.failures import OF_CERTIFICATES, failure_of
from analysis.outcome import host_of
from probe.addresses import is_public_address, parse_address
from probe.failures import Failure
from probe.limits import Limits
from probe.model import DnsAnswer, DnsTransport, Observation, Operation
from probe.record import Step
from probe.scrub import scrub
from probe.sketch import sketch_of
from probe.steps.http import KEPT_HEADERS
from probe.steps.http_body import charset_of, title_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from analysis.exchange.ooni.fields import Fields
    from probe.fingerprints import Fingerprints

BESIDE: Final = "endpoint-beside"
OTHER_RESOLVERS: Final = "resolvers"
"""The technique of ours that dials what other resolvers gave; OONI's steps of that kind go by the same name."""

_LIMITS: Final = Limits()
_DEPTH: Final = re.compile(r"depth=([0-9]{1,2})")
_ATTEMPT: Final = re.compile(r"attempt=([1-9][0-9]?)")
"""Of ours: OONI's tests try once."""
_RCODES: Final = {
    None: "NOERROR",
    Failure.DNS_NO_ANSWER: "NOERROR",
    Failure.DNS_NXDOMAIN: "NXDOMAIN",
    Failure.DNS_REFUSED: "REFUSED",
    Failure.DNS_SERVFAIL: "SERVFAIL",
    Failure.DNS_BOGON: "NOERROR",
}
_SYSTEM_ENGINES: Final = frozenset({"system", "getaddrinfo", "golang_net_resolver", "unknown", ""})
_TRANSPORTS: Final = {
    "udp": DnsTransport.UDP,
    "tcp": DnsTransport.TCP,
    "dot": DnsTransport.DOT,
    "doh": DnsTransport.DOH,
}
_MOST_PROGRESS: Final = 64
_MOST_RAW_BYTES: Final = 65_535
"""A DNS message over TCP is no longer."""
_ORDER_S: Final = 1e-6
"""Keeps the order of a list whose entries have no time, or all the same one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the steps of one measurement have in common."""

    started_at: datetime
    technique: str | None
    """``None`` where the steps are the way to the page; a test's name where they are something else."""
    fingerprints: Fingerprints


def steps_of(keys: Fields, reading: Reading) -> list[Step]:
    """Give every step of the test keys, in order of the time at which it began."""
    made = [
        *_queries(keys, reading),
        *_connects(keys, reading),
        *_handshakes(keys, reading, "tls_handshakes", Operation.TLS),
        *_handshakes(keys, reading, "quic_handshakes", Operation.QUIC),
    ]
    made += _requests(keys, reading, made)
    ordered = sorted(made, key=lambda step: step.observation.started_mono_s)
    return [
        replace(step, observation=_shifted(step.observation, index * _ORDER_S)) for index, step in enumerate(ordered)
    ]


def _shifted(seen: Observation, by_s: float) -> Observation:
    return replace(seen, started_mono_s=seen.started_mono_s + by_s, ended_mono_s=seen.ended_mono_s + by_s)


def _begun(item: Fields, reading: Reading, operation: Operation) -> Observation:
    """Give a step with its times: OONI counts seconds from the measurement's start."""
    ended = max(item.number("t"), 0.0)
    started = min(max(item.number("t0", ended), 0.0), ended)
    return Observation(
        operation=operation,
        started_at=reading.started_at + timedelta(seconds=min(started, 86_400.0)),
        started_mono_s=started,
        ended_mono_s=ended,
    )


def _placed(seen: Observation, item: Fields, reading: Reading, depth: int | None = None) -> Step:
    """Put a step at its hop, and under the closer look that it is part of."""
    tags = item.texts("tags")
    found = next((match for match in map(_DEPTH.fullmatch, tags) if match), None)
    technique = reading.technique
    if technique is None and found is not None and seen.operation != Operation.DNS:
        if "fetch_body=false" in tags:
            technique = BESIDE
        elif "classic" not in tags:
            technique = OTHER_RESOLVERS
    redirect = int(found[1]) if found else depth or 0
    tried = next((match for match in map(_ATTEMPT.fullmatch, tags) if match), None)
    return Step(observation=seen, attempt=int(tried[1]) if tried else 1, redirect=redirect, technique=technique)


def _failed(seen: Observation, written: str | None) -> Observation:
    """Add the failure; the text of one that has no name is kept for people."""
    failure = failure_of(written)
    if failure is None or failure.value == written:
        return replace(seen, failure=failure)
    return replace(seen, failure=failure, error_text=scrub(written or "")[: _LIMITS.error_text_chars])


# ---------------------------------------------------------------- df-002


def _queries(keys: Fields, reading: Reading) -> list[Step]:
    made = [_query(item, reading) for item in keys.items("queries")]
    late = keys.items("x_dns_duplicate_responses")
    for item in late:
        again = _query(item, reading)
        for place, step in enumerate(made):
            if _is_same_question(step.observation, again.observation):
                answers = (*step.observation.answers, *again.observation.answers)
                made[place] = replace(step, observation=replace(step.observation, answers=answers))
                break
        else:
            made.append(again)
    return made


def _query(item: Fields, reading: Reading) -> Step:
    seen = _failed(_begun(item, reading, Operation.DNS), item.text("failure"))
    engine = item.text("engine") or ""
    transport = DnsTransport.SYSTEM if engine in _SYSTEM_ENGINES else _TRANSPORTS.get(engine, DnsTransport.UDP)
    address, port = _endpoint(item.text("resolver_address") or "")
    name = {
        DnsTransport.SYSTEM: "system",
        DnsTransport.DOH: f"doh:{host_of(item.text('resolver_address'))}",
    }.get(transport, f"{transport.value}:{address or 'private'}")
    seen = replace(
        seen,
        name=item.text("hostname"),
        query_type=item.text("query_type"),
        transport=transport,
        resolver=name,
        address=None if transport is DnsTransport.SYSTEM else address,
        port=None if transport is DnsTransport.SYSTEM else port,
    )
    is_answered = seen.failure in _RCODES and (transport is not DnsTransport.SYSTEM or seen.failure is None)
    return _placed(replace(seen, answers=(_answer(item, seen),) if is_answered else ()), item, reading)


def _answer(item: Fields, seen: Observation) -> DnsAnswer:
    addresses: list[str] = []
    networks: list[str | None] = []
    cnames: list[str] = []
    for record in item.items("answers"):
        written = record.text("ipv4") or record.text("ipv6")
        if written is not None and parse_address(written) is not None:
            addresses.append(str(parse_address(written)))
            asn = record.whole_number("asn")
            networks.append(f"AS{asn}" if asn else None)
        elif record.text("hostname"):
            cnames.append(record.text("hostname") or "")
    return DnsAnswer(
        delay_s=seen.duration_s,
        rcode=_RCODES.get(seen.failure),
        addresses=tuple(addresses),
        cnames=tuple(cnames),
        is_valid=True,
        raw=(item.base64("raw_response") or b"")[:_MOST_RAW_BYTES],
        sending=1,
        networks=tuple(networks) if any(networks) else (),
    )


def _is_same_question(one: Observation, other: Observation) -> bool:
    fields = ("name", "query_type", "resolver")
    return all(getattr(one, field) == getattr(other, field) for field in fields)


def _endpoint(written: str) -> tuple[str | None, int | None]:
    """Give address and port; an address that is not on the Internet may be the volunteer's own, and is dropped."""
    if written.startswith("https:"):
        written = f"[{host_of(written)}]:443"
    host, _, port = written.rpartition(":")
    parsed = parse_address(host.strip("[]")) or parse_address(written.strip("[]"))
    if parsed is None or not is_public_address(parsed):
        return None, None
    return str(parsed), int(port) if host and port.isdigit() and int(port) < 65_536 else None


# ---------------------------------------------------------------- df-005, df-006


def _connects(keys: Fields, reading: Reading) -> list[Step]:
    made = []
    for item in keys.items("tcp_connect"):
        status = item.object("status")
        written = status.text("failure")
        if written is None and status.flag("success") is False:
            written = Failure.UNKNOWN.value
        seen = _failed(_begun(item, reading, Operation.TCP), written)
        parsed = parse_address(item.text("ip") or "")
        seen = replace(seen, address=str(parsed) if parsed else None, port=item.whole_number("port"))
        made.append(_placed(seen, item, reading))
    return made


def _handshakes(keys: Fields, reading: Reading, key: str, operation: Operation) -> list[Step]:
    made = []
    for item in keys.items(key):
        seen = _failed(_begun(item, reading, operation), item.text("failure"))
        certificates = tuple(item.binaries("peer_certificates"))
        unverified = None
        if seen.failure in OF_CERTIFICATES:
            unverified = seen.failure
        elif seen.failure is None and item.flag("no_tls_verify"):
            unverified = Failure.UNKNOWN
        address, port = _peer(item.text("address"))
        seen = replace(
            seen,
            failure=None if unverified else seen.failure,
            certificate_failure=unverified,
            error_text="not verified" if unverified is Failure.UNKNOWN else seen.error_text,
            name=item.text("server_name"),
            address=address,
            port=port,
            tls_version=item.text("tls_version") or None,
            tls_cipher=item.text("cipher_suite") or None,
            alpn=item.text("negotiated_protocol") or None,
            certificates=certificates,
            is_peer_hello_received=True if seen.failure is None or unverified or certificates else None,
        )
        made.append(_placed(seen, item, reading))
    return made


def _peer(written: str | None) -> tuple[str | None, int | None]:
    """Give the peer's address and port, wherever it lies: a lie of DNS may point inwards, and that is a fact."""
    host, _, port = (written or "").rpartition(":")
    parsed = parse_address(host.strip("[]"))
    is_port = port.isdigit() and int(port) < 65_536
    return (str(parsed) if parsed else None), (int(port) if parsed and is_port else None)


# ---------------------------------------------------------------- df-001, df-008


def _requests(keys: Fields, reading: Reading, others: list[Step]) -> list[Step]:
    """Give the HTTP steps. The list has the latest request first, also where no tag tells the hop."""
    items = keys.items("requests")
    traffic = _traffic(keys)
    made = []
    for index, item in enumerate(items):
        depth = len(items) - 1 - index if reading.technique is None else 0
        step = _placed(_request(item, reading), item, reading, depth)
        seen = _with_traffic(step.observation, traffic.get(item.whole_number("transaction_id")))
        is_tagged = any(tag.startswith("depth=") for tag in item.texts("tags"))
        operation = None if is_tagged or reading.technique else _layer_that_failed(seen, step.redirect, others)
        if operation is not None:
            seen = _as_layer(seen, operation)
        if not is_tagged:  # then nothing tells the time either, and each hop follows the one before
            seen = _shifted(seen, float(step.redirect))
        made.append(replace(step, observation=reading.fingerprints.marked(seen)))
    return made


def _request(item: Fields, reading: Reading) -> Observation:
    seen = _failed(_begun(item, reading, Operation.HTTP), item.text("failure"))
    asked, answer = item.object("request"), item.object("response")
    url = asked.text("url")
    address, port = _peer(item.text("address"))
    seen = replace(seen, url=url, name=host_of(url) or None, address=address, port=port, alpn=item.text("alpn") or None)
    status = answer.whole_number("code")
    if not status or not 100 <= status <= 999:
        return seen
    headers = {name.lower(): text for name, text in answer.mapping("headers").items()}
    listed = [(name.lower(), text) for name, text in answer.pairs("headers_list")] or list(headers.items())
    first = dict(reversed(listed))
    body, is_cut = answer.binary("body") or b"", answer.flag("body_is_truncated")
    content_type = first.get("content-type", "")
    is_kept = bool(body) or not is_cut
    return replace(
        seen,
        status=status,
        headers=tuple((name, text) for name, text in listed if name in KEPT_HEADERS)[:64],
        location=first.get("location"),
        body=body,
        body_length_bytes=len(body) if is_kept else None,
        is_body_truncated=is_cut,
        title=title_of(body, content_type, _LIMITS.title_chars),
        body_sketch=sketch_of(body, charset_of(body, content_type)),
        is_peer_hello_received=True,
    )


def _layer_that_failed(seen: Observation, redirect: int, others: Iterable[Step]) -> Operation | None:
    """Give the layer in which a request failed whose client told only that it did; ``None`` where HTTP it was.

    OONI's tests before 0.5 left the connection to an HTTP client. Over https, a failure without an answer that
    followed no handshake of our own knowledge is put down to TLS.
    """
    if seen.failure is None or seen.status is not None:
        return None
    if seen.failure.value.startswith("dns_"):
        return Operation.DNS
    if seen.failure in OF_CERTIFICATES or seen.failure is Failure.TLS_HANDSHAKE:
        return Operation.TLS
    connects = [s.observation for s in others if s.observation.operation == Operation.TCP and s.redirect == redirect]
    is_connected = any(step.failure is None for step in connects)
    if seen.failure in {Failure.CONNECTION_REFUSED, Failure.HOST_UNREACHABLE, Failure.NETWORK_UNREACHABLE} or (
        connects and not is_connected
    ):
        return Operation.TCP
    handshakes = [s for s in others if s.observation.operation == Operation.TLS and s.redirect == redirect]
    if (seen.url or "").startswith("https:") and not any(s.observation.failure is None for s in handshakes):
        return Operation.TLS
    return None


def _as_layer(seen: Observation, operation: Operation) -> Observation:
    """Tell the same failure as a step of another layer; the URL goes, because no request was sent."""
    is_certificate = seen.failure in OF_CERTIFICATES
    parts = urlsplit(seen.url or "")
    port = {"https": 443, "http": 80}.get(parts.scheme)
    return replace(
        seen,
        operation=operation,
        url=None,
        port=None if operation == Operation.DNS else seen.port or port,
        transport=DnsTransport.SYSTEM if operation == Operation.DNS else None,
        resolver="system" if operation == Operation.DNS else None,
        failure=None if is_certificate else seen.failure,
        certificate_failure=seen.failure if is_certificate else None,
    )


@dataclass(frozen=True, slots=True)
class _Traffic:
    """What one connection sent and received, and how that went."""

    bytes_sent: int
    reads: tuple[tuple[float, int], ...]


def _traffic(keys: Fields) -> dict[int | None, _Traffic]:
    """Give the traffic of each connection, from its reads and writes."""
    sent: dict[int, int] = defaultdict(int)
    reads: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for item in keys.items("network_events"):
        number, count = item.whole_number("transaction_id"), item.whole_number("num_bytes") or 0
        operation = item.text("operation")
        if number is None or count <= 0:
            continue
        if operation == "write":
            sent[number] += count
        elif operation == "read":
            total = reads[number][-1][1] if reads[number] else 0
            reads[number].append((max(item.number("t"), 0.0), total + count))
    return {number: _Traffic(sent[number], tuple(reads[number])) for number in {*sent, *reads}}


def _with_traffic(seen: Observation, traffic: _Traffic | None) -> Observation:
    """Add what the request's connection did; of a transfer, what was read since the request, on its clock."""
    if traffic is None:
        return seen
    before = max((total for at_s, total in traffic.reads if at_s < seen.started_mono_s), default=0)
    since = [(at_s - seen.started_mono_s, total - before) for at_s, total in traffic.reads if total > before]
    return replace(
        seen,
        bytes_sent=traffic.bytes_sent,
        bytes_received=since[-1][1] if since else 0,
        progress=tuple(since[-_MOST_PROGRESS:]),
    )
