"""``nameblind erase``: remove all that this probe keeps on this machine. Offline, and for good."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from probe.commands.options import DEFAULT_DATABASE, Db
from probe.consent import default_state_dir
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD: Final = "erase"
_BESIDE: Final = ("", "-wal", "-shm", "-journal", ".lock")
_CHUNK: Final = 2**20


def erase(
    db: Db = DEFAULT_DATABASE,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: for scripts.")] = False,
) -> None:
    """List all that this probe keeps here, and remove it: results, keys, consents, schedule.

    It sends nothing. Files are written over before they are removed, but a memory card or an SSD may keep remnants that
    experts can read. What a collector has, and what your operator logged, stays.

    Example: nameblind erase --db results.db
    """
    from probe.store.connection import locate
    from probe.store.lock import sole_use

    url = locate(db)
    if url.drivername != "sqlite":
        raise UserError("a database on a server is not erased from here: let its owner drop it")
    database = Path(url.database or "")
    found = list(_ours(database, default_state_dir()))
    if not found:
        typer.echo(f"There is nothing to erase: neither {database} nor {default_state_dir()} holds anything of ours.")
        return
    for path, size in found:
        typer.echo(f"{size:>12,} bytes  {path}")
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(f"nothing was erased: there is no terminal to ask on; `nameblind erase --db {db} --yes`")
        try:
            answer = input(f"To remove all of it for good, type {WORD}: ")
        except (EOFError, KeyboardInterrupt):
            answer = ""
        if answer.strip() != WORD:
            raise UserError("nothing was erased")
    if database.parent.is_dir():
        with sole_use(database):  # not from under a probe that runs
            _remove(found)
    else:
        _remove(found)
    database.with_name(f"{database.name}.lock").unlink(missing_ok=True)
    _remove_empty(default_state_dir())
    typer.echo(
        "All of it is removed. A memory card or an SSD may keep remnants; what was sent to a collector stays there, "
        "and so do your operator's logs."
    )


def _ours(database: Path, state_dir: Path) -> Iterator[tuple[Path, int]]:
    """Give every file of ours with its size. A database of another program is not touched."""
    if database.exists():
        _check(database)
    beside = [database.with_name(database.name + suffix) for suffix in _BESIDE]
    for path in (*beside, database.with_name(f".{database.name}.new")):  # the last: of a creation that was killed
        if path.is_file() and not path.is_symlink():
            yield path, path.stat().st_size
    if state_dir.is_dir():
        for path in sorted(state_dir.iterdir()):
            if path.is_file() or path.is_symlink():
                yield path, path.lstat().st_size


def _check(database: Path) -> None:
    from probe.store.connection import APPLICATION_ID

    if not database.is_file():
        raise UserError(f"{database} is no file, so it is no results database; name one with --db")
    with database.open("rb") as file:
        header = file.read(100)
    if len(header) < 72 or int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise UserError(f"{database} is not a results database, so it was not touched; name one with --db")


def _remove(found: list[tuple[Path, int]]) -> None:
    for path, _ in found:
        try:
            if not path.is_symlink():
                _write_over(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{path} could not be erased: {error.strerror}; remove it by hand") from error


def _write_over(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            left -= file.write(bytes(min(left, _CHUNK))) or 0
        os.fsync(file.fileno())


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else keeps something there, or it is gone
        folder.rmdir()
