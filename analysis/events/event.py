"""One event as it is stored and printed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from analysis.times import iso
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from analysis.causes.cause import Cause
    from analysis.ledger import Entry

NETWORK_VANTAGES = 2
"""Vantages in one network (or region) before it is named: with one, the vantage's own box may be the cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One series that is part of an event."""

    vantage: str
    target: str
    onset: tuple[datetime | None, datetime]
    end: tuple[datetime, datetime] | None
    relapses: tuple[datetime, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give the member as it is stored and printed."""
        return {
            "vantage": self.vantage,
            "target": self.target,
            "onset": _onset(self.onset),
            "end": _end(self.end),
            "relapses": [iso(moment) for moment in self.relapses],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that began, had a scope and perhaps ended."""

    event_id: str = ""
    cause: Cause
    scope: dict[str, list[str]]
    onset: tuple[datetime | None, datetime]
    end: tuple[datetime, datetime] | None
    mechanisms: tuple[str, ...] = ()
    ledger: tuple[Entry, ...] = ()
    members: tuple[Member, ...] = ()
    hypotheses: tuple[dict[str, Any], ...] = field(default=())
    would_change: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give the event as ``analyze --json`` prints it."""
        return {
            "id": self.event_id,
            "cause": self.cause.value,
            "scope": self.scope,
            "onset": _onset(self.onset),
            "end": _end(self.end),
            "mechanisms": list(self.mechanisms),
            "ledger": [entry.as_dict() for entry in self.ledger],
            "hypotheses": list(self.hypotheses),
            "would_change": list(self.would_change),
            "members": [member.as_dict() for member in self.members],
        }

    def as_row(self) -> models.Event:
        """Give the event as a row of the store."""
        return models.Event(
            event_id=self.event_id,
            cause=self.cause.value,
            scope=self.scope,
            onset_after=self.onset[0],
            onset_before=self.onset[1],
            end_after=self.end[0] if self.end else None,
            end_before=self.end[1] if self.end else None,
            mechanisms=list(self.mechanisms),
            ledger=[entry.as_dict() for entry in self.ledger],
            hypotheses=list(self.hypotheses),
            would_change=list(self.would_change),
            members=[member.as_dict() for member in self.members],
        )


def named(event: Event) -> Event:
    """Give the event its name, which follows from its content alone."""
    content = json.dumps(event.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return replace(event, event_id=f"e{hashlib.sha256(content.encode()).hexdigest()[:16]}")


def shared(names: Iterable[str | None]) -> list[str]:
    """Give the networks or regions in which enough vantages stand."""
    counts = Counter(name for name in names if name is not None)
    return sorted(name for name, count in counts.items() if count >= NETWORK_VANTAGES)


def _onset(interval: tuple[datetime | None, datetime]) -> list[str | None]:
    after, before = interval
    return [iso(after) if after else None, iso(before)]


def _end(interval: tuple[datetime, datetime] | None) -> list[str] | None:
    return [iso(moment) for moment in interval] if interval else None
