"""The process that reads packets, and this side of the pipe: what is kept, what is refused, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from probe.commands.run import run
from probe.errors import UserError
from probe.packets import capturing, orders, pcap
from probe.packets.flow import Flow

HERE, THERE = "127.0.0.2", "127.0.0.1"
needs_packets = pytest.mark.skipif(
    os.geteuid() != 0 and os.environ.get("CI") != "true", reason="reading packets needs root"
)


def talk(port: int, source_port: int) -> None:
    """One connection, with something said on it that nobody else is to know."""
    with socket.socket() as client:
        client.bind((HERE, source_port))
        client.connect((THERE, port))
        client.sendall(b"a-secret-of-the-page")
        client.settimeout(0.05)
        with contextlib.suppress(TimeoutError):
            client.recv(10)


@needs_packets
def test_named_connections_alone_are_kept_as_heads_and_scapy_stays_away() -> None:
    async def work() -> capturing.Captured:
        async with capturing.capturing([Flow(THERE, port, 45_101)], 10.0) as captured:
            await asyncio.to_thread(talk, port, 45_102)
            await asyncio.to_thread(talk, port, 45_101)
            await asyncio.sleep(0.2)
        return captured

    with socket.create_server((THERE, 0)) as server:
        port = server.getsockname()[1]
        captured = asyncio.run(work())
    heads = [packet.data for packet in pcap.read(captured.content)]
    assert len(heads) == captured.packets >= 4
    assert {45_101} == {int.from_bytes(head[at : at + 2], "big") for head in heads for at in (20, 22)} - {port}
    assert b"a-secret" not in captured.content
    assert socket.inet_aton(HERE) not in captured.content
    script = "import sys, probe.cycle, probe.techniques, probe.packets.capturing; sys.exit('scapy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@needs_packets
def test_the_process_ends_with_its_parent_by_kill_too() -> None:
    script = (
        "import asyncio\n"
        "from probe.packets.capturing import capturing, _child\n"
        "async def work():\n"
        "    async with _child() as child:\n"
        "        print(child.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(work())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}/status").read_text(encoding="ascii").split("Uid:")[1].split()[0] != "0"
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5.0
    while _is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def impostor(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: bytes, then: str = "") -> None:
    """Put a process in the child's place that says these lines, each after it was spoken to but for the first."""
    script = folder / "impostor"
    script.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"for number, line in enumerate({lines!r}):\n"
        "    number and sys.stdin.buffer.readline()\n"
        "    sys.stdout.buffer.write(line); sys.stdout.buffer.flush()\n" + then,
        encoding="utf-8",
    )
    script.chmod(stat.S_IRWXU)
    monkeypatch.setattr(capturing.sys, "executable", str(script))


READY, ARMED = orders.line(ready=True), orders.line(armed=True)
FOREIGN = pcap.write(
    [pcap.Packet(0.0, bytes.fromhex("450000280000000040060000510245085db8d822") + bytes(12) + b"\x50" + bytes(7), 40)]
)


def answered(content: bytes, **said: Any) -> bytes:
    return orders.line(**{"packets": 1, "missed": 0, "bytes": len(content), **said}) + content


@pytest.mark.parametrize(
    "lines",
    [
        (b"",),
        (b"garbage\n",),
        (b"[" * 5000 + b"\n",),
        (b"x" * 400_000,),
        (orders.line(refused="not today"),),
        (READY, b"{}\n"),
        (READY, ARMED, b""),
        (READY, ARMED, answered(b"", bytes=1 << 40)),
        (READY, ARMED, answered(b"short", bytes=500)),
        (READY, ARMED, answered(b"no capture at all, but long enough")),
        (READY, ARMED, answered(FOREIGN)),
        (READY, ARMED, answered(pcap.write([]))),  # one packet was said to be in it
    ],
)
def test_a_process_that_misbehaves_fails_the_capture_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: tuple[bytes, ...]
) -> None:
    impostor(monkeypatch, tmp_path, *lines)

    async def work() -> None:
        async with capturing.capturing([Flow("93.184.216.34", 443, 45_001)], 1.0):
            pass

    with pytest.raises(capturing.CaptureFailedError):
        asyncio.run(work())


def test_a_process_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(capturing, "START_TIMEOUT_S", 0.3)
    monkeypatch.setattr(capturing, "_END_TIMEOUT_S", 0.3)
    impostor(monkeypatch, tmp_path, b"", then="import time; time.sleep(60)\n")
    with pytest.raises(UserError, match="did not answer in time"):
        capturing.require()


def test_without_the_privilege_run_refuses_in_one_sentence_and_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    impostor(monkeypatch, tmp_path, orders.line(refused="raw packets are not permitted here"))
    with pytest.raises(UserError, match="CAP_NET_RAW") as refused:
        run(Path("schedules/kazakhstan.yaml"), str(tmp_path / "r.db"), once=True, packets=True)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "r.db").exists()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"flows": [], "seconds": 1},
        {"flows": [["93.184.216.34", 443, 45_001]] * (orders.MOST_FLOWS + 1), "seconds": 1},
        {"flows": [["everybody", 443, 45_001]], "seconds": 1},
        {"flows": [["93.184.216.34", 443, 0]], "seconds": 1},
        {"flows": [["93.184.216.34", True, 45_001]], "seconds": 1},
        {"flows": [["93.184.216.34", 443, 45_001]], "seconds": orders.MOST_S + 1},
        {"flows": [["93.184.216.34", 443, 45_001]], "seconds": "long"},
    ],
)
def test_an_order_that_names_no_few_connections_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(orders.BadOrderError):
        orders.read_flows(orders.read(json.dumps(said).encode() + b"\n"))
