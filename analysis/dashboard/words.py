"""How times, scopes and text from outside stand on a page."""

from __future__ import annotations

from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Final

from analysis.report.catalogue import load
from analysis.report.inert import visible
from analysis.report.zones import local_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from analysis.report.catalogue import Catalogue
    from probe.store.models import Event, Vantage

SHORT_CHARS: Final = 120
LONG_CHARS: Final = 600


def short(text: object) -> str:
    """Make text from outside harmless, on one line."""
    return visible(str(text), SHORT_CHARS)


def long(text: object) -> str:
    """Make a sentence harmless, on one line."""
    return visible(str(text), LONG_CHARS)


def utc(moment: datetime | None) -> str:
    """Give a time as a person reads it, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if moment else ""


def interval(after: datetime | None, before: datetime | None) -> str:
    """Say when something changed: between two looks, or by the first of them."""
    if before is None:
        return "not yet"
    return f"between {utc(after)} and {utc(before)}" if after else f"by {utc(before)}"


def locally(moment: datetime | None, places: Iterable[Vantage]) -> list[str]:
    """Give a time by the clocks of the places concerned, each once."""
    if moment is None:
        return []
    zones = {zone.key: zone for place in places if (zone := local_zone(place.country, place.region)) is not None}
    return [f"{moment.astimezone(zones[key]).strftime('%Y-%m-%d %H:%M')} {key}" for key in sorted(zones)]


@cache
def _english() -> Catalogue:
    return load("en")


def cause(name: str, part: str = "title") -> str:
    """Give the words of a cause as the report has them."""
    words = _english()
    return words.text(f"cause.{name}.{part}") if words.has(f"cause.{name}.{part}") else name


def scope(event: Event, vantages: Mapping[str, Vantage]) -> str:
    """Say in a few words what and where an event is."""
    what = [short(name) for name in event.scope.get("services", [])]
    where = event.scope.get("regions") or sorted(
        {
            place.region or place.country
            for name in event.scope.get("vantages", [])
            if (place := vantages.get(name)) is not None
        }
    )
    things = ", ".join(what[:4]) + (f" and {len(what) - 4} more" if len(what) > 4 else "")
    places = ", ".join(short(name) for name in where[:3]) + (f" and {len(where) - 3} more" if len(where) > 3 else "")
    if event.cause in {"shutdown", "damage", "dark-undetermined", "vantage-local"}:
        return places or things
    return f"{things} · {places}" if places else things
