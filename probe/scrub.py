"""Takes out of a text whatever looks like an IP address, in any of the spellings in which a page may repeat one.

A server may write the visitor's address into a title, a header or a path. We do
not know that address and do not want to, so every text that could be one goes:
better to lose the number of an article than to keep a volunteer's address. The
spellings (``docs/techniques.md`` lists them): with dots, in octal or hexadecimal
parts too, dashes or underscores; reversed, as in names of ``in-addr.arpa`` and
``ip6.arpa``; one decimal or hexadecimal number; IPv6 in full, compressed, without
colons or mapped; base64 of the bytes or of the text; any of these percent-encoded,
as HTML entities, or in other digits.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from urllib.parse import unquote

MARK: Final = "[…]"
"""What stands in the place of what was taken out."""

_UNWRAPPINGS: Final = 3
"""So many layers of percent-encoding and entities are undone: a page that hides deeper is not read by anybody."""
_PART: Final = r"(?:0x[0-9a-f]{1,8}|0?[0-7]{1,11}|[0-9]{1,3})"
_BEFORE, _AFTER = r"(?<![0-9a-z])", r"(?![0-9a-z])"
_SPELLINGS: Final = re.compile(
    "|".join(
        (
            # Four parts, in any base that the C library reads. A fifth makes it none, but it is taken out all the same.
            rf"(?<![0-9]){_PART}(?:(?:\s?\.\s?|[\-_,:]){_PART}){{3,}}(?![0-9])",
            rf"{_BEFORE}(?:[0-9a-f][.\-_]){{15,}}[0-9a-f]{_AFTER}",  # nibbles, as below ip6.arpa
            rf"{_BEFORE}(?:[0-9a-f]{{1,4}}[\-_]){{7}}[0-9a-f]{{1,4}}{_AFTER}",  # IPv6 with dashes
            rf"{_BEFORE}(?:0x)?[0-9a-f]{{32}}{_AFTER}",
            rf"{_BEFORE}0x[0-9a-f]{{7,8}}{_AFTER}",
            rf"{_BEFORE}[0-9a-f]{{8}}{_AFTER}",
            rf"{_BEFORE}0[0-7]{{8,11}}{_AFTER}",
            r"(?<![0-9])[0-9]{8,10}(?![0-9])",
            r"(?<![0-9])[0-9]{36,39}(?![0-9])",  # IPv6 as one decimal number
        )
    ),
    re.IGNORECASE | re.ASCII,
)
_COLONS: Final = re.compile(r"[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,8}(?:[0-9.]{0,16})", re.IGNORECASE | re.ASCII)
_CODED: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{6,}={0,2}", re.ASCII)
_CODED_PIECES: Final = tuple(
    re.compile(rf"[A-Za-z0-9{others}]{{6,}}={{0,2}}", re.ASCII) for others in ("+/", "_-", "+", "")
)
_CODED_CHARS: Final = frozenset({6, 22})
"""Length of 4 and of 16 bytes in base64, without padding."""


def scrub(text: str) -> str:
    """Give ``text`` with a mark in the place of everything that looks like an address; unchanged where nothing does."""
    plain = _unwrapped(text)
    cut = _cut(plain)
    return cut if cut != plain else _cut(text)


def _unwrapped(text: str) -> str:
    """Undo what hides digits: percent-encoding, entities, other digits and dots, and characters without width."""
    for _ in range(_UNWRAPPINGS):
        undone = html.unescape(unquote(text))
        if undone == text:
            break
        text = undone
    usual = unicodedata.normalize("NFKC", text).replace("\u3002", ".")
    return "".join(character for character in usual if unicodedata.category(character) != "Cf")


def _cut(text: str) -> str:
    text = _CODED.sub(lambda found: _without_coded(found[0]), text)
    text = _COLONS.sub(lambda found: MARK if _is_ipv6(found[0]) else found[0], text)
    return _SPELLINGS.sub(MARK, text)


def _is_ipv6(written: str) -> bool:
    """Tell an address from a time of day; what is no more than its beginning counts too."""
    written = written.removesuffix(".")
    for candidate in (written, written.rstrip(":"), written.lstrip(":")):
        try:
            IPv6Address(candidate)
        except AddressValueError:
            continue
        return True
    return "::" in written and any(character.isalnum() for character in written)


def _without_coded(token: str) -> str:
    """Look at a token as a whole, and at its pieces: what joins words may also be a character of base64."""
    if _is_coded_address(token):
        return MARK
    for pieces in _CODED_PIECES:
        token = pieces.sub(lambda found: MARK if _is_coded_address(found[0]) else found[0], token)
    return token


def _is_coded_address(token: str) -> bool:
    """Tell whether a token is base64 of an address: of its bytes, or of a text with one in it."""
    bare = token.rstrip("=")
    padded = bare.translate(str.maketrans("-_", "+/")) + "=" * (-len(bare) % 4)
    try:
        content = base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(bare) in _CODED_CHARS and base64.b64encode(content).decode().rstrip("=") == padded.rstrip("="):
        return token != bare or not _is_word(bare)
    if not content.isascii():
        return False
    inner = content.decode("ascii")
    return bool(_SPELLINGS.search(inner)) or any(map(_is_ipv6, _COLONS.findall(inner)))


def _is_word(token: str) -> bool:
    """Tell whether a token is written as words are: letters alone, none of them large but the first, or all."""
    return token.isalpha() and (token[1:].islower() or token.isupper())
