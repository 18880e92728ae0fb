"""A video platform like YouTube: watch pages, oEmbed, thumbnails and media, which agree on how a video stands.

A watch page has status 200 whatever is wrong; only the player's JSON in it
tells. What is kept of that JSON are the parts that measurements read. Nothing
here decides how a video stands: see :mod:`lab.servers.playability`.
"""

from __future__ import annotations

import hashlib
import html
import json
import random
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from lab.servers.http import Answer
from lab.servers.jpeg import SQUARE, mosaic
from lab.servers.playability import VIDEO_ID, parts_of, video_asked

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.playability import Playability
    from lab.site import Site, Video

_CODES: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY "
    "BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK "
    "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
    "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK "
    "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
    "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRIES: Final = tuple(_CODES.split())
"""ISO 3166-1."""

_THUMBNAIL_PIXELS: Final = (120, 90)
_SQUARES: Final = -(-_THUMBNAIL_PIXELS[0] // SQUARE) * -(-_THUMBNAIL_PIXELS[1] // SQUARE)
_GREY: Final = mosaic(*_THUMBNAIL_PIXELS, [128] * _SQUARES)
_CHANNEL: Final = "A channel of the lab"
_LENGTH_S: Final = 63
_RANGE: Final = re.compile(r"([0-9]{1,12})-([0-9]{1,12})", re.ASCII)


def respond(platform: Site, head: RequestHead, playability: Playability) -> Answer | None:
    """Answer a request to one of a platform's hosts; ``None`` where it is for none of its four endpoints.

    ``playability`` is that of the video which the request is about.
    """
    path, query = parts_of(head.path)
    if head.host in platform.names and path == "/watch":
        return _watch(platform, query.get("v", ""), playability)
    if head.host in platform.names and path == "/oembed":
        return _oembed(platform, query, video_asked(head), playability)
    if head.host == platform.thumbnail_host and path.startswith("/vi/"):
        return _thumbnail(platform, video_asked(head), playability)
    if head.host == platform.media_host and path == "/videoplayback":
        return _media(platform, query, playability)
    return None


def _watch(platform: Site, identifier: str, playability: Playability) -> Answer:
    video = platform.videos.get(identifier)
    response: dict[str, Any] = {"playabilityStatus": _status(playability)}
    if video is not None and playability.has_details:
        response |= _details(platform, identifier, video, playability)
    if video is not None and playability.is_playable:
        response["streamingData"] = {
            "expiresInSeconds": "21540",
            "formats": [
                {
                    "itag": 18,
                    "url": f"{_origin(platform, platform.media_host)}/videoplayback?id={identifier}&itag=18",
                    "mimeType": "video/mp4",
                    "contentLength": f"{video.size_bytes}",
                }
            ],
        }
    # A page that cannot play its video has no name in its title either.
    title = video.title if video is not None and playability.is_playable else ""
    script = json.dumps(response, ensure_ascii=False).replace("</", "<\\/")
    written = (
        f"<!DOCTYPE html><html><head><title>{html.escape(f'{title} - {platform.title}')}</title></head><body>"
        f"<script>var ytInitialPlayerResponse = {script};</script></body></html>\n"
    )
    return Answer(200, written.encode())


def _status(playability: Playability) -> dict[str, Any]:
    if playability.is_playable:
        return {"status": "OK", "playableInEmbed": True}
    told = {"reason": {"simpleText": playability.reason}}
    return {
        "status": playability.status,
        "reason": playability.reason,
        "errorScreen": {"playerErrorMessageRenderer": told},
    }


def _details(platform: Site, identifier: str, video: Video, playability: Playability) -> dict[str, Any]:
    available = [country for country in COUNTRIES if country not in playability.withheld_in]
    return {
        "videoDetails": {
            "videoId": identifier,
            "title": video.title,
            "lengthSeconds": f"{_LENGTH_S}",
            "author": _CHANNEL,
            "isPrivate": False,
            "thumbnail": {"thumbnails": [{"url": _thumbnail_url(platform, identifier), "width": 120, "height": 90}]},
        },
        "microformat": {
            "playerMicroformatRenderer": {
                "title": {"simpleText": video.title},
                "lengthSeconds": f"{_LENGTH_S}",
                "ownerChannelName": _CHANNEL,
                "availableCountries": available,
            }
        },
    }


def _oembed(platform: Site, query: dict[str, str], identifier: str | None, playability: Playability) -> Answer:
    """Answer by oEmbed 1.0 (https://oembed.com), with the status codes of YouTube."""
    if query.get("format", "json") != "json":
        return _plain(501)
    if identifier is None or not VIDEO_ID.fullmatch(identifier):
        return _plain(400)
    video = platform.videos.get(identifier)
    if video is None or playability.oembed_status != 200:
        return _plain(playability.oembed_status)
    origin = _origin(platform, platform.names[0])
    embedded = f'<iframe width="200" height="113" src="{origin}/embed/{identifier}"></iframe>'
    described = {
        "title": video.title,
        "author_name": _CHANNEL,
        "author_url": f"{origin}/@lab",
        "type": "video",
        "height": 113,
        "width": 200,
        "version": "1.0",
        "provider_name": platform.title,
        "provider_url": f"{origin}/",
        "thumbnail_height": 90,
        "thumbnail_width": 120,
        "thumbnail_url": _thumbnail_url(platform, identifier),
        "html": embedded,
    }
    return Answer(200, json.dumps(described).encode(), "application/json")


def _thumbnail(platform: Site, identifier: str | None, playability: Playability) -> Answer:
    if identifier not in platform.videos or not playability.has_thumbnail:
        return Answer(404, _GREY, "image/jpeg")
    return Answer(200, _picture(identifier), "image/jpeg")


@lru_cache(maxsize=64)
def _picture(identifier: str) -> bytes:
    return mosaic(*_THUMBNAIL_PIXELS, random.Random(identifier).choices(range(256), k=_SQUARES))


def _media(platform: Site, query: dict[str, str], playability: Playability) -> Answer:
    video = platform.videos.get(query.get("id", ""))
    if video is None or not playability.is_playable:
        return _plain(403)
    media = _film(query["id"], video.size_bytes)
    if "range" in query:
        asked = _RANGE.fullmatch(query["range"])
        if asked is None or not int(asked[1]) <= int(asked[2]) < len(media):
            return _plain(416)
        media = media[int(asked[1]) : int(asked[2]) + 1]
    return Answer(200, media, "video/mp4")


@lru_cache(maxsize=8)
def _film(identifier: str, size_bytes: int) -> bytes:
    """Make bytes that no link compresses, the same for the same video."""
    return hashlib.shake_128(identifier.encode()).digest(size_bytes)


def _thumbnail_url(platform: Site, identifier: str) -> str:
    return f"{_origin(platform, platform.thumbnail_host)}/vi/{identifier}/default.jpg"


def _origin(platform: Site, host: str | None) -> str:
    return f"{'https' if platform.is_https else 'http'}://{host}"


def _plain(status: int) -> Answer:
    body = {400: b"Bad Request", 401: b"Unauthorized", 403: b"Forbidden", 404: b"Not Found"}.get(status, b"")
    return Answer(status, body, "text/plain; charset=utf-8")
