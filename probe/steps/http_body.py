"""What a body says, within limits: decoding of gzip and deflate, and the page's title."""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
import zlib

from probe.scrub import scrub

_WBITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}  # servers send deflate with and without header
_CHARSETS = {
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "ascii",
    "cp1251",
    "cp1252",
    "cp1254",
    "cp1256",
    "koi8-r",
    "iso8859-1",
    "iso8859-5",
    "iso8859-9",
    "gb2312",
    "gbk",
    "gb18030",
    "big5",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "ptcp154",  # Kazakh
    "kz1048",
}
"""Codecs that are linear in their input; the standard library has others that are not."""
_CHARSET = re.compile(rb"charset\s{0,4}=\s{0,4}[\"']?([A-Za-z0-9_:.-]{1,40})")
_DECLARED_WITHIN_BYTES = 2048
_TAG_BYTES = 1024
_OF_ADDRESSES = "0123456789abcdefABCDEF.:-_%&#;"


def decode(body: bytes, content_encoding: str, limit_bytes: int) -> tuple[bytes, bool]:
    """Undo one content encoding; give the body and whether it was cut at ``limit_bytes``.

    A body in an encoding that we do not know, or that does not decode, comes back as it is.
    """
    for wbits in _WBITS.get(content_encoding.strip().lower(), ()):
        decoder = zlib.decompressobj(wbits)
        try:
            decoded = decoder.decompress(body, limit_bytes)
        except zlib.error:
            continue
        return decoded, bool(decoder.unconsumed_tail)
    return body, False


def title_of(body: bytes, content_type: str, limit_chars: int) -> str | None:
    """Give the text of the first ``title`` element, one line without control characters; ``None`` without one.

    What looks like an address is taken out of it: it may be the volunteer's own.
    Searches are linear in the body: a page may be built to make a pattern slow.
    """
    lower = body.lower()
    opened = lower.find(b"<title")
    if opened < 0:
        return None
    begun = lower.find(b">", opened, opened + _TAG_BYTES) + 1
    if not begun:
        return None
    ended = lower.find(b"</title", begun, begun + 8 * limit_chars)
    raw = body[begun : ended if ended >= 0 else begun + 8 * limit_chars]
    text = html.unescape(raw.decode(charset_of(body, content_type), errors="replace"))
    kept = "".join(" " if character.isspace() else character for character in text)
    visible = "".join(character for character in kept if unicodedata.category(character)[0] != "C")
    line = " ".join(visible.split())
    if ended < 0:  # what was cut off may be the beginning of an address
        line = line.rstrip(_OF_ADDRESSES)
    return scrub(line)[:limit_chars] or None


def charset_of(body: bytes, content_type: str) -> str:
    """Give the codec that a page says it is written in, among those that are linear in their input."""
    declared = _CHARSET.search(content_type.lower().encode("ascii", "replace")) or _CHARSET.search(
        body[:_DECLARED_WITHIN_BYTES].lower()
    )
    if declared is None:
        return "utf-8"
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name
    except LookupError:
        return "utf-8"
    return name if name in _CHARSETS else "utf-8"
