"""The names that a schedule may hold: of entries, hosts, URLs and videos.

Only the form is checked here. Where a name leads is checked again at the
moment of dialling (:mod:`probe.net`), because the network may answer anything.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from probe.schedule.yaml_scalars import matching, scalar
from probe.url import DEFAULT_PORTS

_NAME: Final = r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._+/-]{0,99}"

NAME = matching(_NAME, "a name of letters, digits and . _ + / - (at most 100)")

VIDEO = matching(r"[A-Za-z0-9_-]{11}", "the 11 characters of a YouTube video's id")

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?", re.ASCII)
_LOCAL: Final = ("localhost", "local", "internal", "home.arpa", "lan")
"""Names of the volunteer's own network (RFC 6761, 6762, 8375), which no schedule may reach for."""

_URL_CHARS: Final = re.compile(r"[!#-;=?-\[\]_a-z~]{1,2000}", re.ASCII)
"""Printable ASCII without the characters that RFC 3986 knows nowhere."""


def host_name(written: str) -> str:
    """Give a public host name in lower case; ``ValueError`` for a local name or an address."""
    name = written.lower()
    labels = name.split(".")
    is_formed = len(labels) >= 2 and len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    # No top-level domain begins with a digit, but 127.0.0.1, 127.1 and 0x7f.0x1 do.
    if not is_formed or not labels[-1][0].isalpha():
        raise ValueError
    if any(name.endswith(f".{local}") for local in _LOCAL):
        raise ValueError
    return name


HOST_NAME = scalar(host_name, "a public host name such as www.example.com (no address, not a local name)")


def checked_url(written: str) -> str:
    """Give a URL in its one spelling; ``ValueError`` for one that no schedule may hold."""
    if not _URL_CHARS.fullmatch(written) or "#" in written:
        raise ValueError
    parts = urlsplit(written)
    if parts.scheme not in DEFAULT_PORTS or "@" in parts.netloc or parts.hostname is None:
        raise ValueError
    authority = host_name(parts.hostname)
    if parts.netloc.lower() != authority:
        if not parts.port or parts.netloc.lower() != f"{authority}:{parts.port}":
            raise ValueError
        if parts.port != DEFAULT_PORTS[parts.scheme]:
            authority = f"{authority}:{parts.port}"
    return f"{parts.scheme}://{authority}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")


URL = scalar(
    checked_url,
    "an http or https URL with a public host name, in ASCII, without user, password and fragment",
)


def name_of_url(url: str) -> str | None:
    """Give the name of an entry that has none: its URL without the scheme; ``None`` if that is no name."""
    name = url.partition("://")[2].rstrip("/")
    return name if re.fullmatch(_NAME, name, re.ASCII) else None


def watch_url(video: str, scheme: str) -> str:
    """Give the page of a YouTube video."""
    return f"{scheme}://www.youtube.com/watch?v={video}"
