from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe import icmp
from probe.net import AddressNotDialledError, DatagramExchange, Listening, SystemNet
from tests.probe.steps.loopback import HOME, loopback_net, serving, serving_udp


def _listening(**changes: object) -> Listening:
    return Listening(
        **{"late_window_s": 0.2, "max_datagrams": 4, "is_answer": lambda data: data.startswith(b"yes"), **changes}
    )


def _exchange(answers: list[tuple[float, bytes]], timeout_s: float = 0.5, **changes: object) -> DatagramExchange:
    async def run() -> DatagramExchange:
        async with serving_udp(lambda _: answers) as port:
            deadline = time.monotonic() + timeout_s
            return await loopback_net().exchange_datagrams(HOME, port, b"?", deadline, _listening(**changes))

    return asyncio.run(run())


def test_source_ports_have_both_parities_and_lie_in_the_ephemeral_range() -> None:
    async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def run() -> list[int]:
        net, ports = loopback_net(), []
        async with serving(idle) as port:
            for _ in range(40):
                stream = await net.connect(HOME, port, time.monotonic() + 1)
                ports.append(stream.source_port)
                await stream.close()
        return ports

    ports = asyncio.run(run())
    assert {port % 2 for port in ports} == {0, 1}  # a miss has a chance of 2 in 2^40
    low, high = (int(text) for text in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert all(low <= port <= high for port in ports)


def _heard(answers: list[list[tuple[float, bytes]]], **changes: object) -> tuple[list[bytes], DatagramExchange]:
    """Serve the n-th datagram with the n-th list of answers; give what was heard too."""
    heard: list[bytes] = []

    def answer(data: bytes) -> list[tuple[float, bytes]]:
        heard.append(data)
        return answers[len(heard) - 1] if len(heard) <= len(answers) else []

    async def run() -> DatagramExchange:
        async with serving_udp(answer) as port:
            again = ((0.1, b"second"), (0.2, b"third"))
            return await loopback_net().exchange_datagrams(
                HOME, port, b"first", time.monotonic() + 0.4, _listening(again=again, **changes)
            )

    exchanged = asyncio.run(run())
    return heard, exchanged


def test_what_nothing_answers_is_sent_again_and_counted() -> None:
    heard, exchanged = _heard([])
    assert heard == [b"first", b"second", b"third"]
    assert exchanged.bytes_sent == len(b"firstsecondthird")
    assert exchanged.datagrams == ()


def test_nothing_is_sent_again_once_something_answered() -> None:
    heard, exchanged = _heard([[], [(0.0, b"yes")]])
    assert heard == [b"first", b"second"]
    assert [datagram.data for datagram in exchanged.datagrams] == [b"yes"]
    assert exchanged.datagrams[0].delay_s >= 0.1  # reckoned from the first


def test_junk_keeps_nobody_from_sending_again() -> None:
    heard, _ = _heard([[(0.0, b"junk")]])
    assert heard == [b"first", b"second", b"third"]


def test_a_late_answer_is_kept_with_its_delay() -> None:
    exchanged = _exchange([(0.0, b"yes, forged"), (0.12, b"yes, true")])
    assert [datagram.data for datagram in exchanged.datagrams] == [b"yes, forged", b"yes, true"]
    first, second = (datagram.delay_s for datagram in exchanged.datagrams)
    assert first < 0.1 < second < 0.2


def test_listening_ends_a_window_after_the_first_answer_and_not_at_the_timeout() -> None:
    began = time.monotonic()
    _exchange([(0.0, b"yes")], timeout_s=5.0)
    assert 0.2 <= time.monotonic() - began < 0.5


def test_junk_does_not_start_the_window() -> None:
    exchanged = _exchange([(0.0, b"junk"), (0.35, b"yes")])
    assert [datagram.data for datagram in exchanged.datagrams] == [b"junk", b"yes"]


def test_a_flood_of_junk_does_not_crowd_out_the_answer_nor_fill_the_memory() -> None:
    exchanged = _exchange([*[(0.0, b"junk" * 1000)] * 20, (0.1, b"yes")])
    assert len(exchanged.datagrams) == 4
    assert exchanged.datagrams[-1].data == b"yes"
    assert exchanged.bytes_received == 20 * 4000 + 3


def test_an_icmp_error_is_reported() -> None:
    async def run() -> DatagramExchange:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
            reserved.bind((HOME, 0))
            port = reserved.getsockname()[1]
        return await loopback_net().exchange_datagrams(
            HOME, port, b"?", time.monotonic() + 2, _listening(late_window_s=0.05)
        )

    exchanged = asyncio.run(run())
    assert isinstance(exchanged.error, ConnectionRefusedError)
    assert exchanged.datagrams == ()


def test_an_inward_address_gets_no_datagram() -> None:
    heard: list[bytes] = []

    async def run() -> None:
        async with serving_udp(lambda data: heard.append(data) or []) as port:
            deadline = time.monotonic() + 0.2
            with pytest.raises(AddressNotDialledError):
                await SystemNet().exchange_datagrams(HOME, port, b"?", deadline, _listening())
            with pytest.raises(AddressNotDialledError):
                await SystemNet().probe_hop(HOME, port, 1, deadline)
            await asyncio.sleep(0.05)

    asyncio.run(run())
    assert heard == []


@pytest.mark.parametrize("host", [HOME, "::1"])
def test_the_end_of_a_path_answers_a_hop_probe(host: str) -> None:
    async def run() -> str:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as reserved:
            reserved.bind((host, 0))
            port = reserved.getsockname()[1]
        answer = await loopback_net().probe_hop(host, port, 3, time.monotonic() + 1)
        assert answer is not None
        return answer.address

    assert asyncio.run(run()) == host


def test_a_hop_probe_that_nobody_answers_times_out() -> None:
    async def run() -> None:
        async with serving_udp(lambda _: []) as port:
            with pytest.raises(TimeoutError):
                await loopback_net().probe_hop(HOME, port, 3, time.monotonic() + 0.1)

    asyncio.run(run())


def test_a_fast_sender_meets_the_deadline_and_lets_others_run() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async def run() -> None:
        listener = socket.create_server((HOME, 0))
        stop = threading.Event()

        def flood() -> None:
            peer, _ = listener.accept()
            with peer:
                while not stop.is_set():
                    try:
                        peer.sendall(bytes(65536))
                    except OSError:
                        return

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        ticking = asyncio.create_task(tick())
        stream = await loopback_net().connect(HOME, listener.getsockname()[1], time.monotonic() + 1)
        deadline = time.monotonic() + 0.2

        async def read_on() -> None:
            while True:
                await stream.read(1024, deadline)

        with pytest.raises(TimeoutError):
            await read_on()
        assert time.monotonic() - deadline < 0.1
        stop.set()
        await stream.close()
        ticking.cancel()
        thread.join(1)
        listener.close()

    asyncio.run(run())
    assert ticks >= 5


def test_resolution_that_hangs_is_abandoned_at_the_deadline_by_a_thread_that_holds_up_no_exit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        release.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def run() -> None:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await SystemNet().resolve("x.example", 4, began + 0.1)
        assert time.monotonic() - began < 0.3
        assert all(thread.daemon for thread in threading.enumerate() if thread.name == "resolve")

    asyncio.run(run())
    release.set()


def test_resolution_asks_for_the_absolute_name_in_one_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(name: str, port: object, *, family: int, **_: object) -> list[object]:
        assert (name, family) == ("x.example.", socket.AF_INET6)
        return [(family, 1, 6, "", ("2001:db8::1", 0, 0, 0))] * 2

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    found = asyncio.run(SystemNet().resolve("x.example", 6, time.monotonic() + 1))
    assert found == ("2001:db8::1",)


def test_the_loop_may_end_before_the_system_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    release, done = threading.Event(), threading.Event()

    def late(*_: object, **__: object) -> list[object]:
        release.wait(5)
        done.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with pytest.raises(TimeoutError):
        asyncio.run(SystemNet().resolve("x.example", 4, time.monotonic() + 0.05))
    release.set()
    assert done.wait(1)
    for thread in threading.enumerate():
        if thread.name == "resolve":
            thread.join(1)  # an exception in it would be a warning, and warnings are errors


def _extended_error(origin: int, family: int, offender: bytes) -> bytes:
    return struct.pack("=IBBBBII", 113, origin, 11, 0, 0, 0, 0) + struct.pack("=H", family) + offender


def test_an_error_queue_entry_names_the_router() -> None:
    offender = b"\0\0" + socket.inet_aton("192.0.2.7") + bytes(8)
    data = _extended_error(2, socket.AF_INET, offender)
    (error,) = icmp.parse_errors([(socket.IPPROTO_IP, 11, data)])
    assert (error.address, error.icmp_type, error.icmp_code) == ("192.0.2.7", 11, 0)


def test_an_error_of_our_own_system_names_nobody() -> None:
    data = _extended_error(1, socket.AF_INET, bytes(14))
    assert icmp.parse_errors([(socket.IPPROTO_IP, 11, data)]) == []


@given(st.binary(max_size=80))
def test_any_ancillary_bytes_are_read_or_passed_over(data: bytes) -> None:
    for error in icmp.parse_errors([(socket.IPPROTO_IP, 11, data), (socket.IPPROTO_IPV6, 25, data)]):
        assert error.address


@pytest.mark.parametrize(
    ("configuration", "addresses"),
    [
        ("nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch lan\n", ("192.0.2.53", "2001:db8::53")),
        ("search lan\n", ()),
    ],
)
def test_the_systems_resolvers_are_those_of_its_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, configuration: str, addresses: tuple[str, ...]
) -> None:
    (tmp_path / "resolv.conf").write_text(configuration)
    monkeypatch.setattr("probe.net._RESOLVER_FILE", tmp_path / "resolv.conf")
    assert SystemNet().system_resolver_addresses() == addresses
