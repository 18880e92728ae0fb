"""What a video's watch page says of the video: the player's JSON, read as hostile text.

Over plain HTTP anybody on the way may have written the page; over TLS its server
may be broken. So the JSON is bounded in size and depth before it is parsed, a
key that stands twice and a number that is none void it, and every value is taken
only in the one form that it may have.

Nothing is judged here: what a refusal means is for the analysis.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from probe.scrub import scrub

MARKER: Final = b"ytInitialPlayerResponse"
JSON_BYTES: Final = 1_000_000
"""Of the player's JSON; a real one has 50,000 to 400,000."""
DEPTH: Final = 64
"""Of its nesting; a real one has about 20."""
REASON_CHARS: Final = 200
_COUNTRIES: Final = 300
"""ISO 3166-1 has 249."""
_BEGIN: Final = re.compile(rb"\s{0,8}=\s{0,8}(?=\{)")
# A string without an end goes to the end of the text, so that the search for one is never begun anew in its middle.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
_STATUS: Final = re.compile(r"[A-Z_]{2,40}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_HOST: Final = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}", re.ASCII)
_URL: Final = re.compile(r"https?://[!-~]{1,4000}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """What the player's JSON says."""

    status: str
    """``OK``, ``ERROR``, ``UNPLAYABLE``, ``LOGIN_REQUIRED``, ``CONTENT_CHECK_REQUIRED`` and so on."""
    reason: str | None = None
    countries: tuple[str, ...] | None = None
    """Where the platform says that the video is available; ``None`` where it does not say."""
    thumbnail_url: str | None = None
    media_url: str | None = None
    """Of the film itself. It carries the client's own address: it is fetched and never stored."""


def read_player(page: bytes, video: str) -> Player | None:
    """Read what a watch page says of ``video``; ``None`` where it says nothing that is whole, or speaks of another."""
    found = _parsed(player_json(page))
    if found is None:
        return None
    playability = _part(found, "playabilityStatus")
    status = playability.get("status")
    details = _part(found, "videoDetails")
    if not isinstance(status, str) or not _STATUS.fullmatch(status) or details.get("videoId", video) != video:
        return None
    renderer = _part(_part(found, "microformat"), "playerMicroformatRenderer")
    return Player(
        status=status,
        reason=_reason(playability),
        countries=_countries(renderer.get("availableCountries")),
        thumbnail_url=_first_url(_part(details, "thumbnail").get("thumbnails")),
        media_url=_media_url(_part(found, "streamingData")),
    )


def player_json(page: bytes) -> bytes | None:
    """Cut the player's JSON out of a page; ``None`` where it is not there, not whole, too long or too deep."""
    place = page.find(MARKER)
    while place >= 0:
        begun = _BEGIN.match(page, place + len(MARKER))
        if begun is not None:
            return _object(page[begun.end() : begun.end() + JSON_BYTES])
        place = page.find(MARKER, place + 1)
    return None


def _object(text: bytes) -> bytes | None:
    """Give the text up to where its first object ends."""
    depth = 0
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark in (b"{", b"["):
            depth += 1
            if depth > DEPTH:
                return None
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return text[: token.end()]
    return None


class Reader:
    """Takes a page as it arrives, compressed or not, and says when the player's JSON is whole.

    The rest of the page, half of it, is then not read.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._page = bytearray()
        self._decoder: Any = None
        self._looked_at = 0

    def __call__(self, chunk: bytes) -> bool:
        """Add what arrived; tell whether that is enough."""
        if not self._page and self._decoder is None and chunk.startswith(b"\x1f\x8b"):
            self._decoder = zlib.decompressobj(31)
        left = self._limit_bytes - len(self._page)
        if left <= 0:
            return True
        if self._decoder is not None:
            try:
                chunk = self._decoder.decompress(chunk, left)
            except zlib.error:
                return True
        self._page += chunk[:left]
        if len(self._page) == self._limit_bytes:
            return True
        # Looked at again only after so much more, so that a page in small pieces costs no more than it is long.
        if len(self._page) < self._looked_at + self._looked_at // 4:
            return False
        self._looked_at = len(self._page)
        return MARKER in self._page and player_json(bytes(self._page)) is not None


def _parsed(text: bytes | None) -> dict[str, Any] | None:
    if text is None:
        return None

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        found = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _part(whole: dict[str, Any], key: str) -> dict[str, Any]:
    part = whole.get(key)
    return part if isinstance(part, dict) else {}


def _reason(playability: dict[str, Any]) -> str | None:
    messages = playability.get("messages")
    told = playability.get("reason") or (messages[0] if isinstance(messages, list) and messages else None)
    if not isinstance(told, str):
        return None
    spaced = "".join(" " if character.isspace() else character for character in told[: 8 * REASON_CHARS])
    visible = "".join(character for character in spaced if unicodedata.category(character)[0] != "C")
    return scrub(" ".join(visible.split()))[:REASON_CHARS] or None


def _countries(listed: object) -> tuple[str, ...] | None:
    if not isinstance(listed, list) or not 0 < len(listed) <= _COUNTRIES:
        return None
    if not all(isinstance(code, str) and _COUNTRY.fullmatch(code) for code in listed):
        return None
    return tuple(sorted(set(listed)))


def _first_url(listed: object) -> str | None:
    entries = listed if isinstance(listed, list) else []
    return next((url for entry in entries[:50] if isinstance(entry, dict) and (url := _url(entry.get("url")))), None)


def _media_url(streaming: dict[str, Any]) -> str | None:
    """Give where the film comes from: a format's own URL, the one in its signature, or the server's."""
    for key in ("formats", "adaptiveFormats"):
        listed = streaming.get(key)
        if (url := _first_url(listed)) is not None:
            return url
        for entry in (listed if isinstance(listed, list) else [])[:50]:
            signed = entry.get("signatureCipher") if isinstance(entry, dict) else None
            if isinstance(signed, str) and (url := _url(parse_qs(signed[:8000]).get("url", [None])[0])) is not None:
                return url
    return _url(streaming.get("serverAbrStreamingUrl"))


def _url(written: object) -> str | None:
    if not isinstance(written, str) or not _URL.fullmatch(written):
        return None
    try:
        parts = urlsplit(written)
        is_usual = parts.port is None and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        return None
    return written if is_usual and _HOST.fullmatch(parts.netloc) else None


def is_under(host: str, domains: tuple[str, ...]) -> bool:
    """Tell whether a host is one of the domains, or below one."""
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
