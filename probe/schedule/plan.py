"""What a schedule would contact, how often, and an estimate of what that costs: before anything is sent.

The estimate counts the steps of :mod:`probe.cycle` and gives each a typical
size. It is a range, because what depends on the far side (addresses of a name,
length of a page, redirects) is not known beforehand; what a cycle really cost
is stored at its end. Nothing is resolved or sent here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from probe import link
from probe.itself import check
from probe.measure import PLAIN_BODY_BYTES
from probe.model import DnsTransport, Target, TargetKind
from probe.recorder import PERIOD_S
from probe.swaps import swaps_of
from probe.techniques import BY_NAME
from probe.techniques.technique import Need
from probe.watching import routine_url

if TYPE_CHECKING:
    from probe.schedule.model import Schedule

DAY_S: Final = 86_400

# Typical sizes in bytes, both ways, IP headers included. What does not depend on the far side was counted on the wire
# in the lab (docs/method.md says how); a handshake there, with a chain of 2.1 kB, took 3.2 kB.
DNS_DATAGRAM: Final = 200
TCP: Final = 500
TLS: Final = 4_000
"""A handshake with a short public chain, of elliptic curves."""
TLS_LONG: Final = 7_000
"""With a chain of RSA, or of four certificates."""
HELPER_TLS: Final = 2_000
"""A handshake with one small self-signed certificate."""
HTTP_HEAD: Final = 1_100
LIGHT_CHECK: Final = 1_000
"""What a video's platform says of it by oEmbed."""
ROTA_LOW: Final = 0.25
SMALL_BODY: Final = 10_000
"""Of a page where the estimate is low; where it is high, the body limit."""

BASIS: Final = (
    f"typical sizes in bytes, both ways: {DNS_DATAGRAM} a DNS question by datagram, {TCP} a TCP connection",
    f"and {TLS} to {TLS_LONG} a TLS handshake ({HELPER_TLS} with a helper), {HTTP_HEAD} the heads of an HTTP exchange",
    f"low: one address a name, pages of {SMALL_BODY} bytes at most, no redirect",
    "high: every address that the limits allow on IPv4 and IPv6, pages as long as the limit, one redirect each",
    "a cycle is one in which nothing is wrong; closer looks at a target that fails come on top and are given apart",
    "a day has the looks of the rota in it: low, a quarter of what each may cost; high, all of it",
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
    recorder_bytes_per_day: int
    """On top, at most: the flight recorder's look each minute."""
    follow_up_bytes: Range
    """On top, for each target that fails, in each cycle in which it does; high is the budget that ends it."""
    most_follow_up_bytes_per_day: int
    """The budget of all closer looks together."""
    basis: tuple[str, ...] = BASIS


def estimate(schedule: Schedule) -> Plan:
    """Estimate the bytes of a schedule."""
    cycles_per_day = DAY_S / schedule.cadence_s
    targets = schedule.of_kind(TargetKind.TARGET)
    pairs = _routine_pairs_bytes(schedule)
    itself = check.MOST_BYTES if schedule.as_table is not None else 0
    low = pairs + itself + sum(_cycle_bytes(target, schedule, is_high=False) for target in schedule.targets)
    high = pairs + itself + sum(_cycle_bytes(target, schedule, is_high=True) for target in schedule.targets)
    rota = sum(_rota_bytes_per_day(target, schedule) for target in targets)
    return Plan(
        cycles_per_day=cycles_per_day,
        bytes_per_cycle=Range(low=low, high=high),
        bytes_per_day=Range(
            low=round(low * cycles_per_day + rota * ROTA_LOW), high=round(high * cycles_per_day + rota)
        ),
        recorder_bytes_per_day=round(DAY_S / PERIOD_S * link.MOST_BYTES),
        follow_up_bytes=Range(low=_retry_bytes(schedule), high=schedule.follow_up.bytes),
        most_follow_up_bytes_per_day=schedule.follow_up.day_bytes,
    )


def _cycle_bytes(target: Target, schedule: Schedule, *, is_high: bool) -> int:
    """Count a target once, a control twice: first, and last, where the system's resolver alone is asked."""
    if target.kind is TargetKind.TARGET:
        return _measurement_bytes(target, schedule, is_high=is_high)
    first = _measurement_bytes(
        target, schedule, is_high=is_high, asks_others=target.kind is not TargetKind.PORTAL_CHECK
    )
    return first + _measurement_bytes(target, schedule, is_high=is_high, asks_others=False)


def _routine_pairs_bytes(schedule: Schedule) -> int:
    """Count the pairs of the targets and controls that a cycle draws, of the dearest; none without a helper."""
    able = [target for target in schedule.targets if target.kind is not TargetKind.PORTAL_CHECK]
    if not schedule.helpers:
        return 0
    each = [len(swaps_of(target)) * _pair_bytes(target) for target in able]
    return schedule.pairs.routine * sum(sorted(each, reverse=True)[: schedule.pairs.drawn])


def _rota_bytes_per_day(target: Target, schedule: Schedule) -> float:
    """Count what the looks that take turns may cost in a day at one target; no turn comes more than once a cycle."""
    return sum(
        BY_NAME[name].most_bytes * DAY_S / max(interval_s, schedule.cadence_s)
        for name, interval_s in schedule.rota.items()
        if (Need.VIDEO not in BY_NAME[name].needs or target.video is not None)
        and (Need.HELPER not in BY_NAME[name].needs or schedule.helpers)
    )


def _measurement_bytes(target: Target, schedule: Schedule, *, is_high: bool, asks_others: bool = True) -> int:
    limits = schedule.limits
    dials = limits.addresses_per_family * 2 if is_high else 1
    connection = TCP + ((TLS_LONG if is_high else TLS) if target.url.startswith("https") else 0)
    most = limits.http_body_bytes or (0 if target.url.startswith("https") else PLAIN_BODY_BYTES)
    body = most if is_high else min(SMALL_BODY, most)
    if routine_url(target) != target.url:
        body = min(LIGHT_CHECK, body)
    names = _names_bytes(schedule) if asks_others else 2 * DNS_DATAGRAM
    page = dials * connection + HTTP_HEAD + (0 if target.kind is TargetKind.PORTAL_CHECK else body)
    is_redirected = is_high and target.kind is not TargetKind.PORTAL_CHECK
    redirect = 2 * DNS_DATAGRAM + dials * (TCP + TLS_LONG) + HTTP_HEAD if is_redirected else 0
    return names + page + redirect


def _names_bytes(schedule: Schedule) -> int:
    """Count both questions for one name; encrypted resolvers are asked by a closer look alone."""
    transports = [resolver.transport for resolver in schedule.resolvers if not resolver.transport.is_encrypted]
    return 2 * sum(DNS_DATAGRAM + (TCP if transport is DnsTransport.TCP else 0) for transport in transports)


def _pair_bytes(target: Target) -> int:
    """Count one pair at a helper."""
    return 2 * (TCP + (HELPER_TLS if target.url.startswith("https") else HTTP_HEAD))


def _retry_bytes(schedule: Schedule) -> int:
    """Count the questions of the retries of a target where every step dies at once, so that little is sent."""
    return (schedule.limits.retries - 1) * 2 * len(schedule.resolvers) * DNS_DATAGRAM
