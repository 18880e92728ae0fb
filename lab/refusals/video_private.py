"""Makes videos private: LOGIN_REQUIRED for everybody, without a title; oEmbed is 403, or 401 as it used to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.refusal import OF_VIDEOS, OfVideos, one_status
from lab.servers.playability import Playability, video_asked
from probe.schedule.yaml_reader import Record, optional

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.http import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPrivate(OfVideos):
    """The refusal."""

    oembed_status: int = 403

    def __call__(self, request: RequestHead, client: Client) -> Playability | None:
        """Say how the video stands, if it is one of these."""
        del client  # nobody here is signed in
        if video_asked(request) not in self.videos:
            return None
        return Playability(
            status="LOGIN_REQUIRED",
            reason="Private video",
            has_details=False,
            oembed_status=self.oembed_status,
            has_thumbnail=False,
        )


RECORD = Record(VideoPrivate, OF_VIDEOS | {"oembed_status": optional(one_status(401, 403))})
