"""How a moment is written and read wherever the analysis speaks to programs."""

from __future__ import annotations

from datetime import UTC, datetime

from probe.errors import UserError


def iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC with milliseconds and a ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str, option: str) -> datetime:
    """Read a moment or a day in ISO 8601; without a zone it is UTC. ``UserError`` names the option."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option}: {text!r} is no time; write it like 2011-12-16T06:00:00Z.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
