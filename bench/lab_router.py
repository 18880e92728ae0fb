"""How much the lab's Internet carries, and how long a lab takes to start and to end.

    python bench/lab_router.py [--seconds 5]

TCP and small UDP packets go from one host to another over three routers, with and
without a box in the path that reads names, driven by iperf3. The yardstick is the
same iperf3 over the loopback device of one host, in the same run. Processor time
is the Internet process's own, so that it can be read on a busy machine too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import topology_file
from lab.conditions import peace
from lab.during import instant
from lab.match import Match
from lab.middleboxes.reset import Reset
from lab.running import running
from lab.station import Placement

if TYPE_CHECKING:
    from lab.running import Lab

CLIENT, SERVER, SERVER_ADDRESS = "social-1", "sentinel", "88.99.1.10"
UDP_BYTES = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="of each transfer")
    seconds = parser.parse_args().seconds
    if shutil.which("iperf3") is None:
        sys.exit("bench/lab_router.py needs iperf3: install it (apt-get install iperf3)")
    topology = topology_file.load("standard")
    at = instant("2026-03-02T06:00Z")
    calm = peace(topology)
    boxed = calm.with_boxes(
        [
            Placement(
                name="reader",
                router="transit",
                networks=frozenset(),
                box=Reset(match=Match(sni=("social.example",), host=("social.example",))),
            )
        ]
    )
    started = time.perf_counter()
    with running(topology, seed=1, at=at) as lab:
        print(f"start of {len(topology.hosts)} hosts, first of the process   {time.perf_counter() - started:6.2f} s")
        lab.apply(calm)
        loopback = tcp(lab, SERVER, "127.0.0.1", seconds)
        print(f"TCP over loopback                      {loopback.mbit_s:8.0f} Mbit/s")
        for label, conditions in (("", calm), (", a box reads every packet", boxed)):
            lab.apply(conditions)
            found = tcp(lab, CLIENT, SERVER_ADDRESS, seconds)
            print(
                f"TCP over three routers{label}: {found.mbit_s:.0f} Mbit/s ({found.mbit_s / loopback.mbit_s:.3f} of "
                f"loopback), {found.packets_s:,.0f} packets/s, {found.cpu_share:.0%} of one processor"
            )
            found = udp(lab, seconds)
            print(
                f"UDP of {UDP_BYTES} bytes{label}: {found.packets_s:,.0f} packets/s arrive, "
                f"{found.cpu_share / found.packets_s * 1e6:.1f} us of processor each"
            )
        ended = time.perf_counter()
    print(f"end                                    {time.perf_counter() - ended:8.2f} s")
    started = time.perf_counter()
    with running(topology, seed=1, at=at):
        print(f"start, once more                       {time.perf_counter() - started:8.2f} s")


class Found:
    """What one transfer came to."""

    def __init__(self, bits: float, packets: float, cpu_s: float, seconds: float) -> None:
        self.mbit_s = bits / seconds / 1e6
        self.packets_s = packets / seconds
        self.cpu_share = cpu_s / seconds


def tcp(lab: Lab, client: str, server: str, seconds: int) -> Found:
    """Send by four TCP connections at once."""
    end, cpu_s, packets = iperf(lab, client, server, ["-P", "4", "-t", str(seconds)])
    summed = end["sum_received"]
    return Found(summed["bytes"] * 8, packets, cpu_s, summed["seconds"])


def udp(lab: Lab, seconds: int) -> Found:
    """Send small datagrams as fast as one sender can."""
    end, cpu_s, _ = iperf(lab, CLIENT, SERVER_ADDRESS, ["-u", "-b", "200M", "-l", str(UDP_BYTES), "-t", str(seconds)])
    summed = end["sum"]
    arrived = summed["packets"] - summed["lost_packets"]
    return Found(arrived * UDP_BYTES * 8, arrived, cpu_s, summed["seconds"])


def iperf(lab: Lab, client: str, server: str, options: list[str]) -> tuple[dict[str, Any], float, float]:
    """Run one transfer; gives its result, the Internet's processor time in s, and the packets it carried."""
    listening = lab.spawn(SERVER, ["iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    before, cpu_before = carried(lab), cpu(lab)
    sent = lab.spawn(client, ["iperf3", "-J", "-c", server, *options], stdout=subprocess.PIPE)
    result = json.loads(sent.communicate()[0])
    listening.wait()
    if "error" in result:
        sys.exit(f"iperf3: {result['error']}")
    return result["end"], cpu(lab) - cpu_before, carried(lab) - before


def cpu(lab: Lab) -> float:
    """Give the processor time of the Internet's process so far, in seconds."""
    fields = Path(f"/proc/{lab.internet_pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def carried(lab: Lab) -> int:
    """Give how many packets the server's device has taken and sent so far."""
    shown = lab.spawn(SERVER, ["cat", "/proc/self/net/dev"], stdout=subprocess.PIPE, text=True)
    listing = shown.communicate()[0]
    line = next(line for line in listing.splitlines() if line.strip().startswith("tun0"))
    fields = line.split(":")[1].split()
    return int(fields[1]) + int(fields[9])


if __name__ == "__main__":
    main()
