"""What a schedule would contact, how often, and an estimate of what that costs: before anything is sent.

The estimate counts the steps of :mod:`probe.cycle` and gives each a typical
size. It is a range, because what depends on the far side (addresses of a name,
length of a page, redirects) is not known beforehand; what a cycle really cost
is stored at its end. Nothing is resolved or sent here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from probe.model import DnsTransport, Target, TargetKind
from probe.swaps import swaps_of
from probe.techniques.name_pairs import AT_TARGET

if TYPE_CHECKING:
    from probe.schedule.model import Schedule

DAY_S: Final = 86_400

# Typical sizes in bytes, both ways, IP headers included.
DNS_DATAGRAM: Final = 300
TCP: Final = 500
TLS: Final = 6_000
"""A handshake with a public chain of two or three certificates; large sites were seen to take 4.5 to 7 kB."""
HELPER_TLS: Final = 2_500
"""A handshake with one small self-signed certificate."""
HTTP_HEAD: Final = 1_500
SMALL_BODY: Final = 10_000
"""Of a page where the estimate is low; where it is high, the body limit."""

BASIS: Final = (
    f"typical sizes in bytes, both ways: {DNS_DATAGRAM} a DNS question by datagram, {TCP} a TCP connection",
    f"and {TLS} a TLS handshake ({HELPER_TLS} with a helper), {HTTP_HEAD} the heads of an HTTP exchange",
    f"low: one address a name, pages of {SMALL_BODY} bytes at most, no redirect",
    "high: every address that the limits allow on IPv4 and IPv6, pages as long as the limit, one redirect each",
    "nothing is wrong: the follow-up of a failed target comes on top and is given apart",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """An estimate in bytes, both directions together."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a schedule comes to."""

    cycles_per_day: float
    bytes_per_cycle: Range
    bytes_per_day: Range
    follow_up_bytes: Range
    """On top, for each target that fails, in each cycle in which it does."""
    basis: tuple[str, ...] = BASIS


def estimate(schedule: Schedule) -> Plan:
    """Estimate the bytes of a schedule."""
    cycles_per_day = DAY_S / schedule.cadence_s
    low = sum(_cycle_bytes(target, schedule, is_high=False) for target in schedule.targets)
    high = sum(_cycle_bytes(target, schedule, is_high=True) for target in schedule.targets)
    targets = schedule.of_kind(TargetKind.TARGET)
    return Plan(
        cycles_per_day=cycles_per_day,
        bytes_per_cycle=Range(low=low, high=high),
        bytes_per_day=Range(low=round(low * cycles_per_day), high=round(high * cycles_per_day)),
        follow_up_bytes=Range(
            low=min(_follow_up_bytes(target, schedule, is_high=False) for target in targets),
            high=max(_follow_up_bytes(target, schedule, is_high=True) for target in targets),
        ),
    )


def _cycle_bytes(target: Target, schedule: Schedule, *, is_high: bool) -> int:
    """Count a target once, a control twice (first and last); pairs are made once, of portal checks never."""
    rounds = 1 if target.kind is TargetKind.TARGET else 2
    pairs = 0 if target.kind is TargetKind.PORTAL_CHECK else schedule.pairs.routine * len(swaps_of(target))
    measurement = _measurement_bytes(target, schedule, is_high=is_high)
    return rounds * measurement + pairs * _pair_bytes(target, schedule, is_at_helper=bool(schedule.helpers))


def _measurement_bytes(target: Target, schedule: Schedule, *, is_high: bool) -> int:
    limits = schedule.limits
    dials = limits.addresses_per_family * 2 if is_high else 1
    connection = TCP + (TLS if target.url.startswith("https") else 0)
    body = limits.http_body_bytes if is_high else min(SMALL_BODY, limits.http_body_bytes)
    names = 2 * sum(_question_bytes(resolver.transport) for resolver in schedule.resolvers)
    page = dials * connection + HTTP_HEAD + (0 if target.kind is TargetKind.PORTAL_CHECK else body)
    is_redirected = is_high and target.kind is not TargetKind.PORTAL_CHECK
    redirect = 2 * DNS_DATAGRAM + dials * (TCP + TLS) + HTTP_HEAD if is_redirected else 0
    return names + page + redirect


def _question_bytes(transport: DnsTransport) -> int:
    if transport in {DnsTransport.DOT, DnsTransport.DOH}:
        return DNS_DATAGRAM + TCP + TLS  # a connection of its own for each question
    return DNS_DATAGRAM + (TCP if transport is DnsTransport.TCP else 0)


def _pair_bytes(target: Target, schedule: Schedule, *, is_at_helper: bool) -> int:
    if target.url.startswith("https"):
        arm = TCP + (HELPER_TLS if is_at_helper else TLS)
    else:
        body = 0 if is_at_helper else min(SMALL_BODY, schedule.limits.http_body_bytes)
        arm = TCP + HTTP_HEAD + body
    return 2 * arm


def _follow_up_bytes(target: Target, schedule: Schedule, *, is_high: bool) -> int:
    """Count retries and pairs of a target that fails; low: every step dies at once, so that little is sent."""
    if not is_high:
        return (schedule.limits.retries - 1) * 2 * len(schedule.resolvers) * DNS_DATAGRAM
    retries = (schedule.limits.retries - 1) * _measurement_bytes(target, schedule, is_high=True)
    at_helper = schedule.pairs.follow_up if schedule.helpers else 0
    pairs = at_helper * _pair_bytes(target, schedule, is_at_helper=True)
    pairs += AT_TARGET * _pair_bytes(target, schedule, is_at_helper=False)
    return retries + len(swaps_of(target)) * pairs
