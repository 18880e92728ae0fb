"""Pairs: what is swapped, where they may be sent, and what makes an arm fail."""

from __future__ import annotations

import asyncio

import pytest

from probe.clock import SystemClock
from probe.model import NameKind, Peer, Target, TargetKind
from probe.pairs import Places, has_arm_failed
from probe.swaps import swaps_of
from probe.swaps.swap import Place

HERE = Place(Peer.HELPER, "192.0.2.1", 443)
THERE = Place(Peer.HELPER, "192.0.2.2", 443)


def first(bound: int) -> int:
    del bound
    return 0


class StillClock(SystemClock):
    def __init__(self) -> None:
        self.time_s = 0.0

    def monotonic(self) -> float:
        return self.time_s


def target(url: str, video: str | None = None, kind: TargetKind = TargetKind.TARGET) -> Target:
    return Target(name="t", service="s", url=url, kind=kind, video=video)


def test_https_swaps_the_sni_alone() -> None:
    swaps = swaps_of(target("https://www.youtube.com/watch?v=y4De4CSEvAU", "y4De4CSEvAU"))
    assert [(swap.kind, swap.name) for swap in swaps] == [(NameKind.SNI, "www.youtube.com")]


def test_plain_http_swaps_the_host_and_a_videos_id_each_alone() -> None:
    host, path = swaps_of(target("http://www.youtube.com/watch?v=y4De4CSEvAU", "y4De4CSEvAU"))
    assert (host.kind, path.kind) == (NameKind.HOST, NameKind.PATH)
    assert host.url_with("xpw.zuetibe.com") == "http://xpw.zuetibe.com/watch?v=y4De4CSEvAU"
    assert path.url_with("b7Ru6HTYcIO") == "http://www.youtube.com/watch?v=b7Ru6HTYcIO"


def test_pairs_of_controls_are_negative_controls() -> None:
    (swap,) = swaps_of(target("https://www.debian.org/", kind=TargetKind.CONTROL_ABROAD))
    assert swap.is_negative_control


@pytest.mark.parametrize(
    ("peer", "failure", "is_hello_received", "has_failed"),
    [
        (Peer.HELPER, None, True, False),
        (Peer.HELPER, "connection_reset", False, True),
        (Peer.HELPER, "response_not_genuine", True, True),  # somebody else's certificate or page
        (Peer.HELPER, "ssl_failed_handshake", True, True),  # the helper sends no alerts: a box on the way did
        (Peer.TARGET, "ssl_failed_handshake", True, False),  # a server may refuse a name that it does not know
        (Peer.TARGET, "connection_reset", False, True),
        (Peer.TARGET, "generic_timeout_error", False, True),
        (Peer.TARGET, "generic_timeout_error", None, True),
        (Peer.TARGET, None, None, False),
    ],
)
def test_arm_fails_by_its_peers_own_measure(
    peer: Peer, failure: str | None, is_hello_received: bool | None, has_failed: bool
) -> None:
    assert has_arm_failed(peer=peer, failure=failure, is_peer_hello_received=is_hello_received) is has_failed


def test_place_rests_after_the_targets_arm_failed_and_then_serves_again() -> None:
    async def scenario() -> None:
        clock, places = StillClock(), Places(rest_s=180.0)
        taken = await places.take([HERE], clock, first)
        assert taken == HERE
        await places.give_back(HERE, clock, has_target_arm_failed=True)
        clock.time_s = 179.0
        assert await places.take([HERE], clock, first) is None
        clock.time_s = 180.0
        assert await places.take([HERE], clock, first) == HERE

    asyncio.run(scenario())


def test_another_place_is_drawn_while_one_rests() -> None:
    async def scenario() -> None:
        clock, places = StillClock(), Places(rest_s=180.0)
        await places.take([HERE], clock, first)
        await places.give_back(HERE, clock, has_target_arm_failed=True)
        assert await places.take([HERE, THERE], clock, first) == THERE

    asyncio.run(scenario())


def test_place_in_use_is_waited_for_and_never_shared() -> None:
    async def scenario() -> None:
        clock, places = StillClock(), Places(rest_s=180.0)
        await places.take([HERE], clock, first)
        waiting = asyncio.create_task(places.take([HERE], clock, first))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await places.give_back(HERE, clock, has_target_arm_failed=False)
        assert await asyncio.wait_for(waiting, 1) == HERE

    asyncio.run(scenario())


def test_a_path_is_swapped_in_the_path_even_where_the_host_holds_the_same_letters() -> None:
    target = Target(name="p", service="s", url="http://paper.example/paper?q=1", kind=TargetKind.TARGET)
    host, path = swaps_of(target)
    assert (host.name, path.name) == ("paper.example", "paper?q=1")
    assert path.url_with("zebra?q=2") == "http://paper.example/zebra?q=2"
    assert host.url_with("qewiv.example") == "http://qewiv.example/paper?q=1"


def test_a_path_that_is_no_name_is_not_swapped_and_a_videos_is_its_id() -> None:
    def kinds(url: str, video: str | None = None) -> list[tuple[str, str]]:
        target = Target(name="p", service="s", url=url, kind=TargetKind.TARGET, video=video)
        return [(swap.kind.value, swap.name) for swap in swaps_of(target)]

    assert kinds("http://paper.example/") == [("host", "paper.example")]
    assert kinds("http://paper.example/a") == [("host", "paper.example")]
    assert kinds("http://www.youtube.com/watch?v=y4De4CSEvAU", "y4De4CSEvAU")[1] == ("path", "y4De4CSEvAU")
