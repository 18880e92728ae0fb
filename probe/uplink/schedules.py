"""A schedule that comes from a collector: checked as any other, and it may name nothing of the machine that reads it.

A schedule can say what to fetch, how often and from which resolvers. It cannot
name a new kind of action: every key is declared in :mod:`probe.schedule.loader`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from probe.errors import UserError
from probe.schedule.loader import load

if TYPE_CHECKING:
    from probe.schedule.model import Schedule

MOST_BYTES: Final = 256 * 1024
_OF_THE_MACHINE: Final = ("as_table", "extra_roots", "fingerprints", "ways")
"""Keys that name files, interfaces and proxies: nobody else's choice than the machine's owner's."""


def read_published(path: Path) -> str:
    """Read a schedule that is to be published. ``UserError`` where probes would refuse it."""
    try:
        text = path.read_bytes()[: MOST_BYTES + 1].decode()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; name a schedule") from error
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; name a schedule") from None
    check(text, str(path))
    return text


def check(text: str, called: str = "the schedule that came") -> Schedule:
    """Give the schedule of a text from elsewhere. ``UserError`` where it is wrong, large, or names what is here."""
    if len(text.encode()) > MOST_BYTES:
        raise UserError(f"{called} is larger than {MOST_BYTES} bytes; take services out of it")
    with tempfile.TemporaryDirectory(prefix="nameblind-") as folder:
        file = Path(folder) / "schedule.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            schedule = load(file)
        except UserError as error:
            raise UserError(str(error).replace(str(file), called)) from None
    named = next((key for key in _OF_THE_MACHINE if key in yaml.safe_load(text)), None)
    if named is not None:
        raise UserError(f"{called} has {named}, which names things of one machine; a published one goes without")
    return schedule


def own(text: str, vantage: dict[str, str]) -> str:
    """Give a schedule with the volunteer's own vantage in it. ``UserError`` where it is wrong then."""
    check(text)
    mine = yaml.safe_dump({**yaml.safe_load(text), "vantage": vantage}, allow_unicode=True, sort_keys=False)
    check(mine)
    return mine
