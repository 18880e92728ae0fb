"""What calls for a closer look. Nothing here is a verdict: an anomaly only says where to look next."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from probe.addresses import is_public_address, parse_address
from probe.failures import Failure
from probe.model import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.model import Target
    from probe.record import PairOfSteps, Step


class Anomaly(StrEnum):
    """What is odd about a target in one measurement."""

    UNANSWERED = "unanswered"  # no page came back
    DISCORDANT = "discordant"  # just one arm of a pair failed
    ODD_NAME = "odd-name"  # a resolver failed or gave an address that nobody may dial, or answers differ in kind
    ODD_CERTIFICATE = "odd-certificate"  # some address showed a chain that is wrong for the name
    ODD_STATUS = "odd-status"  # the answer is an error
    SLOW = "slow"  # a transfer crawled, or stopped on its way


SLOW_BYTES = 12_000
"""A transfer shows a rate from here on: the first flight of a server (RFC 6928) is shorter."""
SLOW_BYTES_PER_S = 64_000
"""Half a megabit a second: less, for a page, is a bad line or a policed one, and worth a pair of transfers."""


def anomalies_of(target: Target, steps: Sequence[Step], pairs: Sequence[PairOfSteps]) -> frozenset[Anomaly]:
    """List what is odd, from the routine's steps (retries included) and the pairs made so far."""
    from probe.measure import is_answered
    from probe.pairs import is_discordant

    found: set[Anomaly] = set()
    if not is_answered(steps):
        found.add(Anomaly.UNANSWERED)
    if any(is_discordant(pair) for pair in pairs if pair.technique in {None, "pairs"}):
        found.add(Anomaly.DISCORDANT)
    for step in steps:
        seen = step.observation
        if seen.operation is Operation.DNS and seen.query_type == "A" and _is_odd_name(step):
            found.add(Anomaly.ODD_NAME)
        if seen.certificate_failure is not None:
            found.add(Anomaly.ODD_CERTIFICATE)
        if _has_stopped(step) and Anomaly.UNANSWERED in found:
            found.add(Anomaly.SLOW)
        if seen.operation is Operation.HTTP:
            if (seen.status or 0) >= 400 and seen.status != target.expect_status:
                found.add(Anomaly.ODD_STATUS)
            if _is_slow(step):
                found.add(Anomaly.SLOW)
    return frozenset(found)


def _is_odd_name(step: Step) -> bool:
    seen = step.observation
    if seen.transport is not None and seen.transport.is_encrypted and seen.failure is not None:
        return False  # a resolver that cannot be reached says nothing of the name
    valid = [answer for answer in seen.answers if answer.is_valid]
    parsed = [parse_address(address) for answer in valid for address in answer.addresses]
    if seen.failure is not None or len({frozenset(answer.addresses) for answer in valid}) > 1:
        return True
    return any(address is None or not is_public_address(address) for address in parsed)


def _has_stopped(step: Step) -> bool:
    """Tell whether a server had begun to answer, and then nothing more came."""
    seen = step.observation
    is_met = seen.operation is Operation.TLS or (seen.operation is Operation.HTTP and seen.first_byte_s is not None)
    return is_met and seen.failure is Failure.TIMEOUT and seen.bytes_received > 0


def _is_slow(step: Step) -> bool:
    seen = step.observation
    if seen.bytes_received < SLOW_BYTES:
        return False
    since_first_byte_s = seen.duration_s - (seen.first_byte_s or 0.0)
    return seen.failure is not None or seen.bytes_received < SLOW_BYTES_PER_S * since_first_byte_s
