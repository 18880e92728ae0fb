"""Consent for a machine at which nobody sits: a file in which somebody responsible says what was agreed to.

There is no option that skips the reading: the file names the hash of the very
text that was agreed to, so it is void when the text changes. The person's name
is for those who look at the file. It enters neither the stored consent nor any
database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from probe.consent.stored import consent_now, write
from probe.consent.text import Scope, text_sha256
from probe.errors import UserError
from probe.schedule.yaml_reader import Record, optional, parse, read_bytes, required
from probe.schedule.yaml_scalars import matching, text

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_MOST_BYTES: Final = 4_096
_HASH: Final = matching(
    r"[0-9a-f]{64}", "the SHA-256 of the text that was agreed to; `nameblind consent --json` prints it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agreed:
    responsible: str
    language: str
    measure: str
    upload: str | None = None


_FILE: Final = Record(
    _Agreed,
    {
        "responsible": required(text(200, "the name of the person who read the text and answers for it")),
        "language": required(matching(r"[a-z]{2}", "the language that the text was read in, as en")),
        "measure": required(_HASH),
        "upload": optional(_HASH),
    },
)


def take(state_dir: Path, file: Path, now: datetime) -> None:
    """Store the consents that a file gives. ``UserError`` where it is wrong, or speaks of another text."""
    agreed: _Agreed = parse(read_bytes(file, _MOST_BYTES), str(file), _FILE)
    given = {Scope.MEASURE: agreed.measure, Scope.UPLOAD: agreed.upload}
    for scope, sha256 in given.items():
        if sha256 is not None and sha256 != text_sha256(agreed.language, scope):
            raise UserError(
                f"{file}: the text on {scope} in {agreed.language!r} is not the one that was agreed to; read it "
                "(`nameblind consent` shows it) and write its hash anew (`nameblind consent --json` prints it)"
            )
    for scope, sha256 in given.items():
        if sha256 is not None:
            write(state_dir, consent_now(now, agreed.language, scope))
