"""A swap: a kind of name, where it stands, and how one arm of a pair is walked with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe.model import NameKind, TargetKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from probe.measure import Page, Tools
    from probe.model import Observation, Peer, Target
    from probe.schedule.model import Helper


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pair is sent."""

    peer: Peer
    address: str
    port: int
    public_key: bytes | None = None

    @property
    def socket(self) -> tuple[str, int]:
        """Give what a censor's penalty may be keyed to."""
        return self.address, self.port


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm to be walked: everything that the two arms of a pair share, and the name that they do not."""

    swap: Swap
    place: Place
    name: str
    number: int
    """Of the pair in its cycle; what an arm draws is keyed by it, and so the same in both."""
    seed: bytes
    tools: Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """What is swapped: a kind of name, the page it stands in, and the name itself."""

    kind: NameKind
    page: Page
    name: str
    is_negative_control: bool
    walk: Callable[[Arm], Awaitable[tuple[Observation, ...]]]
    """Walks one arm; the decisive observation comes last."""
    helper_port: Callable[[Helper], int | None]
    """``None``: it cannot be made there."""
    port: int
    """At the target's own address."""

    def url_with(self, name: str) -> str:
        """Give the page's URL with ``name`` in the place of its own."""
        if self.kind is not NameKind.PATH:
            return self.page.url.replace(self.name, name, 1)
        before = self.page.url.removesuffix(self.page.rest)  # a host may hold the same letters
        return before + self.page.rest.replace(self.name, name, 1)


def is_innocuous(target: Target) -> bool:
    """Tell whether a pair of this target compares two names that nobody would block."""
    return target.kind is not TargetKind.TARGET
