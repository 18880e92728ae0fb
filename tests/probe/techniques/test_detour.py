"""Another way round on loopback: a SOCKS5 proxy that resolves for itself, and the helper's page at its end."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from probe import helper
from probe.model import Operation
from probe.schedule.model import Way, WayKind
from probe.techniques.detour import DETOUR
from probe.techniques.technique import Case, Need
from tests.probe.steps.loopback import serving
from tests.probe.techniques.loopback_case import KEY, case_of


def proxied(case: Case, refused: set[str]) -> list[str]:
    """Run the technique of a case with one SOCKS5 proxy, which refuses some names; give the names it was asked for."""
    asked: list[str] = []

    async def scenario() -> None:
        with helper.listen("127.0.0.1", 0) as listening:
            site = asyncio.create_task(helper.serve(helper.Sockets(http=[listening]), KEY))
            port = listening.getsockname()[1]

            async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readexactly(3)
                writer.write(b"\x05\x00")
                head = await reader.readexactly(5)
                name = (await reader.readexactly(head[4])).decode()
                await reader.readexactly(2)
                asked.append(name)
                if name in refused:
                    writer.write(b"\x05\x05\x00\x01" + bytes(6))
                    return
                from_site, to_site = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"\x05\x00\x00\x01" + bytes(6))
                to_site.write(await reader.readuntil(b"\r\n\r\n"))
                writer.write(await from_site.read())
                to_site.close()

            async with serving(proxy) as proxy_port:
                way = Way(name="anonymizer", kind=WayKind.SOCKS5, address="127.0.0.1", port=proxy_port)
                case.schedule = replace(case.schedule, ways=(way,))
                case.technique = DETOUR.name
                await DETOUR.run(case)
            site.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await site

    asyncio.run(scenario())
    return asked


def plain_case() -> Case:
    case = case_of(url="http://news.example/")
    control = replace(case.schedule.targets[1], url="http://weather.example/")
    case.schedule = replace(case.schedule, targets=(case.target, control))
    return case


def test_the_target_and_a_control_are_asked_for_by_name_and_their_rows_name_the_way() -> None:
    case = plain_case()
    assert sorted(proxied(case, set())) == ["news.example", "weather.example"]
    assert {step.way for step in case.steps} == {"anonymizer"}
    pages = {step.variant: step.observation.status for step in case.steps if step.observation.status}
    assert pages == {"target": 200, "control": 200}


def test_what_the_proxy_could_not_reach_is_a_failure_of_that_one_alone() -> None:
    case = plain_case()
    proxied(case, {"news.example"})
    failures = {(step.variant, step.observation.failure) for step in case.steps}
    assert ("target", "connection_refused") in failures
    assert ("control", None) in failures
    assert not any(s.observation.operation is Operation.HTTP for s in case.steps if s.variant == "target")


def test_the_answer_by_another_way_is_no_answer_of_the_vantages_own_path() -> None:
    case = plain_case()
    proxied(case, set())
    assert case.routine_steps == []


def test_without_a_way_that_the_volunteer_named_nothing_is_sent() -> None:
    assert not case_of().has(Need.WAY_ROUND)
    assert Need.WAY_ROUND in DETOUR.needs
