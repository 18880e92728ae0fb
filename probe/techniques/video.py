"""One video of a platform: its watch page, its thumbnail and its film, and beside them what tells it from others.

Inside TLS no network can pick one video, so the platform's own word is what
decides; and the host that sends the films may be cut while every page opens.
Where anything is amiss, the platform's bare host and another of its videos are
asked as well, and the host that died gets name-swap pairs of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from probe import randomness
from probe.anomaly import Anomaly
from probe.measure import REDIRECT_STATUSES, Manner, Page, addresses_of, fetch, is_answered, resolve
from probe.model import DnsTransport, Operation
from probe.player import Reader, read_player
from probe.swaps import http_names, sni
from probe.techniques.technique import Need, Technique
from probe.url import redirect_target
from probe.watching import bare_url, is_of_platform, routine_url, with_player, without_query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probe.measure import Seen
    from probe.model import Observation
    from probe.player import Player
    from probe.techniques.technique import Case

WATCH_BYTES: Final = 1_500_000
"""Read of a watch page, compressed or not; half of it is usually enough."""
FILM_BYTES: Final = 4_096
"""Of a film: enough to see that it comes."""
THUMBNAIL_BYTES: Final = 8_192
_REDIRECTS: Final = 3
_ASKED_AS_A_BROWSER: Final = (
    ("Accept-Encoding", "gzip"),  # a page of a megabyte comes as a fifth of it
    # Without a cookie visitors from some countries are led to a page on cookies instead, a sentinel's among them.
    ("Cookie", "SOCS=CAI"),
)


async def run(case: Case) -> None:
    """Look at the video; a step's variant is ``watch``, ``thumbnail``, ``media``, ``bare-host`` or ``control``."""
    is_odd = bool(case.anomalies)
    player = await _watch(case)
    dead: list[str] = []
    if player is not None:
        for variant, url, most_bytes in (
            ("thumbnail", player.thumbnail_url, THUMBNAIL_BYTES),
            ("media", player.media_url, FILM_BYTES),
        ):
            if url is not None and is_of_platform(url, case.schedule.video_hosts):
                is_alive = await _part(case, variant, url, most_bytes)
                dead += [] if is_alive else [url]
    # Over TLS no other path can tell anything where the host itself does not answer.
    is_readable = is_answered(case.routine_steps) or not case.target.url.startswith("https:")
    if is_readable and (is_odd or dead or player is None or player.status != "OK"):
        await _compare(case)
    await _pairs(case, dead, case.pairs.plan.follow_up)
    # A host that lives gets as few as any target: what a sentinel sees of it is held against a host that died.
    alive = [player.media_url] if player is not None and player.media_url else []
    await _pairs(case, [url for url in alive if url not in dead], case.pairs.plan.routine)


async def _pairs(case: Case, urls: Iterable[str], count: int) -> None:
    pages = [Page.of(url) for url in urls if is_of_platform(url, case.schedule.video_hosts)]
    for scheme, host in dict.fromkeys((page.scheme, page.host) for page in pages):
        swap = sni.of_host(host) if scheme == "https" else http_names.of_host(host)
        await case.pairs.several(swap, case.pairs.helper_places(swap), count, case.keep_pair)


async def _watch(case: Case) -> Player | None:
    """Read the watch page, up to where the player's own words end; follow redirects that stay on the platform."""
    url = case.target.url
    for _ in range(_REDIRECTS + 1):
        manner = Manner(headers=_ASKED_AS_A_BROWSER, body_limit_bytes=WATCH_BYTES, is_enough=Reader(WATCH_BYTES))
        page = await _fetched(case, "watch", url, manner, video=case.target.video)
        if page is None:
            return None
        further = None
        if page.status in REDIRECT_STATUSES and page.location is not None:
            further = redirect_target(url, page.location)
        if further is None:
            return read_player(page.body, case.target.video or "")
        if not is_of_platform(further, (Page.of(case.target.url).host, *case.schedule.video_hosts)):
            return None
        url = further
    return None


async def _part(case: Case, variant: str, url: str, most_bytes: int) -> bool:
    """Fetch the beginning of a thumbnail or a film; tell whether its host answered at all."""
    if variant == "media" and "range=" not in url:
        url += f"{'&' if urlsplit(url).query else '?'}range=0-{most_bytes - 1}"
    return await _fetched(case, variant, url, Manner(body_limit_bytes=most_bytes)) is not None


async def _compare(case: Case) -> None:
    """Ask for the platform's bare host, and for another video of the same service."""
    await _fetched(case, "bare-host", bare_url(case.target), Manner(body_limit_bytes=FILM_BYTES))
    scheme = urlsplit(case.target.url).scheme
    others = [
        other
        for other in case.schedule.targets
        if other.video not in {None, case.target.video}
        and other.service == case.target.service
        and urlsplit(other.url).scheme == scheme
    ]
    if others:
        other = others[randomness.below(case.seed, "other-video", case.number, len(others))]
        await _fetched(case, "control", routine_url(other), Manner(body_limit_bytes=FILM_BYTES))


async def _fetched(case: Case, variant: str, url: str, manner: Manner, video: str | None = None) -> Observation | None:
    """Resolve, dial one address after the other, and fetch; keep every step, and give the answer if one came."""
    tools = case.tools
    page = Page.of(url)
    resolvers = [resolver for resolver in tools.resolvers if resolver.transport is DnsTransport.SYSTEM]
    queries = await resolve(page.host, resolvers, tools)
    for query in queries:
        case.keep(query, variant=variant)
    for address in addresses_of(queries, tools.limits.addresses_per_family):
        steps, answer = await fetch(page, [address], tools, manner=manner)
        _keep(case, variant, (steps, answer), video)
        if answer is not None:
            return answer
    return None


def _keep(case: Case, variant: str, seen: Seen, video: str | None) -> None:
    for step in seen[0]:
        kept = with_player(step, video)
        if kept.operation is Operation.HTTP and variant in {"media", "thumbnail"} and kept.url is not None:
            kept = replace(kept, url=without_query(kept.url))
        case.keep(kept, variant=variant)


VIDEO = Technique(
    name="video",
    summary="a video's watch page, thumbnail and film, beside the bare host and another video",
    looks_into=frozenset(Anomaly),
    needs=frozenset({Need.VIDEO}),
    most_bytes=WATCH_BYTES + 100_000,
    most_s=120.0,
    run=run,
)
