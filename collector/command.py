"""``nameblind collector``: take facts from a fleet, and decide who may send them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import select

from probe.clock import SystemClock
from probe.commands.options import AsJson, Db
from probe.errors import UserError
from probe.store.writing import transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.store.database import Database

app = typer.Typer(
    help="Take facts from a fleet of probes, and decide who may send them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
token_app = typer.Typer(help="Tokens: what a researcher gives to a volunteer, once.", no_args_is_help=True)
probe_app = typer.Typer(help="Probes: which keys may send.", no_args_is_help=True)
schedule_app = typer.Typer(help="The schedule that all probes follow, signed and numbered.", no_args_is_help=True)
quarantine_app = typer.Typer(help="What came and is in doubt, apart from the facts.", no_args_is_help=True)
for name, part in (
    ("token", token_app),
    ("probe", probe_app),
    ("schedule", schedule_app),
    ("quarantine", quarantine_app),
):
    app.add_typer(part, name=name)

DEFAULT_DB = "collector.db"
DEFAULT_STATE = Path("collector-state")
State = Annotated[
    Path,
    typer.Option("--state", metavar="DIR", help="Folder of the collector's keys; keep a copy, and keep it secret."),
]


@app.command()
def serve(
    db: Db = DEFAULT_DB,
    state: State = DEFAULT_STATE,
    address: Annotated[
        list[str] | None,
        typer.Option("--address", metavar="URL", help="How probes reach it, the main one first; again for fallbacks."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; a TLS proxy stands before it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")] = 8440,
    per_prefix: Annotated[
        int,
        typer.Option(min=1, help="Probes of one /24 or /48 that are admitted unasked; more wait for `probe admit`."),
    ] = 5,
    proxy: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The TLS proxy, whose word on where a request comes from is taken.")
    ] = "127.0.0.1",
) -> None:
    """Take facts until Ctrl-C. What is answered with success is committed; all else stays with the probe.

    It speaks plain HTTP: put a TLS proxy before it (deploy/ has one).

    Example: nameblind collector serve --db postgresql://collector@/nameblind --address https://collect.example.org
    """
    import socket

    import uvicorn

    from collector.app import app_of
    from collector.keys import load
    from collector.logs import configure
    from collector.opening import open_store
    from collector.service import Service

    keys = load(state)
    with open_store(db, create=True) as store:
        try:
            listening = socket.create_server((host, port))
        except OSError as error:
            raise UserError(
                f"the collector cannot listen on {host}, port {port}: {error.strerror}; choose another with --port"
            ) from error
        bound = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        service = Service(
            store=store,
            keys=keys,
            clock=SystemClock(),
            addresses=tuple(address or (f"http://{shown}:{bound}",)),
            most_of_a_prefix=per_prefix,
        )
        typer.echo(f"Taking facts into {store.place} at http://{shown}:{bound}/ until Ctrl-C.", err=True)
        configure()
        config = uvicorn.Config(
            app_of(service),
            access_log=False,  # it would name volunteers' addresses
            log_config=None,
            proxy_headers=True,
            forwarded_allow_ips=proxy,
            server_header=False,
            timeout_keep_alive=30,
            limit_concurrency=256,
        )
        uvicorn.Server(config).run(sockets=[listening])


@token_app.command("new")
def token_new(
    db: Db = DEFAULT_DB,
    uses: Annotated[int, typer.Option(min=0, help="How many may enrol with it; 0 is any number.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=3650, help="After so many it is void.")] = 30,
    note: Annotated[str, typer.Option(help="For you. Write no volunteer's name: this database may be taken.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it, once. It is kept as a hash, so nobody can look it up again.

    Example: nameblind collector token new --days 7 --note "workshop in May"
    """
    from collector import tokens

    now = SystemClock().now()
    with _store(db) as store, transaction(store.engine) as connection:
        made = tokens.make(
            connection,
            now,
            uses=uses or None,
            expires_at=now + timedelta(days=days),
            note=note[:200],
        )
    if as_json:
        typer.echo(json.dumps({"token_id": made.token_id, "secret": made.secret}))
        return
    typer.echo(made.secret)
    typer.echo(f"(token {made.token_id}, shown this once; void after {days} days)", err=True)


@token_app.command("list")
def token_list(db: Db = DEFAULT_DB, *, as_json: AsJson = False) -> None:
    """List tokens, without their secrets."""
    from collector.models import Token

    columns = (Token.token_id, Token.uses_left, Token.expires_at, Token.note)
    _show(db, select(*columns).order_by(Token.created_at, Token.token_id), as_json=as_json)


@token_app.command("revoke")
def token_revoke(token_id: str, db: Db = DEFAULT_DB) -> None:
    """Take a token away. Probes that enrolled with it stay; `probe revoke` ends them."""
    from collector import tokens

    with _store(db) as store, transaction(store.engine) as connection:
        if not tokens.revoke(connection, token_id):
            raise UserError(
                f"there is no token {token_id!r} in {store.place}; `nameblind collector token list` shows them"
            )
    typer.echo(f"Token {token_id} is void.")


@probe_app.command("list")
def probe_list(db: Db = DEFAULT_DB, *, as_json: AsJson = False) -> None:
    """List probes: their standing, when they were last heard, how many share a network."""
    from collector.models import Probe

    columns = (
        Probe.probe_id,
        Probe.standing,
        Probe.enrolled_at,
        Probe.last_heard_at,
        Probe.repeated_rows,
        Probe.prefix,
    )
    _show(db, select(*columns).order_by(Probe.enrolled_at, Probe.probe_id), as_json=as_json)


@probe_app.command("admit")
def probe_admit(probe_id: str, db: Db = DEFAULT_DB) -> None:
    """Let a probe send that is held because many came from its network, or whose key was revoked."""
    _set_standing(db, probe_id, "admitted")


@probe_app.command("revoke")
def probe_revoke(probe_id: str, db: Db = DEFAULT_DB) -> None:
    """Take nothing more from a key, say because the machine was taken. What it sent before stays."""
    _set_standing(db, probe_id, "revoked")


@schedule_app.command("publish")
def schedule_publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A schedule, as docs/schedule.md describes it.")],
    db: Db = DEFAULT_DB,
    state: State = DEFAULT_STATE,
) -> None:
    """Sign a schedule as the next version. Probes take it at their next sync, and never an older one again."""
    from collector import schedules
    from collector.keys import load
    from probe.uplink.schedules import read_published

    text = read_published(file)
    with _store(db) as store, transaction(store.engine) as connection:
        version = schedules.publish(connection, load(state).signing, text, SystemClock().now())
    typer.echo(f"Version {version} is published.")


@quarantine_app.command("list")
def quarantine_list(db: Db = DEFAULT_DB, *, as_json: AsJson = False) -> None:
    """List what was put aside, with the reason."""
    from collector.models import Quarantined

    columns = (
        Quarantined.sha256,
        Quarantined.probe_id,
        Quarantined.reason,
        Quarantined.first_at,
        Quarantined.times,
        Quarantined.size,
        Quarantined.sentence,
    )
    _show(db, select(*columns).order_by(Quarantined.first_at, Quarantined.sha256), as_json=as_json)


@quarantine_app.command("show")
def quarantine_show(
    sha256: Annotated[str, typer.Argument(help="The hash, or enough of its beginning.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the bytes, as they came (gzip).")],
    db: Db = DEFAULT_DB,
) -> None:
    """Write what was put aside into a file, to look at it. It is a stranger's."""
    from collector.models import Quarantined

    with _store(db) as store, store.session() as session:
        found = session.execute(
            select(Quarantined.sha256, Quarantined.body).where(Quarantined.sha256.startswith(sha256, autoescape=True))
        ).all()
    if len(found) != 1:
        raise UserError(
            f"{len(found)} bodies in quarantine begin with {sha256!r}; `quarantine list` shows their hashes"
        )
    if found[0].body is None:
        raise UserError(f"of {sha256} only the hash and the reason were kept: its sender had filled its share")
    try:
        with out.open("xb") as file:
            file.write(found[0].body)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}; name a new file") from error
    typer.echo(f"{out}: {len(found[0].body)} bytes")


def _store(db: str) -> Database:
    from collector.opening import open_store

    return open_store(db, create=True)


def _set_standing(db: str, probe_id: str, standing: str) -> None:
    from collector import probes
    from collector.models import Standing

    with _store(db) as store, transaction(store.engine) as connection:
        if not probes.set_standing(connection, probe_id, Standing(standing)):
            raise UserError(f"there is no probe {probe_id!r} that could be {standing}; `probe list` shows them")
    typer.echo(f"Probe {probe_id} is {standing}.")


def _show(db: str, query: Any, *, as_json: bool) -> None:
    """Print the rows of a query: a table for people, an object a row for programs."""
    with _store(db) as store, store.session() as session:
        rows: Sequence[Any] = session.execute(query).mappings().all()
    if as_json:
        typer.echo(json.dumps([{key: _plain(value) for key, value in row.items()} for row in rows]))
        return
    if not rows:
        typer.echo("There is none.")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*rows[0].keys(), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row.values()))
    Console().print(table)


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M}Z" if hasattr(value, "isoformat") else str(value)
