"""OONI's failures (df-007) as ours, and back. The names are the same where both have one."""

from __future__ import annotations

from typing import Final

from probe.failures import Failure

_OURS: Final = {failure.value: failure for failure in Failure}

_ALSO: Final = {
    # a resolver behind Android's cache says "no data" for a name that does not exist, too: so no deeper than that
    "android_dns_cache_no_data": Failure.DNS_NO_ANSWER,
    "dns_lookup_error": Failure.DNS_NXDOMAIN,
    "dns_non_recoverable_failure": Failure.DNS_SERVFAIL,
    "dns_servfail_error": Failure.DNS_SERVFAIL,
    "dns_server_failure": Failure.DNS_SERVFAIL,
    "dns_reply_with_wrong_query_id": Failure.DNS_MALFORMED,
    # the test helper's own words
    "dns_name_error": Failure.DNS_NXDOMAIN,
    "connection_refused_error": Failure.CONNECTION_REFUSED,
    "connection_reset_error": Failure.CONNECTION_RESET,
    "connection_timeout_error": Failure.TIMEOUT,
    "timeout_error": Failure.TIMEOUT,
    "timed_out": Failure.TIMEOUT,
    "tcp_timed_out_error": Failure.TIMEOUT,
    "response_never_received": Failure.TIMEOUT,
    "connection_already_closed": Failure.EOF,
    "bind_error": Failure.NETWORK_DOWN,
    "address_not_available": Failure.NETWORK_UNREACHABLE,
    "ssl_error": Failure.TLS_HANDSHAKE,
    "quic_incompatible_version": Failure.QUIC_VERSION,
}
_SAID: Final = (
    ("stopped after", Failure.HTTP_TOO_MANY_REDIRECTS),
    ("too many redirects", Failure.HTTP_TOO_MANY_REDIRECTS),
    ("no such host", Failure.DNS_NXDOMAIN),
    ("certificate signed by unknown authority", Failure.TLS_UNKNOWN_AUTHORITY),
    ("certificate is valid for", Failure.TLS_INVALID_HOSTNAME),
    ("certificate has expired", Failure.TLS_INVALID_CERTIFICATE),
    ("i/o timeout", Failure.TIMEOUT),
    ("connection reset by peer", Failure.CONNECTION_RESET),
    ("connection refused", Failure.CONNECTION_REFUSED),
    ("malformed http", Failure.HTTP_MALFORMED),
)
"""What a failure that has no name says in its text, in the words of the libraries that OONI's probes use."""

OF_CERTIFICATES: Final = frozenset(
    {Failure.TLS_UNKNOWN_AUTHORITY, Failure.TLS_INVALID_HOSTNAME, Failure.TLS_INVALID_CERTIFICATE}
)


def failure_of(written: str | None) -> Failure | None:
    """Give the failure that a text of OONI's stands for; ``UNKNOWN`` where none does, ``None`` for success."""
    if written is None:
        return None
    known = _OURS.get(written) or _ALSO.get(written)
    if known is not None:
        return known
    lower = written.lower()
    return next((failure for said, failure in _SAID if said in lower), Failure.UNKNOWN)
