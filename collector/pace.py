"""How much one sender may ask for: a bucket each, of which a bounded number is remembered."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MOST_SENDERS: Final = 10_000
"""Remembered at once; the one that was silent longest is forgotten first, and starts with a full bucket."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Pace:
    """A token bucket for each sender: ``burst`` at once, then ``per_s`` a second."""

    def __init__(self, burst: int, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._of: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, sender: str, now_s: float) -> float:
        """Take one from a sender's bucket; give 0, or the seconds after which one will be left."""
        bucket = self._of.pop(sender, None) or _Bucket(self._burst, now_s)
        bucket.left = min(self._burst, bucket.left + (now_s - bucket.at) * self._per_s)
        bucket.at = now_s
        self._of[sender] = bucket
        if len(self._of) > MOST_SENDERS:
            self._of.popitem(last=False)
        if bucket.left < 1.0:
            return (1.0 - bucket.left) / self._per_s
        bucket.left -= 1.0
        return 0.0
