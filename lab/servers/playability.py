"""How a video stands with its platform, and which video a request is about.

A refusal that concerns a video gives a :class:`Playability` and no answer of its
own: the platform (:mod:`lab.servers.video`) then says the same at each of its
endpoints, as one database behind them would make it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.dissect import RequestHead

VIDEO_ID: Final = re.compile(r"[A-Za-z0-9_-]{11}", re.ASCII)
_THUMBNAIL: Final = re.compile(r"/vi/([^/]+)/[a-z0-9]+\.jpg", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Playability:
    """How one video stands for one client, in the words of YouTube's player."""

    status: str = "OK"
    """``OK``, ``ERROR``, ``UNPLAYABLE`` or ``LOGIN_REQUIRED``."""
    reason: str = ""
    """What the viewer is told instead of the film."""
    has_details: bool = True
    """Whether the watch page still names the video: its title, length and countries."""
    oembed_status: int = 200
    has_thumbnail: bool = True
    withheld_in: frozenset[str] = frozenset()
    """Countries; the platform lists all others as those where it is available, to every client."""

    @property
    def is_playable(self) -> bool:
        """Tell whether the film itself is given."""
        return self.status == "OK"


PLAYABLE: Final = Playability()

REMOVED: Final = Playability(
    status="ERROR", reason="Video unavailable", has_details=False, oembed_status=404, has_thumbnail=False
)
"""What a platform says of a video that it does not have (any more)."""


def combined(said: Sequence[Playability]) -> Playability:
    """Join what several refusals say of one video: the first that forbids it, and every country that any withholds."""
    first = next((one for one in said if not one.is_playable), PLAYABLE)
    return replace(first, withheld_in=frozenset().union(*(one.withheld_in for one in said)))


def video_asked(request: RequestHead) -> str | None:
    """Give the ID of the video that a request of any endpoint is about; ``None`` where it is about none.

    The ID is what was written, whether such a video can exist or not.
    """
    path, query = parts_of(request.path)
    if path == "/watch":
        return query.get("v")
    if path == "/videoplayback":
        return query.get("id")
    if path == "/oembed":
        watched, below = parts_of(query.get("url", ""))
        return below.get("v") if watched == "/watch" else None
    thumbnail = _THUMBNAIL.fullmatch(path)
    return thumbnail[1] if thumbnail else None


def parts_of(url: str) -> tuple[str, dict[str, str]]:
    """Give the path of a URL or request, and its query with the first value of each key; nothing where it has none."""
    try:
        parts = urlsplit(url)
        return parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}
    except ValueError:  # such as an unclosed bracket
        return "", {}
