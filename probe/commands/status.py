"""``nameblind status``: is this probe alive, what answered last, what has it spent, what has it missed?"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from probe import consent
from probe.clock import SystemClock
from probe.commands.options import DEFAULT_DATABASE, AsJson, Db
from probe.errors import UserError
from probe.store import models
from probe.store.database import Database

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy.orm import Session

    from probe.clock import Clock

DAY = timedelta(days=1)
WATCH_EVERY_S = 2.0
MOST_VANTAGES = 50


def status(
    db: Db = DEFAULT_DATABASE,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Renew the picture every two seconds, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how a probe does: its last cycle and what answered in it, the last day's bytes, slots that were missed.

    It reads the database and sends nothing. What answered is a fact; whether something is blocked is for
    `nameblind analyze` to say. Exit status 1 where the database cannot be read.

    Example: nameblind status --db results.db --watch
    """
    with Database.open_for_reading(db) as database:
        if as_json:
            typer.echo(json.dumps(_shown(look(database)), indent=2))
        elif watch:
            _watch(database)
        else:
            from rich.console import Console

            Console().print(picture(look(database)))


def look(database: Database, clock: Clock | None = None) -> dict[str, Any]:
    """Give what the command prints. Raises UserError where the file cannot be read to its end."""
    now = (clock or SystemClock()).now()
    try:
        with database.session() as session:
            vantages = session.scalars(select(models.Vantage).order_by(models.Vantage.vantage_id).limit(MOST_VANTAGES))
            return {
                "database": database.place,
                "bytes": _bytes_of(database),
                "has_consent": consent.is_given(consent.default_state_dir()),
                "now": now,
                "vantages": [_vantage(session, one, now) for one in vantages],
            }
    except DatabaseError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise UserError(f"{database.place} cannot be read ({reason}); keep a copy of it as it is") from error


def _bytes_of(database: Database) -> int | None:
    path = Path(database.engine.url.database or "") if database.engine.dialect.name == "sqlite" else None
    return path.stat().st_size if path else None


def _vantage(session: Session, vantage: models.Vantage, now: datetime) -> dict[str, Any]:
    name = vantage.vantage_id
    cycle = session.scalars(
        select(models.Cycle).where(models.Cycle.vantage_id == name).order_by(models.Cycle.chain_seq.desc()).limit(1)
    ).one_or_none()
    link = session.scalars(
        select(models.LinkSample)
        .where(models.LinkSample.vantage_id == name)
        .order_by(models.LinkSample.chain_seq.desc())
        .limit(1)
    ).one_or_none()
    until = max((moment for moment in (cycle and cycle.started_at, link and link.sampled_at) if moment), default=now)
    ended = select(models.CycleEnd).where(models.CycleEnd.vantage_id == name, models.CycleEnd.ended_at > until - DAY)
    ends = session.scalars(ended).all()
    missed = session.execute(
        select(models.MissedSlot.reason, func.count())
        .where(models.MissedSlot.vantage_id == name, models.MissedSlot.slot_at > until - DAY)
        .group_by(models.MissedSlot.reason)
        .order_by(models.MissedSlot.reason)
    )
    return {
        "vantage": name,
        "last_slot": cycle.slot_at if cycle else None,
        "last_heard": until if cycle or link else None,
        "cycles": len(ends),
        "interrupted": sum(end.outcome != "complete" for end in ends),
        "spent_bytes": sum(end.bytes_sent + end.bytes_received for end in ends),
        "missed": {reason: count for reason, count in missed},  # noqa: C416 - rows, not pairs
        "power": link.power if link else None,
        "gateway": link.is_gateway_answering if link else None,
        "services": _services(session, cycle.cycle_id) if cycle else {},
    }


def _services(session: Session, cycle_id: str) -> dict[str, dict[str, int]]:
    rows = session.execute(
        text(
            "SELECT service, SUM(CASE WHEN is_answering THEN 1 ELSE 0 END), COUNT(*) FROM v_answering"
            " WHERE cycle_id = :cycle_id AND kind = 'target' GROUP BY service ORDER BY service"
        ),
        {"cycle_id": cycle_id},
    )
    return {service: {"answered": int(answered), "measured": int(measured)} for service, answered, measured in rows}


def _shown(found: Any) -> Any:
    """Give times as ISO 8601 in UTC."""
    if isinstance(found, dict):
        return {key: _shown(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_shown(value) for value in found]
    return found.isoformat() if isinstance(found, datetime) else found


def picture(found: dict[str, Any]) -> RenderableType:
    """Draw it for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(expand=False)
    table.add_column("vantage", no_wrap=True)
    for heading in ("last heard", "its last 24 hours", "answered last"):
        table.add_column(heading, overflow="fold")
    for one in found["vantages"]:
        cells = (one["vantage"], _heard(one, found["now"]), _day(one), _answered(one))
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    size = "" if found["bytes"] is None else f", {found['bytes'] / 1e6:.1f} MB"
    given = "given" if found["has_consent"] else "not given here: nothing would be sent"
    head = Text(f"{found['database']}{size}. Consent: {given}.")
    return Group(head, table if found["vantages"] else Text("No vantage has measured yet: nameblind run --once"))


def _printable(cell: str) -> str:
    """Take the terminal's codes out of names that a stranger's database may hold."""
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in cell
    )


def _heard(one: dict[str, Any], now: datetime) -> str:
    moment: datetime | None = one["last_heard"]
    if moment is None:
        return "never"
    minutes = int((now - moment).total_seconds() // 60)
    ago = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
    local = moment.astimezone()
    here = f"{local:%H:%M %Z}, " if local.utcoffset() else ""
    return f"{moment:%Y-%m-%d %H:%M} UTC\n{here}{ago} ago"


def _day(one: dict[str, Any]) -> str:
    cut = f", {one['interrupted']} cut short" if one["interrupted"] else ""
    lines = [f"{one['cycles']} cycles{cut}, {one['spent_bytes'] / 1e6:.1f} MB"]
    if one["missed"]:
        lines.append("missed: " + ", ".join(f"{count} {reason}" for reason, count in one["missed"].items()))
    gateway = {True: "gateway answers", False: "gateway silent", None: ""}[one["gateway"]]
    lines += [part for part in (", ".join(part for part in (one["power"] or "", gateway) if part),) if part]
    return "\n".join(lines)


def _answered(one: dict[str, Any]) -> str:
    counts = (f"{name} {of['answered']}/{of['measured']}" for name, of in one["services"].items())
    return ", ".join(counts) or "nothing"


def _watch(database: Database) -> None:
    """Renew the picture until Ctrl-C; where nobody sees it renewed, once is enough."""
    import asyncio

    from rich.console import Console
    from rich.live import Live

    console = Console()
    if not console.is_terminal:
        console.print(picture(look(database)))
        return

    async def renew() -> None:
        clock = SystemClock()
        with Live(picture(look(database)), console=console, auto_refresh=False) as live:
            while True:
                await clock.sleep(WATCH_EVERY_S)
                live.update(picture(look(database)), refresh=True)

    asyncio.run(renew())
