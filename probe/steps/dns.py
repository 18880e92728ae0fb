"""One DNS query, over any of the transports of a schedule.

Over UDP every datagram is kept with its delay, because an injected answer
arrives first and the true one after it; what a stub resolver would make of
them, the first valid answer, decides the failure. A bogon in an answer is no
failure: the answer is stored, and read by the analysis. Where nothing answers,
the question is sent again, as a stub resolver does: a datagram that was lost
must not read as a fault of the name.

DoT and DoH use our own TLS and HTTP steps. Nothing is asked of a resolver
whose certificate does not verify.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from probe.failures import Failure
from probe.model import DnsAnswer, DnsTransport, Observation, Operation
from probe.net import AddressNotDialledError, Listening, NoSystemResolverError
from probe.steps import http, tls
from probe.steps.dns_message import RECORDS_KEPT, BadQuestionError, Question
from probe.steps.failing import failure_of, text_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dns.edns import Option

    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net, Stream
    from probe.schedule.model import Resolver
    from probe.trust import Trust

_PORTS = {DnsTransport.UDP: 53, DnsTransport.TCP: 53, DnsTransport.DOT: 853, DnsTransport.DOH: 443}
_FAMILIES = {"A": 4, "AAAA": 6}
_LENGTH_BYTES = 2  # before each message on a stream, RFC 1035 section 4.2.2
_AGAIN_AFTER_S = (1.0, 3.0)
"""When a datagram without an answer is repeated: resolvers of operating systems wait as long or longer (RFC 1035,
section 4.2.1), and with a fifth of all packets lost, 5 questions in 100 remain without an answer instead of 36."""
_REFUSALS = (OSError, UnicodeError, AddressNotDialledError, NoSystemResolverError, BadQuestionError)
_MEDIA_TYPE = "application/dns-message"  # RFC 8484


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsEndpoint:
    """Whom to ask, and what."""

    resolver: Resolver
    """Over UDP, one without an address is the system's own, whose address is never stored."""
    name: str
    query_type: str
    trust: Trust | None
    """Of DoT and DoH; ``None`` leaves the resolver's certificate unverified."""
    query_class: str = "IN"
    """``CH`` for what a server says of itself."""
    options: tuple[Option, ...] = ()
    """Of EDNS; without any the question is plain, as a C library's."""


@dataclass(frozen=True, slots=True)
class _Query:
    """One query under way: what every transport needs."""

    endpoint: DnsEndpoint
    question: Question
    deadline: float
    net: Net
    clock: Clock
    limits: Limits


async def query(endpoint: DnsEndpoint, net: Net, clock: Clock, limits: Limits) -> Observation:
    """Ask once, within ``limits.dns_timeout_s``; ``answers`` holds all that came, in order.

    The failure is that of the first valid answer. Over UDP the step listens on
    for ``limits.dns_late_window_s`` after it.
    """
    resolver = endpoint.resolver
    began = clock.monotonic()
    seen = Observation(
        operation=Operation.DNS,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        name=endpoint.name,
        address=None if resolver.transport is DnsTransport.SYSTEM else resolver.address,
        port=resolver.port or _PORTS.get(resolver.transport),
        resolver=resolver.name,
        transport=resolver.transport,
        query_type=endpoint.query_type,
    )
    try:
        # RFC 8484 section 4.1: an id of 0 lets caches in between answer.
        message_id = 0 if resolver.transport is DnsTransport.DOH else None
        repeats = len(_AGAIN_AFTER_S) if resolver.transport is DnsTransport.UDP else 0
        question = Question.ask(
            endpoint.name,
            endpoint.query_type,
            query_class=endpoint.query_class,
            message_id=message_id,
            repeats=repeats,
            options=endpoint.options,
        )
        under_way = _Query(endpoint, question, began + limits.dns_timeout_s, net, clock, limits)
        seen = await _BY_TRANSPORT[resolver.transport](under_way, seen)
    except _REFUSALS as error:
        seen = replace(seen, failure=failure_of(error), error_text=text_of(error, limits))
    return replace(seen, ended_mono_s=clock.monotonic())


async def _ask_system(under_way: _Query, seen: Observation) -> Observation:
    family = _FAMILIES.get(under_way.endpoint.query_type)
    if family is None:
        raise BadQuestionError
    found = await under_way.net.resolve(under_way.endpoint.name, family, under_way.deadline)
    answer = DnsAnswer(
        delay_s=under_way.clock.monotonic() - seen.started_mono_s,
        rcode="NOERROR",
        addresses=found[:RECORDS_KEPT],
        cnames=(),
        is_valid=True,
        raw=b"",  # the system shows no message
    )
    return replace(seen, answers=(answer,))


async def _ask_over_udp(under_way: _Query, seen: Observation) -> Observation:
    question, limits, net = under_way.question, under_way.limits, under_way.net
    listening = Listening(
        late_window_s=limits.dns_late_window_s,
        max_datagrams=limits.dns_datagrams,
        is_answer=question.is_answered_by,
        again=tuple(zip(_AGAIN_AFTER_S, (repeat.wire for repeat in question.repeats), strict=True)),
    )
    if seen.address is None:
        exchanged = await net.exchange_with_system_resolver(question.wire, under_way.deadline, listening)
    else:
        exchanged = await net.exchange_datagrams(
            seen.address, seen.port or 0, question.wire, under_way.deadline, listening
        )
    answers = tuple(question.read(datagram.data, datagram.delay_s) for datagram in exchanged.datagrams)
    failure, error_text = question.failure_of(answers)
    if not answers and exchanged.error is not None:
        failure, error_text = failure_of(exchanged.error), text_of(exchanged.error, limits)
    return replace(
        seen,
        answers=answers,
        failure=failure,
        error_text=error_text,
        source_port=exchanged.source_port,
        bytes_sent=exchanged.bytes_sent,
        bytes_received=exchanged.bytes_received,
    )


async def _ask_over_stream(under_way: _Query, seen: Observation) -> Observation:
    """Ask over TCP, DoT or DoH: connect, shake hands where the transport wants it, exchange."""
    opened = await under_way.net.connect(seen.address or "", seen.port or 0, under_way.deadline)
    stream: Stream | None = opened
    try:
        if seen.transport is not DnsTransport.TCP:
            seen, stream = await _secure(under_way, seen, opened)
        if stream is not None:
            exchange = _post if seen.transport is DnsTransport.DOH else _exchange_messages
            seen = await exchange(under_way, seen, stream)
    except (OSError, EOFError) as error:
        seen = replace(seen, failure=failure_of(error), error_text=text_of(error, under_way.limits))
    finally:
        await opened.close()
    return replace(
        seen,
        source_port=opened.source_port,
        bytes_sent=opened.bytes_sent,
        bytes_received=opened.bytes_received,
    )


async def _secure(under_way: _Query, seen: Observation, opened: Stream) -> tuple[Observation, Stream | None]:
    """Shake hands with the resolver; no stream where its certificate is not its own."""
    remaining_s = max(under_way.deadline - under_way.clock.monotonic(), 0.0)
    shaken, stream = await tls.handshake(
        tls.TlsEndpoint(
            stream=opened,
            address=seen.address or "",
            port=seen.port or 0,
            server_name=under_way.endpoint.resolver.server_name,
            trust=under_way.endpoint.trust,
            alpn=("http/1.1",) if seen.transport is DnsTransport.DOH else (),
        ),
        under_way.net,
        under_way.clock,
        replace(under_way.limits, tls_timeout_s=remaining_s),
    )
    failure = shaken.failure or shaken.certificate_failure
    seen = replace(
        seen,
        failure=failure,
        error_text=shaken.error_text,
        tls_version=shaken.tls_version,
        tls_cipher=shaken.tls_cipher,
        alpn=shaken.alpn,
        certificates=shaken.certificates,
        certificate_failure=shaken.certificate_failure,
        is_peer_hello_received=shaken.is_peer_hello_received,
    )
    return seen, stream if failure is None else None


async def _exchange_messages(under_way: _Query, seen: Observation, stream: Stream) -> Observation:
    """Send the question with its length before it, and read messages up to the first valid one."""
    question, clock = under_way.question, under_way.clock
    sent_at = clock.monotonic()
    wire = question.wire
    await stream.write(len(wire).to_bytes(_LENGTH_BYTES) + wire, under_way.deadline)
    answers: list[DnsAnswer] = []
    while len(answers) < under_way.limits.dns_datagrams:
        try:
            length = int.from_bytes(await _read_exactly(stream, _LENGTH_BYTES, under_way.deadline))
            raw = await _read_exactly(stream, length, under_way.deadline)
        except (OSError, EOFError):
            if not answers:
                raise
            break
        answers.append(question.read(raw, clock.monotonic() - sent_at))
        if answers[-1].is_valid:
            break
    failure, error_text = question.failure_of(answers)
    return replace(seen, answers=tuple(answers), failure=failure, error_text=error_text)


async def _read_exactly(stream: Stream, length: int, deadline: float) -> bytes:
    data = b""
    while len(data) < length:
        more = await stream.read(length - len(data), deadline)
        if not more:
            raise EOFError
        data += more
    return data


async def _post(under_way: _Query, seen: Observation, stream: Stream) -> Observation:
    """Post the question (RFC 8484). An answer that is no DNS message is not kept: it may be any page."""
    question, clock = under_way.question, under_way.clock
    sent_at = clock.monotonic()
    host = under_way.endpoint.resolver.server_name or _bracketed(seen.address or "")
    exchanged = await http.exchange(
        http.HttpEndpoint(
            stream=stream,
            address=seen.address or "",
            port=seen.port or 0,
            url=f"https://{host}{under_way.endpoint.resolver.path}",
            headers=(("Content-Type", _MEDIA_TYPE), ("Accept", _MEDIA_TYPE)),
            method="POST",
            content=question.wire,
        ),
        under_way.net,
        clock,
        replace(under_way.limits, http_timeout_s=max(under_way.deadline - sent_at, 0.0)),
    )
    seen = replace(seen, failure=exchanged.failure, error_text=exchanged.error_text, status=exchanged.status)
    if exchanged.failure is not None:
        return seen
    answer = question.read(exchanged.body, clock.monotonic() - sent_at)
    if exchanged.status != HTTPStatus.OK or not answer.is_valid:
        return replace(seen, failure=Failure.DNS_MALFORMED)
    failure, error_text = question.failure_of([answer])
    return replace(seen, answers=(answer,), failure=failure, error_text=error_text)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


_BY_TRANSPORT: dict[DnsTransport, Callable[[_Query, Observation], Awaitable[Observation]]] = {
    DnsTransport.SYSTEM: _ask_system,
    DnsTransport.UDP: _ask_over_udp,
    DnsTransport.TCP: _ask_over_stream,
    DnsTransport.DOT: _ask_over_stream,
    DnsTransport.DOH: _ask_over_stream,
}
