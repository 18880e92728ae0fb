"""Why a request is not granted: one list, each with its status (RFC 9110) and whether it is kept as a finding."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.store.chain import End


class Why(Enum):
    """A reason: its word on the wire, its status, and whether what came is put into quarantine."""

    UNSIGNED = ("unsigned", 401, False)
    UNKNOWN_PROBE = ("unknown-probe", 401, False)
    BAD_SIGNATURE = ("bad-signature", 401, False)
    BAD_TOKEN = ("bad-token", 403, False)
    HELD = ("held", 403, False)
    RETIRED = ("retired", 403, False)
    REVOKED = ("revoked", 403, False)
    NOT_FOUND = ("not-found", 404, False)
    TOO_SLOW = ("too-slow", 408, False)
    GAP = ("gap", 409, False)
    FORK = ("fork", 409, True)
    TOO_LARGE = ("too-large", 413, False)
    UNREADABLE = ("unreadable", 400, True)
    SCHEMA = ("schema", 422, False)
    FOREIGN_VANTAGE = ("foreign-vantage", 403, True)
    FOREIGN_ROW = ("foreign-row", 422, True)
    FROM_THE_FUTURE = ("from-the-future", 422, True)
    TOO_MUCH = ("too-much", 429, False)
    NOT_STORED = ("not-stored", 503, False)

    def __init__(self, word: str, status: int, is_finding: bool) -> None:  # noqa: FBT001 - an enumeration's own way
        self.word = word
        self.status = status
        self.is_finding = is_finding


class RefusedError(Exception):
    """A request that is not granted. Its text is one sentence, for whoever runs the probe."""

    def __init__(self, why: Why, sentence: str, *, end: End | None = None, word: str | None = None) -> None:
        super().__init__(sentence)
        self.why = why
        self.word = word or why.word
        """A closer word than the reason's own, where there is one."""
        self.end = end
        """Where the chain stands here, where that tells the probe how to go on."""
