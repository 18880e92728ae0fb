"""One cycle on loopback: what it writes, in which order, and what survives when it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import dns.message
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from probe.clock import OffsetClock, SystemClock
from probe.commands.once import answers_table
from probe.cycle import run_cycle
from probe.errors import UserError
from probe.helper import Sockets, listen, public_key_of, serve
from probe.limits import Limits
from probe.measure import Tools, routine
from probe.model import DnsTransport, Target, TargetKind
from probe.net import SystemNet
from probe.randomness import is_committed, is_target_first, scramble
from probe.schedule.model import Helper, PairPlan, Resolver, Schedule, VantageSpec
from probe.store import chain, models
from probe.store.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from probe.record import Step

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SLOT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMITS = Limits(
    dns_timeout_s=1.0, dns_late_window_s=0.05, tcp_timeout_s=1.0, tls_timeout_s=1.0, http_timeout_s=2.0, retries=2
)


class Resolving(threading.Thread):
    """A resolver that answers 127.0.0.1 for every A, and nothing for AAAA."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]

    def run(self) -> None:
        while True:
            wire, peer = self.socket.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            response = dns.message.make_response(query)
            question = query.question[0]
            if question.rdtype == 1:
                response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
            self.socket.sendto(response.to_wire(), peer)


@pytest.fixture
def resolver() -> Iterator[Resolving]:
    thread = Resolving()
    thread.start()
    yield thread
    thread.socket.sendto(b"", thread.socket.getsockname())  # an empty datagram ends it
    thread.join(timeout=5)
    thread.socket.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "results.db"), create=True) as opened:
        yield opened


@contextlib.asynccontextmanager
async def origin() -> AsyncIterator[tuple[int, int]]:
    """Run the helper; its page serves as every site of these tests."""
    http, https = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    task = asyncio.create_task(serve(Sockets(http=[http], https=[https]), KEY))
    try:
        yield http.getsockname()[1], https.getsockname()[1]
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def schedule_of(resolver_port: int, http_port: int, https_port: int, *, targets: int = 3) -> Schedule:
    def target(name: str, kind: TargetKind) -> Target:
        return Target(name=name, service="s", url=f"http://{name}.test:{http_port}/", kind=kind)

    return Schedule(
        name="loopback",
        sha256="0" * 64,
        vantage=VantageSpec(name="v", country="KZ"),
        resolvers=(
            Resolver(name="system", transport=DnsTransport.SYSTEM),
            Resolver(name="local", transport=DnsTransport.UDP, address="127.0.0.1", port=resolver_port),
        ),
        targets=(
            target("home", TargetKind.CONTROL_HOME),
            target("abroad", TargetKind.CONTROL_ABROAD),
            *(target(f"target{i}", TargetKind.TARGET) for i in range(targets)),
        ),
        helpers=(
            Helper(
                name="h",
                networks=(ip_network("127.0.0.1/32"),),
                public_key=public_key_of(KEY),
                http_port=http_port,
                https_port=https_port,
            ),
        ),
        pairs=PairPlan(routine=1),
        limits=LIMITS,
    )


def everywhere(_: object) -> bool:
    return True


class LoopbackNet(SystemNet):
    """The machine's own network, where every name is at home."""

    def __init__(self) -> None:
        super().__init__(may_dial=everywhere)

    async def resolve(self, name: str, family: int, deadline: float) -> tuple[str, ...]:
        del name, deadline
        if family == 6:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return ("127.0.0.1",)


def run(schedule: Schedule, database: Database) -> str:
    return asyncio.run(run_cycle(schedule, database, LoopbackNet(), SystemClock(), slot_at=SLOT))


async def one_cycle(resolver: Resolving, database: Database, *, is_target_dead: bool = False) -> str:
    async with origin() as (http_port, https_port):
        schedule = schedule_of(resolver.port, http_port, https_port)
        if is_target_dead:
            with listen("127.0.0.1", 0) as taken:
                dead_port = taken.getsockname()[1]
            dead = Target(name="dead", service="s", url=f"http://dead.test:{dead_port}/", kind=TargetKind.TARGET)
            schedule = schedule_of(resolver.port, http_port, https_port, targets=0)
            object.__setattr__(schedule, "targets", (*schedule.targets, dead))
        return await run_cycle(schedule, database, LoopbackNet(), SystemClock(), slot_at=SLOT)


def test_controls_are_measured_before_and_after_the_targets(resolver: Resolving, database: Database) -> None:
    asyncio.run(one_cycle(resolver, database))
    with database.session() as session:
        rows = session.scalars(select(models.Measurement).order_by(models.Measurement.started_at)).all()
    assert [row.round for row in rows] == ["first"] * 2 + ["main"] * 3 + ["last"] * 2
    assert {row.target for row in rows if row.round != "main"} == {"home", "abroad"}


def test_every_target_is_answered_and_the_link_is_looked_at_twice(resolver: Resolving, database: Database) -> None:
    asyncio.run(one_cycle(resolver, database))
    with database.session() as session:
        statuses = session.scalars(
            select(models.Observation.status).where(
                models.Observation.operation == "http", models.Observation.pair_id.is_(None)
            )
        ).all()
        samples = session.scalar(select(func.count()).select_from(models.LinkSample))
    assert statuses == [200] * 7
    assert samples == 2


def test_commitment_comes_first_and_the_seed_last_and_they_fit(resolver: Resolving, database: Database) -> None:
    asyncio.run(one_cycle(resolver, database))
    with database.session() as session:
        cycle = session.scalars(select(models.Cycle)).one()
        end = session.scalars(select(models.CycleEnd)).one()
        pairs = session.scalars(select(models.Pair)).all()
        last_row = max(
            session.scalar(select(func.max(table.chain_seq))) or 0
            for table in (models.Measurement, models.Observation, models.Pair, models.LinkSample)
        )
    assert end.outcome == "complete"
    assert cycle.chain_seq < min(pair.chain_seq for pair in pairs)
    assert last_row < end.chain_seq
    seed = bytes.fromhex(end.seed)
    assert is_committed(seed, cycle.seed_commitment)
    for pair in pairs:
        assert pair.is_target_first == is_target_first(seed, pair.number)
        assert pair.control_name == scramble(seed, pair.number, pair.target_name)


def test_arms_of_a_pair_ran_one_after_the_other_in_the_order_that_was_drawn(
    resolver: Resolving, database: Database
) -> None:
    asyncio.run(one_cycle(resolver, database))
    with database.session() as session:
        for pair in session.scalars(select(models.Pair)):
            target = session.get_one(models.Observation, pair.target_observation_id)
            control = session.get_one(models.Observation, pair.control_observation_id)
            first, second = (target, control) if pair.is_target_first else (control, target)
            assert first.started_mono_s + first.duration_s <= second.started_mono_s
            assert first.source_port != second.source_port
            assert (target.is_genuine, control.is_genuine) == (True, True)


def test_negative_controls_are_made_in_every_cycle(resolver: Resolving, database: Database) -> None:
    asyncio.run(one_cycle(resolver, database))
    with database.session() as session:
        negative = session.scalar(select(func.count()).select_from(models.Pair).where(models.Pair.is_negative_control))
    assert negative == 2


def test_dead_target_is_retried_and_followed_up_with_pairs(resolver: Resolving, database: Database) -> None:
    asyncio.run(one_cycle(resolver, database, is_target_dead=True))
    with database.session() as session:
        dead = session.scalars(select(models.Measurement).where(models.Measurement.target == "dead")).one()
        attempts = session.scalar(
            select(func.max(models.Observation.attempt)).where(models.Observation.measurement_id == dead.measurement_id)
        )
        pairs = session.scalars(select(models.Pair).where(models.Pair.measurement_id == dead.measurement_id)).all()
    assert attempts == LIMITS.retries
    # One helper address is in use by one pair at a time, so a follow-up of six at once makes one.
    assert len(pairs) >= 2
    assert {pair.peer for pair in pairs} == {"helper"}


def test_no_address_of_the_vantage_is_stored(resolver: Resolving, database: Database) -> None:
    asyncio.run(one_cycle(resolver, database))
    columns = {column.key for column in models.Observation.__table__.columns}
    assert not {"source_address", "local_address", "public_address"} & columns


def test_cycle_that_is_cancelled_is_closed_as_interrupted_with_its_seed(
    resolver: Resolving, database: Database
) -> None:
    async def scenario() -> None:
        async with origin() as (http_port, https_port):
            schedule = schedule_of(resolver.port, http_port, https_port, targets=40)
            measured = asyncio.Event()
            task = asyncio.create_task(
                run_cycle(
                    schedule,
                    database,
                    LoopbackNet(),
                    SystemClock(),
                    slot_at=SLOT,
                    progress=lambda *_: measured.set(),
                )
            )
            await measured.wait()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(scenario())
    with database.session() as session:
        cycle = session.scalars(select(models.Cycle)).one()
        end = session.scalars(select(models.CycleEnd)).one()
        assert end.outcome == "interrupted"
        assert is_committed(bytes.fromhex(end.seed), cycle.seed_commitment)
        assert chain.verify(session) == []


def test_vantage_that_changed_its_network_is_refused_under_its_old_name(
    resolver: Resolving, database: Database
) -> None:
    asyncio.run(one_cycle(resolver, database))
    schedule = schedule_of(resolver.port, 1, 1)
    object.__setattr__(schedule, "vantage", VantageSpec(name="v", country="KZ", network="AS1"))
    with pytest.raises(UserError, match="give the vantage another name"):
        run(schedule, database)


def test_answer_that_brings_out_a_bug_of_ours_costs_one_measurement_and_no_other(
    resolver: Resolving, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(target: Target, tools: Tools, attempt: int, **others: Any) -> list[Step]:
        if target.name == "target1":
            raise AssertionError("a bug of ours")
        return await routine(target, tools, attempt, **others)

    monkeypatch.setattr("probe.cycle.routine", broken)
    asyncio.run(one_cycle(resolver, database))
    with database.session() as session:
        rows = session.scalars(select(models.Measurement).where(models.Measurement.round == "main")).all()
        observed = set(session.scalars(select(models.Observation.measurement_id)))
        assert session.scalars(select(models.CycleEnd.outcome)).one() == "complete"
    assert {row.target for row in rows} == {"target0", "target1", "target2"}
    assert [row.target for row in rows if row.measurement_id not in observed] == ["target1"]
    assert "target1" in caplog.text
    assert "target1" in str(answers_table(database, rows[0].cycle_id).columns[1]._cells)


def test_database_of_a_lab_is_refused_for_real_results_and_the_other_way_round(
    resolver: Resolving, tmp_path: Path
) -> None:
    schedule = schedule_of(resolver.port, 1, 1)
    for first, second in ((SystemClock(), OffsetClock(timedelta(0))), (OffsetClock(timedelta(0)), SystemClock())):
        with Database.open(str(tmp_path / f"{first.source}.db"), create=True) as database:
            net = LoopbackNet()
            asyncio.run(run_cycle(schedule, database, net, first, slot_at=SLOT))
            with pytest.raises(UserError, match="never mix"):
                asyncio.run(run_cycle(schedule, database, net, second, slot_at=SLOT))


KILLED = """
import asyncio, sys
from probe.clock import SystemClock
from probe.cycle import run_cycle
from probe.store.database import Database
from tests.probe.test_cycle import SLOT, LoopbackNet, origin, schedule_of

async def main():
    database = Database.open(sys.argv[1], create=True)
    def acknowledged(done, total, last):
        print(last, flush=True)
    async with origin() as (http, https):
        schedule = schedule_of(int(sys.argv[2]), http, https, targets=40)
        print("begun", flush=True)
        await run_cycle(schedule, database, LoopbackNet(), SystemClock(), slot_at=SLOT,
                        progress=acknowledged)

asyncio.run(main())
"""


@pytest.mark.parametrize("attempt", range(5))
def test_kill_in_the_middle_of_a_cycle_loses_no_acknowledged_row(
    resolver: Resolving, tmp_path: Path, attempt: int
) -> None:
    path = tmp_path / "results.db"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(resolver.port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    wanted = 2 + random.Random(attempt).randrange(25)  # lines to read before the kill
    lines = [process.stdout.readline().strip() for _ in range(wanted)]
    process.send_signal(signal.SIGKILL)
    lines += [line.strip() for line in process.stdout.read().splitlines()]
    process.stdout.close()
    assert process.wait(timeout=10) == -signal.SIGKILL
    acknowledged = [line for line in lines if line not in {"", "begun"}]
    with Database.open(str(path)) as database, database.session() as session:
        stored = session.scalars(select(models.Measurement.target)).all()
        assert chain.verify(session) == []
    assert sorted(set(acknowledged) - set(stored)) == []
    assert acknowledged


def test_proxies_of_the_environment_are_labelled_and_never_get_a_byte(
    resolver: Resolving, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.1)
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        asyncio.run(one_cycle(resolver, database))
        with pytest.raises(TimeoutError):
            proxy.accept()
    with database.session() as session:
        check = session.scalars(select(models.SelfCheck)).one()
        statuses = set(session.scalars(select(models.Observation.status).where(models.Observation.operation == "http")))
    assert check.has_proxy_settings is True
    assert 200 in statuses


def test_a_cycle_has_one_self_check_and_says_nothing_of_what_it_was_not_told(
    resolver: Resolving, database: Database
) -> None:
    """The helper's page, which serves as every site here, has no Date, and the schedule names no table."""
    asyncio.run(one_cycle(resolver, database))
    with database.session() as session:
        check = session.scalars(select(models.SelfCheck)).one()
        assert check.cycle_id == session.scalars(select(models.Cycle.cycle_id)).one()
    assert (check.clock_offset_s, check.network, check.as_table_sha256) == (None, None, None)
