"""What a page's address asks for: filters that can be sent to somebody else as a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sqlalchemy import select

from probe.store.models import Daily, Event, Vantage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Select, SQLColumnExpression

DAYS: Final = 90
MOST_DAYS: Final = 400
MOST_CHARS: Final = 200

FILTERS: Final = ("service", "network", "region", "country", "vantage", "cause", "q")
"""Those of text; each narrows what a page shows."""


class UnfitQueryError(ValueError):
    """What an address asks for cannot be: one sentence for whoever wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The filters of one page."""

    service: str = ""
    network: str = ""
    region: str = ""
    country: str = ""
    vantage: str = ""
    cause: str = ""
    q: str = ""
    """Words that an event's row must hold."""
    days: int = DAYS
    until: date | None = None
    """The last day shown; without it the last of which there is anything."""

    @property
    def query(self) -> str:
        """Give the filters as the query of an address, with what is as ever left out."""
        given = {name: getattr(self, name) for name in FILTERS if getattr(self, name)}
        if self.days != DAYS:
            given["days"] = str(self.days)
        if self.until is not None:
            given["until"] = self.until.isoformat()
        return urlencode(given)

    def link(self, path: str, **changes: str) -> str:
        """Give the address of another page under the same filters, some of them changed."""
        query = replace(self, **changes).query  # type: ignore[arg-type]
        return f"{path}?{query}" if query else path

    def span(self, known: tuple[date, date]) -> tuple[str, str]:
        """Give the first and the last day shown, as they are stored: none before the first that is known."""
        first, last = known
        end = self.until or last
        begin = end - timedelta(days=self.days - 1)
        return max(begin, min(first, end)).isoformat(), end.isoformat()

    def of_places(self) -> Select[Any]:
        """Choose the vantages; a sentinel stands outside and is not counted."""
        chosen = [Vantage.role == "probe"]
        for column, wanted in (
            (Vantage.network, self.network),
            (Vantage.region, self.region),
            (Vantage.country, self.country),
            (Vantage.vantage_id, self.vantage),
        ):
            if wanted:
                chosen.append(column == wanted)
        return select(Vantage.vantage_id).where(*chosen)

    def counted(self, *columns: SQLColumnExpression[Any], span: tuple[str, str]) -> Select[Any]:
        """Start a query over the days of these filters that groups by ``columns``."""
        chosen = [Daily.vantage_id.in_(self.of_places()), Daily.day >= span[0], Daily.day <= span[1]]
        if self.service:
            chosen.append(Daily.service == self.service)
        return select(*columns).where(*chosen).group_by(*columns)

    def admits(self, event: Event, places: Mapping[str, Vantage]) -> bool:
        """Tell whether an event is within the filters."""
        scope = event.scope
        if self.service and self.service not in scope.get("services", []):
            return False
        if self.cause and self.cause != event.cause:
            return False
        wanted = (self.network, self.region, self.country, self.vantage)
        if any(wanted):
            inside = (places[name] for name in scope.get("vantages", []) if name in places)
            if not any(
                all(
                    not want or want == has
                    for want, has in zip(wanted, (v.network, v.region, v.country, v.vantage_id), strict=True)
                )
                for v in inside
            ):
                return False
        held = " ".join(
            [event.event_id, event.cause, *event.mechanisms, *(n for names in scope.values() for n in names)]
        )
        return all(word in held.casefold() for word in self.q.casefold().split())


def asked_of(given: Mapping[str, str]) -> Asked:
    """Read the query of an address. Raises UnfitQueryError."""
    texts = {name: given.get(name, "").strip() for name in FILTERS}
    for name, text in texts.items():
        if len(text) > MOST_CHARS:
            raise UnfitQueryError(f"{name} is longer than {MOST_CHARS} characters: shorten it")
    days = given.get("days", "").strip() or str(DAYS)
    if not (days.isascii() and days.isdigit() and len(days) <= len(str(MOST_DAYS)) and 1 <= int(days) <= MOST_DAYS):
        raise UnfitQueryError(f"days must be a whole number from 1 to {MOST_DAYS}")
    until = given.get("until", "").strip()
    try:
        last = date.fromisoformat(until) if until else None
        if last is not None:
            last - timedelta(days=MOST_DAYS)
    except (ValueError, OverflowError):
        raise UnfitQueryError("until must be a day, such as 2011-12-16") from None
    return Asked(**texts, days=int(days), until=last)
