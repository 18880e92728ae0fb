"""Probes that send to a collector: real stores, real chains, real keys."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from collector import tokens
from collector.service import Call
from probe.store.chain import START
from probe.store.database import Database
from probe.store.models import FACTS
from probe.store.writing import transaction
from probe.uplink.batch import next_batch
from probe.uplink.signing import NOBODY, PROBE_HEADER, SIGNATURE_HEADER, public_text, sign_request
from tests.probe.store.example_facts import blobs, full_cycle, vantage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collector.ingest import Taken
    from collector.service import Service
    from probe.store.chain import End

BATCHES = "/v1/batches"


class TestClock:
    """A clock that stands, a month after the example facts, until it is moved."""

    __test__ = False
    source = "system"

    def __init__(self) -> None:
        self.wall = datetime(2026, 12, 24, tzinfo=UTC)
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def suspended(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def token(service: Service, uses: int | None = 1) -> str:
    now = service.clock.now()
    with transaction(service.store.engine) as connection:
        made = tokens.make(connection, now, uses=uses, expires_at=now + timedelta(days=1), note="a test")
    return made.secret


def call(key: Ed25519PrivateKey, method: str, path: str, probe_id: str, body: bytes = b"") -> Call:
    headers = sign_request(key, method, path, probe_id, body)
    return Call(
        method=method, path=path, probe_id=headers[PROBE_HEADER], signature=headers[SIGNATURE_HEADER], body=body
    )


def enrol(service: Service, key: Ed25519PrivateKey, secret: str, address: str = "198.51.100.7") -> str:
    asked = call(key, "POST", "/v1/enrolments", NOBODY, secret.encode())
    return str(service.enrol(asked, secret, public_text(key), address)["probe_id"])


@dataclass
class Sender:
    """A probe with a store of its own."""

    service: Service
    store: Database
    key: Ed25519PrivateKey
    probe_id: str
    vantage_id: str

    @classmethod
    @contextmanager
    def enrolled(cls, service: Service, path: Path, vantage_id: str, cycles: int = 3) -> Iterator[Self]:
        key = Ed25519PrivateKey.generate()
        probe_id = enrol(service, key, token(service))
        with Database.open(str(path), create=True) as store:
            store.append(vantage_id, [vantage(vantage_id)])
            for number in range(cycles):
                store.append(vantage_id, full_cycle(number, vantage_id), blobs())
            yield cls(service, store, key, probe_id, vantage_id)

    def batch(self, after: End = START) -> tuple[bytes, End]:
        with self.store.engine.connect() as connection:
            made = next_batch(connection, self.vantage_id, after)
        assert made is not None
        return made

    def send(self, body: bytes) -> Taken:
        return self.service.take(self.signed(body))

    def signed(self, body: bytes) -> Call:
        return call(self.key, "POST", BATCHES, self.probe_id, body)

    def elsewhere(self, **changed: object) -> Sender:
        return replace(self, **changed)  # type: ignore[arg-type]


def count_rows(store: Database) -> dict[str, int]:
    with store.session() as session:
        return {fact.__tablename__: session.scalar(select(func.count()).select_from(fact)) or 0 for fact in FACTS}
