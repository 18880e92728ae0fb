"""The closer look at a video, against a small platform on loopback: real TLS, its own hosts, its own refusals."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe import helper
from probe.anomaly import Anomaly
from probe.clock import SystemClock
from probe.limits import Limits
from probe.measure import Tools, routine
from probe.model import DnsTransport, Operation, Peer, Target, TargetKind
from probe.net import SystemNet
from probe.pairs import Pairs, Places
from probe.record import Measured, Recorder, total_bytes
from probe.schedule.model import Helper, PairPlan, Resolver, Schedule, VantageSpec
from probe.store import models
from probe.techniques.technique import Case
from probe.techniques.video import VIDEO, WATCH_BYTES
from probe.trust import Trust
from probe.watching import routine_url
from tests.probe.steps.loopback import HOME, issue, server_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from probe.net import Stream
    from probe.record import Step

ID, OTHER = "y4De4CSEvAU", "jNQXAC9IVRw"
PLATFORM, THUMBS, FILMS = "www.youtube.com", "i.ytimg.com", "rr1---sn-x.googlevideo.com"
CLIENT = "192.0.2.77"
FILM = f"https://{FILMS}/videoplayback?expire=1&ip={CLIENT}&id=o-x"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
LIMITS = Limits(tcp_timeout_s=1.0, tls_timeout_s=1.0, http_timeout_s=3.0, addresses_per_family=1)
AUTHORITY = issue("authority", is_authority=True)
CONTEXT = server_context(issue(PLATFORM, AUTHORITY, names=(PLATFORM, THUMBS, FILMS)), AUTHORITY)

PLAYER: dict[str, Any] = {
    "playabilityStatus": {"status": "OK"},
    "videoDetails": {"videoId": ID, "thumbnail": {"thumbnails": [{"url": f"https://{THUMBS}/vi/{ID}/default.jpg"}]}},
    "microformat": {"playerMicroformatRenderer": {"availableCountries": ["DE", "KZ"]}},
    "streamingData": {"formats": [{"url": FILM}]},
}


class Platform:
    """What the servers say, and what they were asked."""

    def __init__(self, player: dict[str, Any] = PLAYER, *, dead: str | None = None, tail_bytes: int = 0) -> None:
        self.player = player
        self.dead = dead
        self.tail_bytes = tail_bytes
        self.asked: list[str] = []
        self.heads: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            host = next(line[6:] for line in lines if line.startswith("Host: "))
            self.heads.append(head)
            self.asked.append(f"{host}{lines[0].split()[1]}")
            if host != self.dead:
                body, more = self._body(host, lines[0].split()[1])
                writer.write(b"HTTP/1.1 200 OK\r\n" + more + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        writer.close()

    def _body(self, host: str, path: str) -> tuple[bytes, bytes]:
        if host != PLATFORM or not path.startswith("/watch"):
            return b"x" * 9000, b""
        page = f"<title>V</title><script>var ytInitialPlayerResponse = {json.dumps(self.player)};</script>".encode()
        # What cannot be compressed stands for the rest of a page.
        tail = b"".join(issue_bytes(number) for number in range(self.tail_bytes // 64))
        return gzip.compress(page + tail, 1), b"Content-Encoding: gzip\r\n"


def issue_bytes(number: int) -> bytes:
    import hashlib

    return hashlib.blake2b(number.to_bytes(8)).digest()


class Rerouted(SystemNet):
    """Every name is at home, and the usual ports are the platform's."""

    def __init__(self, port: int) -> None:
        super().__init__(may_dial=lambda address: address.is_loopback)
        self._port = port
        self.dialled: list[str] = []

    async def resolve(self, name: str, family: int, deadline: float) -> tuple[str, ...]:
        self.dialled.append(name)
        return (HOME,) if family == 4 else ()

    async def connect(self, address: str, port: int, deadline: float, source_port: int | None = None) -> Stream:
        return await super().connect(address, self._port if port in {80, 443} else port, deadline, source_port)


def target_of(video: str, scheme: str = "https") -> Target:
    url = f"{scheme}://{PLATFORM}/watch?v={video}"
    return Target(name=video, service="youtube", url=url, kind=TargetKind.TARGET, video=video)


@contextlib.asynccontextmanager
async def looking(platform: Platform, *, scheme: str = "https", **schedule: Any) -> AsyncIterator[Case]:
    listening = helper.listen(HOME, 0)
    serving = asyncio.create_task(helper.serve(helper.Sockets(https=[listening]), KEY))
    server = await asyncio.start_server(platform.answer, HOME, 0, ssl=CONTEXT if scheme == "https" else None)
    helpers = (
        Helper(
            name="h",
            networks=(ip_network("127.0.0.1/32"),),
            public_key=helper.public_key_of(KEY),
            https_port=listening.getsockname()[1],
        ),
    )
    made = Schedule(
        name="loopback",
        sha256="0" * 64,
        vantage=VantageSpec(country="KZ"),
        resolvers=(Resolver(name="system", transport=DnsTransport.SYSTEM),),
        targets=(target_of(ID, scheme), target_of(OTHER, scheme)),
        helpers=helpers,
        pairs=PairPlan(routine=1, follow_up=4),
        **schedule,
    )
    net = Rerouted(server.sockets[0].getsockname()[1])
    trust = Trust.load((AUTHORITY.der,))
    tools = Tools(net=net, clock=SystemClock(), limits=LIMITS, trust=trust, resolvers=made.resolvers)
    pairs = Pairs(
        seed=b"s" * 32, tools=tools, plan=made.pairs, helpers=helpers, families=frozenset({4}), places=Places(180.0)
    )
    try:
        yield Case(
            target=made.targets[0], round="main", number=0, schedule=made, tools=tools, pairs=pairs, technique="video"
        )
    finally:
        server.close()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def looked(platform: Platform, scheme: str = "https", **schedule: Any) -> Case:
    async def run() -> Case:
        async with looking(platform, scheme=scheme, **schedule) as case:
            case.technique = None
            case.steps += await routine(case.target, case.tools, 1)
            case.technique = "video"
            await VIDEO.run(case)
            return case

    return asyncio.run(run())


def of(case: Case, variant: str, operation: Operation = Operation.HTTP) -> list[Step]:
    return [s for s in case.steps if s.variant == variant and s.observation.operation is operation]


def test_a_video_that_plays_is_read_with_its_thumbnail_and_the_beginning_of_its_film(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("probe.anomaly.is_public_address", lambda _address: True)  # else loopback itself is odd
    platform = Platform()
    case = looked(platform)
    (watch,) = of(case, "watch")
    assert (watch.observation.playability, watch.observation.countries) == ("OK", ("DE", "KZ"))
    assert [step.observation.status for variant in ("thumbnail", "media") for step in of(case, variant)] == [200, 200]
    assert not of(case, "bare-host")
    assert not of(case, "control")
    (film,) = [asked for asked in platform.asked if asked.startswith(FILMS)]
    assert "range=0-4095" in film
    assert of(case, "media")[0].observation.body_length_bytes == 4096
    assert [(pair.target_name, pair.technique, pair.peer) for pair in case.made] == [(FILMS, "video", Peer.HELPER)]


def test_the_routine_asks_for_the_light_check_alone() -> None:
    platform = Platform()
    case = looked(platform)
    light = parse_qs(urlsplit(f"//{platform.asked[0]}").query)
    assert platform.asked[0].startswith(f"{PLATFORM}/oembed?")
    assert light == {"url": [f"https://{PLATFORM}/watch?v={ID}"], "format": ["json"]}
    routine_steps = [step.observation for step in case.routine_steps]
    assert routine_steps[-1].playability is None
    assert sum(total_bytes(routine_steps)) < 8_000 + 9_000  # this platform's oEmbed answer is 9,000 bytes long


def test_the_clients_address_in_a_films_url_is_not_stored() -> None:
    platform = Platform()
    case = looked(platform)
    assert any(CLIENT in asked for asked in platform.asked)
    measured = Measured(
        target=case.target,
        round="main",
        started_at=case.tools.clock.now(),
        ended_at=case.tools.clock.now(),
        steps=tuple(case.steps),
        pairs=tuple(case.made),
    )
    rows, _ = Recorder("c").rows(measured)
    urls = [row.url for row in rows if isinstance(row, models.Observation) and row.url]
    assert f"https://{FILMS}/videoplayback" in urls
    stored = " ".join(repr(vars(row)) for row in rows)
    assert CLIENT not in stored


def test_a_watch_page_is_read_no_further_than_the_players_words() -> None:
    case = looked(Platform(tail_bytes=1_200_000))
    (watch,) = of(case, "watch")
    assert watch.observation.playability == "OK"
    assert watch.observation.bytes_received < 300_000
    assert watch.observation.is_body_truncated


def test_an_endless_watch_page_without_a_player_is_cut_at_the_limit() -> None:
    case = looked(Platform({"x": 1}, tail_bytes=3_000_000))
    (watch,) = of(case, "watch")
    assert watch.observation.playability is None
    assert watch.observation.bytes_received <= WATCH_BYTES + 100_000
    assert of(case, "bare-host")


def test_a_refused_video_is_compared_with_the_bare_host_and_another_video() -> None:
    platform = Platform({"playabilityStatus": {"status": "UNPLAYABLE", "reason": "Not here"}})
    case = looked(platform)
    (watch,) = of(case, "watch")
    assert (watch.observation.playability, watch.observation.playability_reason) == ("UNPLAYABLE", "Not here")
    assert f"{PLATFORM}/generate_204" in platform.asked
    assert any(f"v%3D{OTHER}" in asked for asked in platform.asked)
    assert not of(case, "media")


def test_a_films_host_that_dies_gets_pairs_of_its_own_name() -> None:
    case = looked(Platform(dead=FILMS))
    assert [step.observation.failure is None for step in of(case, "media")] == [False]
    assert of(case, "bare-host")
    assert {pair.target_name for pair in case.made} == {FILMS}
    assert len(case.made) == 4


def test_a_page_cannot_lead_the_probe_to_a_host_that_is_not_the_platforms() -> None:
    elsewhere = PLAYER | {"streamingData": {"formats": [{"url": "https://elsewhere.example/videoplayback"}]}}
    platform = Platform(elsewhere)
    case = looked(platform)
    assert not of(case, "media", Operation.DNS)
    assert not case.made
    allowed = looked(Platform(elsewhere), video_hosts=("elsewhere.example",))
    assert of(allowed, "media", Operation.DNS)


def test_the_light_check_is_for_tls_and_a_path_that_can_be_read_is_asked_for_as_it_is() -> None:
    assert routine_url(target_of(ID, "http")) == f"http://{PLATFORM}/watch?v={ID}"
    platform = Platform({"playabilityStatus": {"status": "OK"}})
    looked(platform, "http")
    assert platform.asked[0] == f"{PLATFORM}/watch?v={ID}"
    assert not any(b"\r\nCookie" in head for head in platform.heads[:1])


def test_it_is_for_videos_and_looks_into_every_anomaly() -> None:
    assert VIDEO.looks_into == frozenset(Anomaly)

    async def run() -> bool:
        async with looking(Platform()) as case:
            has = [
                all(map(each.has, VIDEO.needs))
                for each in (case, replace(case, target=replace(case.target, video=None)))
            ]
            return has == [True, False]

    assert asyncio.run(run())
