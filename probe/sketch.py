"""A short sketch of a page's words: the likeness of two pages can be told from it, their content cannot.

One hash of every three words in a row (Broder's shingles) goes into one of 64
bins by its low bits; each bin keeps eight bits of its smallest (Li, Owen and
Zhang, 2012: one permutation hashing). The share of bins in which two sketches
agree, among those that either of them filled, estimates the Jaccard likeness of
the two sets of shingles.

Only letters count: figures change from one fetch to the next, and one of them
may be the volunteer's address.
"""

from __future__ import annotations

import hashlib
import html
import re
from typing import Final

BINS: Final = 64
WORDS: Final = 4_000
"""Read of a page: what a reader sees first, at a bounded cost."""
_READ_BYTES: Final = 131_072
_SHINGLE_WORDS: Final = 3
_WORD: Final = re.compile(r"[^\W\d_]+")
_HIDDEN: Final = (b"script", b"style", b"noscript", b"template", b"svg")
_EMPTY: Final = 1 << 40
"""Above every hash."""


def sketch_of(body: bytes, charset: str) -> str | None:
    """Give the sketch of a page, two hex digits a bin, ``00`` for an empty one; ``None`` of a page without words."""
    text = html.unescape(_visible(body[:_READ_BYTES]).decode(charset, "replace"))
    words = [found[0].casefold() for found, _ in zip(_WORD.finditer(text), range(WORDS), strict=False)]
    if not words:
        return None
    smallest = [_EMPTY] * BINS
    length = min(_SHINGLE_WORDS, len(words))
    for start in range(len(words) - length + 1):
        shingle = " ".join(words[start : start + length])
        value = int.from_bytes(hashlib.blake2b(shingle.encode(), digest_size=5).digest())
        place, rest = value % BINS, value // BINS
        smallest[place] = min(smallest[place], rest)
    return "".join("00" if value == _EMPTY else f"{value % 255 + 1:02x}" for value in smallest)


def likeness(one: str, other: str) -> float:
    """Estimate the likeness of two pages from their sketches: 1 for the same words, about 0 for unrelated ones."""
    pairs = [(one[at : at + 2], other[at : at + 2]) for at in range(0, 2 * BINS, 2)]
    filled = [pair for pair in pairs if pair != ("00", "00")]
    return sum(here == there for here, there in filled) / len(filled) if filled else 1.0


def _visible(page: bytes) -> bytes:
    """Give what stands outside tags and outside scripts; one pass, whatever the page is built like."""
    lower = page.lower()
    kept: list[bytes] = []
    place = 0
    while (opened := page.find(b"<", place)) >= 0:
        kept.append(page[place:opened])
        hidden = next((name for name in _HIDDEN if lower.startswith(name, opened + 1)), None)
        ending = b"-->" if page.startswith(b"<!--", opened) else b">" if hidden is None else b"</" + hidden
        closed = lower.find(ending, opened + 1)
        if closed < 0:
            return b" ".join(kept)
        place = closed + len(ending)
    kept.append(page[place:])
    return b" ".join(kept)
