"""Withholds videos in some countries: UNPLAYABLE there, and those countries missing from the list everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.refusal import COUNTRIES, OF_VIDEOS, OfVideos
from lab.servers.playability import Playability, video_asked
from probe.schedule.yaml_reader import Record, optional, required
from probe.schedule.yaml_scalars import text

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.http import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoWithheld(OfVideos):
    """The refusal."""

    countries: tuple[str, ...]
    reason: str = "This video is not available in your country"

    def __call__(self, request: RequestHead, client: Client) -> Playability | None:
        """Say how the video stands, if it is one of these."""
        if video_asked(request) not in self.videos:
            return None
        withheld_in = frozenset(self.countries)
        if client.country not in withheld_in:
            return Playability(withheld_in=withheld_in)
        return Playability(status="UNPLAYABLE", reason=self.reason, withheld_in=withheld_in)


RECORD = Record(VideoWithheld, OF_VIDEOS | {"countries": required(COUNTRIES), "reason": optional(text(200))})
