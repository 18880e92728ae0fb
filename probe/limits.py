"""Every limit in one place, each with its unit and its reason.

What arrives from the network is hostile: all of it is bounded in size and in
time. A schedule may override a limit by name (its key ``limits``), within the
ceilings that its loader states.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one step, and on one cycle."""

    dns_timeout_s: float = 5.0
    """One DNS exchange. Two retransmissions of a stub resolver fit."""

    dns_late_window_s: float = 2.0
    """How long we keep listening after the first datagram: an injected answer wins the race, and the true
    one follows within a round trip (techniques of the field: 2-5 s)."""

    dns_datagrams: int = 8
    """Datagrams kept for one query; several injectors on one path are known, dozens are an attack."""

    tcp_timeout_s: float = 10.0
    """TCP connect. SYN retransmissions at 1, 3 and 7 s fit (RFC 6298)."""

    tls_timeout_s: float = 10.0
    """TLS handshake after the connect."""

    tls_certificates: int = 100
    """Certificates kept of one chain."""

    tls_handshake_bytes: int = 131_072
    """Bytes read in one handshake; a chain of 100 large certificates fits, an endless one does not."""

    quic_timeout_s: float = 5.0
    """QUIC handshake. The first flight is repeated after 0.2, 0.6, 1.4 and 3.0 s (RFC 9002), as often as a SYN."""

    http_timeout_s: float = 15.0
    """One whole HTTP exchange, so that a body dripped byte by byte ends too."""

    http_head_bytes: int = 65_536
    """Status line and headers together."""

    http_body_bytes: int = 262_144
    """Body read of one response, before and after decoding. With 0 the routine pass asks https for the head alone."""

    http_redirects: int = 10
    """Hops followed after the first request."""

    title_chars: int = 200
    """Title kept of a page."""

    error_text_chars: int = 200
    """Text of an error kept beside its failure."""

    addresses_per_family: int = 2
    """Addresses of one name that are dialled, for each of IPv4 and IPv6."""

    retries: int = 3
    """Attempts of a target in one cycle, when the first one failed."""

    concurrent_measurements: int = 16
    """Targets measured at the same time."""

    concurrent_pairs: int = 6
    """Pairs of one target at the same time, each to a place of its own; the two arms of a pair never are."""

    detour_timeout_s: float = 30.0
    """A connection by another way round; a circuit of Tor's takes ten seconds and more."""

    shape_rest_s: float = 86_400.0
    """What a rule reads changes seldom: once its shape was read whole, it is not read again for so long."""

    hop_timeout_s: float = 2.0
    """One look at a near hop. Above nearly every round trip to it; silent hops are common, and all are waited for."""
