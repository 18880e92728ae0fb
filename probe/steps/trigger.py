"""One message with a name in it, sent no further than some router: a ClientHello, an HTTP request, a DNS question.

The connection before it is opened as any other. What came back is the
observation: an ICMP error (``host_unreachable``, with ``icmp_errors``), a reset,
an answer, or silence. Whether that is the name's doing shows only beside
another name's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from probe.failures import Failure
from probe.model import DnsTransport, Observation, Operation
from probe.net import AddressNotDialledError
from probe.steps.dns_message import Question
from probe.steps.failing import failure_of, text_of

if TYPE_CHECKING:
    from probe.clock import Clock
    from probe.limited import Limited, LimitedAnswer
    from probe.limits import Limits
    from probe.net import Net

_TLS_RECORDS = range(20, 25)  # change_cipher_spec to heartbeat, RFC 8446 section 5.1
_FIRST_HOP = 1  # the volunteer's own router, mostly: its address is nobody's business


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEndpoint:
    """Where a message is sent, how far, and from which port."""

    address: str
    port: int
    operation: Operation
    """``TLS``, ``HTTP`` or ``DNS``: what the message is."""
    name: str
    message: bytes | Question
    limited: Limited


async def send(endpoint: TriggerEndpoint, net: Net, clock: Clock, limits: Limits) -> Observation:
    """Send it, and say what came back first; of a connection that fails, an observation of ``TCP``."""
    began = clock.monotonic()
    question = endpoint.message if isinstance(endpoint.message, Question) else None
    message = endpoint.message.wire if isinstance(endpoint.message, Question) else endpoint.message
    seen = Observation(
        operation=endpoint.operation,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        name=endpoint.name,
        address=endpoint.address,
        port=endpoint.port,
        source_port=endpoint.limited.source_port,
        hop_limit=endpoint.limited.hop_limit,
        transport=DnsTransport.UDP if question else None,
        query_type="A" if question else None,
    )
    try:
        answer = await net.send_limited(
            endpoint.address,
            endpoint.port,
            message,
            endpoint.limited,
            began + limits.tcp_timeout_s,
            is_udp=question is not None,
        )
    except (OSError, AddressNotDialledError) as error:
        return replace(
            seen,
            operation=Operation.TCP,
            failure=failure_of(error),
            error_text=text_of(error, limits),
            ended_mono_s=clock.monotonic(),
        )
    seen = replace(
        seen,
        ended_mono_s=began + answer.delay_s,
        bytes_sent=len(message),
    )
    return _with_answer(seen, answer, question)


async def who_drops(endpoint: TriggerEndpoint, net: Net, clock: Clock, limits: Limits) -> Observation:
    """Send a bare SYN of the same flow (of UDP the question), and say who dropped it: an observation of ``HOP``."""
    question = endpoint.message.wire if isinstance(endpoint.message, Question) else None
    began = clock.monotonic()
    seen = Observation(
        operation=Operation.HOP,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        port=endpoint.port,
        source_port=endpoint.limited.source_port,
        hop_limit=endpoint.limited.hop_limit,
    )
    try:
        answer = await net.send_limited(
            endpoint.address,
            endpoint.port,
            question,
            endpoint.limited,
            began + limits.hop_timeout_s,
            is_udp=question is not None,
        )
    except (OSError, AddressNotDialledError) as error:
        return replace(seen, failure=failure_of(error), ended_mono_s=clock.monotonic())
    return replace(
        seen,
        ended_mono_s=clock.monotonic(),
        address=storable_address(answer, endpoint.limited.hop_limit, net),
        failure=None if answer.icmp else Failure.TIMEOUT,
        icmp_errors=answer.icmp_errors,
        icmp_type=answer.icmp.icmp_type if answer.icmp else None,
        icmp_code=answer.icmp.icmp_code if answer.icmp else None,
    )


def storable_address(answer: LimitedAnswer, hop_limit: int | None, net: Net) -> str | None:
    """Give who sent the ICMP error, unless it may stand in the volunteer's own house or is nobody's on the Internet."""
    if answer.icmp is None or answer.is_near or hop_limit == _FIRST_HOP:
        return None
    return answer.icmp.address if net.may_dial(answer.icmp.address) else None


def _with_answer(seen: Observation, answer: LimitedAnswer, question: Question | None) -> Observation:
    came = answer.came
    seen = replace(
        seen,
        source_port=answer.source_port,
        bytes_received=answer.bytes_received,
        icmp_errors=answer.icmp_errors,
        icmp_type=answer.icmp.icmp_type if answer.icmp else None,
        icmp_code=answer.icmp.icmp_code if answer.icmp else None,
    )
    if question is not None and isinstance(came, bytes):
        read = question.read(came, answer.delay_s)
        return replace(seen, answers=(read,), failure=None if read.is_valid else Failure.DNS_MALFORMED)
    if came is None:
        return replace(seen, failure=Failure.HOST_UNREACHABLE if answer.icmp_errors else Failure.TIMEOUT)
    if isinstance(came, OSError):
        return replace(seen, failure=failure_of(came))
    if not came:
        return replace(seen, failure=Failure.EOF)
    is_record = came[0] in _TLS_RECORDS
    return replace(seen, is_peer_hello_received=is_record if seen.operation is Operation.TLS else None)
