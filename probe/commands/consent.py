"""``nameblind consent``: read the risks, give a consent, see it, withdraw it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from probe.clock import SystemClock
from probe.commands.options import AsJson
from probe.consent import dialogue, stored, unattended
from probe.consent.text import Scope, languages, text_sha256
from probe.errors import UserError

Revoke = Annotated[bool, typer.Option("--revoke", help="Withdraw the consent that was given.")]
Upload = Annotated[
    bool, typer.Option("--upload", help="Consent to send results to a collector: another consent, with its own text.")
]
Language = Annotated[
    str | None, typer.Option("--language", metavar="CODE", help="Of the text: en, kk or ru; asked where not given.")
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="For machines without a person: what somebody responsible agreed to (docs/volunteers.md).",
    ),
]
_OF = {Scope.MEASURE: "Consent to measure", Scope.UPLOAD: "Consent to upload"}


def consent(
    *,
    upload: Upload = False,
    revoke: Revoke = False,
    language: Language = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Read the risks; give or withdraw consent to measure, or (--upload) to send results to a collector.

    Shows the consents that are stored; asks, on a terminal, for the one that is
    not. With --json it shows and never asks.
    """
    state_dir = stored.default_state_dir()
    scope = Scope.UPLOAD if upload else Scope.MEASURE
    if revoke:
        was_given = [stored.revoke(state_dir, one) for one in ({scope} if upload else set(Scope))]
        if not as_json:
            typer.echo("Consent is withdrawn." if any(was_given) else "There was no consent to withdraw.")
            return
    if file is not None:
        unattended.take(state_dir, file, SystemClock().now())
    found = {one: _read(state_dir, one) for one in Scope}
    if as_json:
        given, reason = found[Scope.MEASURE]
        of_upload = found[Scope.UPLOAD][0]
        texts = {one: {code: text_sha256(code, one) for code in languages(one)} for one in Scope}
        typer.echo(
            json.dumps(
                {
                    "consent": asdict(given) if given else None,
                    "reason": reason,
                    "upload": asdict(of_upload) if of_upload else None,
                    "texts": texts,
                }
            )
        )
        return
    if found[scope][0] is None and not revoke:
        asker = dialogue.terminal()
        if asker is None:
            raise UserError(f"{found[scope][1]}, and there is no terminal to ask on; run `nameblind consent` in one")
        found[scope] = dialogue.require(state_dir, ask=asker, language=language, scope=scope), None
    for one, (given, _) in found.items():
        if given is None:
            typer.echo(f"{_OF[one]}: not given.")
        else:
            typer.echo(f"{_OF[one]}: given {given.given_at} (text {given.text_version}, {given.language}).")


def _read(state_dir: Path, scope: Scope) -> tuple[stored.Consent | None, str | None]:
    try:
        return stored.read(state_dir, scope), None
    except stored.NoConsentError as absent:
        return None, str(absent)
