"""How wrong this machine's clock is, by what servers say the time is.

Every HTTP answer carries a ``Date``. One over TLS whose certificate was right
for the name is the server's own word; the median of several controls stands
against one that is wrong itself. Good to about a second: a ``Date`` has no
fraction. Where no certificate could be right, because the clock is off by
years, the word of plain HTTP is taken and named as such: anybody on the path
may have written it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median
from typing import TYPE_CHECKING, Final

from probe.model import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probe.model import Observation

VERIFIED, PLAIN = "http-date", "http-date-plain"
_HALF_A_SECOND: Final = timedelta(seconds=0.5)
"""A ``Date`` is cut to whole seconds: on the mean, the time was half of one later."""


@dataclass(frozen=True, slots=True)
class Offset:
    """How far this clock is ahead (below zero: behind), who says so, and how many."""

    ahead_s: float
    source: str
    witnesses: int


def offset_of(answers: Iterable[Observation]) -> Offset | None:
    """Give the median over the answers that a certificate stands for; without any, over the others."""
    said: dict[str, list[float]] = {VERIFIED: [], PLAIN: []}
    for answer in answers:
        ahead_s = _ahead_s(answer)
        if ahead_s is not None:
            # A page is fetched over https only where the certificate was right (probe.measure).
            said[VERIFIED if (answer.url or "").startswith("https:") else PLAIN].append(ahead_s)
    for source, values in said.items():
        if values:
            return Offset(round(median(values), 1), source, len(values))
    return None


def _ahead_s(answer: Observation) -> float | None:
    """Give how far the clock stood ahead of one answer's ``Date``, in the middle of the exchange."""
    headers = dict(answer.headers)
    if answer.operation is not Operation.HTTP or answer.status is None or headers.get("age", "0") != "0":
        return None  # a cache's answer carries the time at which it was made
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    there = (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    here: datetime = answer.started_at + timedelta(seconds=answer.duration_s / 2)
    return (here - there - _HALF_A_SECOND).total_seconds()
