"""One measurement of ours as OONI's web_connectivity 0.5 writes one (data formats df-000 to df-008).

The way to the page goes into OONI's own lists. What they have no place for goes
under ``x_nameblind``: pairs, closer looks, hops, and what we call things. No
verdict of ours is written, and none of OONI's is made up: ``blocking`` and
``accessible`` are null. Pages' bytes are not kept by us, so ``body`` is empty and
says that it was cut.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from analysis.exchange.ooni.measurement import CLOCK_SOURCE
from probe.failures import Failure
from probe.model import DnsTransport, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from probe.store.models import Cycle, DnsAnswer, Measurement, Observation, Pair, Vantage

TEST_NAME: Final = "web_connectivity"
TEST_VERSION: Final = "0.5.0"
"""The data format that is written; the test itself is ours, and ``software_name`` says so."""
_SCRUBBED_ADDRESS: Final = "127.0.0.1"
"""What OONI's probes write where an address was taken out."""
_ENGINES: Final = {DnsTransport.SYSTEM.value: "getaddrinfo"}
_FAILURES: Final = {
    "NXDOMAIN": Failure.DNS_NXDOMAIN.value,
    "REFUSED": Failure.DNS_REFUSED.value,
    "SERVFAIL": Failure.DNS_SERVFAIL.value,
}
"""Of an answer that came after the first: what it says itself."""
_CONTINUING: Final = frozenset({None, "retry", "resolvers"})
_QUIETLY: Final = frozenset({"vantage_id", "chain_seq", "chain_sha256", "received_at", "measurement_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The stored rows of one measurement, in order of time."""

    vantage: Vantage
    cycle: Cycle
    measurement: Measurement
    observations: Sequence[Observation]
    answers: Mapping[str, Sequence[DnsAnswer]]
    pairs: Sequence[Pair]
    certificates: Mapping[str, bytes]


@dataclass(slots=True)
class _Numbers:
    """Transaction ids: one for each connection, as OONI gives them."""

    known: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def of(self, row: Observation) -> int:
        is_connection = row.operation in {Operation.TCP, Operation.TLS, Operation.HTTP}
        key = (row.attempt, row.redirect, row.address, row.port) if is_connection else (row.observation_id,)
        return self.known.setdefault(key, len(self.known) + 1)


def as_ooni(rows: Rows) -> dict[str, Any]:
    """Give the measurement as OONI's JSON."""
    vantage, measurement = rows.vantage, rows.measurement
    runtime = (measurement.ended_at - measurement.started_at).total_seconds()
    annotations = {
        "nameblind_role": vantage.role,
        "nameblind_vantage": vantage.vantage_id,
        CLOCK_SOURCE: rows.cycle.clock_source,
    }
    if vantage.bearer == "mobile":
        annotations["network_type"] = "mobile"
    elif vantage.bearer == "fixed":
        annotations["network_type"] = "wired_ethernet"
    return {
        "annotations": annotations,
        "data_format_version": "0.2.0",
        "extensions": {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0},
        "input": measurement.url,
        "measurement_start_time": _time(measurement.started_at),
        "probe_asn": vantage.network or "AS0",
        "probe_cc": vantage.country,
        "probe_ip": _SCRUBBED_ADDRESS,
        "probe_network_name": None,
        "report_id": "",
        "resolver_asn": "AS0",
        "resolver_ip": _SCRUBBED_ADDRESS,
        "resolver_network_name": None,
        "software_name": "nameblind",
        "software_version": rows.cycle.software_version,
        "test_helpers": {},
        "test_keys": _keys(rows),
        "test_name": TEST_NAME,
        "test_runtime": runtime,
        "test_start_time": _time(rows.cycle.started_at),
        "test_version": TEST_VERSION,
    }


def _keys(rows: Rows) -> dict[str, Any]:
    routine = [row for row in rows.observations if _is_routine(row)]
    origin = min((row.started_mono_s for row in rows.observations), default=0.0)
    numbers = _Numbers()
    lists: dict[str, list[dict[str, Any]]] = {
        "queries": [],
        "tcp_connect": [],
        "tls_handshakes": [],
        "quic_handshakes": [],
        "requests": [],
        "x_dns_duplicate_responses": [],
    }
    for row in routine:
        common = {
            "t0": round(row.started_mono_s - origin, 6),
            "t": round(row.started_mono_s - origin + row.duration_s, 6),
            "tags": _tags(row),
            "transaction_id": numbers.of(row),
        }
        match row.operation:
            case Operation.DNS:
                first, *later = _queries(row, rows.answers.get(row.observation_id, ()), common)
                lists["queries"].append(first)
                lists["x_dns_duplicate_responses"] += later
            case Operation.TCP:
                lists["tcp_connect"].append(_connect(row, common))
            case Operation.TLS:
                lists["tls_handshakes"].append(_handshake(row, rows.certificates, common))
            case Operation.QUIC:
                lists["quic_handshakes"].append(_handshake(row, rows.certificates, common))
            case Operation.HTTP:
                lists["requests"].append(_request(row, common))
    lists["requests"].reverse()  # OONI's lists have the latest request first
    return {
        "agent": "redirect",
        "client_resolver": _SCRUBBED_ADDRESS,
        "retries": None,
        "socksproxy": None,
        "network_events": _events(routine, numbers, origin),
        **lists,
        "control": {},
        "control_failure": None,
        "dns_experiment_failure": None,
        "dns_consistency": None,
        "http_experiment_failure": None,
        "blocking": None,
        "accessible": None,
        "x_nameblind": _ours(rows),
    }


def _is_routine(row: Observation) -> bool:
    return row.pair_id is None and row.way is None and row.technique in _CONTINUING and row.operation != Operation.HOP


def _tags(row: Observation) -> list[str]:
    tags = ["classic"] if row.technique is None else []
    tags += [f"depth={row.redirect}", "fetch_body=true"]
    return tags if row.attempt == 1 else [*tags, f"attempt={row.attempt}"]


def _queries(row: Observation, answers: Sequence[DnsAnswer], common: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the question with its first valid answer, and one more entry for each other valid one."""
    valid = [answer for answer in answers if answer.is_valid]
    address = None
    if row.transport == DnsTransport.DOH.value:
        address = f"https://{_bracketed(row.address or row.resolver or 'unknown')}/dns-query"
    elif row.address is not None:
        address = f"{_bracketed(row.address)}:{row.port or 53}"
    asked = {
        "engine": _ENGINES.get(row.transport or "", row.transport or "getaddrinfo"),
        "failure": row.failure,
        "hostname": row.name or "",
        "query_type": row.query_type or "A",
        "resolver_hostname": None,
        "resolver_port": None,
        "resolver_address": address or "",
        **common,
    }
    if not valid:
        return [{**asked, "answers": None}]
    return [
        {
            **asked,
            "answers": _records(answer),
            "raw_response": base64.b64encode(answer.raw).decode() if answer.raw else None,
            "t": round(common["t0"] + answer.delay_s, 6),
            "failure": row.failure if position == 0 else _FAILURES.get(answer.rcode or ""),
        }
        for position, answer in enumerate(valid)
    ]


def _records(answer: DnsAnswer) -> list[dict[str, Any]]:
    networks = answer.networks or [None] * len(answer.addresses)
    records: list[dict[str, Any]] = [{"answer_type": "CNAME", "hostname": name, "ttl": None} for name in answer.cnames]
    for address, network in zip(answer.addresses, networks, strict=False):
        kind, key = ("AAAA", "ipv6") if ":" in address else ("A", "ipv4")
        asn = int(network.removeprefix("AS")) if network else None
        records.append({"answer_type": kind, key: address, "ttl": None} | ({"asn": asn} if asn else {}))
    return records


def _connect(row: Observation, common: dict[str, Any]) -> dict[str, Any]:
    return {
        "ip": row.address or "",
        "port": row.port or 0,
        "status": {"failure": row.failure, "success": row.failure is None},
        **common,
    }


def _handshake(row: Observation, certificates: Mapping[str, bytes], common: dict[str, Any]) -> dict[str, Any]:
    chain = [certificates[sha256] for sha256 in row.certificates or () if sha256 in certificates]
    return {
        "network": "udp" if row.operation == Operation.QUIC else "tcp",
        "address": _endpoint(row),
        "cipher_suite": row.tls_cipher or "",
        "failure": row.failure or row.certificate_failure,
        "negotiated_protocol": row.alpn or "",
        "no_tls_verify": False,
        "peer_certificates": [{"data": base64.b64encode(der).decode(), "format": "base64"} for der in chain] or None,
        "server_name": row.name or "",
        "tls_version": row.tls_version or "",
        **common,
    }


def _request(row: Observation, common: dict[str, Any]) -> dict[str, Any]:
    headers = [[name, value] for name, value in row.headers or ()]
    if row.location is not None:
        headers.append(["Location", row.location])
    return {
        "network": "tcp",
        "address": _endpoint(row),
        "alpn": row.alpn or "",
        "failure": row.failure,
        "request": {
            "body": "",
            "body_is_truncated": False,
            "headers_list": [],
            "headers": {},
            "method": "GET",
            "tor": {"exit_ip": None, "exit_name": None, "is_tor": False},
            "x_transport": "tcp",
            "url": row.url or "",
        },
        "response": {
            "body": "",
            "body_is_truncated": bool(row.body_length_bytes),
            "code": row.status or 0,
            "headers_list": headers,
            "headers": dict(headers),
        },
        **common,
    }


def _events(routine: Iterable[Observation], numbers: _Numbers, origin: float) -> list[dict[str, Any]]:
    """Give how transfers went, as reads: each brings what the one before had not."""
    events = []
    for row in routine:
        before = 0
        for at_s, count in row.progress or ():
            events.append(
                {
                    "address": _endpoint(row),
                    "failure": None,
                    "num_bytes": count - before,
                    "operation": "read",
                    "proto": "tcp",
                    "t": round(row.started_mono_s - origin + at_s, 6),
                    "transaction_id": numbers.of(row),
                }
            )
            before = count
    return events


def _ours(rows: Rows) -> dict[str, Any]:
    """Give what OONI's lists have no place for."""
    measurement = rows.measurement
    apart = [row for row in rows.observations if not _is_routine(row)]
    return {
        "measurement_id": measurement.measurement_id,
        "cycle_id": measurement.cycle_id,
        "service": measurement.service,
        "target": measurement.target,
        "kind": measurement.kind,
        "round": measurement.round,
        "video": measurement.video,
        "chain_seq": measurement.chain_seq,
        "chain_sha256": measurement.chain_sha256,
        "pages": [
            {
                "url": row.url,
                "title": row.title,
                "body_length_bytes": row.body_length_bytes,
                "body_sha256": row.body_sha256,
                "fingerprint": row.fingerprint,
            }
            for row in rows.observations
            if _is_routine(row) and row.status is not None
        ],
        "steps": [_columns(row) for row in apart],
        "pairs": [_columns(pair) for pair in rows.pairs],
    }


def _columns(row: Observation | Pair) -> dict[str, Any]:
    """Give the columns of a row that are not empty, times as OONI writes them."""
    values = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return {
        key: _time(value) if key == "started_at" else value
        for key, value in values.items()
        if value is not None and key not in _QUIETLY
    }


def _endpoint(row: Observation) -> str:
    return "" if row.address is None else f"{_bracketed(row.address)}:{row.port or 0}"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _time(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S")
