"""``nameblind enrol`` and ``nameblind sync``: to a collector, and to nobody without consent."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe import consent
from probe.commands.options import DEFAULT_DATABASE, AsJson, Db
from probe.consent import Scope
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

Ca = Annotated[
    Path | None,
    typer.Option("--ca", metavar="FILE", help="Certificates (PEM) to trust instead of the public ones."),
]
Patience = Annotated[
    int, typer.Option("--patience", metavar="SECONDS", min=0, help="How long to try again while nobody answers.")
]


def enrol(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="The collector, as the researcher gave it.")
    ] = None,
    token: Annotated[str | None, typer.Option(metavar="TOKEN", help="What the researcher gave you.")] = None,
    country: Annotated[
        str | None, typer.Option(metavar="CC", help="Where the probe stands: two letters, as KZ.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="A coarse one, if you want to say it.")] = None,
    network: Annotated[str | None, typer.Option(metavar="AS", help="Your operator's network, as AS9198.")] = None,
    bearer: Annotated[str, typer.Option(help="fixed, mobile, satellite or unknown.")] = "unknown",
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Take a new identifier and key; the old ones are void.")
    ] = False,
    ca: Ca = None,
    patience: Patience = 30,
) -> None:
    """Join a researcher's fleet: a key is made on this machine, and the token is used up.

    It needs consent to upload, since the collector sees that you contact it. Give the token by the variable
    NAMEBLIND_TOKEN rather than on the command line if others use this machine.

    Example: nameblind enrol https://collect.example.org --token nb-probe-… --country KZ --bearer mobile
    """
    import os

    from probe.uplink import enrolling

    state_dir = _consented()
    enrolled = enrolling.known(state_dir)
    if rotate:
        if enrolled is None:
            raise UserError("this probe has not enrolled yet, so there is no identifier to change")
        with _told():
            fresh = enrolling.rotate(state_dir, enrolled, ca=ca, patience_s=patience)
        typer.echo(f"This probe is now {fresh.probe_id}. Measure into a new database from now on.")
        return
    secret = token or os.environ.get("NAMEBLIND_TOKEN")
    if url is None or secret is None or country is None:
        raise UserError("enrolling takes the collector's address, --token and --country, as the researcher gave them")
    if enrolled is not None:
        raise UserError(
            f"this probe is {enrolled.probe_id} at {enrolled.collectors[0]} already; `nameblind enrol --rotate` takes "
            "a new identifier; without uplink.json in the state folder it can enrol elsewhere"
        )
    said = {"country": country, "region": region, "network": network, "bearer": bearer}
    vantage = {key: value for key, value in said.items() if value is not None}
    with _told():
        fresh = enrolling.enrol(state_dir, url, secret, vantage, ca=ca, patience_s=patience)
    typer.echo(f"Enrolled as {fresh.probe_id}.")
    if fresh.schedule_version:
        path = state_dir / enrolling.SCHEDULE_NAME
        typer.echo(f"Schedule {fresh.schedule_version}: {path}")
        typer.echo(f"Next: nameblind plan --schedule {path}, and then nameblind run --schedule {path}")


def sync(db: Db = DEFAULT_DATABASE, ca: Ca = None, patience: Patience = 120, *, as_json: AsJson = False) -> None:
    """Send to the collector what it does not have yet, and fetch a newer schedule.

    Run it as often as you like (say each hour by a timer): only what is new is sent. Nothing is lost where the
    collector cannot be reached, for hours or for months.

    Example: nameblind sync --db results.db
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from probe.store.database import Database
    from probe.uplink import identity, syncing
    from probe.uplink.client import Client

    state_dir = _consented()
    enrolled = identity.read(state_dir)
    if enrolled is None:
        raise UserError("this probe has not enrolled with a collector; `nameblind enrol --help` says how")
    key = identity.key(state_dir, enrolled)
    client = Client(enrolled.collectors, patience_s=patience, ca=ca)

    def may_send() -> bool:
        return consent.is_given(state_dir, Scope.UPLOAD)

    columns = (TextColumn("Sending"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f} rows"))
    console = Console(stderr=True)
    is_shown = console.is_terminal and not as_json
    try:
        with (
            Database.open_for_reading(db) as store,
            _told(),
            Progress(*columns, TimeRemainingColumn(), console=console, disable=not is_shown) as progress,
        ):
            bar = progress.add_task("", total=syncing.backlog(store))
            sent = syncing.sync(
                store, client, key, enrolled, may_send=may_send, on_progress=lambda rows: progress.advance(bar, rows)
            )
            newer = syncing.refresh_schedule(client, key, enrolled, state_dir, may_send)
    finally:
        client.close()
    sent = replace(sent, schedule_version=newer)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "rows": sent.rows,
                    "batches": sent.batches,
                    "bytes": sent.bytes,
                    "schedule_version": newer,
                    "declined": sent.declined,
                }
            )
        )
    else:
        typer.echo(f"{sent.rows} new rows are stored at the collector ({sent.bytes / 1000:.1f} kB).")
        if newer:
            typer.echo(f"Schedule {newer} is here: {state_dir / identity.SCHEDULE_NAME}; start the probe anew with it.")
    if sent.declined:
        vantage_id, why = next(iter(sent.declined.items()))
        raise UserError(f"the collector does not take vantage {vantage_id}: {why}")


def _consented() -> Path:
    """Give the state folder, where consent to upload is stored. Nothing is sent before this returns."""
    state_dir = consent.default_state_dir()
    consent.require(state_dir, ask=consent.terminal(), scope=Scope.UPLOAD)
    return state_dir


@contextmanager
def _told() -> Iterator[None]:
    """Turn what may go wrong with a collector into one sentence."""
    from probe.uplink.client import DeclinedError, UnreachableError
    from probe.uplink.signing import BadSignatureError
    from probe.uplink.syncing import NotAllowedError

    try:
        yield
    except UnreachableError as error:
        raise UserError(f"no collector took anything ({error}); what is here stays here, so try again later") from None
    except DeclinedError as error:
        raise UserError(f"the collector said no ({error.reason or error.status}): {error}") from None
    except BadSignatureError:
        raise UserError(
            "the schedule that came is not signed by the collector that this probe enrolled with, so it was not taken; "
            "tell the researcher"
        ) from None
    except NotAllowedError:
        raise UserError("consent to upload was withdrawn, so sending stopped") from None
