"""What is stored of OONI's measurements: facts of a probe and of a sentinel, whole, once, and of no person."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from analysis.exchange.importing.ooni import import_files
from analysis.exchange.ooni.fields import UnfitError
from analysis.exchange.ooni.measurement import HELPER_TARGET, read
from analysis.reading import read_cycles
from nameblind.cli import main
from probe.fingerprints import NO_FINGERPRINTS
from probe.store import models
from probe.store.chain import verify
from tests.analysis.exchange.ooni_builder import HOST, PAGE, SITE, connect, dns, get, measurement, query, shake, web

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.facts import CycleFacts
    from probe.store.database import Database

REPORT = "20240212T203340Z_webconnectivity_IT_137_n1_AbCdEf"


def bring(database: Database, tmp_path: Path, *values: Any) -> tuple[int, int, list[str]]:
    """Import values, one a line; give the counts of stored and known, and the reasons of the refused."""
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    storing, refused = import_files([path], database)
    return storing.stored, storing.known, [one.reason for one in refused]


def cycles_of(database: Database) -> dict[str, CycleFacts]:
    with database.session() as session:
        return {cycle.vantage.role: cycle for cycle in read_cycles(session)}


def test_a_measurement_becomes_a_pass_of_a_probe_and_one_of_a_sentinel(database: Database, tmp_path: Path) -> None:
    assert bring(database, tmp_path, web()) == (1, 0, [])
    cycles = cycles_of(database)
    probe, helper = cycles["probe"], cycles["control"]
    assert (probe.vantage.vantage_id, probe.vantage.country, probe.vantage.network) == ("ooni-IT-AS137", "IT", "AS137")
    assert helper.vantage.vantage_id == "ooni-helper-0.th.ooni.org"
    assert probe.is_imported
    assert helper.is_imported
    (mine,) = [m for m in probe.measurements if m.kind == "target"]
    assert mine.url == mine.target == f"https://{HOST}/"
    assert [step.operation for step in mine.steps] == ["dns", "dns", "dns", "tcp", "tls", "http"]
    assert mine.steps[0].answers[0].networks == ("AS15133",)
    assert mine.steps[-1].title == "An example"
    assert mine.steps[-1].body_length_bytes == len(PAGE)
    (theirs,) = [m for m in helper.measurements if m.kind == "target"]
    page = theirs.steps[-1]
    assert (page.title, page.body_length_bytes, page.body_sha256) == ("An example", len(PAGE), None)
    assert {m.target for m in probe.controls()} == {m.target for m in helper.controls()} == {HELPER_TARGET}
    assert probe.is_well_connected
    assert helper.is_well_connected


def test_a_helper_that_did_not_answer_leaves_no_sentinel(database: Database, tmp_path: Path) -> None:
    bring(database, tmp_path, web(control={}, control_failure="connection_reset"))
    cycles = cycles_of(database)
    assert set(cycles) == {"probe"}
    assert not cycles["probe"].is_well_connected


def test_importing_again_stores_nothing_new_and_the_chains_hold(database: Database, tmp_path: Path) -> None:
    other = web(f"http://{HOST}/")
    assert bring(database, tmp_path, web(), other, web())[:2] == (2, 1)
    published = web() | {"measurement_uid": "20240212203347.1_IT_webconnectivity_00", "report_id": ""}
    assert bring(database, tmp_path, published, other)[:2] == (0, 2)
    with database.session() as session:
        assert verify(session) == []


def test_one_report_is_one_pass_over_several_imports(database: Database, tmp_path: Path) -> None:
    bring(database, tmp_path, web() | {"report_id": REPORT})
    bring(database, tmp_path, web(f"http://{HOST}/") | {"report_id": REPORT})
    with database.session() as session:
        cycles = read_cycles(session)
        told = session.scalars(select(models.Imported.report_id).distinct()).all()
    assert sorted(len([m for m in cycle.measurements if m.kind == "target"]) for cycle in cycles) == [2, 2]
    assert told == [REPORT]


def test_where_it_comes_from_stands_beside_it(database: Database, tmp_path: Path) -> None:
    bring(database, tmp_path, web())
    with database.session() as session:
        rows = session.scalars(select(models.Imported)).all()
        cycles = session.scalars(select(models.Cycle)).all()
    assert {(row.source, row.test_name, row.test_version, row.software) for row in rows} == {
        ("ooni", "web_connectivity", "0.5.28", "ooniprobe 3.22.0")
    }
    assert {cycle.clock_source for cycle in cycles} == {"ooni"}
    assert {cycle.software_version for cycle in cycles} == {"ooniprobe 3.22.0; web_connectivity 0.5.28"}


def test_nothing_of_a_person_is_stored(database: Database, tmp_path: Path) -> None:
    value = web(client_resolver="130.192.3.21", queries=[query("udp", SITE, resolver_address="192.168.1.1:53")])
    value |= {"probe_ip": "130.192.91.7", "probe_network_name": "Somebody's network"}
    value["annotations"] |= {"origin": "my-home-server"}
    bring(database, tmp_path, value)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("facts.db*"))
    for private in (b"130.192.91.7", b"130.192.3.21", b"Somebody", b"my-home-server", b"192.168.1.1"):
        assert private not in content


def test_certificates_are_kept_by_their_hash(database: Database, tmp_path: Path) -> None:
    chain = [{"format": "base64", "data": base64.b64encode(der).decode()} for der in (b"leaf", b"root")]
    bring(database, tmp_path, web(tls_handshakes=[shake() | {"peer_certificates": chain}]))
    with database.session() as session:
        assert {bytes(blob.content) for blob in session.scalars(select(models.Blob))} == {b"leaf", b"root"}


TESTS = [
    "tor", "signal", "telegram", "whatsapp", "facebook_messenger", "dnscheck", "urlgetter", "psiphon",
    "http_header_field_manipulation", "http_invalid_request_line", "quicping", "stunreachability",
]  # fmt: skip


def test_other_tests_bring_their_steps_and_no_state_of_a_site(database: Database, tmp_path: Path) -> None:
    value = measurement("", queries=dns(SITE), tcp_connect=[connect()], tls_handshakes=[shake(failure="eof_error")])
    value["test_keys"]["quic_handshakes"] = [shake(failure="generic_timeout_error")]
    several = [value | {"test_name": test, "input": None, "test_helpers": None} for test in TESTS]
    assert bring(database, tmp_path, *several) == (len(TESTS), 0, [])
    with database.session() as session:
        found = [m for cycle in read_cycles(session) for m in cycle.measurements]
    assert {m.target for m in found} == set(TESTS)
    for mine in found:
        assert mine.steps == ()
        assert sorted(step.operation for step in mine.closer) == ["dns", "dns", "dns", "quic", "tcp", "tls"]
        assert {step.technique for step in mine.closer} == {mine.target}


def test_reads_and_writes_become_traffic(database: Database, tmp_path: Path) -> None:
    events = [
        {"operation": "write", "num_bytes": 100, "t": 0.65, "transaction_id": 2, "failure": None},
        {"operation": "read", "num_bytes": 3000, "t": 0.45, "transaction_id": 2, "failure": None},
        {"operation": "read", "num_bytes": 500, "t": 0.7, "transaction_id": 2, "failure": None},
        {"operation": "read", "num_bytes": 700, "t": 0.8, "transaction_id": 2, "failure": None},
    ]
    bring(database, tmp_path, web(network_events=events))
    (mine,) = [m for m in cycles_of(database)["probe"].measurements if m.kind == "target"]
    assert (mine.steps[-1].bytes_sent, mine.steps[-1].bytes_received) == (100, 1200)
    assert [count for _, count in mine.steps[-1].progress] == [500, 1200]


MALFORMED = [
    ([], "no object"),
    ("text", "no object"),
    ({}, "test_name is missing"),
    (web() | {"probe_asn": "137"}, "probe_asn"),
    (web() | {"probe_cc": "Italy"}, "probe_cc"),
    (web() | {"measurement_start_time": "yesterday"}, "measurement_start_time"),
    (web() | {"measurement_start_time": "9999-12-31 23:59:59"}, "measurement_start_time"),
    (web() | {"input": "javascript:alert(1)"}, "input"),
    (web() | {"input": None}, "input"),
    (web() | {"test_keys": []}, "test_keys"),
    (web(queries={}), "queries"),
    (web(queries=[{"hostname": 7}]), "hostname"),
    (web(tcp_connect=[connect() | {"port": "443"}]), "port"),
    (web(tcp_connect=[connect()] * 2_001), "more than 2000"),
    (web(tls_handshakes=[shake() | {"peer_certificates": [{"data": "%%"}]}]), "base64"),
    (web(requests=[get() | {"t": True}]), r"requests\[0\].t is no number"),
    (web(control=[]), "control"),
]


def test_malformed_measurements_have_a_reason_each_and_stop_nothing(database: Database, tmp_path: Path) -> None:
    stored, _, reasons = bring(database, tmp_path, *({"wrong": 1} if v == [] else v for v, _ in MALFORMED), web())
    assert stored == 1
    assert len(reasons) == len(MALFORMED)


@pytest.mark.parametrize(("value", "reason"), MALFORMED)
def test_a_malformed_measurement_is_refused_with_the_field(value: Any, reason: str) -> None:
    with pytest.raises(UnfitError, match=reason):
        read(value, NO_FINGERPRINTS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["queries", "tcp_connect", "tls_handshakes", "quic_handshakes", "requests", "network_events", "control"]
FIELDS = ["failure", "t", "t0", "tags", "address", "answers", "status", "request", "response", "hostname", "ip", "port"]
ITEM = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSON | st.lists(ITEM, max_size=2)))
def test_whatever_the_keys_hold_it_is_read_or_refused(keys: dict[str, Any]) -> None:
    with suppress(UnfitError):
        read(web(**keys), NO_FINGERPRINTS)


def test_the_command_counts_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.jsonl"
    path.write_text(json.dumps(web()) + "\n{}\n")
    assert main(["import", "ooni", str(path), "--db", str(tmp_path / "x.db"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stored"], told["refused"], told["reasons"]) == (1, 1, {"test_name is missing": 1})
    assert main(["import", "ooni", str(tmp_path / "none.json"), "--db", str(tmp_path / "x.db")]) == 1


def test_what_a_lab_made_never_mixes_with_what_was_measured(database: Database, tmp_path: Path) -> None:
    made = web()
    made["annotations"] |= {"nameblind_clock_source": "lab"}
    stored, _, reasons = bring(database, tmp_path, web(), made)
    assert stored == 1
    assert "never mixes" in reasons[0]
