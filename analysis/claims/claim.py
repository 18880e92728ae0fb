"""A claim as its file gives it. A wrong file is refused with line, key and what was expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from analysis.causes.cause import Cause
from probe.schedule.yaml_reader import Key, ListOf, Record, UnfitError, optional, read, required
from probe.schedule.yaml_scalars import matching, one_of, scalar, text

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 65_536
"""Of a claim's file: some pages of text."""
CLAIMABLE: Final = tuple(cause.value for cause in Cause if cause not in {Cause.INSUFFICIENT, Cause.DARK_UNDETERMINED})
"""Causes that can be claimed; that it is not known is no claim."""

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where, when and of what a claim speaks; what is left out is not narrowed."""

    begins: Interval
    ends: Interval
    country: str | None = None
    regions: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.begins[1] >= self.ends[0]:
            raise UnfitError("ends", "a time after the latest beginning")

    @property
    def inner(self) -> Interval:
        """The time that the claim speaks of in any case: from its latest beginning to its earliest end."""
        return self.begins[1], self.ends[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who said what."""

    who: str
    source: str
    said: str
    quote: str
    cause: Cause
    scopes: tuple[Scope, ...]
    assumed: tuple[str, ...] = ()


def read_claim(path: Path) -> Claim:
    """Read a claim's file. ``UserError`` names file, line and key."""
    return read(path, _CLAIM, max_bytes=MAX_BYTES)


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _interval(written: str) -> Interval:
    first, is_interval, last = written.partition("/")
    interval = _moment(first), _moment(last if is_interval else first)
    if interval[0] > interval[1]:
        raise ValueError
    return interval


_INTERVAL = scalar(_interval, "a time, or two as EARLIEST/LATEST (ISO 8601, UTC where it has no zone)")
_NAMES = ListOf(text(100, "a name"), at_least=1, at_most=100)


def _scopes(**values: Any) -> Scope:
    return Scope(**values)


def _claim(*, cause: str, **values: Any) -> Claim:
    return Claim(cause=Cause(cause), **values)


_SCOPE = Record(
    _scopes,
    {
        "begins": required(_INTERVAL),
        "ends": required(_INTERVAL),
        "country": optional(matching(r"[A-Z]{2}", "a country's two letters, as KZ")),
        "regions": optional(_NAMES),
        "networks": optional(_NAMES),
        "services": optional(_NAMES),
    },
)
_KEYS: dict[str, Key] = {
    "who": required(text(200, "who said it")),
    "source": required(text(500, "where it can be read")),
    "said": required(text(100, "the day on which it was said, as well as it is known")),
    "quote": required(text(2000, "what was said, quoted or in other words")),
    "cause": required(one_of(*CLAIMABLE)),
    "scopes": required(ListOf(_SCOPE, at_least=1, at_most=50)),
    "assumed": optional(ListOf(text(500), at_most=50)),
}
_CLAIM = Record(_claim, _KEYS)
