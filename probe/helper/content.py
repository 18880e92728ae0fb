"""What a helper sends to who asks for many bytes: content that both sides can compute, and nobody can compress."""

from __future__ import annotations

import hashlib
import re
from typing import Final

BYTES_HEADER = "nameblind-bytes"
MOST_BYTES: Final = 1_000_000
"""Of one answer: at 10 Mbit/s it takes a second, and what is slower shows with less."""

_WANTED = re.compile(rb"^nameblind-bytes:[ \t]*([0-9]{1,9})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_CONTEXT = b"nameblind helper content\x00"


def wanted_bytes(head: bytes) -> int | None:
    """Give how many bytes a request asks for, at most :data:`MOST_BYTES`; ``None`` where it asks for the page."""
    found = _WANTED.search(head)
    return min(int(found[1]), MOST_BYTES) if found else None


def content(nonce: bytes, length: int) -> bytes:
    """Give the first ``length`` bytes of what belongs to a nonce, alike in both arms of a pair."""
    return hashlib.shake_256(_CONTEXT + nonce).digest(length)
