"""One page a module: ``page(session, asked, name)`` gives what its template shows, or raises ``NothingHereError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from analysis.dashboard.pages import event, events, measurement, overview, vantage, vantages

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked

PAGES: Final[dict[str, tuple[str, Callable[[Session, Asked, str], dict[str, Any]]]]] = {
    "/": ("overview", overview.page),
    "/events": ("events", events.page),
    "/event/{name}": ("event", event.page),
    "/vantages": ("vantages", vantages.page),
    "/vantage/{name}": ("vantage", vantage.page),
    "/measurement/{name}": ("measurement", measurement.page),
}
"""By the path's pattern: the template, and what fills it."""
