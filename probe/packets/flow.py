"""A connection of ours, as it is named to the process that keeps packets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """The peer, and our port."""

    address: str
    port: int
    source_port: int
