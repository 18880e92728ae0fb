"""``nameblind doctor``: what is wrong with this probe, and what to do about it. It sends nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from probe.clock import SystemClock
from probe.commands.options import DEFAULT_DATABASE, AsJson, Db
from probe.consent import Scope, default_state_dir, stored
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probe.clock import Clock

LEAST_FREE_BYTES: Final = 200_000_000
LONGEST_SILENCE: Final = timedelta(days=1)
BUILT: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""Before this program was written no clock is right."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    is_well: bool
    told: str
    to_do: str = ""


def doctor(db: Db = DEFAULT_DATABASE, *, as_json: AsJson = False) -> None:
    """Look at all that a probe needs, and say what to do where something is wrong. Sends nothing.

    Exit status 1 where something is to be done.

    Example: nameblind doctor --db results.db
    """
    checks = list(examine(db, default_state_dir(), SystemClock()))
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            typer.echo(f"{'ok   ' if check.is_well else 'TO DO'}  {check.what}: {check.told}")
            if check.to_do:
                typer.echo(f"       {check.to_do}")
    wrong = [check.what for check in checks if not check.is_well]
    if wrong:
        raise UserError(f"{len(wrong)} of {len(checks)} things want something done: {', '.join(wrong)}")


def examine(db: str, state_dir: Path, clock: Clock) -> Iterator[Check]:
    """Give all checks, in the order in which a person would go through them."""
    yield _consent(state_dir)
    yield _clock(clock)
    yield _proxies()
    yield _private(state_dir)
    yield from _database(db, clock)
    yield _uplink(state_dir)


def _consent(state_dir: Path) -> Check:
    try:
        given = stored.read(state_dir)
    except stored.NoConsentError as absent:
        return Check("consent", False, f"{absent}, so nothing is measured", "Run: nameblind consent")
    return Check("consent", True, f"given {given.given_at}")


def _clock(clock: Clock) -> Check:
    now = clock.now()
    if now < BUILT:
        return Check(
            "clock",
            False,
            f"it says {now:%Y-%m-%d}, before this program was written",
            "Set it, or let the system set it (timedatectl set-ntp true): results get its times.",
        )
    return Check("clock", True, f"{now:%Y-%m-%d %H:%M} UTC")


def _proxies() -> Check:
    from probe.itself.ways_out import has_proxy_settings

    if has_proxy_settings():
        return Check(
            "way out",
            False,
            "a proxy is set in the environment; it is not used, and cycles say so",
            "Without one the results speak of your line. If the line needs it, do not measure here.",
        )
    return Check("way out", True, "no proxy is set")


def _private(state_dir: Path) -> Check:
    open_to_others = [
        path.name for path in (state_dir, *(state_dir.iterdir() if state_dir.is_dir() else ()))
        if path.exists() and path.stat().st_mode & 0o077
    ]  # fmt: skip
    if open_to_others:
        return Check("privacy", False, f"others may read {', '.join(open_to_others)}", f"Run: chmod -R go= {state_dir}")
    return Check("privacy", True, f"{state_dir} is for its owner alone")


def _database(db: str, clock: Clock) -> Iterator[Check]:
    from sqlalchemy import func, select

    from probe.store import models
    from probe.store.database import Database

    try:
        with Database.open_for_reading(db) as store:
            path = Path(store.engine.url.database or "") if store.engine.dialect.name == "sqlite" else None
            if path is not None:
                yield _whole(path)
                yield _disk(path)
            with store.session() as session:
                heard = session.scalar(select(func.max(models.Cycle.started_at)))
    except UserError as error:
        yield Check("database", False, str(error), "A probe makes a new one where there is none: nameblind run")
        return
    now = clock.now()
    if heard is None:
        yield Check("last cycle", False, "there is none yet", "Run: nameblind run")
    elif now - heard > LONGEST_SILENCE:
        yield Check(
            "last cycle",
            False,
            f"{heard:%Y-%m-%d %H:%M} UTC, more than a day ago",
            "Is it running? nameblind run",
        )
    elif heard > now + timedelta(minutes=5):
        yield Check("last cycle", False, f"{heard:%Y-%m-%d %H:%M} UTC, which is yet to come", "Set the clock.")
    else:
        yield Check("last cycle", True, f"{heard:%Y-%m-%d %H:%M} UTC")


def _whole(path: Path) -> Check:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        told = str(error)
    if told != "ok":
        return Check(
            "database", False, f"it is damaged ({told[:100]})", "Keep a copy of it as it is, and start a new one."
        )
    return Check("database", True, f"{path} is whole; `nameblind verify --db` checks it row by row")


def _disk(path: Path) -> Check:
    free = shutil.disk_usage(path.absolute().parent).free
    if free < LEAST_FREE_BYTES:
        return Check("disk", False, f"{free / 1e6:.0f} MB are free", "Make room: a full disk ends the measuring.")
    return Check("disk", True, f"{free / 1e9:.1f} GB are free")


def _uplink(state_dir: Path) -> Check:
    from probe.uplink import identity

    try:
        enrolled = identity.read(state_dir)
        if enrolled is None:
            return Check("fleet", True, "not enrolled; nothing leaves this machine")
        identity.key(state_dir, enrolled)
    except UserError as error:
        return Check("fleet", False, str(error), "Ask the researcher for a token, and enrol again.")
    if not stored.is_given(state_dir, Scope.UPLOAD):
        return Check(
            "fleet",
            False,
            f"enrolled as {enrolled.probe_id}, but there is no consent to upload",
            "Run: nameblind consent --upload, or leave it so: nothing is sent then.",
        )
    return Check(
        "fleet", True, f"{enrolled.probe_id} at {enrolled.collectors[0]}, schedule {enrolled.schedule_version}"
    )
