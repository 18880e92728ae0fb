"""Chance that can be thrown again: every draw of an episode comes from its seed."""

from __future__ import annotations

import hashlib
from random import Random

Dice = Random


def dice(*what: object) -> Dice:
    """Give dice of their own for one purpose, which no other purpose's draws disturb."""
    digest = hashlib.sha256("\0".join(map(str, what)).encode()).digest()
    return Random(digest[:16])
