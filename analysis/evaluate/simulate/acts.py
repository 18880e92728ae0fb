"""What somebody does to traffic that passes a box of his: by name, by address, or to everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Does(StrEnum):
    """What becomes of a flow that is met."""

    RESET = "reset"
    SILENCE = "silence"
    EOF = "eof"
    ALERT = "alert"
    SLOW = "slow"
    FORGE = "forge"  # a false answer to a question, or a certificate of one's own
    RACE = "race"  # a false answer before the true one
    DENY = "deny"  # the name does not exist
    PAGE = "page"  # a page in place of the site's


def always(_t: float) -> bool:
    """Act at all times."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One rule, at one element, from ``start`` to ``end`` in seconds into the episode."""

    element: str
    names: frozenset[str] = frozenset()
    """Hosts; of the layer ``path``, pieces of a path; of ``address``, addresses."""
    layer: str = "sni"
    """``sni``, ``host``, ``path``, ``qname``, ``resolver`` (a resolver that lies) or ``address``."""
    does: Does = Does.RESET
    start: float = 0.0
    end: float = 1e12
    share: float = 1.0
    """Of the flows that are met."""
    is_on: Callable[[float], bool] = field(default=always)
    """Duty cycles."""
    rate_bytes_s: float = 16_000.0
    """Of what is slowed."""

    def holds(self, t: float) -> bool:
        """Tell whether it acts at a moment."""
        return self.start <= t < self.end and self.is_on(t)

    def reads(self, name: str) -> bool:
        """Tell whether a name is met: a host with all under it, or a piece of a path."""
        return any(
            name == one or name.endswith("." + one) or (self.layer == "path" and one in name) for one in self.names
        )
