"""What OONI's test helper saw, as a sentinel's steps: it stands outside, and was asked at the same moment.

The helper's answer holds its resolution, its connects and handshakes to every
endpoint that the probe found, and one HTTP request that follows redirects, of
which only the end is told. Its pages' bytes are not told, only length and title.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analysis.exchange.ooni.failures import OF_CERTIFICATES, failure_of
from analysis.outcome import host_of
from probe.addresses import parse_address
from probe.failures import Failure
from probe.model import DnsAnswer, DnsTransport, Observation, Operation
from probe.record import Step
from probe.scrub import scrub
from probe.steps.http import KEPT_HEADERS

if TYPE_CHECKING:
    from datetime import datetime

    from analysis.exchange.ooni.fields import Fields

RESOLVER = "test-helper"
_UNKNOWN_LENGTH = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """What the helper was asked, and when."""

    url: str
    started_at: datetime


def steps_of(control: Fields, asked: Asked) -> list[Step]:
    """Give the helper's steps, in the order in which it takes them."""
    made = [*_dns(control, asked), *_connects(control, asked), *_handshakes(control, asked), *_page(control, asked)]
    return [Step(observation=seen) for seen in made]


def _begun(asked: Asked, operation: Operation, order: int) -> Observation:
    """Give a step of which the helper told no time."""
    return Observation(
        operation=operation, started_at=asked.started_at, started_mono_s=float(order), ended_mono_s=float(order)
    )


def _dns(control: Fields, asked: Asked) -> list[Observation]:
    if "dns" not in control:
        return []
    told = control.object("dns")
    failure = failure_of(told.text("failure"))
    addresses = tuple(str(parsed) for parsed in map(parse_address, told.texts("addrs")) if parsed is not None)
    networks = tuple(_network(control, address) for address in addresses)
    if failure is None and not addresses:
        failure = Failure.DNS_NO_ANSWER
    answer = DnsAnswer(
        delay_s=0.0,
        rcode="NOERROR",
        addresses=addresses,
        cnames=(),
        is_valid=True,
        raw=b"",
        sending=1,
        networks=networks if any(networks) else (),
    )
    return [
        replace(
            _begun(asked, Operation.DNS, 0),
            name=host_of(asked.url) or None,
            query_type="ANY",
            transport=DnsTransport.SYSTEM,
            resolver=RESOLVER,
            failure=failure,
            answers=(answer,) if failure is None else (),
        )
    ]


def _network(control: Fields, address: str) -> str | None:
    asn = control.object("ip_info").object(address).whole_number("asn")
    return f"AS{asn}" if asn else None


def _connects(control: Fields, asked: Asked) -> list[Observation]:
    told = control.object("tcp_connect")
    made = []
    for endpoint in told.keys:
        address, port = _split(endpoint)
        status = told.object(endpoint)
        failure = failure_of(status.text("failure"))
        if failure is None and status.flag("status") is False:
            failure = Failure.UNKNOWN
        made.append(replace(_begun(asked, Operation.TCP, 1), address=address, port=port, failure=failure))
    return made


def _handshakes(control: Fields, asked: Asked) -> list[Observation]:
    made = []
    for key, operation in (("tls_handshake", Operation.TLS), ("quic_handshake", Operation.QUIC)):
        told = control.object(key)
        for endpoint in told.keys:
            address, port = _split(endpoint)
            status = told.object(endpoint)
            failure = failure_of(status.text("failure"))
            if failure is None and status.flag("status") is False:
                failure = Failure.UNKNOWN
            is_certificate = failure in OF_CERTIFICATES
            made.append(
                replace(
                    _begun(asked, operation, 2),
                    address=address,
                    port=port,
                    name=status.text("server_name") or host_of(asked.url) or None,
                    failure=None if is_certificate else failure,
                    certificate_failure=failure if is_certificate else None,
                    is_peer_hello_received=True if failure is None or is_certificate else None,
                )
            )
    return made


def _page(control: Fields, asked: Asked) -> list[Observation]:
    if "http_request" not in control:
        return []
    told = control.object("http_request")
    failure, status = failure_of(told.text("failure")), told.whole_number("status_code")
    seen = replace(_begun(asked, Operation.HTTP, 3), url=asked.url, name=host_of(asked.url) or None, failure=failure)
    if not status or status <= 0:
        return [seen if failure is not None else replace(seen, failure=Failure.UNKNOWN)]
    length = told.whole_number("body_length")
    headers = [(name.lower(), text) for name, text in told.mapping("headers").items()]
    return [
        replace(
            seen,
            status=status,
            headers=tuple((name, text) for name, text in headers if name in KEPT_HEADERS),
            body_length_bytes=None if length is None or length <= _UNKNOWN_LENGTH else length,
            title=scrub(told.text("title") or "")[:200] or None,
        )
    ]


def _split(endpoint: str) -> tuple[str | None, int | None]:
    host, _, port = endpoint.rpartition(":")
    parsed = parse_address(host.strip("[]"))
    return (str(parsed) if parsed else None), (int(port) if port.isdigit() and int(port) < 65_536 else None)
