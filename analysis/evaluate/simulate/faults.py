"""What broken plant does to packets. It sees the time, the flow and the size, and never a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.evaluate.simulate.dice import Dice, dice
from probe.failures import Failure

Passage = Callable[[float, int, int, Dice], "str | None"]
"""(seconds into the episode, hash of the flow, bytes, dice) -> what the exchange fails of, or ``None``."""

FOREVER = 1e12
LARGE_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """What an element does from ``start`` to ``end``, in seconds into the episode."""

    element: str
    start: float
    end: float
    passage: Passage
    slowness: float = 1.0
    """By how much every transfer through it is slowed."""


def cut(_t: float, _flow: int, _size: int, _dice: Dice) -> str | None:
    """Lose everything."""
    return Failure.TIMEOUT


def unreachable(_t: float, _flow: int, _size: int, _dice: Dice) -> str | None:
    """Lose everything, and say so: a router without a route."""
    return Failure.HOST_UNREACHABLE


def refuse(_t: float, _flow: int, _size: int, _dice: Dice) -> str | None:
    """Refuse: a server whose program stopped."""
    return Failure.CONNECTION_REFUSED


def large(_t: float, _flow: int, size: int, _dice: Dice) -> str | None:
    """Lose large packets, as a link with a small MTU and no word of it does."""
    return Failure.TIMEOUT if size > LARGE_BYTES else None


def whole(_t: float, _flow: int, _size: int, _dice: Dice) -> str | None:
    """Lose nothing."""
    return None


def loss(share: float) -> Passage:
    """Lose a share, each by itself."""
    return lambda _t, _flow, _size, rng: Failure.TIMEOUT if rng.random() < share else None


def resets(share: float) -> Passage:
    """End a share of the connections, as a translator of addresses that overflows does."""
    return lambda _t, _flow, _size, rng: Failure.CONNECTION_RESET if rng.random() < share else None


def bursts(salt: object, turn_s: float, down_share: float, otherwise: float = 0.0) -> Passage:
    """Lose everything for whole turns, a share of them; between them a share of the packets."""
    known: dict[int, bool] = {}

    def passage(t: float, _flow: int, _size: int, rng: Dice) -> str | None:
        turn = int(t // turn_s)
        if turn not in known:
            known[turn] = dice("turn", salt, turn).random() < down_share
        return Failure.TIMEOUT if known[turn] or rng.random() < otherwise else None

    return passage


def member_dead(members: int) -> Passage:
    """Lose the flows of one member of a bundle, chosen by their hash."""
    return lambda _t, flow, _size, _rng: Failure.TIMEOUT if flow % members == 0 else None
