"""The closed list of failures: what a step can say when it did not succeed.

The names are OONI's (data format df-007) where OONI has one, so that results
can be exchanged; those that OONI lacks are marked. A published name is a
contract: names are added, never re-pointed.
"""

from __future__ import annotations

import errno
import socket
import ssl
from enum import StrEnum


class Failure(StrEnum):
    """Why a step failed. ``None`` in an observation means that it succeeded."""

    UNKNOWN = "unknown_failure"
    INTERRUPTED = "interrupted"

    # DNS
    DNS_NXDOMAIN = "dns_nxdomain_error"
    DNS_NO_ANSWER = "dns_no_answer"
    DNS_REFUSED = "dns_refused_error"
    DNS_SERVFAIL = "dns_server_misbehaving"
    DNS_TEMPORARY = "dns_temporary_failure"
    DNS_BOGON = "dns_bogon_error"
    DNS_MALFORMED = "dns_malformed_reply"  # ours: something arrived, none of it a valid reply

    # TCP and everything above it
    TIMEOUT = "generic_timeout_error"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_RESET = "connection_reset"
    CONNECTION_ABORTED = "connection_aborted"
    EOF = "eof_error"
    HOST_UNREACHABLE = "host_unreachable"
    NETWORK_UNREACHABLE = "network_unreachable"
    NETWORK_DOWN = "network_down"
    ADDRESS_NOT_DIALLED = "address_not_dialled"  # ours: a bogon or inward address; nothing was sent

    # TLS
    TLS_HANDSHAKE = "ssl_failed_handshake"  # an alert, or bytes that are not TLS
    TLS_UNKNOWN_AUTHORITY = "ssl_unknown_authority"
    TLS_INVALID_HOSTNAME = "ssl_invalid_hostname"
    TLS_INVALID_CERTIFICATE = "ssl_invalid_certificate"  # expired, not yet valid, malformed

    # QUIC
    QUIC_VERSION = "quic_incompatible_version"

    # HTTP
    HTTP_MALFORMED = "http_malformed_response"  # ours
    HTTP_TOO_MANY_REDIRECTS = "http_too_many_redirects"  # ours
    HTTP_INVALID_REDIRECT = "http_invalid_redirect_location_host"
    NOT_GENUINE = "response_not_genuine"  # ours: a helper's answer that its key did not sign


_BY_ERRNO = {
    errno.ECONNREFUSED: Failure.CONNECTION_REFUSED,
    errno.ECONNRESET: Failure.CONNECTION_RESET,
    errno.EPIPE: Failure.CONNECTION_RESET,
    errno.ECONNABORTED: Failure.CONNECTION_ABORTED,
    errno.ETIMEDOUT: Failure.TIMEOUT,
    errno.EHOSTUNREACH: Failure.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Failure.HOST_UNREACHABLE,
    errno.ENETUNREACH: Failure.NETWORK_UNREACHABLE,
    errno.EADDRNOTAVAIL: Failure.NETWORK_UNREACHABLE,
    errno.ENETDOWN: Failure.NETWORK_DOWN,
}

_BY_GAI = {
    socket.EAI_NONAME: Failure.DNS_NXDOMAIN,
    socket.EAI_AGAIN: Failure.DNS_TEMPORARY,
    socket.EAI_FAIL: Failure.DNS_SERVFAIL,
    getattr(socket, "EAI_NODATA", socket.EAI_NONAME): Failure.DNS_NO_ANSWER,
}


def classify(error: BaseException) -> Failure:
    """Give the failure that stands for ``error``; ``UNKNOWN`` where none does.

    The one classifier: certificate failures do not pass through it, because
    we verify chains ourselves, after the handshake.
    """
    if isinstance(error, TimeoutError):
        return Failure.TIMEOUT
    if isinstance(error, EOFError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Failure.EOF
    if isinstance(error, ssl.SSLError):
        return Failure.TLS_HANDSHAKE
    if isinstance(error, socket.gaierror):
        return _BY_GAI.get(error.errno or 0, Failure.UNKNOWN)
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, Failure.UNKNOWN)
    return Failure.UNKNOWN
