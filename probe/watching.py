"""The URLs at which a video is measured, and what its watch page adds to an observation.

The light check of every cycle is the platform's oEmbed answer (https://oembed.com):
a thousand bytes instead of a million, from the same host under the same
certificate. It says whether the platform knows the video and lets it be shown
elsewhere, and not whether it plays here: that stands in the watch page alone
(:mod:`probe.techniques.video`).

Over plain HTTP the path can be read on the way, and a rule may look for the watch
page's own: there the watch page itself is asked for, as a reader would.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from probe.model import Operation
from probe.player import is_under, read_player

if TYPE_CHECKING:
    from probe.model import Observation, Target

_VIDEO: Final = re.compile(r"/watch\?(?:[^#]{0,400}&)?v=([A-Za-z0-9_-]{11})(?:&|\Z)", re.ASCII)
MEDIA_DOMAINS: Final = ("googlevideo.com", "youtube.com", "ytimg.com")
"""Under which YouTube keeps films and thumbnails: a page cannot lead the probe anywhere else."""


def routine_url(target: Target) -> str:
    """Give what the routine pass asks for: the light check of a video over TLS, else the target's own URL."""
    parts = urlsplit(target.url)
    if target.video is None or parts.scheme != "https":
        return target.url
    return f"{parts.scheme}://{parts.netloc}/oembed?url={quote(target.url, safe='')}&format=json"


def bare_url(target: Target) -> str:
    """Give a small page of the platform's own host that is about no video."""
    parts = urlsplit(target.url)
    return f"{parts.scheme}://{parts.netloc}/generate_204"


def with_player(seen: Observation, video: str | None) -> Observation:
    """Add what the player says of ``video``, or of the one that the URL names, where there is a watch page."""
    if seen.operation is not Operation.HTTP or seen.failure is not None:
        return seen
    if video is None and (named := _VIDEO.search(seen.url or "")) is not None:
        video = named[1]
    player = read_player(seen.body, video) if video is not None else None
    if player is None:
        return seen
    return replace(seen, playability=player.status, playability_reason=player.reason, countries=player.countries)


def is_of_platform(url: str, further: tuple[str, ...]) -> bool:
    """Tell whether a URL that a page named leads to a host of the platform's."""
    return is_under(urlsplit(url).hostname or "", (*MEDIA_DOMAINS, *further))


def without_query(url: str) -> str:
    """Give a URL of a film as it may be stored: its query names the client's own address."""
    return url.partition("?")[0]
