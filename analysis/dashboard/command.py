"""``nameblind dashboard``: pages on what a database holds, for a browser on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from probe.commands.options import DEFAULT_DATABASE, Db
from probe.errors import UserError


def dashboard(
    db: Db = DEFAULT_DATABASE,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any other than this machine's own shows it to others.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")] = 8431,
) -> None:
    """Show what a database holds, in a browser: what happens now, events with their ledgers, vantages.

    It reads and never writes: what it shows are the stored conclusions (`nameblind analyze` draws them anew), and
    pages renew themselves when there are newer ones. Ctrl-C ends it.

    Example: nameblind dashboard --db results.db
    """
    import socket

    import uvicorn
    from rich.console import Console

    from analysis.dashboard.app import app_of
    from probe.store.database import Database

    with Database.open_for_reading(db) as database:
        try:
            listening = socket.create_server((host, port), reuse_port=False)
        except OSError as error:
            raise UserError(
                f"the dashboard cannot listen on {host}, port {port}: {error.strerror}; choose another with --port"
            ) from error
        bound = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        Console(stderr=True).print(
            f"{database.place} is shown at http://{shown}:{bound}/ until Ctrl-C.", highlight=False, soft_wrap=True
        )
        server = uvicorn.Server(
            uvicorn.Config(app_of(database, _names_of(host)), log_level="warning", access_log=False)
        )
        server.run(sockets=[listening])


def _names_of(host: str) -> list[str]:
    """Give the names under which pages may be asked for: on this machine alone, none that somebody else may own."""
    return ["127.0.0.1", "localhost", "[::1]"] if host in {"127.0.0.1", "localhost", "::1"} else ["*"]
