"""Where a redirect leads, in one spelling, or nowhere.

A ``Location`` header is hostile text. There are many ways to write an address
of the volunteer's own machine (``2130706433``, ``0x7f.1``, ``0177.0.0.1``,
full-width digits); each becomes the one usual spelling here, as the URL
Standard (WHATWG) reads it, so that the check before dialling sees what is
dialled. What cannot be read with certainty is refused.

This module does not say whether an address may be dialled: :mod:`probe.net` does.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
_URL_CHARS = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"0x[0-9a-f]{0,16}|[0-9]{1,32}")
_HOST_CHARS = 253  # RFC 1035 section 2.3.4, without the final dot
_LEFT_AS_IS = "!#$%&'()*+,-./:;=?@[]_~|^{}`\\"
"""In path and query, beside letters and digits: the rest is percent-encoded, as a client must."""


def redirect_target(current_url: str, location: str) -> str | None:
    """Give the absolute URL that ``location``, received from ``current_url``, leads to; ``None`` if refused.

    Only http and https; the host in lower case, as ASCII, an address in its
    usual notation; no user name, no fragment, no default port.
    """
    location = location.strip(" \t\r\n\f")
    if len(location) > _URL_CHARS or _CONTROL.search(location):
        return None
    head, rest = _split_at_query(location)
    location = head.replace("\\", "/") + rest  # clients read a backslash before the query as a slash
    try:
        parts = urlsplit(urljoin(current_url, location))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or port == 0:
        return None
    host = _host(parts.hostname or "")
    if host is None or ("[" in parts.netloc) != ("[" in host):  # brackets hold IPv6 and nothing else
        return None
    authority = host if port in {None, DEFAULT_PORTS[parts.scheme]} else f"{host}:{port}"
    path = quote(parts.path or "/", safe=_LEFT_AS_IS)
    return urlunsplit((parts.scheme, authority, path, quote(parts.query, safe=_LEFT_AS_IS), ""))


def _split_at_query(location: str) -> tuple[str, str]:
    ends = [place for place in map(location.find, "?#") if place >= 0]
    end = min(ends, default=len(location))
    return location[:end], location[end:]


def _host(written: str) -> str | None:
    """Give a host in its one spelling; ``None`` where it is neither an address nor a name."""
    if ":" in written:
        try:
            address = IPv6Address(written)
        except AddressValueError:
            return None
        return None if address.scope_id else f"[{address}]"
    try:
        host = _ascii(unquote(written, errors="strict")).removesuffix(".")
    except UnicodeError:
        return None
    labels = host.split(".")
    if _number(labels[-1]) is not None or labels[-1].isdigit():
        return _ipv4(labels)
    if len(host) > _HOST_CHARS or not all(map(_LABEL.fullmatch, labels)):
        return None
    return host


def _ascii(host: str) -> str:
    """Give a host in lower case and as ASCII (UTS 46). UnicodeError."""
    if host.isascii():
        return host.lower()
    import idna

    return idna.encode(host, uts46=True).decode("ascii")


def _number(text: str) -> int | None:
    """Read a part of an IPv4 address as the C library does: decimal, octal with ``0``, hexadecimal with ``0x``."""
    if not _NUMBER.fullmatch(text):
        return None
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    base = 8 if text.startswith("0") else 10
    try:
        return int(text, base)
    except ValueError:
        return None  # 08 and 09


def _ipv4(labels: list[str]) -> str | None:
    """Read one to four numbers of which the last fills what is left (inet_aton(3))."""
    numbers = [number for number in map(_number, labels) if number is not None]
    if len(numbers) != len(labels) or len(numbers) > 4:
        return None
    *first, last = numbers
    if any(number > 255 for number in first) or last >= 256 ** (5 - len(numbers)):
        return None
    value = last + sum(number << 8 * (3 - place) for place, number in enumerate(first))
    return str(IPv4Address(value))
