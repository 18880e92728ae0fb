"""The pages as an ASGI application, alone or mounted below another one's path."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from analysis.analyse import facts_sha256
from analysis.dashboard import source, words
from analysis.dashboard.asked import Asked, UnfitQueryError, asked_of
from analysis.dashboard.nothing import NothingHereError
from analysis.dashboard.pages import PAGES
from analysis.reading import chain_ends
from analysis.report.appearance import LOOK, LOOK_OF_CAUSE, LOOKS, PATTERNS
from analysis.report.inert import visible
from probe.store.models import Analysis, Cycle, Daily, Vantage
from probe.vantage import is_of_a_lab

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy.orm import Session
    from starlette.requests import Request

    from probe.store.database import Database

_HERE: Final = Path(__file__).parent
MOST_CSV_ROWS: Final = 200_000
_CELL_CHARS: Final = 200

_HEADERS: Final = {
    # All that a page needs comes from here; text from outside that escaped all else could still load and send nothing.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def app_of(database: Database, hosts: Sequence[str] = ("*",)) -> Starlette:
    """Give the application over a database that was opened for reading.

    ``hosts``: the names under which it may be asked for; a page from elsewhere can give any name our address.
    """
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(short=words.short, long=words.long, utc=words.utc)
    templates.globals.update(look=LOOK, looks=LOOKS, tiles=PATTERNS)

    def route(path: str, template: str, fill: Callable[[Session, Asked, str], dict[str, Any]]) -> Route:
        def answer(request: Request) -> Response:
            root = request.scope.get("root_path", "")
            with database.session() as session:
                version = source.version_of(session)
                mark = f'"{version}"'
                if request.headers.get("if-none-match") == mark:
                    return Response(status_code=304, headers={"ETag": mark})
                status, name, asked = 200, template, Asked()
                try:
                    asked = asked_of(request.query_params)
                    shown = fill(session, asked, request.path_params.get("name", ""))
                except UnfitQueryError as unfit:
                    status, name, shown = 400, "refused", {"title": "That cannot be shown", "sentence": str(unfit)}
                except NothingHereError as nothing:
                    status, name, shown = 404, "refused", {"title": "Nothing here", "sentence": str(nothing)}
                page = templates.get_template(f"{name}.html.jinja").render(
                    **{"is_empty": False, **_around(session, asked), **shown},
                    asked=asked,
                    root=root,
                    at=path,
                    version=version,
                    service_link=lambda service: root + asked.link("/", service=service),
                )
            return HTMLResponse(page, status, headers={"ETag": mark} if status == 200 else None)

        return Route(path, answer, methods=["GET"], name=template)

    looks = _looks_css()

    def states(request: Request) -> Response:
        del request
        return PlainTextResponse(looks, media_type="text/css")

    def version(request: Request) -> Response:
        del request
        with database.session() as session:
            return PlainTextResponse(source.version_of(session))

    def daily(request: Request) -> Response:
        try:
            asked = asked_of(request.query_params)
        except UnfitQueryError as unfit:
            return PlainTextResponse(f"{unfit}.\n", 400)
        with database.session() as session:
            text = _csv(session, asked)
        return PlainTextResponse(
            text, media_type="text/csv", headers={"Content-Disposition": 'attachment; filename="nameblind-daily.csv"'}
        )

    app = Starlette(
        routes=[
            *(route(path, template, fill) for path, (template, fill) in PAGES.items()),
            Route("/states.css", states, methods=["GET"]),
            Route("/version", version, methods=["GET"]),
            Route("/daily.csv", daily, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        exception_handlers={404: _not_found},
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(_Guarded)
    return app


def _looks_css() -> str:
    """Give the colours of every state as a style sheet, for a light and a dark page."""
    light = "".join(
        f".s-{one.state}{{fill:{one.fill};background:{one.fill};color:{one.ink}}}.ink-{one.state}{{stroke:{one.ink}}}\n"
        for one in LOOK.values()
    )
    dark = "".join(
        f".s-{one.state}{{fill:{one.dark_fill};background:{one.dark_fill};color:{one.dark_ink}}}"
        f".ink-{one.state}{{stroke:{one.dark_ink}}}\n"
        for one in LOOK.values()
    )
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


class _Guarded:
    """Put the headers on every answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.lower().encode(), v.encode()) for k, v in _HEADERS.items() if k.lower().encode() not in own),
                ]
            await send(message)

        await self._app(scope, receive, guarded)


async def _not_found(request: Request, error: Exception) -> Response:
    del request, error
    return PlainTextResponse("There is no such page: go to /.\n", 404)


def _around(session: Session, asked: Asked) -> dict[str, Any]:
    """Give what every page shows around its content."""
    drawn = session.scalars(select(Analysis)).one_or_none()
    known = source.days(session)
    last = known[1].isoformat() if known else None
    services = session.scalars(select(Daily.service).where(Daily.day == last).distinct().order_by(Daily.service)).all()
    places = session.scalars(select(Vantage).where(Vantage.role == "probe")).all()
    return {
        "drawn": drawn,
        "is_of_a_lab": is_of_a_lab(session),
        "waiting": _waiting(session, drawn),
        "options": {
            "service": sorted({*services, *([asked.service] if asked.service else [])}),
            "country": sorted({one.country for one in places}),
            "region": sorted({one.region for one in places if one.region}),
            "network": sorted({one.network for one in places if one.network}),
            "cause": sorted(LOOK_OF_CAUSE),
        },
    }


def _waiting(session: Session, drawn: Analysis | None) -> str:
    """Say whether facts have arrived that nothing is concluded of yet."""
    heard = session.scalar(select(func.max(Cycle.slot_at)))
    if heard is None:
        return "The database holds no cycle yet: run a probe, or import facts."
    if drawn is None or drawn.facts_sha256 != facts_sha256(chain_ends(session)):
        return f"Facts have arrived, up to {words.utc(heard)}, that nothing is concluded of yet: run nameblind analyze."
    return ""


def _csv(session: Session, asked: Asked) -> str:
    """Write the counts behind the picture of days; no cell begins a formula."""
    known = source.days(session)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    columns = (Daily.day, Daily.vantage_id, Daily.service, Daily.state)
    table.writerow(["day", "vantage", "service", "state", "cells"])
    if known is not None:
        query = asked.counted(*columns, span=asked.span(known)).add_columns(func.sum(Daily.cells))
        for row in session.execute(query.order_by(*columns).limit(MOST_CSV_ROWS)):
            table.writerow([_inert(str(value)) for value in row])
    return out.getvalue()


def _inert(text: str) -> str:
    shown = visible(text, _CELL_CHARS)
    return "'" + shown if shown.lstrip().startswith(("=", "+", "-", "@")) else shown
