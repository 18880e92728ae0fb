"""Where consent is kept, and what counts as consent when it is read again.

One small JSON file a consent in the state folder, for its owner's eyes alone. A file
that is not exactly what we write, not ours, open to others, or that speaks of
another text is no consent: in doubt nothing is sent.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from probe.consent.text import TEXT_VERSIONS, Scope, languages, text_sha256
from probe.errors import UserError
from probe.private_file import write_private

FILE_NAMES: Final = {Scope.MEASURE: "consent.json", Scope.UPLOAD: "consent-upload.json"}
FILE_NAME: Final = FILE_NAMES[Scope.MEASURE]
MAX_FILE_BYTES: Final = 4_096
"""What we write takes 300 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person agreed to, in which words, and when."""

    text_version: int
    text_sha256: str
    language: str
    given_at: str
    """ISO 8601, UTC."""
    measure: bool
    upload: bool
    """A consent of its own; off until it is given."""


_DOING: Final = {Scope.MEASURE: "measuring", Scope.UPLOAD: "uploading"}


class NoConsentError(Exception):
    """There is no valid consent; its text says why, for people."""


def default_state_dir() -> Path:
    """Give the folder of the program's own state (XDG Base Directory Specification)."""
    configured = os.environ.get("XDG_STATE_HOME", "")
    if Path(configured).is_absolute():
        return Path(configured) / "nameblind"
    try:
        return Path.home() / ".local" / "state" / "nameblind"
    except RuntimeError:
        raise UserError("this user has no home folder; set XDG_STATE_HOME to an absolute path") from None


def is_given(state_dir: Path, scope: Scope = Scope.MEASURE) -> bool:
    """Tell whether a valid consent is stored."""
    try:
        read(state_dir, scope)
    except NoConsentError:
        return False
    return True


def read(state_dir: Path, scope: Scope = Scope.MEASURE) -> Consent:
    """Give the stored consent; ``NoConsentError`` where there is none that is valid today."""
    data = _bytes(state_dir / FILE_NAMES[scope])
    try:
        values = json.loads(data, object_pairs_hook=_without_repetition)
        consent = _checked(values)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NoConsentError("the stored consent is not what this program writes") from None
    if consent.language not in languages(scope):
        raise NoConsentError("the stored consent is to a text in a language that is not there any more")
    if (consent.text_version, consent.text_sha256) != (TEXT_VERSIONS[scope], text_sha256(consent.language, scope)):
        raise NoConsentError("the consent text has changed since consent was given")
    if (consent.measure, consent.upload) != (scope is Scope.MEASURE, scope is Scope.UPLOAD):
        raise NoConsentError(f"the stored consent does not cover {_DOING[scope]}")
    return consent


def write(state_dir: Path, consent: Consent) -> None:
    """Store ``consent`` in place of any other of its scope; mode 0600 from the first byte."""
    path = state_dir / FILE_NAMES[Scope.MEASURE if consent.measure else Scope.UPLOAD]
    try:
        write_private(path, json.dumps(asdict(consent), indent=2).encode() + b"\n")
    except OSError as error:
        raise UserError(
            f"{path}: consent cannot be stored ({error.strerror}), so nothing is sent; "
            "make the folder writable or set XDG_STATE_HOME"
        ) from None


def revoke(state_dir: Path, scope: Scope = Scope.MEASURE) -> bool:
    """Remove the stored consent; tell whether there was one."""
    path = state_dir / FILE_NAMES[scope]
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"{path}: cannot be removed ({error.strerror}); remove it by hand") from None
    return True


def _bytes(path: Path) -> bytes:
    try:
        # A link or a pipe in the file's place must neither be followed nor waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NoConsentError("no consent has been given on this machine") from None
    except OSError as error:
        raise NoConsentError(f"the stored consent cannot be read ({error.strerror})") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise NoConsentError("the stored consent is not a file that belongs to this user alone")
        data = os.read(descriptor, MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_FILE_BYTES:
        raise NoConsentError("the stored consent is not what this program writes")
    return data


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError
    return values


def _checked(values: Any) -> Consent:
    consent = Consent(**values)
    for field, kind in (
        ("text_version", int),
        ("text_sha256", str),
        ("language", str),
        ("given_at", str),
        ("measure", bool),
        ("upload", bool),
    ):
        if type(getattr(consent, field)) is not kind:
            raise TypeError(field)
    given_at = datetime.fromisoformat(consent.given_at)
    if given_at.utcoffset() != timedelta(0) or given_at.isoformat(timespec="seconds") != consent.given_at:
        raise ValueError
    return consent


def consent_now(now: datetime, language: str, scope: Scope = Scope.MEASURE) -> Consent:
    """Give the consent that is given at ``now`` to the text in ``language``."""
    return Consent(
        text_version=TEXT_VERSIONS[scope],
        text_sha256=text_sha256(language, scope),
        language=language,
        given_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        measure=scope is Scope.MEASURE,
        upload=scope is Scope.UPLOAD,
    )
