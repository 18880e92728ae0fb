"""Removes videos: ERROR for everybody, without a title; oEmbed and the thumbnail are 404."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.refusal import OF_VIDEOS, OfVideos
from lab.servers.playability import REMOVED, video_asked
from probe.schedule.yaml_reader import Record, optional
from probe.schedule.yaml_scalars import text

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.http import Client
    from lab.servers.playability import Playability


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRemoved(OfVideos):
    """The refusal."""

    reason: str = REMOVED.reason

    def __call__(self, request: RequestHead, client: Client) -> Playability | None:
        """Say how the video stands, if it is one of these."""
        del client  # it is gone for everybody
        return replace(REMOVED, reason=self.reason) if video_asked(request) in self.videos else None


RECORD = Record(VideoRemoved, OF_VIDEOS | {"reason": optional(text(200))})
