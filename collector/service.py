"""What a collector does with a request, whatever carried it. The web is in :mod:`collector.app`."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from collector import probes, schedules
from collector.ingest import Taken, take
from collector.pace import Pace
from collector.quarantine import put_aside
from collector.refusals import RefusedError, Why
from probe.store.chain import end_of
from probe.store.connection import reading
from probe.store.writing import WriteFailedError, transaction
from probe.uplink.batch import BatchRefusedError, Refusal, read_batch
from probe.uplink.signing import NOBODY, BadSignatureError, check_request, is_public_key, public_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from collector.keys import Keys
    from collector.models import Published
    from probe.clock import Clock
    from probe.store.chain import End
    from probe.store.database import Database
    from probe.uplink.batch import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, as far as a signature covers it."""

    method: str
    path: str
    probe_id: str
    signature: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Service:
    """A collector over a database."""

    store: Database
    keys: Keys
    clock: Clock
    addresses: tuple[str, ...]
    """Its own, the main one first: probes try them in turn."""
    most_of_a_prefix: int = 5
    pace: Pace = field(default_factory=lambda: Pace(burst=1_200, per_s=20.0))
    """Of each probe: a backlog of months, and then a batch every twentieth of a second."""
    newcomers: Pace = field(default_factory=lambda: Pace(burst=20, per_s=0.1))
    """Of each prefix that enrols."""

    def enrol(self, call: Call, secret: str, public_key: str, address: str) -> dict[str, Any]:
        """Enrol a key; give all that a probe needs from then on."""
        prefix = self.keys.prefix_of(address)
        self._check_pace(self.newcomers, prefix)
        self._check_new_key(call, public_key)
        now = self.clock.now()
        with self._writing() as connection:
            probe_id = probes.enrol(connection, secret, public_key, prefix, now, most_of_a_prefix=self.most_of_a_prefix)
            newest = schedules.latest(connection)
        return self._welcome(probe_id, newest)

    def rotate(self, call: Call, public_key: str) -> dict[str, Any]:
        """Give a probe another identifier under another key."""
        self._authenticated(call, may_be_retired=True)  # it asks again where the answer was lost
        if not is_public_key(public_key):
            raise RefusedError(Why.SCHEMA, "public_key is base64 of the 32 bytes of an Ed25519 key")
        with self._writing() as connection:
            probe_id = probes.rotate(connection, call.probe_id, public_key, self.clock.now())
            newest = schedules.latest(connection)
        return self._welcome(probe_id, newest)

    def take(self, call: Call) -> Taken:
        """Take a batch, or put it aside and say why."""
        self._authenticated(call)
        try:
            batch = _read(call.body)
            with self._writing() as connection:
                return take(connection, call.probe_id, batch, self.clock.now())
        except RefusedError as refusal:
            if refusal.why.is_finding:
                with self._writing() as connection:
                    put_aside(connection, call.probe_id, call.body, refusal, self.clock.now())
            raise

    def end(self, call: Call, vantage_id: str) -> End:
        """Tell a probe where a chain of it stands here."""
        self._authenticated(call)
        with self._reading() as connection:
            return end_of(connection, vantage_id)

    def schedule(self, call: Call) -> Published | None:
        """Give the newest schedule."""
        self._authenticated(call)
        with self._reading() as connection:
            return schedules.latest(connection)

    def _authenticated(self, call: Call, *, may_be_retired: bool = False) -> None:
        with self._reading() as connection:
            probes.authenticate(
                connection,
                call.method,
                call.path,
                call.probe_id,
                call.body,
                call.signature,
                may_be_retired=may_be_retired,
            )
        self._check_pace(self.pace, call.probe_id)

    def _check_pace(self, pace: Pace, sender: str) -> None:
        wait_s = pace.wait_s(sender, self.clock.monotonic())
        if wait_s > 0.0:
            raise RefusedError(Why.TOO_MUCH, f"too many requests; ask again in {math.ceil(wait_s)} s")

    @staticmethod
    def _check_new_key(call: Call, public_key: str) -> None:
        """Whoever enrols a key must hold it, or somebody else's could be enrolled."""
        if not is_public_key(public_key):
            raise RefusedError(Why.SCHEMA, "public_key is base64 of the 32 bytes of an Ed25519 key")
        try:
            check_request(public_key, call.method, call.path, NOBODY, call.body, call.signature)
        except BadSignatureError:
            raise RefusedError(Why.BAD_SIGNATURE, "the request is not signed with the key that it enrols") from None

    def _welcome(self, probe_id: str, newest: Published | None) -> dict[str, Any]:
        return {
            "probe_id": probe_id,
            "collectors": list(self.addresses),
            "collector_public_key": public_text(self.keys.signing),
            "schedule": None if newest is None else as_dict(newest),
        }

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _or_not_stored(), transaction(self.store.engine) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _or_not_stored(), reading(self.store.engine).connect() as connection:
            yield connection


def as_dict(published: Published) -> dict[str, Any]:
    """Give a schedule as it travels."""
    return {"version": published.version, "text": published.text, "signature": published.signature}


@contextmanager
def _or_not_stored() -> Iterator[None]:
    """Say of whatever the database could not do that it was not done: a probe then keeps what it has."""
    try:
        yield
    except (WriteFailedError, SQLAlchemyError):
        raise RefusedError(
            Why.NOT_STORED, "the collector cannot store anything now; nothing is lost, try later"
        ) from None


def _read(body: bytes) -> Batch:
    try:
        return read_batch(body)
    except BatchRefusedError as refused:
        if refused.reason is Refusal.TOO_LARGE:
            why = Why.TOO_LARGE
        else:
            why = Why.FOREIGN_ROW if refused.reason is Refusal.FOREIGN_ROW else Why.UNREADABLE
        raise RefusedError(why, str(refused), word=refused.reason) from None
