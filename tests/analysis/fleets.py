"""Grids from pictures: a line of text a vantage, a letter a slot.

``r`` it ran and reached everything, ``f`` it ran and reached nothing, ``z`` it says that it was asleep, ``.`` nothing
was heard.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from analysis.facts import MissedFacts, VantageFacts
from analysis.grid import Pass, grid_of_passes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.grid import Grid

START = datetime(2026, 1, 10, 6, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
TARGETS = ("kplus.example.net", "news.example.com")
PLACES = {"aktau": "Mangystau", "zhanaozen": "Mangystau", "almaty": "Almaty", "astana": "Astana", "oral": "Oral"}


def slot(index: float) -> datetime:
    return START + index * QUARTER


def vantage(name: str) -> VantageFacts:
    """Stand in the place of that name; whoever is called ``sentinel…`` is one, abroad."""
    if name.startswith("sentinel"):
        return VantageFacts(vantage_id=name, country="DE", region="Hesse", network="AS24940", role="control")
    return VantageFacts(vantage_id=name, country="KZ", region=PLACES.get(name.partition("-")[0]), network=f"AS-{name}")


def ran(
    name: str, index: float, *, late_s: float = 300, version: str = "1", state: str = "ok", **extra: object
) -> Pass:
    fields: dict[str, object] = {"outcome": "complete", "found": dict.fromkeys(TARGETS, state), **extra}
    return Pass(
        vantage=vantage(name),
        slot_at=slot(index),
        received_at=slot(index) + timedelta(seconds=late_s),
        software_version=version,
        **fields,  # type: ignore[arg-type]
    )


def asleep(name: str, index: float, reason: str = "asleep") -> MissedFacts:
    return MissedFacts(vantage=vantage(name), slot_at=slot(index), reason=reason, received_at=slot(index) + QUARTER)


def fleet(
    lines: Mapping[str, str], *, versions: Mapping[str, str] | None = None, as_of: datetime | None = None
) -> Grid:
    """Draw a grid."""
    passes = [
        ran(name, i, state="ok" if letter == "r" else "dark", version=(versions or {}).get(name, "1"))
        for name, letters in lines.items()
        for i, letter in enumerate(letters)
        if letter in "rf"
    ]
    missed = [asleep(name, i) for name, letters in lines.items() for i, letter in enumerate(letters) if letter == "z"]
    return grid_of_passes(passes, missed, as_of=as_of)
