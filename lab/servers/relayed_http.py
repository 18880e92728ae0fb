"""What a transparent proxy does to HTTP/1.1 on its way: headers in its own order and case, one more, perhaps a notice.

Pure functions of bytes. A proxy takes headers apart and writes them anew, which
is how its presence shows to whoever knows what was sent. Where bodies end is not
read: every connection carries one request, and the server closes it.
"""

from __future__ import annotations

import html
import re
from typing import Final

_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "proxy-connection"})  # RFC 9110, section 7.6.1
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


def relayed_head(head: bytes, proxy: str, *, body_bytes: int | None = None) -> bytes | None:
    """Write the head of a request or answer as the proxy sends it on; ``None`` if it is malformed.

    ``head`` ends with its empty line. ``body_bytes`` replaces the body's length.
    """
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    if not all(_NAME.fullmatch(name) for name, _ in fields):
        return None
    kept = [
        ("-".join(part.capitalize() for part in name.split("-")), value)
        for name, value in fields
        if name.lower() not in _HOP_BY_HOP and not (body_bytes is not None and name.lower() == "content-length")
    ]
    if body_bytes is not None:
        kept.append(("Content-Length", f"{body_bytes}"))
    kept += [("Via", f"1.1 {proxy}"), ("Connection", "close")]
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in sorted(kept)), "", ""]).encode("latin-1")


def field_of(head: bytes, name: str) -> str | None:
    """Give the first value of a header; ``None`` where it is missing."""
    for line in head.decode("latin-1").split("\r\n")[1:]:
        found, _, value = line.partition(":")
        if found.lower() == name.lower():
            return value.strip()
    return None


def is_plain_page(head: bytes) -> bool:
    """Tell whether an answer's body is HTML that stands there as it is: neither chunked nor compressed."""
    is_encoded = field_of(head, "Transfer-Encoding") or field_of(head, "Content-Encoding")
    return not is_encoded and (field_of(head, "Content-Type") or "").lower().startswith("text/html")


def with_notice(page: bytes, notice: str) -> bytes:
    """Put a notice at the end of an HTML page."""
    before, end, after = page.rpartition(b"</body>")
    added = b"<p>" + html.escape(notice).encode() + b"</p>"
    return before + added + end + after if end else page + added
