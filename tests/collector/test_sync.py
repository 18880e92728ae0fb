"""A probe and a collector over loopback: store and forward, with all that goes wrong on the way."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from collector import schedules
from collector.command import DEFAULT_STATE
from collector.opening import open_store
from probe.consent import Scope, stored
from probe.errors import UserError
from probe.store.chain import verify
from probe.store.database import Database
from probe.store.writing import transaction
from probe.uplink import enrolling, identity, syncing
from probe.uplink.client import Client, DeclinedError, UnreachableError, checked_address
from probe.uplink.signing import BadSignatureError
from tests.collector.fleet import TestClock, count_rows, token
from tests.collector.serving import loses_answers, serving
from tests.probe.store.conftest import free_port
from tests.probe.store.example_facts import blobs, full_cycle, vantage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from collector.service import Service
    from probe.uplink.identity import Enrolled
    from probe.uplink.syncing import Sent

HERE = {"country": "KZ", "bearer": "mobile"}
SCHEDULE = """
name: fleet
vantage: {name: somewhere, country: DE}
resolvers: [{name: system, transport: system}]
controls: {home: ["https://home.example.kz/"], abroad: ["https://abroad.example.com/"]}
services: {news: {targets: ["https://news.example.com/"]}}
"""


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "results.db"), create=True) as store:
        for vantage_id in ("almaty", "aktau"):
            store.append(vantage_id, [vantage(vantage_id)])
            for number in range(4):
                store.append(vantage_id, full_cycle(number, vantage_id), blobs())
        yield store


@contextmanager
def client_of(enrolled: Enrolled, *addresses: str, patience_s: float = 60.0) -> Iterator[tuple[Client, list[float]]]:
    waits: list[float] = []
    client = Client(addresses or enrolled.collectors, patience_s=patience_s, sleep=waits.append, draw=random.Random(1))
    try:
        yield client, waits
    finally:
        client.close()


def enrolled_at(service: Service, address: str, state_dir: Path) -> Enrolled:
    return enrolling.enrol(state_dir, address, token(service), HERE, ca=None, patience_s=0)


def send(
    store: Database, client: Client, enrolled: Enrolled, state_dir: Path, may: Callable[[], bool] = lambda: True
) -> Sent:
    return syncing.sync(store, client, identity.key(state_dir, enrolled), enrolled, may_send=may)


def test_all_of_a_backlog_arrives_once_and_what_is_new_later(light: Service, filled: Database, tmp_path: Path) -> None:
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
        with client_of(enrolled, address) as (client, waits):
            sent = send(filled, client, enrolled, tmp_path)
            assert sent.rows == syncing.backlog(filled) == sum(count_rows(light.store).values())
            assert send(filled, client, enrolled, tmp_path).rows == 0
            filled.append("almaty", full_cycle(9, "almaty"))
            assert 0 < send(filled, client, enrolled, tmp_path).rows < sent.rows
    assert waits == []
    assert count_rows(light.store) == count_rows(filled)
    with light.store.session() as session:
        assert verify(session) == []


def test_an_answer_that_is_lost_doubles_nothing(light: Service, filled: Database, tmp_path: Path) -> None:
    with serving(light, loses_answers(3)) as address:
        enrolled = enrolled_at(light, address, tmp_path)
        with client_of(enrolled, address) as (client, waits):
            send(filled, client, enrolled, tmp_path)
    assert len(waits) == 3
    assert count_rows(light.store) == count_rows(filled)


def test_the_fallback_is_asked_where_the_first_address_is_dead(
    light: Service, filled: Database, tmp_path: Path
) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
        with client_of(enrolled, dead, address) as (client, waits):
            assert send(filled, client, enrolled, tmp_path).rows == syncing.backlog(filled)
    assert waits == []


def test_patience_ends_and_nothing_is_lost(light: Service, filled: Database, tmp_path: Path) -> None:
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
    with client_of(enrolled, address, patience_s=600) as (client, waits), pytest.raises(UnreachableError):
        send(filled, client, enrolled, tmp_path)
    assert 300 <= sum(waits) <= 600  # the next pause would have gone beyond it
    assert all(wait <= most for wait, most in zip(waits, (2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300), strict=False))
    with serving(light) as address, client_of(enrolled, address) as (client, _):  # after weeks
        assert send(filled, client, enrolled, tmp_path).rows == syncing.backlog(filled)


def test_withdrawn_consent_ends_it_between_two_requests(light: Service, filled: Database, tmp_path: Path) -> None:
    asked = iter([True, True, False])
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
        with client_of(enrolled, address) as (client, _), pytest.raises(syncing.NotAllowedError):
            send(filled, client, enrolled, tmp_path, lambda: next(asked))
    assert 0 < sum(count_rows(light.store).values()) < syncing.backlog(filled)


def test_another_history_stops_that_vantage_alone(light: Service, filled: Database, tmp_path: Path) -> None:
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
        with client_of(enrolled, address) as (client, _):
            send(filled, client, enrolled, tmp_path)
            with Database.open(str(tmp_path / "other.db"), create=True) as other:
                other.append("almaty", [vantage("almaty")])
                other.append("almaty", full_cycle(5, "almaty"))
                other.append("fresh", [vantage("fresh")])
                sent = send(other, client, enrolled, tmp_path)
    assert "almaty" in sent.declined
    assert sent.rows == 1


def answering(status: int, headers: list[tuple[bytes, bytes]], pieces: Sequence[bytes], pause_s: float = 0.0) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(pause_s)
        await send({"type": "http.response.body", "body": b""})

    return lambda _: app


@pytest.mark.parametrize("status", [200, 302, 403, 404])
def test_a_page_of_somebody_else_does_not_hide_the_fallback(
    light: Service, filled: Database, tmp_path: Path, status: int
) -> None:
    """A parked name, a portal or a proxy stands where the first address was."""
    parked = answering(status, [(b"location", b"/sale")], [b"<html>for sale</html>"])
    with serving(light) as address, serving(light, parked) as first:
        enrolled = enrolled_at(light, address, tmp_path)
        with client_of(enrolled, first, address) as (client, waits):
            assert send(filled, client, enrolled, tmp_path).rows == syncing.backlog(filled)
    assert waits == []


def test_a_packed_answer_is_not_opened(light: Service, filled: Database, tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(2**28))
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
    packed = answering(200, [(b"content-encoding", b"gzip")], [bomb])
    with serving(light, packed) as address, client_of(enrolled, address, patience_s=0) as (client, _):
        tracemalloc.start()
        with pytest.raises(UnreachableError):
            send(filled, client, enrolled, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_an_answer_that_drips_ends_at_the_deadline(
    light: Service, filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.uplink.client.TIMEOUT_S", 0.5)
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
    drip = answering(200, [], [b" "] * 100, pause_s=0.1)
    with serving(light, drip) as address, client_of(enrolled, address, patience_s=0) as (client, _):
        begun = time.monotonic()
        with pytest.raises(UnreachableError):
            send(filled, client, enrolled, tmp_path)
        assert time.monotonic() - begun < 3.0


@pytest.mark.parametrize("answer", [b"<html>pay here</html>", b"[" * 100_000, b'{"end":', b"x" * 1_000_000])
def test_what_is_no_collectors_answer_is_none(filled: Database, tmp_path: Path, answer: bytes, light: Service) -> None:
    def portal(_: Any) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            del scope, receive
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": answer})

        return app

    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
    with (
        serving(light, portal) as address,
        client_of(enrolled, address, patience_s=0) as (client, _),
        pytest.raises(UnreachableError),
    ):
        send(filled, client, enrolled, tmp_path)


def test_addresses_that_would_show_the_facts_are_refused() -> None:
    assert checked_address("https://collect.example.org/") == "https://collect.example.org"
    for address in (
        "http://collect.example.org",
        "https://",
        "ftp://x",
        "https://me@x",
        "https://x?a",
        "x",
        "http://10.0.0.1",
    ):
        with pytest.raises(UserError):
            checked_address(address)


# ---------------------------------------------------------------- schedules


def publish(service: Service, text: str = SCHEDULE) -> int:
    with transaction(service.store.engine) as connection:
        return schedules.publish(connection, service.keys.signing, text, service.clock.now())


def test_a_newer_schedule_is_taken_with_the_volunteers_own_vantage(light: Service, tmp_path: Path) -> None:
    publish(light)
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
        assert enrolled.schedule_version == 1
        key = identity.key(tmp_path, enrolled)
        with client_of(enrolled, address) as (client, _):
            assert syncing.refresh_schedule(client, key, enrolled, tmp_path, lambda: True) is None
            publish(light, SCHEDULE.replace("news.example.com", "paper.example.com"))
            assert syncing.refresh_schedule(client, key, enrolled, tmp_path, lambda: True) == 2
    written = yaml.safe_load((tmp_path / identity.SCHEDULE_NAME).read_text())
    assert written["vantage"] == HERE
    assert written["services"]["news"]["targets"] == ["https://paper.example.com/"]


def test_an_old_schedule_a_foreign_one_and_a_new_kind_of_action_are_not_taken(light: Service, tmp_path: Path) -> None:
    publish(light)
    newest = publish(light)
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
    kept = (tmp_path / identity.SCHEDULE_NAME).read_bytes()
    from probe.uplink.signing import sign_schedule

    def given(version: int, text: str, signed: str | None = None) -> dict[str, Any]:
        signature = sign_schedule(light.keys.signing, version, signed or text)
        return {"version": version, "text": text, "signature": signature}

    assert syncing.take_schedule(given(newest - 1, SCHEDULE), enrolled, tmp_path) is None
    for wrong in (given(9, SCHEDULE + "\n", SCHEDULE), given(9, SCHEDULE) | {"version": 10}, {"version": 9}, {}):
        with pytest.raises(BadSignatureError):
            syncing.take_schedule(wrong, enrolled, tmp_path)
    for text in (SCHEDULE + "run: [rm]\n", SCHEDULE + "extra_roots: [/etc/passwd]\n", SCHEDULE + "ways: []\n", "x", ""):
        with pytest.raises(UserError):
            syncing.take_schedule(given(9, text), enrolled, tmp_path)
    assert (tmp_path / identity.SCHEDULE_NAME).read_bytes() == kept


# ---------------------------------------------------------------- identifiers


def test_a_rotated_probe_has_another_identifier_and_the_old_one_is_void(
    light: Service, filled: Database, tmp_path: Path
) -> None:
    with serving(light) as address:
        enrolled = enrolled_at(light, address, tmp_path)
        old_key = identity.key(tmp_path, enrolled)
        light_addresses = identity.read(tmp_path)
        assert light_addresses is not None
        here = identity.Enrolled(**{**_values(enrolled), "collectors": (address,)})
        fresh = enrolling.rotate(tmp_path, here, ca=None, patience_s=0)
        assert fresh.probe_id != enrolled.probe_id
        assert not identity.key_path(tmp_path, enrolled.probe_id).exists()
        with client_of(enrolled, address) as (client, _):
            with pytest.raises(DeclinedError, match="another identifier"):
                syncing.sync(filled, client, old_key, enrolled, may_send=lambda: True)
            assert send(filled, client, fresh, tmp_path).rows == syncing.backlog(filled)


def _values(enrolled: Enrolled) -> dict[str, Any]:
    return {name: getattr(enrolled, name) for name in enrolled.__slots__}


# ---------------------------------------------------------------- the commands


def command(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    called = [sys.executable, "-m", "nameblind", *arguments]
    return subprocess.run(
        called,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_without_consent_to_upload_not_one_connection_is_made(filled: Database, tmp_path: Path) -> None:
    stored.write(tmp_path / "nameblind", stored.consent_now(TestClock().now(), "en"))  # to measure alone
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        for arguments in (("enrol", url, "--token", "x", "--country", "KZ"), ("sync", "--db", filled.place)):
            done = command(tmp_path, *arguments)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
            assert "nameblind consent --upload" in done.stderr
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_commands_from_a_token_to_rows_at_the_collector_while_it_is_killed_again_and_again(
    filled: Database, tmp_path: Path
) -> None:
    """Nothing acknowledged is lost and nothing doubled, wherever the collector dies."""
    stored.write(tmp_path / "nameblind", stored.consent_now(TestClock().now(), "en", Scope.UPLOAD))
    (tmp_path / "fleet.yaml").write_text(SCHEDULE)
    assert command(tmp_path, "collector", "schedule", "publish", "fleet.yaml").stdout == "Version 1 is published.\n"
    secret = json.loads(command(tmp_path, "collector", "token", "new", "--json").stdout)["secret"]
    port = free_port()
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    serve = [sys.executable, "-m", "nameblind", "collector", "serve", "--port", str(port)]

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(serve, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
        for _ in range(400):
            with socket.socket() as probing:
                if probing.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            time.sleep(0.05)
        raise TimeoutError

    running = start()
    try:
        done = command(tmp_path, "enrol", f"http://127.0.0.1:{port}", "--token", secret, "--country", "KZ")
        assert done.returncode == 0, done.stderr
        again = command(tmp_path, "enrol", f"http://127.0.0.1:{port}", "--token", secret, "--country", "KZ")
        assert again.returncode == 1
        dice = random.Random(7)
        for number in range(3):
            for cycle in range(40):
                filled.append("almaty", full_cycle(100 + 40 * number + cycle, "almaty"))
            syncing_now = subprocess.Popen(
                [sys.executable, "-m", "nameblind", "sync", "--db", filled.place, "--patience", "0"],
                cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(dice.uniform(0.4, 1.2))
            os.kill(running.pid, signal.SIGKILL)
            running.wait()
            syncing_now.wait(timeout=60)
            running = start()
        done = command(tmp_path, "sync", "--db", filled.place, "--json")
        assert done.returncode == 0, done.stderr
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(timeout=20) in {0, 130}
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    with open_store(str(tmp_path / "collector.db")) as store, store.session() as session:
        assert count_rows(store) == count_rows(filled)
        assert verify(session) == []
    assert (tmp_path / DEFAULT_STATE / "signing.key").stat().st_mode & 0o777 == 0o600
