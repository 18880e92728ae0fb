"""What a step writes down when it did not succeed: the failure, and a few words for people.

The words are the system's or ours, never the peer's: what a peer sends may
repeat the volunteer's address, and an address of the system's resolver stands
in the text of some exceptions. Nothing ever parses them.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING

from probe.failures import Failure, classify
from probe.net import AddressNotDialledError, NoSystemResolverError

if TYPE_CHECKING:
    from probe.limits import Limits


class TooMuchError(Exception):
    """The peer sent more than a limit allows; its text is ours and says which."""


def failure_of(error: BaseException) -> Failure:
    """Give the failure that stands for ``error``, our seam's own errors included."""
    if isinstance(error, AddressNotDialledError):
        return Failure.ADDRESS_NOT_DIALLED
    if isinstance(error, NoSystemResolverError):
        return Failure.DNS_TEMPORARY
    return classify(error)


def text_of(error: BaseException, limits: Limits) -> str:
    """Give a few words on ``error``, at most ``limits.error_text_chars``, without any address."""
    if isinstance(error, ssl.SSLError):
        words = error.reason or "TLS error"
    elif isinstance(error, socket.gaierror):
        words = error.strerror or "resolution failed"
    elif isinstance(error, OSError) and error.errno:
        words = f"{errno.errorcode.get(error.errno, error.errno)}: {os.strerror(error.errno)}"
    elif isinstance(error, TooMuchError):
        words = str(error)
    else:
        words = type(error).__name__
    return words[: limits.error_text_chars]
