"""Our measurements in OONI's format, and back: the same facts, as far as the format carries them."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analysis.exchange.exporting.ooni import MANIFEST, MEASUREMENTS, export
from analysis.exchange.importing.ooni import import_files
from analysis.reading import read_cycles
from probe.errors import UserError
from probe.failures import Failure
from probe.model import DnsAnswer, DnsTransport, Observation, Operation, Target, TargetKind
from probe.record import Capture, Measured, Recorder, Step
from probe.store.database import Database
from tests.probe.store import example_facts

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.facts import Step as StepFacts

CARRIED = ("operation", "attempt", "redirect", "failure", "name", "address", "port", "query_type", "transport",
           "certificates", "certificate_failure", "tls_version", "status", "location", "progress")  # fmt: skip
NOON = example_facts.NOON
SITE, OTHER = "62.75.10.3", "62.75.10.4"
HOST, URL = "kplus-tv.net", "https://kplus-tv.net/"


def answer(rcode: str, *addresses: str, valid: bool = True) -> DnsAnswer:
    networks = tuple("AS64500" for _ in addresses)
    return DnsAnswer(
        delay_s=0.01, rcode=rcode, addresses=addresses, cnames=(), is_valid=valid, raw=b"raw", networks=networks
    )


def seen(operation: Operation, at_s: float, **told: Any) -> Observation:
    begun = NOON + timedelta(seconds=at_s)
    return Observation(
        operation=operation, started_at=begun, started_mono_s=50 + at_s, ended_mono_s=50.5 + at_s, **told
    )


def ours() -> Measured:
    """A routine pass: a system's and another resolver's answer, a reset, a retry, a forged chain, a redirect."""
    dns = {"name": HOST, "query_type": "A"}
    steps = [
        Step(
            observation=seen(
                Operation.DNS,
                0,
                transport=DnsTransport.SYSTEM,
                resolver="system",
                answers=(answer("NOERROR", SITE),),
                **dns,
            )
        ),
        Step(
            observation=seen(
                Operation.DNS,
                0.1,
                transport=DnsTransport.UDP,
                resolver="google",
                address="8.8.8.8",
                port=53,
                answers=(answer("NOERROR", OTHER), answer("NXDOMAIN")),
                failure=None,
                **dns,
            )
        ),
        Step(
            observation=seen(
                Operation.DNS,
                0.2,
                transport=DnsTransport.DOH,
                resolver="q",
                address="9.9.9.9",
                port=443,
                failure=Failure.TIMEOUT,
                **dns,
            )
        ),
        Step(observation=seen(Operation.TCP, 1, address=SITE, port=443)),
        Step(observation=seen(Operation.TLS, 2, name=HOST, address=SITE, port=443, failure=Failure.CONNECTION_RESET)),
        Step(observation=seen(Operation.TCP, 3, address=SITE, port=443), attempt=2, technique="retry"),
        Step(
            observation=seen(
                Operation.TLS,
                4,
                name=HOST,
                address=SITE,
                port=443,
                tls_version="TLSv1.3",
                certificates=(b"leaf", b"root"),
                certificate_failure=Failure.TLS_UNKNOWN_AUTHORITY,
            ),
            attempt=2,
            technique="retry",
        ),
        Step(
            observation=seen(
                Operation.HTTP,
                5,
                name=HOST,
                address=SITE,
                port=443,
                url=URL,
                status=302,
                location="https://kplus-tv.net/en",
                body_length_bytes=0,
            ),
            attempt=2,
            technique="retry",
        ),
        Step(
            observation=seen(
                Operation.HTTP,
                6,
                name=HOST,
                address=SITE,
                port=443,
                url=URL,
                status=200,
                body=b"x" * 9,
                body_length_bytes=9,
                title="K+",
                progress=((0.1, 500), (0.25, 900)),
            ),
            attempt=2,
            redirect=1,
            technique="retry",
        ),
        Step(observation=seen(Operation.HOP, 7, hop_limit=3, address="62.75.0.1")),
        Step(
            observation=seen(Operation.TLS, 8, name="scramble", address=SITE, port=443), technique="shape", variant="v"
        ),
    ]
    target = Target(name="kplus", service="kplus", url=URL, kind=TargetKind.TARGET)
    capture = Capture(technique="packets", variant=None, started_at=NOON, packets=1, pcap=example_facts.PCAP)
    return Measured(
        target=target,
        round="main",
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=9),
        steps=tuple(steps),
        captures=(capture,),
    )


@pytest.fixture
def exported(database: Database, tmp_path: Path) -> Path:
    rows, blobs = Recorder("almaty.1").rows(ours())
    database.append("almaty", [example_facts.vantage(), example_facts.cycle("almaty.1"), *rows], blobs)
    export(database, tmp_path / "out")
    return tmp_path / "out"


def steps_in(path: Path) -> list[StepFacts]:
    with Database.open(str(path)) as database, database.session() as session:
        cycles = read_cycles(session)
    return [s for cycle in cycles for m in cycle.measurements if m.kind == "target" for s in m.steps]


def carried(step: StepFacts) -> dict[str, Any]:
    told = {name: getattr(step, name) for name in CARRIED}
    told["answers"] = [(a.rcode, a.addresses, a.networks) for a in step.valid_answers]
    return told


def test_export_then_import_gives_the_same_facts(exported: Path, empty: Path, tmp_path: Path) -> None:
    shutil.copy(empty, tmp_path / "back.db")
    with Database.open(str(tmp_path / "back.db")) as database:
        storing, refused = import_files([exported / MEASUREMENTS], database)
    assert (storing.stored, refused) == (1, [])
    mine = [carried(step) for step in steps_in(tmp_path / "facts.db") if step.operation != "hop"]
    back = [carried(step) for step in steps_in(tmp_path / "back.db")]
    assert len(mine) == 9
    assert back == mine


def test_a_measurement_has_what_the_format_asks_for_and_no_verdict(exported: Path) -> None:
    (line,) = (exported / MEASUREMENTS).read_text().splitlines()
    value = json.loads(line)
    text = ["data_format_version", "measurement_start_time", "probe_asn", "probe_cc", "probe_ip", "report_id",
            "software_name", "software_version", "test_name", "test_start_time", "test_version"]  # fmt: skip
    assert all(isinstance(value[key], str) for key in text)
    assert (value["report_id"], value["probe_ip"], value["test_name"]) == ("", "127.0.0.1", "web_connectivity")
    assert isinstance(value["test_runtime"], float)
    assert value["test_keys"]["blocking"] is None
    assert value["test_keys"]["accessible"] is None
    for key in ("queries", "tcp_connect", "tls_handshakes", "requests", "network_events"):
        for item in value["test_keys"][key]:
            assert isinstance(item["t"], float)
            assert isinstance(item["transaction_id"], int)


def test_certificates_and_packets_lie_beside_with_their_hashes(exported: Path) -> None:
    manifest = json.loads((exported / MANIFEST).read_text())
    told = {file["path"]: file["sha256"] for file in manifest["files"]}
    found = {
        path.relative_to(exported).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in exported.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    assert told == found
    assert {path.split("/")[0] for path in told} == {"certificates", "packets", MEASUREMENTS}
    (packets,) = (exported / "packets").iterdir()
    assert packets.read_bytes() == example_facts.PCAP


def test_what_is_there_already_is_not_written_over(exported: Path, tmp_path: Path) -> None:
    with Database.open(str(tmp_path / "facts.db")) as database, pytest.raises(UserError, match="exists already"):
        export(database, exported)


def test_an_empty_database_is_said_to_be_empty_and_leaves_nothing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no measurement of ours"):
        export(database, tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]
