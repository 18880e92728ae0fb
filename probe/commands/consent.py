"""``nameblind consent``: read the risks, give consent to measure, see it, withdraw it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from probe.commands.options import AsJson
from probe.consent import dialogue, stored
from probe.errors import UserError

Revoke = Annotated[bool, typer.Option("--revoke", help="Withdraw the consent that was given.")]
Language = Annotated[str, typer.Option("--language", metavar="CODE", help="Of the text: en, kk or ru.")]


def consent(*, revoke: Revoke = False, language: Language = "en", as_json: AsJson = False) -> None:
    """Read the risks; give or withdraw consent to measure.

    Shows the consent that is stored; asks, on a terminal, where there is none.
    With --json it shows and never asks.
    """
    state_dir = stored.default_state_dir()
    if revoke:
        was_given = stored.revoke(state_dir)
        if not as_json:
            typer.echo("Consent is withdrawn." if was_given else "There was no consent to withdraw.")
            return
    found: stored.Consent | None = None
    reason = None
    try:
        found = stored.read(state_dir)
    except stored.NoConsentError as absent:
        reason = str(absent)
    if as_json:
        typer.echo(json.dumps({"consent": asdict(found) if found else None, "reason": reason}))
        return
    if found is None:
        asker = dialogue.terminal()
        if asker is None:
            raise UserError(f"{reason}, and there is no terminal to ask on; run `nameblind consent` in one")
        found = dialogue.require(state_dir, ask=asker, language=language)
    typer.echo(f"Consent to measure: given {found.given_at} (text {found.text_version}, {found.language}).")
    typer.echo(f"Consent to upload: {'given' if found.upload else 'not given'}.")
