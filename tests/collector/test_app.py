"""The collector as the web sees it: its own description asks it everything, and it never breaks."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from starlette.testclient import TestClient

from collector.app import app_of
from collector.logs import Lines
from probe.uplink.batch import LIMITS, MEDIA_TYPE
from probe.uplink.signing import NOBODY, public_text, sign_request
from tests.collector.fleet import Sender, token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from collector.service import Service


@pytest.fixture
def web(light: Service) -> Iterator[TestClient]:
    with TestClient(app_of(light), raise_server_exceptions=False) as client:
        yield client


def post(web: TestClient, key: Ed25519PrivateKey, path: str, probe_id: str, body: bytes) -> Any:
    return web.post(path, content=body, headers=sign_request(key, "POST", path, probe_id, body))


def test_enrol_send_and_count(light: Service, web: TestClient, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    body = json.dumps({"token": token(light), "public_key": public_text(key)}).encode()
    welcome = post(web, key, "/v1/enrolments", NOBODY, body)
    assert welcome.status_code == 201
    assert welcome.json()["collectors"] == ["https://one", "https://two"]
    with Sender.enrolled(light, tmp_path / "almaty.db", "almaty") as sender:
        sent, end = sender.batch()
        first = post(web, sender.key, "/v1/batches", sender.probe_id, sent)
        second = post(web, sender.key, "/v1/batches", sender.probe_id, sent)
    assert (first.status_code, first.json()["new_rows"]) == (200, end.chain_seq)
    assert (second.json()["new_rows"], second.json()["repeated_rows"]) == (0, end.chain_seq)
    assert web.get("/v1/batches").status_code == 405
    counted = web.get("/metrics").text
    assert f'nameblind_rows_total{{kind="new"}} {float(end.chain_seq)}' in counted
    assert f'nameblind_rows_total{{kind="repeated"}} {float(end.chain_seq)}' in counted
    assert "almaty" not in counted
    assert sender.probe_id not in counted


def test_a_body_beyond_the_limit_is_not_read_to_its_end(light: Service, web: TestClient, tmp_path: Path) -> None:
    read = [0]

    def endless() -> Iterator[bytes]:
        for _ in range(512):  # 512 MiB, if anybody read it all
            read[0] += 2**20
            yield bytes(2**20)

    with Sender.enrolled(light, tmp_path / "almaty.db", "almaty") as sender:
        tracemalloc.start()
        headers = sign_request(sender.key, "POST", "/v1/batches", sender.probe_id, b"")
        answer = web.post("/v1/batches", content=b"".join([next(endless())] * 5), headers=headers)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (answer.status_code, answer.json()["reason"]) == (413, "too-large")
    assert peak < 5 * 2**20 + 2 * LIMITS.compressed_bytes + 2**20  # what we made here, and what the collector holds


def test_a_body_that_drips_ends_at_the_deadline(light: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.app.BODY_TIMEOUT_S", 0.3)

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app_of(light))
        async with httpx.AsyncClient(transport=transport, base_url="http://collector") as client:
            return await client.post("/v1/batches", content=drip())

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["reason"]) == (408, "too-slow")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"token": NaN}', b"[" * 5_000, b'{"token":1,"public_key":2}', b"\xff", b"x" * 9_000],
)
def test_an_enrolment_that_is_none_is_refused_in_a_sentence(web: TestClient, body: bytes) -> None:
    answer = web.post("/v1/enrolments", content=body)
    assert answer.status_code in {413, 422}
    assert set(answer.json()) == {"reason", "message"}


def test_too_many_requests_are_told_when_to_come_back(light: Service, web: TestClient) -> None:
    statuses = []
    for _ in range(30):
        key = Ed25519PrivateKey.generate()
        body = json.dumps({"token": "guess", "public_key": public_text(key)}).encode()
        answer = post(web, key, "/v1/enrolments", NOBODY, body)
        statuses.append(answer.status_code)
    assert set(statuses) == {403, 429}
    assert int(answer.headers["retry-after"]) > 0


def test_logs_name_no_volunteer(
    light: Service, web: TestClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "nameblind.collector"), Sender.enrolled(light, tmp_path / "a.db", "almaty") as sender:
        post(web, sender.key, "/v1/batches", sender.probe_id, b"nonsense")
        path = "/v1/vantages/almaty/end"
        web.get(path, headers=sign_request(Ed25519PrivateKey.generate(), "GET", path, sender.probe_id, b""))
    lines = [Lines().format(record) for record in caplog.records if record.name == "nameblind.collector"]
    assert [json.loads(line)["reason"] for line in lines] == ["not-gzip", "bad-signature"]
    assert not any(piece in line for line in lines for piece in (sender.probe_id, "almaty", "testclient", "127.0.0.1"))


# ---------------------------------------------------------------- by its own description


load_all_checks()
schemathesis.serializer.alias(MEDIA_TYPE, "application/octet-stream")
NOT_ASKED = [CHECKS.get_one("positive_data_acceptance")]  # nobody who is asked at random can sign


def test_whatever_its_description_allows_it_answers_as_described(light: Service) -> None:
    asked = set()
    for found in schemathesis.openapi.from_asgi("/openapi.json", app_of(light)).get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            response = case.call()
            assert response.status_code < 500, response.text
            case.validate_response(response, excluded_checks=NOT_ASKED)

        ask()
        asked.add(operation.label)
    assert asked == {
        "POST /v1/enrolments",
        "POST /v1/rotations",
        "POST /v1/batches",
        "GET /v1/vantages/{vantage_id}/end",
        "GET /v1/schedule",
        "GET /metrics",
    }
