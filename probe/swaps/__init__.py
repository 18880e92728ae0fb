"""What can be swapped in a pair: one file for each place on the wire where a name stands.

:func:`swaps_of` gives those of a target's own URL. A technique that swaps a
name elsewhere (in a QUIC Initial, in a DNS question) makes its swap itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.swaps import http_names, qname, sni

if TYPE_CHECKING:
    from probe.model import Target
    from probe.swaps.swap import Swap


def swaps_of(target: Target) -> list[Swap]:
    """List what can be swapped: the SNI of https; the Host of http, and a video's id in its path."""
    return [*sni.swaps(target), *http_names.swaps(target)]


def routine_swaps(target: Target) -> list[Swap]:
    """List those that pairs are made of in every cycle: the name in a DNS question too, which costs 500 bytes."""
    return [*swaps_of(target), *qname.swaps(target)]
