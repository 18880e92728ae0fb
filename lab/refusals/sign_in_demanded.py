"""Asks visitors to sign in before any video, because they might be bots: LOGIN_REQUIRED, which is no block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.refusal import FOR_SOME, ForSome
from lab.servers.playability import Playability, video_asked
from probe.schedule.yaml_reader import Record

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.http import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInDemanded(ForSome):
    """The refusal."""

    def __call__(self, request: RequestHead, client: Client) -> Playability | None:
        """Say how a video stands, whichever it is."""
        if video_asked(request) is None or not self.concerns(client):
            return None
        reason = "Sign in to confirm you\N{RIGHT SINGLE QUOTATION MARK}re not a bot"
        return Playability(status="LOGIN_REQUIRED", reason=reason, has_details=False)


RECORD = Record(SignInDemanded, FOR_SOME)
