"""How a transfer went: few points, however long it takes, and the bytes of the connection, however they are wrapped."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from probe.clock import SystemClock
from probe.failures import Failure
from probe.steps import http, tcp, tls
from probe.steps.progress import MOST_POINTS, Progress
from tests.probe.steps.loopback import HOME, QUICK, issue, loopback_net, server_context, serving

if TYPE_CHECKING:
    import ssl

    from probe.model import Observation
    from tests.probe.steps.loopback import Handler

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
NAME = "x.example"


class StillClock(SystemClock):
    def __init__(self) -> None:
        self.time_s = 100.0

    def monotonic(self) -> float:
        return self.time_s


@pytest.mark.parametrize("between_s", [0.0, 0.001, 0.1, 60.0])
def test_points_stay_few_and_end_with_everything(between_s: float) -> None:
    clock = StillClock()
    progress = Progress(clock)
    progress.request_sent()
    for _ in range(5000):
        clock.time_s += between_s
        progress.note(1000)
    clock.time_s += 5.0
    points = progress.ended()
    assert 2 <= len(points) <= MOST_POINTS
    assert points[-1] == (pytest.approx(5000 * between_s + 5.0), 5_000_000)
    assert list(points) == sorted(points)
    spread = max(later[0] - earlier[0] for earlier, later in itertools.pairwise(points))
    assert spread <= max(5000 * between_s / 12, 0.01) + 5.0  # no part of the time goes unseen


def test_what_came_before_the_request_is_not_counted() -> None:
    clock = StillClock()
    progress = Progress(clock)
    progress.note(400)
    clock.time_s += 2.0
    progress.request_sent()
    assert progress.ended() == ()
    clock.time_s += 0.5
    progress.note(100)
    progress.answered()
    clock.time_s += 0.5
    progress.answered()
    assert progress.first_byte_s == pytest.approx(0.5)
    assert progress.ended() == ((pytest.approx(0.5), 100), (pytest.approx(1.0), 100))


def _exchange(handler: Handler, context: ssl.SSLContext | None = None, enough_s: float | None = None) -> Observation:
    limits = replace(QUICK, http_timeout_s=1.0)

    async def run() -> Observation:
        net, clock = loopback_net(), SystemClock()
        async with serving(handler, HOME, context) as port:
            _, stream = await tcp.connect(tcp.TcpEndpoint(address=HOME, port=port), net, clock, limits)
            if context is not None:
                endpoint = tls.TlsEndpoint(stream=stream, address=HOME, port=port, server_name=NAME, trust=None)
                _, stream = await tls.handshake(endpoint, net, clock, limits)
            assert stream is not None
            endpoint_ = http.HttpEndpoint(
                stream=stream, address=HOME, port=port, url=f"http://{NAME}/", enough_s=enough_s
            )
            return await http.exchange(endpoint_, net, clock, limits)

    return asyncio.run(run())


def _sending(*parts: tuple[float, bytes]) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for wait_s, part in parts:
            await asyncio.sleep(wait_s)
            writer.write(part)
            await writer.drain()
        await reader.read()

    return handler


def test_the_wait_for_the_first_byte_and_the_pace_are_kept() -> None:
    seen = _exchange(_sending((0.2, HEAD), (0.0, b"a" * 30_000), (0.3, b"a" * 30_000)))
    assert seen.failure is None
    assert seen.first_byte_s == pytest.approx(0.2, abs=0.15)
    assert seen.progress[0][0] == pytest.approx(seen.first_byte_s, abs=0.01)
    at_half = next(at_s for at_s, count in seen.progress if count > len(HEAD) + 30_000)
    assert at_half == pytest.approx(seen.first_byte_s + 0.3, abs=0.15)
    assert seen.progress[-1][1] == seen.bytes_received == len(HEAD) + 60_000


def test_a_transfer_that_is_long_enough_is_no_failure() -> None:
    seen = _exchange(_sending((0.0, HEAD + b"a" * 20_000)), enough_s=0.4)
    assert (seen.failure, seen.status, seen.is_body_truncated) == (None, 200, True)
    assert seen.body_length_bytes == 20_000
    assert 0.35 < seen.progress[-1][0] < 0.7
    assert next(at_s for at_s, count in seen.progress if count == seen.progress[-1][1]) < 0.3  # and then it stalled


def test_without_an_answer_even_that_is_one() -> None:
    seen = _exchange(_sending((0.9, HEAD)), enough_s=0.3)
    assert (seen.failure, seen.first_byte_s, seen.progress) == (Failure.TIMEOUT, None, ())
    assert seen.duration_s < 0.6


def test_a_record_of_tls_that_never_ends_shows_what_came_of_it() -> None:
    """A box that swallows a flow after some bytes may do so in the middle of a record."""
    context = server_context(issue(NAME, names=(NAME,)))

    async def scenario() -> Observation:
        async with serving(_sending((0.0, HEAD + b"a" * 16_000)), HOME, context) as inner:

            async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                back, out = await asyncio.open_connection(HOME, inner)

                async def forward() -> None:
                    while data := await reader.read(65_536):
                        out.write(data)

                forwarding = asyncio.create_task(forward())
                left = 9_000
                while left > 0 and (data := await back.read(left)):
                    left -= len(data)
                    writer.write(data)
                await asyncio.sleep(0.7)
                forwarding.cancel()
                out.transport.abort()

            async with serving(cut) as port:
                net, clock, limits = loopback_net(), SystemClock(), replace(QUICK, http_timeout_s=0.5)
                _, stream = await tcp.connect(tcp.TcpEndpoint(address=HOME, port=port), net, clock, limits)
                assert stream is not None
                endpoint = tls.TlsEndpoint(stream=stream, address=HOME, port=port, server_name=NAME, trust=None)
                shaken, secured = await tls.handshake(endpoint, net, clock, limits)
                assert secured is not None
                page = http.HttpEndpoint(stream=secured, address=HOME, port=port, url=f"https://{NAME}/")
                seen = await http.exchange(page, net, clock, limits)
                assert seen.progress[-1][1] + shaken.bytes_received == 9_000
                await asyncio.sleep(0.4)
                return seen

    seen = asyncio.run(scenario())
    assert (seen.failure, seen.status, seen.first_byte_s) == (Failure.TIMEOUT, None, None)
